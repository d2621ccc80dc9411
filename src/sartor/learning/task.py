"""What is learned (the target) and what it is learned from (an encoded matrix)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task

CENSORED = 0
EVENT = 1


@dataclass(frozen=True, slots=True)
class Target:
    """The outcome of n rows.

    values:  (n,) float64. Classification: index into `classes`; for two classes index 1 is the outcome that is
             predicted. Regression: the value. Survival: time under observation, > 0.
    events:  survival only, (n,) int8: 0 censored, 1 the event of interest, 2, 3 … competing events (`classes` names
             them, in that order, "censored" first).
    groups:  (n,) int64, rows of one group (a patient) are never parted by a learner's own splits; None when every row
             is its own.
    """

    task: Task
    values: npt.NDArray[np.float64]
    events: npt.NDArray[np.int8] | None = None
    classes: tuple[str, ...] = ()
    unit: str = ""
    groups: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    @property
    def units(self) -> int:
        """The number of groups, or of rows where every row is its own."""
        return len(self) if self.groups is None else len(np.unique(self.groups))

    @property
    def is_binary(self) -> bool:
        """Classification into two classes."""
        return self.task is Task.CLASSIFICATION and len(self.classes) == 2

    @property
    def has_competing_events(self) -> bool:
        """Survival with an event that makes the event of interest impossible."""
        return self.events is not None and bool((self.events > EVENT).any())

    def take(self, rows: npt.NDArray[Any]) -> Target:
        """The outcome of these rows (indices or a mask)."""
        events = None if self.events is None else self.events[rows]
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, values=self.values[rows], events=events, groups=groups)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Encoded inputs of n rows.

    values:      (n, c) float32 or float64; NaN only where the encoding keeps missing values.
    columns:     names of the c encoded columns.
    feature_of:  (c,) int32, index into `features`: which original feature each encoded column came from.
    categorical: (c,) bool, columns that hold category codes (native encoding only).
    """

    values: npt.NDArray[Any]
    columns: tuple[str, ...]
    features: tuple[str, ...]
    feature_of: npt.NDArray[np.int32]
    categorical: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    def take(self, rows: npt.NDArray[Any]) -> Matrix:
        """The same columns for these rows."""
        return replace(self, values=self.values[rows])

    def by_feature(self, contributions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Contributions per encoded column, (n, c), summed into the original features, (n, p)."""
        summed = np.zeros((contributions.shape[0], len(self.features)))
        np.add.at(summed.T, self.feature_of, contributions.T)
        return summed
