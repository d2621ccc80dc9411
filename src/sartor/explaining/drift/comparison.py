"""New rows set against the training rows: a size and a test for every change, corrected for how many were looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import erfc, sqrt

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.validation import Measure
from sartor.explaining.drift.policy import Policy
from sartor.explaining.drift.reference import Distribution, Reference
from sartor.learning.performance import Plan, performance
from sartor.learning.stages import OutOfFold
from sartor.learning.task import Target

Floats = npt.NDArray[np.float64]
TENTHS = 10
NONE, WATCH, DRIFT = "none", "watch", "drift"


@dataclass(frozen=True, slots=True)
class InputDrift:
    """How one input (or the prediction) changed.

    psi: population stability index over tenths of the training values, or labels. p_value: Kolmogorov–Smirnov or χ²,
    p_missing: two shares; both corrected by Holm over all inputs. level: "none", "watch" or "drift".
    """

    name: str
    n: int
    psi: float
    p_value: float
    missing_before: float
    missing_now: float
    p_missing: float
    new_labels: tuple[str, ...] = ()
    new_share: float = 0.0
    absent: bool = False
    level: str = NONE


@dataclass(frozen=True, slots=True)
class Period:
    """Calibration of one stretch of time: observed over expected with its interval, corrected over the periods."""

    start: float
    end: float
    n: int
    n_events: int | None
    measure: str
    value: float | None
    low: float | None
    high: float | None
    off: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """Everything that monitoring found."""

    n: int
    inputs: tuple[InputDrift, ...]
    prediction: InputDrift
    unusual_share: float | None = None
    measures: tuple[Measure, ...] = ()
    periods: tuple[Period, ...] = ()
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def drifted(self) -> tuple[InputDrift, ...]:
        """Inputs that changed markedly."""
        return tuple(each for each in self.inputs if each.level == DRIFT)

    def measure(self, name: str) -> Measure | None:
        """The measure of that name on the new rows."""
        return next((each for each in self.measures if each.name == name and each.at is None), None)


def compare(
    reference: Reference,
    cohort: Cohort,
    predicted: npt.ArrayLike,
    policy: Policy,
    *,
    target: Target | None = None,
    dates: Floats | None = None,
    novelty: Floats | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> Drift:
    """What changed.

    cohort: new rows; an input that is not there counts as missing for everyone. predicted: (n,) as the reference's.
    target: outcomes, where they are known. dates: (n,) days. novelty: (n,) p-values of the model's measure of novelty.
    """
    values = np.asarray(predicted, dtype=float)
    raw = [_input(each, cohort, policy) for each in reference.inputs]
    inputs = _levelled(raw, policy)
    own = Column("prediction", ColumnKind.NUMBER, values[np.isfinite(values)])
    prediction = _levelled([_input(reference.predicted, Cohort((own,)), policy)], policy)[0]
    measures: tuple[Measure, ...] = ()
    periods: tuple[Period, ...] = ()
    if target is not None and len(target):
        plan = Plan(resamples=resamples, seed=seed, where="monitoring", brief=True)
        measures = performance(target, OutOfFold(values[None]), plan).measures
        if dates is not None:
            periods = over_time(target, values, dates, policy)
    share = None if novelty is None else float((novelty < 0.05).mean())
    return Drift(len(cohort), tuple(inputs), prediction, share, measures, periods)


def over_time(target: Target, predicted: Floats, dates: Floats, policy: Policy) -> tuple[Period, ...]:
    """Calibration by stretches of equal numbers of rows, at most twelve, in order of time; dates missing are left out.

    Binary: observed over expected with a Wilson interval of the observed share. Otherwise: the mean error.
    """
    known = np.flatnonzero(np.isfinite(dates) & np.isfinite(predicted))
    known = known[np.argsort(dates[known], kind="stable")]
    least = policy.rows_per_period
    if target.is_binary:
        share = max(float((target.values[known] == 1).mean()), 1e-9) if len(known) else 1.0
        least = max(least, int(np.ceil(policy.events_per_period / min(share, 1 - share + 1e-9))))
    count = min(12, len(known) // max(least, 1))
    if count < 1 or target.events is not None:
        return ()
    z = _normal_quantile(1 - policy.family_error / (2 * count))
    return tuple(_period(target, predicted, dates, rows, z) for rows in np.array_split(known, count))


def _period(target: Target, predicted: Floats, dates: Floats, rows: npt.NDArray[np.int64], z: float) -> Period:
    from sartor.explaining.fairness import wilson

    start, end, n = float(dates[rows].min()), float(dates[rows].max()), len(rows)
    if target.is_binary:
        outcome = target.values[rows] == 1
        expected = max(float(predicted[rows].mean()), 1e-12)
        low, high = (each / expected for each in wilson(float(outcome.sum()), n, z))
        value = float(outcome.mean()) / expected
        return Period(start, end, n, int(outcome.sum()), "observed_expected", value, low, high, not low <= 1 <= high)
    error = target.values[rows] - predicted[rows]
    half = z * float(error.std(ddof=1)) / sqrt(n) if n > 1 else 0.0
    mean = float(error.mean())
    return Period(start, end, n, None, "mean_error", mean, mean - half, mean + half, abs(mean) > half)


def _input(before: Distribution, cohort: Cohort, policy: Policy) -> InputDrift:
    n = len(cohort)
    if before.name not in cohort:
        p_missing = _two_shares(before.missing, before.n, 1.0, n)
        return InputDrift(before.name, n, 0.0, 1.0, before.missing, 1.0, p_missing, absent=True)
    column = cohort.column(before.name)
    missing = float(column.missing.mean()) if n else 0.0
    p_missing = _two_shares(before.missing, before.n, missing, n)
    size = before.n * (1 - before.missing)
    if before.is_number:
        values = _numbers(column)
        values = values[np.isfinite(values)]
        psi, p_value = _of_numbers(np.array(before.quantiles), size, values)
        return InputDrift(before.name, n, psi, p_value, before.missing, missing, p_missing)
    labels = [_one_way(label) for label in column.labels() if label]
    psi, p_value, new, share = _of_labels(_summed(before.shares or {}), size, labels)
    return InputDrift(before.name, n, psi, p_value, before.missing, missing, p_missing, new, share)


def _one_way(label: str) -> str:
    """A label, whole numbers written one way: "1.0" is "1", whichever table it comes from."""
    try:
        return f"{float(label):.12g}"
    except ValueError:
        return label


def _summed(shares: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for label, share in shares.items():
        found[_one_way(label)] = found.get(_one_way(label), 0.0) + share
    return found


def _of_numbers(quantiles: Floats, size: float, values: Floats) -> tuple[float, float]:
    """PSI over tenths, and the Kolmogorov–Smirnov test against the distribution that the quantiles describe."""
    if not len(values) or not len(quantiles) or size < 1:
        return 0.0, 1.0
    edges = np.unique(quantiles[TENTHS:-1:TENTHS])
    shares = np.linspace(0, 1, len(quantiles))
    before = np.diff(np.concatenate(([0.0], _cumulative(quantiles, shares, edges), [1.0])))
    now = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) / len(values)
    points = np.unique(np.concatenate([quantiles, np.quantile(values, shares)]))
    there = np.searchsorted(np.sort(values), points, side="right") / len(values)
    statistic = float(np.abs(there - _cumulative(quantiles, shares, points)).max())
    together = sqrt(size * len(values) / (size + len(values)))
    return _psi(before, now), _kolmogorov(statistic * (together + 0.12 + 0.11 / together))


def _cumulative(quantiles: Floats, shares: Floats, at: Floats) -> Floats:
    """Share of training values at or under each point; where quantiles repeat, the highest share counts."""
    above = np.searchsorted(quantiles, at, side="right")
    low = np.clip(above - 1, 0, len(quantiles) - 1)
    high = np.clip(above, 0, len(quantiles) - 1)
    gap = quantiles[high] - quantiles[low]
    part = np.divide(at - quantiles[low], gap, out=np.zeros(len(at)), where=gap > 0)
    found = shares[low] + (shares[high] - shares[low]) * np.clip(part, 0, 1)
    return np.where(at < quantiles[0], 0.0, np.where(at >= quantiles[-1], 1.0, found))


def _of_labels(
    shares: dict[str, float] | object, size: float, labels: Sequence[str]
) -> tuple[float, float, tuple[str, ...], float]:
    """PSI and χ² test over the labels; labels that training never saw, and their share."""
    from scipy.stats import chi2

    known = dict(shares) if isinstance(shares, dict) else {}
    if not labels or size < 1:
        return 0.0, 1.0, (), 0.0
    names, counts = np.unique(np.array(labels, dtype=object).astype(str), return_counts=True)
    now = dict(zip(names.tolist(), counts.tolist(), strict=True))
    every = sorted({*known, *now})
    before = np.array([known.get(name, 0.0) for name in every])
    after = np.array([float(now.get(name, 0)) for name in every])
    new = tuple(name for name in every if name not in known)
    total = len(labels)
    expected = (before * size + after) / (size + total)
    keep = expected * min(size, total) >= 1
    first = np.append((before * size)[keep], (before * size)[~keep].sum())
    second = np.append(after[keep], after[~keep].sum())
    pooled = (first + second) / (size + total)
    some = pooled > 0
    statistic = (np.square(first - size * pooled)[some] / (size * pooled)[some]).sum()
    statistic += (np.square(second - total * pooled)[some] / (total * pooled)[some]).sum()
    p_value = float(chi2.sf(statistic, max(int(some.sum()) - 1, 1)))
    return _psi(before, after / total), p_value, new, float(sum(now[name] for name in new) / total)


def _psi(before: Floats, now: Floats) -> float:
    """Σ (now − before) log(now / before); empty cells count as a ten-thousandth."""
    first, second = np.maximum(before, 1e-4), np.maximum(now, 1e-4)
    return float(((second - first) * np.log(second / first)).sum())


def _levelled(found: Sequence[InputDrift], policy: Policy) -> list[InputDrift]:
    from dataclasses import replace

    corrected = _holm([p for each in found for p in (each.p_value, each.p_missing)])
    levelled = []
    for k, each in enumerate(found):
        p_value, p_missing = corrected[2 * k], corrected[2 * k + 1]
        changed = p_value < policy.family_error
        gaps = p_missing < policy.family_error and abs(each.missing_now - each.missing_before) >= policy.missing_change
        level = NONE
        if (changed and each.psi >= policy.psi_watch) or gaps or each.new_share > policy.missing_change:
            level = WATCH
        if (changed and each.psi >= policy.psi_drift) or each.absent or (gaps and each.missing_now > 0.5):
            level = DRIFT
        levelled.append(replace(each, p_value=p_value, p_missing=p_missing, level=level))
    return levelled


def _holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979, Scand J Stat 6:65)."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    adjusted = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * (count - np.arange(count)))
    found = np.empty(count)
    found[order] = np.minimum(adjusted, 1.0)
    return [float(each) for each in found]


def _kolmogorov(value: float) -> float:
    """P(a Kolmogorov-distributed variable exceeds the value)."""
    if value < 0.2:
        return 1.0
    terms = np.arange(1, 101)
    return float(np.clip(2 * np.sum((-1.0) ** (terms - 1) * np.exp(-2 * terms**2 * value**2)), 0, 1))


def _two_shares(before: float, size: float, now: float, n: float) -> float:
    """Two-sided p of a difference of two shares (pooled normal test); 1 where it cannot be told."""
    if not size or not n:
        return 1.0
    pooled = (before * size + now * n) / (size + n)
    error = sqrt(pooled * (1 - pooled) * (1 / size + 1 / n))
    return erfc(abs(now - before) / error / sqrt(2)) if error > 0 else 1.0


def _numbers(column: Column) -> Floats:
    if column.kind is not ColumnKind.CATEGORY:
        return np.asarray(column.values, dtype=float)
    return np.array([_number(label) for label in column.labels()])


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")


def _normal_quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)
