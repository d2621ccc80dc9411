"""Whether acting on a probability does more good than harm: net benefit; and the proper scores, Brier and log loss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def brier(outcome: Floats, probability: Floats, weights: Floats | None = None) -> float:
    """Mean squared distance of the probability of class 1 from the outcome (0 or 1)."""
    return float(np.average(np.square(probability - outcome), weights=weights))


def scaled_brier(outcome: Floats, probability: Floats, weights: Floats | None = None) -> float:
    """1 − Brier score over that of the prevalence for everyone (index of prediction accuracy, PMID 30225408)."""
    share = float(np.average(outcome, weights=weights))
    reference = share * (1 - share)
    return 1 - brier(outcome, probability, weights) / reference if reference > 0 else float("nan")


def brier_of_classes(outcome: Floats, probabilities: Floats) -> float:
    """Two classes: as `brier`, of class 1. More: Brier's original sum over the (n, classes)."""
    if probabilities.shape[1] == 2:
        return brier(outcome, probabilities[:, 1])
    one_hot = outcome[:, None] == np.arange(probabilities.shape[1])
    return float(np.mean(np.sum(np.square(probabilities - one_hot), axis=1)))


def log_loss(outcome: Floats, probabilities: Floats) -> float:
    """Mean −log probability of the class that came true, nats; probabilities are kept 1e-15 from 0."""
    given = probabilities[np.arange(len(outcome)), outcome.astype(int)]
    return float(-np.mean(np.log(np.clip(given, 1e-15, 1.0))))


def net_benefit(
    outcome: Floats, probability: Floats, thresholds: npt.ArrayLike, weights: Floats | None = None
) -> Floats:
    """Net benefit of treating those at or above each threshold, (k,): true − false positives × odds, per person.

    Vickers and Elkin 2006 (PMID 17099194). Thresholds lie in (0, 1).
    """
    at = np.asarray(thresholds, dtype=float)
    each = np.ones(len(outcome)) if weights is None else np.asarray(weights, dtype=float)
    bins = np.searchsorted(np.sort(at), probability, side="right")
    true = np.bincount(bins, weights=each * outcome, minlength=len(at) + 1)[::-1].cumsum()[::-1][1:]
    called = np.bincount(bins, weights=each, minlength=len(at) + 1)[::-1].cumsum()[::-1][1:]
    ordered = np.sort(at)
    benefit = (true - (called - true) * ordered / (1 - ordered)) / each.sum()
    return np.asarray(benefit[np.argsort(np.argsort(at, kind="stable"), kind="stable")])


def treat_all(prevalence: float | Floats, thresholds: npt.ArrayLike) -> Floats:
    """Net benefit of treating everyone at each threshold; treating no one has 0."""
    at = np.asarray(thresholds, dtype=float)
    return np.asarray(prevalence - (1 - prevalence) * at / (1 - at))
