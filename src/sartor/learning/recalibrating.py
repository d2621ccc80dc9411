"""Decides, on training rows alone, whether a candidate's probabilities are recalibrated before they are used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.choice import gain
from sartor.learning.learner import FloatArray
from sartor.learning.learners.scale import margins, probabilities
from sartor.learning.recalibration import Recalibration
from sartor.learning.task import Target

Ints = npt.NDArray[np.int64]


def learn_recalibration(
    target: Target, predicted: FloatArray, folds: Ints, *, groups: Ints | None = None, seed: int = 0
) -> Recalibration | None:
    """An affine map of the margin, learned from left-out predictions, where it lowers the log loss of other folds.

    predicted: (r, n) or (r, n, classes), NaN where never predicted; folds: (r, n), -1 there. A single held-out part
    is dealt into fifths. None where the map does not prove better, or for anything but classes.
    """
    from sartor.learning.splits import outer_folds

    if target.task is not Task.CLASSIFICATION:
        return None
    parts = folds
    if folds.max(initial=-1) < 1:
        pieces = outer_folds(target, groups=groups, folds=min(5, len(target)), seed=seed)
        parts = np.where(folds >= 0, pieces, -1)
    mapped = np.full(predicted.shape, np.nan)
    for repeat, dealt in enumerate(parts):
        for fold in np.unique(dealt[dealt >= 0]):
            learned, held = np.flatnonzero((dealt != fold) & (dealt >= 0)), np.flatnonzero(dealt == fold)
            if not len(learned):
                return None
            found = Recalibration.fit(margin_of(target, predicted[repeat][learned]), target.take(learned))
            mapped[repeat, held] = recalibrated(target, predicted[repeat][held], found)
    if not np.isfinite(mapped[parts >= 0]).all():
        return None
    _, low, _ = gain("log_loss", target, mapped, predicted, parts, groups=groups, seed=seed)
    if not low > 0:
        return None
    rows = np.concatenate([np.flatnonzero(dealt >= 0) for dealt in parts])
    margin = np.concatenate([margin_of(target, predicted[r][dealt >= 0]) for r, dealt in enumerate(parts)])
    return Recalibration.fit(margin, target.take(rows))


def margin_of(target: Target, predicted: FloatArray) -> FloatArray:
    """The margins of probabilities: (n,) of class 1 where there are two, (n, classes) else."""
    if target.is_binary and predicted.ndim == 1:
        predicted = np.column_stack([1 - predicted, predicted])
    return margins(target.task, predicted)


def recalibrated(target: Target, predicted: FloatArray, recalibration: Recalibration | None) -> FloatArray:
    """The same probabilities, mapped; unchanged without a map."""
    if recalibration is None:
        return predicted
    found = probabilities(target.task, recalibration.apply(margin_of(target, predicted)))
    return np.asarray(found[:, 1] if target.is_binary else found)
