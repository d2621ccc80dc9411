"""Penalised linear, logistic and Cox regression, shrunk towards any given coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target

STEPS = 50
TOLERANCE = 1e-8
SPARSE_STEPS = 400


@dataclass(frozen=True, slots=True)
class Linear:
    """A margin that is linear in c encoded columns: log odds, value, or log relative hazard (intercept 0)."""

    intercept: float
    coefficients: FloatArray

    def margin(self, values: FloatArray) -> FloatArray:
        """(n, c) → (n,)."""
        return np.asarray(self.intercept + values @ self.coefficients)

    def recalibrated(self, slope: float, intercept: float) -> Linear:
        """The same model after the affine map `intercept + slope · margin`."""
        return Linear(intercept + slope * self.intercept, slope * self.coefficients)


Derivatives = tuple[float, FloatArray, FloatArray]


def deviance(target: Target, margin: FloatArray) -> float:
    """Mean loss on the margin: log loss, half squared error, or negative log partial likelihood per event."""
    if target.task is Task.SURVIVAL:
        assert target.events is not None
        events = max(int((target.events == EVENT).sum()), 1)
        return _cox(np.zeros((len(margin), 0)), target, margin, np.ones(len(margin)))[0] / events
    if target.task is Task.REGRESSION:
        return float(((target.values - margin) ** 2).mean() / 2)
    return float(np.logaddexp(0, margin).mean() - (target.values * margin).mean())


def fit_towards(
    values: FloatArray,
    target: Target,
    *,
    penalty: float,
    prior: Linear | None = None,
    weights: FloatArray | None = None,
    free: int = 0,
) -> Linear:
    """Ridge regression whose coefficients are shrunk towards `prior` (towards 0 without).

    values:  (n, c), standardised. Minimises Σ wᵢ lossᵢ + penalty/2 · ‖β − prior‖²; the intercept is free.
    penalty: the inverse variance of a Gaussian prior on each coefficient's departure, so it does not grow with n.
    free:    this many last columns are not penalised (a site's indicator).
    """
    n, columns = values.shape
    weights = np.ones(n) if weights is None else weights
    has_intercept = target.task is not Task.SURVIVAL
    design = np.column_stack([np.ones(n), values]) if has_intercept else values
    centre = np.zeros(columns) if prior is None else prior.coefficients
    start = _start(target, weights) if prior is None else prior.intercept
    centre = np.concatenate([[start], centre]) if has_intercept else centre
    strength = np.full(design.shape[1], float(penalty))
    strength[0 if has_intercept else design.shape[1] :][:1] = 1e-8
    if free:
        strength[-free:] = 1e-2
    found = _newton(design, target, weights, centre, strength)
    return Linear(float(found[0]), found[1:]) if has_intercept else Linear(0.0, found)


def fit_sparsely_towards(values: FloatArray, target: Target, *, penalty: float, prior: Linear) -> Linear:
    """Like `fit_towards` with an absolute penalty on the departures: most coefficients stay the source's own.

    The correction step of transfer learning for high-dimensional regression (Li, Cai, Li 2022,
    doi:10.1111/rssb.12479), by accelerated proximal gradient (Beck, Teboulle 2009, doi:10.1137/080716542).
    penalty: of Σ lossᵢ, times √n.
    """
    n = len(values)
    has_intercept = target.task is not Task.SURVIVAL
    design = np.column_stack([np.ones(n), values]) if has_intercept else values
    centre = np.concatenate([[prior.intercept], prior.coefficients]) if has_intercept else prior.coefficients
    threshold = np.full(design.shape[1], penalty * np.sqrt(n))
    if has_intercept:
        threshold[0] = 0.0
    curvature = float(np.linalg.norm(design, 2) ** 2) * (0.25 if target.task is Task.CLASSIFICATION else 1.0)
    step = 1 / max(curvature, 1e-9)
    departure = momentum = np.zeros(design.shape[1])
    speed = 1.0
    for _ in range(SPARSE_STEPS):
        _, gradient, _ = _derivatives(design, target, design @ (centre + momentum), np.ones(n), curvature=False)
        moved = momentum - step * gradient
        following = np.sign(moved) * np.maximum(np.abs(moved) - step * threshold, 0)
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        momentum = following + (speed - 1) / faster * (following - departure)
        change = float(np.abs(following - departure).max())
        departure, speed = following, faster
        if change < 1e-6:
            break
    found = centre + departure
    return Linear(float(found[0]), found[1:]) if has_intercept else Linear(0.0, found)


def recalibrate(margin: FloatArray, target: Target, *, slope: bool = True) -> tuple[float, float]:
    """(slope, intercept) of the affine map of a margin that fits the target best; slope 1 when not `slope`."""
    kind = target.task
    if not slope:
        if kind is Task.SURVIVAL:
            return 1.0, 0.0
        if kind is Task.REGRESSION:
            return 1.0, float((target.values - margin).mean())
        return 1.0, _offset_intercept(margin, target.values)
    spread = float(margin.std())
    if spread < 1e-9:
        return 1.0, recalibrate(margin, target, slope=False)[1]
    middle = float(margin.mean())
    found = fit_towards(
        ((margin - middle) / spread)[:, None], target, penalty=1e-3, prior=Linear(middle, np.array([spread]))
    )
    gradient = float(found.coefficients[0]) / spread
    return gradient, 0.0 if kind is Task.SURVIVAL else found.intercept - gradient * middle


def _start(target: Target, weights: FloatArray) -> float:
    mean = float(np.average(target.values, weights=weights))
    if target.task is Task.CLASSIFICATION:
        inside = min(max(mean, 1e-3), 1 - 1e-3)
        return float(np.log(inside / (1 - inside)))
    return mean


def _offset_intercept(margin: FloatArray, outcome: FloatArray) -> float:
    """The shift of log odds after which as many events are expected as occurred (half an event added to each side)."""
    share = (outcome.sum() + 0.5) / (len(outcome) + 1)
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if float((1 / (1 + np.exp(-np.clip(margin + middle, -500, 500)))).mean()) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _newton(
    design: FloatArray, target: Target, weights: FloatArray, centre: FloatArray, strength: FloatArray
) -> FloatArray:
    """Damped Newton steps on the penalised loss, from the centre."""
    found = centre.copy()

    def objective(at: FloatArray, *, curvature: bool = True) -> Derivatives:
        loss, gradient, hessian = _derivatives(design, target, design @ at, weights, curvature=curvature)
        away = at - centre
        return loss + float(strength @ away**2) / 2, gradient + strength * away, hessian

    loss, gradient, hessian = objective(found)
    for _ in range(STEPS):
        step = np.linalg.solve(hessian + np.diag(strength + 1e-9), gradient)
        damping = 1.0
        while damping > 1e-4:
            following, *_ = objective(found - damping * step, curvature=False)
            if following <= loss + 1e-12:
                break
            damping /= 2
        found = found - damping * step
        before = loss
        loss, gradient, hessian = objective(found)
        if before - loss < TOLERANCE * (abs(loss) + 1):
            break
    return found


def _derivatives(
    design: FloatArray, target: Target, margin: FloatArray, weights: FloatArray, *, curvature: bool = True
) -> Derivatives:
    """Weighted loss, its gradient and Hessian by coefficient."""
    if target.task is Task.SURVIVAL:
        return _cox(design, target, margin, weights, curvature=curvature)
    if target.task is Task.REGRESSION:
        residual = margin - target.values
        loss, slope, bend = float(weights @ residual**2) / 2, weights * residual, weights
    else:
        probability = 1 / (1 + np.exp(-np.clip(margin, -500, 500)))
        loss = float(weights @ (np.logaddexp(0, margin) - target.values * margin))
        slope, bend = weights * (probability - target.values), weights * probability * (1 - probability)
    hessian = (design * bend[:, None]).T @ design if curvature else np.empty((0, 0))
    return loss, design.T @ slope, hessian


def _cox(
    design: FloatArray, target: Target, margin: FloatArray, weights: FloatArray, *, curvature: bool = True
) -> Derivatives:
    """Breslow's partial likelihood, weighted; competing events end observation (cause-specific)."""
    assert target.events is not None
    order = np.argsort(-target.values, kind="stable")
    times, events = target.values[order], target.events[order] == EVENT
    rows, margin, weights = design[order], margin[order], weights[order]
    largest = float(margin.max()) if len(margin) else 0.0
    relative = weights * np.exp(margin - largest)
    last = np.searchsorted(-times, -times, side="right") - 1
    at_risk = np.cumsum(relative)[last]
    died = np.where(events, weights, 0.0)
    loss = float(died @ (np.log(np.maximum(at_risk, 1e-300)) + largest - margin))
    summed = np.cumsum(relative[:, None] * rows, axis=0)[last]
    mean = summed / np.maximum(at_risk, 1e-300)[:, None]
    gradient = died @ (mean - rows)
    if not curvature:
        return loss, gradient, np.empty((0, 0))
    first = np.searchsorted(-times, -times, side="left")
    hazard = np.cumsum((died / np.maximum(at_risk, 1e-300))[::-1])[::-1][first]
    hessian = (rows * (relative * hazard)[:, None]).T @ rows - (mean * died[:, None]).T @ mean
    return loss, gradient, hessian


def breslow(target: Target, margin: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Times of events (ascending) and the cumulative baseline hazard there, for margin 0 (Breslow 1974)."""
    assert target.events is not None
    times = np.unique(target.values[target.events == EVENT])
    relative = np.exp(margin)
    order = np.argsort(target.values, kind="stable")
    ascending = target.values[order]
    from_here = np.concatenate([np.cumsum(relative[order][::-1])[::-1], [0.0]])
    at_risk = from_here[np.searchsorted(ascending, times, side="left")]
    counts = np.array([int(((target.values == t) & (target.events == EVENT)).sum()) for t in times], dtype=float)
    return times, np.cumsum(counts / np.maximum(at_risk, 1e-300))


Fit = Callable[[FloatArray, Target], Linear]
