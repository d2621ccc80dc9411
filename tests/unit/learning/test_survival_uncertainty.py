"""Intervals of hazards and risks, and the time that nine in ten outlive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from survival_sample import as_target, fine_gray, proportional, subdistribution

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.learning.conformal import Conformal
from sartor.learning.metrics.survival import cumulative_incidence
from sartor.learning.nested import nested
from sartor.learning.stages import OutOfFold, Prepared
from sartor.learning.survival import for_target
from sartor.learning.survival_uncertainty import outlived_in_turn, reached, times_outlived

BETA = np.array([0.9, -0.6, 0.0])
GRID = np.linspace(0.1, 10, 40)


def study(n: int, seed: int, repeats: int = 1):
    matrix, target = proportional(n, seed=seed)
    cohort = Cohort(tuple(Column(f"x{j}", ColumnKind.NUMBER, matrix.values[:, j]) for j in range(3)))
    config = {"folds": 5, "repeats": repeats, "horizons": [3.0]}
    prepared = Prepared(config, cohort, cohort.select(()), target, tuple(map(str, range(n))), seed=seed)
    learners = [each for each in for_target(target) if each.name == "cox"]
    return matrix, target, nested(prepared, learners, clock=lambda: 0.0, trials=0)


@pytest.mark.parametrize("repeats", [1, 3])
def test_intervals_come_by_default_and_hold_the_true_hazard_and_risk(repeats):
    """Of one repeat as of three; the promise is 90 %, over cohorts and people."""
    inside, of_risk, width = [], [], []
    for seed in range(6):
        matrix, target, found = study(300, seed, repeats)
        out = next(each for each in found.candidates if each.name == "cox").out_of_fold
        assert (out.reference is None) == (repeats > 1)
        conformal = Conformal.of_times(out, target, horizons=(3.0,))
        margin = out.predicted[0]
        low, high = conformal.interval(np.exp(margin))
        truth = np.exp((matrix.values - matrix.values.mean(axis=0)) @ BETA)
        inside.append(((low <= truth) & (truth <= high)).mean())
        risk = 1 - out.survival[0][:, int(np.abs(out.times - 3.0).argmin())]
        below, above = conformal.risk_interval(3.0, risk, margin)
        assert ((below <= risk) & (risk <= above)).all()
        true_risk = 1 - np.exp(-3 / 5 * np.exp(matrix.values @ BETA))
        of_risk.append(((below <= true_risk) & (true_risk <= above)).mean())
        width.append(float(np.mean(above - below)))
    assert np.mean(inside) > 0.8
    assert np.mean(of_risk) > 0.8
    assert 0.03 < np.mean(width) < 0.35


def test_they_are_kept_with_the_model():
    _, target, found = study(200, 1)
    conformal = Conformal.of_times(found.pipeline, target, horizons=(3.0,))
    again = Conformal.from_json(conformal.to_json())
    assert again.to_json() == conformal.to_json()
    assert again.level == conformal.level is not None
    risk, margin = np.array([0.2, 0.6]), np.array([-0.5, 0.7])
    assert np.allclose(again.risk_interval(3.0, risk, margin), conformal.risk_interval(3.0, risk, margin))
    assert np.isnan(conformal.risk_interval(4.0, risk, margin)[0]).all()


def test_what_is_reached_and_when_are_each_others_inverse():
    survival = np.exp(-np.outer([0.05, 0.2], GRID))
    times = times_outlived(survival, GRID, 0.1)
    assert times == pytest.approx([-np.log(0.9) / 0.05, -np.log(0.9) / 0.2], abs=0.02)
    assert reached(survival, GRID, times) == pytest.approx([0.1, 0.1])
    assert times_outlived(survival, GRID, 0.5)[0] == GRID[-1]


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0])
def test_nine_in_ten_outlive_the_bound_however_wrong_the_model_is(stretch):
    """A model with the wrong level: its own tenth is missed, the learned one holds."""
    matrix, target = proportional(3000, seed=7)
    survival = np.exp(-np.outer(stretch * np.exp(matrix.values @ BETA), GRID / 5))
    fold = np.arange(3000) % 10
    learned, own = outlived_in_turn(target, survival, GRID, fold, 0.9)
    assert 1 - cumulative_incidence(learned).at([1.0])[0] == pytest.approx(0.9, abs=0.015)
    assert (abs(1 - cumulative_incidence(own).at([1.0])[0] - 0.9) < 0.02) == (stretch == 1.0)


def test_it_holds_beside_competing_events():
    matrix, target = fine_gray(3000, seed=3)
    grid = np.linspace(0.05, 2, 40)
    survival = 1 - subdistribution(matrix.values, grid)
    learned, _ = outlived_in_turn(target, survival, grid, np.arange(3000) % 10, 0.9)
    assert 1 - cumulative_incidence(learned).at([1.0])[0] == pytest.approx(0.9, abs=0.02)


def test_too_short_a_follow_up_gives_no_bound():
    target = as_target(np.linspace(1, 2, 100), np.arange(100) < 3)
    survival = np.tile(np.linspace(0.99, 0.97, 40), (100, 1))
    conformal = Conformal.of_times(OutOfFold(np.zeros((1, 100)), survival[None], np.linspace(0.1, 2, 40)), target)
    assert conformal.level is None
    assert replace(conformal).lookup is None
