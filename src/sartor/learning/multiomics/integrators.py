"""Ways of learning from views directly: one view alone, all joined early, shared factors, a fused patient graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sartor.domain.model import Task
from sartor.learning.multiomics.penalised import STRENGTHS, Linear, fit_linear, nothing_known
from sartor.learning.multiomics.scaling import Scaling, fit_scaling, martingale_residual
from sartor.learning.multiomics.views import Floats, Views, take
from sartor.learning.task import Target

MOST_COLUMNS = 2000
Choices = dict[str, Any]


class FittedIntegrator(Protocol):
    """What was learned; a function of views."""

    def predict(self, views: Views) -> Floats:
        """(n, classes) probabilities, or (n, 1) values or log relative hazards."""
        ...


class Integrator(Protocol):
    """A way to learn from views; `complexity` orders them for the simplest-first rule."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def complexity(self) -> int: ...  # noqa: D102

    def fit_all(self, views: Views, target: Target, *, seed: int) -> Sequence[tuple[Choices, FittedIntegrator]]:
        """One fitted integrator per point of a small grid of parameters, always the same grid in the same order."""
        ...


@dataclass(frozen=True, slots=True)
class OneView:
    """A penalised model of a single view; patients without it get what is known of everyone."""

    view: str
    most: int = MOST_COLUMNS
    complexity: int = 2

    @property
    def name(self) -> str:
        """ "view:<name>"."""
        return f"view:{self.view}"

    def fit_all(self, views: Views, target: Target, *, seed: int) -> Sequence[tuple[Choices, FittedIntegrator]]:
        """One per strength of the penalty."""
        view = _named(views, self.view)
        scaling = fit_scaling(view, target, most=self.most)
        there = target.take(view.present)
        models = fit_linear(scaling.apply(view)[view.present], there, STRENGTHS[target.task])
        unknown = nothing_known(target)
        strengths = STRENGTHS[target.task]
        return [
            ({"strength": strength}, FittedOneView(self.view, scaling, model, unknown))
            for strength, model in zip(strengths, models, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class FittedOneView:
    """Scaling and linear model of one view."""

    view: str
    scaling: Scaling
    linear: Linear
    unknown: Floats

    def predict(self, views: Views) -> Floats:
        """What is known of everyone, where the view is absent."""
        view = _named(views, self.view)
        predicted = self.linear.predict(self.scaling.apply(view))
        predicted[~view.present] = self.unknown
        return predicted


@dataclass(frozen=True, slots=True)
class Early:
    """All views side by side, each with the same total variance, and a penalised model of the whole.

    An absent view is filled with its mean and marked by a column of its own.
    """

    most: int = MOST_COLUMNS
    name: str = "early"
    complexity: int = 3

    def fit_all(self, views: Views, target: Target, *, seed: int) -> Sequence[tuple[Choices, FittedIntegrator]]:
        """One per strength of the penalty."""
        scalings = tuple(fit_scaling(view, target, most=self.most) for view in views)
        strengths = STRENGTHS[target.task]
        models = fit_linear(_side_by_side(views, scalings), target, strengths)
        return [({"strength": s}, FittedEarly(scalings, m)) for s, m in zip(strengths, models, strict=True)]


@dataclass(frozen=True, slots=True)
class FittedEarly:
    """Scalings of all views and one linear model."""

    scalings: tuple[Scaling, ...]
    linear: Linear

    def predict(self, views: Views) -> Floats:
        """From whatever views are there."""
        return self.linear.predict(_side_by_side(views, self.scalings))


@dataclass(frozen=True, slots=True)
class Factors:
    """Shared latent factors: multiple factor analysis (Escofier & Pagès 1994, doi:10.1016/0167-9473(94)90135-X).

    Each view's components are divided by the view's first singular value; the joint components of all are the factors.
    A patient's factors come by least squares from the views that are there.
    """

    most: int = MOST_COLUMNS
    counts: tuple[int, ...] = (15, 40, 80)
    name: str = "factors"
    complexity: int = 4

    def fit_all(self, views: Views, target: Target, *, seed: int) -> Sequence[tuple[Choices, FittedIntegrator]]:
        """One per number of factors and strength of the penalty."""
        scalings = tuple(fit_scaling(view, target, most=self.most) for view in views)
        blocks = [scaling.apply(view) for scaling, view in zip(scalings, views, strict=True)]
        weights = tuple(1 / max(float(np.linalg.norm(block, 2)), 1e-12) for block in blocks)
        joint = np.concatenate([block * weight for block, weight in zip(blocks, weights, strict=True)], axis=1)
        _, size, right = np.linalg.svd(joint, full_matrices=False)
        right = right[size > 1e-9 * size[0]]
        found: list[tuple[Choices, FittedIntegrator]] = []
        for count in sorted({min(count, len(right)) for count in self.counts}):
            loadings = right[:count]
            scores = _scores(views, scalings, weights, loadings)
            spread = max(float(np.sqrt(scores.var(axis=0).sum())), 1e-12)
            models = fit_linear(scores / spread, target, STRENGTHS[target.task])
            for strength, model in zip(STRENGTHS[target.task], models, strict=True):
                chosen = {"factors": count, "strength": strength}
                found.append((chosen, FittedFactors(scalings, weights, loadings, spread, model)))
        return found


@dataclass(frozen=True, slots=True)
class FittedFactors:
    """loadings (factors, all columns), and a linear model of the factors' scores."""

    scalings: tuple[Scaling, ...]
    weights: tuple[float, ...]
    loadings: Floats
    spread: float
    linear: Linear

    def predict(self, views: Views) -> Floats:
        """From whatever views are there."""
        return self.linear.predict(_scores(views, self.scalings, self.weights, self.loadings) / self.spread)


def _scores(views: Views, scalings: Sequence[Scaling], weights: Sequence[float], loadings: Floats) -> Floats:
    """(n, factors) by least squares from the columns of the views that each patient has (lightly damped)."""
    blocks = [s.apply(view) * w for s, view, w in zip(scalings, views, weights, strict=True)]
    sizes = [block.shape[1] for block in blocks]
    own = np.split(loadings, np.cumsum(sizes)[:-1], axis=1)
    there = np.array([view.present for view in views]).T
    scores = np.zeros((len(there), len(loadings)))
    for pattern in np.unique(there, axis=0):
        rows = (there == pattern).all(axis=1)
        if not pattern.any():
            continue
        seen = np.concatenate([part for part, is_there in zip(own, pattern, strict=True) if is_there], axis=1)
        values = np.concatenate([b[rows] for b, is_there in zip(blocks, pattern, strict=True) if is_there], axis=1)
        gram = seen @ seen.T + (0.0 if pattern.all() else 0.1) * np.eye(len(loadings))
        scores[rows] = np.linalg.solve(gram, seen @ values.T).T
    return scores


@dataclass(frozen=True, slots=True)
class Graph:
    """A fused graph of patients, who take after their neighbours.

    Similarity network fusion (Wang et al. 2014, PMID 24464287) of one nearest-neighbour graph per view; a new patient
    is joined to the training patients by the views that are there, spreads over the fused graph, and gets the weighted
    mean outcome of those reached.
    """

    most: int = MOST_COLUMNS
    neighbours: tuple[int, ...] = (10, 20)
    steps: int = 10
    name: str = "graph"
    complexity: int = 4

    def fit_all(self, views: Views, target: Target, *, seed: int) -> Sequence[tuple[Choices, FittedIntegrator]]:
        """One per number of neighbours."""
        scalings = tuple(fit_scaling(view, target, most=self.most) for view in views)
        blocks = tuple(scaling.apply(view) for scaling, view in zip(scalings, views, strict=True))
        there = tuple(view.present for view in views)
        found: list[tuple[Choices, FittedIntegrator]] = []
        for count in self.neighbours:
            near = min(count, max(len(target) // 10, 2))
            fused = _fuse(blocks, there, near, self.steps)
            outcome = _outcome(target)
            fitted = FittedGraph(scalings, blocks, there, near, fused, outcome, nothing_known(target), target.task)
            found.append(({"neighbours": near}, fitted))
        return found


@dataclass(frozen=True, slots=True)
class FittedGraph:
    """The training patients, their fused transition matrix (n, n) and outcomes (n, k)."""

    scalings: tuple[Scaling, ...]
    blocks: tuple[Floats, ...]
    there: tuple[Any, ...]
    near: int
    fused: Floats
    outcome: Floats
    unknown: Floats
    task: Task

    def predict(self, views: Views) -> Floats:
        """Weighted mean outcome of the patients reached; what is known of everyone where no view is there."""
        total = np.zeros((len(views[0]), len(self.fused)))
        for view, scaling, block, there in zip(views, self.scalings, self.blocks, self.there, strict=True):
            rows = view.present
            if rows.any() and there.any():
                kernel = _affinity(scaling.apply(view)[rows], block[there], self.near)
                total[np.ix_(rows, there)] += _nearest(kernel, self.near)
        size = total.sum(axis=1, keepdims=True)
        reach = np.divide(total, size, out=np.zeros_like(total), where=size > 0)
        reach = 0.5 * reach + 0.5 * reach @ self.fused
        predicted = reach @ self.outcome
        predicted[size[:, 0] <= 0] = self.unknown
        if self.task is Task.CLASSIFICATION:
            predicted = 0.98 * predicted + 0.02 * self.unknown
            predicted /= predicted.sum(axis=1, keepdims=True)
        return np.asarray(predicted)


def _outcome(target: Target) -> Floats:
    if target.task is Task.CLASSIFICATION:
        return np.eye(len(target.classes))[target.values.astype(np.int64)]
    values = martingale_residual(target) if target.task is Task.SURVIVAL else target.values
    return np.asarray(values)[:, None]


def _affinity(left: Floats, right: Floats, near: int) -> Floats:
    """Scaled exponential kernel of Wang et al.: the width follows the mean distance to the nearest neighbours."""
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    distance = np.sqrt(np.maximum(squared, 0.0))
    near = min(near, distance.shape[1])
    own = np.partition(distance, near - 1, axis=1)[:, :near].mean(axis=1)
    other_near = min(near, distance.shape[0])
    other = np.partition(distance, other_near - 1, axis=0)[:other_near].mean(axis=0)
    if len(left) < near:
        other = np.full(len(right), own.mean())
    width = 0.5 * (own[:, None] + other[None, :] + distance) / 3 + 1e-12
    return np.asarray(np.exp(-((distance / width) ** 2) / 2))


def _nearest(kernel: Floats, near: int) -> Floats:
    """Each row's `near` largest entries, to sum 1."""
    near = min(near, kernel.shape[1])
    edge = np.partition(kernel, -near, axis=1)[:, -near][:, None]
    kept = np.where(kernel >= edge, kernel, 0.0)
    size = kept.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(kept, size, out=np.zeros_like(kept), where=size > 0))


def _fuse(blocks: Sequence[Floats], there: Sequence[Any], near: int, steps: int) -> Floats:
    """The fused transition matrix (n, n): each view's graph is carried along the mean of the others' until they agree.

    Only each patient's nearest neighbours are kept in the end, so that a step over the graph does not reach everyone.
    """
    from scipy.sparse import csr_array

    n = len(blocks[0])
    full, sparse = [], []
    for block, present in zip(blocks, there, strict=True):
        similar = np.eye(n)
        if present.sum() > near:
            inside = np.ix_(present, present)
            similar[inside] = _affinity(block[present], block[present], near)
        full.append(_half_to_itself(similar))
        sparse.append(csr_array(_nearest(similar, near)))
    for _ in range(steps if len(full) > 1 else 0):
        others = [sum(full[j] for j in range(len(full)) if j != i) / (len(full) - 1) for i in range(len(full))]
        full = [_half_to_itself((s @ (s @ other).T).T) for s, other in zip(sparse, others, strict=True)]
    fused = np.asarray(sum(full)) / len(full)
    np.fill_diagonal(fused, 0.0)
    return _nearest(fused + fused.T, near)


def _half_to_itself(matrix: Floats) -> Floats:
    """Rows to sum 1, half of it on the diagonal (the normalisation of Wang et al.)."""
    apart = matrix.copy()
    np.fill_diagonal(apart, 0.0)
    apart /= 2 * np.maximum(apart.sum(axis=1, keepdims=True), 1e-12)
    np.fill_diagonal(apart, 0.5)
    return np.asarray((apart + apart.T) / 2)


def _side_by_side(views: Views, scalings: Sequence[Scaling]) -> Floats:
    parts = [scaling.apply(view) for scaling, view in zip(scalings, views, strict=True)]
    marks = np.array([view.present for view in views], dtype=np.float64).T
    joined = np.concatenate([*parts, marks], axis=1)
    return np.asarray(joined / np.sqrt(len(parts)))


def _named(views: Views, name: str) -> Any:
    return next(view for view in views if view.name == name)


def fit_chosen(
    integrator: Integrator, views: Views, target: Target, rows: Any, chosen: int, *, seed: int
) -> FittedIntegrator:
    """The grid point number `chosen`, fitted on these rows."""
    return integrator.fit_all(take(views, rows), target.take(rows), seed=seed)[chosen][1]
