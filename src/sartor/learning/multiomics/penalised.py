"""Ridge-penalised linear models of any outcome on wide matrices, rotated first: 20,000 columns cost no more than n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sartor.domain.model import Task
from sartor.learning.multiomics.views import Floats
from sartor.learning.task import EVENT, Target

# Prior variance of the linear predictor when the columns' total variance is 1; 1 / penalty.
STRENGTHS = {
    Task.CLASSIFICATION: (0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
    Task.REGRESSION: (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
    Task.SURVIVAL: (0.1, 0.3, 1.0, 3.0, 10.0),
}
MOST_COMPONENTS_OF_COX = 100


@dataclass(frozen=True, slots=True)
class Linear:
    """weights (p, k) and offset (k,) of a linear predictor; k classes, or 1 for values and log relative hazards."""

    task: Task
    weights: Floats
    offset: Floats

    def predict(self, values: Floats) -> Floats:
        """(n, classes) probabilities, or (n, 1) values or log relative hazards."""
        margin = values @ self.weights + self.offset
        return softmax(margin) if self.task is Task.CLASSIFICATION else margin


def softmax(margin: Floats) -> Floats:
    """(n, k) log odds → probabilities."""
    raised = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def nothing_known(target: Target) -> Floats:
    """What to say of a row that nothing is known of, (k,): class frequencies, the mean, relative hazard 1."""
    if target.task is Task.CLASSIFICATION:
        count = np.bincount(target.values.astype(np.int64), minlength=len(target.classes)).astype(np.float64)
        return np.asarray((count + 0.5) / (count.sum() + 0.5 * len(count)))
    return np.array([target.values.mean() if target.task is Task.REGRESSION else 0.0])


def fit_linear(values: Floats, target: Target, strengths: Sequence[float]) -> tuple[Linear, ...]:
    """One model per strength, from (n, p) columns.

    A ridge penalty does not change when the columns are rotated (Hastie & Tibshirani 2004,
    doi:10.1093/biostatistics/kxh010), so the fit happens on at most n principal components, once decomposed.
    """
    centre = values.mean(axis=0)
    left, size, right = np.linalg.svd(values - centre, full_matrices=False)
    keep = size > 1e-9 * max(float(size[0]) if len(size) else 0.0, 1e-12)
    scores, right = left[:, keep] * size[keep], right[keep]
    if target.task is Task.SURVIVAL:
        scores, right = scores[:, :MOST_COMPONENTS_OF_COX], right[:MOST_COMPONENTS_OF_COX]
    found = []
    for weights, offset in _fit_rotated(scores, target, strengths):
        turned = right.T @ weights
        found.append(Linear(target.task, turned, offset - centre @ turned))
    return tuple(found)


def _fit_rotated(scores: Floats, target: Target, strengths: Sequence[float]) -> list[tuple[Floats, Floats]]:
    width = len(target.classes) if target.task is Task.CLASSIFICATION else 1
    if not scores.shape[1] or not _informative(target):
        start = np.log(nothing_known(target)) if target.task is Task.CLASSIFICATION else nothing_known(target)
        return [(np.zeros((scores.shape[1], width)), start)] * len(strengths)
    if target.task is Task.CLASSIFICATION:
        return _logistic(scores, target, strengths)
    if target.task is Task.REGRESSION:
        return _ridge(scores, target, strengths)
    return _cox(scores, target, strengths)


def _informative(target: Target) -> bool:
    if target.events is not None:
        return int((target.events == EVENT).sum()) > 1
    return len(np.unique(target.values)) > 1


def _logistic(scores: Floats, target: Target, strengths: Sequence[float]) -> list[tuple[Floats, Floats]]:
    from sklearn.linear_model import LogisticRegression

    rare = np.log(nothing_known(target))
    found = []
    model = LogisticRegression(warm_start=True, max_iter=400, tol=1e-4)
    for strength in strengths:
        model.set_params(C=strength).fit(scores, target.values.astype(np.int64))
        coefficients, intercept = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            coefficients = np.concatenate((-coefficients / 2, coefficients / 2))
            intercept = np.concatenate((-intercept / 2, intercept / 2))
        weights, offset = np.zeros((scores.shape[1], len(rare))), rare - rare.max() - 10.0
        weights[:, model.classes_], offset[model.classes_] = coefficients.T, intercept
        found.append((weights, offset))
    return found


def _ridge(scores: Floats, target: Target, strengths: Sequence[float]) -> list[tuple[Floats, Floats]]:
    mean = target.values.mean()
    along = scores.T @ (target.values - mean)
    size = (scores**2).sum(axis=0)
    return [((along / (size + 1 / strength))[:, None], np.array([mean])) for strength in strengths]


def _cox(scores: Floats, target: Target, strengths: Sequence[float]) -> list[tuple[Floats, Floats]]:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    assert target.events is not None
    outcome = Surv.from_arrays(target.events == EVENT, target.values)
    found = []
    for strength in strengths:
        model = CoxPHSurvivalAnalysis(alpha=1 / strength, n_iter=60).fit(scores, outcome)
        found.append((model.coef_[:, None], np.zeros(1)))
    return found
