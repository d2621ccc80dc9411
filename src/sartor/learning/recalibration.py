"""Brings a model's predictions to the level of a cohort: an affine map of the margin, so that the ranking stays."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
LEAST_SLOPE = 0.05
"""A map never turns the ranking round or flattens it wholly."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """margin → intercept + slope × margin; the identity unless fitted.

    The margin is the log odds, the value, or the log relative hazard (where the intercept is 0, since a Cox model's
    baseline takes it up). With more than two classes the slope divides the temperature of the softmax.
    """

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fit(cls, margin: npt.ArrayLike, target: Target, *, intercept_only: bool = False) -> Recalibration:
        """Learn the map from margins of rows that the model did not learn from: (n,), or (n, classes) if more than two.

        intercept_only: correct the level and keep the slope (calibration in the large). Logistic, linear or Cox
        regression on the margin; the identity where the outcome cannot tell (one class, no event, a constant margin).
        """
        values = np.asarray(margin, dtype=float)
        if values.ndim == 2 and values.shape[1] == 2 and target.is_binary:
            values = values[:, 1] - values[:, 0]
        if len(values) < 2 or (values.ndim == 1 and np.ptp(values) == 0):
            intercept_only = True
        if values.ndim == 2:
            return cls(slope=max(_temperature(values, target.values.astype(int)), LEAST_SLOPE))
        if target.task is Task.SURVIVAL:
            slope = 1.0 if intercept_only else cox_slope(values, target)
            return cls(slope=max(slope, LEAST_SLOPE))
        if target.task is Task.REGRESSION:
            return cls(*_linear(values, target.values, intercept_only))
        slope, intercept = logistic(values, target.values, slope=1.0 if intercept_only else None)
        if slope < LEAST_SLOPE:
            slope, intercept = logistic(values, target.values, slope=LEAST_SLOPE)
        return cls(slope, intercept)

    def apply(self, margin: npt.ArrayLike) -> Floats:
        """The recalibrated margin, of the same shape."""
        return np.asarray(self.intercept + self.slope * np.asarray(margin, dtype=float))

    def to_json(self) -> bytes:
        """The map as JSON."""
        return (json.dumps({"format": 1, "intercept": self.intercept, "slope": self.slope}) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Recalibration:
        """The map again. Raises ModelRefused for anything else."""
        try:
            state = json.loads(content)
            slope, intercept = float(state["slope"]), float(state["intercept"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelRefused("cannot be read", where="recalibration.json", todo="export the model again") from error
        if not (np.isfinite(slope) and np.isfinite(intercept)):
            raise ModelRefused("is not finite", where="recalibration.json", todo="export the model again")
        return cls(slope, intercept)


def logistic(
    margin: Floats, outcome: Floats, weights: Floats | None = None, *, slope: float | None = None
) -> tuple[float, float]:
    """Slope and intercept of a logistic regression of the outcome (0 or 1) on the margin, by Newton's method.

    slope: held at this value where given (only the intercept is fitted). (1, 0) when only one class is there.
    """
    each = np.ones(len(margin)) if weights is None else weights
    events = float(each @ outcome)
    if events <= 0 or events >= each.sum():
        return (1.0 if slope is None else slope), 0.0
    centre = float(each @ margin / each.sum())
    scale = float(np.sqrt(each @ np.square(margin - centre) / each.sum())) or 1.0
    standard = (margin - centre) / scale
    share = events / float(each.sum())
    fixed = None if slope is None else slope * scale
    found = np.array([np.log(share / (1 - share)), 0.0 if fixed is None else fixed])
    loss = _deviance(found, standard, outcome, each)
    for _ in range(100):
        step = _newton_step(found, standard, outcome, each, hold_slope=fixed is not None)
        for _ in range(40):
            trial = _deviance(found + step, standard, outcome, each)
            if trial <= loss + 1e-12:
                break
            step = step / 2
        found, before, loss = found + step, loss, min(trial, loss)
        if np.abs(step).max() < 1e-9 or before - loss < 1e-14 * before:
            break
    return float(found[1] / scale), float(found[0] - found[1] / scale * centre)


def _newton_step(found: Floats, margin: Floats, outcome: Floats, each: Floats, *, hold_slope: bool) -> Floats:
    fitted = 1 / (1 + np.exp(-np.clip(found[0] + found[1] * margin, -700, 700)))
    curvature = each * fitted * (1 - fitted)
    missing = each * (outcome - fitted)
    a, b, c = curvature.sum(), curvature @ margin, curvature @ np.square(margin)
    if hold_slope:
        return np.array([missing.sum() / max(a, 1e-12), 0.0])
    ridge = 1e-10 * each.sum()
    gradient = np.array([missing.sum(), missing @ margin])
    step = np.linalg.solve(np.array([[a + ridge, b], [b, c + ridge]]), gradient)
    return np.asarray(step * min(1.0, 10.0 / max(float(np.abs(step).max()), 1e-12)))


def _deviance(found: Floats, margin: Floats, outcome: Floats, each: Floats) -> float:
    fitted = found[0] + found[1] * margin
    return float(each @ (np.logaddexp(0, fitted) - outcome * fitted))


def cox_slope(margin: Floats, target: Target) -> float:
    """Slope of a Cox regression of the event of interest on the margin (Breslow's ties); 1 without events."""
    assert target.events is not None
    order = np.argsort(-target.values, kind="stable")
    times, happened, values = target.values[order], target.events[order] == EVENT, margin[order] - margin.mean()
    if not happened.any() or np.ptp(values) == 0:
        return 1.0
    last = np.searchsorted(-times, -times, side="right") - 1
    slope = 1.0
    for _ in range(50):
        hazard = np.exp(np.clip(slope * values, -50, 50))
        zero, one, two = (np.cumsum(hazard * values**power)[last][happened] for power in range(3))
        gradient = float(np.sum(values[happened] - one / zero))
        curvature = float(np.sum(two / zero - np.square(one / zero)))
        step = float(np.clip(gradient / max(curvature, 1e-12), -2, 2))
        slope += step
        if abs(step) < 1e-9:
            break
    return slope


def _linear(margin: Floats, outcome: Floats, intercept_only: bool) -> tuple[float, float]:
    if intercept_only:
        return 1.0, float(np.mean(outcome - margin))
    centred = margin - margin.mean()
    slope = max(float(centred @ outcome / (centred @ centred)), LEAST_SLOPE)
    return slope, float(outcome.mean() - slope * margin.mean())


def _temperature(margins: Floats, outcome: npt.NDArray[np.int64]) -> float:
    """The factor of the margins (n, classes) that maximises the likelihood (Guo et al. 2017, arXiv:1706.04599)."""
    slope = 1.0
    rows = np.arange(len(margins))
    for _ in range(50):
        powers = np.exp(slope * (margins - margins.max(axis=1, keepdims=True)))
        shares = powers / powers.sum(axis=1, keepdims=True)
        mean = (shares * margins).sum(axis=1)
        gradient = float(np.sum(margins[rows, outcome] - mean))
        curvature = float(np.sum((shares * np.square(margins)).sum(axis=1) - np.square(mean)))
        step = float(np.clip(gradient / max(curvature, 1e-12), -0.5 * slope, 0.5 * slope + 0.1))
        slope += step
        if abs(step) < 1e-9:
            break
    return slope
