"""Which inputs are found again and again on halves of the data: stability selection, with its bound on false finds.

Meinshausen & Bühlmann 2010 (doi:10.1111/j.1467-9868.2010.00740.x), on complementary pairs of halves as in Shah &
Samworth 2013 (doi:10.1111/j.1467-9868.2011.01034.x).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.task import EVENT, Matrix, Target

PAIRS: Final = 50
THRESHOLD: Final = 0.75
ROWS: Final = 5000
"""Rows that a half has at most."""

Numbers = npt.NDArray[np.float64]
Select = Callable[[Matrix, Target, int], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Stability:
    """How often each original feature was among those chosen.

    frequencies:  (p,) share of the halves. both: (p,) share of the pairs in which both halves chose it.
    chosen_each:  how many features a half chooses at most (q); threshold: frequency from which one counts as stable.
    false_bound:  bound on the expected number of noise features among the stable ones, q² / ((2 threshold − 1) p),
                  under exchangeable noise and a choice better than at random.
    """

    features: tuple[str, ...]
    frequencies: Numbers
    both: Numbers
    chosen_each: int
    threshold: float
    n_halves: int

    @property
    def stable(self) -> tuple[str, ...]:
        """The features chosen in at least `threshold` of the halves, most frequent first."""
        order = np.lexsort((np.arange(len(self.features)), -self.frequencies))
        return tuple(self.features[at] for at in order if self.frequencies[at] >= self.threshold)

    @property
    def false_bound(self) -> float:
        """Expected number of noise features among the stable ones, at most."""
        return self.chosen_each**2 / ((2 * self.threshold - 1) * max(len(self.features), 1))


@dataclass
class StabilitySelector:
    """Keeps the stable features of the rows it is given; asked again for the same rows, it remembers.

    In a nested cross-validation it is asked within each training part, so that no held-out outcome has a say.
    """

    seed: int
    pairs: int = PAIRS
    threshold: float = THRESHOLD
    _known: dict[bytes, Stability] = field(default_factory=dict, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def stability(self, cohort: Cohort, target: Target) -> Stability:
        """How often each feature is found on halves of these rows."""
        key = _digest(cohort, target)
        with self._lock:
            if key not in self._known:
                matrix = fit_encoder(cohort, Encoding.DENSE).apply(cohort)
                self._known[key] = stability_selection(
                    matrix, target, seed=self.seed, pairs=self.pairs, threshold=self.threshold
                )
            return self._known[key]

    def kept(self, cohort: Cohort, target: Target) -> tuple[str, ...]:
        """The stable features in the cohort's order; where none is, the one found most often."""
        found = self.stability(cohort, target)
        stable = set(found.stable) or {found.features[int(np.argmax(found.frequencies))]}
        return tuple(name for name in cohort.names if name in stable)


def _digest(cohort: Cohort, target: Target) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for column in cohort.columns:
        found.update(column.name.encode())
        found.update(np.ascontiguousarray(column.values).tobytes())
    found.update(np.ascontiguousarray(target.values).tobytes())
    if target.events is not None:
        found.update(np.ascontiguousarray(target.events).tobytes())
    return found.digest()


def stability_selection(
    matrix: Matrix,
    target: Target,
    *,
    seed: int,
    groups: npt.NDArray[np.int64] | None = None,
    pairs: int = PAIRS,
    threshold: float = THRESHOLD,
    chosen_each: int | None = None,
    select: Select | None = None,
) -> Stability:
    """Frequencies over `pairs` random pairs of halves (whole groups stay together).

    matrix:      dense, training rows only.
    chosen_each: q; by default the largest that keeps the bound on false finds at one: √((2 threshold − 1) p).
    select:      (matrix, target, q) → indices of original features; by default the first q that enter the lasso path
                 of the null model's residuals.
    Raises ValueError unless 0.5 < threshold ≤ 1.
    """
    if not 0.5 < threshold <= 1:
        raise ValueError("the threshold must be above 0.5 and at most 1")
    p = len(matrix.features)
    q = chosen_each or max(1, int(np.sqrt((2 * threshold - 1) * p)))
    choose = select or first_on_lasso_path
    generator = np.random.default_rng(seed)
    counts, both = np.zeros(p), np.zeros(p)
    for _ in range(pairs):
        chosen = []
        for half in _halves(len(matrix), groups, target, generator):
            found = np.zeros(p)
            found[choose(matrix.take(half), target.take(half), q)] = 1.0
            chosen.append(found)
        counts += chosen[0] + chosen[1]
        both += chosen[0] * chosen[1]
    return Stability(matrix.features, counts / (2 * pairs), both / pairs, q, threshold, 2 * pairs)


def first_on_lasso_path(matrix: Matrix, target: Target, q: int) -> npt.NDArray[np.int64]:
    """The first q features of which a column enters the lasso path of the null model's residuals.

    Residuals: of the class share, of the mean, or martingale residuals (event − cumulative hazard at its time).
    """
    from sklearn.linear_model import lars_path

    values = np.asarray(matrix.values, dtype=np.float64)
    values = values - values.mean(axis=0)
    spread = np.sqrt((values**2).sum(axis=0))
    usable = np.flatnonzero(spread > 1e-9 * max(1.0, float(spread.max(initial=0.0))))
    scaled = values[:, usable] / spread[usable]
    gram = scaled.T @ scaled
    entered: dict[int, int] = {}
    for residual in _residuals(target):
        _, order, _ = lars_path(scaled, residual, Gram=gram, Xy=scaled.T @ residual, method="lasso", max_iter=3 * q)
        for place, column in enumerate(order):
            feature = int(matrix.feature_of[usable[column]])
            entered[feature] = min(entered.get(feature, place), place)
    return np.array(sorted(entered, key=lambda feature: (entered[feature], feature))[:q], dtype=np.int64)


def _halves(
    n: int, groups: npt.NDArray[np.int64] | None, target: Target, generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Two disjoint halves with the outcome in both alike."""
    if groups is not None:
        _, codes = np.unique(groups, return_inverse=True)
        side = (generator.permutation(int(codes.max()) + 1) % 2)[codes]
        rows = generator.permutation(n)
        return rows[side[rows] == 0][:ROWS], rows[side[rows] == 1][:ROWS]
    rows = generator.permutation(n)
    strata = _strata(target)[rows]
    rows = rows[np.argsort(strata, kind="stable")]
    first, second = rows[::2], rows[1::2]
    step = max(1, -(-len(first) // ROWS))
    return first[::step], second[::step]


def _strata(target: Target) -> npt.NDArray[np.int64]:
    if target.task is Task.CLASSIFICATION:
        return target.values.astype(np.int64)
    if target.events is not None:
        return target.events.astype(np.int64)
    return np.zeros(len(target), dtype=np.int64)


def _residuals(target: Target) -> list[Numbers]:
    if target.task is Task.CLASSIFICATION:
        codes = [1] if target.is_binary else range(len(target.classes))
        return [(target.values == code) - float((target.values == code).mean()) for code in codes]
    if target.events is not None:
        return [_martingale(target)]
    return [target.values - target.values.mean()]


def _martingale(target: Target) -> Numbers:
    """Event less Nelson–Aalen cumulative hazard at each time."""
    assert target.events is not None
    happened = (target.events == EVENT).astype(np.float64)
    times, place = np.unique(target.values, return_inverse=True)
    events = np.bincount(place, weights=happened, minlength=len(times))
    at_risk = len(place) - np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(times)))[:-1]])
    residual = happened - np.cumsum(events / at_risk)[place]
    return np.asarray(residual - residual.mean())
