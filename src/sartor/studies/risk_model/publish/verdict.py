"""Whether to use the model: a verdict by rules from what was measured, each rule with its answer shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from sartor.domain.validation import Measure
from sartor.studies.risk_model.publish.telling import NO_SKILL, Told, group_name, number

DO_NOT_USE: Final = "do_not_use"
NOT_READY: Final = "not_ready"
EXTERNAL_NEXT: Final = "external_next"
NOT_TRANSPORTABLE: Final = "not_transportable"
PROSPECTIVE_NEXT: Final = "prospective_next"

SLOPE: Final = (0.8, 1.2)
"""A calibration slope whose interval lies outside is too extreme or too flat to act on (after Van Calster 2019,
doi:10.1186/s12916-019-1466-7, who gives no limits: these are the study's own)."""
WORST_ICI: Final = 0.05
WORST_DROP: Final = 0.1


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
    for level in (DO_NOT_USE, NOT_READY, NOT_TRANSPORTABLE):
        if level in failed:
            return Verdict(level, rules)
    return Verdict(PROSPECTIVE_NEXT if told.prepared.sites else EXTERNAL_NEXT, rules)


def _rules(told: Told) -> Iterator[Rule]:
    yield from _skill(told)
    for check in told.validation.checks:
        if check.name == "additivity":
            yield Rule("additivity", check.passed, DO_NOT_USE, {})
        if check.name in ("sample_size", "coverage"):
            yield Rule(check.name, check.passed, NOT_READY, {"detail": check.detail})
    yield from _calibrated(told)
    yield from _useful(told)
    yield _level(told)
    for site in told.prepared.sites:
        yield from _transported(told, f"external:{site.name}", site.name)


def _level(told: Told) -> Rule:
    """No group of one column behind; intersections are many, so that chance alone puts some behind: they only warn."""
    behind = [group_name(check.subject) for check in told.validation.checks
              if check.name == "group_behind" and not check.passed and " & " not in check.subject]  # fmt: skip
    return Rule("groups", not behind, NOT_READY, {"groups": list(behind) or "–"})


def _skill(told: Told) -> Iterator[Rule]:
    found = told.measure(told.metric)
    floor = NO_SKILL.get(told.metric)
    if found is None or found.value is None:
        yield Rule("measured", False, DO_NOT_USE, {})
    elif floor is not None:
        low = found.low if found.low is not None else found.value
        yield Rule("skill", low > floor, DO_NOT_USE, {"low": number(low), "floor": f"{floor:g}"})


def _calibrated(told: Told) -> Iterator[Rule]:
    slope = told.measure("calibration_slope")
    if slope is not None and slope.value is not None:
        yield Rule("slope", _meets(slope, *SLOPE), NOT_READY, {"slope": number(slope.value, 2)})
    ici = told.measure("ici")
    if ici is not None and ici.value is not None:
        yield Rule("ici", ici.value <= WORST_ICI, NOT_READY, {"ici": number(ici.value)})


def _meets(measure: Measure, least: float, most: float) -> bool:
    low = measure.low if measure.low is not None else measure.value
    high = measure.high if measure.high is not None else measure.value
    assert low is not None
    assert high is not None
    return high >= least and low <= most


def _useful(told: Told) -> Iterator[Rule]:
    """At the first threshold: more benefit than treating everyone and than treating no one."""
    found = told.measure("net_benefit")
    n = found.n if found else 0
    if found is None or found.value is None or found.at is None or not found.n_events or not n:
        return
    share = found.n_events / n
    everyone = share - (1 - share) * found.at / (1 - found.at)
    better = max(everyone, 0.0)
    yield Rule("benefit", found.value > better, NOT_READY, {"at": f"{100 * found.at:g} %"})


def _transported(told: Told, where: str, name: str) -> Iterator[Rule]:
    here, there = told.measure(told.metric), told.measure(told.metric, where=where)
    if here is None or there is None or here.value is None or there.value is None:
        return
    floor = NO_SKILL.get(told.metric, here.value - WORST_DROP)
    low = there.low if there.low is not None else there.value
    kept = low > floor and here.value - there.value <= WORST_DROP
    yield Rule("site_ranks", kept, NOT_TRANSPORTABLE, {"site": name, "value": number(there.value)})
    ratio = told.measure("observed_expected", where=where)
    if ratio is not None and ratio.value is not None:
        passed = _meets(ratio, 0.8, 1.25)
        yield Rule("site_calibrated", passed, NOT_TRANSPORTABLE, {"site": name, "ratio": number(ratio.value, 2)})
