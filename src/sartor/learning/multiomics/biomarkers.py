"""Biomarkers of each view: how strongly a column goes with the outcome, and how often half the patients select it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning.multiomics.scaling import association, martingale_residual
from sartor.learning.multiomics.views import Floats, View
from sartor.learning.task import Target

HALVES = 50
FEWEST = 8


@dataclass(frozen=True, slots=True)
class Biomarkers:
    """All p columns of one view.

    frequency:   (p,) share of the half-samples in which the column was among the `picked` strongest.
    p_value, q_value: (p,) of the association (F test, or t test of the correlation), Benjamini–Hochberg adjusted
                 within the view; NaN for constant columns.
    effect:      (p,) classification: standardised difference of `leaning`'s class to all others; else correlation with
                 the value, or with the martingale residual (positive: sooner events).
    leaning:     (p,) the class in which the column differs most; "" without classes.
    stability:   one number for the view (Nogueira et al. 2018, JMLR 18:174): 1 always the same columns, 0 chance.
    expected_false: upper bound of the expected number of columns wrongly called stable at `threshold`
                 (Meinshausen & Bühlmann 2010, doi:10.1111/j.1467-9868.2010.00740.x).
    """

    view: str
    columns: tuple[str, ...]
    frequency: Floats
    p_value: Floats
    q_value: Floats
    effect: Floats
    leaning: tuple[str, ...]
    picked: int
    halves: int
    threshold: float
    stability: float
    expected_false: float

    @property
    def stable(self) -> npt.NDArray[np.int64]:
        """Columns selected at least as often as the threshold, most often first."""
        order = np.lexsort((np.nan_to_num(self.p_value, nan=1.0), -self.frequency))
        return order[self.frequency[order] >= self.threshold]


def find(
    view: View, target: Target, groups: npt.NDArray[np.int64] | None, *, seed: int, picked: int | None = None,
    threshold: float = 0.8, halves: int = HALVES,
) -> Biomarkers:  # fmt: skip
    """Stability selection on one view, over patients who have it. Raises TooFewData below 8 of them.

    picked: columns selected in each half-sample; by default the square root of 0.8 p, as Meinshausen & Bühlmann advise
            for at most one false selection at a threshold of 0.9, and at least 5.
    """
    rows = np.flatnonzero(view.present)
    if len(rows) < FEWEST:
        raise TooFewData(f"{len(rows)} patients have the view", where=f"[[views]] {view.name}", todo="give more")
    values, own = _filled(view.values[rows]), target.take(rows)
    width = values.shape[1]
    picked = min(width, picked or max(5, round((0.8 * width) ** 0.5)))
    generator = np.random.default_rng(seed)
    units = np.arange(len(rows)) if groups is None else np.unique(groups[rows], return_inverse=True)[1]
    chosen = np.zeros((halves, width), dtype=bool)
    for half in range(halves):
        taken = _half(units, own, generator)
        strength = association(values[taken], own.take(taken))
        chosen[half, np.argsort(-strength, kind="stable")[:picked]] = True
    frequency = chosen.mean(axis=0)
    p_value = _p_values(values, own)
    effect, leaning = _effects(values, own)
    bound = picked**2 / ((2 * threshold - 1) * width) if threshold > 0.5 else float("nan")
    return Biomarkers(
        view.name, view.columns, frequency, p_value, adjusted(p_value), effect, leaning, picked, halves, threshold,
        _stability(chosen), min(bound, float(width)),
    )  # fmt: skip


def _filled(values: Floats) -> Floats:
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    return np.where(known, values, mean)


def _half(units: npt.NDArray[np.int64], target: Target, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of half the units, classes kept in proportion where each row is its own unit."""
    if target.task is Task.CLASSIFICATION and len(np.unique(units)) == len(units):
        parts = [np.flatnonzero(target.values == label) for label in np.unique(target.values)]
        return np.sort(np.concatenate([generator.permutation(part)[: (len(part) + 1) // 2] for part in parts]))
    names = np.unique(units)
    kept = generator.permutation(names)[: (len(names) + 1) // 2]
    return np.flatnonzero(np.isin(units, kept))


def _p_values(values: Floats, target: Target) -> Floats:
    from scipy import stats

    strength = association(values, target)
    n = len(target)
    if target.task is Task.CLASSIFICATION:
        classes = len(np.unique(target.values))
        found = stats.f.sf(strength, max(classes - 1, 1), max(n - classes, 1))
    else:
        safe = np.clip(strength, 0, 1 - 1e-12)
        found = 2 * stats.t.sf(safe * np.sqrt(max(n - 2, 1) / (1 - safe**2)), max(n - 2, 1))
    return np.where(values.std(axis=0) > 0, found, np.nan)


def adjusted(p_value: Floats) -> Floats:
    """Benjamini–Hochberg adjusted p values (1995, doi:10.1111/j.2517-6161.1995.tb02031.x); NaN stays NaN."""
    found = np.full(len(p_value), np.nan)
    known = np.flatnonzero(~np.isnan(p_value))
    if len(known):
        from scipy.stats import false_discovery_control

        found[known] = false_discovery_control(np.clip(p_value[known], 0, 1))
    return found


def _effects(values: Floats, target: Target) -> tuple[Floats, tuple[str, ...]]:
    if target.task is not Task.CLASSIFICATION:
        outcome = martingale_residual(target) if target.task is Task.SURVIVAL else target.values
        centred, outcome = values - values.mean(axis=0), outcome - outcome.mean()
        scale = np.sqrt((centred**2).sum(axis=0) * (outcome**2).sum())
        return centred.T @ outcome / np.where(scale > 0, scale, np.inf), ("",) * values.shape[1]
    spread = np.where(values.std(axis=0) > 0, values.std(axis=0), np.inf)
    present = np.unique(target.values).astype(np.int64)
    shown = present[1:] if target.is_binary else present
    differences = []
    for label in shown:
        inside = target.values == label
        differences.append((values[inside].mean(axis=0) - values[~inside].mean(axis=0)) / spread)
    table = np.array(differences) if differences else np.zeros((1, values.shape[1]))
    strongest = np.abs(table).argmax(axis=0)
    names = tuple(target.classes[shown[k]] if len(shown) else "" for k in strongest)
    return table[strongest, np.arange(values.shape[1])], names


def _stability(chosen: npt.NDArray[np.bool_]) -> float:
    halves, width = chosen.shape
    share = chosen.mean(axis=0)
    spread = halves / max(halves - 1, 1) * (share * (1 - share)).mean()
    usual = chosen.sum(axis=1).mean() / width
    chance = usual * (1 - usual)
    return float(1 - spread / chance) if chance > 0 else float("nan")
