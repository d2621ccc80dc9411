"""The ways to predict at a small target site with the help of a large source: each is fitted, none is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target
from sartor.learning.transfer.penalised import (
    Linear,
    deviance,
    fit_sparsely_towards,
    fit_towards,
    recalibrate,
)

SOURCE = "source"
LOCAL = "local"
RIDGE = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
TOWARDS_SOURCE = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
SPARSE = (0.1, 0.3, 1.0)
SOURCE_WEIGHT = (0.03, 0.1, 0.3, 1.0)
GREATEST_WEIGHT = 10.0


class Margin(Protocol):
    """Anything that gives a margin for encoded rows."""

    def margin(self, values: FloatArray) -> FloatArray: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class SourceModel:
    """What was learned at the source, once: data, linear model, and the richer learners where they are asked for.

    values, target: the source's encoded rows and outcomes. penalty: of the linear model, chosen by cross-validation.
    booster, network: fitted sources of `boosting.continued` and `network.tuned`; None where not asked for.
    """

    values: FloatArray
    target: Target
    linear: Linear
    penalty: float
    booster: Any = None
    network: Any = None
    seed: int = 0


Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def folds(target: Target, *, count: int, seed: int) -> list[Fold]:
    """(learn, assess) rows of a cross-validation stratified by class or event; empty when a class has under 2 rows."""
    n = len(target)
    strata = stratum(target)
    counts = np.unique(strata, return_counts=True)[1]
    k = min(count, int(counts.min())) if target.task is not Task.REGRESSION else min(count, n)
    if k < 2 or n < 6 or (target.task is not Task.REGRESSION and len(counts) < 2):
        return []
    generator = np.random.default_rng([seed, n])
    of_row = np.empty(n, dtype=np.int64)
    for each in np.unique(strata):
        rows = generator.permutation(np.flatnonzero(strata == each))
        of_row[rows] = (np.arange(len(rows)) + generator.integers(k)) % k
    return [(np.flatnonzero(of_row != fold), np.flatnonzero(of_row == fold)) for fold in range(k)]


def stratum(target: Target) -> npt.NDArray[np.int64]:
    """What splits keep balanced: the class, whether the event occurred, nothing for a number."""
    if target.task is Task.CLASSIFICATION:
        return np.asarray(target.values, dtype=np.int64)
    if target.events is not None:
        return np.asarray(target.events == EVENT, dtype=np.int64)
    return np.zeros(len(target), dtype=np.int64)


def fit_source(
    values: FloatArray, target: Target, *, seed: int, learners: tuple[str, ...] = ("linear",)
) -> SourceModel:
    """Pretrain on the source; the penalty by 5-fold cross-validation inside it."""
    best = (np.inf, RIDGE[-1])
    parts = folds(target, count=5, seed=seed)
    for penalty in RIDGE if parts else ():
        loss = 0.0
        for learn, assess in parts:
            model = fit_towards(values[learn], target.take(learn), penalty=penalty)
            loss += deviance(target.take(assess), model.margin(values[assess])) * len(assess)
        best = min(best, (loss, penalty))
    linear = fit_towards(values, target, penalty=best[1])
    booster = network = None
    if "boosting" in learners:
        from sartor.learning.transfer.boosting import fit_booster

        booster = fit_booster(values, target, seed=seed)
    if "network" in learners:
        from sartor.learning.transfer.network import fit_network

        network = fit_network(values, target, seed=seed)
    return SourceModel(values, target, linear, best[1], booster, network, seed)


class Way(Protocol):
    """One way to use source and target: its points of search, and how to fit one."""

    def __call__(self, source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Margin: ...  # noqa: D102


def source_only(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """The source's model as it is."""
    return source.linear


def recalibrated_intercept(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """The source's model with its mean set right."""
    slope, intercept = recalibrate(source.linear.margin(values), target, slope=False)
    return source.linear.recalibrated(slope, intercept)


def recalibrated_slope(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """The source's model with mean and spread set right; the order of patients stays, so the slope is not negative."""
    slope, intercept = recalibrate(source.linear.margin(values), target)
    if slope <= 0:
        return recalibrated_intercept(source, values, target, parameter)
    return source.linear.recalibrated(slope, intercept)


def local(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """From scratch: the target's rows alone."""
    return fit_towards(values, target, penalty=parameter)


def pooled(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """Both together, the source's rows weighing `parameter` each, with an indicator of the site."""
    together = np.vstack([source.values, values])
    site = np.concatenate([np.zeros(len(source.values)), np.ones(len(values))])
    weights = np.concatenate([np.full(len(source.values), parameter), np.ones(len(values))])
    outcomes = joined(source.target, target)
    model = fit_towards(np.column_stack([together, site]), outcomes, penalty=source.penalty, weights=weights, free=1)
    return Linear(
        model.intercept + (0.0 if target.task is Task.SURVIVAL else float(model.coefficients[-1])),
        model.coefficients[:-1],
    )


def shifted(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """Source rows weighted by how much they look like the target's (covariate shift), then the mean set right."""
    weights = shift_weights(source.values, values)
    model = fit_towards(source.values, source.target, penalty=source.penalty, weights=weights)
    slope, intercept = recalibrate(model.margin(values), target, slope=False)
    return model.recalibrated(slope, intercept)


def adapted(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """The target's regression, its coefficients shrunk towards the source's."""
    prior = recalibrated_intercept(source, values, target, 0.0)
    return fit_towards(values, target, penalty=parameter, prior=prior)


def adapted_sparsely(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Linear:
    """The same with an absolute penalty: few coefficients leave the source's."""
    prior = recalibrated_intercept(source, values, target, 0.0)
    return fit_sparsely_towards(values, target, penalty=parameter, prior=prior)


def boosted(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Margin:
    """Boosting continued on the target from the source's margin."""
    from sartor.learning.transfer.boosting import continued

    return continued(source.booster, values, target, rounds=int(parameter), seed=source.seed)


def boosted_source(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Margin:
    """The source's boosting as it is, its mean set right."""
    from sartor.learning.transfer.boosting import continued

    return continued(source.booster, values, target, rounds=0, seed=source.seed)


def tuned_network(source: SourceModel, values: FloatArray, target: Target, parameter: float) -> Margin:
    """The source's network, trained further on the target, its weights held near the source's."""
    from sartor.learning.transfer.network import tuned

    return tuned(source.network, values, target, epochs=int(parameter), seed=source.seed)


@dataclass(frozen=True, slots=True)
class Method:
    """A way with its grid; `needs` is the learner that it rests on, `complexity` orders equals."""

    name: str
    fit: Way
    grid: tuple[float, ...]
    complexity: int
    needs: str = "linear"
    tasks: frozenset[Task] = field(default_factory=lambda: frozenset(Task))


METHODS = (
    Method("source", source_only, (0.0,), 0),
    Method("source_intercept", recalibrated_intercept, (0.0,), 1),
    Method("source_slope", recalibrated_slope, (0.0,), 1),
    Method("source_shifted", shifted, (0.0,), 2, needs="shift"),
    Method("local", local, RIDGE, 2),
    Method("pooled", pooled, (1.0,), 2),
    Method("pooled_weighted", pooled, SOURCE_WEIGHT, 2),
    Method("adapted", adapted, TOWARDS_SOURCE, 3),
    Method("adapted_sparse", adapted_sparsely, SPARSE, 3, tasks=frozenset({Task.CLASSIFICATION, Task.REGRESSION})),
    Method("boosting_source", boosted_source, (0.0,), 4, needs="boosting"),
    Method("boosting_continued", boosted, (10.0, 40.0), 4, needs="boosting"),
    Method("network_tuned", tuned_network, (10.0, 40.0), 5, needs="network"),
)


def methods(task: Task, learners: tuple[str, ...]) -> tuple[Method, ...]:
    """The methods of that task that rest on these learners ("linear", "shift", "boosting", "network")."""
    return tuple(each for each in METHODS if task in each.tasks and each.needs in learners)


def joined(first: Target, second: Target) -> Target:
    """The outcomes of two cohorts, one after the other."""
    events = None
    if first.events is not None and second.events is not None:
        events = np.concatenate([first.events, second.events])
    return Target(first.task, np.concatenate([first.values, second.values]), events, first.classes, first.unit)


def shift_weights(source: FloatArray, target: FloatArray) -> FloatArray:
    """Density ratio of target to source for each source row, mean 1, from a classifier of the site.

    Odds of a penalised logistic regression (Bickel, Brückner, Scheffer 2009, JMLR 10:2137), cut at 10.
    """
    values = np.vstack([source, target])
    site = Target(
        Task.CLASSIFICATION, np.concatenate([np.zeros(len(source)), np.ones(len(target))]), classes=("0", "1")
    )
    margin = fit_towards(values, site, penalty=10.0).margin(source)
    weights = np.minimum(np.exp(np.clip(margin, -30, 30)) * len(source) / len(target), GREATEST_WEIGHT)
    return np.asarray(weights / weights.mean())


def effective_size(weights: FloatArray) -> float:
    """Kish's effective number of rows of these weights."""
    return float(weights.sum() ** 2 / (weights**2).sum())


Parameters = Mapping[str, float]
