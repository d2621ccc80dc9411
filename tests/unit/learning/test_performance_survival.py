"""Measures of predicted times to event: usefulness by a horizon, calibration beside competing events."""

from __future__ import annotations

import numpy as np
import pytest
from survival_sample import fine_gray, proportional, subdistribution

from sartor.learning.metrics.survival import cumulative_incidence
from sartor.learning.metrics.survival_usefulness import NAMES, Incidence, at_thresholds
from sartor.learning.performance import AT_THRESHOLD, Plan, performance
from sartor.learning.stages import OutOfFold

TIMES = np.array([0.3, 0.6, 1.0, 1.5])


@pytest.fixture(scope="module")
def competing():
    """The truth as prediction."""
    matrix, target = fine_gray(1500, seed=4)
    survival = 1 - subdistribution(matrix.values, TIMES)
    margin = np.log(-np.log(survival[:, 2]))
    return target, OutOfFold(margin[None], survival[None], TIMES)


def measures_of(target, predicted, **plan):
    found = performance(target, predicted, Plan(resamples=60, horizons=(1.0,), **plan))
    return {(each.name, each.at): each for each in found.measures}, found.curves


def test_what_is_done_at_a_threshold_is_estimated_among_those_called():
    assert NAMES == AT_THRESHOLD
    _, target = fine_gray(300)
    risk = np.random.default_rng(2).uniform(size=300)
    found = at_thresholds(Incidence.of(target, 1.0), risk, [0.2, 0.6])
    for row, at in zip(found, (0.2, 0.6), strict=True):
        called = risk >= at
        among = float(cumulative_incidence(target.take(called)).at([1.0])[0])
        spared = float(cumulative_incidence(target.take(~called)).at([1.0])[0])
        share = called.mean()
        benefit = share * (among - (1 - among) * at / (1 - at))
        true, missed = share * among, (1 - share) * spared
        expected = (benefit, share, true / (true + missed), 1 - share * (1 - among) / (1 - true - missed), among)
        assert row == pytest.approx([*expected, 1 - spared])


def test_a_resample_is_its_rows_repeated():
    _, target = fine_gray(200)
    risk = np.random.default_rng(3).uniform(size=200)
    counts = np.random.default_rng(4).integers(0, 3, 200)
    rows = np.repeat(np.arange(200), counts)
    repeated = at_thresholds(Incidence.of(target.take(rows), 0.8), risk[rows], [0.4])
    assert at_thresholds(Incidence.of(target, 0.8), risk, [0.4], counts) == pytest.approx(repeated)


def test_calling_everyone_has_the_benefit_of_the_incidence():
    _, target = proportional(400)
    incidence = Incidence.of(target, 2.0)
    share = float(cumulative_incidence(target).at([2.0])[0])
    benefit = at_thresholds(incidence, np.ones(400), [0.25])[0, 0]
    assert benefit == pytest.approx(share - (1 - share) / 3)


def test_the_truth_is_neither_too_extreme_nor_too_timid_beside_competing_events(competing):
    target, truth = competing
    found, curves = measures_of(target, truth, thresholds=(0.3,))
    slope = found["calibration_slope", None]
    assert slope.low < 1 < slope.high
    assert found["calibration_slope_at", 1.0].value == slope.value
    assert found["ici_at", 1.0].value < 0.03
    assert found["net_benefit", 0.3].low > 0
    drawn = {each.name: each for each in curves}
    assert {"decision", "decision:treat_all", "decision:treat_none", "calibration:1"} <= set(drawn)
    model, everyone = np.array(drawn["decision"].y), np.array(drawn["decision:treat_all"].y)
    assert (model >= everyone - 0.01).all()
    assert (model >= -0.01).all()


def test_risks_that_are_too_extreme_are_seen(competing):
    target, truth = competing
    level = np.log(-np.log(truth.survival))
    extreme = np.exp(-np.exp(level.mean(axis=1, keepdims=True) + 2.5 * (level - level.mean(axis=1, keepdims=True))))
    found, _ = measures_of(target, OutOfFold(truth.predicted, extreme, TIMES))
    assert found["calibration_slope", None].high < 0.7
    assert found["ici_at", 1.0].value > 0.05


def test_the_concordance_of_uno_does_not_hang_on_the_last_few():
    """Rows under observation when nearly everyone was censored would weigh more than all the others together."""
    matrix, target = proportional(600, seed=5)
    margin = matrix.values @ np.array([0.9, -0.6, 0.0])
    found, _ = measures_of(target, OutOfFold(margin[None]))
    assert found["uno_c", None].value == pytest.approx(found["harrell_c", None].value, abs=0.05)
    assert found["uno_c", None].high - found["uno_c", None].low < 0.1
