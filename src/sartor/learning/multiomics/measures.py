"""How well predictions of views hold: measures over all repeats, with bootstrap intervals over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sartor.domain.model import Task
from sartor.learning.metrics import regression
from sartor.learning.metrics.bootstrap import draws, percentiles
from sartor.learning.metrics.discrimination import Ranked
from sartor.learning.metrics.survival import harrell_c
from sartor.learning.multiomics.views import Floats, Rows
from sartor.learning.task import Target

RESAMPLES = 500
RESAMPLES_OF_PAIRS = 100
Weighted = Callable[[Floats], float]
Measured = tuple[float, float, float]
HEADLINE = {Task.CLASSIFICATION: "accuracy", Task.REGRESSION: "r2", Task.SURVIVAL: "harrell_c"}


def measures(said: Floats, target: Target, groups: Rows | None, *, seed: int) -> dict[str, Measured]:
    """(value, low, high) by name, from (repeats, n, k) out-of-fold predictions; rows that are NaN are left out.

    The value is the mean over repeats. Each resample draws patients (or groups), classes in proportion, and takes the
    same patients in every repeat. Intervals of 95 %.
    """
    rows = np.flatnonzero(~np.isnan(said).any(axis=(0, 2)))
    if len(rows) < 2:
        return {}
    own, kept = target.take(rows), said[:, rows]
    functions = _functions(kept, own)
    everyone = np.ones(len(rows))
    resamples = RESAMPLES_OF_PAIRS if target.task is Task.SURVIVAL else RESAMPLES
    strata = own.values if target.task is Task.CLASSIFICATION else own.events
    drawn = [
        counts.astype(np.float64)
        for counts in draws(
            len(rows), groups=None if groups is None else groups[rows], strata=strata, resamples=resamples, seed=seed
        )
    ]
    found = {}
    for name, function in functions.items():
        low, high = percentiles(np.array([function(counts) for counts in drawn]))
        found[name] = (function(everyone), float(low), float(high))
    return found


def difference(name: str, first: Floats, second: Floats, target: Target, groups: Rows | None, *, seed: int) -> Measured:
    """The measure of `first` less that of `second` on the same patients, with its interval of 95 %."""
    rows = np.flatnonzero(~(np.isnan(first) | np.isnan(second)).any(axis=(0, 2)))
    own = target.take(rows)
    one, two = _functions(first[:, rows], own)[name], _functions(second[:, rows], own)[name]
    resamples = RESAMPLES_OF_PAIRS if target.task is Task.SURVIVAL else RESAMPLES
    strata = own.values if target.task is Task.CLASSIFICATION else own.events
    own_groups = None if groups is None else groups[rows]
    drawn = draws(len(rows), groups=own_groups, strata=strata, resamples=resamples, seed=seed)
    found = np.array([one(counts.astype(float)) - two(counts.astype(float)) for counts in drawn])
    low, high = percentiles(found)
    everyone = np.ones(len(rows))
    return one(everyone) - two(everyone), float(low), float(high)


def _functions(said: Floats, target: Target) -> dict[str, Weighted]:
    if target.task is Task.CLASSIFICATION:
        return _of_classes(said, target)
    if target.task is Task.REGRESSION:
        each = [said[repeat, :, 0] for repeat in range(len(said))]
        outcome = target.values
        return {
            "r2": _mean(lambda values, w: regression.r2(outcome, values, w), each),
            "mae": _mean(lambda values, w: regression.mae(outcome, values, w), each),
        }
    risks = [said[repeat, :, 0] for repeat in range(len(said))]

    def concordance(values: Floats, weights: Floats) -> float:
        taken = np.repeat(np.arange(len(values)), weights.astype(np.int64))
        return harrell_c(target.take(taken), values[taken])

    return {"harrell_c": _mean(concordance, risks)}


def _mean(function: Callable[[Floats, Floats], float], repeats: list[Floats]) -> Weighted:
    return lambda weights: float(np.mean([function(values, weights) for values in repeats]))


def _of_classes(said: Floats, target: Target) -> dict[str, Weighted]:
    classes = target.values.astype(np.int64)
    right = (said.argmax(axis=2) == classes).mean(axis=0)
    chance = said[:, np.arange(len(classes)), classes]
    loss = -np.log(np.clip(chance, 1e-15, 1)).mean(axis=0)
    one_hot = np.eye(said.shape[2])[classes]
    spread = ((said - one_hot) ** 2).sum(axis=2).mean(axis=0) / (2 if said.shape[2] == 2 else 1)
    members = [classes == k for k in np.unique(classes)]
    shown = [1] if said.shape[2] == 2 else list(np.unique(classes))
    ranked = [Ranked.of(classes == k, said[repeat, :, k]) for repeat in range(len(said)) for k in shown]

    def weighted(each: Floats) -> Weighted:
        return lambda weights: float(each @ weights / weights.sum())

    def balanced(weights: Floats) -> float:
        return float(np.mean([right[own] @ weights[own] / weights[own].sum() for own in members]))

    def area(weights: Floats) -> float:
        return float(np.mean([each.auroc(weights) for each in ranked]))

    return {
        "accuracy": weighted(right), "balanced_accuracy": balanced, "auroc": area, "log_loss": weighted(loss),
        "brier": weighted(spread),
    }  # fmt: skip


def confusion(said: Floats, target: Target) -> Floats:
    """(classes, classes): of the patients of each true class (row), the share called each class, over all repeats."""
    width = len(target.classes)
    table = np.zeros((width, width))
    for repeat in said:
        known = ~np.isnan(repeat).any(axis=1)
        np.add.at(table, (target.values[known].astype(np.int64), repeat[known].argmax(axis=1)), 1.0)
    return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), 1))


def reliability(said: Floats, target: Target, bins: int = 8) -> tuple[Floats, Floats]:
    """Mean probability of the likeliest class and how often it was right, in bins of equal size, all repeats."""
    flat = said.reshape(-1, said.shape[2])
    classes = np.tile(target.values.astype(np.int64), len(said))
    known = ~np.isnan(flat).any(axis=1)
    flat, classes = flat[known], classes[known]
    sure, right = flat.max(axis=1), flat.argmax(axis=1) == classes
    order = np.argsort(sure, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return np.array([sure[part].mean() for part in parts]), np.array([right[part].mean() for part in parts])
