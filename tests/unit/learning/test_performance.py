"""Measures of out-of-fold predictions: ranks within folds, intervals that hold the truth, every task."""

from __future__ import annotations

import numpy as np
import pytest
from validation_sample import study_after_fit

from sartor.domain.model import Task
from sartor.domain.validation import Measure
from sartor.learning.incremental import incremental_value
from sartor.learning.mitigation import mitigations, reweighing
from sartor.learning.performance import Plan, performance
from sartor.learning.stages import OutOfFold
from sartor.learning.task import Target


def by_name(measures: tuple[Measure, ...]) -> dict[str, Measure]:
    return {each.name: each for each in measures if each.at is None}


def test_ranks_are_taken_within_folds() -> None:
    """Each fold ranks perfectly, on scales that do not agree: pooled they would not."""
    outcome = np.tile([0.0, 1.0], 50)
    fold = np.repeat([0, 1], 50)[None]
    predicted = 0.1 + 0.1 * outcome + 0.5 * fold[0]
    target = Target(Task.CLASSIFICATION, outcome, classes=("no", "yes"))
    plan = {"resamples": 20, "brief": True}
    inside = by_name(performance(target, OutOfFold(predicted[None]), Plan(folds=fold, **plan)).measures)
    pooled = by_name(performance(target, OutOfFold(predicted[None]), Plan(**plan)).measures)
    assert inside["auroc"].value == 1.0
    assert pooled["auroc"].value == pytest.approx(0.75)


def test_intervals_hold_the_truth_and_miscalibration_is_seen() -> None:
    prepared, fitted = study_after_fit(n=1200, slope=1.0)
    good = by_name(performance(prepared.target, fitted.pipeline, Plan(folds=fitted.folds, resamples=100)).measures)
    for name, truth in (("calibration_slope", 1), ("observed_expected", 1), ("calibration_intercept", 0)):
        assert good[name].low <= truth <= good[name].high
    prepared, fitted = study_after_fit(n=1200, slope=2.5)
    bad = by_name(performance(prepared.target, fitted.pipeline, Plan(folds=fitted.folds, resamples=100)).measures)
    assert bad["calibration_slope"].high < 0.6
    assert bad["ici"].value > 3 * good["ici"].value
    assert bad["auroc"].value == pytest.approx(good["auroc"].value, abs=0.03)


def test_the_level_of_the_outcome_is_uncertain_too() -> None:
    """The interval of observed over expected is as wide as a binomial share allows."""
    prepared, fitted = study_after_fit(n=1000)
    found = by_name(performance(prepared.target, fitted.pipeline, Plan(folds=fitted.folds, resamples=200)).measures)
    share = prepared.target.values.mean()
    expected = 2 * 1.96 * np.sqrt(share * (1 - share) / 1000) / share
    shown = found["observed_expected"]
    assert 0.6 * expected < shown.high - shown.low < 1.3 * expected


@pytest.mark.parametrize("task", list(Task))
def test_every_task_has_its_measures_and_curves(task: Task) -> None:
    prepared, fitted = study_after_fit(task, n=400)
    plan = Plan(folds=fitted.folds, resamples=40, thresholds=(0.3,), horizons=(5.0,))
    found = performance(prepared.target, fitted.pipeline, plan)
    headline = {"classification": "auroc", "regression": "r2", "survival": "harrell_c"}[task.value]
    assert by_name(found.measures)[headline].value > 0.6
    assert all(each.low <= each.value <= each.high for each in found.measures if each.value is not None)
    assert any(curve.name.startswith("calibration") for curve in found.curves)
    again = performance(prepared.target, fitted.pipeline, plan)
    assert again == found


def test_more_than_two_classes() -> None:
    generator = np.random.default_rng(5)
    shares = generator.dirichlet((1, 1, 1), 600)
    drawn = (generator.random(600)[:, None] > shares.cumsum(axis=1)).sum(axis=1).astype(float)
    target = Target(Task.CLASSIFICATION, drawn, classes=("a", "b", "c"))
    found = by_name(performance(target, OutOfFold(shares[None]), Plan(resamples=20)).measures)
    assert found["accuracy"].value == pytest.approx((shares.argmax(axis=1) == drawn).mean())
    assert found["auroc:b"].value > 0.6


def test_incremental_value_by_hand() -> None:
    """Two events and two non-events; one event moves up over 0.5, one non-event moves down."""
    outcome = np.array([1, 1, 0, 0])
    old, new = np.array([0.4, 0.6, 0.6, 0.4]), np.array([0.6, 0.7, 0.4, 0.5 - 1e-9])
    found = {m.name: m.value for m in incremental_value(outcome, old, new, thresholds=(0.5,), resamples=20)}
    assert found["nri_events"] == pytest.approx(0.5)
    assert found["nri_nonevents"] == pytest.approx(0.5)
    assert found["nri_continuous_nonevents"] == pytest.approx(0.0)
    assert found["delta_auroc"] == pytest.approx(1.0 - 0.5)
    assert found["delta_net_benefit"] == pytest.approx(0.5 - 0.0)
    assert found["idi"] == pytest.approx(0.15 - (-0.05))


def test_a_worthless_marker_adds_nothing_that_its_interval_excludes() -> None:
    generator = np.random.default_rng(6)
    margin = generator.normal(-1, 1, 1500)
    outcome = generator.random(1500) < 1 / (1 + np.exp(-margin))
    noisy = 1 / (1 + np.exp(-margin - generator.normal(0, 0.05, 1500)))
    found = {m.name: m for m in incremental_value(outcome, 1 / (1 + np.exp(-margin)), noisy, resamples=100)}
    for name in ("delta_auroc", "delta_brier", "idi", "nri_continuous"):
        assert found[name].low <= 0 <= found[name].high


def test_reweighing_makes_group_and_outcome_independent() -> None:
    generator = np.random.default_rng(8)
    group = generator.integers(0, 2, 1000)
    outcome = (generator.random(1000) < 0.2 + 0.4 * group).astype(int)
    weights = reweighing(outcome, group)
    shares = [np.average(outcome[group == k], weights=weights[group == k]) for k in (0, 1)]
    assert shares[0] == pytest.approx(shares[1])


def test_mitigation_shows_every_arm_with_what_it_costs() -> None:
    generator = np.random.default_rng(9)
    group = generator.integers(0, 2, 600)
    x = generator.normal(size=(600, 3)) + group[:, None]
    outcome = (generator.random(600) < 1 / (1 + np.exp(-x[:, 0] + 0.5))).astype(np.int64)
    found = mitigations(x, outcome, group, column="sex", threshold=0.4, resamples=20)
    shown = {(m.candidate, m.name): m.value for m in found}
    gap = "sensitivity_difference"
    assert shown["mitigation:group_thresholds", gap] < shown["mitigation:none", gap]
    assert shown["mitigation:constraint", gap] < shown["mitigation:none", gap]
    assert shown["mitigation:group_thresholds", "net_benefit"] < shown["mitigation:none", "net_benefit"] + 0.02
    assert mitigations(x[:5], outcome[:5], group[:5], column="sex", threshold=0.4) == ()
