"""All that is measured of one candidate's predictions, each number with its interval: the one place that decides what.

Ranks (AUROC, concordance) are taken within each fold and averaged, since models of different folds are not one scale;
probabilities are pooled over the folds of a repeat. Over repeats everything is averaged. An interval resamples
patients (with all their rows and repeats), so it does not shrink when the cross-validation is repeated more often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.domain.validation import INTERNAL, Curve, Measure
from sartor.learning.metrics import bootstrap, calibration, usefulness
from sartor.learning.metrics import regression as values_of
from sartor.learning.metrics.calibration import Binned
from sartor.learning.metrics.discrimination import Ranked
from sartor.learning.stages import OutOfFold
from sartor.learning.task import Target

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Callable[[Floats], Floats]

AT_THRESHOLD = ("net_benefit", "selection_rate", "sensitivity", "specificity", "ppv", "npv")
DISTANCES = frozenset({"ici", "e50", "e90", "ece", "ece_width", "ici_at"})
"""Distances from the diagonal: noise lengthens them, more so in resamples; their intervals are set back by that."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure.

    folds:      (r, n) outer folds, -1 where never tested; None for a cohort that nobody learned from.
    groups:     (n,) patients. resamples, seed: of the bootstrap.
    thresholds: probabilities at which one would act. horizons: times of absolute risk, survival only.
    train:      survival: rows that give the censoring weights (the rows themselves when None).
    brief:      the measures that compare candidates, without curves.
    """

    folds: Ints | None = None
    groups: npt.NDArray[np.int64] | None = None
    resamples: int = 1000
    seed: int = 0
    thresholds: tuple[float, ...] = ()
    horizons: tuple[float, ...] = ()
    train: Target | None = None
    brief: bool = False
    candidate: str = "pipeline"
    where: str = INTERNAL


@dataclass(frozen=True, slots=True)
class Performance:
    """Measures and curves of one candidate."""

    measures: tuple[Measure, ...] = ()
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One repeat: the rows that have a prediction, in which test fold each lies, and what was predicted."""

    rows: Ints
    fold: Ints
    predicted: Floats
    survival: Floats | None = None

    def each_fold(self) -> list[Ints]:
        """Positions of the rows of each fold."""
        return [np.flatnonzero(self.fold == k) for k in np.unique(self.fold)]


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers of a statistic are called, and at which threshold or horizon."""

    names: list[str] = field(default_factory=list)
    at: list[float | None] = field(default_factory=list)

    def add(self, names: Sequence[str], at: float | None = None) -> None:
        """Append names that share their threshold."""
        self.names.extend(names)
        self.at.extend([at] * len(names))


def performance(target: Target, predicted: OutOfFold, plan: Plan) -> Performance:
    """Measures (and, unless brief, curves) of predictions for rows that were not learned from."""
    parts = parts_of(predicted, plan.folds)
    if not parts or not any(len(part.rows) for part in parts):
        return Performance()
    if target.task is Task.SURVIVAL:
        from sartor.learning.performance_survival import of_survival

        return of_survival(target, predicted, parts, plan)
    if target.task is Task.REGRESSION:
        return _of_values(target, parts, plan)
    if target.is_binary:
        return _of_probability(target, parts, plan)
    return _of_classes(target, parts, plan)


def parts_of(predicted: OutOfFold, folds: Ints | None) -> list[Part]:
    """The repeats of a cross-validation, rows without a prediction left out."""
    found = []
    for repeat, values in enumerate(predicted.predicted):
        known = np.isfinite(values) if values.ndim == 1 else np.isfinite(values).all(axis=1)
        rows = np.flatnonzero(known)
        fold = np.zeros(len(rows), dtype=np.int64) if folds is None else folds[min(repeat, len(folds) - 1)][rows]
        survival = None if predicted.survival is None else predicted.survival[repeat][rows]
        found.append(Part(rows, fold, values[rows], survival))
    return found


def measured(
    statistic: Statistic, target: Target, names: Names, plan: Plan, *, n: int, n_events: int | None
) -> tuple[Measure, ...]:
    """The statistic of all rows with the interval of its resamples, as measures."""
    size = len(target)
    point = statistic(np.ones(size))
    found = bootstrap.replicate(statistic, size, groups=plan.groups, resamples=plan.resamples, seed=plan.seed)
    low, high = bootstrap.percentiles(found)
    assert isinstance(low, np.ndarray)
    assert isinstance(high, np.ndarray)
    distances = np.array([name in DISTANCES for name in names.names])
    bias = np.where(distances, np.fmax(_median(found) - point, 0.0), 0.0)
    low, high = np.where(distances, np.maximum(low - bias, 0.0), low), high - bias
    return tuple(
        Measure(
            name=name, candidate=plan.candidate, where=plan.where, at=at, value=plain(value), low=plain(least),
            high=plain(most), n=n, n_events=n_events, note="" if np.isfinite(value) else "not defined for these rows",
        )
        for name, at, value, least, most in zip(names.names, names.at, point, low, high, strict=True)
    )  # fmt: skip


def _median(found: Floats) -> Floats:
    """Median over the resamples, NaN left out; NaN where there is none."""
    known = np.isfinite(found).any(axis=0)
    middle = np.full(found.shape[1:], np.nan)
    middle[known] = np.nanmedian(found[:, known], axis=0)
    return middle


def plain(value: float) -> float | None:
    """A number, or None where it is not defined."""
    return float(value) if np.isfinite(value) else None


def mean_of(values: list[Floats]) -> Floats:
    """Mean over repeats, NaN left out."""
    stacked = np.array(values)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(stacked.shape[1:], np.nan), where=count > 0))


def _of_probability(target: Target, parts: list[Part], plan: Plan) -> Performance:
    positive = [part.predicted if part.predicted.ndim == 1 else part.predicted[:, 1] for part in parts]
    outcome = (target.values == 1).astype(float)
    names = Names()
    names.add(("auroc", "auprc", "brier", "scaled_brier", "log_loss", *calibration.NAMES))
    for threshold in plan.thresholds:
        names.add(AT_THRESHOLD, threshold)
    pieces = [_Probability.of(outcome, part, p, plan.thresholds) for part, p in zip(parts, positive, strict=True)]
    rows = np.unique(np.concatenate([part.rows for part in parts]))
    counted = {"n": len(rows), "n_events": int(outcome[rows].sum())}

    def statistic(weights: Floats) -> Floats:
        return mean_of([piece.measures(weights) for piece in pieces])

    measures = measured(statistic, target, names, plan, **counted)
    return Performance(measures, () if plan.brief else _curves(outcome, parts, positive, plan))


@dataclass(frozen=True, slots=True)
class _Probability:
    """One repeat of a binary prediction, sorted and binned once."""

    part: Part
    outcome: Floats
    probability: Floats
    ranked: tuple[tuple[Ints, Ranked], ...]
    binned: Binned
    thresholds: tuple[float, ...]
    losses: Floats
    called: Floats

    @staticmethod
    def of(outcome: Floats, part: Part, probability: Floats, thresholds: tuple[float, ...]) -> _Probability:
        own = outcome[part.rows]
        ranked = tuple((at, Ranked.of(own[at], probability[at])) for at in part.each_fold())
        inside = np.clip(probability, 1e-15, 1 - 1e-15)
        losses = np.stack([np.square(probability - own), -np.log(np.where(own == 1, inside, 1 - inside))])
        called = np.stack(
            [(probability >= at) * kind for at in thresholds for kind in (np.ones(len(own)), own)] or [own]
        )
        return _Probability(
            part, own, probability, ranked, Binned.of(own, probability), thresholds, losses, called.astype(np.float32)
        )

    def measures(self, weights: Floats) -> Floats:
        own = weights[self.part.rows]
        total, events = float(own.sum()), float(own @ self.outcome)
        if events <= 0 or events >= total:
            return np.full(5 + len(calibration.NAMES) + len(AT_THRESHOLD) * len(self.thresholds), np.nan)
        ranks = mean_of([np.array([each.auroc(own[at]), each.auprc(own[at])]) for at, each in self.ranked])
        squared, logged = self.losses @ own / total
        share = events / total
        head = [*ranks, squared, 1 - squared / (share * (1 - share)), logged]
        return np.concatenate([head, self.binned.measures(own), self._decisions(own, total, events)])

    def _decisions(self, own: Floats, total: float, events: float) -> Floats:
        found = []
        counts = (self.called @ own.astype(np.float32)).astype(float) if self.thresholds else np.zeros(0)
        for k, threshold in enumerate(self.thresholds):
            positive, true = counts[2 * k], counts[2 * k + 1]
            false = positive - true
            rest = total - positive
            found += [
                true / total - false / total * threshold / (1 - threshold),
                positive / total,
                true / events,
                1 - false / (total - events),
                true / positive if positive > 0 else np.nan,
                1 - (events - true) / rest if rest > 0 else np.nan,
            ]
        return np.array(found)


def _curves(outcome: Floats, parts: list[Part], positive: list[Floats], plan: Plan) -> tuple[Curve, ...]:
    """Calibration and decision curve with bands, and the ROC curve; of the first repeat."""
    part, probability = parts[0], positive[0]
    own = outcome[part.rows]
    binned = Binned.of(own, probability)
    grid = np.unique(np.quantile(probability, np.linspace(0.005, 0.995, 60)))
    prevalence = own.mean()
    top = float(min(0.99, max(np.quantile(probability, 0.995), 2 * prevalence, 0.1)))
    thresholds = np.unique(np.concatenate([np.linspace(0.01, top, 50), [t for t in plan.thresholds if t < top]]))

    def statistic(weights: Floats) -> Floats:
        at = weights[part.rows]
        share = float(at @ own / at.sum())
        benefit = usefulness.net_benefit(own, probability, thresholds, at)
        return np.concatenate([binned.curve(grid, at), benefit, usefulness.treat_all(share, thresholds)])

    resamples = min(plan.resamples, 200)
    found = bootstrap.replicate(statistic, len(outcome), groups=plan.groups, resamples=resamples, seed=plan.seed)
    low, high = (np.asarray(each) for each in bootstrap.percentiles(found))
    point = statistic(np.ones(len(outcome)))
    cuts = {"calibration": (grid, slice(0, len(grid)))}
    cuts["decision"] = (thresholds, slice(len(grid), len(grid) + len(thresholds)))
    cuts["decision:treat_all"] = (thresholds, slice(len(grid) + len(thresholds), None))
    labels = {"calibration": ("predicted risk", "observed share")}
    drawn = [
        _curve(name, x, point[cut], low[cut], high[cut], labels.get(name, ("threshold", "net benefit")), plan)
        for name, (x, cut) in cuts.items()
    ]
    drawn.append(
        _curve("decision:treat_none", thresholds, 0 * thresholds, None, None, ("threshold", "net benefit"), plan)
    )
    return (*drawn, roc_curve(own, probability, plan))


def roc_curve(outcome: Floats, probability: Floats, plan: Plan, points: int = 200) -> Curve:
    """Sensitivity over 1 − specificity at up to 200 thresholds."""
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true = np.concatenate(([0.0], np.cumsum(outcome[order])[last])) / max(outcome.sum(), 1)
    false = np.concatenate(([0.0], np.cumsum(1 - outcome[order])[last])) / max((1 - outcome).sum(), 1)
    kept = np.unique(np.linspace(0, len(true) - 1, points).astype(int))
    return _curve("roc", false[kept], true[kept], None, None, ("1 − specificity", "sensitivity"), plan)


def _curve(
    name: str, x: Floats, y: Floats, low: Floats | None, high: Floats | None, labels: tuple[str, str], plan: Plan
) -> Curve:
    known = np.isfinite(y) if low is None or high is None else np.isfinite(y) & np.isfinite(low) & np.isfinite(high)
    rounded = [tuple(float(f"{e:.6g}") for e in each[known]) if each is not None else () for each in (x, y, low, high)]
    return Curve(
        name=name, candidate=plan.candidate, where=plan.where, x=rounded[0], y=rounded[1], low=rounded[2],
        high=rounded[3], x_label=labels[0], y_label=labels[1],
    )  # fmt: skip


def _of_values(target: Target, parts: list[Part], plan: Plan) -> Performance:
    names = Names()
    names.add(("r2", "mae", "rmse", "calibration_slope", "calibration_intercept", "mean_error"))
    own = [target.values[part.rows] for part in parts]

    def statistic(weights: Floats) -> Floats:
        found = []
        for part, outcome in zip(parts, own, strict=True):
            at = weights[part.rows]
            if at.sum() <= 0:
                continue
            given = (outcome, part.predicted, at)
            slope, intercept = values_of.calibration(*given)
            error = (values_of.r2(*given), values_of.mae(*given), values_of.rmse(*given))
            found.append(np.array([*error, slope, intercept, values_of.in_the_large(*given)]))
        return mean_of(found)

    rows = np.unique(np.concatenate([part.rows for part in parts]))
    measures = measured(statistic, target, names, plan, n=len(rows), n_events=None)
    return Performance(measures, () if plan.brief else (_value_curve(own[0], parts[0].predicted, plan),))


def _value_curve(outcome: Floats, predicted: Floats, plan: Plan) -> Curve:
    """Mean outcome by twentieths of the prediction, with its 95 % interval."""
    bands = max(2, min(20, len(outcome) // 20))
    edges = np.unique(np.quantile(predicted, np.arange(1, bands) / bands))
    band = np.searchsorted(edges, predicted, side="right")
    count = np.maximum(np.bincount(band), 1)
    x, y = np.bincount(band, predicted) / count, np.bincount(band, outcome) / count
    error = 1.96 * np.sqrt(np.maximum(np.bincount(band, np.square(outcome)) / count - y**2, 0) / count)
    return _curve("calibration", x, y, y - error, y + error, ("predicted", "observed mean"), plan)


def _of_classes(target: Target, parts: list[Part], plan: Plan) -> Performance:
    classes = target.values.astype(np.int64)
    names = Names()
    names.add(("auroc", "accuracy", "balanced_accuracy", "log_loss", "brier", "ece"))
    names.add([f"auroc:{name}" for name in target.classes])
    pieces = [_Classes.of(classes, part, len(target.classes)) for part in parts]

    def statistic(weights: Floats) -> Floats:
        return mean_of([piece.measures(weights) for piece in pieces])

    rows = np.unique(np.concatenate([part.rows for part in parts]))
    measures = measured(statistic, target, names, plan, n=len(rows), n_events=None)
    return Performance(measures)


@dataclass(frozen=True, slots=True)
class _Classes:
    """One repeat of a prediction of more than two classes."""

    part: Part
    outcome: Ints
    each: Floats
    ranked: tuple[tuple[Ints, tuple[Ranked, ...]], ...]
    top: tuple[Ints, Floats]

    @staticmethod
    def of(classes: Ints, part: Part, k: int) -> _Classes:
        own = classes[part.rows]
        given = part.predicted
        rows = np.arange(len(own))
        right = given.argmax(axis=1) == own
        one_hot = own[:, None] == np.arange(k)
        logged = -np.log(np.clip(given[rows, own], 1e-15, 1))
        squared = np.square(given - one_hot).sum(axis=1)
        ranked = tuple((at, tuple(Ranked.of(own[at] == c, given[at, c]) for c in range(k))) for at in part.each_fold())
        top = given.max(axis=1)
        wide = np.minimum((top * calibration.ECE_BINS).astype(np.int64), calibration.ECE_BINS - 1)
        return _Classes(part, own, np.column_stack([right, logged, squared, right - top]), ranked, (wide, top))

    def measures(self, weights: Floats) -> Floats:
        own = weights[self.part.rows]
        total = own.sum()
        areas = mean_of([np.array([each.auroc(own[at]) for each in many]) for at, many in self.ranked])
        accuracy, logged, squared, _ = own @ self.each / total
        count = np.bincount(self.outcome, own, len(areas))
        recalled = np.bincount(self.outcome, own * self.each[:, 0], len(areas))
        balanced = float(np.mean(recalled[count > 0] / count[count > 0]))
        ece = np.abs(np.bincount(self.top[0], own * self.each[:, 3])).sum() / total
        area = float(np.nanmean(areas)) if np.isfinite(areas).any() else np.nan
        return np.array([area, accuracy, balanced, logged, squared, ece, *areas])
