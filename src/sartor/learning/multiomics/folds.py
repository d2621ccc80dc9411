"""Splits of patients for studies of wide data: stratified where there are classes, groups kept whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning.task import EVENT, Target

Folds = npt.NDArray[np.int64]


def outer_folds(target: Target, groups: Folds | None, folds: int, repeats: int, seed: int) -> Folds:
    """(repeats, n) fold numbers; raises TooFewData when a fold could not hold every class, or groups are too few."""
    return np.stack([inner_folds(target, groups, folds, seed + repeat) for repeat in range(repeats)])


def inner_folds(target: Target, groups: Folds | None, folds: int, seed: int) -> Folds:
    """(n,) fold numbers. Classes, or events, are spread evenly; rows of one group stay together.

    A class with fewer members than folds is spread as far as it goes. Raises TooFewData below two rows per fold.
    """
    from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

    units = len(target) if groups is None else len(np.unique(groups))
    if units < 2 * folds:
        raise TooFewData(
            f"{units} patients cannot be split into {folds} folds",
            where="cross-validation",
            todo="give more patients, or fewer `folds`",
        )
    strata = _strata(target)
    smallest = int(np.bincount(strata).min()) if strata is not None else 0
    if groups is not None:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        parts = splitter.split(np.zeros(len(target)), strata if strata is not None else np.zeros(len(target)), groups)
    elif strata is not None and smallest >= folds:
        parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(strata, strata)
    elif strata is not None:
        return _dealt(strata, folds, seed)
    else:
        parts = KFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(target)))
    found = np.full(len(target), -1, dtype=np.int64)
    for fold, (_, held) in enumerate(parts):
        found[held] = fold
    return found


def _strata(target: Target) -> Folds | None:
    if target.task is Task.CLASSIFICATION:
        return np.unique(target.values, return_inverse=True)[1].astype(np.int64)
    if target.events is not None:
        return np.asarray(target.events == EVENT, dtype=np.int64)
    return None


def _dealt(strata: Folds, folds: int, seed: int) -> Folds:
    """Members of each class dealt out in turn, for classes smaller than the number of folds."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    found = np.empty(len(strata), dtype=np.int64)
    found[order] = np.arange(len(strata)) % folds
    return found
