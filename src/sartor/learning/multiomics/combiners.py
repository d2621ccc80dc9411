"""Late integration: what the single views say, averaged or stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.multiomics.penalised import Linear, fit_linear, nothing_known
from sartor.learning.multiomics.views import Floats
from sartor.learning.task import Target

STACK_STRENGTHS = (0.3, 1.0, 3.0, 10.0)
SMALLEST = 1e-4
Flags = npt.NDArray[np.bool_]


class FittedCombiner(Protocol):
    """What was learned; a function of what the views say and of which are there."""

    def predict(self, said: Sequence[Floats], there: Flags) -> Floats:
        """(n, k) from each view's (n, k)."""
        ...


@dataclass(frozen=True, slots=True)
class LateMean:
    """The mean of the views' predictions, over the views that a patient has."""

    name: str = "late mean"
    complexity: int = 3

    def fit_all(
        self, said: Sequence[Floats], there: Flags, target: Target
    ) -> Sequence[tuple[dict[str, Any], FittedCombiner]]:
        """said: per view (n, k) predictions by models that had not seen the row. there: (n, views)."""
        centre = [float(each.mean()) if target.task is Task.SURVIVAL else 0.0 for each in said]
        spread = [float(each.std()) or 1.0 if target.task is Task.SURVIVAL else 1.0 for each in said]
        return [({}, FittedMean(tuple(centre), tuple(spread), nothing_known(target)))]


@dataclass(frozen=True, slots=True)
class FittedMean:
    """Centre and spread per view bring log relative hazards to one scale; 0 and 1 for everything else."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    unknown: Floats

    def predict(self, said: Sequence[Floats], there: Flags) -> Floats:
        """(n, k); what is known of everyone where no view is there."""
        total = np.zeros_like(said[0])
        for each, centre, spread, present in zip(said, self.centre, self.spread, there.T, strict=True):
            total += np.where(present[:, None], (each - centre) / spread, 0.0)
        count = there.sum(axis=1)[:, None]
        return np.where(count > 0, total / np.maximum(count, 1), self.unknown)


@dataclass(frozen=True, slots=True)
class LateStack:
    """A penalised model on top of what each view's model says of patients that it had not seen (Wolpert 1992).

    Probabilities enter as log ratios to the class frequencies, so that an absent view says nothing.
    doi:10.1016/S0893-6080(05)80023-1.
    """

    name: str = "late stack"
    complexity: int = 5

    def fit_all(
        self, said: Sequence[Floats], there: Flags, target: Target
    ) -> Sequence[tuple[dict[str, Any], FittedCombiner]]:
        """One per strength of the penalty."""
        unknown = nothing_known(target)
        inputs = stacked(said, there, unknown, target.task)
        spread = np.where(inputs.std(axis=0) > 1e-9, inputs.std(axis=0), 1.0) * np.sqrt(inputs.shape[1])
        models = fit_linear(inputs / spread, target, STACK_STRENGTHS)
        return [
            ({"strength": strength}, FittedStack(unknown, spread, model))
            for strength, model in zip(STACK_STRENGTHS, models, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class FittedStack:
    """The upper model."""

    unknown: Floats
    spread: Floats
    linear: Linear

    def predict(self, said: Sequence[Floats], there: Flags) -> Floats:
        """(n, k) from each view's (n, k)."""
        return self.linear.predict(stacked(said, there, self.unknown, self.linear.task) / self.spread)


def stacked(said: Sequence[Floats], there: Flags, unknown: Floats, task: Task) -> Floats:
    """(n, views × k): each view's say as a difference to what is known of everyone, 0 where it is absent."""
    if task is Task.CLASSIFICATION:
        parts = [np.log(each + SMALLEST) - np.log(unknown + SMALLEST) for each in said]
    else:
        parts = [each - unknown for each in said]
    parts = [np.where(present[:, None], part, 0.0) for part, present in zip(parts, there.T, strict=True)]
    return np.concatenate(parts, axis=1)


Combiner = LateMean | LateStack
