"""Attributions that add up, deletion tests that tell a true explanation from a false one, counterfactuals, effects."""

from dataclasses import replace

import model_sample
import numpy as np
import pytest

from sartor.domain.cohort_table import Cohort
from sartor.explaining.attribution import additivity, agreement, importance, importance_measures, ranked
from sartor.explaining.counterfactual import counterfactuals
from sartor.explaining.global_effects import accumulated_local_effects
from sartor.explaining.sensitivity import deletion, deletion_check, stability


@pytest.fixture(scope="module")
def model():
    return model_sample.model()


@pytest.fixture(scope="module")
def people():
    return model_sample.cohort(150, seed=3)


class Lying:
    """A learner whose contributions are turned round among the features, and do not add up."""

    def __init__(self, fitted, added=0.0):
        self.fitted, self.added = fitted, added

    def __getattr__(self, name):
        return getattr(self.fitted, name)

    def contributions(self, matrix):
        base, each = self.fitted.contributions(matrix)
        return base + self.added, each[:, ::-1]


def test_additivity_holds_and_a_base_that_is_off_is_found(model, people):
    assert additivity(model, people).passed
    check = additivity(replace(model, fitted=Lying(model.fitted, 0.01)), people)
    assert not check.passed
    assert check.values["largest"] == pytest.approx(0.009, rel=0.5)


def test_deletion_prefers_the_true_explanation_to_a_shuffled_one(model, people):
    true = {each.name: each for each in deletion(model, people)}
    false = {each.name: each for each in deletion(replace(model, fitted=Lying(model.fitted)), people)}
    assert true["deletion_gain"].low > 0
    assert true["insertion_gain"].low > 0
    assert deletion_check(tuple(true.values())).passed
    assert false["deletion_gain"].value < true["deletion_gain"].value


def test_importance_puts_the_causes_of_the_synthetic_outcome_first(model, people):
    found = importance(model, people)
    assert set(sorted(found, key=found.get)[-3:]) == {"age", "sbp", "diabetes"}
    first = importance_measures(model, people)[0]
    assert first.low <= first.value <= first.high
    row = ranked(model.predict(people, ("",) * len(people)), 0)
    assert sum(each.share for each in row) == pytest.approx(1)
    assert [abs(each.weight) for each in row] == sorted((abs(each.weight) for each in row), reverse=True)


def test_stability_is_one_for_equal_importances_and_low_for_opposed_ones():
    one = {"a": 3.0, "b": 2.0, "c": 1.0}
    assert stability([one, one, one])[0].value == pytest.approx(1)
    assert stability([one, {"a": 1.0, "b": 2.0, "c": 3.0}])[0].value == pytest.approx(-1)
    assert stability([one])[0].value is None
    assert np.isnan(agreement(one, {"a": 1.0}))


def high_risk(model):
    people = model_sample.cohort(200, seed=7)
    found = model.predict(people, ("",) * 200)
    return people.take(np.array([int(np.nanargmax(found.value))]))


def test_counterfactuals_change_only_what_can_be_changed_within_training_and_in_the_stated_direction(model):
    person = high_risk(model)
    before = model.predict(person, ("",))
    ways = counterfactuals(model, person)
    assert ways
    by_name = {feature.name: feature for feature in model.features}
    for way in ways:
        assert way.value < before.value[0]
        for change in way.changes:
            feature = by_name[change.feature]
            assert feature.actionable
            assert float(change.after) < float(change.before)
            assert feature.low <= float(change.after) <= feature.high
        columns = {change.feature: float(change.after) for change in way.changes}
        changed = Cohort(
            tuple(
                replace(column, values=np.array([columns[column.name]], np.float32))
                if column.name in columns
                else column
                for column in person.columns
            )
        )
        assert model.predict(changed, ("",)).value[0] == pytest.approx(way.value, abs=1e-9)
    assert len({tuple(sorted(change.feature for change in way.changes)) for way in ways}) == len(ways)


def test_there_is_none_without_actionable_features_or_below_the_target(model):
    person = high_risk(model)
    fixed = replace(model, features=tuple(f.model_copy(update={"actionable": False}) for f in model.features))
    assert counterfactuals(fixed, person) == ()
    assert counterfactuals(model, person, target=1e9) == ()


def test_the_effect_of_a_linear_term_is_a_straight_line_and_of_labels_their_difference(model, people):
    age, diabetes = accumulated_local_effects(model, people, ["age", "diabetes"], bins=5)
    slopes = np.diff(age.y) / np.diff(age.x)
    assert slopes == pytest.approx(np.full(len(slopes), slopes[0]), rel=1e-3)
    assert slopes[0] > 0
    assert diabetes.y[1] > diabetes.y[0]
    assert all(low <= y <= high for low, y, high in zip(age.low, age.y, age.high, strict=True))
