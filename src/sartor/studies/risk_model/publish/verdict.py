"""Whether to use the model: a verdict by rules from what was measured, each rule with its answer shown.

What was not measured never counts as met: a rule whose measure is missing fails, or keeps the verdict from its best.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from pydantic import JsonValue

from sartor.domain.model import Task
from sartor.domain.validation import Check, Measure
from sartor.explaining.fairness import wilson
from sartor.learning.stages import Site
from sartor.studies.risk_model.publish.telling import NO_SKILL, Told, number, percent, short

DO_NOT_USE: Final = "do_not_use"
NOT_READY: Final = "not_ready"
TOO_SMALL: Final = "too_small"
NOT_TRANSPORTABLE: Final = "not_transportable"
EXTERNAL_NEXT: Final = "external_next"
PROSPECTIVE_NEXT: Final = "prospective_next"
LEVELS: Final = (DO_NOT_USE, NOT_READY, NOT_TRANSPORTABLE, TOO_SMALL, EXTERNAL_NEXT, PROSPECTIVE_NEXT)
"""From the gravest; a rule that is not met brings its level, and the best is for those that meet them all."""
JUDGED_FROM: Final = 300
CALIBRATION: Final = ("calibration_slope", "observed_expected", "observed_expected_at", "ici", "ici_at", "ece")


@dataclass(frozen=True, slots=True)
class Rule:
    """One question that the verdict rests on; `level` is the verdict that a "no" brings."""

    name: str
    passed: bool
    level: str
    values: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict's key in the wording, and every rule with its answer."""

    key: str
    rules: tuple[Rule, ...]

    @property
    def failed(self) -> tuple[Rule, ...]:
        """The rules that were not met."""
        return tuple(rule for rule in self.rules if not rule.passed)


def judged(told: Told) -> Verdict:
    """The gravest verdict that a failed rule brings; without one what the next step of validation is."""
    rules = tuple(_rules(told))
    failed = {rule.level for rule in rules if not rule.passed}
    return Verdict(next((level for level in LEVELS if level in failed), PROSPECTIVE_NEXT), rules)


def _rules(told: Told) -> Iterator[Rule]:
    yield from _skill(told)
    checks = {check.name: check for check in told.validation.checks}
    if additivity := checks.get("additivity"):
        yield Rule("additivity", additivity.passed, DO_NOT_USE, {})
    yield _leaks(told)
    yield from _calibrated(told)
    yield from _covered(told)
    yield from _useful(told, told.where, NOT_READY)
    yield from _groups(told)
    if size := checks.get("sample_size"):
        yield Rule("sample_size", size.passed, TOO_SMALL, _size(size))
    else:
        yield Rule("sample_size_known", False, EXTERNAL_NEXT, {})
    for site in told.prepared.sites:
        yield from _transported(told, f"external:{site.name}", site)
    enough = [site.name for site in told.prepared.sites if _enough(site)]
    yield Rule("site_enough", bool(enough), EXTERNAL_NEXT, _limits("elsewhere"))
    yield Rule("intended", bool(told.config.get("intended_use")), EXTERNAL_NEXT, {})


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "data" / "verdict.toml").read_text(encoding="utf-8"))


def _limits(part: str) -> dict[str, Any]:
    return dict(_table()[part])


def _skill(told: Told) -> Iterator[Rule]:
    found = told.measure(told.metric)
    floor = NO_SKILL.get(told.metric, 0.0)
    if found is None or found.value is None or found.low is None:
        yield Rule("measured", False, DO_NOT_USE, {})
    else:
        yield Rule("skill", found.low > floor, DO_NOT_USE, {"low": number(found.low), "floor": f"{floor:g}"})


def _leaks(told: Told) -> Rule:
    """Leaks that would have stopped the study, had someone not let them pass."""
    passed = [check for check in told.validation.checks if "allowed" in check.values and not check.passed]
    said = [f"{check.subject or told.check_name(check.name)} ({check.values['allowed']})" for check in passed]
    return Rule("leaks", not passed, NOT_READY, {"leaks": list(said) or "–"})


def _size(check: Check) -> dict[str, JsonValue]:
    found = {key: check.values.get(key) for key in ("n", "needed", "parameters")}
    return {key: f"{value:,}" if isinstance(value, int) else "–" for key, value in found.items()}


def _calibrated(told: Told) -> Iterator[Rule]:
    limits = _limits("calibration")
    known = [m for m in told.validation.measures
             if m.name in CALIBRATION and m.candidate == "pipeline" and m.where == told.where and not m.group
             and m.value is not None]  # fmt: skip
    if not known:
        yield Rule("calibration_known", False, NOT_READY, {})
    for m in known:
        values: dict[str, JsonValue] = {"value": number(m.value, 2), "at": "" if m.at is None else short(m.at)}
        if m.name == "calibration_slope":
            yield Rule("slope", _inside(m, limits["slope"]), NOT_READY, values)
        elif m.name.startswith("observed_expected"):
            yield Rule("level" if m.at is None else "level_at", _inside(m, limits["level"]), NOT_READY, values)
        elif m.name in ("ici", "ici_at") or told.measure("ici") is None:
            most = _worst_distance(told, limits)
            values = {"value": number(m.value), "most": short(most)}
            yield Rule("distance", (m.value or 0.0) <= most, NOT_READY, values)


def _worst_distance(told: Told, limits: Mapping[str, Any]) -> float:
    most = float(limits["worst_distance"])
    if told.prepared.target.is_binary:
        share = float((told.prepared.target.values == 1).mean())
        most = min(most, float(limits["worst_share_of_outcome"]) * min(share, 1 - share))
    return most


def _inside(measure: Measure, limits: tuple[float, float]) -> bool:
    return measure.value is not None and limits[0] <= measure.value <= limits[1]


def _covered(told: Told) -> Iterator[Rule]:
    """No part covers less than promised beyond what chance makes of so many parts."""
    judged = [m for m in told.validation.measures
              if m.name == "coverage" and m.where == told.where and m.n >= JUDGED_FROM and m.value is not None
              and " & " not in m.group and m.at is not None]  # fmt: skip
    if not judged:
        return
    z = NormalDist().inv_cdf(1 - 0.025 / len(judged))
    short_of = [m for m in judged if _under(m, z)]
    said = [f"{told.group_name(m.group) or told.everyone}: {percent(m.value, 1)}" for m in short_of]
    yield Rule("coverage", not short_of, NOT_READY, {"parts": list(said) or "–"})


def _under(measure: Measure, z: float) -> bool:
    assert measure.value is not None
    assert measure.at is not None
    high = wilson(measure.value * measure.n, measure.n, z)[1]
    return measure.value < measure.at - _table()["coverage"]["tolerance"] and high < measure.at


def _useful(told: Told, where: str, level: str, site: str = "") -> Iterator[Rule]:
    """At one of the stated thresholds at least: more benefit than treating everyone and than treating no one."""
    found = [m for m in told.validation.measures
             if (m.name, m.candidate, m.where, m.group) == ("net_benefit", "pipeline", where, "")
             and m.value is not None and m.at is not None and m.n and m.n_events]  # fmt: skip
    if not found:
        return
    idle = [percent(m.at) for m in found if not helps(told, m)]
    values: dict[str, JsonValue] = {"at": list(idle) or [percent(m.at) for m in found], "site": site}
    yield Rule("site_benefit" if site else "benefit", len(idle) < len(found), level, values)


def helps(told: Told, measure: Measure) -> bool:
    """Whether acting on the model at this threshold beats treating everyone and treating no one.

    Over time treating everyone does what the share with the event by the horizon lets it, not that of all who had it.
    """
    assert measure.value is not None
    assert measure.at is not None
    curve = told.curve("decision:treat_all", where=measure.where)
    if told.task is Task.SURVIVAL and curve is not None:
        return measure.value > max(float(np.interp(measure.at, curve.x, curve.y)), 0.0)
    assert measure.n_events is not None
    share = measure.n_events / measure.n
    everyone = share - (1 - share) * measure.at / (1 - measure.at)
    return measure.value > max(everyone, 0.0)


def _groups(told: Told) -> Iterator[Rule]:
    behind = told.subjects("group_behind")
    off = told.subjects("group_miscalibrated")
    if not told.groups_judged:
        yield Rule("groups_known", False, EXTERNAL_NEXT, {})
        return
    yield Rule("groups", not behind, NOT_READY, {"groups": list(behind) or "–"})
    yield Rule("groups_calibrated", not off, NOT_READY, {"groups": list(off) or "–"})


def _transported(told: Told, where: str, site: Site) -> Iterator[Rule]:
    here, there = told.measure(told.metric), told.measure(told.metric, where=where)
    values: dict[str, JsonValue] = {"site": site.name}
    if here is None or there is None or here.value is None or there.value is None or there.low is None:
        yield Rule("site_measured", False, NOT_TRANSPORTABLE, values)
        return
    reversed_there = there.high is not None and there.high < NO_SKILL.get(told.metric, 0.0)
    if reversed_there:
        yield Rule("site_reversed", False, NOT_READY, values | {"value": number(there.value)})
    kept = there.low > NO_SKILL.get(told.metric, 0.0)
    kept = kept and here.value - there.value <= _table()["elsewhere"]["worst_drop"]
    yield Rule("site_ranks", kept, NOT_TRANSPORTABLE, values | {"value": number(there.value)})
    limits = _limits("calibration")
    for m in told.validation.measures:
        if (m.candidate, m.where, m.group) != ("pipeline", where, "") or m.value is None:
            continue
        shown = values | {"value": number(m.value, 2)}
        if m.name.startswith("observed_expected"):
            yield Rule("site_level", _inside(m, limits["level"]), NOT_TRANSPORTABLE, shown)
        elif m.name == "calibration_slope":
            yield Rule("site_slope", _inside(m, limits["slope"]), NOT_TRANSPORTABLE, shown)
    yield from _useful(told, where, NOT_TRANSPORTABLE, site.name)
    for check in told.validation.checks:
        if check.name == "like_the_training_data" and check.subject == site.name:
            share = check.values.get("share")
            unlike = percent(share, 1) if isinstance(share, float) else "–"
            yield Rule("site_alike", check.passed, NOT_TRANSPORTABLE, values | {"share": unlike})


def _enough(site: Site) -> bool:
    """Whether the site has people enough with and without the outcome to tell."""
    target = site.target
    events, others = (int(_table()["elsewhere"][name]) for name in ("least_events", "least_others"))
    if target.task is Task.REGRESSION:
        return len(target) >= events + others
    kinds = target.values if target.events is None else target.events
    counts = [int((kinds == kind).sum()) for kind in range(max(len(target.classes), 2))]
    if target.task is Task.SURVIVAL:
        return counts[1] >= events
    return min(counts[1:]) >= events and counts[0] >= others
