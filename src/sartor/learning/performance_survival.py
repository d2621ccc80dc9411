"""All that is measured of predicted times to event: concordance, Brier score, AUC and calibration at horizons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.validation import Curve
from sartor.learning.metrics import survival as over_time
from sartor.learning.performance import Names, Part, Performance, Plan, mean_of, measured
from sartor.learning.recalibration import cox_slope
from sartor.learning.stages import OutOfFold
from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
AT_HORIZON = ("auc_at", "brier_at", "scaled_brier_at", "observed_expected_at", "ici_at")
BANDS = 10
LEAST_IN_BAND = 20


@dataclass(frozen=True, slots=True)
class Piece:
    """One repeat. `at`: which of the evaluation times is nearest to each horizon."""

    part: Part
    target: Target
    train: Target
    times: Floats | None
    horizons: tuple[float, ...]
    at: tuple[int, ...]
    span: tuple[int, int]

    def measures(self, weights: Floats) -> Floats:
        """Concordance (Harrell's, Uno's), slope, integrated Brier score, and the measures at each horizon."""
        counts = weights[self.part.rows].astype(np.int64)
        fold = self.part.fold
        ranks = []
        for k in np.unique(fold):
            inside = np.flatnonzero(fold == k)
            rows = np.repeat(inside, counts[inside])
            target, risk = self.target.take(rows), self.part.predicted[rows]
            ranks.append(np.array([over_time.harrell_c(target, risk), over_time.uno_c(self.train, target, risk)]))
        rows = np.repeat(np.arange(len(counts)), counts)
        target = self.target.take(rows)
        slope = cox_slope(self.part.predicted[rows], target) if len(rows) else np.nan
        return np.concatenate([mean_of(ranks), [slope], self._probabilities(rows, target)])

    def _probabilities(self, rows: npt.NDArray[np.int64], target: Target) -> Floats:
        found = [np.nan]
        survival = self.part.survival
        if survival is None or self.times is None or not len(rows):
            return np.full(1 + len(AT_HORIZON) * len(self.horizons), np.nan)
        low, high = self.span
        if high - low >= 2:
            own = survival[rows, low:high]
            found = [over_time.integrated_brier(self.train, target, own, self.times[low:high])]
        for horizon, column in zip(self.horizons, self.at, strict=True):
            found += self._at(horizon, survival[rows, column], target)
        return np.array(found)

    def _at(self, horizon: float, survival: Floats, target: Target) -> list[float]:
        at = np.array([horizon])
        auc = float(over_time.time_dependent_auc(self.train, target, 1 - survival, at)[0])
        brier = float(over_time.brier_at(self.train, target, survival[:, None], at)[0])
        observed = float(over_time.cumulative_incidence(target).at(at)[0])
        null = float(over_time.brier_at(self.train, target, np.full((len(survival), 1), 1 - observed), at)[0])
        expected = float((1 - survival).mean())
        x, y, share = calibration_at(target, 1 - survival, horizon)
        return [
            auc,
            brier,
            1 - brier / null if null > 0 else np.nan,
            observed / expected if expected > 0 else np.nan,
            float(share @ np.abs(x - y)),
        ]


def of_survival(target: Target, predicted: OutOfFold, parts: list[Part], plan: Plan) -> Performance:
    """Measures and calibration curves at the horizons; see `performance`."""
    train = target if plan.train is None else plan.train
    times = predicted.times
    horizons = plan.horizons if times is not None and predicted.survival is not None else ()
    at = tuple(int(np.abs(np.asarray(times) - horizon).argmin()) for horizon in horizons)
    span = _span(train, times)
    pieces = [Piece(part, target.take(part.rows), train, times, horizons, at, span) for part in parts]
    names = Names()
    names.add(("harrell_c", "uno_c", "calibration_slope", "integrated_brier"))
    for horizon in horizons:
        names.add(AT_HORIZON, horizon)
    rows = np.unique(np.concatenate([part.rows for part in parts]))
    assert target.events is not None
    events = int((target.events[rows] == EVENT).sum())

    def statistic(weights: Floats) -> Floats:
        return mean_of([piece.measures(weights) for piece in pieces])

    measures = measured(statistic, target, names, plan, n=len(rows), n_events=events)
    curves = () if plan.brief else tuple(_curve(pieces[0], k, plan) for k in range(len(horizons)))
    return Performance(measures, curves)


def calibration_at(target: Target, risk: Floats, horizon: float) -> tuple[Floats, Floats, Floats]:
    """(predicted, observed, share of rows) by bands of predicted risk; observed by Aalen–Johansen, so by Kaplan–Meier
    without competing events. Up to ten bands of equal size, of at least 20 rows.
    """
    bands = max(1, min(BANDS, len(risk) // LEAST_IN_BAND))
    edges = np.unique(np.quantile(risk, np.arange(1, bands) / bands)) if bands > 1 else np.empty(0)
    band = np.searchsorted(edges, risk, side="right")
    x, y, share = [], [], []
    for k in np.unique(band):
        rows = np.flatnonzero(band == k)
        x.append(risk[rows].mean())
        y.append(float(over_time.cumulative_incidence(target.take(rows)).at(np.array([horizon]))[0]))
        share.append(len(rows) / len(risk))
    return np.array(x), np.array(y), np.array(share)


def _curve(piece: Piece, k: int, plan: Plan) -> Curve:
    assert piece.part.survival is not None
    horizon = piece.horizons[k]
    x, y, share = calibration_at(piece.target, 1 - piece.part.survival[:, piece.at[k]], horizon)
    error = 1.96 * np.sqrt(np.maximum(y * (1 - y), 1e-9) / np.maximum(share * len(piece.target), 1))
    return Curve(
        name=f"calibration:{horizon:g}", candidate=plan.candidate, where=plan.where, x=_tuple(x), y=_tuple(y),
        low=_tuple(np.maximum(y - error, 0)), high=_tuple(np.minimum(y + error, 1)),
        x_label="predicted risk", y_label="observed share",
    )  # fmt: skip


def _span(train: Target, times: Floats | None) -> tuple[int, int]:
    """Evaluation times at which someone was still under observation."""
    if times is None:
        return 0, 0
    return 0, int(np.searchsorted(np.asarray(times), train.values.max(), side="left"))


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{each:.6g}") for each in values)
