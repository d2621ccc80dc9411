"""How strongly one column alone tells the outcome, out of fold, for any kind of column and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Column, ColumnKind
from sartor.domain.model import Task
from sartor.learning.task import EVENT, Target

BINS: Final = 20
FOLDS: Final = 5
PRIOR_ROWS: Final = 2.0
PAIRED: Final = 2000
"""Rows among which all pairs are compared."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Association:
    """The strength of one column alone.

    measure: "AUC", "R2", "concordance" or "rank correlation with time"; value: oriented, so that larger is stronger.
    shorter: two classes: P(value smaller in the outcome class), 0.5 for no numbers.
    """

    measure: str
    value: float
    shorter: float = 0.5


def associations(column: Column, target: Target, folds: npt.NDArray[np.int64]) -> list[Association]:
    """Every way in which the column could give the outcome away.

    folds: (n,) 0 … FOLDS − 1; rows of one group in one fold.
    """
    levels = levels_of(column)
    if target.task is Task.REGRESSION:
        return [Association("R2", _explained(column, levels, target.values, folds))]
    if target.task is Task.SURVIVAL:
        return _with_survival(column, levels, target, folds)
    return [_with_class(column, levels, target.values == code, folds) for code in _outcomes(target)]


def missing_association(column: Column, target: Target) -> float:
    """AUC of "is missing" for the outcome (of any class, or for the event), oriented; 0.5 where nothing is missing."""
    missing = column.missing.astype(np.float64)
    if not 0 < missing.sum() < len(missing):
        return 0.5
    found = [auc(missing, each) for each in _indicators(target)]
    return max((max(each, 1 - each) for each in found), default=0.5)


def auc(score: npt.NDArray[Any], positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counted half; NaN with one class only."""
    from scipy.stats import rankdata

    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def folds_of(n: int, groups: npt.NDArray[np.int64] | None, seed: int) -> npt.NDArray[np.int64]:
    """Random folds, whole groups together."""
    generator = np.random.default_rng(seed)
    if groups is None:
        return np.asarray(generator.permutation(n) % FOLDS)
    _, codes = np.unique(groups, return_inverse=True)
    return np.asarray((generator.permutation(int(codes.max()) + 1) % FOLDS)[codes])


def _outcomes(target: Target) -> list[int]:
    if target.is_binary:
        return [1]
    counts = np.bincount(target.values.astype(int), minlength=len(target.classes))
    return [code for code, count in enumerate(counts) if count >= 20]


def _indicators(target: Target) -> list[npt.NDArray[np.bool_]]:
    if target.task is Task.CLASSIFICATION:
        return [target.values == code for code in _outcomes(target)]
    if target.events is not None:
        return [target.events == EVENT]
    return [target.values > np.median(target.values)]


def levels_of(column: Column) -> npt.NDArray[np.int64]:
    """Category codes, or bins at quantiles; missing is a level of its own."""
    if column.kind is ColumnKind.CATEGORY:
        return np.asarray(column.values, dtype=np.int64) + 1
    values = np.asarray(column.values, dtype=np.float64)
    missing = np.isnan(values)
    if missing.all():
        return np.zeros(len(values), dtype=np.int64)
    edges = np.unique(np.quantile(values[~missing], np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.where(missing, 0, 1 + np.searchsorted(edges, values, side="right"))


def _means_out_of_fold(levels: npt.NDArray[np.int64], values: Numbers, folds: npt.NDArray[np.int64]) -> Numbers:
    """For each row the mean outcome of its level in the other folds, drawn to the mean of all."""
    width = int(levels.max()) + 1
    at = folds * width + levels
    counts = np.bincount(at, minlength=FOLDS * width).reshape(FOLDS, width).astype(float)
    sums = np.bincount(at, weights=values, minlength=FOLDS * width).reshape(FOLDS, width)
    others, sums_of_others = counts.sum(0) - counts, sums.sum(0) - sums
    means = (sums_of_others + PRIOR_ROWS * values.mean()) / (others + PRIOR_ROWS)
    return np.asarray(means[folds, levels])


def _with_class(
    column: Column, levels: npt.NDArray[np.int64], positive: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> Association:
    found = auc(_means_out_of_fold(levels, positive.astype(float), folds), positive)
    larger = 0.5
    present = ~column.missing
    if column.kind is not ColumnKind.CATEGORY and 2 <= positive[present].sum() < present.sum():
        larger = auc(column.values[present], positive[present])
        if present.mean() > 0.9:
            found = max(found, larger, 1 - larger)
    return Association("AUC", found, 1 - larger)


def _explained(column: Column, levels: npt.NDArray[np.int64], values: Numbers, folds: npt.NDArray[np.int64]) -> float:
    spread = float(((values - values.mean()) ** 2).sum())
    found = 1 - float(((values - _means_out_of_fold(levels, values, folds)) ** 2).sum()) / spread
    present = ~column.missing
    if column.kind is not ColumnKind.CATEGORY and present.mean() > 0.9:
        found = max(found, _rank_correlation(column.values[present], values[present]) ** 2)
        found = max(found, _correlation(column.values[present].astype(np.float64), values[present]) ** 2)
    return found


def _correlation(first: Numbers, second: Numbers) -> float:
    if len(first) < 3 or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _rank_correlation(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    from scipy.stats import rankdata

    return _correlation(np.asarray(rankdata(first), dtype=float), np.asarray(rankdata(second), dtype=float))


def _with_survival(
    column: Column, levels: npt.NDArray[np.int64], target: Target, folds: npt.NDArray[np.int64]
) -> list[Association]:
    assert target.events is not None
    happened = target.events == EVENT
    found = [Association("AUC", _with_class(column, levels, happened, folds).value)]
    if column.kind is ColumnKind.CATEGORY:
        return found
    usable = ~column.missing
    if (usable & happened).sum() >= 20:
        among = usable & happened
        correlation = abs(_rank_correlation(column.values[among], target.values[among]))
        found.append(Association("rank correlation with time", correlation))
        found.append(Association("concordance", _concordance(column, target, usable)))
    return found


def _concordance(column: Column, target: Target, usable: npt.NDArray[np.bool_]) -> float:
    """Harrell's C of the column itself, oriented, on at most PAIRED rows at even distances."""
    assert target.events is not None
    rows = np.flatnonzero(usable)
    rows = rows[:: max(1, len(rows) // PAIRED)][:PAIRED]
    times, events, values = target.values[rows], target.events[rows] == EVENT, column.values[rows]
    comparable = events[:, None] & (times[:, None] < times[None, :])
    if not comparable.any():
        return 0.5
    difference = values[:, None] - values[None, :]
    agreement = ((difference > 0) + 0.5 * (difference == 0))[comparable].mean()
    return float(max(agreement, 1 - agreement))
