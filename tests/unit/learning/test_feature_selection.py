"""Stable features are those with an effect; noise alone gives none, and the bound is what the paper says."""

from dataclasses import replace

import numpy as np
import pytest

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.learning.feature_selection import StabilitySelector, stability_selection
from sartor.learning.learners import by_name, for_target
from sartor.learning.learners.linear import Linear
from sartor.learning.nested import nested
from sartor.learning.search import encoder_for, encoding_key
from sartor.learning.selecting import selecting, selection_facts, selector_of, with_selection
from sartor.learning.stages import Prepared
from sartor.learning.task import Matrix, Target


def matrix(values):
    names = tuple(f"x{at}" for at in range(values.shape[1]))
    return Matrix(values, names, names, np.arange(len(names), dtype=np.int32), np.zeros(len(names), dtype=bool))


def outcome(task, margin, rng):
    n = len(margin)
    if task is Task.REGRESSION:
        return Target(task, margin + rng.normal(size=n))
    if task is Task.SURVIVAL:
        died, lost = rng.exponential(np.exp(-margin)), rng.exponential(2, n)
        return Target(task, np.minimum(died, lost), (died < lost).astype(np.int8), ("censored", "died"))
    return Target(task, (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float), classes=("no", "yes"))


@pytest.mark.parametrize("task", list(Task))
def test_effects_are_stable_and_noise_is_not(task):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(600, 30))
    found = stability_selection(matrix(values), outcome(task, values[:, :3] @ [1.0, -0.8, 0.7], rng), seed=1)
    assert set(found.stable) == {"x0", "x1", "x2"}
    assert found.n_halves == 100
    assert (found.both <= found.frequencies + 1e-9).all()


def test_noise_alone_gives_hardly_any_over_many_draws():
    finds = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(200, 40))
        found = stability_selection(matrix(values), outcome(Task.REGRESSION, np.zeros(200), rng), seed=seed, pairs=25)
        finds += len(found.stable)
    assert finds / 10 <= found.false_bound


def test_the_bound_is_q_squared_over_two_threshold_less_one_times_p():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(100, 20))
    target = outcome(Task.REGRESSION, values[:, 0], rng)
    found = stability_selection(matrix(values), target, seed=0, pairs=3, threshold=0.9, chosen_each=4)
    assert found.false_bound == pytest.approx(16 / (0.8 * 20))
    with pytest.raises(ValueError, match=r"above 0\.5"):
        stability_selection(matrix(values), target, seed=0, threshold=0.5)


def test_groups_are_never_on_both_sides():
    groups = np.repeat(np.arange(50), 4)
    seen = []

    def spy(part, target, q):
        seen.append(set(part.values[:, 0].astype(int)))
        return np.array([0])

    values = np.column_stack([groups, np.ones(200)]).astype(float)
    stability_selection(
        matrix(values), Target(Task.REGRESSION, values[:, 0]), seed=0, groups=groups, pairs=4, select=spy
    )
    assert all(not first & second for first, second in zip(seen[::2], seen[1::2], strict=True))


def test_the_same_seed_gives_the_same_frequencies():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(150, 10))
    target = outcome(Task.CLASSIFICATION, values[:, 0], rng)
    first, second = (stability_selection(matrix(values), target, seed=5, pairs=10) for _ in range(2))
    assert np.array_equal(first.frequencies, second.frequencies)


class TestInsideTheFolds:
    """The selector sees training rows alone, every learner can be made to use it, and the study reports it."""

    @staticmethod
    def wide(n=160, p=60, task=Task.CLASSIFICATION):
        rng = np.random.default_rng(5)
        values = rng.normal(size=(n, p))
        columns = tuple(Column(f"x{at}", ColumnKind.NUMBER, values[:, at]) for at in range(p))
        return Cohort(columns), outcome(task, 2.0 * values[:, 0] - 2.0 * values[:, 1], rng)

    def prepared(self, select, task=Task.CLASSIFICATION):
        cohort, target = self.wide(task=task)
        ids = tuple(str(at) for at in range(len(target)))
        config = {"select": select, "folds": 3, "repeats": 1}
        return Prepared(config=config, cohort=cohort, people=Cohort(()), target=target, ids=ids)

    def test_a_selecting_learner_encodes_the_stable_features_of_its_training_rows(self):
        cohort, target = self.wide()
        selector = StabilitySelector(0, 10)
        learner = selecting(Linear(), selector)
        encoder = encoder_for(learner, cohort.take(np.arange(100)), target.take(np.arange(100)))
        assert encoder.features == selector.kept(cohort.take(np.arange(100)), target.take(np.arange(100)))
        assert {"x0", "x1"} <= set(encoder.features)
        assert len(encoder.features) < 10
        assert encoding_key(learner) != encoding_key(Linear())

    def test_labels_of_held_out_rows_have_no_say(self):
        cohort, target = self.wide()
        flipped = Target(
            target.task, np.where(np.arange(160) < 100, target.values, 1 - target.values), classes=("0", "1")
        )
        train = np.arange(100)
        first = StabilitySelector(0, 5).kept(cohort.take(train), target.take(train))
        assert StabilitySelector(0, 5).kept(cohort.take(train), flipped.take(train)) == first

    def test_where_nothing_is_stable_one_feature_is_kept(self):
        cohort, _ = self.wide(60, 30)
        noise = Target(Task.REGRESSION, np.random.default_rng(9).normal(size=60))
        assert len(StabilitySelector(0, 5, threshold=1.0).kept(cohort, noise)) >= 1

    @pytest.mark.parametrize(("task", "name"), [(Task.CLASSIFICATION, "linear_stable"), (Task.SURVIVAL, "cox_stable")])
    def test_many_features_add_a_candidate_and_few_do_not(self, task, name):
        prepared = self.prepared("auto", task)
        offered = for_target(prepared.target)
        more = with_selection(offered, prepared, selector_of(prepared))
        assert [each.name for each in more] == [*(each.name for each in offered), name]
        assert by_name(name).name == name
        few = replace(prepared, cohort=prepared.cohort.select([f"x{at}" for at in range(50)]))
        assert selector_of(few) is None
        assert selector_of(self.prepared("none", task)) is None

    def test_all_learners_select_where_that_is_asked_for(self):
        prepared = self.prepared("stability")
        found = with_selection(for_target(prepared.target), prepared, selector_of(prepared))
        assert all("selector" in each.encoding_options for each in found)

    @pytest.mark.parametrize("select", ["auto", "stability"])
    def test_the_nested_validation_serves_it_and_the_facts_tell(self, select):
        prepared = self.prepared(select)
        selector = selector_of(prepared)
        learners = with_selection([Linear()], prepared, selector)
        found = nested(prepared, learners, clock=lambda: 0.0, trials=0)
        assert all(each.status == "fitted" for each in found.candidates)
        facts = selection_facts(prepared, selector, found.folds)
        assert [each["name"] for each in facts["features"][:2]] in (["x0", "x1"], ["x1", "x0"])
        assert facts["features"][0]["kept_in_parts"] == facts["parts"] == 3
        assert facts["every_learner"] is (select == "stability")
