"""How well survival predictions rank and how true their probabilities are: concordance, Brier score, AUC over time.

Competing events: a row with one counts, from its time on, as a row that will never have the event of interest
(Wolbers et al. 2009, PMID 19367167, for concordance; the Brier score and the AUC of the cumulative incidence).
Censoring weights are Kaplan–Meier estimates of the censoring distribution in the rows learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.errors import TooFewData
from sartor.learning.task import CENSORED, EVENT, Target

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function that is right-continuous: `start` before `times[0]`, `values[k]` from `times[k]` on."""

    times: Floats
    values: Floats
    start: float = 1.0

    def at(self, times: npt.ArrayLike, *, before: bool = False) -> Floats:
        """The value at each time (or just before it)."""
        where = np.searchsorted(self.times, np.asarray(times, float), side="left" if before else "right")
        return np.concatenate(([self.start], self.values))[where]


def _events(target: Target) -> npt.NDArray[np.int8]:
    if target.events is None:
        raise TooFewData("the target has no events", todo="use a survival target")
    return target.events


def _at_risk(times: Floats, events: npt.NDArray[np.int8]) -> tuple[Floats, Floats, Floats, Floats]:
    """Distinct times with, at each: number at risk, events of interest, competing events."""
    distinct, where = np.unique(times, return_inverse=True)
    count = np.bincount(where, minlength=len(distinct)).astype(float)
    at_risk = count[::-1].cumsum()[::-1]
    interest = np.bincount(where, weights=events == EVENT, minlength=len(distinct)).astype(float)
    competing = np.bincount(where, weights=events > EVENT, minlength=len(distinct)).astype(float)
    return distinct, at_risk, interest, competing


def kaplan_meier(target: Target) -> Steps:
    """P(no event of any kind after each time) by Kaplan and Meier 1958 (doi:10.1080/01621459.1958.10501452)."""
    times, at_risk, interest, competing = _at_risk(target.values, _events(target))
    return Steps(times, np.asarray(np.cumprod(1.0 - (interest + competing) / at_risk), float))


def cumulative_incidence(target: Target) -> Steps:
    """P(event of interest by each time) beside competing events, by Aalen and Johansen 1978 (Scand J Stat 5:141).

    Without competing events it is 1 − Kaplan–Meier.
    """
    times, at_risk, interest, competing = _at_risk(target.values, _events(target))
    alive = np.concatenate(([1.0], np.cumprod(1 - (interest + competing) / at_risk)[:-1]))
    return Steps(times, np.cumsum(alive * interest / at_risk), 0.0)


def censoring(target: Target) -> Steps:
    """P(not yet censored after each time), reverse Kaplan–Meier; at a tie events come before censoring."""
    times, at_risk, interest, competing = _at_risk(target.values, _events(target))
    left = at_risk - interest - competing
    censored = left - np.append(at_risk[1:], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Steps(times, np.cumprod(1 - np.where(left > 0, censored / left, 0.0)))


def _never(target: Target) -> Floats:
    """Times at which the event of interest may still come: competing events put it off for ever."""
    return np.where(_events(target) > EVENT, np.inf, target.values)


def count_pairs(times: Floats, events: Flags, risk: Floats) -> tuple[Floats, Floats, Floats]:
    """For each event, in the order of `np.flatnonzero(events)`: comparable rows, those of lower and of equal risk.

    A row is comparable with an event when its time is longer, or equal without an event. A wavelet matrix over the
    ranks of the risk counts all events at once: O(n log n), whatever the ties.
    """
    n = len(times)
    order = np.lexsort((events, -times))
    ranks = np.unique(risk, return_inverse=True)[1][order].astype(np.int64)
    ordered_times, ordered_events = -times[order], events[order]
    later = np.searchsorted(ordered_times, ordered_times, side="left")
    same_time_censored = np.concatenate(([0], np.cumsum(~ordered_events)))
    end_of_time = np.searchsorted(ordered_times, ordered_times, side="right")
    right = later + same_time_censored[end_of_time] - same_time_censored[later]
    rows = np.flatnonzero(ordered_events)
    right, wanted = right[rows], ranks[rows]
    comparable, left, lower = right.astype(float), np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    level = ranks
    for bit in range(max(int(ranks.max(initial=0)).bit_length(), 1) - 1, -1, -1):
        ones = (level >> bit) & 1
        zeros_before = np.concatenate(([0], np.cumsum(1 - ones)))
        zeros = int(zeros_before[n])
        left_zero, right_zero = zeros_before[left], zeros_before[right]
        high = ((wanted >> bit) & 1).astype(bool)
        lower += np.where(high, right_zero - left_zero, 0)
        left = np.where(high, zeros + left - left_zero, left_zero)
        right = np.where(high, zeros + right - right_zero, right_zero)
        level = np.concatenate((level[ones == 0], level[ones == 1]))
    back = np.argsort(order[rows], kind="stable")
    return comparable[back], lower[back].astype(float), (right - left)[back].astype(float)


def _concordance(times: Floats, events: Flags, risk: Floats, weights: Floats | None = None) -> float:
    comparable, lower, equal = count_pairs(times, events, np.asarray(risk, float))
    each = np.ones(len(comparable)) if weights is None else weights[events]
    pairs = float(each @ comparable)
    return float(each @ (lower + 0.5 * equal)) / pairs if pairs > 0 else float("nan")


def harrell_c(target: Target, risk: Floats) -> float:
    """Harrell's concordance: of comparable pairs, the share in which the earlier event had the higher risk.

    Ties of risk count half; of two equal times only event against censored is comparable (Harrell et al. 1982,
    PMID 7069920). With competing events: Wolbers et al. 2009. NaN without a comparable pair. O(n log n).
    """
    return _concordance(_never(target), _events(target) == EVENT, np.asarray(risk, float))


def uno_c(train: Target, target: Target, risk: Floats, horizon: float | None = None) -> float:
    """Uno's concordance up to `horizon`: pairs weighted by the inverse squared chance to be uncensored.

    Uno et al. 2011, PMID 21484848. NaN without a comparable pair.
    """
    times, events = _never(target), _events(target) == EVENT
    counted = events if horizon is None else events & (target.values < horizon)
    free = censoring(train).at(target.values)
    with np.errstate(divide="ignore"):
        weights = np.where(counted & (free > 0), 1 / np.square(free), 0.0)
    return _concordance(times, events, np.asarray(risk, float), weights)


def brier_at(train: Target, target: Target, survival: Floats, times: Floats) -> Floats:
    """Brier score at each time, (k,), of `survival` (n, k) = P(no event of interest by each time).

    Weighted for censoring (Graf et al. 1999, PMID 10474158; competing events: Schoop et al. 2011, Biom J 53:88).
    """
    events, observed = _events(target), target.values
    free = censoring(train)
    at_times, at_rows = free.at(times), free.at(observed)
    with np.errstate(divide="ignore"):
        time_weight = np.where(at_times > 0, 1 / at_times, 0.0)
        row_weight = np.where((at_rows > 0) & (events != CENSORED), 1 / at_rows, 0.0)
    over = observed[:, None] <= np.asarray(times)[None, :]
    happened = (events == EVENT)[:, None] & over
    weight = np.where(over, row_weight[:, None], time_weight[None, :])
    return np.asarray(np.mean(weight * np.square(survival - ~happened), axis=0))


def integrated_brier(train: Target, target: Target, survival: Floats, times: Floats) -> float:
    """Brier score averaged over the span of `times` (k ≥ 2, ascending) by the trapezoid rule; lower is better."""
    scores = brier_at(train, target, survival, times)
    return float(np.trapezoid(scores, times) / (times[-1] - times[0]))


def time_dependent_auc(train: Target, target: Target, risk: Floats, times: Floats) -> Floats:
    """Cumulative/dynamic AUC at each time, (k,): events by then against rows free of it, weighted for censoring.

    Uno et al. 2007 (doi:10.1198/016214507000000149); with competing events the controls are all rows without the
    event of interest by then (Blanche et al. 2013, PMID 24027076). `risk`: (n,), or (n, k) for each time.
    """
    events, observed = _events(target), target.values
    free = censoring(train)
    rows = free.at(observed)
    with np.errstate(divide="ignore"):
        weight = np.where((rows > 0) & (events != CENSORED), 1 / rows, 0.0)
    risks = np.asarray(risk, float)
    found = np.full(len(times), np.nan)
    for k, time in enumerate(times):
        at = float(free.at(time))
        here = risks if risks.ndim == 1 else risks[:, k]
        over = observed <= time
        case = np.where(over & (events == EVENT), weight, 0.0)
        control = np.where(over, np.where(events > EVENT, weight, 0.0), 1 / at if at > 0 else 0.0)
        found[k] = _weighted_auc(here, case, control)
    return found


def _weighted_auc(risk: Floats, case: Floats, control: Floats) -> float:
    level, where = np.unique(risk, return_inverse=True)
    cases = np.bincount(where, weights=case, minlength=len(level))
    controls = np.bincount(where, weights=control, minlength=len(level))
    pairs = cases.sum() * controls.sum()
    below = np.cumsum(controls) - 0.5 * controls
    return float(cases @ below / pairs) if pairs > 0 else float("nan")


def mean_auc(target: Target, auc: Floats, times: Floats) -> float:
    """AUC over time averaged with the drop of Kaplan–Meier as weights (Lambert and Chevret 2016, PMID 24395866)."""
    alive = kaplan_meier(target).at(times)
    drop = -np.diff(np.concatenate(([1.0], alive)))
    return float(auc @ drop / (1 - alive[-1])) if alive[-1] < 1 else float("nan")


def evaluation_times(target: Target, *, points: int = 20) -> Floats:
    """Times at which survival is scored: from the 5 % to the 90 % quantile of the event times, evenly spaced.

    The last one lies below the longest follow-up, so that the censoring weights stay finite.
    """
    events = target.values[_events(target) == EVENT]
    if len(events) < 2:
        raise TooFewData(f"{len(events)} events", todo="survival needs at least two rows with the event")
    low, high = np.quantile(events, (0.05, 0.9))
    return np.linspace(low, high, points) if high > low else np.array([low, np.nextafter(low, np.inf)])
