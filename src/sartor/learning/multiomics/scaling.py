"""Scaling and selection of one view's columns, learned from training patients only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.multiomics.views import Floats, View
from sartor.learning.task import EVENT, Target


@dataclass(frozen=True, slots=True)
class Scaling:
    """What was learned of a view's columns.

    kept:   (q,) indices of the columns that are used. centre, spread: (q,) median-imputed mean and SD in training.
    median: (q,) stands in for a missing value of a patient who has the view.
    """

    kept: npt.NDArray[np.int64]
    median: Floats
    centre: Floats
    spread: Floats

    def apply(self, view: View) -> Floats:
        """(n, q) standardised and divided by √q, so that every view has the same total variance; absent patients 0."""
        values = view.values[:, self.kept]
        values = np.where(np.isnan(values), self.median, values)
        scaled = (values - self.centre) / (self.spread * np.sqrt(max(len(self.kept), 1)))
        scaled[~view.present] = 0.0
        return np.asarray(scaled)


def fit_scaling(view: View, target: Target, *, most: int) -> Scaling:
    """Medians, means and SDs over the patients who have the view, and its `most` columns that go best with the target.

    Constant columns and columns that nobody has are left out. Columns are ranked only where there are more than
    `most`: by the F statistic (classes), absolute correlation (values), or absolute correlation with the martingale
    residual of the null model (survival; Therneau et al. 1990, doi:10.1093/biomet/77.1.147).
    """
    rows = view.present
    values = view.values[rows]
    usable = np.flatnonzero(~np.isnan(values).all(axis=0)) if rows.any() else np.empty(0, np.int64)
    values = values[:, usable]
    median = np.nanmedian(values, axis=0) if len(usable) else np.empty(0)
    filled = np.where(np.isnan(values), median, values)
    centre, spread = filled.mean(axis=0) if len(filled) else median, filled.std(axis=0) if len(filled) else median
    varied = np.flatnonzero(spread > 1e-9 * (1 + np.abs(centre)))
    if len(varied) > most:
        strength = association(filled[:, varied], target.take(rows))
        best = np.argsort(-strength, kind="stable")[:most]
        varied = varied[np.sort(best)]
    return Scaling(usable[varied], median[varied], centre[varied], spread[varied])


def association(values: Floats, target: Target) -> Floats:
    """How strongly each column of (n, p) goes with the target, (p,), 0 or more; comparable between columns only."""
    if target.task is Task.CLASSIFICATION:
        return _f_statistic(values, target.values.astype(np.int64))
    outcome = martingale_residual(target) if target.task is Task.SURVIVAL else target.values
    centred = values - values.mean(axis=0)
    outcome = outcome - outcome.mean()
    scale = np.sqrt((centred**2).sum(axis=0) * (outcome**2).sum())
    return np.asarray(np.abs(centred.T @ outcome) / np.where(scale > 0, scale, np.inf))


def _f_statistic(values: Floats, classes: npt.NDArray[np.int64]) -> Floats:
    found, index = np.unique(classes, return_inverse=True)
    member = (index[:, None] == np.arange(len(found))).astype(np.float64)
    count = member.sum(axis=0)
    means = (member.T @ values) / count[:, None]
    between = (count[:, None] * (means - values.mean(axis=0)) ** 2).sum(axis=0)
    within = ((values - means[index]) ** 2).sum(axis=0)
    freedom = max(len(values) - len(found), 1) / max(len(found) - 1, 1)
    return np.asarray(freedom * between / np.where(within > 0, within, np.inf))


def martingale_residual(target: Target) -> Floats:
    """Observed less expected events (Nelson–Aalen), (n,): positive where the event came sooner than usual."""
    assert target.events is not None
    event = (target.events == EVENT).astype(np.float64)
    times, where = np.unique(target.values, return_inverse=True)
    left = np.bincount(where, minlength=len(times)).astype(np.float64)
    at_risk = left[::-1].cumsum()[::-1]
    hazard = np.cumsum(np.bincount(where, weights=event, minlength=len(times)) / at_risk)
    return np.asarray(event - hazard[where])
