"""A model brought up to date with new outcomes without being learned again: level, slope and uncertainty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning.conformal import Conformal
from sartor.learning.metrics import score
from sartor.learning.model import Model
from sartor.learning.recalibration import Recalibration
from sartor.learning.task import EVENT, Target

FOLDS = 5
GRID = 128
"""Times between which a row's cumulative hazard is taken as straight."""


def recalibrated(model: Model, cohort: Cohort, target: Target, *, least_events: int) -> tuple[Model, dict[str, Any]]:
    """The model with its margin mapped onto the new outcomes, and what that gains out of fold.

    Raises TooFewData below `least_events` events or non-events (rows, for a continuous outcome). A recalibration that
    gains nothing out of fold (Brier score, absolute error; concordance cannot change) is kept to the intercept.
    """
    count = fewest(target)
    if count < least_events:
        raise TooFewData(
            f"{count} events (or non-events) where the update policy asks for {least_events}",
            todo="gather more outcomes",
        )
    margins = _margins(model, cohort)
    before, after = _out_of_fold(margins, target)
    found = Recalibration.fit(margins, target, intercept_only=after <= before and target.task is not Task.SURVIVAL)
    if target.task is Task.SURVIVAL:
        found = replace(found, intercept=_level(model, cohort, target, margins, found.slope))
    old = model.recalibration
    slope, intercept = (1.0, 0.0) if old is None else (old.slope, old.intercept)
    whole = Recalibration(found.slope * slope, found.slope * intercept + found.intercept)
    updated = replace(model, recalibration=whole)
    if model.conformal is not None and target.task is not Task.SURVIVAL:
        groups = model.conformal.groups
        people = cohort if groups and all(name in cohort for group in groups for name in group.columns) else None
        updated = replace(
            updated,
            conformal=Conformal.fit(_values(found.apply(margins), target), target, groups=groups, people=people),
        )
    gain = {"slope": found.slope, "intercept": found.intercept, "score_before": before, "score_after": after}
    return updated, gain


def _level(model: Model, cohort: Cohort, target: Target, margins: Any, slope: float) -> float:
    """The intercept with which as many events are expected as were observed, by each row's own time (Poisson).

    Where other events compete, and without a horizon, the mean margin keeps its place: only the slope is learned.
    """
    assert target.events is not None
    step = (slope - 1) * margins
    others = bool(np.isin(target.events, (0, EVENT), invert=True).any())
    if others or not model.horizons:
        return float(-step.mean())
    grid = np.unique(np.quantile(target.values, np.linspace(0, 1, GRID)))
    survival = replace(model, horizons=tuple(float(each) for each in grid)).survival(cohort)
    hazards = -np.log(np.clip(survival, 1e-300, 1.0))
    own = np.array([np.interp(t, grid, row) for t, row in zip(target.values, hazards, strict=True)])
    expected = float((own * np.exp(np.clip(step, -50, 50))).sum())
    observed = float((target.events == EVENT).sum())
    return float(np.log(observed / expected)) if expected > 0 else float(-step.mean())


def _margins(model: Model, cohort: Cohort) -> Any:
    values = np.asarray(model.values(cohort), dtype=float)
    if values.ndim == 2:
        return np.log(np.clip(values, 1e-12, 1))
    if model.task is Task.CLASSIFICATION:
        inside = np.clip(values, 1e-9, 1 - 1e-9)
        return np.log(inside) - np.log1p(-inside)
    return np.log(np.maximum(values, 1e-300)) if model.task is Task.SURVIVAL else values


def _values(margins: Any, target: Target) -> Any:
    if target.task is not Task.CLASSIFICATION:
        return margins
    if margins.ndim == 2:
        powers = np.exp(margins - margins.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return 1 / (1 + np.exp(-margins))


def _out_of_fold(margins: Any, target: Target) -> tuple[float, float]:
    """The score (higher is better) as it is, and after a recalibration learned on four fifths, on the last, in turn."""
    metric = {Task.CLASSIFICATION: "log_loss", Task.REGRESSION: "mae", Task.SURVIVAL: "harrell_c"}[target.task]
    fold = np.random.default_rng(0).permutation(len(target)) % FOLDS
    after = np.array(margins, dtype=float)
    for k in range(FOLDS):
        found = Recalibration.fit(margins[fold != k], target.take(fold != k))
        after[fold == k] = found.apply(margins[fold == k])
    return tuple(score(metric, target, _values(each, target)) for each in (margins, after))  # type: ignore[return-value]


def fewest(target: Target) -> int:
    """How many outcomes there are of the rarest kind: events or non-events, the rarest class, rows of a value."""
    if target.task is Task.REGRESSION:
        return len(target)
    if target.events is not None:
        return int((target.events == EVENT).sum())
    return int(np.bincount(target.values.astype(int), minlength=len(target.classes)).min())
