"""Whether groups come back: in resampled patients, by other methods, without one of the variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sartor.learning.clustering.methods import METHODS, Labels, MethodName, Partition, part
from sartor.learning.clustering.representation import Representation, represent
from sartor.learning.learner import FloatArray
from sartor.learning.task import Matrix

RESAMPLES = 100
STABLE, DOUBTFUL = 0.75, 0.6
"""Hennig's marks for a group's mean Jaccard index: stable from .75; under .6 it is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Stability:
    """Clusterwise stability (Hennig 2007, doi:10.1016/j.csda.2006.11.025).

    jaccard: (k,) mean over resamples of the best Jaccard index of each group. low, high: middle 95 % of the resamples.
    dissolved: (k,) share of resamples in which nothing over .5 was left of it.
    agreement: mean adjusted Rand index of all groups with those of each resample.
    """

    jaccard: FloatArray
    low: FloatArray
    high: FloatArray
    dissolved: FloatArray
    agreement: float
    resamples: int


def stability(points: FloatArray, partition: Partition, *, resamples: int = RESAMPLES, seed: int = 0) -> Stability:
    """Part bootstrap samples of the patients anew and look for every group among the new ones."""
    from sklearn.metrics import adjusted_rand_score

    generator = np.random.default_rng([seed, 51])
    labels = partition.place(points)
    found = np.zeros((resamples, len(partition)))
    agreements = []
    for resample in range(resamples):
        rows = np.unique(generator.integers(0, len(points), len(points)))
        again = part(points[rows], len(partition), method=partition.method, seed=seed + resample, starts=3)
        other = again.place(points[rows])
        agreements.append(adjusted_rand_score(labels[rows], other))
        found[resample] = best_jaccard(labels[rows], other, len(partition))
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    return Stability(found.mean(axis=0), low, high, (found <= 0.5).mean(axis=0), float(np.mean(agreements)), resamples)


def best_jaccard(labels: Labels, other: Labels, k: int) -> FloatArray:
    """For each of k groups the greatest Jaccard index with any group of `other`; 0 for a group without patients."""
    shared = np.zeros((k, int(other.max()) + 1))
    np.add.at(shared, (labels, other), 1.0)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
    return np.asarray((shared / np.maximum(union, 1.0)).max(axis=1))


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How far the groups depend on one choice: adjusted Rand index with the groups of the study."""

    choice: str
    subject: str
    agreement: float


def sensitivity(
    matrix: Matrix,
    representation: Representation,
    labels: Labels,
    k: int,
    *,
    method: MethodName,
    seed: int = 0,
    without: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Sensitivity, ...]:
    """Other methods, another start, all components, and each variable left out."""
    from sklearn.metrics import adjusted_rand_score

    points = representation.points(matrix)

    def agreement(of: FloatArray, by: MethodName, start: int) -> float:
        return float(adjusted_rand_score(labels, part(of, k, method=by, seed=start).place(of)))

    found = [Sensitivity("method", each, agreement(points, each, seed)) for each in METHODS if each != method]
    found.append(Sensitivity("seed", "", agreement(points, method, seed + 1)))
    found.append(Sensitivity("components", "", agreement(representation.standardised(matrix), method, seed)))
    for name in without:
        progress(f"without {name}")
        index = matrix.features.index(name)
        kept = np.flatnonzero(matrix.feature_of != index)
        reduced = Matrix(
            matrix.values[:, kept],
            tuple(matrix.columns[i] for i in kept),
            matrix.features,
            matrix.feature_of[kept],
            matrix.categorical[kept],
        )
        if len(kept) and np.asarray(reduced.values).std(axis=0).any():
            others = represent(reduced, seed=seed).points(reduced)
            found.append(Sensitivity("without", name, agreement(others, method, seed)))
    return tuple(found)
