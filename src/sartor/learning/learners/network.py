"""A small neural network: three fully connected networks whose margins are averaged, then plain arrays.

Training stops by the log loss (or squared error) of a tenth of the rows; with batches drawn at random. Contributions
follow DeepLIFT's rescale rule against the mean training row, which adds up exactly (arXiv:1704.02685).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import checked, completed, probabilities
from sartor.learning.splits import outer_folds
from sartor.learning.survival.perceptron import Perceptron, Training, train
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.task import Matrix, Target


@dataclass(frozen=True, slots=True)
class FittedNetwork:
    """Networks on the encoded columns; `scale` and `shift` bring the margin of a regression to the outcome's unit."""

    name: str
    task: Task
    members: tuple[Perceptron, ...]
    reference: FloatArray
    scale: float
    shift: float

    def margin(self, matrix: Matrix) -> FloatArray:
        """Mean of the networks, (n,), or (n, classes)."""
        x = np.asarray(matrix.values, float)
        return checked(self.shift + self.scale * np.mean([member(x) for member in self.members], axis=0))

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Rescale rule, averaged over the networks."""
        x = np.asarray(matrix.values, float)
        margin = self.margin(matrix).reshape(len(x), -1)
        bases, each = [], []
        for k in range(margin.shape[1]):
            mixture = np.eye(margin.shape[1])[k]
            parts = [member.contributions(x, self.reference, mixture) for member in self.members]
            base = self.shift + self.scale * float(np.mean([part[0] for part in parts]))
            found = self.scale * np.mean([part[1] for part in parts], axis=0)
            done = completed(np.full(len(x), base), found, margin[:, k])
            bases.append(done[0])
            each.append(done[1])
        contributions = np.stack(each, axis=2)
        return checked(np.column_stack(bases)), contributions[:, :, 0] if len(each) == 1 else contributions

    def to_files(self) -> Files:
        """Weights in safetensors."""
        arrays: dict[str, npt.NDArray[Any]] = {"reference": self.reference}
        for m, member in enumerate(self.members):
            for k, (weight, offset) in enumerate(zip(member.weights, member.offsets, strict=True)):
                arrays |= {f"weight_{m}_{k}": weight, f"offset_{m}_{k}": offset}
        facts = {
            "task": self.task.value, "scale": self.scale, "shift": self.shift, "members": len(self.members),
            "layers": len(self.members[0].weights),
        }  # fmt: skip
        return pack(self.name, facts, arrays)


@dataclass(frozen=True)
class Network:
    """Two hidden layers, dropout and weight decay."""

    name: str = "network"
    complexity: int = 5
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Width, step, decay and dropout."""
        return {
            "width": trial.suggest_categorical("width", [8, 16, 32, 64]),
            "step": trial.suggest_float("step", 1e-3, 2e-2, log=True),
            "decay": trial.suggest_float("decay", 1e-3, 1.0, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
            "members": 3,
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """Narrow where rows are few."""
        return {"width": 16 if len(target) < 5_000 else 32, "step": 0.005, "decay": 0.1, "dropout": 0.2, "members": 3}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedNetwork:
        """Train the networks, each with another tenth held out."""
        x = np.asarray(matrix.values, float)
        shift, scale = 0.0, 1.0
        if target.task is Task.REGRESSION:
            shift, scale = float(target.values.mean()), float(target.values.std()) or 1.0
        truth, start = _coded(target, shift, scale)
        each = np.ones(len(x)) if weights is None else weights / weights.mean()
        parts = outer_folds(target, folds=min(10, max(target.units // 2, 2)), seed=seed)[0]
        width = int(parameters["width"])
        how = Training(
            hidden=(width, width),
            step=float(parameters["step"]),
            decay=float(parameters["decay"]),
            dropout=float(parameters["dropout"]),
            passes=600 if len(x) > 2048 else 300,
            patience=6,
            every=10,
        )
        members = []
        for k in range(int(parameters["members"])):
            learned, held = np.flatnonzero(parts != k), np.flatnonzero(parts == k)
            loss = _Loss(target.task, truth, each)
            members.append(
                train(x[learned], x[held], loss.gradient(learned), loss.on(held), how=how, start=start, seed=seed + k)
            )
        return FittedNetwork(self.name, target.task, tuple(members), x.mean(axis=0), scale, shift)

    def from_files(self, files: Mapping[str, bytes]) -> FittedNetwork:
        """The fitted state again."""
        facts, arrays = unpack(self.name, files)
        layers = range(int(facts["layers"]))
        members = tuple(
            Perceptron(
                tuple(arrays[f"weight_{m}_{k}"] for k in layers), tuple(arrays[f"offset_{m}_{k}"] for k in layers)
            )
            for m in range(int(facts["members"]))
        )
        return FittedNetwork(
            self.name, Task(facts["task"]), members, arrays["reference"], facts["scale"], facts["shift"]
        )


def _coded(target: Target, shift: float, scale: float) -> tuple[FloatArray, FloatArray]:
    """The outcome as columns, and the offsets at which the last layer starts."""
    if target.task is Task.REGRESSION:
        return (target.values[:, None] - shift) / scale, np.zeros(1)
    if target.is_binary:
        share = float(np.clip(target.values.mean(), 1e-4, 1 - 1e-4))
        return target.values[:, None], np.array([np.log(share / (1 - share))])
    coded = np.eye(len(target.classes))[target.values.astype(int)]
    return coded, np.log(np.clip(coded.mean(axis=0), 1e-4, 1))


@dataclass(frozen=True, slots=True)
class _Loss:
    """Mean log loss or squared error of rows, weighted."""

    task: Task
    truth: FloatArray
    weights: FloatArray

    def _fitted(self, outputs: npt.NDArray[Any]) -> FloatArray:
        if self.task is Task.REGRESSION:
            return np.asarray(outputs, float)
        if outputs.shape[1] == 1:
            return probabilities(self.task, outputs[:, 0])[:, 1:]
        return probabilities(self.task, outputs)

    def gradient(self, inside: npt.NDArray[np.int64]) -> Any:
        def of(outputs: npt.NDArray[Any], rows: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
            chosen = inside if rows is None else inside[rows]
            slope = (self._fitted(outputs) - self.truth[chosen]) * self.weights[chosen, None]
            return np.asarray(slope / len(chosen))

        return of

    def on(self, rows: npt.NDArray[np.int64]) -> Any:
        def of(outputs: npt.NDArray[Any]) -> float:
            fitted, truth, weights = self._fitted(outputs), self.truth[rows], self.weights[rows]
            if self.task is Task.REGRESSION:
                return float(np.average(np.square(fitted - truth)[:, 0], weights=weights))
            inside = np.clip(fitted, 1e-9, 1 - 1e-9)
            logs = truth * np.log(inside) + (0 if fitted.shape[1] > 1 else (1 - truth) * np.log1p(-inside))
            return float(-np.average(np.asarray(logs).sum(axis=1), weights=weights))

        return of
