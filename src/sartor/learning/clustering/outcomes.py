"""What became of each group: survival curves with bands, event rates, and whether they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sartor.domain.model import Task
from sartor.learning.clustering.methods import Labels
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target

Z = 1.959964


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """One group: n, events, and its curve (survival) or its rate or mean with a 95 % interval.

    times, survival, low, high: Kaplan–Meier with Greenwood's band on the log-minus-log scale; empty unless survival.
    value, value_low, value_high: share with the outcome (Wilson), mean (t), or survival at the horizon.
    """

    group: int
    n: int
    events: int | None
    value: float
    value_low: float
    value_high: float
    times: FloatArray
    survival: FloatArray
    low: FloatArray
    high: FloatArray


def outcomes(target: Target, labels: Labels, k: int, *, horizon: float | None = None) -> tuple[GroupOutcome, ...]:
    """Each group's outcome; `horizon` is the time at which survival is stated."""
    return tuple(_of_group(target.take(labels == group), group, horizon) for group in range(k))


def _of_group(target: Target, group: int, horizon: float | None) -> GroupOutcome:
    none = np.empty(0)
    n = len(target)
    if target.task is Task.SURVIVAL:
        times, survival, low, high = kaplan_meier_band(target)
        at = int(np.searchsorted(times, horizon if horizon is not None else np.inf, side="right")) - 1
        value = (1.0, 1.0, 1.0) if at < 0 else (float(survival[at]), float(low[at]), float(high[at]))
        assert target.events is not None
        return GroupOutcome(group, n, int((target.events == EVENT).sum()), *value, times, survival, low, high)
    if target.task is Task.CLASSIFICATION:
        events = int((target.values == 1).sum())
        return GroupOutcome(group, n, events, events / max(n, 1), *wilson(events, n), none, none, none, none)
    mean = float(target.values.mean())
    half = Z * float(target.values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return GroupOutcome(group, n, None, mean, mean - half, mean + half, none, none, none, none)


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if not n:
        return float("nan"), float("nan")
    middle = (k + Z**2 / 2) / (n + Z**2)
    half = Z / (n + Z**2) * float(np.sqrt(k * (n - k) / n + Z**2 / 4))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def kaplan_meier_band(target: Target) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(times of events, survival, low, high): Greenwood's variance, log-minus-log (Kalbfleisch, Prentice 1980)."""
    assert target.events is not None
    times = np.unique(target.values[target.events == EVENT])
    ascending = np.sort(target.values)
    at_risk = len(ascending) - np.searchsorted(ascending, times, side="left")
    died_at = np.sort(target.values[target.events == EVENT])
    died = np.searchsorted(died_at, times, side="right") - np.searchsorted(died_at, times, side="left")
    survival = np.cumprod(1 - died / at_risk)
    inside = (survival > 0) & (survival < 1)
    variance = np.cumsum(died / np.maximum(at_risk * (at_risk - died), 1e-12))
    safe = np.where(inside, survival, 0.5)
    half = np.where(inside, Z * np.sqrt(np.where(inside, variance, 0.0)) / np.abs(np.log(safe)), 0.0)
    low = np.where(inside, safe ** np.exp(half), survival)
    high = np.where(inside, safe ** np.exp(-half), survival)
    return times, np.asarray(survival, dtype=float), low, np.asarray(high, dtype=float)


def differ(target: Target, labels: Labels) -> tuple[str, float]:
    """(name of the test, p): log-rank, χ² of independence, or Kruskal–Wallis, over all groups."""
    if target.task is Task.SURVIVAL:
        from sksurv.compare import compare_survival

        assert target.events is not None
        outcome = np.array(
            list(zip(target.events == EVENT, target.values, strict=True)), dtype=[("event", bool), ("time", float)]
        )
        return "logrank", float(compare_survival(outcome, labels)[1])
    from scipy import stats

    groups = [target.values[labels == group] for group in np.unique(labels)]
    if target.task is Task.REGRESSION:
        return "kruskal", float(stats.kruskal(*groups).pvalue)
    table = np.array([[(values == 0).sum(), (values == 1).sum()] for values in groups])
    return "chi2", float(stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)
