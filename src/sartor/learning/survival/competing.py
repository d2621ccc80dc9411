"""Competing events: any survival learner per cause, combined by Aalen and Johansen; and Fine and Gray's regression.

Cause-specific hazards: Prentice et al. 1978 (Biometrics 34:541). Subdistribution hazards: Fine and Gray 1999
(doi:10.1080/01621459.1999.10474144).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import ModelRefused, TooFewData
from sartor.learning.learner import Encoding, Files, FittedLearner, FloatArray, Learner, Parameters, Suggest
from sartor.learning.metrics.survival import Steps, censoring
from sartor.learning.survival import storage
from sartor.learning.survival.cox import Cox
from sartor.learning.survival.partial_likelihood import RiskSets
from sartor.learning.task import EVENT, Matrix, Target

GRID = 256
"""Times between which the hazards of all causes are taken as constant."""
CAUSES = "causes.json"
SEARCHED_TO = 5_000
"""Rows up to which parameters are searched: beyond, what fitting chooses itself (penalty, rounds) is what matters."""


@dataclass(frozen=True, slots=True)
class FittedCauses:
    """One fitted learner per cause; `grid` are the times at which their hazards are combined."""

    name: str
    causes: tuple[FittedLearner, ...]
    grid: FloatArray

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log relative cause-specific hazard of the event of interest, (n,)."""
        return self.causes[0].margin(matrix)

    def predict(self, matrix: Matrix) -> FloatArray:
        """Log relative cause-specific hazard of the event of interest, (n,)."""
        return self.causes[0].predict(matrix)

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Those of the event of interest's hazard."""
        return self.causes[0].contributions(matrix)

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """1 − cumulative incidence of the event of interest, (n, times)."""
        grid = np.union1d(self.grid, np.asarray(times, float))
        hazards = [-np.log(np.maximum(one.survival(matrix, grid), 1e-12)) for one in self.causes]
        steps = [np.diff(hazard, axis=1, prepend=0.0) for hazard in hazards]
        total = np.sum(steps, axis=0)
        alive = np.exp(-np.cumsum(total, axis=1) + total)
        ended = alive * -np.expm1(-total)
        share = np.divide(steps[0], total, out=np.zeros_like(total), where=total > 0)
        incidence = np.cumsum(ended * share, axis=1)
        return np.asarray(1 - incidence[:, np.searchsorted(grid, times)])

    def to_files(self) -> Files:
        """The files of each cause in a folder of its own."""
        text = json.dumps({"causes": len(self.causes), "grid": self.grid.tolist(), "kind": self.name}, sort_keys=True)
        found = {CAUSES: text.encode()}
        for k, one in enumerate(self.causes, start=1):
            found |= storage.nest(f"cause_{k}", one.to_files())
        return found


@dataclass(frozen=True, slots=True)
class CauseSpecific:
    """Learner: another learner as it is; beside competing events, one of it per cause."""

    of: Learner

    @property
    def name(self) -> str:
        """The other learner's name."""
        return self.of.name

    @property
    def complexity(self) -> int:
        """The other learner's."""
        return self.of.complexity

    @property
    def encoding(self) -> Encoding:
        """The other learner's."""
        return self.of.encoding

    @property
    def tasks(self) -> frozenset[Task]:
        """Survival."""
        return self.of.tasks

    @property
    def most_rows(self) -> int:
        """The other learner's limit of rows, if it has one."""
        return int(getattr(self.of, "most_rows", 2**62))

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """The other learner's search space; all causes share the point. With many rows the defaults hold."""
        if len(target) > SEARCHED_TO:
            return self.of.defaults(target)
        return self.of.suggest(trial, target)

    def defaults(self, target: Target) -> dict[str, Any]:
        """The other learner's."""
        return self.of.defaults(target)

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
        """Learn each cause's hazard with the others as censoring. Raises TooFewData for a cause without two events."""
        if not target.has_competing_events:
            return self.of.fit(matrix, target, parameters, seed=seed, weights=weights, threads=threads)
        events = target.events
        assert events is not None
        made = []
        for cause in range(EVENT, int(events.max()) + 1):
            here = events == cause
            if np.count_nonzero(here) < 2:
                raise TooFewData(f"fewer than two events of cause {cause}", todo="join rare causes into one")
            one = replace(target, events=here.astype(np.int8), classes=())
            made.append(self.of.fit(matrix, one, parameters, seed=seed, weights=weights, threads=threads))
        happened = target.values[events > 0]
        grid = np.unique(np.quantile(happened, np.linspace(0, 1, GRID), method="nearest"))
        return FittedCauses(self.name, tuple(made), grid)

    def from_files(self, files: Mapping[str, bytes]) -> FittedLearner:
        """The fitted learner again. Raises ModelRefused."""
        if CAUSES not in files:
            return self.of.from_files(files)
        try:
            facts = json.loads(files[CAUSES])
            count, grid = int(facts["causes"]), np.array(facts["grid"], float)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelRefused("the causes of a model cannot be read", where=CAUSES, todo="make it anew") from error
        made = tuple(self.of.from_files(storage.nested(f"cause_{k}", files)) for k in range(1, count + 1))
        return FittedCauses(self.name, made, grid)


@dataclass(frozen=True, slots=True)
class SubdistributionSets(RiskSets):
    """Risk sets in which rows with a competing event stay, ever lighter as they would have been censored.

    stays: (n,) 1 / P(uncensored just before its competing event) of each sorted row, 0 for other rows.
    lightness: (m,) P(uncensored) just before each distinct time.
    """

    stays: FloatArray
    lightness: FloatArray

    @classmethod
    def with_censoring(cls, target: Target, weights: FloatArray | None, free: Steps) -> SubdistributionSets:
        """Risk sets for the event of interest, given the censoring distribution."""
        plain = RiskSets.of(target, weights)
        assert target.events is not None
        times = target.values[plain.order]
        competing = target.events[plain.order] > EVENT
        stays = np.where(competing, 1 / np.maximum(free.at(times, before=True), 1e-12), 0.0)
        lightness = free.at(plain.times, before=True)
        parts = (plain.order, plain.slot, plain.first, plain.times, plain.events, plain.weights, plain.deaths)
        return cls(*parts, stays, lightness)

    def at_risk(self, hazards: FloatArray) -> FloatArray:
        """Sum over those at risk, and those who left by a competing event with their present weight."""
        present = np.cumsum(hazards[::-1], axis=0)[::-1][self.first]
        stays, light = self.stays, self.lightness
        if hazards.ndim == 2:
            stays, light = stays[:, None], light[:, None]
        left = np.concatenate([np.zeros_like(hazards[:1]), np.cumsum(hazards * stays, axis=0)])[self.first]
        return np.asarray(present + light * left)

    def share(self, steps: FloatArray) -> FloatArray:
        """For each sorted row, the weighted sum of `steps` over the times at which it is at risk."""
        light = np.cumsum(steps * self.lightness)
        return np.asarray(np.cumsum(steps)[self.slot] + self.stays * (light[-1] - light[self.slot]))


@dataclass(frozen=True, slots=True)
class FineGray(Cox):
    """Learner: regression on the subdistribution hazard, so that coefficients speak of the cumulative incidence."""

    name: str = "fine_gray"

    def risk_sets(self, target: Target, weights: FloatArray | None) -> RiskSets:
        """Who is at risk when; competing events leave slowly."""
        return SubdistributionSets.with_censoring(target, weights, censoring(target))
