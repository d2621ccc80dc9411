"""The card's reporting items and self-assessment: filled from facts, else shown as missing with what to supply."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from sartor.domain.cohort_table import ColumnKind
from sartor.domain.model import Feature, Task
from sartor.learning.stages import Site
from sartor.studies.risk_model.publish.telling import (
    Told,
    candidate_name,
    interval,
    name_of,
    percent,
    say,
)
from sartor.studies.risk_model.publish.verdict import CALIBRATION, Verdict

FILLED, MISSING, NOT_APPLICABLE = "filled", "missing", "not_applicable"
YES, PROBABLY_YES, PROBABLY_NO, NO, NOT_STATED = "yes", "probably yes", "probably no", "no", "not stated"
BY_CONSTRUCTION = "by construction"
SOUND = frozenset({YES, PROBABLY_YES, BY_CONSTRUCTION})
KINDS = {
    "known_at_use": ("after_outcome", "telling_missingness"),
    "no_proxy": ("target_proxy",),
    "no_mark": ("identifier", "site_artefact"),
}
"""Which kinds of leak (learning.leaks.KINDS) bear on which question."""
REPRESENTED = (0.8, 1.25)
LEVEL = (0.9, 1.1)
DIFFERING = 4


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
    """Domain → questions, answers and rating: high where one is (probably) no, unclear where one is not stated."""
    stated = dict(told.config.get("statements") or {})
    answers = _answers(told)
    found: dict[str, dict[str, Any]] = {}
    for domain, questions in _table("probast_ai")["domains"].items():
        rows, rated = [], []
        for each in questions:
            if "rule" in each:
                answer, because = answers[each["rule"]]
                if answer == BY_CONSTRUCTION:
                    because += f" ({say('held_by', tests=list(each['tests']))})"
            else:
                given = str(stated.get(each["state"], ""))
                answer, because = (say("judge"), given) if given else (NOT_STATED, say("state_it", key=each["state"]))
            rows.append({"question": each["question"], "answer": answer, "because": because})
            rated += [] if each.get("unrated") else [answer]
        found[domain] = {"questions": rows, "rating": _rating(rated)}
    return found


def sources() -> list[str]:
    """Where the items come from."""
    return [str(_table(name)["source"]) for name in ("tripod_ai", "probast_ai")]


def statements() -> frozenset[str]:
    """The keys of [statements] that fill an item or a question."""
    items = list(_table("tripod_ai")["items"].values())
    items += [each for questions in _table("probast_ai")["domains"].values() for each in questions]
    return frozenset(each["state"] for each in items if "state" in each)


def _rating(answers: list[str]) -> str:
    if NO in answers or PROBABLY_NO in answers:
        return say("rating.high")
    return say("rating.unclear") if set(answers) - SOUND else say("rating.low")


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
        "title": told.title,
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
        "imbalance": say("fact.imbalance") if told.task is Task.CLASSIFICATION else say("because.no_classes"),
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
        facts["clusters"] = say("fact.sites", sites=sites)
        facts["shift"] = " ".join(_shift(told, site) for site in prepared.sites)
    return {key: value for key, value in facts.items() if value}


def _shift(told: Told, site: Site) -> str:
    """What sets the site's people apart: those unlike the training rows, and the inputs that differ most."""
    unlike = told.measure("unusual_share", where=f"external:{site.name}")
    apart = []
    for column in told.prepared.cohort.columns:
        if column.kind is ColumnKind.CATEGORY or column.name not in site.cohort:
            continue
        here, there = (np.asarray(each.values, float) for each in (column, site.cohort.column(column.name)))
        here, there = here[np.isfinite(here)], there[np.isfinite(there)]
        if len(here) and len(there) and here.std() > 0:
            apart.append((float((there.mean() - here.mean()) / here.std()), column.name))
    apart.sort(key=lambda each: (-abs(each[0]), each[1]))
    differing = [f"{told.column_name(name)} ({value:+.2f})".replace("-", "−") for value, name in apart[:DIFFERING]]
    return say("fact.shift", site=site.name, unlike=percent(unlike.value if unlike else None, 1),
               differing=differing or "–")  # fmt: skip


def _missing(told: Told, features: tuple[Feature, ...]) -> str:
    gaps = [each for each in features if each.missing > 0]
    worst = max((each.missing for each in gaps), default=0.0)
    return say("fact.missing", n=len(gaps), worst=percent(worst, 1)) if gaps else say("fact.nothing_missing")


def _partition(told: Told) -> str:
    folds, repeats = int(told.fitted.folds.max()) + 1, len(told.fitted.folds)
    if told.where == "temporal":
        return say("scheme.temporal")
    grouped = told.prepared.groups is not None
    return say("scheme.folds" if repeats > 1 else "scheme.once", folds=folds, repeats=repeats) + (
        f"; {say('scheme.grouped')}" if grouped else ""
    )


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
    """Rule → answer and its ground, from what this run measured; what only the software's make answers says so."""
    size = next((each for each in told.validation.checks if each.name == "sample_size"), None)
    grouped = told.groups_judged
    return {
        **{rule: _looked_for(told, kinds) for rule, kinds in KINDS.items()},
        "represented": _represented(told),
        "sample_size": (YES if size.passed else NO, size.detail) if size else (NOT_STATED, say("because.no_size")),
        "missing_inside": _gaps(told),
        "nested": _nested(told),
        "grouped": _grouped(told),
        "measured": _both_measured(told),
        "imbalance": _imbalance(told),
        "by_group": (YES, say("because.groups")) if grouped else (NO, say("because.no_groups")),
        "external": (YES, say("because.external")) if told.prepared.sites else (NO, say("because.no_external")),
    }


def _looked_for(told: Told, kinds: tuple[str, ...]) -> tuple[str, str]:
    """Probably no where one was found, even if let pass; probably yes where each was looked for; else not stated."""
    own = [each for each in told.prepared.checks if each.name in kinds]
    found = [each for each in own if not each.passed]
    if found:
        return PROBABLY_NO, "; ".join(f"{each.subject or told.check_name(each.name)}: {each.detail}" for each in found)
    if {each.name for each in own} >= set(kinds):
        return PROBABLY_YES, say("because.looked_for", kinds=[told.check_name(kind).lower() for kind in kinds])
    return NOT_STATED, say("because.not_looked_for")


def _represented(told: Told) -> tuple[str, str]:
    ratios = [m for m in told.validation.measures if m.name == "representation_ratio" and m.value is not None]
    if not ratios:
        return NOT_STATED, say("because.no_reference")
    off = [told.group_name(m.group) for m in ratios if not REPRESENTED[0] <= (m.value or 0.0) <= REPRESENTED[1]]
    return (PROBABLY_NO, say("because.misrepresented", groups=off)) if off else (YES, say("because.represented"))


def _gaps(told: Told) -> tuple[str, str]:
    gaps = sum(bool(column.missing.any()) for column in told.prepared.cohort.columns)
    return (BY_CONSTRUCTION, say("because.inside", n=gaps)) if gaps else (YES, say("because.no_gaps"))


def _nested(told: Told) -> tuple[str, str]:
    """Yes where a choice was recorded in every training part of this run."""
    parts, made = len(np.unique(told.fitted.folds[told.fitted.folds >= 0])), len(told.fitted.chosen_in_fold)
    if told.fitted.chosen_in_fold and made >= parts:
        return YES, say("because.nested_here", n=made)
    return BY_CONSTRUCTION, say("because.nested")


def _grouped(told: Told) -> tuple[str, str]:
    """Counted in the folds of this run."""
    groups = told.prepared.groups
    if groups is None:
        return NOT_STATED, say("because.no_person")
    for fold in told.fitted.folds:
        pairs = np.unique(np.column_stack([groups, fold]), axis=0)
        if len(pairs) > len(np.unique(groups)):
            return NO, say("because.parted")
    return YES, say("because.grouped")


def _both_measured(told: Told) -> tuple[str, str]:
    headline = told.measure(told.metric)
    calibrated = any(m.name in CALIBRATION and m.candidate == "pipeline" and m.where == told.where and not m.group
                     and m.low is not None for m in told.validation.measures)  # fmt: skip
    if headline is None or headline.low is None or not calibrated:
        return NO, say("because.not_measured")
    return YES, say("because.measured")


def _imbalance(told: Told) -> tuple[str, str]:
    """By the level that was measured: weighting or resampling shows in it; no question where there are no classes."""
    if told.task is not Task.CLASSIFICATION:
        return YES, say("because.no_classes")
    level = told.measure("observed_expected")
    if level is None or level.value is None:
        return NOT_STATED, say("because.no_level")
    even = LEVEL[0] <= level.value <= LEVEL[1]
    return (YES if even else PROBABLY_NO), say("because.level", level=interval(level))
