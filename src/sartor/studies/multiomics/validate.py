"""Every candidate's measures with intervals, gains over the best single view, and what a missing view costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check, Curve, Measure, Validation
from sartor.learning.multiomics import measures as engine
from sartor.learning.multiomics.comparison import Compared
from sartor.learning.multiomics.views import Floats
from sartor.studies.multiomics.fit import FittedViews
from sartor.studies.multiomics.prepare import PreparedViews

PIPELINE = "pipeline"
FEWEST_IN_GROUP = 20


def validate(prepared: PreparedViews, fitted: FittedViews, around: Surroundings) -> Validation:
    """Measures out of fold: of each candidate, of the pipeline, by views present, and with each view taken away."""
    compared = fitted.compared
    said = out_of_fold(compared)
    found = [each for name, table in said.items() for each in _measures(prepared, name, table)]
    best = best_single(compared)
    headline = engine.HEADLINE[prepared.target.task]
    for name, table in said.items():
        if name != best:
            found.append(_gain(prepared, name, table, said[best], headline, f"over {best}"))
    for view, table in compared.without.items():
        found += _measures(prepared, PIPELINE, table, group=f"without={view}")
    found += _by_pattern(prepared, said[PIPELINE])
    return Validation(
        study="multiomics",
        measures=tuple(found),
        curves=_curves(prepared, said[PIPELINE]),
        checks=(*prepared.checks, *_checks(prepared, fitted)),
        facts=_facts(prepared, fitted, best, headline),
    )


def out_of_fold(compared: Compared) -> dict[str, Floats]:
    """(repeats, n, k) by candidate, the pipeline first; candidates that were not fitted are not in it."""
    found = {PIPELINE: compared.pipeline.predicted}
    found |= {each.name: each.out_of_fold.predicted for each in compared.candidates if each.out_of_fold is not None}
    return found


def best_single(compared: Compared) -> str:
    """The single view that the final choice on all patients began with (by inner folds)."""
    final = [choice.over for choice in compared.choices if choice.fold is None]
    return final[0] if final else compared.final.chosen


def _measures(prepared: PreparedViews, name: str, said: Floats, *, group: str = "", rows: Any = None) -> list[Measure]:
    target, groups = prepared.target, prepared.groups
    if rows is not None:
        target, said = target.take(rows), said[:, rows]
        groups = None if groups is None else groups[rows]
    known = ~np.isnan(said).any(axis=(0, 2))
    events = None if target.events is None else int((target.events[known] == 1).sum())
    return [
        Measure(name=measure, candidate=name, group=group, value=_number(value), low=_number(low), high=_number(high),
                n=int(known.sum()), n_events=events)
        for measure, (value, low, high) in engine.measures(said, target, groups, seed=prepared.seed).items()
    ]  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _gain(prepared: PreparedViews, name: str, said: Floats, best: Floats, headline: str, note: str) -> Measure:
    value, low, high = engine.difference(headline, said, best, prepared.target, prepared.groups, seed=prepared.seed)
    return Measure(
        name=f"{headline}_gain", candidate=name, value=_number(value), low=_number(low), high=_number(high),
        n=len(prepared.target), note=note,
    )  # fmt: skip


def _by_pattern(prepared: PreparedViews, said: Floats) -> list[Measure]:
    """The pipeline on patients with the same views, where patients differ in that."""
    there = np.array([view.present for view in prepared.views]).T
    if there.all():
        return []
    found = []
    for pattern in np.unique(there, axis=0)[::-1]:
        rows = np.flatnonzero((there == pattern).all(axis=1))
        if len(rows) < FEWEST_IN_GROUP or len(np.unique(prepared.target.values[rows])) < 2:
            continue
        names = "+".join(view.name for view, has in zip(prepared.views, pattern, strict=True) if has)
        found += _measures(prepared, PIPELINE, said, group=f"views={names}", rows=rows)
    return found


def _curves(prepared: PreparedViews, said: Floats) -> tuple[Curve, ...]:
    if prepared.target.task is not Task.CLASSIFICATION:
        return ()
    sure, right = engine.reliability(said, prepared.target)
    return (Curve(name="calibration", x=tuple(sure), y=tuple(right), x_label="probability", y_label="share right"),)


def _checks(prepared: PreparedViews, fitted: FittedViews) -> list[Check]:
    compared = fitted.compared
    wanted = int(prepared.config["repeats"])
    found = [
        Check(name="time_budget", passed=compared.complete == wanted, severity="warning",
              detail=f"{compared.complete} of {wanted} repeats", values={"complete": compared.complete}),
        Check(name="gene_sets", passed=fitted.gene_sets is not None, severity="note",
              detail="" if fitted.gene_sets else "no pack of gene sets"),
    ]  # fmt: skip
    found += [
        Check(name="candidate_skipped", passed=False, severity="note", subject=each.name, detail=each.reason)
        for each in compared.candidates
        if each.status != "fitted"
    ]
    return found


def _facts(prepared: PreparedViews, fitted: FittedViews, best: str, headline: str) -> dict[str, Any]:
    compared = fitted.compared
    folds = list(compared.chosen_in_fold)
    return {
        "headline": headline,
        "best_single": best,
        "chosen": compared.final.chosen,
        "chosen_in_folds": {name: folds.count(name) for name in sorted(set(folds))},
        "views": {view.name: int(view.present.sum()) for view in prepared.views},
        "patients": len(prepared.target),
        "classes": list(prepared.target.classes),
        "folds": int(compared.folds.max()) + 1,
        "repeats": compared.complete,
        "stability": {each.view: _number(each.stability) for each in fitted.biomarkers},
    }
