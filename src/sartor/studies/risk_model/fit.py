"""Fits every candidate by nested cross-validation, then the chosen one on all rows, ready to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.alignment import describe_features
from sartor.learning.conformal import Conformal
from sartor.learning.learner import FittedLearner, Learner
from sartor.learning.learners import for_target
from sartor.learning.learners.equation import PublishedEquation, formula_of
from sartor.learning.learners.stacking import NAME as STACK
from sartor.learning.model import Model
from sartor.learning.nested import Nested, nested
from sartor.learning.novelty import Novelty
from sartor.learning.population_groups import PopulationGroup, population_groups
from sartor.learning.recalibrating import recalibrated
from sartor.learning.recalibration import Recalibration
from sartor.learning.search import refit
from sartor.learning.selecting import selection_facts, selector_of, with_selection
from sartor.learning.stages import Candidate, Fitted, OutOfFold, Prepared
from sartor.learning.task import EVENT, Matrix
from sartor.studies.risk_model.validate.duration import affordable_resamples, expected_s

MOST_RESERVED = 0.4
"""Of a time budget: the most that is kept for validation and publication, whatever they are expected to take."""
EXPLAINED_ROWS = 1_000
NOVELTY_ROWS = 20_000


def fit(prepared: Prepared, around: Surroundings) -> Fitted:
    """Every candidate, the choice and the final model. Raises TooFewData, ConfigInvalid."""
    selector = selector_of(prepared)
    learners = with_selection(wanted_learners(prepared), prepared, selector)
    found = nested(
        prepared, learners, clock=around.clock, budget_s=prepared.budget_s, progress=around.progress,
        workers=around.workers, reserve_s=_reserve_s(prepared, learners, around), trials=prepared.config.get("trials"),
    )  # fmt: skip
    around.progress("fitting the final model")
    final = _final(prepared, found, around)
    candidate = next(each for each in found.candidates if each.name == final.name)
    recalibration = found.final.recalibration if final.name == found.final.chosen else None
    model = _model(prepared, found, final, candidate, recalibration)
    names = [each.name for each in found.candidates if each.status == "fitted"]
    facts = dict(found.facts) | {
        "recalibrated": recalibration is not None,
        "selection": selection_facts(prepared, selector, found.folds),
        "imbalance": "no class is weighted or resampled; parameters are chosen by log loss",
        "fit_wall_s": round(around.clock(), 1) if prepared.budget_s is not None else None,
    }
    resamples = affordable_resamples(prepared, len(names), len(found.folds), around.clock)
    if resamples is not None:
        facts["resamples"] = resamples
    return Fitted(
        candidates=found.candidates,
        folds=found.folds,
        pipeline=found.pipeline,
        choices=found.choices,
        chosen=final.name,
        metric=found.metric,
        model=model,
        chosen_in_fold=found.chosen_in_fold,
        simplest=names[0] if names else "",
        facts=facts,
    )


def _reserve_s(prepared: Prepared, learners: Sequence[Learner], around: Surroundings) -> float:
    """Seconds of the budget that validation and publication are expected to take; 0 without a budget."""
    if prepared.budget_s is None:
        return 0.0
    around.progress("measuring what validation will take")
    return min(expected_s(prepared, len(learners), around.clock), MOST_RESERVED * prepared.budget_s)


def wanted_learners(prepared: Prepared) -> tuple[Learner, ...]:
    """Those that the configuration names (all by default), a published equation first where there is one."""
    offered = for_target(prepared.target)
    named = tuple(prepared.config.get("learners") or ())
    if unknown := [name for name in named if name not in {*(each.name for each in offered), STACK}]:
        raise ConfigInvalid(
            f"no learner {', '.join(unknown)} for {prepared.target.task.value}",
            where="learners",
            todo=f"choose from: {', '.join(each.name for each in offered)}",
        )
    chosen = tuple(each for each in offered if not named or each.name in named)
    equation = prepared.config.get("equation")
    if not isinstance(equation, Mapping) or prepared.target.task is Task.SURVIVAL:
        return chosen
    return (*PublishedEquation.kinds(formula_of(equation, prepared.cohort)), *chosen)


@dataclass(frozen=True, slots=True)
class _Final:
    """The learner fitted on all rows."""

    name: str
    encoder: Any
    fitted: FittedLearner


def _final(prepared: Prepared, found: Nested, around: Surroundings) -> _Final:
    """The chosen one; where it cannot be fitted on all rows, the simplest that can."""
    chosen = found.final.chosen
    standing = {name: one for name, one in found.final.tried.items() if one.predicted is not None}
    weights = found.final.weights
    names: Sequence[str] = (chosen,)
    if chosen == STACK and weights is not None:
        names = [name for name, weight in zip(weights.members, weights.weights, strict=True) if weight > 0]
    threads = around.workers
    models = refit(
        prepared.cohort, prepared.target, [standing[name] for name in names], prepared.seed, around.clock,
        threads=threads,
    )  # fmt: skip
    if chosen == STACK and weights is not None and (stack := models.stack(weights, prepared.cohort)) is not None:
        return _Final(STACK, *stack)
    for name in (chosen, *standing):
        if name not in models.fitted and name in standing:
            models = refit(prepared.cohort, prepared.target, [standing[name]], prepared.seed, around.clock)
        if name in models.fitted:
            key, fitted = models.fitted[name]
            return _Final(name, models.encoders[key], fitted)
    raise TooFewData("no candidate could be fitted on all rows", todo="see the candidates' reasons")


def _model(
    prepared: Prepared, found: Nested, final: _Final, candidate: Candidate, recalibration: Recalibration | None
) -> Model:
    generator = np.random.default_rng(prepared.seed)
    n = len(prepared.target)
    rows = np.sort(generator.permutation(n)[:EXPLAINED_ROWS])
    some = prepared.cohort.take(rows)
    importance = _importance(final.encoder.apply(some), final.fitted)
    features = describe_features(prepared.cohort, importance=importance, stated=prepared.config.get("features") or {})
    broad = np.sort(generator.permutation(n)[:NOVELTY_ROWS])
    groups = None if prepared.groups is None else prepared.groups[broad]
    novelty = None
    if n >= 20:
        novelty = Novelty.fit(final.encoder.apply(prepared.cohort.take(broad)), groups=groups, seed=prepared.seed)
    return Model(
        encoder=final.encoder,
        fitted=final.fitted,
        features=features,
        task=prepared.target.task,
        learner=final.name,
        recalibration=recalibration,
        conformal=_conformal(prepared, candidate.out_of_fold, recalibration),
        novelty=novelty,
        classes=prepared.target.classes,
        horizons=_horizons(prepared),
    )


def _horizons(prepared: Prepared) -> tuple[float, ...]:
    """When the absolute risk is told: as stated, or else at the median time of those with the event."""
    target = prepared.target
    if target.task is not Task.SURVIVAL or target.events is None:
        return ()
    if stated := prepared.config.get("horizons"):
        return tuple(float(each) for each in stated)
    times = target.values[target.events == EVENT]
    return (float(f"{np.median(times):.2g}"),) if len(times) else ()


def _importance(matrix: Matrix, fitted: FittedLearner) -> dict[str, float]:
    """Mean absolute contribution by feature, over classes where there are several."""
    _, each = fitted.contributions(matrix)
    sized = np.abs(each).mean(axis=0)
    by_column = sized if sized.ndim == 1 else sized.mean(axis=1)
    total: dict[str, float] = dict.fromkeys(matrix.features, 0.0)
    for source, size in zip(matrix.feature_of, by_column, strict=True):
        total[matrix.features[source]] += float(size)
    return total


def _served_groups(prepared: Prepared) -> tuple[PopulationGroup, ...]:
    """The groups within which coverage is to hold: by columns that the model will be given, which are its inputs."""
    columns = [name for name in prepared.config.get("subgroups") or () if name in prepared.cohort]
    columns = [name for name in columns if name in prepared.people]
    return population_groups(prepared.people, columns) if columns else ()


def _conformal(prepared: Prepared, out: OutOfFold | None, recalibration: Recalibration | None) -> Conformal | None:
    if out is None:
        return None
    if prepared.target.task is Task.SURVIVAL:
        horizons = tuple(float(each) for each in prepared.config.get("horizons") or ())
        share = 1 / int(prepared.config.get("folds", 5))
        return Conformal.of_times(out, prepared.target, horizons=horizons, test_share=share)
    predicted = out.predicted
    if recalibration is not None:
        predicted = np.stack([recalibrated(prepared.target, each, recalibration) for each in predicted])
    try:
        return Conformal.fit(predicted, prepared.target, groups=_served_groups(prepared), people=prepared.people)
    except TooFewData:
        return None
