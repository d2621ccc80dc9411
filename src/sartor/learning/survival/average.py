"""A stack of survival learners: the weighted mean of their log relative hazards.

Weights are at least 0 and sum to 1; they maximise the partial likelihood of predictions for rows that the members had
not seen, pulled towards equal weights (Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1; with convex weights as in
super learning: van der Laan et al. 2007, PMID 17910531).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.learner import Encoding, Files, FittedLearner, FloatArray, Parameters, Suggest
from sartor.learning.survival import storage
from sartor.learning.survival.boosted_cox import BoostedCox
from sartor.learning.survival.cox import Cox
from sartor.learning.survival.cross_fitting import calibrated
from sartor.learning.survival.forest import SurvivalForest
from sartor.learning.survival.networks import DeepSurv
from sartor.learning.survival.partial_likelihood import Baseline, RiskSets
from sartor.learning.task import Matrix, Target

PULL = 100.0
"""Strength of the pull towards equal weights, in log partial likelihood per squared distance."""


HEAVY, LIGHT_FROM = ("survival_forest", "deepsurv"), 4_000
"""Members left out of stacks of more rows than these: with many rows they take the most time and add the least."""


class CrossFitting(Protocol):
    """A learner that hands over its predictions for held-out rows."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def defaults(self, target: Target) -> dict[str, Any]: ...  # noqa: D102

    def cross_fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int, weights: FloatArray | None = None
    ) -> tuple[Any, FloatArray]:
        """The fitted learner, and its log relative hazards (n,) for rows held out."""
        ...

    def from_files(self, files: Mapping[str, bytes]) -> Any: ...  # noqa: D102


MEMBERS: tuple[CrossFitting, ...] = (Cox("cox_splines", 3, True), SurvivalForest(), BoostedCox(), DeepSurv())


def convex_weights(target: Target, margins: FloatArray, pull: float = PULL) -> FloatArray:
    """Weights (members,) of `margins` (n, members) by exponentiated gradient steps on the partial likelihood."""
    sets = RiskSets.of(target)
    count = margins.shape[1]
    weights = np.full(count, 1 / count)
    rate = 1.0
    best, best_value = weights, np.inf
    for _ in range(60):
        gradient, _, value = sets.derivatives(margins @ weights)
        value += pull * float(np.sum((weights - 1 / count) ** 2))
        if value < best_value - 1e-9:
            best, best_value = weights, value
        else:
            weights, rate = best, rate / 2
            if rate < 1e-4:
                break
            gradient, _, _ = sets.derivatives(margins @ weights)
        slope = margins.T @ gradient + 2 * pull * (weights - 1 / count)
        moved = weights * np.exp(-rate * slope / max(float(np.abs(slope).max()), 1e-12))
        weights = moved / moved.sum()
    return best


@dataclass(frozen=True, slots=True)
class FittedAverage:
    """Members, their weights, and what makes their mean true to size."""

    name: str
    members: tuple[FittedLearner, ...]
    weights: FloatArray
    scale: float
    shift: float
    baseline: Baseline

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        total = sum(w * m.margin(matrix) for w, m in zip(self.weights, self.members, strict=True))
        return np.asarray(self.scale * (total - self.shift))

    def predict(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        return self.margin(matrix)

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """P(no event by each time), (n, times)."""
        return self.baseline.survival(self.margin(matrix), times)

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """The weighted sum of the members' contributions."""
        base, each = np.zeros(len(matrix)), np.zeros(matrix.values.shape)
        for weight, member in zip(self.weights, self.members, strict=True):
            member_base, parts = member.contributions(matrix)
            base, each = base + weight * member_base, each + weight * parts
        return self.scale * (base - self.shift), self.scale * each

    def to_files(self) -> Files:
        """The members' files in folders of their names, and the weights."""
        facts = {"members": [member.name for member in self.members], "scale": self.scale, "shift": self.shift}
        arrays = {"weights": self.weights, "times": self.baseline.times, "cumulative": self.baseline.cumulative}
        found = storage.pack(self.name, facts, arrays)
        for member in self.members:
            found |= storage.nest(member.name, member.to_files())
        return found


@dataclass(frozen=True, slots=True)
class SurvivalAverage:
    """Learner: the stack."""

    members: tuple[CrossFitting, ...] = MEMBERS
    name: str = "survival_average"
    complexity: int = 6
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.SURVIVAL})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """How far equal weights are preferred; members keep their sound parameters."""
        return self.defaults(target) | {"pull": trial.suggest_float("pull", 1.0, 1000.0, log=True)}

    def defaults(self, target: Target) -> dict[str, Any]:
        """A gentle pull towards equal weights; and who is in the stack, so that it is told who is not."""
        light = len(target) > LIGHT_FROM
        return {"pull": PULL, "members": [one.name for one in self.members if not (light and one.name in HEAVY)]}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedAverage:
        """Cross-fit every member once; no row's own outcome enters its share of the weights."""
        fitted, margins = [], []
        for member in self.members:
            if member.name not in parameters["members"]:
                continue
            one, held = member.cross_fit(matrix, target, member.defaults(target), seed=seed, weights=weights)
            fitted.append(one)
            margins.append(held)
        stacked = np.stack(margins, axis=1)
        found = convex_weights(target, stacked, float(parameters["pull"]))
        scale, shift, baseline = calibrated(target, stacked @ found, weights)
        return FittedAverage(self.name, tuple(fitted), found, scale, shift, baseline)

    def from_files(self, files: Mapping[str, bytes]) -> FittedAverage:
        """The fitted learner again. Raises ModelRefused."""
        facts, arrays = storage.unpack(self.name, files)
        known = {member.name: member for member in self.members}
        if not set(facts["members"]) <= set(known):
            raise ModelRefused("a member of the stack is not known", todo="update Sartor, or make the model anew")
        members = tuple(known[name].from_files(storage.nested(name, files)) for name in facts["members"])
        baseline = Baseline(arrays["times"], arrays["cumulative"])
        return FittedAverage(self.name, members, arrays["weights"], facts["scale"], facts["shift"], baseline)
