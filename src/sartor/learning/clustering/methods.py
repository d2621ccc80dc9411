"""Ways to part points into k groups, each ending in a rule that places a new point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sartor.learning.learner import FloatArray

Labels = npt.NDArray[np.int64]
MethodName = Literal["kmeans", "mixture", "ward"]
METHODS: tuple[MethodName, ...] = ("kmeans", "mixture", "ward")
STARTS = 10
WARD_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class Partition:
    """k groups of points in d dimensions, and how a point is placed.

    centres: (k, d). shares: (k,). covariances: (k, d, d), mixture only; without them the nearest centre takes a point.
    """

    method: MethodName
    centres: FloatArray
    shares: FloatArray
    covariances: FloatArray | None = None

    def __len__(self) -> int:
        """The number of groups."""
        return len(self.centres)

    def scores(self, points: FloatArray) -> FloatArray:
        """(n, k), higher for the likelier group: log density times share, or minus half the squared distance."""
        if self.covariances is None:
            return np.asarray(-((points[:, None, :] - self.centres[None]) ** 2).sum(axis=2) / 2)
        found = np.empty((len(points), len(self)))
        for group, (centre, covariance) in enumerate(zip(self.centres, self.covariances, strict=True)):
            factor = np.linalg.cholesky(covariance)
            away = np.linalg.solve(factor, (points - centre).T)
            found[:, group] = (
                np.log(self.shares[group]) - (away**2).sum(axis=0) / 2 - np.log(np.diag(factor)).sum()
                - points.shape[1] * np.log(2 * np.pi) / 2
            )  # fmt: skip
        return found

    def place(self, points: FloatArray) -> Labels:
        """(n,) group of each point."""
        return np.asarray(self.scores(points).argmax(axis=1), dtype=np.int64)

    def distances(self, points: FloatArray) -> FloatArray:
        """(n, k) Euclidean distance to each centre."""
        return np.asarray(np.sqrt(((points[:, None, :] - self.centres[None]) ** 2).sum(axis=2)))


def part(
    points: FloatArray, k: int, *, method: MethodName = "kmeans", seed: int = 0, starts: int = STARTS
) -> Partition:
    """k groups, largest first. The same seed gives the same groups."""
    if k == 1:
        spread = np.cov(points.T).reshape(1, points.shape[1], points.shape[1]) if method == "mixture" else None
        return Partition(method, points.mean(axis=0)[None], np.ones(1), None if spread is None else _regular(spread))
    if method == "mixture":
        return _mixture(points, k, seed, starts)
    labels = _ward(points, k) if method == "ward" else _kmeans(points, k, seed, starts)
    centres = np.array([points[labels == group].mean(axis=0) for group in np.unique(labels)])
    counts = np.bincount(Partition(method, centres, np.ones(len(centres))).place(points), minlength=len(centres))
    order = np.lexsort((centres[:, 0], -counts))
    return Partition(method, centres[order], counts[order] / len(points))


def _kmeans(points: FloatArray, k: int, seed: int, starts: int) -> Labels:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(k, n_init=starts, random_state=seed).fit_predict(points), dtype=np.int64)


def _ward(points: FloatArray, k: int) -> Labels:
    """Ward's tree, cut; beyond 5,000 points it is grown on every n-th, and the others join the nearest centre."""
    from sklearn.cluster import AgglomerativeClustering

    step = -(-len(points) // WARD_LIMIT)
    sample = points[::step]
    labels = np.asarray(AgglomerativeClustering(k).fit_predict(sample), dtype=np.int64)
    if step == 1:
        return labels
    centres = np.array([sample[labels == group].mean(axis=0) for group in range(k)])
    return np.asarray(((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1), dtype=np.int64)


def _mixture(points: FloatArray, k: int, seed: int, starts: int) -> Partition:
    fitted = _fit_mixture(points, k, seed, starts)
    counts = np.bincount(fitted.predict(points), minlength=k)
    order = np.lexsort((fitted.means_[:, 0], -counts))
    return Partition("mixture", fitted.means_[order], fitted.weights_[order], _regular(fitted.covariances_[order]))


def _fit_mixture(points: FloatArray, k: int, seed: int, starts: int):  # type: ignore[no-untyped-def]
    from sklearn.mixture import GaussianMixture

    starts = max(starts // 3, 1)
    return GaussianMixture(k, covariance_type="full", n_init=starts, reg_covar=1e-3, random_state=seed).fit(points)


def bic(points: FloatArray, k: int, *, seed: int = 0, starts: int = 3) -> float:
    """Bayesian information criterion of a Gaussian mixture of k groups; lower is better."""
    return float(_fit_mixture(points, k, seed, starts).bic(points))


def _regular(covariances: FloatArray) -> FloatArray:
    return np.asarray(covariances + 1e-6 * np.eye(covariances.shape[-1]))


def within(points: FloatArray, labels: Labels) -> float:
    """Sum of squared distances to the own group's mean."""
    return float(sum(((points[labels == g] - points[labels == g].mean(axis=0)) ** 2).sum() for g in np.unique(labels)))
