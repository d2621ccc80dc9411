"""The contract of every learner: how it is searched, fitted, used, explained and stored."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.task import Matrix, Target

Parameters = Mapping[str, Any]
Files = dict[str, bytes]
FloatArray = npt.NDArray[np.float64]


class Encoding(StrEnum):
    """How a learner wants its inputs: `dense` (imputed, scaled, one-hot) or `native` (NaN and category codes kept)."""

    DENSE = "dense"
    NATIVE = "native"


class Suggest(Protocol):
    """The part of an Optuna trial that a search space needs (optuna.trial.Trial fits)."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...  # noqa: D102
    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...  # noqa: D102
    def suggest_categorical(self, name: str, choices: Any) -> Any: ...  # noqa: D102


class FittedLearner(Protocol):
    """A learner after fitting; everything is a function of the matrix."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def predict(self, matrix: Matrix) -> FloatArray:
        """Classification: (n, classes) probabilities. Regression: (n,). Survival: (n,) log relative hazard."""
        ...

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """Survival only: P(no event of interest by each time), (n, times); 1 − cumulative incidence if competing."""
        ...

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """(base (n,), contributions (n, encoded columns)), on the margin: log odds of class 1 (or of each class:
        (n, classes) and (n, columns, classes)), value, log relative hazard. base + sum = margin, to 1e-6.
        """
        ...

    def margin(self, matrix: Matrix) -> FloatArray:
        """What the contributions add up to, shape as base."""
        ...

    def to_files(self) -> Files:
        """The fitted state as files (JSON, safetensors, the library's own text), no pickle; same state, same bytes."""
        ...


class Learner(Protocol):
    """A way to learn.

    `complexity` orders candidates: 0 published equation, 1 its recalibration, 2 penalised regression,
    3 spline or pairwise additive models, 4 trees and boosting, 5 networks, 6 stacks.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def complexity(self) -> int: ...  # noqa: D102
    @property
    def encoding(self) -> Encoding: ...  # noqa: D102
    @property
    def tasks(self) -> frozenset[Task]: ...  # noqa: D102

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """One point of the search space."""
        ...

    def defaults(self, target: Target) -> dict[str, Any]:
        """Sound parameters, tried first."""
        ...

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedLearner:
        """Learn. The same arguments give the same state."""
        ...

    def from_files(self, files: Mapping[str, bytes]) -> FittedLearner:
        """The fitted state again, from what `to_files` gave. Raises ModelRefused for anything else."""
        ...
