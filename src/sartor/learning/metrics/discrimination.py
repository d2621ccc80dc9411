"""How well predictions tell classes apart: AUROC with DeLong's variance, average precision, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Predictions sorted once, so that a weighted measure costs a few sums: what a bootstrap needs.

    order: (n,) rows in ascending order of prediction. starts: first position of each run of equal predictions.
    outcome: (n,) 0.0 or 1.0 in that order.
    """

    order: Ints
    starts: Ints
    outcome: Floats

    @staticmethod
    def of(outcome: npt.ArrayLike, predicted: npt.ArrayLike) -> Ranked:
        """Sort the predictions of class 1 (or any risk); `outcome` is 0 or 1, both (n,)."""
        values = np.asarray(predicted, dtype=float)
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(values) else order
        return Ranked(order, starts, np.asarray(outcome, dtype=float)[order])

    def auroc(self, weights: Floats | None = None) -> float:
        """P(a case is ranked above a control), ties half; NaN without cases or controls."""
        cases, controls = self._runs(weights)
        n_cases, n_controls = cases.sum(), controls.sum()
        if n_cases <= 0 or n_controls <= 0:
            return float("nan")
        below = np.cumsum(controls) - 0.5 * controls
        return float(cases @ below / (n_cases * n_controls))

    def auprc(self, weights: Floats | None = None) -> float:
        """Average precision, Σ (recall step × precision); NaN without cases (as scikit-learn computes it)."""
        cases, controls = self._runs(weights)
        if cases.sum() <= 0:
            return float("nan")
        true, false = np.cumsum(cases[::-1]), np.cumsum(controls[::-1])
        called = true + false
        precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
        return float(cases[::-1] @ precision / cases.sum())

    def _runs(self, weights: Floats | None) -> tuple[Floats, Floats]:
        each = np.ones(len(self.order)) if weights is None else weights[self.order].astype(float)
        cases = each * self.outcome
        controls = each - cases
        if len(self.starts) == len(self.order):
            return cases, controls
        return np.add.reduceat(cases, self.starts), np.add.reduceat(controls, self.starts)


def auroc(outcome: npt.ArrayLike, predicted: npt.ArrayLike, weights: Floats | None = None) -> float:
    """Area under the ROC curve, ties half; NaN when only one class is there."""
    return Ranked.of(outcome, predicted).auroc(weights)


def auprc(outcome: npt.ArrayLike, predicted: npt.ArrayLike, weights: Floats | None = None) -> float:
    """Average precision; NaN without cases. Its floor is the prevalence, not a half."""
    return Ranked.of(outcome, predicted).auprc(weights)


def auroc_of_classes(outcome: Floats, probabilities: Floats) -> float:
    """Two classes: AUROC of class 1. More: mean over the classes that occur of that class against the rest."""
    return _over_classes(outcome, probabilities, auroc)


def auprc_of_classes(outcome: Floats, probabilities: Floats) -> float:
    """Two classes: average precision of class 1. More: mean over the classes that occur."""
    return _over_classes(outcome, probabilities, auprc)


def accuracy(outcome: Floats, probabilities: Floats, weights: Floats | None = None) -> float:
    """Share of rows whose likeliest class is the true one; `probabilities` (n, classes)."""
    right = probabilities.argmax(axis=1) == outcome
    return float(np.average(right, weights=weights))


def balanced_accuracy(outcome: Floats, probabilities: Floats) -> float:
    """Mean over the classes that occur of the share of their rows that are recognised."""
    right = probabilities.argmax(axis=1) == outcome
    return float(np.mean([right[outcome == k].mean() for k in np.unique(outcome)]))


def delong(outcome: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Floats, Floats]:
    """AUROC of k predictions on the same rows with their covariance, ((k,), (k, k)), in O(k n log n).

    `predicted`: (n,) or (k, n). DeLong et al. 1988 (PMID 3203132), by midranks as in Sun and Xu 2014
    (doi:10.1109/LSP.2014.2337313).
    """
    cases = np.asarray(outcome, dtype=bool)
    many = np.atleast_2d(np.asarray(predicted, dtype=float))
    m, n = int(cases.sum()), int((~cases).sum())
    in_cases, in_controls = np.empty((len(many), m)), np.empty((len(many), n))
    for k, values in enumerate(many):
        ranks = midranks(values)
        in_cases[k] = (ranks[cases] - midranks(values[cases])) / n
        in_controls[k] = 1 - (ranks[~cases] - midranks(values[~cases])) / m
    areas = in_cases.mean(axis=1)
    return areas, _covariance(in_cases) / m + _covariance(in_controls) / n


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean, (n,)."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[where])


def _covariance(values: Floats) -> Floats:
    return np.atleast_2d(np.cov(values)) if values.shape[1] > 1 else np.zeros((len(values), len(values)))


def _over_classes(outcome: Floats, probabilities: Floats, measure: Callable[..., float]) -> float:
    if probabilities.shape[1] == 2:
        return measure(outcome == 1, probabilities[:, 1])
    each = [measure(outcome == k, probabilities[:, k]) for k in np.unique(outcome).astype(int)]
    return float(np.mean(each)) if len(each) > 1 else float("nan")
