"""What a drug-response model is worth: correlation within each drug, beside the global one that means can give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sartor.learning.drug_response.responses import Flags, Floats, Ints
from sartor.learning.metrics.bootstrap import percentiles

FEWEST_PAIRS = 8
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one candidate in one split.

    pearson, spearman: (d,) within each drug: per test fold with at least 8 pairs, averaged over folds; 0 where the
                       prediction is the same for all cells (it ranks none above another); NaN without enough pairs.
    pooled:            (d,) Pearson over all test folds together.
    of_cells:          (c,) Pearson within each cell over drugs, likewise per fold.
    squared:           (d,) mean squared error.
    overall:           global Pearson over all pairs.
    """

    pearson: Floats
    spearman: Floats
    pooled: Floats
    of_cells: Floats
    squared: Floats
    overall: float
    pairs: int


def scores(values: Floats, predicted: Floats, fold: Ints) -> Scores:
    """values and predicted (c, d), NaN where unknown; fold (c, d), the test fold of each pair, -1 where not tested."""
    tested = (fold >= 0) & ~np.isnan(values) & ~np.isnan(predicted)
    folds = [tested & (fold == k) for k in range(int(fold.max()) + 1)]
    ranked = [(_ranks(values, mask), _ranks(predicted, mask)) for mask in folds]
    pearson = _mean([within_drugs(values, predicted, mask) for mask in folds])
    spearman = _mean([within_drugs(*both, mask) for both, mask in zip(ranked, folds, strict=True)])
    of_cells = _mean([within_drugs(values.T, predicted.T, mask.T) for mask in folds])
    pooled = within_drugs(values, predicted, tested)
    error = np.where(tested, (values - predicted) ** 2, 0.0)
    count = tested.sum(axis=0)
    squared = np.where(count > 0, error.sum(axis=0) / np.maximum(count, 1), np.nan)
    flat, said = values[tested], predicted[tested]
    overall = float(np.corrcoef(flat, said)[0, 1]) if len(flat) > 2 and said.std() > 0 else float("nan")
    return Scores(pearson, spearman, pooled, of_cells, squared, overall, int(tested.sum()))


def within_drugs(values: Floats, predicted: Floats, mask: Flags) -> Floats:
    """Pearson within each drug over the pairs of the mask, (d,); 0 for a constant prediction, NaN below 8 pairs."""
    count = mask.sum(axis=0)
    safe = np.maximum(count, 1)
    one = np.where(mask, values, 0.0)
    two = np.where(mask, predicted, 0.0)
    one = np.where(mask, one - one.sum(axis=0) / safe, 0.0)
    two = np.where(mask, two - two.sum(axis=0) / safe, 0.0)
    scale = np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    flat = (two**2).sum(axis=0) <= 1e-16 * safe * (1 + np.where(mask, predicted, 0.0) ** 2).max(axis=0, initial=1.0)
    found = np.where(flat, 0.0, (one * two).sum(axis=0) / np.where(scale > 0, scale, 1.0))
    return np.where((count >= FEWEST_PAIRS) & ((one**2).sum(axis=0) > 0), found, np.nan)


def _ranks(values: Floats, mask: Flags) -> Floats:
    """Ranks within each column, ties sharing their mean."""
    from scipy.stats import rankdata

    return np.asarray(np.nan_to_num(rankdata(np.where(mask, values, np.nan), axis=0, nan_policy="omit")))


def _mean(tables: list[Floats]) -> Floats:
    stacked = np.array(tables)
    known = ~np.isnan(stacked)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def mean_with_interval(each: Floats, *, seed: int) -> tuple[float, float, float]:
    """Mean over drugs (or cells) with the 95 % interval from resampling them; NaN left out."""
    known = each[~np.isnan(each)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    drawn = known[generator.integers(0, len(known), size=(RESAMPLES, len(known)))].mean(axis=1)
    low, high = percentiles(drawn)
    return float(known.mean()), float(low), float(high)
