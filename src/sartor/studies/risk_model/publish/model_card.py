"""The model's card: who it is for, what it predicts, how well, for whom not; values that were measured or stated."""

from __future__ import annotations

import re

from sartor._version import __version__
from sartor.domain.document import Document
from sartor.domain.model import Feature, ModelCard, Task
from sartor.domain.validation import Measure
from sartor.explaining.fairness import TOO_FEW
from sartor.studies.risk_model.card import CARD
from sartor.studies.risk_model.publish.checklist import probast_ai, sources, tripod_ai
from sartor.studies.risk_model.publish.summary import in_plain_words, predicts
from sartor.studies.risk_model.publish.telling import Told, say, worded, wording
from sartor.studies.risk_model.publish.verdict import Verdict

ON_CARD = frozenset(
    {
        "auroc",
        "auprc",
        "brier",
        "scaled_brier",
        "calibration_slope",
        "calibration_intercept",
        "ici",
        "ece",
        "observed_expected",
        "harrell_c",
        "uno_c",
        "integrated_brier",
        "r2",
        "mae",
        "rmse",
        "accuracy",
        "balanced_accuracy",
        "log_loss",
        "coverage",
        "net_benefit",
        "sensitivity",
        "specificity",
        "ppv",
        "npv",
        "selection_rate",
        "auc_at",
        "observed_expected_at",
        "ici_at",
    }
)


def model_card(told: Told, features: tuple[Feature, ...], verdict: Verdict, document: Document) -> ModelCard:
    """The card, with the reporting items and the self-assessment among its facts."""
    config, target, model = told.config, told.prepared.target, told.fitted.model
    return ModelCard(
        name=str(config.get("name") or _slug(document.title)),
        version=str(config.get("version") or "1"),
        title=document.title,
        study=CARD.name,
        task=told.task,
        learner=told.fitted.chosen,
        outcome=told.outcome,
        classes=tuple(target.classes),
        time_unit=str(config.get("time_unit") or target.unit) if told.task is Task.SURVIVAL else "",
        horizons=told.horizons if told.task is Task.SURVIVAL else (),
        unit=target.unit if told.task is Task.REGRESSION else "",
        intended_use=str(config.get("intended_use") or ""),
        not_for=not_for(told),
        features=features,
        covers=tuple(dict(each) for each in getattr(model, "covers", ())),
        n=len(target),
        n_events=_whole(told.validation.facts.get("n_events")),
        measures=measures(told),
        inputs=told.prepared.inputs,
        created=told.around.now,
        sartor_version=__version__,
        seed=told.prepared.seed,
        licence=str(config.get("licence") or ""),
        facts={
            "summary": [
                wording().say(each)
                for each in (worded(f"verdict.{verdict.key}"), predicts(told), *in_plain_words(told))
            ],
            "verdict": verdict.key,
            "reasons": [wording().say(worded(f"rule_failed.{rule.name}", **rule.values)) for rule in verdict.failed],
            "id": str(config.get("id") or ""),
            "better": str(config.get("better") or ""),
            "rules": [{"rule": r.name, "passed": r.passed, **r.values} for r in verdict.rules],
            "where": told.where,
            "headline": told.metric,
            "group_names": {m.group: told.group_name(m.group) for m in measures(told) if m.group},
            "thresholds": told.validation.facts.get("thresholds") or [],
            "guesses": [wording().say(each) for each in told.prepared.guesses],
            "tripod_ai": {number: dict(each) for number, each in tripod_ai(told, features, verdict).items()},
            "probast_ai": probast_ai(told),
            "sources": sources(),
        },
    )


def not_for(told: Told) -> tuple[str, ...]:
    """Uses that were ruled out, groups for which it does worse or nothing is known."""
    said = [str(each) for each in told.config.get("not_for") or ()]
    said.append(say("not_for.decisions"))
    said += [say("not_for.behind", group=group) for group in told.subjects("group_behind")]
    said += [say("not_for.misstated", group=group) for group in told.subjects("group_miscalibrated")]
    small = [m.group for m in told.validation.measures if m.note.startswith(TOO_FEW) and " & " not in m.group]
    said += [say("not_for.unknown", group=told.group_name(group)) for group in dict.fromkeys(small)]
    return tuple(said)


def measures(told: Told) -> tuple[Measure, ...]:
    """The pipeline's own, for everyone here and elsewhere, and by single groups the headline and the calibration."""
    chosen = []
    for m in told.validation.measures:
        if m.candidate != "pipeline" or m.name not in ON_CARD or " & " in m.group:
            continue
        by_group = m.name in (
            told.group_metric,
            "observed_expected",
            "calibration_slope",
            "coverage",
            "sensitivity",
            "selection_rate",
        )
        if not m.group or by_group:
            chosen.append(m)
    return tuple(chosen)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "model"
