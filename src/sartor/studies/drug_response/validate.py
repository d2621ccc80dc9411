"""Correlation within each drug for every learner and every split, the naive means in the same table."""

from __future__ import annotations

from typing import Any

import numpy as np

from sartor.domain.study import Surroundings
from sartor.domain.validation import Check, Measure, Validation
from sartor.learning.drug_response.comparison import PIPELINE, Compared
from sartor.learning.drug_response.measures import Scores, mean_with_interval
from sartor.learning.drug_response.responses import Floats
from sartor.studies.drug_response.fit import FittedResponses
from sartor.studies.drug_response.prepare import PreparedResponses

NAIVE = ("drug mean", "cell mean", "drug and cell mean")
HEADLINE = "per_drug_pearson"


def validate(prepared: PreparedResponses, fitted: FittedResponses, around: Surroundings) -> Validation:
    """Measures with intervals over drugs; `where` is "internal" and `group` the split."""
    found: list[Measure] = []
    checks = list(prepared.checks)
    for compared in fitted.compared:
        best = best_naive(compared)
        for name, scores in compared.scores.items():
            found += _measures(name, scores, compared, prepared.seed)
            if name != best:
                found.append(_gain(name, scores, compared, best, prepared.seed))
        checks += [
            Check(
                name="candidate_skipped", passed=False, severity="note", subject=f"{compared.split}: {name}", detail=why
            )
            for name, why in compared.skipped.items()
        ]
    made = sum(len(compared.chosen_in_fold) for compared in fitted.compared)
    wanted = len(prepared.splits) * int(prepared.config["folds"])
    checks.append(Check(name="time_budget", passed=made == wanted, severity="warning",
                        detail=f"{made} of {wanted} test parts were made within the time budget",
                        values={"made": made, "wanted": wanted}))  # fmt: skip
    return Validation(
        study="drug_response", measures=tuple(found), checks=tuple(checks), facts=_facts(prepared, fitted)
    )


def best_naive(compared: Compared) -> str:
    """The means with the highest mean correlation within drugs: what a model has to beat in this split."""
    return max(NAIVE, key=lambda name: _mean(compared.scores[name].pearson))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else -1.0


def _measures(name: str, scores: Scores, compared: Compared, seed: int) -> list[Measure]:
    each = {
        HEADLINE: scores.pearson,
        "per_drug_spearman": scores.spearman,
        "pooled_per_drug_pearson": scores.pooled,
        "per_cell_pearson": scores.of_cells,
        "mean_squared_error": scores.squared,
    }
    found = []
    for measure, values in each.items():
        value, low, high = (_number(part) for part in mean_with_interval(values, seed=seed))
        n = int((~np.isnan(values)).sum())
        found.append(Measure(name=measure, candidate=name, group=f"split={compared.split}", value=value, low=low,
                             high=high, n=n))  # fmt: skip
    note = "rests mostly on differences between drugs; no interval, since it is not a measure to judge by"
    found.append(Measure(name="global_pearson", candidate=name, group=f"split={compared.split}",
                         value=_number(scores.overall), low=None, high=None, n=scores.pairs, note=note))  # fmt: skip
    return found


def _gain(name: str, scores: Scores, compared: Compared, best: str, seed: int) -> Measure:
    difference = scores.pearson - compared.scores[best].pearson
    value, low, high = (_number(part) for part in mean_with_interval(difference, seed=seed))
    n = int((~np.isnan(difference)).sum())
    return Measure(name=f"{HEADLINE}_gain", candidate=name, group=f"split={compared.split}", value=value, low=low,
                   high=high, n=n, note=f"over {best}")  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _facts(prepared: PreparedResponses, fitted: FittedResponses) -> dict[str, Any]:
    responses = prepared.responses
    return {
        "cells": len(responses.cells),
        "drugs": len(responses.drugs),
        "measured": int(responses.known.sum()),
        "cell_features": responses.cell_features.shape[1],
        "drug_features": responses.drug_features.shape[1],
        "folds": int(prepared.config["folds"]),
        "best_naive": {str(each.split): best_naive(each) for each in fitted.compared},
        "chosen_in_folds": {
            str(each.split): {name: each.chosen_in_fold.count(name) for name in sorted(set(each.chosen_in_fold))}
            for each in fitted.compared
        },
        "pipeline": PIPELINE,
    }
