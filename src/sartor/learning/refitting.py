"""Fits a chosen learner again, in the same folds with the same parameters, without some of its inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.learners.stacking import NAME as STACK
from sartor.learning.search import encoder_for, fit_learner
from sartor.learning.stages import Fitted, Prepared

Floats = npt.NDArray[np.float64]


def out_of_fold_without(
    prepared: Prepared, fitted: Fitted, left_out: Sequence[Sequence[str]]
) -> tuple[Floats, ...] | None:
    """Out-of-fold predictions of the first repeat, one array per set of features left out; None for a stack.

    Two classes: (n,) probability of class 1. More: (n, classes). Regression: (n,). Survival: (n,) log relative hazard.
    """
    from sartor.learning.learners import by_name

    chosen = next((each for each in fitted.candidates if each.name == fitted.chosen), None)
    if chosen is None or fitted.chosen == STACK:  # a stack is made of others
        return None
    learner = by_name(fitted.chosen)
    target, folds = prepared.target, fitted.folds[0]
    found = []
    for names in left_out:
        cohort = prepared.cohort.without(names)
        predicted: Floats | None = None
        for k in np.unique(folds[folds >= 0]):
            train, test = np.flatnonzero(folds != k), np.flatnonzero(folds == k)
            encoder = encoder_for(learner, cohort.take(train), target.take(train))
            matrix = encoder.apply(cohort.take(train))
            state = fit_learner(learner, matrix, target.take(train), chosen.parameters, prepared.seed)
            values = np.asarray(state.predict(encoder.apply(cohort.take(test))), dtype=float)
            if target.task is Task.CLASSIFICATION and target.is_binary and values.ndim == 2:
                values = values[:, 1]
            if predicted is None:
                predicted = np.full((len(target), *values.shape[1:]), np.nan)
            predicted[test] = values
        assert predicted is not None
        found.append(predicted)
    return tuple(found)
