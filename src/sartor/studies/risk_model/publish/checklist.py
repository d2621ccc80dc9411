"""The card's reporting items and self-assessment: filled from facts, else shown as missing with what to supply."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.model import Feature
from sartor.studies.risk_model.publish.telling import (
    Told,
    candidate_name,
    interval,
    name_of,
    percent,
    say,
)
from sartor.studies.risk_model.publish.verdict import Verdict

FILLED, MISSING, NOT_APPLICABLE = "filled", "missing", "not_applicable"
YES, PROBABLY_NO, NO, NOT_STATED = "yes", "probably no", "no", "not stated"
LEAKS = ("follow_up", "after_outcome", "time", "row_number", "identifier")
PROXIES = ("proxy", "target")


def tripod_ai(told: Told, features: tuple[Feature, ...], verdict: Verdict) -> dict[str, dict[str, str]]:
    """Number → item, answer, status, what to supply: all 52 sub-items, in order."""
    facts = _facts(told, features, verdict)
    stated = dict(told.config.get("statements") or {})
    found: dict[str, dict[str, str]] = {}
    for number, each in _table("tripod_ai")["items"].items():
        said = [str(stated.get(each.get("state", ""), "")), facts.get(each.get("fact", ""), "")]
        answer = " ".join(part for part in said if part)
        outside = bool(each.get("external")) and not told.prepared.sites
        status = NOT_APPLICABLE if outside else FILLED if answer else MISSING
        supply = "" if status != MISSING else say("supply", what=each.get("supply", each["item"]))
        if status == MISSING and each.get("state"):
            supply = say("supply_as", what=each.get("supply", each["item"]), key=each["state"])
        found[number] = {
            "item": each["item"],
            "answer": say("no_other_data") if outside else answer,
            "status": status,
            "supply": supply,
        }
    return found


def probast_ai(told: Told) -> dict[str, dict[str, Any]]:
    """Domain → its questions with answers, and a rating: high where one is no, unclear where one is not stated."""
    stated = dict(told.config.get("statements") or {})
    answers = _answers(told)
    found: dict[str, dict[str, Any]] = {}
    for domain, questions in _table("probast_ai")["domains"].items():
        rows = []
        for each in questions:
            if "rule" in each:
                answer, because = answers[each["rule"]]
            else:
                given = str(stated.get(each["state"], ""))
                answer, because = (say("judge"), given) if given else (NOT_STATED, say("state_it", key=each["state"]))
            rows.append({"question": each["question"], "answer": answer, "because": because})
        found[domain] = {"questions": rows, "rating": _rating([row["answer"] for row in rows])}
    return found


def sources() -> list[str]:
    """Where the items come from."""
    return [str(_table(name)["source"]) for name in ("tripod_ai", "probast_ai")]


def statements() -> frozenset[str]:
    """The keys of [statements] that fill an item."""
    items = _table("tripod_ai")["items"].values()
    return frozenset(each["state"] for each in items if "state" in each)


def _rating(answers: list[str]) -> str:
    if NO in answers:
        return say("rating.high")
    return say("rating.unclear") if set(answers) - {YES} else say("rating.low")


@cache
def _table(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8"))


def _facts(told: Told, features: tuple[Feature, ...], verdict: Verdict) -> dict[str, str]:
    """What is known, by the name that the table of items uses; only what was measured or stated."""
    prepared, fitted = told.prepared, told.fitted
    events = told.validation.facts.get("n_events")
    n = f"{len(prepared.target):,}"
    learners = [candidate_name(each.name) for each in fitted.candidates]
    headline = told.measure(told.metric)
    facts = {
        "title": str(told.config.get("title") or say("title", outcome=told.outcome)),
        "summary": say("fact.summary"),
        "intended_use": str(told.config.get("intended_use") or ""),
        "objectives": say("fact.objectives_both" if prepared.sites else "fact.objectives"),
        "preparation": say("fact.preparation", checks=len(prepared.checks)),
        "outcome": told.outcome,
        "initial_predictors": say("fact.initial_predictors", n=len(features)),
        "predictors": say("fact.predictors", n=len(features)),
        "missing_data": _missing(told, features),
        "partition": _partition(told),
        "encoding": say("fact.encoding"),
        "building": say("fact.building", learners=learners, chosen=candidate_name(fitted.chosen)),
        "measures": say("fact.measures", names=[name_of(each) for each in _measured(told)]),
        "updating": say("fact.updating"),
        "prediction": say("fact.prediction"),
        "imbalance": say("fact.imbalance"),
        "output": _output(told),
        "code": say("fact.code"),
        "flow": say("fact.flow", n=n, quarantined=f"{len(prepared.cohort.quarantined):,}"),
        "characteristics": say("fact.characteristics"),
        "counts": say("fact.counts", n=n, events=f"{events:,}" if isinstance(events, int) else "–"),
        "model": say("fact.model"),
        "performance": f"{name_of(told.metric)} {interval(headline)}" if headline else "",
        "interpretation": "",
        "limitations": say("fact.limitations"),
        "poor_input": say("fact.poor_input"),
        "next_steps": say(f"next.{verdict.key}"),
    }
    size = next((check.detail for check in told.validation.checks if check.name == "sample_size"), "")
    facts["sample_size"] = size
    if where := told.config.get("where"):
        facts["eligibility"] = say("fact.where", columns=list(where))
    if any(m.group for m in told.validation.measures):
        facts["fairness_methods"] = say("fact.fairness")
    if prepared.sites:
        sites = [f"{site.name} ({len(site.target):,})" for site in prepared.sites]
        facts["clusters"] = facts["shift"] = say("fact.sites", sites=sites)
    return {key: value for key, value in facts.items() if value}


def _missing(told: Told, features: tuple[Feature, ...]) -> str:
    gaps = [each for each in features if each.missing > 0]
    worst = max((each.missing for each in gaps), default=0.0)
    return say("fact.missing", n=len(gaps), worst=percent(worst, 1)) if gaps else say("fact.nothing_missing")


def _partition(told: Told) -> str:
    folds, repeats = int(told.fitted.folds.max()) + 1, len(told.fitted.folds)
    if told.where == "temporal":
        return say("scheme.temporal")
    grouped = told.prepared.groups is not None
    return say("scheme.folds", folds=folds, repeats=repeats) + (f"; {say('scheme.grouped')}" if grouped else "")


def _measured(told: Told) -> list[str]:
    own = (m.name.partition(":")[0] for m in told.validation.measures if m.candidate == "pipeline" and not m.group)
    return list(dict.fromkeys(own))[:12]


def _output(told: Told) -> str:
    limits = told.validation.facts.get("thresholds")
    said = say(f"fact.output_{told.task.value}")
    if isinstance(limits, list) and limits:
        said += " " + say("fact.thresholds", thresholds=[f"{100 * float(str(each)):g} %" for each in limits])
    return said


def _answers(told: Told) -> dict[str, tuple[str, str]]:
    """Rule → answer and its ground."""
    checks = told.validation.checks
    failed = {each.name: each for each in checks if not each.passed}
    leaky = [each for name, each in failed.items() if any(mark in name for mark in LEAKS)]
    proxies = [each for name, each in failed.items() if any(mark in name for mark in PROXIES)]
    size = next((each for each in checks if each.name == "sample_size"), None)
    calibrated = told.measure("calibration_slope") or told.measure("ici") or told.curve("calibration")
    grouped = any(m.group and m.candidate == "pipeline" for m in told.validation.measures)
    repeated = told.prepared.groups is not None
    return {
        "represented": (YES if grouped else NOT_STATED, say("because.groups" if grouped else "because.no_groups")),
        "no_leak": (PROBABLY_NO, "; ".join(each.detail for each in leaky)) if leaky else (YES, say("because.no_leak")),
        "no_proxy": (PROBABLY_NO, "; ".join(e.detail for e in proxies)) if proxies else (YES, say("because.no_leak")),
        "sample_size": (YES if size.passed else NO, size.detail) if size else (NOT_STATED, say("because.no_size")),
        "missing_inside": (YES, say("because.inside")),
        "nested": (YES, say("because.nested")),
        "grouped": (YES, say("because.grouped")) if repeated else (NOT_STATED, say("because.no_person")),
        "measured": (YES, say("because.measured")) if calibrated else (NO, say("because.not_measured")),
        "imbalance": (YES, say("because.imbalance")),
        "by_group": (YES, say("because.groups")) if grouped else (NO, say("because.no_groups")),
        "external": (YES, say("because.external")) if told.prepared.sites else (NO, say("because.no_external")),
    }
