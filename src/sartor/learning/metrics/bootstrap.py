"""Intervals by resampling whole groups of rows (patients), within strata where wanted; same seed, same draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def draws(
    n: int,
    *,
    groups: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Iterator[Ints]:
    """How often each of n rows is drawn, (n,) per resample.

    groups: (n,) rows of one group are drawn together, as many groups as there are. strata: (n,) units are drawn within
            each stratum; a group belongs to the stratum of its first row.
    """
    unit_of = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    units = n if unit_of is None else int(unit_of.max(initial=-1)) + 1
    parts = [np.arange(units)]
    if strata is not None:
        labels = np.unique(np.asarray(strata), return_inverse=True)[1]
        if unit_of is not None:
            first = np.full(units, n, dtype=np.int64)
            np.minimum.at(first, unit_of, np.arange(n))
            labels = labels[first]
        parts = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        counts = np.zeros(units, dtype=np.int64)
        for part in parts:
            drawn = np.bincount(generator.integers(0, len(part), len(part)), minlength=len(part))
            counts[part] = drawn
        yield counts if unit_of is None else counts[unit_of]


def replicate(
    statistic: Callable[[Floats], float | Floats],
    n: int,
    *,
    groups: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Floats:
    """The statistic of every resample, (resamples,) or (resamples, …); `statistic` takes the row weights, (n,)."""
    drawn = draws(n, groups=groups, strata=strata, resamples=resamples, seed=seed)
    return np.array([statistic(counts.astype(float)) for counts in drawn])


def interval(
    statistic: Callable[[Ints], float | Floats],
    n: int,
    *,
    groups: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float | Floats, float | Floats]:
    """Percentile interval of a statistic of rows (`statistic` takes the row numbers, repeats included).

    A float, or an array of the statistic's shape. Resamples in which it is NaN are left out; NaN when all are.
    """
    drawn = draws(n, groups=groups, strata=strata, resamples=resamples, seed=seed)
    rows = np.arange(n)
    return percentiles(np.array([statistic(np.repeat(rows, counts)) for counts in drawn]), level)


def percentiles(found: Floats, level: float = 0.95) -> tuple[float | Floats, float | Floats]:
    """The central `level` of the first axis, NaN left out: two floats, or two arrays of the remaining shape."""
    tail = (1 - level) / 2
    values = np.asarray(found, dtype=float).reshape(len(found), -1)
    limits = np.full((2, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = values[:, column][np.isfinite(values[:, column])]
        if len(known):
            limits[:, column] = np.quantile(known, [tail, 1 - tail])
    shape = np.shape(found)[1:]
    if not shape:
        return float(limits[0, 0]), float(limits[1, 0])
    return limits[0].reshape(shape), limits[1].reshape(shape)
