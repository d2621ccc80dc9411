"""Whether prediction sets and intervals cover as often as they say: overall, within each class and each group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.domain.validation import Check, Measure
from sartor.explaining.fairness import wilson
from sartor.learning.conformal import COVERAGE, coverage_in_turn
from sartor.learning.metrics import bootstrap
from sartor.learning.metrics.survival_usefulness import Incidence
from sartor.learning.population_groups import PopulationGroup
from sartor.learning.stages import OutOfFold
from sartor.learning.survival_uncertainty import outlived_in_turn
from sartor.learning.task import EVENT, Target
from sartor.studies.risk_model.validate.setting import Found, Setting

FOLDS = 10
TOLERANCE = 0.02
JUDGED_FROM = 300
LEAST_ROWS = 100
Mask = npt.NDArray[np.bool_]


def of_uncertainty(setting: Setting) -> Found:
    """Coverage by conformal prediction calibrated on nine tenths of the patients and tested on the last, in turn.

    Beside the class- and group-conditional sets stands what naive (marginal) conformal prediction would cover.
    """
    prepared = setting.prepared
    if prepared.target.task is Task.SURVIVAL:
        return of_times(setting)
    single = tuple(group for group in setting.groups if len(group.conditions) == 1)
    predicted = first_repeat(setting.fitted.pipeline)
    known = np.flatnonzero(np.isfinite(predicted.reshape(len(predicted), -1)).all(axis=1))
    if len(known) < LEAST_ROWS:
        return Found()
    fold = _folds(len(prepared.target), prepared.groups, prepared.seed)
    people = prepared.people.take(known)
    found = coverage_in_turn(predicted[known], prepared.target.take(known), fold[known], groups=single, people=people)
    covered, naive, width = found.conditional, found.marginal, found.width
    measures = tuple(_measures(setting, known, covered, naive, width, single))
    return Found(measures, checks=tuple(_checks(measures)))


def of_times(setting: Setting) -> Found:
    """How many outlive the time that nine in ten are said to, where the level was learned from other patients.

    Beside it stands the time by which the model itself gives a risk of one in ten. Censored rows count as far as they
    were seen: the share is 1 − the Aalen–Johansen estimate.
    """
    prepared, out = setting.prepared, setting.fitted.pipeline
    if out.survival is None or out.times is None:
        return Found()
    known = np.flatnonzero(np.isfinite(out.survival[0]).all(axis=1))
    if len(known) < LEAST_ROWS:
        return Found()
    fold = _folds(len(prepared.target), prepared.groups, prepared.seed)[known]
    grid = np.asarray(out.times, dtype=float)
    scaled = outlived_in_turn(prepared.target.take(known), out.survival[0][known], grid, fold, COVERAGE)
    single = [group for group in setting.groups if len(group.conditions) == 1]
    parts = [("", np.ones(len(known), dtype=bool))]
    parts += [(group.name, group.members(prepared.people)[known]) for group in single]
    measures = tuple(
        _outlived(setting, kind, name, target.take(np.flatnonzero(rows)))
        for name, rows in parts
        if rows.any()
        for kind, target in zip(("coverage", "coverage_marginal"), scaled, strict=True)
    )
    return Found(measures, checks=tuple(_checks(measures)))


def _outlived(setting: Setting, kind: str, group: str, scaled: Target) -> Measure:
    assert scaled.events is not None
    incidence = Incidence.of(scaled, 1.0)

    def share(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.array([1 - incidence.shares(counts[None, :])[0]])

    value = float(share(np.ones(len(scaled)))[0])
    drawn = bootstrap.replicate(share, len(scaled), resamples=setting.resamples_by_group, seed=setting.prepared.seed)
    low, high = (float(np.asarray(each).ravel()[0]) for each in bootstrap.percentiles(drawn))
    events = int(((scaled.events == EVENT) & (scaled.values <= 1)).sum())
    return Measure(
        name=kind, where=setting.where, group=group, at=COVERAGE, value=value, low=low, high=high, n=len(scaled),
        n_events=events,
    )  # fmt: skip


def first_repeat(predicted: OutOfFold) -> npt.NDArray[np.float64]:
    """The out-of-fold predictions of the first repeat, (n,) or (n, classes)."""
    return np.asarray(predicted.predicted[0], dtype=float)


def _measures(
    setting: Setting,
    known: npt.NDArray[np.int64],
    covered: Mask,
    naive: Mask,
    width: npt.NDArray[np.float64],
    groups: tuple[PopulationGroup, ...],
) -> Iterator[Measure]:
    target, people = setting.prepared.target, setting.prepared.people
    everyone = np.ones(len(known), dtype=bool)
    parts = [("", everyone)]
    if target.task is Task.CLASSIFICATION:
        parts += [(f"outcome={name}", target.values[known] == k) for k, name in enumerate(target.classes)]
    for group in groups:
        inside = group.members(people)[known]
        parts.append((group.name, inside))
        if target.task is Task.CLASSIFICATION:
            parts += [
                (f"{group.name} & outcome={name}", inside & (target.values[known] == k))
                for k, name in enumerate(target.classes)
            ]
    for name, rows in parts:
        if not rows.any():
            continue
        for kind, hits in (("coverage", covered), ("coverage_marginal", naive)):
            yield _share(setting, kind, name, hits[rows])
    size = "mean_interval_width" if target.task is Task.REGRESSION else "mean_set_size"
    finite = width[np.isfinite(width)]
    yield Measure(
        name=size, where=setting.where, at=COVERAGE, value=float(finite.mean()) if len(finite) else None,
        n=len(finite), note="no interval",
    )  # fmt: skip


def _share(setting: Setting, kind: str, group: str, hits: Mask) -> Measure:
    low, high = wilson(float(hits.sum()), len(hits))
    return Measure(
        name=kind,
        where=setting.where,
        group=group,
        at=COVERAGE,
        value=float(hits.mean()),
        low=low,
        high=high,
        n=len(hits),
    )


def _checks(measures: tuple[Measure, ...]) -> Iterator[Check]:
    """Coverage within two hundredths of what is promised, overall, in each class, and in each group of 300 or more."""
    judged = [m for m in measures if m.name == "coverage" and m.n >= JUDGED_FROM and " & " not in m.group]
    off = [m for m in judged if m.value is not None and abs(m.value - COVERAGE) > TOLERANCE + 1e-9]
    worst = max(judged, key=lambda m: abs((m.value or 0) - COVERAGE), default=None)
    if worst is None:
        return
    told = f"farthest from {COVERAGE:g}: {worst.value:.3f} in {worst.group or 'everyone'} ({worst.n} rows)"
    yield Check(
        name="coverage", passed=not off, detail=f"{len(judged) - len(off)} of {len(judged)} parts hold; {told}",
        values={"judged": len(judged), "off": [m.group or "everyone" for m in off]},
    )  # fmt: skip


def _folds(n: int, patients: npt.NDArray[np.int64] | None, seed: int) -> npt.NDArray[np.int64]:
    unit = np.arange(n) if patients is None else np.unique(patients, return_inverse=True)[1]
    return np.asarray(np.random.default_rng(seed).permutation(int(unit.max()) + 1)[unit] % FOLDS)
