"""Measures of how good predictions are, each a plain function of outcomes, predictions and (if wanted) row weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning.metrics import discrimination, regression, usefulness
from sartor.learning.task import Target

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats, Floats], float]

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "mae", "rmse"})
"""Measures whose `score` is their negative."""


def headline(target: Target) -> str:
    """The measure by which candidates are compared: "auroc", "r2" or "harrell_c".

    With more than two classes "auroc" is the mean over the classes of one class against the rest.
    """
    if target.task is Task.CLASSIFICATION:
        return "auroc"
    return "r2" if target.task is Task.REGRESSION else "harrell_c"


def score(metric: str, target: Target, predicted: npt.ArrayLike) -> float:
    """The measure on these rows, negated where lower is better, so that higher always is.

    predicted: classification (n,) probability of class 1 or (n, classes); regression (n,); survival (n,) log relative
               hazard. NaN where the rows cannot tell (one class, no comparable pair). Raises TooFewData for a measure
               that is not known for this outcome.
    """
    values = np.asarray(predicted, dtype=float)
    if target.task is Task.SURVIVAL:
        return _survival(metric, target, values)
    found = _of_regression(metric) if target.task is Task.REGRESSION else _of_classes(metric)
    if found is None:
        raise TooFewData(f"no measure {metric} for {target.task.value}", todo="choose another measure")
    if target.task is Task.CLASSIFICATION:
        values = as_probabilities(values)
    value = found(target.values, values)
    return -value if metric in LOWER_IS_BETTER else value


def as_probabilities(predicted: Floats) -> Floats:
    """(n, classes) from (n,) probabilities of class 1, or as it is."""
    return np.column_stack([1 - predicted, predicted]) if predicted.ndim == 1 else predicted


def _of_classes(metric: str) -> Measure | None:
    return {
        "auroc": discrimination.auroc_of_classes,
        "auprc": discrimination.auprc_of_classes,
        "accuracy": discrimination.accuracy,
        "balanced_accuracy": discrimination.balanced_accuracy,
        "log_loss": usefulness.log_loss,
        "brier": usefulness.brier_of_classes,
    }.get(metric)


def _of_regression(metric: str) -> Measure | None:
    return {"r2": regression.r2, "mae": regression.mae, "rmse": regression.rmse}.get(metric)


def _survival(metric: str, target: Target, risk: Floats) -> float:
    from sartor.learning.metrics import survival

    if metric == "harrell_c":
        return survival.harrell_c(target, risk)
    if metric == "uno_c":
        return survival.uno_c(target, target, risk)
    raise TooFewData(f"no measure {metric} for survival", todo="choose another measure")
