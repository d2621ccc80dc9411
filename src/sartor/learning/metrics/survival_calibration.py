"""Are predicted risks by a horizon true to size? Observed over expected, slope, smooth curve, integrated index.

The outcome by the horizon of censored rows is stood in for by jackknife pseudo-values of the cumulative incidence
(Andersen, Klein and Rosthøj 2003, doi:10.1093/biomet/90.1.15; for calibration: Gerds, Andersen and Kattan 2014,
Statistics in Medicine 33:3191), so competing events need nothing further. Censoring is taken not to depend on the
predictors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.errors import TooFewData
from sartor.learning.metrics.survival import cumulative_incidence
from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
POINTS = 50
NEIGHBOURS = 0.3
"""Share of rows in the window of the smooth curve."""


@dataclass(frozen=True, slots=True)
class HorizonCalibration:
    """Calibration of the risk by one horizon.

    observed, expected: cumulative incidence by the horizon, and the mean predicted risk; ratio = observed / expected.
    slope, intercept: of the pseudo-values on the complementary log-log of the risk; 1 and 0 are ideal.
    predicted, smoothed: the curve. ici: mean distance between curve and diagonal over the rows (Austin and Steyerberg
    2019, Statistics in Medicine 38:4051); e90: its 90 % quantile.
    """

    horizon: float
    observed: float
    expected: float
    ratio: float
    slope: float
    intercept: float
    ici: float
    e90: float
    predicted: Floats
    smoothed: Floats


def pseudo_values(target: Target, horizon: float) -> Floats:
    """Jackknife pseudo-values (n,) of the cumulative incidence of the event of interest by the horizon.

    Each is n·F − (n − 1)·F without the row; their mean is F to first order. Exact, in O(n log n).
    """
    assert target.events is not None
    n = len(target)
    inside = np.minimum(target.values, np.nextafter(horizon, np.inf))
    kind = np.where(target.values <= horizon, target.events, 0)
    times, where = np.unique(inside, return_inverse=True)
    size = len(times)
    risk = np.bincount(where, minlength=size)[::-1].cumsum()[::-1].astype(float)
    first = np.bincount(where, weights=kind == EVENT, minlength=size)
    every = np.bincount(where, weights=kind > 0, minlength=size)
    alive = np.concatenate(([1.0], np.cumprod(1 - every / risk)))
    whole = np.concatenate(([0.0], np.cumsum(alive[:-1] * first / risk)))
    less = np.maximum(risk - 1, 1)
    alive_less = np.concatenate(([1.0], np.cumprod(1 - np.minimum(every / less, 1))))
    whole_less = np.concatenate(([0.0], np.cumsum(alive_less[:-1] * first / less)))
    own_first, own_every = (kind == EVENT).astype(float), (kind > 0).astype(float)
    before = alive_less[where]
    step_first = (first[where] - own_first) / less[where]
    step_every = (every[where] - own_every) / less[where]
    now, after = whole_less[where] + before * step_first, before * (1 - step_every)
    rest = whole[-1] - whole[where + 1]
    left = alive[where + 1]
    scale = np.divide(after, left, out=np.zeros(n), where=left > 0)
    without = now + scale * rest
    return np.asarray(n * whole[-1] - (n - 1) * without)


def calibration_at_horizon(target: Target, risk: Floats, horizon: float) -> HorizonCalibration:
    """Calibration of `risk` (n,), predicted P(event of interest by the horizon). Raises TooFewData without events."""
    assert target.events is not None
    if np.count_nonzero((target.events == EVENT) & (target.values <= horizon)) < 2:
        raise TooFewData(f"fewer than two events by {horizon:g}", todo="choose a later horizon")
    risk = np.asarray(risk, float)
    pseudo = pseudo_values(target, horizon)
    observed = float(cumulative_incidence(target).at(horizon))
    expected = float(risk.mean())
    slope, intercept = _slope(pseudo, risk)
    order = np.argsort(risk, kind="stable")
    fitted = np.clip(_running_lines(risk[order], pseudo[order]), 0, 1)
    gap = np.abs(fitted - risk[order])
    grid = np.unique(np.quantile(risk, np.linspace(0.01, 0.99, POINTS)))
    ratio = observed / expected if expected > 0 else float("nan")
    return HorizonCalibration(
        horizon, observed, expected, ratio, slope, intercept,
        float(gap.mean()), float(np.quantile(gap, 0.9)), grid, np.interp(grid, risk[order], fitted),
    )  # fmt: skip


def _slope(pseudo: Floats, risk: Floats, start: tuple[float, float] | None = None) -> tuple[float, float]:
    """Least squares of the pseudo-values on the complementary log-log link, by Gauss–Newton steps."""
    inside = np.clip(risk, 1e-6, 1 - 1e-6)
    x = np.log(-np.log1p(-inside))
    centre = float(x.mean())
    if float(x.std()) < 1e-9:
        return float("nan"), float("nan")
    design = np.column_stack([x - centre, np.ones_like(x)])
    beta = np.array([1.0, centre] if start is None else [start[0], start[1] + start[0] * centre])

    def error(at: Floats) -> float:
        return float(np.sum((pseudo + np.expm1(-np.exp(np.clip(design @ at, -30, 5)))) ** 2))

    for _ in range(50):
        eta = np.clip(design @ beta, -30, 5)
        hazard = np.exp(eta)
        gradient = design * (hazard * np.exp(-hazard))[:, None]
        step = np.linalg.lstsq(gradient, pseudo + np.expm1(-hazard), rcond=None)[0]
        size = 1.0
        while size > 1e-4 and error(beta + size * step) > error(beta):
            size /= 2
        beta = beta + size * step
        if float(np.abs(step).max()) < 1e-6 or size <= 1e-4:
            break
    return float(beta[0]), float(beta[1] - beta[0] * centre)


@dataclass(frozen=True, slots=True)
class Pseudo:
    """Pseudo-values and predicted risks of a cohort in order of the risk, for many resamples of its rows."""

    order: npt.NDArray[np.int64]
    pseudo: Floats
    risk: Floats
    start: tuple[float, float]

    @classmethod
    def of(cls, target: Target, risk: Floats, horizon: float) -> Pseudo:
        """risk: (n,) predicted P(event of interest by the horizon)."""
        order = np.argsort(risk, kind="stable")
        pseudo, sorted_ = pseudo_values(target, horizon)[order], np.asarray(risk, float)[order]
        found = _slope(pseudo, sorted_)
        return cls(order, pseudo, sorted_, found if np.isfinite(found[0]) else (1.0, 0.0))

    def slope_and_ici(self, counts: npt.NDArray[np.int64]) -> tuple[float, float]:
        """Calibration slope and integrated calibration index where row k is there counts[k] times."""
        rows = np.repeat(np.arange(len(self.order)), counts[self.order])
        if len(rows) < 2:
            return float("nan"), float("nan")
        pseudo, risk = self.pseudo[rows], self.risk[rows]
        smooth = np.clip(_running_lines(risk, pseudo), 0, 1)
        return _slope(pseudo, risk, self.start)[0], float(np.abs(smooth - risk).mean())


def _running_lines(x: Floats, y: Floats) -> Floats:
    """Local straight lines over the nearest share of rows (x ascending), by running sums: O(n)."""
    n = len(x)
    half = max(int(NEIGHBOURS * n / 2), 10)
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    centre = x.mean()
    z = x - centre
    sums = [np.concatenate(([0.0], np.cumsum(part))) for part in (np.ones(n), z, y, z * z, z * y)]
    count, sum_x, sum_y, sum_xx, sum_xy = (part[high] - part[low] for part in sums)
    spread = sum_xx - sum_x**2 / count
    cross = sum_xy - sum_x * sum_y / count
    slope = np.divide(cross, spread, out=np.zeros(n), where=spread > 1e-12 * count)
    return np.asarray(sum_y / count + slope * (z - sum_x / count))
