"""Cox's partial likelihood (Breslow's ties) over sorted rows: derivatives in the log hazard, baseline hazards.

Cox 1972 (doi:10.1111/j.2517-6161.1972.tb00899.x); Breslow 1974 (doi:10.2307/2529620).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskSets:
    """The rows of a target in order of time, with what every partial likelihood needs.

    order:  (n,) rows by ascending time. slot: (n,) distinct time of each sorted row. first: (m,) first sorted row of
    each distinct time. times: (m,) distinct times. events: (n,) weight of the event of each sorted row, 0 for none.
    weights: (n,) weight of each sorted row. deaths: (m,) weight of the events at each time.
    """

    order: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    times: Floats
    events: Floats
    weights: Floats
    deaths: Floats

    @classmethod
    def of(cls, target: Target, weights: Floats | None = None, cause: int = EVENT) -> RiskSets:
        """Risk sets for one cause; every other event counts as censoring."""
        assert target.events is not None
        order = np.argsort(target.values, kind="stable")
        times, first, slot = np.unique(target.values[order], return_index=True, return_inverse=True)
        weight = np.ones(len(order)) if weights is None else np.asarray(weights, float)[order]
        events = (target.events[order] == cause) * weight
        deaths = np.bincount(slot, weights=events, minlength=len(times)).astype(float)
        return cls(order, slot, first, times, events, weight, deaths)

    def at_risk(self, hazards: Floats) -> Floats:
        """Sum of `hazards` (sorted rows, (n,) or (n, p)) over those at risk at each distinct time."""
        return np.asarray(np.cumsum(hazards[::-1], axis=0)[::-1][self.first])

    def share(self, steps: Floats) -> Floats:
        """For each sorted row, the sum of `steps` (per distinct time) over the times at which it is at risk."""
        return np.asarray(np.cumsum(steps)[self.slot])

    def derivatives(self, log_hazard: Floats) -> tuple[Floats, Floats, float]:
        """(gradient, diagonal of the Hessian, value) of the negative log partial likelihood, rows as in the target."""
        sorted_log = log_hazard[self.order]
        shift = float(sorted_log.max(initial=0.0))
        hazards = self.weights * np.exp(sorted_log - shift)
        total = self.at_risk(hazards)
        share = self.share(self.deaths / total)
        share_squared = self.share(self.deaths / total**2)
        gradient, hessian = np.empty_like(hazards), np.empty_like(hazards)
        expected = hazards * share
        gradient[self.order] = expected - self.events
        hessian[self.order] = expected - hazards**2 * share_squared
        return gradient, hessian, float(self.deaths @ (np.log(total) + shift) - self.events @ sorted_log)

    def baseline(self, log_hazard: Floats) -> Baseline:
        """Breslow's cumulative baseline hazard for these log hazards (rows as in the target)."""
        hazards = self.weights * np.exp(np.clip(log_hazard, -50, 50)[self.order])
        happened = self.deaths > 0
        steps = self.deaths[happened] / self.at_risk(hazards)[happened]
        return Baseline(self.times[happened], np.cumsum(steps))

    def loss(self, log_hazard: Floats) -> float:
        """Negative log partial likelihood per event."""
        return self.derivatives(log_hazard)[2] / max(float(self.deaths.sum()), 1.0)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Cumulative baseline hazard as steps: `cumulative[k]` from `times[k]` on, 0 before the first."""

    times: Floats
    cumulative: Floats

    def at(self, times: Floats) -> Floats:
        """The cumulative baseline hazard at each time, (k,)."""
        return np.concatenate(([0.0], self.cumulative))[np.searchsorted(self.times, times, side="right")]

    def survival(self, log_hazard: Floats, times: Floats) -> Floats:
        """P(no event by each time) for each row, (n, k)."""
        return np.exp(-np.exp(np.clip(log_hazard, -50, 50))[:, None] * self.at(np.asarray(times, float))[None, :])


def breslow(target: Target, log_hazard: Floats, weights: Floats | None = None, cause: int = EVENT) -> Baseline:
    """Breslow's estimate of the cumulative baseline hazard of one cause."""
    return RiskSets.of(target, weights, cause).baseline(log_hazard)


def slope(target: Target, log_hazard: Floats, weights: Floats | None = None) -> float:
    """The coefficient of Cox regression on `log_hazard` alone: below 1 it was too extreme; 0 where it is constant."""
    sets = RiskSets.of(target, weights)
    spread = log_hazard - log_hazard.mean()
    if float(np.std(spread)) < 1e-12 or not sets.deaths.any():
        return 0.0
    found, x = 0.0, spread[sets.order]
    for _ in range(30):
        hazards = sets.weights * np.exp(np.clip(found * x, -50, 50))
        total = sets.at_risk(hazards)
        mean = sets.at_risk(hazards * x) / total
        curvature = float(sets.deaths @ (sets.at_risk(hazards * x * x) / total - mean**2))
        step = float(sets.events @ x - sets.deaths @ mean) / max(curvature, 1e-12)
        found += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-9:
            break
    return found
