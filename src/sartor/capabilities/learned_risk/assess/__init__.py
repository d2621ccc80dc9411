"""From facts to predictions: one finding for each model, not assessable where the model would not speak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from sartor.capabilities.learned_risk.assess.groups import measure_of_group, name_of, warnings_for
from sartor.capabilities.learned_risk.assess.verdict import READY, WITHHELD, in_words, verdict_of
from sartor.capabilities.learned_risk.gather import AGE, fact_name, source_of
from sartor.capabilities.learned_risk.model import Value, cohort, row
from sartor.capabilities.learned_risk.tables import CAPABILITY
from sartor.domain.code import SARTOR, Coded
from sartor.domain.cohort_table import Cohort
from sartor.domain.evidence import Evidence
from sartor.domain.finding import Certainty, Estimate, Finding, InputQuality, SourceStrength, Status
from sartor.domain.model import ModelCard, Predictions, PredictionStatus, Task
from sartor.domain.source import Knowledge, LearnedModel
from sartor.domain.validation import Measure
from sartor.explaining.attribution import ranked
from sartor.explaining.counterfactual import Counterfactual, counterfactuals
from sartor.knowledge import units

SHOWN = 6
HEADLINES = ("auroc", "harrell_c", "r2", "log_loss")
CALIBRATION = "calibration_slope"
KEY = "learned_risk.certainty"


def assess(evidence: Evidence, knowledge: Knowledge) -> Sequence[Finding]:
    """What each model says of this person."""
    return [_finding(evidence, handed) for handed in knowledge.models]


def _finding(evidence: Evidence, handed: LearnedModel) -> Finding:
    card = handed.card
    values = row(evidence.facts, card)
    names = {fact_name(card, feature) for feature in card.features}
    because = tuple(fact.name for fact in evidence.facts if fact.name in names)
    table = cohort([values], card)
    predicted: Predictions = handed.model.predict(table, ("patient",))
    found = _withheld(card, predicted)
    refused = found.status[0] is PredictionStatus.ABSTAINED
    about = Coded(system=f"{SARTOR}/model", code=f"{card.name}@{card.version}", label=card.title or card.outcome)
    details = _facts(card, values, found, handed.digest)
    if not refused:
        details |= _prediction(handed, table, values, found)
    return Finding(
        id=f"{CAPABILITY}/model/{card.name}/{card.version}",
        capability=CAPABILITY,
        kind="risk",
        about=about,
        context=_covered(card),
        status=Status.NOT_ASSESSABLE if refused else Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code=found.status[0].name.lower(), label=found.status[0].value),),
        estimate=None if refused else _estimate(handed, found),
        certainty=_certainty(card, predicted, values),
        because=because,
        details=details,
    )


def _withheld(card: ModelCard, found: Predictions) -> Predictions:
    """The same, but refused with the reason where the study itself says that its model must not be used."""
    if verdict_of(card) not in WITHHELD:
        return found
    verdict = f"the study that made this model says: {in_words(verdict_of(card))}"
    reasons = tuple("; ".join(filter(None, (verdict, each))) for each in found.reasons)
    return replace(found, status=(PredictionStatus.ABSTAINED,) * len(found.ids), reasons=reasons)


def _covered(card: ModelCard) -> tuple[Coded, ...]:
    """Whom the card covers, as contexts of the finding: "age 35–90 years", "sex female".

    A card that states no conditions covers the ages that it was trained on, as far as anyone knows.
    """
    by_name = {feature.name: feature for feature in card.features}
    ages: tuple[dict[str, JsonValue], ...] = tuple(
        {"feature": feature.name, "low": f"{feature.low:.3g}", "high": f"{feature.high:.3g}"}
        for feature in card.features
        if source_of(feature) == AGE and feature.low is not None and feature.high is not None
    )
    found = []
    for condition in card.covers or ages:
        name = str(condition["feature"])
        feature = by_name.get(name)
        label = (feature.label if feature else "") or name
        if isinstance(among := condition.get("in"), list):
            text = f"{label} {' / '.join(str(each) for each in among)}"
        else:
            low, high = (condition.get(key) for key in ("low", "high"))
            between = f"≥{low}" if high is None else f"≤{high}" if low is None else f"{low}–{high}"
            text = f"{label} {between} {units.shown(feature.unit) if feature else ''}".strip()
        found.append(Coded(system=f"{SARTOR}/model-covers", code=name, label=text))
    return tuple(found)


def _estimate(handed: LearnedModel, found: Predictions) -> Estimate:
    """Absolute risk where the model gives one, else the value itself, with its interval."""
    card = handed.card
    coverage = getattr(handed.model.conformal, "coverage", None)
    stated = None if card.task is Task.CLASSIFICATION else coverage  # bounds of a probability claim no coverage
    value, low, high = (float(each[0]) for each in (found.value, found.low, found.high))
    risks = [name for name in found.further if name.startswith("risk:")]
    if risks:
        risk = float(found.further[risks[0]][0])
        own = [found.further.get(risks[0].replace("risk:", f"risk_{side}:")) for side in ("low", "high")]
        between = [
            _known(_at_hazard(risk, bound / value) if each is None else float(each[0]))
            for each, bound in zip(own, (low, high), strict=True)
        ]
        horizon = f"{card.outcome} ({risks[0].partition(':')[2]} {card.time_unit})".strip()
        return Estimate(name=horizon, value=risk, unit="1", low=between[0], high=between[1], level=stated)
    unit = card.unit or "1"
    name = card.outcome if card.task is not Task.SURVIVAL else f"{card.outcome}, hazard against the model's reference"
    if likeliest := _likeliest(found):
        name = f"{card.outcome} = {likeliest}"
    return Estimate(name=name, value=value, unit=unit, low=_known(low), high=_known(high), level=stated)


def _likeliest(found: Predictions) -> str:
    """The class whose probability is told, where there are more than two; "" otherwise."""
    return str(found.further["class"][0]) if "class" in found.further else ""


def _at_hazard(risk: float, ratio: float) -> float:
    """The absolute risk at `ratio` times the hazard, hazards being proportional."""
    return 1 - (1 - risk) ** ratio if risk < 1 else 1.0


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _certainty(card: ModelCard, found: Predictions, values: dict[str, Value]) -> Certainty:
    """Strength by where the model was validated and by its verdict; quality by what the record lacks or is unusual."""
    external = any(each.where.startswith("external") for each in card.measures)
    reasons = [f"{KEY}.{'external' if external else 'internal'}"]
    verdict = verdict_of(card)
    if verdict != READY:
        reasons.append(f"{KEY}.{verdict}")
    strength = SourceStrength.MODERATE if external and verdict == READY else SourceStrength.WEAK
    missing = [feature for feature in card.features if feature.name not in values]
    quality = InputQuality.GOOD
    if found.status[0] is PredictionStatus.ABSTAINED:
        quality = InputQuality.ABSENT if not values else InputQuality.POOR
    elif any(feature.required for feature in missing):
        quality = InputQuality.POOR
        reasons.append(f"{KEY}.stand_in")
    elif missing:
        quality = InputQuality.REDUCED
        reasons.append(f"{KEY}.missing")
    elif found.status[0] is PredictionStatus.UNUSUAL:
        quality = InputQuality.REDUCED
    if found.status[0] is PredictionStatus.UNUSUAL:
        reasons.append(f"{KEY}.unusual")
    return Certainty(source_strength=strength, input_quality=quality, reasons=tuple(reasons))


def _facts(card: ModelCard, values: dict[str, Value], found: Predictions, digest: str) -> dict[str, JsonValue]:
    """What explains the finding whether or not the model speaks."""
    headline = _headline(card.measures)
    group = measure_of_group(card.measures, headline.name, values) if headline else None
    calibration = next(
        (
            _measure(each)
            for each in card.measures
            if each.name == CALIBRATION and not each.group and each.value is not None
        ),
        None,
    )
    missing = [feature.label or feature.name for feature in card.features if feature.name not in values]
    return {
        "model": card.name,
        "guideline": f"{card.name} {card.version}",
        "version": card.version,
        "digest": digest,
        "task": card.task.value,
        "outcome": card.outcome,
        "verdict": verdict_of(card),
        "status": found.status[0].value,
        "reason": found.reasons[0],
        "missing": list(missing),
        "n": card.n,
        "n_events": card.n_events,
        "not_for": list(card.not_for),
        "intended_use": card.intended_use,
        "headline": _measure(headline) if headline else None,
        "group": {**_measure(group), "group": name_of(group.group, card)} if group else None,
        "warned": warnings_for(card, values),
        "calibration": calibration,
    }


def _headline(measures: Sequence[Measure]) -> Measure | None:
    """The first headline measure that is for everyone, external before internal."""
    shown = [each for each in measures if each.name in HEADLINES and not each.group and each.value is not None]
    return min(shown, key=lambda one: (not one.where.startswith("external"), HEADLINES.index(one.name)), default=None)


def _measure(measure: Measure) -> dict[str, JsonValue]:
    kept = measure.model_dump(mode="json", include={"name", "where", "group", "value", "low", "high", "level", "n"})
    return dict(kept)


def _prediction(
    handed: LearnedModel, table: Cohort, values: dict[str, Value], found: Predictions
) -> dict[str, JsonValue]:
    card = handed.card
    contributions: list[JsonValue] = [
        {
            "fact": fact_name(card, feature),
            "feature": feature.label or feature.name,
            "value": _shown(values.get(feature.name), feature.unit),
            "weight": each.weight,
            "share": each.share,
        }
        for each in ranked(found, 0)
        for feature in card.features
        if feature.name == each.feature
    ]
    further = {name: _plain(column[0]) for name, column in found.further.items()}
    return {
        "prediction": float(found.value[0]),
        "low": _known(float(found.low[0])),
        "high": _known(float(found.high[0])),
        "margin": float(found.margin[0]),
        "base": float(found.base[0]),
        "average": _link(card.task, float(found.base[0])) if not card.classes or len(card.classes) == 2 else None,
        "further": further,
        "absolute": card.task is not Task.SURVIVAL or any(name.startswith("risk:") for name in found.further),
        "level": getattr(handed.model.conformal, "coverage", None),
        "better": _better(card),
        "contributions": contributions,
        "actionable": [feature.label or feature.name for feature in card.features if feature.actionable],
        "above_average": bool(found.margin[0] > found.base[0]),
        "counterfactuals": [_counterfactual(each, card) for each in _changes(handed, table)],
    }


def _better(card: ModelCard) -> str:
    """Whether a lower or a higher prediction is the better one; "" where the card of a value does not say."""
    stated = str(card.facts.get("better") or "")
    return stated or ("" if card.task is Task.REGRESSION else "lower")


def _changes(handed: LearnedModel, table: Cohort) -> tuple[Counterfactual, ...]:
    better = _better(handed.card)
    return counterfactuals(handed.model, table, raise_it=better == "higher") if better else ()


def _link(task: Task, margin: float) -> float:
    if task is Task.CLASSIFICATION:
        return 1 / (1 + math.exp(-margin))
    return math.exp(margin) if task is Task.SURVIVAL else margin


def _plain(value: Any) -> JsonValue:
    return value if isinstance(value, str) else _known(float(value))


def _shown(value: Value | None, unit: str) -> str:
    """A value as a reader writes it; "" where it is missing."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else f"{value:.4g}"
    return f"{text} {units.shown(unit)}".strip()


def _counterfactual(each: Counterfactual, card: ModelCard) -> JsonValue:
    by_name = {feature.name: feature for feature in card.features}
    changes: list[JsonValue] = [
        {
            "feature": by_name[change.feature].label or change.feature,
            "before": change.before,
            "after": change.after,
            "unit": units.shown(by_name[change.feature].unit),
        }
        for change in each.changes
    ]
    return {"changes": changes, "value": each.value, "reached": each.reached}
