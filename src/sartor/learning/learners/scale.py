"""The additive scale that tabular learners share: log odds for two classes, one margin per class for more, values."""

from __future__ import annotations

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray

MOST_MISSING = 1e-4
"""Of the margin (or of 1): what rounding and quadrature may leave over; measured in validation/explanations."""
LEAST = 1e-6


def checked(margin: FloatArray) -> FloatArray:
    """(n,) where there is one column, (n, classes) else."""
    return np.asarray(margin[:, 0] if margin.ndim == 2 and margin.shape[1] == 1 else margin, dtype=float)


def logistic(margin: FloatArray) -> FloatArray:
    """1 / (1 + exp(−margin)), without overflow."""
    small = np.exp(-np.abs(margin))
    return np.asarray(np.where(margin >= 0, 1 / (1 + small), small / (1 + small)))


def probabilities(task: Task, margin: FloatArray) -> FloatArray:
    """(n, classes) for classification; regression: the margin."""
    if task is not Task.CLASSIFICATION:
        return margin
    if margin.ndim == 1:
        positive = logistic(margin)
        return np.column_stack([1 - positive, positive])
    powers = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def margins(task: Task, predicted: FloatArray) -> FloatArray:
    """The margin whose probabilities these are: (n,) log odds, (n, classes) logarithms; regression: the value."""
    if task is not Task.CLASSIFICATION:
        return predicted
    inside = np.clip(predicted, LEAST, 1 - LEAST)
    logs = np.log(inside)
    return np.asarray(logs[:, 1] - logs[:, 0] if predicted.shape[1] == 2 else logs)


def completed(base: FloatArray, contributions: FloatArray, margin: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same attribution with what rounding or quadrature left over shared out in proportion to size.

    base: (n,), contributions: (n, columns), margin: (n,). A row that lacks more than `MOST_MISSING` stays as it is, so
    that contributions that are wrong do not add up, and the check of a study tells so.
    """
    missing = margin - base - contributions.sum(axis=1)
    wrong = np.abs(missing) > MOST_MISSING * np.maximum(1.0, np.abs(margin))
    missing = np.where(wrong, 0.0, missing)
    size = np.abs(contributions)
    total = size.sum(axis=1, keepdims=True)
    share = np.divide(size, total, out=np.zeros_like(size), where=total > 0)
    spread = contributions + share * missing[:, None]
    return np.where(wrong, base, margin - spread.sum(axis=1)), spread
