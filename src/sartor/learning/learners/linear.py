"""Penalised logistic and linear regression, on straight lines or restricted cubic splines; contributions are exact.

Elastic net: Zou and Hastie 2005 (doi:10.1111/j.1467-9868.2005.00503.x). Rare classes are not weighted: the penalised
likelihood is a proper score, so the probabilities keep to the frequency of the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import checked, probabilities
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.task import Matrix, Target

MOST_CELLS_FOR_LASSO = 400_000
"""Above it coordinate-wise penalties cost more than they bring; the ridge stays."""


@dataclass(frozen=True, slots=True)
class FittedLinear:
    """coefficients: (columns, k), intercept: (k,); k = 1 but for more than two classes."""

    name: str
    task: Task
    coefficients: FloatArray
    intercept: FloatArray
    centre: FloatArray

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,), or (n, classes)."""
        return checked(np.asarray(matrix.values, float) @ self.coefficients + self.intercept)

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Coefficient × (value − training mean)."""
        each = (np.asarray(matrix.values, float) - self.centre)[:, :, None] * self.coefficients[None]
        base = np.broadcast_to(self.intercept + self.centre @ self.coefficients, (len(matrix), len(self.intercept)))
        return checked(base.copy()), each[:, :, 0] if each.shape[2] == 1 else each

    def to_files(self) -> Files:
        """JSON and safetensors."""
        arrays = {"coefficients": self.coefficients, "intercept": self.intercept, "centre": self.centre}
        return pack(self.name, {"task": self.task.value}, arrays)


@dataclass(frozen=True)
class Linear:
    """Elastic net; `splines` > 0 gives each number that many knots."""

    name: str = "linear"
    complexity: int = 2
    splines: int = 0
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    @property
    def encoding_options(self) -> dict[str, Any]:
        """What the encoder is told."""
        return {"splines": self.splines} if self.splines else {}

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """`penalty` per row on standardised columns; share of it that is lasso."""
        return {
            "penalty": trial.suggest_float("penalty", 1e-5, 1.0, log=True),
            "l1_ratio": trial.suggest_categorical("l1_ratio", [0.0, 0.5, 1.0]),
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """A ridge worth three rows, ten where curves are fitted."""
        return {"penalty": min((30.0 if self.splines else 10.0) / max(len(target), 1), 1.0), "l1_ratio": 0.0}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedLinear:
        """Maximum penalised likelihood."""
        x = np.asarray(matrix.values, np.float64)
        ratio = float(parameters["l1_ratio"]) if x.size <= MOST_CELLS_FOR_LASSO else 0.0
        penalty = float(parameters["penalty"])
        if target.task is Task.REGRESSION:
            coefficients, intercept = _regress(x, target.values, penalty, ratio, weights)
        else:
            coefficients, intercept = _classify(x, target, penalty, ratio, weights, seed)
        centre = np.average(x, axis=0, weights=weights)
        return FittedLinear(self.name, target.task, coefficients, intercept, centre)

    def from_files(self, files: Mapping[str, bytes]) -> FittedLinear:
        """The fitted state again."""
        facts, arrays = unpack(self.name, files)
        return FittedLinear(
            self.name, Task(facts["task"]), arrays["coefficients"], arrays["intercept"], arrays["centre"]
        )


def _classify(
    x: FloatArray, target: Target, penalty: float, ratio: float, weights: FloatArray | None, seed: int
) -> tuple[FloatArray, FloatArray]:
    from sklearn.linear_model import LogisticRegression

    strength = 1 / (penalty * len(x))
    solver = "lbfgs" if ratio == 0 else "saga"
    model = LogisticRegression(
        C=strength, l1_ratio=ratio, solver=solver, max_iter=200 if ratio == 0 else 300, tol=1e-4, random_state=seed
    )
    with _quietly():
        model.fit(x, target.values.astype(int), sample_weight=weights)
    if target.is_binary or len(model.classes_) == len(target.classes):
        return np.asarray(model.coef_, float).T.copy(), np.asarray(model.intercept_, float)
    coefficients, intercept = np.zeros((x.shape[1], len(target.classes))), np.full(len(target.classes), -12.0)
    if len(model.classes_) == 2:
        coefficients[:, model.classes_[1]] = model.coef_[0]
        intercept[model.classes_] = [0.0, model.intercept_[0]]
        return coefficients, intercept
    coefficients[:, model.classes_], intercept[model.classes_] = model.coef_.T, model.intercept_
    return coefficients, intercept


def _regress(
    x: FloatArray, outcome: FloatArray, penalty: float, ratio: float, weights: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    from sklearn.linear_model import ElasticNet, Ridge

    spread = float(outcome.std()) or 1.0
    scaled = (outcome - outcome.mean()) / spread
    if ratio == 0:
        model = Ridge(alpha=penalty * len(x), solver="cholesky")
    else:
        model = ElasticNet(alpha=penalty, l1_ratio=ratio, max_iter=2000)
    with _quietly():
        model.fit(x, scaled, sample_weight=weights)
    return np.asarray(model.coef_, float)[:, None] * spread, np.array([model.intercept_ * spread + outcome.mean()])


def _quietly() -> Any:
    """Without warnings of solvers that stop at their limit: a candidate is judged by what it predicts."""
    import warnings

    return warnings.catch_warnings(action="ignore")
