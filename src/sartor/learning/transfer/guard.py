"""The guard against negative transfer: weights given inside the target's training rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target
from sartor.learning.transfer.candidates import Fold, Method, SourceModel, folds, recalibrated_intercept
from sartor.learning.transfer.penalised import deviance, recalibrate

INNER_FOLDS = 5
INNER_REPEATS = 2
GUARDED = "guarded"
TRUSTED = ("source_intercept", "source_slope", "local", "pooled_weighted", "adapted")
"""What the guard averages. Fixed on simulated cohorts (validation/heart_transfer/README.md), never on reported data."""


TEMPER = 0.4
"""Share of the cross-validated evidence that is believed: folds overlap, and a sharper choice follows noise. From 0.3
to 0.5 the greatest shortfall over the simulated cohorts was least."""


OF_SOURCE = frozenset({"source", "source_intercept", "source_slope", "source_shifted"})
SHOWN = 1.2816
"""One-sided 10 % of the signed root of the likelihood ratio: the source then ranks the target's patients."""
PRIOR_SHOWN, PRIOR_NOT_SHOWN = 1.0, -2.0
"""Log odds of each way that keeps the source's order of patients, once that order is shown, and where it is not. With
few outcomes in the target, cross-validated loss alone can tell neither a good source from local chance nor a useless
one. Fixed on simulated targets of 6 to 14 of the rarer outcome: against no odds at all the mean shortfall behind the
better of source and local falls where the source is of the same disease (.016 to .013 at 7 outcomes) and where it is
of another (.043 to .036), at a price of .004 where the average beats both anyway. Relying on the source alone costs
.15 to .19 where it is of another disease (validation/heart_transfer/README.md)."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """One method inside the training rows: the grid point with the least loss there.

    loss: total cross-validated loss (log loss, half squared error, or negative log partial likelihood), per repeat.
    """

    method: Method
    parameter: float
    loss: float


@dataclass(frozen=True, slots=True)
class Guarded:
    """The guard's average of margins: the weight and fitted model of each part; `reason` when it had no choice."""

    parts: Mapping[str, tuple[float, Any]]
    reason: str = ""

    def margin(self, values: FloatArray) -> FloatArray:
        """(n, c) → (n,)."""
        found = np.zeros(len(values))
        for weight, model in self.parts.values():
            found = found + weight * model.margin(values)
        return found


def assess(
    source: SourceModel,
    values: FloatArray,
    target: Target,
    methods: Sequence[Method],
    *,
    seed: int,
    repeats: int = INNER_REPEATS,
) -> dict[str, Assessed]:
    """Cross-validate every method on the target's training rows; empty where a class has under two rows."""
    parts = [part for repeat in range(repeats) for part in folds(target, count=INNER_FOLDS, seed=seed + repeat)]
    found: dict[str, Assessed] = {}
    for method in methods if parts else ():
        losses = [
            sum(_left_out_loss(source, values, target, method, parameter, part) for part in parts) / repeats
            for parameter in method.grid
        ]
        best = int(np.argmin(losses))
        found[method.name] = Assessed(method, method.grid[best], losses[best])
    return found


def _left_out_loss(
    source: SourceModel, values: FloatArray, target: Target, method: Method, parameter: float, part: Fold
) -> float:
    """Loss of the rows left out; for survival the partial likelihood of all less that of the rows learned from
    (Verweij, van Houwelingen 1993, doi:10.1002/sim.4780122407)."""
    learn, left_out = part
    fitted = method.fit(source, values[learn], target.take(learn), parameter)
    if target.task is not Task.SURVIVAL:
        return deviance(target.take(left_out), fitted.margin(values[left_out])) * len(left_out)
    margin = fitted.margin(values)
    return deviance(target, margin) * _events(target) - deviance(target.take(learn), margin[learn]) * _events(
        target.take(learn)
    )


def _events(target: Target) -> int:
    assert target.events is not None
    return max(int((target.events == EVENT).sum()), 1)


def source_shown(source: SourceModel, values: FloatArray, target: Target) -> bool:
    """Whether the source's margin ranks these patients better than chance: a test of the slope on it, one-sided 10 %.

    The source was not fitted to these rows, so that no cross-validation is needed. The test comes first for the reason
    that closed testing starts from the model as it is (Vergouwe et al.
    2017, doi:10.1002/sim.7179).
    """
    margin = source.linear.margin(values)
    slope, intercept = recalibrate(margin, target)
    if slope <= 0 or margin.std() < 1e-9:
        return False
    nothing = deviance(target, np.full(len(target), _mean_margin(target)))
    fitted = deviance(target, slope * margin + intercept)
    if target.task is Task.REGRESSION:
        ratio = len(target) * np.log(max(nothing, 1e-12) / max(fitted, 1e-12))
    else:
        ratio = 2 * (_events(target) if target.task is Task.SURVIVAL else len(target)) * (nothing - fitted)
    return float(np.sqrt(max(float(ratio), 0.0))) > SHOWN


def _mean_margin(target: Target) -> float:
    if target.task is Task.SURVIVAL:
        return 0.0
    mean = float(target.values.mean())
    if target.task is Task.REGRESSION:
        return mean
    inside = min(max(mean, 1e-6), 1 - 1e-6)
    return float(np.log(inside / (1 - inside)))


def weigh(
    assessed: Mapping[str, Assessed], n: int, task: Task, trusted: Sequence[str] = TRUSTED, *, shown: bool | None = None
) -> dict[str, float]:
    """Exponential weights on the total cross-validated loss of the trusted methods, adding up to 1.

    shown: whether the source ranks these patients (`source_shown`); the ways that keep its order have the prior odds.

    Averaging by exponential weights loses little against the best of its parts (Yang 2004,
    doi:10.1017/S0266466604201086). A squared error is first divided by the least residual variance.
    """
    names = [name for name in trusted if name in assessed]
    losses = np.array([assessed[name].loss for name in names])
    if task is Task.REGRESSION:
        losses = losses / max(2 * losses.min() / n, 1e-12)
    odds = 0.0 if shown is None else PRIOR_SHOWN if shown else PRIOR_NOT_SHOWN
    prior = np.array([odds if name in OF_SOURCE else 0.0 for name in names])
    logs = prior - TEMPER * (losses - losses.min())
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    return {name: float(share) for name, share in zip(names, shares, strict=True) if share > 1e-4}


def guard(
    source: SourceModel,
    values: FloatArray,
    target: Target,
    assessed: Mapping[str, Assessed],
    fitted: Mapping[str, Any],
    trusted: Sequence[str] = TRUSTED,
) -> Guarded:
    """The average of the trusted methods; the source with its mean set right where nothing could be assessed."""
    if not assessed:
        return Guarded({"source_intercept": (1.0, recalibrated_intercept(source, values, target, 0.0))}, "too-few")
    shown = source_shown(source, values, target)
    shares = weigh(assessed, len(target), target.task, trusted, shown=shown)
    total = sum(shares.values())
    return Guarded({name: (share / total, fitted[name]) for name, share in shares.items()})


def fit_all(
    source: SourceModel,
    values: FloatArray,
    target: Target,
    methods: Sequence[Method],
    *,
    seed: int,
    trusted: Sequence[str] = TRUSTED,
) -> tuple[dict[str, Any], Guarded, dict[str, Assessed]]:
    """Every method on these rows with the grid point found inside them, and the guard's average."""
    assessed = assess(source, values, target, methods, seed=seed)
    fitted = {method.name: method.fit(source, values, target, _parameter(method, assessed)) for method in methods}
    return fitted, guard(source, values, target, assessed, fitted, trusted), assessed


def _parameter(method: Method, assessed: Mapping[str, Assessed]) -> float:
    """The grid point found, or the most cautious one where nothing could be assessed."""
    return assessed[method.name].parameter if method.name in assessed else method.grid[-1]
