"""Which inputs a prediction comes from: one door over every learner's contributions, checked by adding them up.

Each learner gives contributions that are exact on its own margin (linear terms, TreeSHAP, additive shape functions, or
a network's path integral); `learning.model.Model` sums them by original feature and recalibrates them. Here they are
checked, averaged and compared. `additivity` and `importance` are for a study's `validate`, `ranked` for pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Predictions
from sartor.domain.validation import Check, Measure
from sartor.learning.model import Model

TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Attribution:
    """What one feature adds to one prediction's margin, and its share of the sum of all absolute contributions."""

    feature: str
    weight: float
    share: float


def ranked(found: Predictions, row: int, *, most: int | None = None) -> tuple[Attribution, ...]:
    """The contributions of one row, largest first; ties by name."""
    weights = found.contributions[row]
    total = float(np.abs(weights).sum()) or 1.0
    each = [
        Attribution(name, float(weight), abs(float(weight)) / total)
        for name, weight in zip(found.features, weights, strict=True)
    ]
    return tuple(sorted(each, key=lambda one: (-abs(one.weight), one.feature))[:most])


def additivity(model: Model, cohort: Cohort, *, tolerance: float = TOLERANCE) -> Check:
    """Whether base + contributions give the margin that the learner computes on its own, in every row.

    values: the largest difference, relative to the larger of 1 and the margin.
    """
    ids = tuple(str(row) for row in range(len(cohort)))
    explained, plain = model.predict(cohort, ids), model.predict(cohort, ids, explain=False)
    summed = explained.base + explained.contributions.sum(axis=1)
    error = np.abs(summed - plain.margin) / np.maximum(1.0, np.abs(plain.margin))
    worst = float(error.max()) if len(error) else 0.0
    return Check(
        name="additivity",
        passed=worst <= tolerance,
        detail=f"largest difference {worst:.2g} in {len(cohort)} rows",
        subject=model.learner,
        values={"largest": worst, "tolerance": tolerance, "rows": len(cohort)},
    )


def importance(model: Model, cohort: Cohort) -> dict[str, float]:
    """Mean absolute contribution of each feature over the rows, on the margin."""
    found = model.predict(cohort, tuple(str(row) for row in range(len(cohort))))
    return dict(zip(found.features, (float(each) for each in np.abs(found.contributions).mean(axis=0)), strict=True))


def importance_measures(
    model: Model, cohort: Cohort, *, seed: int = 0, resamples: int = 200, level: float = 0.95
) -> tuple[Measure, ...]:
    """`importance` with bootstrap intervals over rows, as measures named importance:<feature>, largest first."""
    found = model.predict(cohort, tuple(str(row) for row in range(len(cohort))))
    size = np.abs(found.contributions)
    generator = np.random.default_rng(seed)
    n = len(size)
    means = np.array([size[generator.integers(0, n, n)].mean(axis=0) for _ in range(resamples)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    order = np.argsort(-size.mean(axis=0), kind="stable")
    return tuple(
        Measure(
            name=f"importance:{found.features[k]}",
            value=float(size[:, k].mean()),
            low=float(low[k]),
            high=float(high[k]),
            level=level,
            n=n,
        )
        for k in order
    )


def agreement(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Spearman's rank correlation of two importances over the features that both have; NaN with fewer than three."""
    names = sorted(set(one) & set(other))
    if len(names) < 3:
        return float("nan")
    return rank_correlation([one[name] for name in names], [other[name] for name in names])


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation, ties averaged; NaN where one side is constant."""
    left, right = _ranks(np.asarray(one, dtype=float)), _ranks(np.asarray(other, dtype=float))
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=float)
