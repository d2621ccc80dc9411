"""How close predicted values come: R², absolute and squared error, slope and intercept of their calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def r2(outcome: Floats, predicted: Floats, weights: Floats | None = None) -> float:
    """1 − squared error over squared deviation from the mean; NaN for a constant outcome."""
    each = np.ones(len(outcome)) if weights is None else weights
    total = each.sum()
    mean = each @ outcome / total if total > 0 else np.nan
    spread = each @ np.square(outcome - mean)
    return float(1 - each @ np.square(outcome - predicted) / spread) if spread > 0 else float("nan")


def mae(outcome: Floats, predicted: Floats, weights: Floats | None = None) -> float:
    """Mean absolute error, in the unit of the outcome."""
    return float(np.average(np.abs(outcome - predicted), weights=weights))


def rmse(outcome: Floats, predicted: Floats, weights: Floats | None = None) -> float:
    """Root of the mean squared error, in the unit of the outcome."""
    return float(np.sqrt(np.average(np.square(outcome - predicted), weights=weights)))


def calibration(outcome: Floats, predicted: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept of the outcome regressed on the prediction (1 and 0 when calibrated); NaN if constant."""
    each = np.ones(len(outcome)) if weights is None else weights
    total = each.sum()
    mean_x, mean_y = each @ predicted / total, each @ outcome / total
    spread = each @ np.square(predicted - mean_x)
    if not spread > 0:
        return float("nan"), float("nan")
    slope = (each * (predicted - mean_x)) @ (outcome - mean_y) / spread
    return float(slope), float(mean_y - slope * mean_x)


def in_the_large(outcome: Floats, predicted: Floats, weights: Floats | None = None) -> float:
    """Mean of outcome − prediction, in the unit of the outcome; 0 when calibrated."""
    return float(np.average(outcome - predicted, weights=weights))
