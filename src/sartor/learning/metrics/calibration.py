"""Whether predicted probabilities come true: level, slope, a smooth curve with its distances from the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.learning.recalibration import logistic

Floats = npt.NDArray[np.float64]

MOST_BINS = 1000
KNOTS = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}
"""Quantiles for the knots of a restricted cubic spline (Harrell, Regression Modeling Strategies, 2015, table 2.3)."""
ECE_BINS = 10
NAMES = ("calibration_intercept", "calibration_slope", "observed_expected", "ici", "e50", "e90", "ece", "ece_width")
PERFECT = {"calibration_intercept": 0.0, "calibration_slope": 1.0, "observed_expected": 1.0}
EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Binned:
    """Predictions grouped once into at most 1,000 bins of equal size, so that weighted measures cost next to nothing.

    bin_of: (n,) bin of each row. margin, probability: (b,) mean log odds and mean probability of a bin. basis: (b, k)
    restricted cubic spline of the margin, intercept first. outcome: (n,).
    ten: (b,) tenth of equal size, wide: (b,) tenth of equal width that a bin belongs to.
    """

    bin_of: npt.NDArray[np.int64]
    margin: Floats
    probability: Floats
    basis: Floats
    outcome: Floats
    ten: npt.NDArray[np.int64]
    wide: npt.NDArray[np.int64]

    @staticmethod
    def of(outcome: npt.ArrayLike, probability: npt.ArrayLike) -> Binned:
        """Group the predictions of class 1; `outcome` is 0 or 1, both (n,)."""
        given = np.clip(np.asarray(probability, dtype=float), EDGE, 1 - EDGE)
        margins = np.log(given) - np.log1p(-given)
        inner = np.arange(1, MOST_BINS) / MOST_BINS
        edges = np.unique(np.concatenate([np.quantile(given, inner, method="inverted_cdf"), np.arange(1, 10) / 10]))
        bin_of = np.searchsorted(edges, given, side="left")
        bin_of = np.unique(bin_of, return_inverse=True)[1]
        count = np.bincount(bin_of)
        margin = np.bincount(bin_of, weights=margins) / count
        mean = np.bincount(bin_of, weights=given) / count
        before = np.cumsum(count) - count / 2
        ten = np.minimum((before / count.sum() * ECE_BINS).astype(np.int64), ECE_BINS - 1)
        wide = np.minimum((mean * ECE_BINS).astype(np.int64), ECE_BINS - 1)
        basis = spline_basis(margin, knots(margins))
        return Binned(bin_of, margin, mean, basis, np.asarray(outcome, dtype=float), ten, wide)

    def sums(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """(rows, events) per bin."""
        size = len(self.margin)
        if weights is None:
            weights = np.ones(len(self.outcome))
        rows, events = (np.bincount(self.bin_of, each, size) for each in (weights, weights * self.outcome))
        return rows.astype(np.float64), events.astype(np.float64)

    def measures(self, weights: Floats | None = None) -> Floats:
        """The measures NAMES, (8,); NaN when only one class is there.

        Intercept (calibration in the large, slope held at 1), slope, observed over expected, ICI, E50, E90 (mean,
        median, 90th percentile of the distance of the smooth curve from the diagonal; Austin and Steyerberg 2019,
        PMID 31592444), and the expected calibration error in ten bins of equal size and of equal width.
        """
        count, events = self.sums(weights)
        total, happened = count.sum(), events.sum()
        if happened <= 0 or happened >= total:
            return np.full(len(NAMES), np.nan)
        share = np.divide(events, count, out=np.zeros_like(events), where=count > 0)
        _, level = logistic(self.margin, share, count, slope=1.0)
        slope, _ = logistic(self.margin, share, count)
        expected = float(count @ self.probability)
        distance = np.abs(self._smooth(count, events) - self.probability)
        e50, e90 = weighted_quantiles(distance, count, (0.5, 0.9))
        errors = [self._ece(count, events, where) for where in (self.ten, self.wide)]
        return np.array([level, slope, happened / expected, count @ distance / total, e50, e90, *errors])

    def curve(self, at: Floats, weights: Floats | None = None) -> Floats:
        """Observed share by the smooth curve at these probabilities, (k,)."""
        count, events = self.sums(weights)
        if events.sum() <= 0 or events.sum() >= count.sum():
            return np.full(len(at), np.nan)
        given = np.clip(at, EDGE, 1 - EDGE)
        centre = knots(np.repeat(self.margin, np.bincount(self.bin_of)))
        return _logistic(spline_basis(np.log(given) - np.log1p(-given), centre) @ _fit(self.basis, count, events))

    def _smooth(self, count: Floats, events: Floats) -> Floats:
        return _logistic(self.basis @ _fit(self.basis, count, events))

    def _ece(self, count: Floats, events: Floats, where: npt.NDArray[np.int64]) -> float:
        rows = np.bincount(where, count, ECE_BINS)
        gap = np.bincount(where, events, ECE_BINS) - np.bincount(where, count * self.probability, ECE_BINS)
        return float(np.abs(gap).sum() / rows.sum())


def measures(outcome: npt.ArrayLike, probability: npt.ArrayLike) -> dict[str, float]:
    """The measures NAMES of the probabilities of class 1, both (n,), by name."""
    return dict(zip(NAMES, (float(each) for each in Binned.of(outcome, probability).measures()), strict=True))


def knots(margins: Floats, count: int = 5) -> Floats:
    """Where a restricted cubic spline bends, at most `count` places; none where there are under three values."""
    for size in range(count, 2, -1):
        found = np.unique(np.quantile(margins, KNOTS[size]))
        if len(found) == size:
            return found
    return np.empty(0)


def spline_basis(values: Floats, bends: Floats) -> Floats:
    """Intercept, the value, and len(bends) − 2 restricted cubic terms (linear beyond the outer knots), (n, k)."""
    columns = [np.ones(len(values)), values]
    if len(bends) >= 3:
        last, before = bends[-1], bends[-2]
        scale = (last - bends[0]) ** 2
        for bend in bends[:-2]:
            term = _cube(values - bend)
            term = term - _cube(values - before) * (last - bend) / (last - before)
            term = term + _cube(values - last) * (before - bend) / (last - before)
            columns.append(term / scale)
    return np.column_stack(columns)


def weighted_quantiles(values: Floats, weights: Floats, shares: tuple[float, ...]) -> list[float]:
    """The smallest value at or under which each share of the weight lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array(shares) * reached[-1] - 1e-9)
    return [float(each) for each in values[order][np.minimum(places, len(values) - 1)]]


def _fit(basis: Floats, count: Floats, events: Floats) -> Floats:
    """Coefficients of a binomial regression, with a whiff of ridge so that separated data stay finite."""
    found = np.zeros(basis.shape[1])
    found[0] = np.log(events.sum() / (count.sum() - events.sum()))
    penalty = 1e-6 * count.sum() * np.eye(basis.shape[1])
    penalty[0, 0] = penalty[1, 1] = 1e-9 * count.sum()
    for _ in range(30):
        fitted = _logistic(basis @ found)
        curvature = (basis * (count * fitted * (1 - fitted))[:, None]).T @ basis + penalty
        step = np.linalg.solve(curvature, basis.T @ (events - count * fitted) - penalty @ found)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        found = found + step
        if np.abs(step).max() < 1e-8:
            break
    return found


def _logistic(margin: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(margin, -700, 700))))


def _cube(values: Floats) -> Floats:
    return np.asarray(np.maximum(values, 0.0) ** 3)
