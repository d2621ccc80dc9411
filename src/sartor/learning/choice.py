"""Simplest first: a larger model is chosen only where its paired gain over the simpler one has an interval above 0.

Both are judged on the same rows, which neither learned from. The interval is a delete-a-group jackknife over fifty
random groups of patients (Kott 2001, Journal of Official Statistics 17:521), so one rule serves every measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning import metrics
from sartor.learning.learner import FloatArray
from sartor.learning.splits import outer_folds
from sartor.learning.stages import Choice
from sartor.learning.task import Target

LEVEL = 0.90
"""Coverage of the two-sided interval: a gain is accepted at the one-sided level of 5 %."""
BLOCKS = 50
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Contender:
    """A candidate with its predictions for rows left out: (r, n) or (r, n, classes), NaN where never predicted."""

    name: str
    complexity: int
    predicted: FloatArray


def mean_score(metric: str, target: Target, predicted: FloatArray, folds: Ints, keep: npt.NDArray[np.bool_]) -> float:
    """Mean of the measure over the folds of every repeat, on the rows kept; NaN folds left out.

    predicted: (r, n, …), folds: (r, n) with -1 where not predicted.
    """
    found = fold_scores(metric, target, predicted, folds, keep)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def fold_scores(
    metric: str, target: Target, predicted: FloatArray, folds: Ints, keep: npt.NDArray[np.bool_] | None = None
) -> FloatArray:
    """(r, folds) the measure within each fold."""
    count = int(folds.max(initial=0)) + 1
    scores = np.full((len(folds), count), np.nan)
    for repeat in range(len(folds)):
        for fold in range(count):
            inside = folds[repeat] == fold
            rows = np.flatnonzero(inside if keep is None else inside & keep)
            values = predicted[repeat][rows]
            if len(rows) and np.isfinite(values).all():
                scores[repeat, fold] = _score(metric, target.take(rows), values)
    return scores


def _score(metric: str, target: Target, values: FloatArray) -> float:
    if target.task is Task.CLASSIFICATION and len(np.unique(target.values)) < 2:
        return float("nan")
    try:
        return metrics.score(metric, target, values)
    except TooFewData:
        return float("nan")


def gain(
    metric: str,
    target: Target,
    larger: FloatArray,
    simpler: FloatArray,
    folds: Ints,
    *,
    groups: Ints | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[float, float, float]:
    """(gain, low, high) of one set of predictions over another on the same rows."""
    from scipy.stats import t

    units = target.units if groups is None else len(np.unique(groups))
    blocks = min(BLOCKS, units // 2)
    block = outer_folds(target, groups=groups, folds=blocks, seed=seed)[0]

    def difference(keep: npt.NDArray[np.bool_]) -> float:
        first, second = (fold_scores(metric, target, each, folds, keep) for each in (larger, simpler))
        apart = first - second
        return float(np.nanmean(apart)) if np.isfinite(apart).any() else float("nan")

    whole = difference(np.ones(len(target), dtype=bool))
    without = np.array([difference(block != k) for k in range(blocks)])
    spread = float(np.sqrt((blocks - 1) / blocks * np.nansum((without - np.nanmean(without)) ** 2)))
    reach = float(t.ppf((1 + level) / 2, blocks - 1)) * spread
    return whole, whole - reach, whole + reach


def simplest_first(
    contenders: Sequence[Contender],
    metric: str,
    target: Target,
    folds: Ints,
    *,
    groups: Ints | None = None,
    seed: int = 0,
    fold: int | None = None,
) -> tuple[str, tuple[Choice, ...]]:
    """The chosen name, and every comparison made: the best of each complexity against what was chosen so far.

    fold: which outer fold this is, None for the final choice. The simplest contender needs no reason.
    """
    keep = np.ones(len(target), dtype=bool)
    scored = [(each, mean_score(metric, target, each.predicted, folds, keep)) for each in contenders]
    known = [(each, score) for each, score in scored if np.isfinite(score)]
    if not known:
        raise TooFewData("no candidate could be scored", todo="give more rows or events")
    levels: dict[int, tuple[Contender, float]] = {}
    for each, score in known:
        if each.complexity not in levels or score > levels[each.complexity][1]:
            levels[each.complexity] = (each, score)
    chosen: Contender | None = None
    made = []
    for complexity in sorted(levels):
        best = levels[complexity][0]
        if chosen is None:
            chosen = best
            continue
        value, low, high = gain(metric, target, best.predicted, chosen.predicted, folds, groups=groups, seed=seed)
        accepted = low > 0
        made.append(Choice(best.name, chosen.name, value, low, high, accepted, fold))
        chosen = best if accepted else chosen
    assert chosen is not None
    return chosen.name, tuple(made)
