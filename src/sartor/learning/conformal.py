"""How sure a prediction is: sets and intervals with a stated coverage, and Venn–Abers bounds of a probability.

Everything is learned from out-of-fold predictions (cross-conformal, Vovk 2015, doi:10.1007/s10472-013-9368-4):
rows that the predicting model had not seen.

* Prediction sets hold within each class (Mondrian; Vovk 2013, doi:10.1007/s10994-013-5355-6), so that the rarer class
  is covered as often as it should be.
* Groups may overlap. A group's limit is the class's limit plus a shift for each group that a row belongs to; the
  shifts are found by coordinate descent on the pinball loss, at whose end the share covered is right in every group
  at once (quantile regression on group indicators: Gibbs, Cherian and Candès 2023, arXiv:2305.12616).
* The probability of an outcome gets the bounds of an inductive Venn–Abers predictor (Vovk et al. 2015,
  arXiv:1511.00213) on quantised scores: a coarser score is a score, so validity stays, and a bound is one lookup.
* A relative hazard and an absolute risk get jackknife intervals, a time to event the time that the stated share
  outlive: see `survival_uncertainty`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.errors import ModelRefused, TooFewData
from sartor.learning.population_groups import PopulationGroup, membership
from sartor.learning.stages import OutOfFold
from sartor.learning.survival_uncertainty import jackknife, level_outlived
from sartor.learning.task import Target

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

COVERAGE = 0.9
LEAST_GROUP = 100
LEAST_IN_CLASS = 20
BANDS = 5
ROWS_PER_BAND = 100
STEPS = 400
PASSES = 100
WHERE = "conformal.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limit of a score: `base` + the shifts of the groups that a row belongs to; at or under it is inside."""

    base: float
    shifts: tuple[float, ...] = ()

    @staticmethod
    def fit(scores: Floats, members: Mask, share: float, *, least: int = LEAST_IN_CLASS) -> Limits:
        """Limits under which `share` of the scores lie, overall and in each group (column of `members`) at once.

        A group with fewer than `least` scores gets no shift. +inf where there are too few scores to promise anything.
        """
        base = upper_quantile(scores, share)
        rows = [np.flatnonzero(column) for column in members.T]
        shifts = np.zeros(len(rows))
        used = [k for k, each in enumerate(rows) if len(each) >= least and np.isfinite(base)]
        limit = np.full(len(scores), base)
        for _ in range(PASSES if used else 0):
            greatest = 0.0
            for k in used:
                step = upper_quantile(scores[rows[k]] - limit[rows[k]], share)
                if not np.isfinite(step):
                    continue
                shifts[k] += step
                limit[rows[k]] += step
                greatest = max(greatest, abs(step))
            if greatest < 1e-6:
                break
        return Limits(float(base), tuple(float(each) for each in shifts))

    def of(self, members: Mask | None, n: int) -> Floats:
        """The limit of each of n rows; without `members` as if in no group."""
        if members is None or not self.shifts:
            return np.full(n, self.base)
        return np.asarray(self.base + members @ np.array(self.shifts))


@dataclass(frozen=True, slots=True)
class Lookup:
    """A step function: `low` and `high` of the step that a score falls on. edges: (steps − 1,), within the step."""

    edges: Floats
    low: Floats
    high: Floats

    def at(self, values: Floats) -> tuple[Floats, Floats]:
        """The bounds of each value."""
        step = np.searchsorted(self.edges, values, side="left")
        return self.low[step], self.high[step]


@dataclass(frozen=True, slots=True)
class Conformal:
    """What is known of the errors of a model.

    limits:   classification: one per class, of the score −log odds of the class. Regression: two, of prediction −
              outcome and of outcome − prediction.
    marginal: the limit that one gets without regard to classes and groups, for comparison.
    lookup:   binary: Venn–Abers bounds by probability. Survival: standard error of the log relative hazard by margin
              (`low` = `high`).
    edges:    regression: bounds of bands of the predicted value, which count as groups.
    risks:    survival: by horizon, the standard error of log(−log(1 − risk)) by margin, as in `lookup`.
    times, level: survival: times of the predicted incidence, and the level of it that `coverage` reach without the
              event; None where follow-up does not tell.
    """

    task: Task
    coverage: float
    limits: tuple[Limits, ...] = ()
    marginal: float = float("inf")
    groups: tuple[PopulationGroup, ...] = ()
    lookup: Lookup | None = None
    edges: tuple[float, ...] = ()
    risks: tuple[tuple[float, Lookup], ...] = ()
    times: tuple[float, ...] = ()
    level: float | None = None

    @classmethod
    def of_times(
        cls,
        out: OutOfFold,
        target: Target,
        *,
        horizons: Sequence[float] = (),
        test_share: float = 0.2,
        coverage: float = COVERAGE,
    ) -> Conformal:
        """Learn from all that a cross-validation says of times to event.

        horizons: times of absolute risk. test_share: the share of rows left out in each fold.
        """
        errors = jackknife(out, horizons, test_share=test_share, coverage=coverage)
        lookup: Lookup | None = None
        risks: tuple[tuple[float, Lookup], ...] = ()
        if errors is not None:
            lookup = Lookup(errors.edges, errors.hazard, errors.hazard.copy())
            at = zip(horizons, errors.risks, strict=False)
            risks = tuple((float(horizon), Lookup(errors.edges, each, each.copy())) for horizon, each in at)
        if out.survival is None or out.times is None:
            return cls(target.task, coverage, lookup=lookup, risks=risks)
        rows = np.flatnonzero(np.isfinite(out.survival[0]).all(axis=1))
        grid = np.asarray(out.times, dtype=float)
        level = level_outlived(target.take(rows), out.survival[0][rows], grid, coverage) if len(rows) >= 20 else None
        times = () if level is None else tuple(float(each) for each in grid)
        return cls(target.task, coverage, lookup=lookup, risks=risks, times=times, level=level)

    @classmethod
    def fit(
        cls,
        out_of_fold: npt.ArrayLike,
        target: Target,
        *,
        groups: Sequence[PopulationGroup] = (),
        people: Cohort | None = None,
        coverage: float = COVERAGE,
        test_share: float = 0.2,
    ) -> Conformal:
        """Learn from predictions of rows that were not learned from.

        out_of_fold: (n,), (n, classes), (r, n) or (r, n, classes): probabilities, values, or log relative hazards, as
                     the model will give them (recalibrated); NaN where a row was never predicted.
        groups:      those within which coverage is to hold as well; `people` has their columns. Groups of fewer than
                     100 are left out.
        test_share:  the share of rows left out in each fold (survival's jackknife).
        """
        repeats = _repeats(np.asarray(out_of_fold, dtype=float), len(target), target)
        kept, members = _kept(groups, people, len(target))
        if target.task is Task.SURVIVAL:
            return cls.of_times(OutOfFold(repeats), target, test_share=test_share, coverage=coverage)
        stacked, rows = _stack(repeats)
        if len(rows) < LEAST_IN_CLASS:
            raise TooFewData(f"{len(rows)} predictions", todo="conformal prediction needs at least twenty")
        outcome, inside = target.values[rows], members[rows]
        if target.task is Task.REGRESSION:
            return cls._of_values(stacked, outcome, inside, kept, coverage)
        return cls._of_classes(stacked, outcome, inside, kept, coverage, len(repeats))

    @classmethod
    def _of_classes(
        cls, probabilities: Floats, outcome: Floats, members: Mask, groups: Any, coverage: float, repeats: int
    ) -> Conformal:
        scores = class_scores(probabilities)
        limits = []
        for k in range(scores.shape[1]):
            true = outcome == k
            limits.append(Limits.fit(scores[true, k], members[true], coverage))
        of_truth = scores[np.arange(len(scores)), outcome.astype(int)]
        lookup = venn_abers(probabilities[:, 1], outcome, 1 / repeats) if scores.shape[1] == 2 else None
        marginal = upper_quantile(of_truth, coverage)
        return cls(Task.CLASSIFICATION, coverage, tuple(limits), marginal, groups, lookup)

    @classmethod
    def _of_values(cls, values: Floats, outcome: Floats, members: Mask, groups: Any, coverage: float) -> Conformal:
        bands = min(BANDS, len(values) // ROWS_PER_BAND)
        edges = np.unique(np.quantile(values, np.arange(1, bands) / bands)) if bands > 1 else np.empty(0)
        inside = np.column_stack([members, _in_band(values, edges)])
        half = (1 + coverage) / 2
        limits = (Limits.fit(values - outcome, inside, half), Limits.fit(outcome - values, inside, half))
        marginal = upper_quantile(np.abs(outcome - values), coverage)
        return cls(Task.REGRESSION, coverage, limits, marginal, groups, None, tuple(float(e) for e in edges))

    def members(self, cohort: Cohort) -> Mask:
        """Who belongs to which of the groups, (n, groups): what `sets` and `interval` take."""
        return membership(self.groups, cohort)

    def sets(self, probabilities: npt.ArrayLike, members: Mask | None = None) -> Mask:
        """Which classes cannot be ruled out, (n, classes); none at all means: unlike either class.

        probabilities: (n, classes), or (n,) of class 1.
        """
        scores = class_scores(_two_columns(np.asarray(probabilities, dtype=float)))
        found = np.zeros(scores.shape, dtype=bool)
        for k, limits in enumerate(self.limits):
            found[:, k] = scores[:, k] <= limits.of(members, len(scores))
        return found

    def naive_sets(self, probabilities: npt.ArrayLike) -> Mask:
        """The sets of marginal conformal prediction: right on average, and wrong for rare classes. For comparison."""
        return np.asarray(class_scores(_two_columns(np.asarray(probabilities, dtype=float))) <= self.marginal)

    def interval(self, value: npt.ArrayLike, members: Mask | None = None) -> tuple[Floats, Floats]:
        """(low, high) of each prediction, (n,) each; the prediction lies inside.

        Binary: Venn–Abers bounds of the probability. Regression: where the outcome lies with the stated coverage.
        Survival: jackknife interval of the relative hazard (`value` > 0) at the stated coverage. NaN where unknown.
        """
        values = np.asarray(value, dtype=float)
        if self.task is Task.REGRESSION:
            known = np.zeros((len(values), len(self.groups)), bool) if members is None else members
            inside = np.column_stack([known, _in_band(values, np.array(self.edges))])
            low, high = (each.of(inside, len(values)) for each in self.limits)
            return np.minimum(values - low, values), np.maximum(values + high, values)
        if self.lookup is None:
            return np.full(len(values), np.nan), np.full(len(values), np.nan)
        if self.task is Task.CLASSIFICATION:
            below, above = self.lookup.at(values)
            return np.minimum(below, values), np.maximum(above, values)
        margin = np.log(np.maximum(values, 1e-300))
        reach = NormalDist().inv_cdf((1 + self.coverage) / 2) * self.lookup.at(margin)[0]
        return np.exp(margin - reach), np.exp(margin + reach)

    def risk_interval(self, horizon: float, risk: npt.ArrayLike, margin: npt.ArrayLike) -> tuple[Floats, Floats]:
        """(low, high) of the risk by a horizon, (n,) each; margin: as it was learned. NaN where unknown."""
        values = np.clip(np.asarray(risk, dtype=float), 1e-9, 1 - 1e-9)
        lookup = next((each for at, each in self.risks if at == float(horizon)), None)
        if lookup is None:
            return np.full(len(values), np.nan), np.full(len(values), np.nan)
        reach = NormalDist().inv_cdf((1 + self.coverage) / 2) * lookup.at(np.asarray(margin, dtype=float))[0]
        level = np.log(-np.log1p(-values))
        return -np.expm1(-np.exp(level - reach)), -np.expm1(-np.exp(level + reach))

    def to_json(self) -> bytes:
        """Its state as JSON."""
        lookup = None
        if self.lookup is not None:
            lookup = {name: _plain(getattr(self.lookup, name)) for name in ("edges", "low", "high")}
        state: dict[str, Any] = {
            "format": 1,
            "task": self.task.value,
            "coverage": self.coverage,
            "limits": [{"base": _finite(each.base), "shifts": list(each.shifts)} for each in self.limits],
            "marginal": _finite(self.marginal),
            "groups": [group.to_state() for group in self.groups],
            "lookup": lookup,
            "edges": list(self.edges),
        }
        if self.task is Task.SURVIVAL:
            state["risks"] = [
                [at, {name: _plain(getattr(each, name)) for name in ("edges", "low", "high")}]
                for at, each in self.risks
            ]
            state |= {"times": list(self.times), "level": self.level}
        return (json.dumps(state, ensure_ascii=False, allow_nan=False, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Conformal:
        """The state again. Raises ModelRefused for anything else."""
        try:
            state = json.loads(content)
            lookup = state["lookup"]
            return cls(
                task=Task(state["task"]),
                coverage=float(state["coverage"]),
                limits=tuple(Limits(_number(e["base"]), tuple(map(float, e["shifts"]))) for e in state["limits"]),
                marginal=_number(state["marginal"]),
                groups=tuple(PopulationGroup.from_state(each) for each in state["groups"]),
                lookup=None if lookup is None else _lookup(lookup),
                edges=tuple(float(each) for each in state["edges"]),
                risks=tuple((float(at), _lookup(each)) for at, each in state.get("risks", ())),
                times=tuple(float(each) for each in state.get("times", ())),
                level=None if state.get("level") is None else float(state["level"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ModelRefused("cannot be read", where=WHERE, todo="export the model again") from error


@dataclass(frozen=True, slots=True)
class Coverage:
    """For each row: is its outcome covered, would a marginal set cover it, how wide is its set or interval."""

    conditional: Mask
    marginal: Mask
    width: Floats


def coverage_in_turn(
    predicted: Floats,
    target: Target,
    fold: npt.NDArray[np.int64],
    *,
    groups: Sequence[PopulationGroup] = (),
    people: Cohort | None = None,
    coverage: float = COVERAGE,
) -> Coverage:
    """Calibrate on the out-of-fold predictions of all folds but one, and test on that one, in turn.

    predicted: (n,) or (n, classes), without NaN. fold: (n,), patients whole. people: the columns of the groups.
    """
    n = len(target)
    found = Coverage(np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.full(n, np.nan))
    for k in np.unique(fold):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        of_train = None if people is None or not groups else people.take(train)
        conformal = Conformal.fit(
            predicted[train], target.take(train), groups=groups, people=of_train, coverage=coverage
        )
        members = conformal.members(people.take(test)) if people is not None and groups else None
        outcome = target.values[test]
        if target.task is Task.REGRESSION:
            low, high = conformal.interval(predicted[test], members)
            found.conditional[test] = (low <= outcome) & (outcome <= high)
            found.marginal[test] = np.abs(outcome - predicted[test]) <= conformal.marginal
            found.width[test] = high - low
            continue
        sets, naive = conformal.sets(predicted[test], members), conformal.naive_sets(predicted[test])
        rows, classes = np.arange(len(test)), outcome.astype(int)
        found.conditional[test], found.marginal[test] = sets[rows, classes], naive[rows, classes]
        found.width[test] = sets.sum(axis=1)
    return found


def upper_quantile(scores: Floats, share: float) -> float:
    """The ⌈(n + 1) share⌉-th smallest score, +inf if there is none: the next score lies under it with that chance."""
    n = len(scores)
    rank = int(np.ceil((n + 1) * share - 1e-9))
    return float(np.partition(scores, rank - 1)[rank - 1]) if 0 < rank <= n else float("inf")


def class_scores(probabilities: Floats) -> Floats:
    """How ill each class fits, (n, classes): −log odds of its probability."""
    inside = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log1p(-inside) - np.log(inside))


def venn_abers(probability: Floats, outcome: Floats, weight: float = 1.0, *, steps: int = STEPS) -> Lookup:
    """Bounds (p0, p1) for each step of the quantised probability: isotonic fits with the new row as 0 and as 1.

    weight: of each calibration row beside the new one (1/r where a row comes from r repeats).
    """
    from scipy.optimize import isotonic_regression

    edges = np.unique(np.quantile(probability, np.arange(1, steps) / steps, method="inverted_cdf"))
    step = np.searchsorted(edges, probability, side="left")
    count = np.bincount(step, minlength=len(edges) + 1) * weight
    events = np.bincount(step, weights=outcome, minlength=len(edges) + 1) * weight
    bounds = np.empty((2, len(count)))
    for k in range(len(count)):
        added = count.copy()
        added[k] += 1
        for label in (0, 1):
            shares = events.copy()
            shares[k] += label
            some = added > 0
            fitted = isotonic_regression(shares[some] / added[some], weights=added[some]).x
            bounds[label, k] = fitted[int(some[:k].sum())]
    return _merged(edges, bounds)


def _merged(edges: Floats, bounds: Floats) -> Lookup:
    change = np.any(np.diff(bounds, axis=1) != 0, axis=0)
    keep = np.concatenate(([True], change))
    return Lookup(edges[change], bounds[0, keep], bounds[1, keep])


def _repeats(predicted: Floats, n: int, target: Target) -> Floats:
    """(r, n) or (r, n, classes)."""
    if target.task is Task.CLASSIFICATION:
        if predicted.ndim == 3:
            return predicted
        with_repeats = predicted.ndim == 2 and predicted.shape[0] != n
        values = predicted if with_repeats else predicted[None]
        return np.stack([1 - values, values], axis=-1) if values.ndim == 2 else values
    return predicted if predicted.ndim == 2 else predicted[None]


def _stack(repeats: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """All repeats below each other, NaN left out, with the row that each comes from."""
    stacked = repeats.reshape(-1, *repeats.shape[2:])
    rows = np.tile(np.arange(repeats.shape[1]), len(repeats))
    known = np.isfinite(stacked) if stacked.ndim == 1 else np.isfinite(stacked).all(axis=1)
    return stacked[known], rows[known]


def _kept(groups: Sequence[PopulationGroup], people: Cohort | None, n: int) -> tuple[tuple[PopulationGroup, ...], Mask]:
    if people is None or not groups:
        return (), np.zeros((n, 0), dtype=bool)
    members = membership(groups, people)
    large = np.flatnonzero(members.sum(axis=0) >= LEAST_GROUP)
    return tuple(groups[int(k)] for k in large), members[:, large]


def _in_band(values: Floats, edges: Floats) -> Mask:
    if not len(edges):
        return np.zeros((len(values), 0), dtype=bool)
    return np.asarray(np.searchsorted(edges, values, side="right")[:, None] == np.arange(len(edges) + 1))


def _two_columns(probabilities: Floats) -> Floats:
    return np.column_stack([1 - probabilities, probabilities]) if probabilities.ndim == 1 else probabilities


def _plain(values: Floats) -> list[float]:
    return [float(f"{each:.9g}") for each in values]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _number(value: Any) -> float:
    return float("inf") if value is None else float(value)


def _lookup(state: Mapping[str, Any]) -> Lookup:
    edges, low, high = (np.array(state[name], dtype=float) for name in ("edges", "low", "high"))
    if len(low) != len(edges) + 1 or len(high) != len(low):
        raise ValueError("bounds and edges do not match")
    return Lookup(edges, low, high)
