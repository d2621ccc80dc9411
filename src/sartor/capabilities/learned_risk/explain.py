"""Why a model predicts what it predicts for this person, what would change it, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sartor.capabilities.learned_risk.assess.verdict import EXTERNAL_NEXT, READY, UNSTATED, WITHHELD
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Contribution, Explanation, Wording
from sartor.domain.finding import Finding, Status

NAME = "learned_risk"
SHOWN = 4
LEAST_SHARE = 0.02
WITHOUT_MARK = frozenset({READY, EXTERNAL_NEXT, UNSTATED})
"""Verdicts that the limits tell, but not the headline."""
UNITS = {"classification": "log odds", "survival": "log hazard ratio"}
PERCENT = {"auroc": "auroc", "harrell_c": "harrell_c", "r2": "r2"}


def explain(evidence: Evidence, finding: Finding) -> Explanation:
    """The finding's reasons, for the clinician and for the patient."""
    details: Mapping[str, Any] = finding.details
    if finding.status is Status.NOT_ASSESSABLE:
        return _silent(finding, details)
    estimate = finding.estimate
    assert estimate is not None
    shown = {"outcome": estimate.name, "value": _value(estimate.value, details), "model": finding.about.label}
    interval = _interval(finding, details)
    clinician = [_say("clinician.prediction", **shown, interval=interval, n=_count(details["n"]))]
    if details["task"] == "survival" and details["absolute"]:
        clinician.append(_say("clinician.relative", ratio=_figure(details["prediction"])))
    elif details["average"] is not None and details["task"] != "survival":
        clinician.append(_say("clinician.average", average=_value(details["average"], details)))
    clinician += _classes(details)
    clinician += [_say("clinician.warned", warning=each) for each in details["warned"]]
    clinician += _reasons(details)
    clinician += _set(details)
    if details["reason"]:
        clinician.append(_say("clinician.unusual", reason=details["reason"]))
    return Explanation(
        finding=finding.id,
        headline=_headline(details, **shown, interval=interval),
        clinician=tuple(clinician),
        patient=_for_patient(finding, details),
        contributions=tuple(_contribution(each, details) for each in details["contributions"]),
        would_change=_changes(details),
        limits=_limits(details),
    )


def _headline(details: Mapping[str, Any], **shown: Any) -> Wording:
    """The prediction, with the verdict on its model unless that is a good one."""
    if details["verdict"] in WITHOUT_MARK:
        return _say("headline.prediction", **shown)
    return _say("headline.not_ready", **shown, verdict=_nested(f"verdict.{details['verdict']}"))


def _silent(finding: Finding, details: Mapping[str, Any]) -> Explanation:
    unfit = details["verdict"] in WITHHELD
    return Explanation(
        finding=finding.id,
        headline=_say("headline.silent", model=finding.about.label),
        clinician=(_say("clinician.silent", reason=details["reason"]),),
        patient=(_say("patient.unfit" if unfit else "patient.silent", outcome=details["outcome"]),),
        would_change=(_say("change.data", missing=details["missing"]),) if details["missing"] and not unfit else (),
        limits=_limits(details),
    )


def _interval(finding: Finding, details: Mapping[str, Any]) -> dict[str, Any]:
    """What stands after the value: its interval, or that there is none."""
    estimate = finding.estimate
    if estimate is None or estimate.low is None or estimate.high is None:
        return _nested("interval.none")
    low, high = _value(estimate.low, details), _value(estimate.high, details)
    if details["task"] == "classification":
        return _nested("interval.bounds", low=low, high=high)
    if details["level"]:
        return _nested("interval.level", low=low, high=high, level=_percent(details["level"]))
    return _nested("interval.between", low=low, high=high)


def _reasons(details: Mapping[str, Any]) -> list[Wording]:
    said = []
    for key, sign in (("raises", 1), ("lowers", -1)):
        parts = [
            _nested(
                "part.known" if each["value"] else "part.missing", feature=each["feature"], value=each["value"] or "-"
            )
            for each in details["contributions"]
            if each["weight"] * sign > 0 and each["share"] >= LEAST_SHARE
        ]
        if parts:
            said.append(_say(f"clinician.{key}", parts=parts[:SHOWN]))
    return said


def _classes(details: Mapping[str, Any]) -> list[Wording]:
    """Every outcome with its probability, where there are more than two."""
    if "class" not in details["further"]:
        return []
    each = {
        name.partition(":")[2]: value
        for name, value in details["further"].items()
        if name.startswith("probability:") and isinstance(value, float)
    }
    ordered = sorted(each.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [_nested("part.class", label=label, value=_percent(value)) for label, value in ordered]
    return [_say("clinician.classes", parts=parts)] if parts else []


def _set(details: Mapping[str, Any]) -> list[Wording]:
    classes = details["further"].get("set")
    if not isinstance(classes, str) or details["task"] != "classification":
        return []
    found = [each for each in classes.split("|") if each]
    if len(found) == 1:
        return [_say("clinician.set_one", outcome=details["outcome"], label=found[0])]
    return [
        _say("clinician.set_many" if found else "clinician.set_none", outcome=details["outcome"], labels=found or ["-"])
    ]


def _for_patient(finding: Finding, details: Mapping[str, Any]) -> tuple[Wording, ...]:
    estimate = finding.estimate
    assert estimate is not None
    said = [_say("patient.compared", n=_count(details["n"]))]
    if not details["absolute"]:
        said.append(_say("patient.relative", outcome=details["outcome"]))
    elif details["task"] == "regression":
        said.append(_say("patient.value", outcome=estimate.name, value=_value(estimate.value, details)))
    else:
        said.append(_say("patient.risk", outcome=estimate.name, of_hundred=_of_hundred(estimate.value)))
    if details["verdict"] not in WITHOUT_MARK:
        said.append(_say("patient.not_ready"))
    return (*said, _say("patient.not_certain"))


def _changes(details: Mapping[str, Any]) -> tuple[Wording, ...]:
    if not details["actionable"]:
        return (_say("change.nothing_actionable"),)
    if not details["better"]:
        return (_say("change.no_direction"),)
    if details["above_average"] is (details["better"] == "higher"):
        return (_say("change.better_already"),)
    if not details["counterfactuals"]:
        return (_say("change.none"),)
    said = []
    for each in details["counterfactuals"]:
        parts = [
            _nested(
                "part.change",
                feature=c["feature"],
                before=c["before"],
                after=f"{c['after']} {c['unit']}".strip(),
            )
            for c in each["changes"]
        ]
        said.append(_say("change.would", parts=parts, value=_value(each["value"], details, relative=True)))
    return (*said, _say("change.no_cause"))


def _limits(details: Mapping[str, Any]) -> tuple[Wording, ...]:
    said = [] if details["verdict"] == READY else [_verdict(details["verdict"])]
    for key in ("headline", "group"):
        measure = details[key]
        if measure and measure["value"] is not None:
            known = measure["low"] is not None and measure["high"] is not None
            between = (
                _nested("interval.between", low=_figure(measure["low"]), high=_figure(measure["high"]))
                if known
                else (_nested("interval.none"))
            )
            where = _nested(
                "where.external" if measure["where"].startswith("external") else "where.internal",
                where=measure["where"].partition(":")[2] or "-",
                n=_count(measure["n"]),
            )
            name = PERCENT.get(measure["name"], "other")
            values = {"measure": _nested(f"measure.{name}"), "value": _figure(measure["value"]), "interval": between}
            said.append(_say(f"limit.{key}", **values, where=where, group=measure["group"] or "-"))
    if calibration := details["calibration"]:
        said.append(_say("limit.calibration", value=_figure(calibration["value"])))
    if details["headline"] is None:
        said.append(_say("limit.not_validated"))
    elif details["group"] is None:
        said.append(_say("limit.no_group"))
    if details["task"] == "classification" and details.get("low") is not None:
        said.append(_say("limit.bounds"))
    if details["not_for"]:
        said.append(_say("limit.not_for", uses=details["not_for"]))
    if details["missing"]:
        said.append(_say("limit.missing", missing=details["missing"]))
    return (*said, _say("limit.association"))


def _verdict(verdict: str) -> Wording:
    if verdict == UNSTATED:
        return _say("limit.no_verdict")
    return _say("limit.verdict", verdict=_nested(f"verdict.{verdict}"))


def _contribution(each: Mapping[str, Any], details: Mapping[str, Any]) -> Contribution:
    key = "part.known" if each["value"] else "part.missing"
    wording = Wording(key=f"{NAME}.{key}", values={"feature": each["feature"], "value": each["value"] or "-"})
    unit = UNITS.get(details["task"], "")
    return Contribution(fact=each["fact"], weight=each["weight"], unit=unit, wording=wording)


def _say(key: str, **values: Any) -> Wording:
    return Wording(key=f"{NAME}.{key}", values=values)


def _nested(key: str, **values: Any) -> dict[str, Any]:
    return {"key": f"{NAME}.{key}", "values": values}


def _value(value: float, details: Mapping[str, Any], *, relative: bool = False) -> str:
    """A probability as a percentage, a relative hazard as a factor, anything else as a figure."""
    if details["task"] == "survival" and (relative or not details["absolute"]):
        return f"{_figure(value)} ×"
    if details["task"] == "regression":
        return _figure(value)
    return _percent(value)


def _percent(value: float) -> str:
    if value in (0.0, 1.0):
        return f"{100 * value:.0f} %"
    if value < 0.001:
        return "<0.1 %"
    if value > 0.999:
        return ">99.9 %"
    return f"{100 * value:.1f} %" if value < 0.1 or value > 0.9 else f"{100 * value:.0f} %"


def _of_hundred(value: float) -> str:
    count = round(100 * value)
    return str(count) if 0 < count < 100 else ("<1" if count == 0 else ">99")


def _figure(value: float) -> str:
    return f"{value:.3g}"


def _count(n: int) -> str:
    return f"{n:,}"
