"""A stack: fitted candidates whose margins are added with weights that are never negative.

Wolpert 1992 (doi:10.1016/S0893-6080(05)80023-1); weights ≥ 0: Breiman 1996 (doi:10.1007/BF00117832). The weights are
learned from predictions for rows that the members did not learn from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.learner import Encoding, Files, FittedLearner, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import probabilities
from sartor.learning.survival.storage import nest, nested, pack, unpack
from sartor.learning.task import Matrix, Target

NAME = "stack"


@dataclass(frozen=True, slots=True)
class Weights:
    """intercept + Σ weights × margins of the members (for more than two classes the intercept is 0)."""

    members: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float

    def of(self, name: str) -> float:
        """The weight of one member."""
        return self.weights[self.members.index(name)]

    def margin(self, margins: Sequence[FloatArray]) -> FloatArray:
        """The members' margins combined."""
        return np.asarray(self.intercept + sum(w * m for w, m in zip(self.weights, margins, strict=True)))


def learn_weights(task: Task, names: Sequence[str], margins: Sequence[FloatArray], outcome: FloatArray) -> Weights:
    """Weights that minimise log loss or squared error; margins are (n,) or (n, classes), of rows left out."""
    from scipy.optimize import minimize

    stacked = np.stack(margins)
    start = np.append(np.full(len(names), 1 / len(names)), 0.0)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        margin = np.tensordot(parameters[:-1], stacked, axes=1) + (parameters[-1] if stacked.ndim == 2 else 0.0)
        fitted = probabilities(task, margin)
        if task is Task.REGRESSION:
            slope, value = (margin - outcome) / len(outcome), float(np.square(margin - outcome).mean() / 2)
        elif stacked.ndim == 2:
            slope = (fitted[:, 1] - outcome) / len(outcome)
            value = float(np.mean(np.logaddexp(0, margin) - outcome * margin))
        else:
            truth = np.eye(fitted.shape[1])[outcome.astype(int)]
            slope = (fitted - truth) / len(outcome)
            value = float(-np.mean(np.log(np.maximum((fitted * truth).sum(1), 1e-12))))
        gradient = np.append([(slope * each).sum() for each in stacked], slope.sum() if stacked.ndim == 2 else 0.0)
        return value + 1e-4 * float(np.square(parameters[:-1]).sum()), gradient + np.append(2e-4 * parameters[:-1], 0)

    scale = float(np.square(outcome).mean()) if task is Task.REGRESSION else 1.0
    limits = [(0.0, None)] * len(names) + [(None, None)]
    found = minimize(
        lambda p: tuple(part / scale for part in loss(p)), start, jac=True, bounds=limits, method="L-BFGS-B"
    ).x
    weights = np.where(found[:-1] < 1e-4, 0.0, found[:-1])
    return Weights(tuple(names), tuple(float(w) for w in weights), float(found[-1]))


@dataclass(frozen=True, slots=True)
class Part:
    """A member as it stands in the stack: which of the joined columns it reads."""

    name: str
    weight: float
    fitted: FittedLearner
    encoding: str


@dataclass(frozen=True, slots=True)
class FittedStack:
    """Members on a joined matrix: the columns of every encoding side by side."""

    name: str
    task: Task
    parts: tuple[Part, ...]
    intercept: float
    blocks: Mapping[str, tuple[int, int]]

    def _block(self, matrix: Matrix, part: Part) -> tuple[Matrix, slice]:
        begin, end = self.blocks[part.encoding]
        at = slice(begin, end)
        return (
            Matrix(
                matrix.values[:, at], matrix.columns[at], matrix.features, matrix.feature_of[at], matrix.categorical[at]
            ),
            at,
        )

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,), or (n, classes)."""
        each = [part.weight * part.fitted.margin(self._block(matrix, part)[0]) for part in self.parts]
        return np.asarray(self.intercept + sum(each))

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """The members' contributions, weighted."""
        base: Any = self.intercept
        each: Any = None
        for part in self.parts:
            block, at = self._block(matrix, part)
            part_base, found = part.fitted.contributions(block)
            base = base + part.weight * part_base
            if each is None:
                each = np.zeros((found.shape[0], matrix.values.shape[1], *found.shape[2:]))
            each[:, at] += part.weight * found
        return np.asarray(base), np.asarray(each)

    def to_files(self) -> Files:
        """The members' files under folders of their own."""
        facts = {
            "task": self.task.value,
            "intercept": self.intercept,
            "blocks": {name: list(span) for name, span in self.blocks.items()},
            "parts": [{"name": part.name, "weight": part.weight, "encoding": part.encoding} for part in self.parts],
        }
        files = pack(self.name, facts, {})
        for k, part in enumerate(self.parts):
            files |= nest(f"member_{k}", part.fitted.to_files())
        return files


@dataclass(frozen=True)
class Stack:
    """Made by the search from its candidates' predictions; it cannot be fitted on its own."""

    name: str = NAME
    complexity: int = 6
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Nothing to search."""
        return {}

    def defaults(self, target: Target) -> dict[str, Any]:
        """Nothing to set."""
        return {}

    def fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int,
        weights: FloatArray | None = None, threads: int = 1,
    ) -> FittedLearner:  # fmt: skip
        """A stack is made of members that the search has fitted."""
        raise NotImplementedError("a stack is made of fitted members")

    def from_files(self, files: Mapping[str, bytes]) -> FittedStack:
        """The fitted state again."""
        from sartor.learning.learners import by_name

        facts, _ = unpack(self.name, files)
        try:
            parts = tuple(
                Part(
                    each["name"], float(each["weight"]),
                    by_name(each["name"]).from_files(nested(f"member_{k}", files)), each["encoding"],
                )
                for k, each in enumerate(facts["parts"])
            )  # fmt: skip
        except KeyError as error:
            raise ModelRefused(f"the stack names {error}", todo="make the model folder anew") from error
        blocks = {name: (int(span[0]), int(span[1])) for name, span in facts["blocks"].items()}
        return FittedStack(self.name, Task(facts["task"]), parts, float(facts["intercept"]), blocks)


@dataclass(frozen=True, slots=True)
class JoinedEncoder:
    """Several encoders side by side, for a stack."""

    encoders: Mapping[str, Any]

    @property
    def features(self) -> tuple[str, ...]:
        """The features of all of them, in order of first mention."""
        return tuple(dict.fromkeys(name for each in self.encoders.values() for name in each.features))

    def apply(self, cohort: Any) -> Matrix:
        """One matrix with every encoder's columns."""
        return join([encoder.apply(cohort) for encoder in self.encoders.values()])

    def spans(self, cohort: Any) -> dict[str, tuple[int, int]]:
        """Which columns are whose."""
        at, found = 0, {}
        for key, encoder in self.encoders.items():
            width = encoder.apply(cohort).values.shape[1]
            found[key] = (at, at + width)
            at += width
        return found

    def to_json(self) -> bytes:
        """All of them in one file."""
        state = {key: encoder.to_json().decode() for key, encoder in self.encoders.items()}
        return (json.dumps({"format": 1, "joined": state}) + "\n").encode()

    @classmethod
    def from_state(cls, state: Mapping[str, str]) -> JoinedEncoder:
        """The encoders again."""
        from sartor.learning.encoding import encoder_from_json

        return cls({key: encoder_from_json(text.encode()) for key, text in state.items()})


def join(matrices: Sequence[Matrix]) -> Matrix:
    """Columns side by side; features by name."""
    features = tuple(dict.fromkeys(name for each in matrices for name in each.features))
    place = {name: k for k, name in enumerate(features)}
    return Matrix(
        values=np.hstack([each.values for each in matrices]),
        columns=tuple(name for each in matrices for name in each.columns),
        features=features,
        feature_of=np.concatenate([[place[each.features[k]] for k in each.feature_of] for each in matrices]).astype(
            np.int32
        ),
        categorical=np.concatenate([each.categorical for each in matrices]),
    )
