"""Whether acting on a risk by a horizon does more good than harm: net benefit with censored and competing outcomes.

Vickers, Cronin, Elkin and Gönen 2008 (PMID 19036144): among those called, the share with the event by the horizon is
estimated as if they were a cohort of their own, by Aalen–Johansen, which without competing events is Kaplan–Meier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
NAMES = ("net_benefit", "selection_rate", "sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True, slots=True)
class Incidence:
    """The cumulative incidence by a horizon of many weighted parts of one cohort; sorted once."""

    order: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    interest: Floats
    ended: Floats

    @classmethod
    def of(cls, target: Target, horizon: float) -> Incidence:
        """interest, ended: (n,) 1 for the event of interest, and for any event, by the horizon; in order of time."""
        assert target.events is not None
        order = np.argsort(target.values, kind="stable")
        times, events = target.values[order], target.events[order]
        by_then = times <= horizon
        first = np.unique(times, return_index=True)[1]
        interest, ended = ((by_then & kind).astype(float) for kind in (events == EVENT, events > 0))
        return cls(order, first, interest, ended)

    def shares(self, weights: Floats) -> Floats:
        """P(event of interest by the horizon), (k,), in parts given as weights (k, n); NaN for an empty part."""
        sorted_ = np.asarray(weights, float)[:, self.order]
        left = np.cumsum(sorted_[:, ::-1], axis=1)[:, ::-1][:, self.first]
        interest, ended = (
            np.divide(
                np.add.reduceat(sorted_ * kind, self.first, axis=1), left, out=np.zeros_like(left), where=left > 0
            )
            for kind in (self.interest, self.ended)
        )
        alive = np.cumprod(1 - ended, axis=1)
        before = np.concatenate([np.ones((len(left), 1)), alive[:, :-1]], axis=1)
        return np.asarray(np.where(left[:, 0] > 0, (before * interest).sum(axis=1), np.nan))


def at_thresholds(
    incidence: Incidence, risk: Floats, thresholds: npt.ArrayLike, weights: Floats | None = None
) -> Floats:
    """(k, 6): net benefit, share called, sensitivity, specificity, PPV and NPV by the horizon at each threshold.

    risk: (n,) predicted P(event of interest by the horizon); at or above the threshold is called. weights: (n,) counts
    of a resample. Net benefit is per person: true − false positives × odds of the threshold. NaN where not defined.
    """
    at = np.asarray(thresholds, float)
    each = np.ones(len(risk)) if weights is None else np.asarray(weights, float)
    called = (risk[None, :] >= at[:, None]) * each
    rest = each - called
    share = called.sum(axis=1) / each.sum()
    among, spared = incidence.shares(called), incidence.shares(rest)
    true, missed = np.where(share > 0, share * among, 0.0), np.where(share < 1, (1 - share) * spared, 0.0)
    false = share - true
    benefit = true - false * at / (1 - at)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = true / (true + missed), 1 - false / (1 - true - missed)
    return np.column_stack([benefit, share, sensitivity, specificity, among, 1 - spared])
