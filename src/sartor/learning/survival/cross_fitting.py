"""Internal folds of survival learners: predictions for rows that a member has not seen, without a second search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.errors import TooFewData
from sartor.learning.splits import outer_folds
from sartor.learning.survival.partial_likelihood import Baseline, breslow, slope
from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
FOLDS = 4


def require_events(target: Target) -> None:
    """Raises TooFewData with fewer than two events of interest."""
    if target.events is None or np.count_nonzero(target.events == EVENT) < 2:
        raise TooFewData("fewer than two events", todo="give more rows, or longer follow-up")


def internal_folds(target: Target, *, folds: int = FOLDS, seed: int = 0) -> npt.NDArray[np.int64]:
    """(n,) fold of each row, balanced over event and time; the same for every learner of a target and seed.

    Rows of one group of the target stay together.
    """
    require_events(target)
    if target.groups is not None:
        return np.asarray(outer_folds(target, folds=min(folds, target.units), seed=seed)[0])
    n = len(target)
    generator = np.random.default_rng([seed, n])
    assert target.events is not None
    order = np.lexsort((target.values, target.events != EVENT))
    blocks = np.concatenate([generator.permutation(folds) for _ in range(-(-n // folds))])[:n]
    fold = np.empty(n, np.int64)
    fold[order] = blocks
    return fold


def calibrated(target: Target, out_of_fold: Floats, weights: Floats | None = None) -> tuple[float, float, Baseline]:
    """(slope, centre, baseline hazard) that turn out-of-fold log hazards into ones that are true to size."""
    found = float(np.clip(slope(target, out_of_fold, weights), 0.05, 3.0))
    centre = float(out_of_fold.mean())
    return found, centre, breslow(target, found * (out_of_fold - centre), weights)
