"""How many groups there are, with the honest answer "one" tested first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

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


@dataclass(frozen=True, slots=True)
class OnePopulation:
    """One population without groups: Gaussian numbers, and labels cut from further Gaussian variables.

    The idea of SigClust (Liu et al. 2008, doi:10.1198/016214508000000454), with labels. Cutting weakens correlation, so
    that of the uncut variables is found by matching what comes out of it to the observed (as in Cario, Nelson 1997).

    mean, scale: (c,) of the observed columns. root: (c, c) of the uncut correlation. labels: the columns of each label
    variable; offsets: (c,) what is added before the greatest is taken, where a variable has several columns.
    """

    mean: FloatArray
    scale: FloatArray
    root: FloatArray
    binary: npt.NDArray[np.bool_]
    labels: tuple[npt.NDArray[np.int64], ...]
    levels: FloatArray
    shares: FloatArray
    offsets: FloatArray

    def draw(self, n: int, generator: np.random.Generator) -> FloatArray:
        """(n, c) patients of this population."""
        return self.cut(generator.standard_normal((n, len(self.mean))))

    def cut(self, normal: FloatArray) -> FloatArray:
        """(n, c) independent standard normal numbers → columns as they are observed."""
        latent = normal @ self.root.T
        found = np.clip(self.mean + self.scale * latent, -CUT, CUT)
        for columns in self.labels:
            if len(columns) == 1:
                column = int(columns[0])
                ranks = np.argsort(np.argsort(-latent[:, column], kind="stable"), kind="stable")
                chosen = (ranks < round(float(self.shares[column]) * len(latent)))[:, None]
            else:
                rivals = np.column_stack([latent[:, columns] + self.offsets[columns], self._none(columns, len(latent))])
                chosen = rivals.argmax(axis=1)[:, None] == np.arange(len(columns))
            found[:, columns] = np.where(chosen, self.levels[1, columns], self.levels[0, columns])
        return np.asarray(found)

    def _none(self, columns: npt.NDArray[np.int64], n: int) -> FloatArray:
        """The rival of all labels of a variable: none of them, where some patients have none."""
        return np.full(n, 0.0 if self.shares[columns].sum() < 1 - 1e-9 else -np.inf)


MATCHED_ON = 4000
MATCHING_STEPS = 12


def one_population(
    standardised: FloatArray,
    binary: npt.NDArray[np.bool_],
    variables: npt.NDArray[np.int64] | None = None,
    gaps: npt.NDArray[np.bool_] | None = None,
) -> OnePopulation:
    """Fit to (n, c) columns; `variables` (c,) says which label columns belong to one variable (apart when None).

    gaps: (n, c) values that were missing and are left out of shares, spreads and correlations.
    """
    count = standardised.shape[1]
    own = np.arange(count) if variables is None else variables
    labels = tuple(np.flatnonzero(binary & (own == each)) for each in np.unique(own[binary]))
    shown = np.ma.MaskedArray(standardised, mask=np.zeros_like(standardised, dtype=bool) if gaps is None else gaps)
    levels = np.stack([shown.min(axis=0).filled(0.0), shown.max(axis=0).filled(0.0)])
    shares = np.asarray((shown > levels.mean(axis=0)).mean(axis=0).filled(0.0))
    scale = np.maximum(shown.std(axis=0, ddof=1).filled(0.0), 1e-12)
    observed = np.asarray(np.ma.corrcoef(shown, rowvar=False).filled(0.0)).reshape(count, count)  # type: ignore[no-untyped-call]
    found = OnePopulation(
        shown.mean(axis=0).filled(0.0), scale, _root(observed), binary, labels, levels, shares,
        np.where(shares > 0, np.log(np.maximum(shares, 1e-9) / max(1 / count, 1e-9)) / 2, 0.0),
    )  # fmt: skip
    return _matched(found, observed) if labels else found


def _matched(found: OnePopulation, observed: FloatArray) -> OnePopulation:
    """The same with uncut correlation and offsets such that cut columns correlate, and occur, as observed."""
    normal = np.random.default_rng([len(observed), 29]).standard_normal((MATCHED_ON, len(observed)))
    uncut = observed.copy()
    for _ in range(MATCHING_STEPS):
        drawn = found.cut(normal)
        got = np.corrcoef(drawn.T + 0.0)
        uncut = uncut + np.nan_to_num(observed - got)
        np.fill_diagonal(uncut, 1.0)
        uncut = np.clip(uncut, -0.99, 0.99)
        np.fill_diagonal(uncut, 1.0)
        share = np.maximum((drawn > found.levels.mean(axis=0)).mean(axis=0), 1e-3)
        step = 0.7 * np.log(np.maximum(found.shares, 1e-3) / share)
        found = replace(found, root=_root(uncut), offsets=np.where(found.binary, found.offsets + step, 0.0))
    return found


def _root(correlation: FloatArray) -> FloatArray:
    """A square root of the nearest matrix that is a correlation."""
    values, axes = np.linalg.eigh(correlation)
    root = axes * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(root / np.maximum(np.sqrt((root**2).sum(axis=1, keepdims=True)), 1e-12))


def choose(
    standardised: FloatArray,
    binary: npt.NDArray[np.bool_],
    points: FloatArray,
    *,
    k_max: int = 6,
    method: MethodName = "kmeans",
    variables: npt.NDArray[np.int64] | None = None,
    gaps: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
    draws: int = NULL_DRAWS,
    progress: Callable[[str], None] = lambda _: None,
) -> Number:
    """Test "one population" first; then the number that the measures support.

    standardised, binary, variables: columns as the representation gives them; points: (n, d) on the principal axes.
    gaps: (n, c) values that were missing: draws have the same gaps, filled the same way.
    The test's statistic is the greatest standardised drop of the within-group sum of squares over k = 2 … k_max,
    against `draws` draws of one population taken the same way (components found anew). With p ≥ .05 the answer is 1.
    """
    generator = np.random.default_rng([seed, 31])
    if len(points) > MEASURED_ON:
        rows = np.sort(generator.choice(len(points), MEASURED_ON, replace=False))
        standardised, points = standardised[rows], points[rows]
        gaps = None if gaps is None else gaps[rows]
    k_max = max(min(k_max, len(points) // 10), 2)
    numbers = range(1, k_max + 1)
    observed = _log_within(points, numbers, seed)
    population = one_population(standardised, binary, variables, gaps)
    null = np.empty((draws, k_max))
    for draw in range(draws):
        if draw % 25 == 0:
            progress(f"comparing with one population ({draw} of {draws})")
        drawn = population.draw(len(points), generator)
        drawn = drawn if gaps is None else np.where(gaps, standardised, drawn)
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
