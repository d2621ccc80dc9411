"""All that is measured of predicted times to event: concordance, Brier score, AUC and calibration at horizons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.validation import Curve
from sartor.learning.metrics import bootstrap, usefulness
from sartor.learning.metrics import survival as over_time
from sartor.learning.metrics.survival_calibration import Pseudo
from sartor.learning.metrics.survival_usefulness import Incidence, at_thresholds
from sartor.learning.performance import AT_THRESHOLD, Names, Part, Performance, Plan, mean_of, measured
from sartor.learning.recalibration import cox_slope
from sartor.learning.stages import OutOfFold
from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
AT_HORIZON = ("auc_at", "brier_at", "scaled_brier_at", "observed_expected_at", "ici_at", "calibration_slope_at")
UNTIL = 0.9
"""Quantile of the event times at which Uno's concordance ends: later on the censoring weights grow without bound."""
BANDS = 10
LEAST_IN_BAND = 20
MOST_THRESHOLDS = 50
CURVE_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Judge:
    """The risks by one horizon of one repeat, sorted once for every resample."""

    horizon: float
    column: int
    risk: Floats
    pseudo: Pseudo
    incidence: Incidence

    @classmethod
    def of(cls, part: Part, target: Target, horizon: float, column: int) -> Judge:
        """column: of the part's survival at which the horizon stands."""
        assert part.survival is not None
        risk = 1 - part.survival[:, column]
        return cls(horizon, column, risk, Pseudo.of(target, risk, horizon), Incidence.of(target, horizon))


@dataclass(frozen=True, slots=True)
class Piece:
    """One repeat. `judges`: one per horizon. `span`: evaluation times that are scored; Uno's concordance ends there."""

    part: Part
    target: Target
    train: Target
    times: Floats | None
    judges: tuple[Judge, ...]
    span: tuple[int, int]
    thresholds: tuple[float, ...]
    until: float

    def measures(self, weights: Floats) -> Floats:
        """Concordance (Harrell's, Uno's), slope, integrated Brier score, and the measures at each horizon."""
        counts = weights[self.part.rows].astype(np.int64)
        fold = self.part.fold
        ranks = []
        for k in np.unique(fold):
            inside = np.flatnonzero(fold == k)
            rows = np.repeat(inside, counts[inside])
            target, risk = self.target.take(rows), self.part.predicted[rows]
            uno = over_time.uno_c(self.train, target, risk, self.until)
            ranks.append(np.array([over_time.harrell_c(target, risk), uno]))
        rows = np.repeat(np.arange(len(counts)), counts)
        target = self.target.take(rows)
        scored, at_horizons = self._probabilities(rows, target, counts)
        slope = np.nan
        if self.judges:
            slope = at_horizons[AT_HORIZON.index("calibration_slope_at")]
        elif len(rows) and not self.target.has_competing_events:
            slope = cox_slope(self.part.predicted[rows], target)
        return np.concatenate([mean_of(ranks), [slope, scored], at_horizons, self._acting(counts)])

    def _probabilities(
        self, rows: npt.NDArray[np.int64], target: Target, counts: npt.NDArray[np.int64]
    ) -> tuple[float, Floats]:
        survival = self.part.survival
        if survival is None or self.times is None or not len(rows):
            return np.nan, np.full(len(AT_HORIZON) * len(self.judges), np.nan)
        low, high = self.span
        scored = np.nan
        if high - low >= 2:
            scored = over_time.integrated_brier(self.train, target, survival[rows, low:high], self.times[low:high])
        found = [self._at(judge, survival[rows, judge.column], target, counts) for judge in self.judges]
        return scored, np.array([each for one in found for each in one])

    def _at(self, judge: Judge, survival: Floats, target: Target, counts: npt.NDArray[np.int64]) -> list[float]:
        at = np.array([judge.horizon])
        auc = float(over_time.time_dependent_auc(self.train, target, 1 - survival, at)[0])
        brier = float(over_time.brier_at(self.train, target, survival[:, None], at)[0])
        observed = float(over_time.cumulative_incidence(target).at(at)[0])
        null = float(over_time.brier_at(self.train, target, np.full((len(survival), 1), 1 - observed), at)[0])
        expected = float((1 - survival).mean())
        slope, distance = judge.pseudo.slope_and_ici(counts)
        ratio = observed / expected if expected > 0 else np.nan
        return [auc, brier, 1 - brier / null if null > 0 else np.nan, ratio, distance, slope]

    def _acting(self, counts: npt.NDArray[np.int64]) -> Floats:
        """What calling people at each threshold of the risk by the first horizon does."""
        if not self.judges or not self.thresholds:
            return np.empty(0)
        judge = self.judges[0]
        return at_thresholds(judge.incidence, judge.risk, self.thresholds, counts.astype(float)).ravel()


def of_survival(target: Target, predicted: OutOfFold, parts: list[Part], plan: Plan) -> Performance:
    """Measures, and curves of calibration and usefulness at the horizons; see `performance`.

    The calibration slope is that of the risk by the first horizon on the complementary log-log scale, which holds
    beside competing events too; without known risks the slope of a Cox regression. Thresholds concern that risk.
    """
    train = target if plan.train is None else plan.train
    times = predicted.times
    horizons = plan.horizons if times is not None and predicted.survival is not None else ()
    span = _span(train, times)
    assert target.events is not None
    happened = target.values[target.events == EVENT]
    until = float(np.quantile(happened, UNTIL)) if len(happened) else np.inf
    pieces = []
    for part in parts:
        own = target.take(part.rows)
        at = [int(np.abs(np.asarray(times) - horizon).argmin()) for horizon in horizons]
        judges = tuple(Judge.of(part, own, horizon, column) for horizon, column in zip(horizons, at, strict=True))
        pieces.append(Piece(part, own, train, times, judges, span, plan.thresholds if horizons else (), until))
    names = Names()
    names.add(("harrell_c", "uno_c", "calibration_slope", "integrated_brier"))
    for horizon in horizons:
        names.add(AT_HORIZON, horizon)
    for threshold in plan.thresholds if horizons else ():
        names.add(AT_THRESHOLD, threshold)
    rows = np.unique(np.concatenate([part.rows for part in parts]))
    events = int((target.events[rows] == EVENT).sum())

    def statistic(weights: Floats) -> Floats:
        return mean_of([piece.measures(weights) for piece in pieces])

    measures = measured(statistic, target, names, plan, n=len(rows), n_events=events)
    if plan.brief or not horizons:
        return Performance(measures)
    curves = [_curve(pieces[0], judge, plan) for judge in pieces[0].judges]
    return Performance(measures, (*curves, *_decision(pieces[0], target, plan)))


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


def _curve(piece: Piece, judge: Judge, plan: Plan) -> Curve:
    x, y, share = calibration_at(piece.target, judge.risk, judge.horizon)
    error = 1.96 * np.sqrt(np.maximum(y * (1 - y), 1e-9) / np.maximum(share * len(piece.target), 1))
    return Curve(
        name=f"calibration:{judge.horizon:g}", candidate=plan.candidate, where=plan.where, x=_tuple(x), y=_tuple(y),
        low=_tuple(np.maximum(y - error, 0)), high=_tuple(np.minimum(y + error, 1)),
        x_label="predicted risk", y_label="observed share",
    )  # fmt: skip


def _decision(piece: Piece, target: Target, plan: Plan) -> tuple[Curve, ...]:
    """Net benefit over thresholds of the risk by the first horizon, with its band; of the first repeat."""
    judge = piece.judges[0]
    everyone = float(judge.incidence.shares(np.ones((1, len(judge.risk))))[0])
    top = float(min(0.99, max(np.quantile(judge.risk, 0.995), min(2 * everyone, 0.9), 0.1)))
    grid = np.unique(np.concatenate([np.linspace(0.01, top, MOST_THRESHOLDS), [t for t in plan.thresholds if t < top]]))

    def statistic(weights: Floats) -> Floats:
        own = weights[piece.part.rows]
        share = float(judge.incidence.shares(own[None, :])[0])
        benefit = at_thresholds(judge.incidence, judge.risk, grid, own)[:, 0]
        return np.concatenate([benefit, usefulness.treat_all(share, grid)])

    resamples = min(plan.resamples, CURVE_RESAMPLES)
    found = bootstrap.replicate(statistic, len(target), groups=plan.groups, resamples=resamples, seed=plan.seed)
    low, high = (np.asarray(each) for each in bootstrap.percentiles(found))
    point = statistic(np.ones(len(target)))
    cuts = {"decision": slice(0, len(grid)), "decision:treat_all": slice(len(grid), None)}
    same = {"candidate": plan.candidate, "where": plan.where, "x_label": "threshold", "y_label": "net benefit"}
    curves = [
        Curve(name=name, x=_tuple(grid), y=_tuple(point[cut]), low=_tuple(low[cut]), high=_tuple(high[cut]), **same)
        for name, cut in cuts.items()
    ]
    return (*curves, Curve(name="decision:treat_none", x=_tuple(grid), y=_tuple(0 * grid), **same))


def _span(train: Target, times: Floats | None) -> tuple[int, int]:
    """Evaluation times at which someone was still under observation."""
    if times is None:
        return 0, 0
    return 0, int(np.searchsorted(np.asarray(times), train.values.max(), side="left"))


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{each:.6g}") for each in values)
