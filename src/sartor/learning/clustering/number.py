"""How many groups there are, with the honest answer "one" tested first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sartor.learning.clustering.methods import Labels, MethodName, bic, part, within
from sartor.learning.clustering.representation import CUT, principal_axes
from sartor.learning.learner import FloatArray

NULL_DRAWS = 99
NULL_STARTS = 3
ALPHA = 0.05
PREDICTION_STRENGTH = 0.8
HELD = 0.65
SPLITS = 10
MEASURED_ON = 2000


@dataclass(frozen=True, slots=True)
class OfNumber:
    """What speaks for k groups; NaN where a measure has no value for k = 1.

    gap, gap_error: Tibshirani, Walther, Hastie 2001 (doi:10.1111/1467-9868.00293), against one population of the same
                    covariance. silhouette: mean (Rousseeuw 1987). prediction_strength: Tibshirani, Walther 2005
                    (doi:10.1198/106186005X59243). bic: Gaussian mixture. agreement: mean adjusted Rand index of groups
                    found in overlapping halves.
    """

    k: int
    gap: float
    gap_error: float
    z: float
    silhouette: float
    prediction_strength: float
    bic: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Number:
    """The choice: k with its reason, the test of "one population", and the measures for every k."""

    k: int
    reason: str
    p_one_population: float
    each: tuple[OfNumber, ...]


def one_population(standardised: FloatArray, binary: np.ndarray, generator: np.random.Generator) -> FloatArray:
    """A draw from one population without groups: Gaussian of the same covariance, labels cut from it at their share.

    standardised: (n, c). The idea of SigClust (Liu et al. 2008, doi:10.1198/016214508000000454), with labels.
    """
    n, columns = standardised.shape
    mean = standardised.mean(axis=0)
    covariance = np.cov(standardised.T).reshape(columns, columns)
    values, axes = np.linalg.eigh(covariance)
    drawn = generator.standard_normal((n, columns)) @ (axes * np.sqrt(np.maximum(values, 0))).T
    for column in np.flatnonzero(binary):
        levels, counts = np.unique(standardised[:, column], return_counts=True)
        ranks = np.argsort(np.argsort(drawn[:, column], kind="stable"), kind="stable")
        drawn[:, column] = levels[np.searchsorted(np.cumsum(counts), ranks, side="right")] - mean[column]
    found = mean + drawn
    return np.asarray(np.where(binary, found, np.clip(found, -CUT, CUT)))


def choose(
    standardised: FloatArray,
    binary: np.ndarray,
    points: FloatArray,
    *,
    k_max: int = 6,
    method: MethodName = "kmeans",
    seed: int = 0,
    draws: int = NULL_DRAWS,
    progress: Callable[[str], None] = lambda _: None,
) -> Number:
    """Test "one population" first; then the number that the measures support.

    standardised, binary: columns as the representation gives them; points: (n, d) on the principal axes.
    The test's statistic is the greatest standardised drop of the within-group sum of squares over k = 2 … k_max,
    against `draws` draws of one population taken the same way (components found anew). With p ≥ .05 the answer is 1.
    """
    generator = np.random.default_rng([seed, 31])
    if len(points) > MEASURED_ON:
        rows = np.sort(generator.choice(len(points), MEASURED_ON, replace=False))
        standardised, points = standardised[rows], points[rows]
    k_max = max(min(k_max, len(points) // 10), 2)
    numbers = range(1, k_max + 1)
    observed = _log_within(points, numbers, seed)
    null = np.empty((draws, k_max))
    for draw in range(draws):
        if draw % 25 == 0:
            progress(f"comparing with one population ({draw} of {draws})")
        drawn = one_population(standardised, binary, generator)
        axes, _ = principal_axes(drawn, components=points.shape[1], seed=seed)
        null[draw] = _log_within(drawn @ axes, numbers, seed)
    relative, observed_relative = null - null[:, :1], observed - observed[0]
    centre, spread = relative.mean(axis=0), np.maximum(relative.std(axis=0, ddof=1), 1e-9)
    z = (centre - observed_relative) / spread
    drops = ((centre - relative) / spread)[:, 1:].max(axis=1)
    p = float((1 + (drops >= z[1:].max()).sum()) / (1 + draws))
    each = []
    for k in numbers:
        progress(f"measuring {k} groups")
        gap = float(centre[k - 1] - observed_relative[k - 1])
        each.append(
            _of_number(points, k, gap, float(spread[k - 1] * np.sqrt(1 + 1 / draws)), float(z[k - 1]), method, seed)
        )
    return _decide(p, tuple(each))


def _log_within(points: FloatArray, numbers: range, seed: int) -> FloatArray:
    found = []
    for k in numbers:
        labels = part(points, k, seed=seed, starts=NULL_STARTS).place(points) if k > 1 else np.zeros(len(points), int)
        found.append(np.log(max(within(points, labels), 1e-12)))
    return np.array(found)


def _of_number(
    points: FloatArray, k: int, gap: float, error: float, z: float, method: MethodName, seed: int
) -> OfNumber:
    if k == 1:
        return OfNumber(1, 0.0, error, 0.0, float("nan"), 1.0, bic(points, 1, seed=seed), float("nan"))
    from sklearn.metrics import silhouette_score

    labels = part(points, k, method=method, seed=seed).place(points)
    silhouette = float(silhouette_score(points, labels)) if len(np.unique(labels)) > 1 else float("nan")
    strength, agreement = _split_half(points, k, method, seed)
    return OfNumber(k, gap, error, z, silhouette, strength, bic(points, k, seed=seed), agreement)


def _split_half(points: FloatArray, k: int, method: MethodName, seed: int) -> tuple[float, float]:
    """(prediction strength, adjusted Rand index): do the groups of one half hold in the other?"""
    from sklearn.metrics import adjusted_rand_score

    generator = np.random.default_rng([seed, k, 41])
    strengths, agreements = [], []
    for repeat in range(SPLITS):
        order = generator.permutation(len(points))
        first, second = points[order[: len(points) // 2]], points[order[len(points) // 2 :]]
        own = part(second, k, method=method, seed=seed + repeat, starts=NULL_STARTS).place(second)
        foreign = part(first, k, method=method, seed=seed + repeat, starts=NULL_STARTS).place(second)
        strengths.append(_strength(own, foreign))
        agreements.append(adjusted_rand_score(own, foreign))
    return float(np.mean(strengths)), float(np.mean(agreements))


def _strength(own: Labels, foreign: Labels) -> float:
    """The worst group's share of pairs that the other half's rule keeps together."""
    shares = []
    for group in np.unique(own):
        counts = np.bincount(foreign[own == group])
        size = counts.sum()
        shares.append(float((counts * (counts - 1)).sum() / (size * (size - 1))) if size > 1 else 0.0)
    return min(shares)


def _decide(p: float, each: tuple[OfNumber, ...]) -> Number:
    """One group unless the test speaks against it; then the gap's number if it holds in the other half, else the
    greatest that holds there well, else one."""
    if p >= ALPHA:
        return Number(1, "one-population", p, each)
    by_gap = next((a for a, b in itertools.pairwise(each[1:]) if a.gap >= b.gap - b.gap_error), each[-1])
    if by_gap.prediction_strength >= HELD:
        return Number(by_gap.k, "gap", p, each)
    strong = [of.k for of in each[1:] if of.prediction_strength >= PREDICTION_STRENGTH]
    if strong:
        return Number(max(strong), "prediction-strength", p, each)
    return Number(1, "not-reproducible", p, each)
