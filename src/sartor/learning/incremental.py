"""What an added group of inputs (a genotype, say) is worth on top of the others, on the same patients.

Net reclassification says nothing of calibration and can be positive for a worthless marker when the models are
miscalibrated (Pepe et al. 2015, PMID 24981590; Hilden and Gerds 2014, PMID 23553436), so its parts for events and
non-events stand apart, beside the gain in AUROC, Brier score and net benefit, which are proper or nearly so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sartor.domain.validation import Measure
from sartor.learning.metrics import bootstrap, usefulness
from sartor.learning.metrics.discrimination import Ranked

Floats = npt.NDArray[np.float64]
NAMES = (
    "delta_auroc", "delta_brier", "idi", "nri_continuous", "nri_continuous_events", "nri_continuous_nonevents",
    "nri", "nri_events", "nri_nonevents",
)  # fmt: skip


def incremental_value(
    outcome: npt.ArrayLike,
    without: npt.ArrayLike,
    with_added: npt.ArrayLike,
    *,
    thresholds: Sequence[float] = (),
    groups: npt.ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
    candidate: str = "pipeline",
    where: str = "internal",
) -> tuple[Measure, ...]:
    """The standard table: Δ AUROC, Δ Brier (negative is better), IDI, NRI, Δ net benefit, each with interval.

    outcome: (n,) 0 or 1. without, with_added: (n,) out-of-fold probabilities of the two models. thresholds: bounds of
    the risk categories (categorical NRI is left out without any), and where the net benefit is compared.
    """
    y = np.asarray(outcome, dtype=float)
    old, new = np.asarray(without, dtype=float), np.asarray(with_added, dtype=float)
    limits = np.sort(np.asarray(thresholds, dtype=float))
    ranked = Ranked.of(y, old), Ranked.of(y, new)
    moved = np.stack([np.sign(new - old), np.sign(_category(new, limits) - _category(old, limits))])

    def statistic(weights: Floats) -> Floats:
        events, rest = weights * y, weights * (1 - y)
        shares = events.sum(), rest.sum()
        if min(shares) <= 0:
            return np.full(len(NAMES) + len(limits), np.nan)
        up_events, down_rest = moved @ events / shares[0], -(moved @ rest) / shares[1]
        gain = (new - old) @ events / shares[0] - (new - old) @ rest / shares[1]
        squared = usefulness.brier(y, new, weights) - usefulness.brier(y, old, weights)
        parts = [ranked[1].auroc(weights) - ranked[0].auroc(weights), squared, gain]
        for k in (0, 1):
            parts += [up_events[k] + down_rest[k], up_events[k], down_rest[k]]
        benefit = [usefulness.net_benefit(y, each, limits, weights) for each in (old, new)] if len(limits) else [0, 0]
        return np.concatenate([parts, np.atleast_1d(benefit[1] - benefit[0])[: len(limits)]])

    point = statistic(np.ones(len(y)))
    found = bootstrap.replicate(statistic, len(y), groups=groups, resamples=resamples, seed=seed)
    low, high = (np.atleast_1d(each) for each in bootstrap.percentiles(found))
    names = [*NAMES, *(["delta_net_benefit"] * len(limits))]
    at = [None] * len(NAMES) + [float(each) for each in limits]
    kept = [k for k, name in enumerate(names) if len(limits) or not name.startswith("nri") or "continuous" in name]
    return tuple(
        Measure(
            name=names[k], candidate=candidate, where=where, at=at[k], value=float(point[k]), low=float(low[k]),
            high=float(high[k]), n=len(y), n_events=int(y.sum()),
        )
        for k in kept
        if np.isfinite(point[k])
    )  # fmt: skip


def _category(risk: Floats, limits: Floats) -> npt.NDArray[np.int64]:
    return np.asarray(np.searchsorted(limits, risk, side="right"))
