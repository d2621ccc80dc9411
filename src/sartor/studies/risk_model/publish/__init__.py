"""Candidates and their validation to what is written: report, model, card, predictions, regulatory folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from sartor.domain.document import Document, Section
from sartor.domain.model import Feature, Task
from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Validation
from sartor.explaining.drift import monitoring_files
from sartor.explaining.drift.policy import FILE as POLICY
from sartor.learning.stages import Fitted, Prepared
from sartor.studies.risk_model.publish import (
    accuracy_sections,
    candidate_sections,
    cohort_sections,
    elsewhere_sections,
    explanation_section,
    fairness_section,
    summary,
)
from sartor.studies.risk_model.publish.model_card import model_card
from sartor.studies.risk_model.publish.regulatory import FOLDER, regulatory_document, regulatory_files
from sartor.studies.risk_model.publish.telling import Told
from sartor.studies.risk_model.publish.verdict import Verdict, judged


def publish(prepared: Prepared, fitted: Fitted, validation: Validation, around: Surroundings) -> Publication:
    """The report that a clinician reads, the model folder, out-of-fold predictions, the table of candidates."""
    told = Told(prepared, fitted, validation, around)
    verdict = judged(told)
    features = explanation_section.weighed(told)
    page = document(told, verdict, features)
    card = model_card(told, features, verdict, page)
    monitoring = monitoring_files(prepared, fitted, validation)
    policy = monitoring[POLICY]
    return Publication(
        validation=validation,
        document=page,
        card=card,
        files={**fitted.model.to_files(), **monitoring, **regulatory_files(told, verdict, policy)},
        predictions=predictions(told),
        tables={"candidates": _candidates(told), **_selection(told)},
        documents={f"model/{FOLDER}/index.html": regulatory_document(told, verdict, policy)},
    )


def document(told: Told, verdict: Verdict, features: tuple[Feature, ...]) -> Document:
    """The first minute, then the details in the order in which a doubter asks for them."""
    sections: tuple[Section | None, ...] = (
        summary.at_a_glance(told, verdict, features),
        cohort_sections.leaks_and_guesses(told),
        cohort_sections.people(told),
        candidate_sections.candidates(told),
        accuracy_sections.accuracy(told),
        accuracy_sections.usefulness(told),
        accuracy_sections.certainty(told),
        fairness_section.fairness(told),
        explanation_section.explanations(told, features),
        elsewhere_sections.elsewhere(told),
        elsewhere_sections.added_value(told),
        elsewhere_sections.upkeep(told),
        elsewhere_sections.limits(told),
        elsewhere_sections.provenance(told),
    )
    return Document(
        title=told.title,
        verdict=summary.verdict_lines(told, verdict),
        sections=tuple(each for each in sections if each is not None and each.blocks),
    )


def predictions(told: Told) -> dict[str, Any]:
    """Out-of-fold predictions of the pipeline in each repeat, with outcome and fold, by row."""
    prepared, fitted = told.prepared, told.fitted
    target = prepared.target
    columns: dict[str, Any] = {"id": np.array(prepared.ids, dtype=object)}
    if told.task is Task.CLASSIFICATION:
        columns["outcome"] = np.array([target.classes[int(value)] for value in target.values], dtype=object)
    else:
        columns["outcome"] = target.values
    if target.events is not None:
        columns["event"] = np.asarray(target.events)
    for repeat, fold in enumerate(fitted.folds):
        columns[f"fold:{repeat + 1}"] = np.asarray(fold)
        values = np.asarray(fitted.pipeline.predicted[min(repeat, len(fitted.pipeline.predicted) - 1)], float)
        if values.ndim == 1:
            columns[f"predicted:{repeat + 1}"] = values
            continue
        shown = (1,) if target.is_binary else range(values.shape[1])
        for k in shown:
            name = "predicted" if target.is_binary else f"probability:{target.classes[k]}"
            columns[f"{name}:{repeat + 1}"] = values[:, k]
    return columns


def _selection(told: Told) -> dict[str, dict[str, list[Any]]]:
    found = told.fitted.facts.get("selection")
    if not found:
        return {}
    names = ("name", "frequency", "kept_in_parts", "kept")
    return {"selection": {name: [each[name] for each in found["features"]] for name in names}}


def _candidates(told: Told) -> dict[str, list[Any]]:
    found = told.fitted.candidates
    scores = [np.asarray(each.scores, float) for each in found]
    known = [each[np.isfinite(each)] for each in scores]
    return {
        "candidate": [each.name for each in found],
        "status": [each.status for each in found],
        "reason": [each.reason for each in found],
        "complexity": [each.complexity for each in found],
        told.fitted.metric: [float(each.mean()) if len(each) else None for each in known],
        "spread": [float(each.std()) if len(each) else None for each in known],
        "cpu_s": [each.cpu_s for each in found],
        "wall_s": [each.wall_s for each in found],
    }
