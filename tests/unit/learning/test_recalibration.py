"""A map of the margin that mends level and slope, leaves the ranking, and survives being stored."""

from __future__ import annotations

import numpy as np
import pytest

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.recalibration import LEAST_SLOPE, Recalibration, cox_slope, logistic
from sartor.learning.task import Target

GENERATOR = np.random.default_rng(11)
N = 20_000
TRUE = GENERATOR.normal(-1, 1, N)
BINARY = Target(
    Task.CLASSIFICATION, (GENERATOR.random(N) < 1 / (1 + np.exp(-TRUE))).astype(float), classes=("no", "yes")
)


def test_a_distorted_margin_is_mapped_back() -> None:
    found = Recalibration.fit(2 * TRUE + 1, BINARY)
    assert found.slope == pytest.approx(0.5, abs=0.02)
    assert found.intercept == pytest.approx(-0.5, abs=0.05)
    assert found.apply(2 * TRUE + 1) == pytest.approx(TRUE, abs=0.15)
    level = Recalibration.fit(TRUE + 1, BINARY, intercept_only=True)
    assert level.slope == 1
    assert level.intercept == pytest.approx(-1, abs=0.05)


def test_logistic_agrees_with_scikit_learn_under_weights() -> None:
    from sklearn.linear_model import LogisticRegression

    weights = GENERATOR.integers(0, 3, N).astype(float)
    exact = LogisticRegression(C=1e9, tol=1e-8).fit(TRUE[:, None], BINARY.values, weights)
    slope, intercept = logistic(TRUE, BINARY.values, weights)
    assert slope == pytest.approx(float(exact.coef_[0, 0]), abs=1e-4)
    assert intercept == pytest.approx(float(exact.intercept_[0]), abs=1e-4)


def test_cox_slope_agrees_with_scikit_survival() -> None:
    linear = pytest.importorskip("sksurv.linear_model")
    time = GENERATOR.exponential(np.exp(-0.7 * TRUE[:800])) + 1e-6 * np.arange(800)
    events = (GENERATOR.random(800) < 0.7).astype(np.int8)
    outcome = np.array([(bool(e), t) for e, t in zip(events, time, strict=True)], dtype=[("e", bool), ("t", float)])
    expected = float(linear.CoxPHSurvivalAnalysis(ties="breslow").fit(TRUE[:800, None], outcome).coef_[0])
    assert cox_slope(TRUE[:800], Target(Task.SURVIVAL, time, events)) == pytest.approx(expected, abs=1e-4)


def test_values_and_classes_are_mapped_too() -> None:
    values = Recalibration.fit(TRUE, Target(Task.REGRESSION, 3 * TRUE + 2))
    assert (values.slope, values.intercept) == pytest.approx((3, 2))
    margins = GENERATOR.normal(size=(N, 3))
    shares = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    drawn = (GENERATOR.random(N)[:, None] > shares.cumsum(axis=1)).sum(axis=1).astype(float)
    found = Recalibration.fit(4 * margins, Target(Task.CLASSIFICATION, drawn, classes=("a", "b", "c")))
    assert found.slope == pytest.approx(0.25, abs=0.02)


def test_the_ranking_is_never_turned_round_and_one_class_leaves_the_map_alone() -> None:
    assert Recalibration.fit(-TRUE, BINARY).slope == LEAST_SLOPE
    one = Target(Task.CLASSIFICATION, np.zeros(10), classes=("no", "yes"))
    assert Recalibration.fit(TRUE[:10], one) == Recalibration()


def test_stored_and_read_again() -> None:
    found = Recalibration(0.8, -0.1)
    assert Recalibration.from_json(found.to_json()) == found
    with pytest.raises(ModelRefused):
        Recalibration.from_json(b'{"slope": "NaN", "intercept": 0}')
