"""How sure predicted times to event are: jackknife errors of hazards and risks, and a time that most outlive.

* The error of a log relative hazard, and of a risk on the complementary log-log scale, is a delete-d jackknife (Shao
  and Wu 1989, doi:10.1214/aos/1176347263) over the models of a cross-validation: between repeats, on rows that neither
  model learned from; with one repeat between its folds, on rows set apart for comparison, most of which each model
  learned from (which overstates the error of a learner that follows its rows closely). Errors are pooled in bands of
  the margin and carry Student's factor for the few models that they rest on.
* The time that a stated share outlives is the time at which a person's predicted incidence reaches a level. The level
  is learned: incidences reached at the observed times, event or censored, form a cohort of their own, of which the
  Aalen–Johansen estimate tells at which level the share is right (the score of Qi, Yu and Greiner 2024,
  arXiv:2410.20579).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from sartor.learning.metrics.survival import cumulative_incidence
from sartor.learning.stages import OutOfFold
from sartor.learning.task import Target

Floats = npt.NDArray[np.float64]
ROWS_PER_BAND = 50
MOST_BANDS = 20
LEAST = 20


@dataclass(frozen=True, slots=True)
class Errors:
    """Standard errors by bands of the margin: `edges` (bands − 1,), `hazard` (bands,), `risks` (horizons, bands).

    Of the log relative hazard, and of log(−log(1 − risk)) at each horizon.
    """

    edges: Floats
    hazard: Floats
    risks: Floats


def jackknife(out: OutOfFold, horizons: Sequence[float], *, test_share: float, coverage: float) -> Errors | None:
    """From the predictions of a cross-validation; None where one model alone predicted."""
    if len(out.predicted) > 1:
        predicted, survival, freedom = out.predicted, out.survival, round(1 / test_share) * (len(out.predicted) - 1)
    elif out.reference is not None and len(out.reference.predicted) > 1:
        predicted, survival = out.reference.predicted, out.reference.survival
        freedom = len(predicted) - 1
    else:
        return None
    known = np.flatnonzero(np.isfinite(predicted).all(axis=0))
    if len(known) < LEAST:
        return None
    margin = predicted[:, known]
    level = margin.mean(axis=0)
    bands = max(1, min(MOST_BANDS, len(known) // ROWS_PER_BAND))
    edges = np.unique(np.quantile(level, np.arange(1, bands) / bands)) if bands > 1 else np.empty(0)
    band = np.searchsorted(edges, level, side="left")
    factor = (1 - test_share) / test_share * (_student(freedom, coverage) / _normal(coverage)) ** 2
    scales = [margin - margin.mean(axis=1, keepdims=True)]
    if survival is not None and out.times is not None:
        for horizon in horizons:
            column = int(np.abs(np.asarray(out.times) - horizon).argmin())
            inside = np.clip(survival[:, known, column], 1e-9, 1 - 1e-9)
            scales.append(np.log(-np.log(inside)))
    found = np.array([_pooled(each, band, len(edges) + 1, factor, between=len(out.predicted) > 1) for each in scales])
    return Errors(edges, found[0], found[1:])


def _pooled(values: Floats, band: npt.NDArray[np.int64], bands: int, factor: float, *, between: bool) -> Floats:
    """Root of the mean variance between models in each band. Repeats are few and share nothing: n − 1 below."""
    variance = values.var(axis=0, ddof=1 if between else 0)
    count = np.maximum(np.bincount(band, minlength=bands), 1)
    return np.asarray(np.sqrt(factor * np.bincount(band, weights=variance, minlength=bands) / count))


def _student(freedom: int, coverage: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + coverage) / 2, max(freedom, 1)))


def _normal(coverage: float) -> float:
    return NormalDist().inv_cdf((1 + coverage) / 2)


def reached(survival: Floats, grid: Floats, times: Floats) -> Floats:
    """(n,) predicted incidence of each row by its own time; linear from 0 at time 0, constant after the grid.

    survival: (n, k) P(no event of interest by each time of `grid`).
    """
    knots = np.concatenate(([0.0], grid))
    values = np.column_stack([np.zeros(len(survival)), 1 - survival])
    where = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(grid) - 1)
    rows = np.arange(len(survival))
    part = np.clip((times - knots[where]) / (knots[where + 1] - knots[where]), 0, 1)
    return np.asarray(values[rows, where] * (1 - part) + values[rows, where + 1] * part)


def on_the_scale_of_incidence(target: Target, survival: Floats, grid: Floats) -> Target:
    """The outcome with each time replaced by the incidence predicted by it; beyond the grid nothing was seen."""
    assert target.events is not None
    events = np.where(target.values > grid[-1], 0, target.events).astype(np.int8)
    return replace(target, values=np.maximum(reached(survival, grid, target.values), 1e-12), events=events)


def level_outlived(target: Target, survival: Floats, grid: Floats, share: float) -> float | None:
    """The predicted incidence that `share` of people reach without the event; None where follow-up is too short."""
    curve = cumulative_incidence(on_the_scale_of_incidence(target, survival, grid))
    over = np.flatnonzero(curve.values > 1 - share)
    return float(curve.times[over[0]]) if len(over) else None


def times_outlived(survival: Floats, grid: Floats, level: float) -> Floats:
    """(n,) the time by which the predicted incidence reaches `level`; the end of the grid where it never does."""
    knots = np.concatenate(([0.0], grid))
    values = np.column_stack([np.zeros(len(survival)), 1 - survival])
    above = values >= level
    first = np.where(above.any(axis=1), above.argmax(axis=1), len(knots) - 1)
    rows, before = np.arange(len(values)), np.maximum(first - 1, 0)
    rise = values[rows, first] - values[rows, before]
    part = np.divide(level - values[rows, before], rise, out=np.ones(len(values)), where=rise > 0)
    return np.asarray(knots[before] + np.clip(part, 0, 1) * (knots[first] - knots[before]))


def outlived_in_turn(
    target: Target, survival: Floats, grid: Floats, fold: npt.NDArray[np.int64], share: float
) -> tuple[Target, Target]:
    """The outcome on a scale on which the bound lies at 1, as calibrated on the other folds, and as the model has it.

    The share that outlive the bound is 1 − the cumulative incidence at 1.
    """
    assert target.events is not None
    plain = on_the_scale_of_incidence(target, survival, grid)
    scaled = plain.values.copy()
    for k in np.unique(fold):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        level = level_outlived(target.take(train), survival[train], grid, share)
        scaled[test] = plain.values[test] / (np.inf if level is None else level)
    return replace(plain, values=np.maximum(scaled, 1e-12)), replace(plain, values=plain.values / (1 - share))
