"""What else the same patients could be judged by: a clinician's calls; and what a genotype adds to the other inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import ColumnKind
from sartor.domain.model import Task
from sartor.domain.validation import Check, Measure
from sartor.learning.incremental import incremental_value
from sartor.learning.metrics import bootstrap, score
from sartor.learning.performance import Names, measured
from sartor.learning.refitting import out_of_fold_without
from sartor.studies.risk_model.validate.setting import Found, Setting
from sartor.studies.risk_model.validate.uncertainty import first_repeat

CLINICIAN = "clinician"
GENOTYPE = "with genotype against without"
CALLED = ("sensitivity", "specificity", "net_benefit")


def of_clinician(setting: Setting) -> Found:
    """The clinician's calls (0 or 1) and the model on the same patients, the model acting on as many as they did."""
    name = str(setting.prepared.config.get("clinician") or "")
    if not name or not setting.prepared.target.is_binary:
        return Found()
    if name not in setting.prepared.people:
        return Found(checks=(Check(name="clinician", passed=False, subject=name, detail="the column was not kept"),))
    calls = _numbers(setting, name)
    predicted = first_repeat(setting.fitted.pipeline)
    predicted = predicted if predicted.ndim == 1 else predicted[:, 1]
    rows = np.flatnonzero(np.isfinite(calls) & np.isfinite(predicted))
    if not len(rows):
        return Found(checks=(Check(name="clinician", passed=False, subject=name, detail="no call can be used"),))
    outcome = setting.prepared.target.values[rows]
    cut = np.quantile(predicted[rows], 1 - (calls[rows] >= 0.5).mean())
    threshold = float(setting.thresholds[0])
    measures: list[Measure] = []
    for candidate, acted in (
        (CLINICIAN, calls[rows] >= 0.5),
        ("pipeline at the clinician's rate", predicted[rows] > cut),
    ):
        measures += _called(setting, candidate, acted.astype(float), outcome, rows, threshold)
    return Found(tuple(measures))


def _called(
    setting: Setting,
    candidate: str,
    acted: npt.NDArray[np.float64],
    outcome: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
    threshold: float,
) -> tuple[Measure, ...]:
    names = Names()
    names.add(CALLED, threshold)

    def statistic(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        total, events = float(weights.sum()), float(weights @ outcome)
        true, called = float(weights @ (acted * outcome)), float(weights @ acted)
        false = called - true
        rest = max(total - events, 1e-12)
        return np.array(
            [true / max(events, 1e-12), 1 - false / rest, (true - false * threshold / (1 - threshold)) / total]
        )

    patients = None if setting.prepared.groups is None else setting.prepared.groups[rows]
    plan = setting.plan(candidate=candidate, groups=patients)
    return measured(
        statistic, setting.prepared.target.take(rows), names, plan, n=len(rows), n_events=int(outcome.sum())
    )


def of_genotype(setting: Setting) -> Found:
    """The standard table of incremental value, where the configuration names genotype columns.

    The chosen learner is fitted in the same folds with the same parameters, with and without those columns.
    """
    prepared = setting.prepared
    wanted = [name for name in prepared.config.get("genotype") or () if name in prepared.cohort]
    if not wanted or setting.fitted.chosen.startswith("equation"):
        return Found()
    both = out_of_fold_without(prepared, setting.fitted, (wanted, ()))
    if both is None:
        detail = f"{setting.fitted.chosen} cannot be fitted again without them"
        return Found(checks=(Check(name="genotype", passed=False, severity="note", detail=detail),))
    without, with_added = both
    if prepared.target.task is Task.CLASSIFICATION and prepared.target.is_binary:
        rows = np.flatnonzero(np.isfinite(without) & np.isfinite(with_added))
        measures = incremental_value(
            prepared.target.values[rows] == 1,
            without[rows],
            with_added[rows],
            thresholds=setting.thresholds,
            groups=None if prepared.groups is None else prepared.groups[rows],
            resamples=setting.resamples,
            seed=prepared.seed,
            candidate=GENOTYPE,
            where=setting.where,
        )
        return Found(measures)
    return Found((_difference(setting, without, with_added),))


def _difference(setting: Setting, without: npt.NDArray[np.float64], with_added: npt.NDArray[np.float64]) -> Measure:
    """Δ of the headline measure, with interval."""
    metric, target = setting.fitted.metric, setting.prepared.target
    known = np.flatnonzero(np.isfinite(without).reshape(len(without), -1).all(axis=1))

    def gain(drawn: npt.NDArray[np.int64]) -> float:
        rows = known[drawn]
        return score(metric, target.take(rows), with_added[rows]) - score(metric, target.take(rows), without[rows])

    groups = None if setting.prepared.groups is None else setting.prepared.groups[known]
    resamples = min(setting.resamples, 200)
    low, high = bootstrap.interval(gain, len(known), groups=groups, resamples=resamples, seed=setting.prepared.seed)
    return Measure(
        name=f"delta_{metric}", candidate=GENOTYPE, where=setting.where, value=gain(np.arange(len(known))),
        low=float(low), high=float(high), n=len(known), n_events=setting.n_events,
    )  # fmt: skip


def _numbers(setting: Setting, name: str) -> npt.NDArray[np.float64]:
    """A column as numbers; labels are read as the outcome's classes, or as numbers."""
    column = setting.prepared.people.column(name)
    if column.kind is not ColumnKind.CATEGORY:
        return np.asarray(column.values, dtype=float)
    classes = setting.prepared.target.classes
    values = [float(classes.index(label)) if label in classes else _number(label) for label in column.categories]
    return np.asarray(np.array([*values, np.nan])[column.values])


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")
