"""The ranking loss of DeepHit: who has an event should by then have a higher incidence than who has it not yet.

Lee et al. 2018 (AAAI 32:2314), section "Loss Function": over the comparable pairs of each cause the mean of
exp(−(F_i(s_i) − F_j(s_i)) / width), F the predicted cumulative incidence and s_i the time of the earlier event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
WIDTH = 0.1
"""Difference of incidence over which the loss falls by a factor of e; DeepHit's own."""


@dataclass(frozen=True, slots=True)
class Incidences:
    """Hazards (n, intervals, causes) as incidences: `reached` (n, intervals, causes) by the end of each interval."""

    hazards: Floats
    alive: Floats
    reached: Floats

    @classmethod
    def of(cls, hazards: Floats) -> Incidences:
        """alive: (n, intervals), P(no event of any kind before each interval)."""
        stay = np.cumprod(1 - hazards.sum(axis=2), axis=1)
        alive = np.concatenate([np.ones((len(stay), 1)), stay[:, :-1]], axis=1)
        return cls(hazards, alive, np.cumsum(alive[:, :, None] * hazards, axis=1))

    def backward(self, slope: Floats, cause: int) -> Floats:
        """From slopes in the incidence of one cause, (n, intervals), to slopes in the scores of softmax hazards."""
        reached = self.reached[:, :, cause]
        later = np.cumsum(slope[:, ::-1], axis=1)[:, ::-1]
        weighted = np.cumsum((slope * reached)[:, ::-1], axis=1)[:, ::-1]
        own = self.alive * self.hazards[:, :, cause]
        found = -self.hazards * (own * later + weighted - reached * later)[:, :, None]
        found[:, :, cause] += own * later
        return np.asarray(found)


def ranking(hazards: Floats, ended: Floats, beyond: Floats) -> tuple[float, Floats]:
    """(loss, its slope in the scores), both 0 without a comparable pair.

    hazards: (n, intervals, causes). ended: (n, intervals, causes), 1 where a row's event lies. beyond: (n, intervals),
    1 where a row was seen free of events to the end of that interval. The loss of each cause is a mean over pairs; the
    causes are averaged.
    """
    incidences = Incidences.of(hazards)
    loss, slope = 0.0, np.zeros_like(hazards)
    causes = hazards.shape[2]
    for cause in range(causes):
        pairs = float(ended[:, :, cause].sum(axis=0) @ beyond.sum(axis=0))
        if pairs <= 0:
            continue
        reached = incidences.reached[:, :, cause]
        early = ended[:, :, cause] * np.exp(-reached / WIDTH)
        late = beyond * np.exp(reached / WIDTH)
        of_early, of_late = early.sum(axis=0), late.sum(axis=0)
        loss += float(of_early @ of_late) / pairs / causes
        in_incidence = (late * of_early - early * of_late) / (WIDTH * pairs * causes)
        slope += incidences.backward(in_incidence, cause)
    return loss, slope
