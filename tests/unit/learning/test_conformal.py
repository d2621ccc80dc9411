"""Coverage where it is promised: everyone, each class, each of several overlapping groups; bounds that bound."""

from __future__ import annotations

import numpy as np
import pytest

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.errors import ModelRefused, TooFewData
from sartor.learning.conformal import Conformal, coverage_in_turn, upper_quantile, venn_abers
from sartor.learning.population_groups import population_groups
from sartor.learning.task import Target

N = 12_000


def people_of(n: int, generator: np.random.Generator) -> Cohort:
    sex = Column("sex", ColumnKind.CATEGORY, generator.integers(0, 2, n).astype(np.int32), ("f", "m"))
    return Cohort((sex, Column("age", ColumnKind.NUMBER, generator.integers(20, 95, n).astype(float))))


@pytest.fixture(scope="module")
def rare() -> tuple[np.ndarray, Target, Cohort]:
    """A rare outcome that sex and age shift, which the predictions do not know."""
    generator = np.random.default_rng(0)
    people = people_of(N, generator)
    margin = generator.normal(-2.2, 0.8, N)
    shift = people.column("sex").values * 0.6 - 0.3 + (people.column("age").values - 57) / 40
    outcome = (generator.random(N) < 1 / (1 + np.exp(-margin - shift))).astype(float)
    return 1 / (1 + np.exp(-margin)), Target(Task.CLASSIFICATION, outcome, classes=("no", "yes")), people


def test_classes_and_overlapping_groups_are_covered_where_the_naive_set_fails(rare: tuple) -> None:
    probability, target, people = rare
    groups = population_groups(people, bands={"age": [40, 65]})
    fold = np.random.default_rng(1).integers(0, 10, N)
    found = coverage_in_turn(probability, target, fold, groups=groups, people=people)
    positive = target.values == 1
    assert found.marginal.mean() == pytest.approx(0.9, abs=0.01)
    assert found.marginal[positive].mean() < 0.4
    for rows in (np.ones(N, bool), positive, ~positive, *(group.members(people) for group in groups)):
        assert 0.88 <= found.conditional[rows].mean() <= 0.92
    for group in groups:
        assert 0.86 <= found.conditional[group.members(people) & positive].mean() <= 0.94


def test_class_conditional_limits_are_those_of_crepes(rare: tuple) -> None:
    crepes = pytest.importorskip("crepes")
    probability, target, _ = rare
    both = np.column_stack([1 - probability, probability])
    own = Conformal.fit(both[:6000], target.take(np.arange(6000)))
    classes = target.values.astype(int)
    other = crepes.ConformalClassifier()
    other.fit(1 - both[np.arange(6000), classes[:6000]], bins=classes[:6000])
    theirs = np.column_stack(
        [
            other.predict_set(1 - both[6000:], bins=np.full(N - 6000, k), confidence=0.9, smoothing=False)[:, k]
            for k in (0, 1)
        ]
    )
    assert (own.sets(both[6000:]) == theirs.astype(bool)).mean() > 0.999


def test_regression_intervals_widen_where_the_error_is_larger() -> None:
    generator = np.random.default_rng(2)
    value = generator.uniform(0, 10, 8000)
    outcome = value + generator.normal(0, 0.2 + 0.3 * value)
    target = Target(Task.REGRESSION, outcome)
    conformal = Conformal.fit(value[:4000], target.take(np.arange(4000)))
    low, high = conformal.interval(value[4000:])
    inside = (low <= outcome[4000:]) & (outcome[4000:] <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.02)
    small, large = value[4000:] < 2, value[4000:] > 8
    assert 0.86 < inside[small].mean() < 0.94
    assert 0.86 < inside[large].mean() < 0.94
    assert (high - low)[large].mean() > 3 * (high - low)[small].mean()


def test_venn_abers_bounds_hold_the_true_probability_and_mend_a_miscalibrated_score() -> None:
    generator = np.random.default_rng(3)
    truth = generator.uniform(0.02, 0.6, 20_000)
    outcome = (generator.random(len(truth)) < truth).astype(float)
    lookup = venn_abers(truth**2, outcome, steps=100)
    low, high = lookup.at(truth**2)
    assert (low <= high).all()
    assert np.abs((low + high) / 2 - truth).mean() < 0.02
    assert (np.diff(lookup.low) >= -1e-12).all()


def test_venn_abers_by_hand() -> None:
    """Two scores, of which one row each is 0 and 1: the new row as 0 halves the upper, as 1 the lower."""
    lookup = venn_abers(np.array([0.2, 0.8]), np.array([0.0, 1.0]), steps=2)
    low, high = lookup.at(np.array([0.1, 0.9]))
    assert low.tolist() == [0.0, 0.5]
    assert high.tolist() == [0.5, 1.0]


def test_survival_interval_comes_from_the_spread_between_repeats() -> None:
    generator = np.random.default_rng(4)
    truth = generator.normal(size=600)
    target = Target(Task.SURVIVAL, generator.exponential(1, 600) + 0.01, np.ones(600, np.int8))
    narrow, wide = (
        Conformal.fit(truth + generator.normal(0, sd, (3, 600)), target).interval(np.exp(truth)) for sd in (0.02, 0.2)
    )
    assert np.log(wide[1] / wide[0]).mean() > 5 * np.log(narrow[1] / narrow[0]).mean()
    assert (narrow[0] < np.exp(truth)).all()
    assert np.isnan(Conformal.fit(truth, target).interval(np.exp(truth))[0]).all()


def test_stored_and_read_again_it_says_the_same(rare: tuple) -> None:
    probability, target, people = rare
    conformal = Conformal.fit(probability, target, groups=population_groups(people), people=people)
    again = Conformal.from_json(conformal.to_json())
    assert again.to_json() == conformal.to_json()
    assert (again.sets(probability) == conformal.sets(probability)).all()
    assert again.groups == conformal.groups
    with pytest.raises(ModelRefused):
        Conformal.from_json(b'{"format": 1}')


def test_too_few_rows_promise_nothing() -> None:
    assert upper_quantile(np.arange(5.0), 0.9) == float("inf")
    with pytest.raises(TooFewData):
        Conformal.fit(np.full(5, 0.5), Target(Task.CLASSIFICATION, np.array([0, 1, 0, 1, 0.0]), classes=("a", "b")))
