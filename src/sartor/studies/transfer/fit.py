"""Prepared sites → every way compared out of fold, and the final model on all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, ColumnKind
from sartor.domain.model import Feature, Task
from sartor.domain.study import Surroundings
from sartor.errors import TooFewData
from sartor.learning.learner import FloatArray
from sartor.learning.model import Model
from sartor.learning.task import EVENT, Target
from sartor.learning.transfer import (
    GUARDED,
    WHOLE,
    Compared,
    Guarded,
    Linear,
    Method,
    compare,
    encode,
    fit_all,
    fit_source,
    methods,
    transferred,
)
from sartor.learning.transfer.candidates import LOCAL, SOURCE, effective_size, shift_weights
from sartor.learning.transfer.learners import NAME
from sartor.learning.transfer.measures import discrimination
from sartor.studies.transfer.prepare import PreparedTransfer

ALLOWED = 0.01
"""The guard's promise: no more below the better of source and local than this, in the headline measure."""


@dataclass(frozen=True, slots=True)
class FittedTransfer:
    """What was compared, and what is handed over.

    compared: out-of-fold margins of every way. linear: final coefficients by way, on `columns` (standardised).
    weights:  the guard's, on all rows of the target. effective: rows of the source after covariate-shift weighting.
    repeats_made: fewer than asked for where the time budget ended first.
    handed_over: "guarded", or the simpler way that the model is instead, where the guard fell short out of fold.
    """

    compared: Compared
    methods: tuple[Method, ...]
    model: Model
    linear: Mapping[str, Linear]
    columns: tuple[str, ...]
    weights: Mapping[str, float]
    reason: str
    effective: float
    repeats_made: int
    handed_over: str = GUARDED


def fit(prepared: PreparedTransfer, around: Surroundings) -> FittedTransfer:
    """Compare every way by repeated cross-validation of the target, then fit each on all of it."""
    sites = prepared.sites
    ways = methods(sites.target.task, prepared.learners)
    began = around.clock()
    compared = compare(
        sites,
        ways,
        prepared.learners,
        sizes=prepared.sizes,
        outer_folds=prepared.folds,
        repeats=prepared.repeats,
        seed=prepared.seed,
        trusted=prepared.trusted,
        in_time=lambda done: _in_time(prepared.budget_s, began, around.clock(), done),
        progress=around.progress,
    )
    around.progress("final model")
    every = np.arange(len(sites.target))
    matrix, encoder = encode(sites, every)
    values = np.asarray(matrix.values, dtype=float)
    of_source, of_target = values[: sites.n_source], values[sites.n_source :]
    source = fit_source(of_source, sites.source, seed=prepared.seed, learners=prepared.learners)
    fitted, guarded, _ = fit_all(source, of_target, sites.target, ways, seed=prepared.seed, trusted=prepared.trusted)
    target_matrix = matrix.take(sites.n_source + every)
    handed_over = safest(sites.target, compared)
    final = guarded if handed_over == GUARDED else Guarded({handed_over: (1.0, fitted[handed_over])})
    return FittedTransfer(
        compared=compared,
        methods=ways,
        model=_model(prepared, encoder, final, target_matrix, compared.margins[WHOLE][handed_over]),
        linear={name: each for name, each in fitted.items() if isinstance(each, Linear)},
        columns=matrix.columns,
        weights={name: share for name, (share, _) in guarded.parts.items()},
        reason=guarded.reason,
        effective=effective_size(shift_weights(of_source, of_target)),
        repeats_made=len(compared.parts),
        handed_over=handed_over,
    )


def safest(target: Target, compared: Compared) -> str:
    """The guarded average, unless it fell short out of fold by more than is allowed: then the better of source (its
    mean set right) and local, so that no model is handed over that this very comparison advises against."""
    ways = compared.margins[WHOLE]
    once = np.ones((1, len(target)))
    value = {name: discrimination(target, ways[name], compared.parts, once).value for name in (SOURCE, LOCAL, GUARDED)}
    better = max((SOURCE, LOCAL), key=lambda name: value[name])
    if value[GUARDED] >= value[better] - ALLOWED:
        return GUARDED
    return LOCAL if better == LOCAL else "source_intercept"


def _in_time(budget: float | None, began: float, now: float, done: int) -> bool:
    """Whether one more repeat fits into nine tenths of the budget."""
    return budget is None or began + (now - began) * (done + 1) / done <= 0.9 * budget


def _model(prepared: PreparedTransfer, encoder: Any, guarded: Guarded, matrix: Any, margins: FloatArray) -> Model:
    sites = prepared.sites
    found = transferred(guarded.parts, matrix, sites.target, calibration=(1.0, 0.0))
    importance = matrix.by_feature(np.abs(found.contributions(matrix)[1])).mean(axis=0)
    target_rows = sites.cohort.take(np.arange(sites.n_source, len(sites.cohort)))
    return Model(
        encoder=encoder,
        fitted=found,
        features=features(target_rows, dict(zip(matrix.features, importance, strict=True))),
        task=sites.target.task,
        learner=NAME,
        conformal=_conformal(sites.target, margins, prepared.folds),
        novelty=_novelty(matrix),
        classes=sites.target.classes if sites.target.task is Task.CLASSIFICATION else (),
        horizons=horizons(prepared),
    )


def _conformal(target: Target, margins: FloatArray, count: int) -> Any:
    """Intervals from the out-of-fold predictions of what is handed over; None where they are too few."""
    from sartor.learning.conformal import Conformal

    predicted = margins
    if target.task is Task.CLASSIFICATION:
        positive = 1 / (1 + np.exp(-np.clip(margins, -500, 500)))
        predicted = np.stack([1 - positive, positive], axis=-1)
    try:
        return Conformal.fit(predicted, target, test_share=1 / count)
    except TooFewData:
        return None


def _novelty(matrix: Any) -> Any:
    from sartor.learning.novelty import Novelty

    return Novelty.fit(matrix)


def horizons(prepared: PreparedTransfer) -> tuple[float, ...]:
    """Times of absolute risk: configured, else the median time of an event at the target."""
    target = prepared.sites.target
    if target.task is not Task.SURVIVAL or target.events is None:
        return ()
    if "horizons" in prepared.config:
        return tuple(float(each) for each in prepared.config["horizons"])
    return (float(np.median(target.values[target.events == EVENT])),)


def features(cohort: Cohort, importance: Mapping[str, float]) -> tuple[Feature, ...]:
    """The inputs as the target has them."""
    total = sum(importance.values()) or 1.0
    found = []
    for column in cohort.columns:
        share = float(importance.get(column.name, 0.0)) / total
        missing = float(column.missing.mean())
        if column.kind is ColumnKind.CATEGORY:
            counts = np.bincount(column.values[~column.missing], minlength=len(column.categories))
            typical = column.categories[int(counts.argmax())] if len(counts) and counts.any() else None
            found.append(
                Feature(
                    name=column.name,
                    kind="category",
                    categories=column.categories,
                    missing=missing,
                    typical=typical,
                    importance=share,
                )
            )
            continue
        known: FloatArray = column.values[~column.missing].astype(float)
        low, typical_value, high = (
            (float(q) for q in np.quantile(known, [0.01, 0.5, 0.99])) if len(known) else (None,) * 3
        )
        found.append(
            Feature(
                name=column.name,
                kind="number",
                unit=column.unit,
                low=low,
                high=high,
                missing=missing,
                typical=typical_value,
                importance=share,
            )
        )
    return tuple(found)
