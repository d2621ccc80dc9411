"""Why a computed dose is what it is: what each input adds, exactly; what was assumed; what would change it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.explain.sentences import factor_wording
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Contribution, Explanation, Wording
from sartor.domain.finding import ActionKind, Finding, Status

PREFIX: Final = "pharmacogenomics.dosing"
_WITH_UNIT: Final = ("age_years", "height_cm", "weight_kg", "body_surface")


def explain_dose(evidence: Evidence, finding: Finding) -> Explanation:
    """The reasons of one finding of kind "dose".

    For an equation the contributions are additive on the scale of the predictor (square root or natural logarithm
    of mg per week or day), measured against a reference person: baseline + sum of weights = predictor.
    """
    if finding.status is not Status.ASSESSED:
        return _not_assessable(finding)
    if "equation" in finding.details:
        return _equation(evidence, finding)
    return _factor(finding)


def _say(key: str, **values: JsonValue) -> Wording:
    return Wording(key=f"{PREFIX}.{key}", values=dict(values))


def _inner(key: str, **values: JsonValue) -> JsonValue:
    """A wording inside a wording."""
    return {"key": f"{PREFIX}.{key}", "values": dict(values)}


def _number(value: float) -> str:
    """Milligrams as a clinician writes them: one decimal, none for whole numbers."""
    return f"{value:.1f}".removesuffix(".0")


def _timing(finding: Finding, key: str) -> str:
    return f"{key}-{'current' if finding.concerns_current else 'other'}"


def _not_assessable(finding: Finding) -> Explanation:
    drug = finding.about.label
    names: JsonValue = [_inner(f"input.{_slug(str(name))}") for name in _list(finding.details["missing"])]
    return Explanation(
        finding=finding.id,
        headline=_say("headline-missing", drug=drug.capitalize(), missing=names),
        clinician=(_say("missing", drug=drug, missing=names),),
        patient=(_say("patient-missing", drug=drug),),
        would_change=(_say("change-missing", missing=names),),
    )


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _slug(name: str) -> str:
    return name.replace(".", "-").replace("_", "-")


# doses from an equation


def _equation(evidence: Evidence, finding: Finding) -> Explanation:
    estimate = finding.estimate
    assert estimate is not None
    low, high = estimate.low or 0.0, estimate.high or 0.0
    week = {"dose": _number(estimate.value), "low": _number(low), "high": _number(high)}
    day = {"day": _number(estimate.value / 7), "day_low": _number(low / 7), "day_high": _number(high / 7)}
    drug, details = finding.about.label, finding.details
    method = _inner(f"method.{details['equation']}")
    percent = f"{100 * (estimate.level or 0):.0f}"
    return Explanation(
        finding=finding.id,
        headline=_say("headline", drug=drug.capitalize(), **week, day=day["day"]),
        clinician=(
            _say("result", drug=drug, method=method, percent=percent, **week, **day),
            _say("maintenance", drug=drug),
            *_effects(details),
            *_open(finding),
        ),
        patient=(_say(_timing(finding, "patient"), drug=drug), _say("patient-safety", drug=drug)),
        contributions=tuple(_contributions(evidence, details)),
        would_change=tuple(_would_change(details)),
        limits=tuple(_limits(finding)),
    )


def _effects(details: Mapping[str, Any]) -> Iterator[Wording]:
    """The inputs that matter most, as a change of the dose in per cent against the reference person."""
    shown = sorted(details["effects"], key=lambda each: -abs(each["effect"]))
    parts: list[JsonValue] = [
        _inner(
            "effect-up" if change > 0 else "effect-down",
            input=_inner(f"input.{_slug(each['input'])}"),
            value=_value(each["input"], each["value"]),
            percent=f"{abs(change):.0f}",
        )
        for each in shown
        if abs(change := _percent(details, each["effect"])) >= 1
    ]
    reference: list[JsonValue] = [
        _inner("reference", input=_inner(f"input.{_slug(name)}"), value=_value(name, value))
        for name, value in details["references"].items()
    ]
    yield _say("effects", effects=parts, reference=reference) if parts else _say("effects-none")


def _percent(details: Mapping[str, Any], effect: float) -> float:
    """How much the dose differs, in per cent, from what it were without this effect."""
    predictor = details["predictor"]
    if details["scale"] == "exponential":
        return 100 * math.expm1(effect)
    without = max(float(predictor) - effect, 0.0)
    if not without:
        return 0.0
    ratio = max(float(predictor), 0.0) / without
    return 100 * (ratio * ratio - 1)


def _value(name: str, value: float | str) -> JsonValue:
    if name in ("amiodarone", "inducer", "smoker", "thrombosis", "african_american"):
        return _inner("yes" if value else "no")
    if isinstance(value, str):
        return _inner("unknown") if value.lower() == "unknown" else value
    if name == "age_decades":
        return _inner("value.age-decades", low=_number(10 * value), high=_number(10 * value + 9))
    return _inner(f"value.{_slug(name)}", value=_number(value)) if name in _WITH_UNIT else _number(value)


def _contributions(evidence: Evidence, details: Mapping[str, Any]) -> Iterator[Contribution]:
    unit = "ln(mg/d)" if details["scale"] == "exponential" else "sqrt(mg/wk)"
    for each in details["effects"]:
        change = _percent(details, each["effect"])
        fact = each["fact"] if each["fact"] and evidence.get(each["fact"]) else each["input"]
        said = _say(
            "effect-up" if change > 0 else "effect-down" if change < 0 else "effect-none",
            input=_inner(f"input.{_slug(each['input'])}"),
            value=_value(each["input"], each["value"]),
            percent=f"{abs(change):.0f}",
        )
        yield Contribution(fact=fact, weight=each["effect"], unit=unit, wording=said)


def _open(finding: Finding) -> Iterator[Wording]:
    details: Mapping[str, Any] = finding.details
    if details["unknown"]:
        yield _say("open-genes", genes=details["unknown"])
    if details["uncovered"]:
        yield _say("open-alleles", alleles=details["uncovered"])
    if details["candidates"] > 1:
        yield _say("open-candidates", count=details["candidates"])
    if details["assumed"]:
        assumed = [_inner(f"assumed.{_slug(name)}", value=_number(value)) for name, value in details["assumed"].items()]
        yield _say("open-assumed", inputs=assumed)
    if details["outside"]:
        yield _say("open-outside", inputs=[_inner(f"input.{_slug(name)}") for name in details["outside"]])


def _would_change(details: Mapping[str, Any]) -> Iterator[Wording]:
    for each in details["alternatives"]:
        name = each["input"]
        key = {"vkorc1": "change-known", "cyp2c9": "change-known"}.get(name)
        key = key or ("change-without" if name in ("amiodarone", "inducer") else "change-known")
        single = key == "change-without"
        values: dict[str, JsonValue] = {"input": _inner(f"input.{_slug(name)}"), "low": _number(each["low"])}
        if not single:
            values["high"] = _number(each["high"])
        yield _say(key, **values)


def _limits(finding: Finding) -> Iterator[Wording]:
    yield _say("limit-inr", drug=finding.about.label)
    if any(reason.endswith("ancestry-less-accurate") for reason in finding.certainty.reasons):
        yield _say("ancestry-less-accurate")


# doses as a multiple of the usual one


def _factor(finding: Finding) -> Explanation:
    details: Mapping[str, Any] = finding.details
    drug, kind = finding.about.label, finding.action.kind
    multiple = _multiple(finding)
    head = {"drug": drug.capitalize(), "multiple": multiple}
    key = "factor-headline"
    if kind is ActionKind.STANDARD:
        key = "factor-headline-standard"
    elif kind in (ActionKind.AVOID, ActionKind.ALTERNATIVE):
        key = "factor-headline-avoid" if finding.action.dose_factor != (0.0, 0.0) else "factor-headline-none"
    genes: list[JsonValue] = [
        _inner("factor-gene", gene=gene, keys=keys) for gene, keys in details["keys"].items() if keys
    ]
    clinician = [_say("factor-basis", genes=genes)]
    if finding.action.dose_factor == (0.0, 0.0):
        clinician.append(_say("factor-none", drug=drug))
    elif kind is ActionKind.STANDARD:
        clinician.append(_say("factor-standard", drug=drug))
    else:
        clinician += [_say("factor", drug=drug, multiple=multiple), *_amounts(finding)]
    clinician += [_say(f"note-{note}", start=start) for note, start in details["notes"].items()]
    if details["unknown"]:
        clinician.append(_say("factor-unknown", genes=details["unknown"]))
    standard = "factor-patient-standard" if kind is ActionKind.STANDARD else "patient"
    if kind is ActionKind.STANDARD and details["unknown"]:
        standard = "factor-patient-unknown"
    return Explanation(
        finding=finding.id,
        headline=_say(key, **head),
        clinician=tuple(clinician),
        patient=(_say(_timing(finding, standard), drug=drug), _say("patient-safety", drug=drug)),
        contributions=tuple(Contribution(fact=f"gene.{gene}.call") for gene, keys in details["keys"].items() if keys),
        would_change=tuple(_say("factor-change", gene=gene, drug=drug) for gene in details["unknown"]),
        limits=(_say("factor-limit", drug=drug),),
    )


def _multiple(finding: Finding) -> JsonValue:
    """The factor in words: "30 % to 80 % of", "1.5 to 2 times"; its upper bound where the medicine is to be avoided."""
    low, high = finding.action.dose_factor or (1.0, 1.0)
    return factor_wording((high if finding.action.kind is ActionKind.AVOID else low, high)).model_dump()


def _amounts(finding: Finding) -> Iterator[Wording]:
    """Milligrams for this person's weight, where usual or greatest dose are stated per kilogram."""
    parameters: Mapping[str, Any] = finding.action.parameters
    drug = finding.about.label
    if dose := parameters.get("dose_per_day_mg"):
        low, high = (_number(each) for each in dose)
        usual_low, usual_high = (_number(each) for each in parameters["usual_dose_per_day_mg"])
        usual = _say("amount" if usual_low == usual_high else "amount-range", low=usual_low, high=usual_high)
        amount = _say("amount" if low == high else "amount-range", low=low, high=high)
        yield _say("factor-amount", drug=drug, amount=amount.model_dump(), usual=usual.model_dump())
    if maximum := parameters.get("maximum_dose_per_day_mg"):
        yield _say("factor-maximum", maximum=_number(maximum), rate=finding.action.maximum_dose)
    elif finding.action.maximum_dose:
        yield _say("factor-maximum-rate", rate=finding.action.maximum_dose)
    if days := parameters.get("days_per_week"):
        yield _say("factor-days", days=days)
