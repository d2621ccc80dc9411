"""Splits rows into folds: stratified by outcome, whole groups together, repeated, or the latest rows last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target

Ints = npt.NDArray[np.int64]
SCHEMES = ("auto", "stratified", "grouped", "temporal")
BANDS = 10


def outer_folds(
    target: Target,
    *,
    groups: Ints | None = None,
    dates: FloatArray | None = None,
    scheme: str = "auto",
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
) -> Ints:
    """The test fold of each row in each repeat, (repeats, n); -1 where a row is only ever learned from.

    scheme: "stratified" and "grouped" balance classes, bands of the value, or events and times over the folds, and
            never part a group; "auto" is the same. "temporal" has one fold, 0: the share 1 / folds of the groups that
            were first seen last. A group that was seen before stays in training with all its rows.
    groups: those of the target where none are given.
    Raises ConfigInvalid for a scheme that is not known or a temporal one without dates, TooFewData where a fold would
    have no rows.
    """
    if scheme not in SCHEMES:
        raise ConfigInvalid(f"no scheme {scheme!r}", where="scheme", todo=f"choose from {', '.join(SCHEMES)}")
    groups = target.groups if groups is None else groups
    unit = np.arange(len(target)) if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    units = int(unit.max(initial=-1)) + 1
    if units < folds:
        raise TooFewData(f"{units} independent rows for {folds} folds", todo="give more rows or ask for fewer folds")
    if scheme == "temporal":
        if dates is None:
            raise ConfigInvalid("a temporal split needs dates", where="scheme", todo="state the column `date`")
        return _latest(unit, dates, 1 / folds)[None, :]
    strata, sizes = _strata(target, unit), np.bincount(unit)
    return np.stack([_dealt(strata, sizes, folds, [seed, repeat])[unit] for repeat in range(repeats)])


def strata_of(target: Target) -> FloatArray:
    """(n,) by what rows are balanced: class, band of the value, or event and band of the time."""
    if target.task is Task.CLASSIFICATION:
        return target.values
    order = np.argsort(np.argsort(target.values, kind="stable"), kind="stable")
    band = order * BANDS // max(len(target), 1)
    if target.events is None:
        return band.astype(float)
    return np.asarray(
        np.where(target.events == EVENT, BANDS, 0) + np.where(target.events > EVENT, 2 * BANDS, 0) + band * 1.0
    )


def _strata(target: Target, unit: Ints) -> FloatArray:
    """The stratum of each group: that of its row with the highest."""
    found = np.full(int(unit.max()) + 1, -np.inf)
    np.maximum.at(found, unit, strata_of(target))
    return found


def _dealt(strata: FloatArray, sizes: Ints, folds: int, seed: list[int]) -> Ints:
    """Deal groups to folds like cards, stratum by stratum, the large ones first."""
    generator = np.random.default_rng(seed)
    order = np.lexsort((generator.random(len(strata)), -sizes, strata))
    rounds = -(-len(strata) // folds)
    places = np.concatenate([generator.permutation(folds) for _ in range(rounds)])[: len(strata)]
    fold = np.empty(len(strata), np.int64)
    fold[order] = places
    return fold


def _latest(unit: Ints, dates: FloatArray, share: float) -> Ints:
    first = np.full(int(unit.max()) + 1, np.inf)
    np.minimum.at(first, unit, np.where(np.isnan(dates), np.inf, dates))
    order = np.argsort(np.where(np.isinf(first), -np.inf, first), kind="stable")
    sizes = np.bincount(unit)[order]
    late = order[np.cumsum(sizes) > len(unit) * (1 - share)]
    fold = np.full(len(first), -1, np.int64)
    fold[late] = 0
    return np.asarray(fold[unit])
