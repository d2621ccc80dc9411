"""Support vector machine with a Gaussian kernel, its scores made probabilities by Platt's map.

Cortes and Vapnik 1995 (doi:10.1007/BF00994018); Platt's map is fitted on scores of held-out fifths, so it keeps to the
frequency of the outcome. One machine per class with more than two. Contributions are integrated gradients along the
straight line from the mean training row (arXiv:1703.01365); the small remainder of the quadrature is shared out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import checked, completed, probabilities
from sartor.learning.recalibration import logistic as platt
from sartor.learning.splits import outer_folds
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.task import Matrix, Target

POINTS = 16


@dataclass(frozen=True, slots=True)
class Machine:
    """offset + Σ weights × exp(−gamma |x − support|²), then slope and intercept."""

    supports: FloatArray
    weights: FloatArray
    offset: float
    gamma: float
    slope: float = 1.0
    intercept: float = 0.0

    def kernel(self, x: FloatArray) -> FloatArray:
        """(n, supports)."""
        squares = (x**2).sum(1)[:, None] - 2 * x @ self.supports.T + (self.supports**2).sum(1)
        return np.asarray(np.exp(-self.gamma * np.maximum(squares, 0)))

    def __call__(self, x: FloatArray) -> FloatArray:
        """(n,)."""
        return np.asarray(self.intercept + self.slope * (self.kernel(x) @ self.weights + self.offset))

    def gradient(self, x: FloatArray) -> FloatArray:
        """(n, columns)."""
        mixed = self.kernel(x) * self.weights
        return np.asarray(-2 * self.gamma * self.slope * (x * mixed.sum(1)[:, None] - mixed @ self.supports))

    def contributions(self, x: FloatArray, reference: FloatArray) -> tuple[float, FloatArray]:
        """Integrated gradients by Gauss–Legendre quadrature."""
        places, shares = np.polynomial.legendre.leggauss(POINTS)
        step = x - reference
        slope = np.zeros_like(x)
        for place, share in zip((places + 1) / 2, shares / 2, strict=True):
            slope += share * self.gradient(reference + place * step)
        return float(self(reference[None, :])[0]), slope * step


@dataclass(frozen=True, slots=True)
class FittedMachines:
    """One machine for two classes or a value, one per class else."""

    name: str
    task: Task
    machines: tuple[Machine, ...]
    reference: FloatArray

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,); (n, classes): log odds against the rest, which the softmax brings to one sum."""
        x = np.asarray(matrix.values, float)
        return checked(np.column_stack([machine(x) for machine in self.machines]))

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Integrated gradients, completed."""
        x = np.asarray(matrix.values, float)
        margin = self.margin(matrix).reshape(len(x), -1)
        bases, each = [], []
        for k, machine in enumerate(self.machines):
            base, found = machine.contributions(x, self.reference)
            done = completed(np.full(len(x), base), found, margin[:, k])
            bases.append(done[0])
            each.append(done[1])
        contributions = np.stack(each, axis=2)
        return checked(np.column_stack(bases)), contributions[:, :, 0] if len(each) == 1 else contributions

    def to_files(self) -> Files:
        """Support vectors in safetensors."""
        arrays = {"reference": self.reference}
        numbers = []
        for k, each in enumerate(self.machines):
            arrays |= {f"supports_{k}": each.supports, f"weights_{k}": each.weights}
            numbers.append([each.offset, each.gamma, each.slope, each.intercept])
        return pack(self.name, {"task": self.task.value, "numbers": numbers}, arrays)


@dataclass(frozen=True)
class SupportVector:
    """Gaussian kernel; for up to `most_rows` rows."""

    name: str = "support_vector"
    complexity: int = 4
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})
    most_rows: int = 10_000

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Cost, and width of the kernel against the columns' variance."""
        return {
            "cost": trial.suggest_float("cost", 0.03, 30.0, log=True),
            "width": trial.suggest_float("width", 0.03, 3.0, log=True),
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """A wide kernel."""
        return {"cost": 1.0, "width": 0.3}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedMachines:
        """Fit the machines and their maps."""
        x = np.asarray(matrix.values, float)
        gamma = float(parameters["width"]) / max(float(x.var(axis=0).sum()), 1e-9)
        cost = float(parameters["cost"])
        if target.task is Task.REGRESSION:
            machines: tuple[Machine, ...] = (_regression(x, target.values, cost, gamma, weights),)
        else:
            fold = outer_folds(target, folds=min(5, target.units), seed=seed)[0]
            wanted = range(1, 2) if target.is_binary else range(len(target.classes))
            machines = tuple(_against_rest(x, target.values == k, cost, gamma, fold, weights) for k in wanted)
        return FittedMachines(self.name, target.task, machines, x.mean(axis=0))

    def from_files(self, files: Mapping[str, bytes]) -> FittedMachines:
        """The fitted state again."""
        facts, arrays = unpack(self.name, files)
        machines = tuple(
            Machine(arrays[f"supports_{k}"], arrays[f"weights_{k}"], *numbers)
            for k, numbers in enumerate(facts["numbers"])
        )
        return FittedMachines(self.name, Task(facts["task"]), machines, arrays["reference"])


def _machine(model: Any, gamma: float) -> Machine:
    return Machine(
        np.ascontiguousarray(model.support_vectors_, float),
        np.ascontiguousarray(model.dual_coef_[0], float),
        float(model.intercept_[0]),
        gamma,
    )


def _against_rest(
    x: FloatArray, outcome: Any, cost: float, gamma: float, fold: Any, weights: FloatArray | None
) -> Machine:
    from dataclasses import replace

    from sklearn.svm import SVC

    def fitted(rows: Any) -> Machine:
        if outcome[rows].all() or not outcome[rows].any():
            return Machine(x[:1], np.zeros(1), 0.0, gamma)
        model = SVC(C=cost, gamma=gamma, cache_size=200)
        model.fit(x[rows], outcome[rows], sample_weight=None if weights is None else weights[rows])
        return _machine(model, gamma)

    scores = np.zeros(len(x))
    for k in np.unique(fold):
        scores[fold == k] = fitted(np.flatnonzero(fold != k))(x[fold == k])
    truth = outcome.astype(float)
    events, others = truth.sum(), len(truth) - truth.sum()
    softened = np.where(outcome, (events + 1) / (events + 2), 1 / (others + 2))
    slope, intercept = platt(scores, softened, weights)
    return replace(fitted(np.arange(len(x))), slope=max(slope, 1e-3), intercept=intercept)


def _regression(x: FloatArray, outcome: FloatArray, cost: float, gamma: float, weights: FloatArray | None) -> Machine:
    from dataclasses import replace

    from sklearn.svm import SVR

    centre, spread = float(outcome.mean()), float(outcome.std()) or 1.0
    model = SVR(C=cost, gamma=gamma, epsilon=0.1)
    model.fit(x, (outcome - centre) / spread, sample_weight=weights)
    return replace(_machine(model, gamma), slope=spread, intercept=centre)
