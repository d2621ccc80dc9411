"""From a guideline's row as codes to an action, its strength and its urgency."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.tables.guidelines import Recommendation, rules, split
from sartor.domain.finding import Action, ActionKind, SourceStrength, Urgency

_LISTS = ("not_instead", "monitoring", "qualifiers")
_TEXTS = ("factor_of", "start", "alternative_class", "reason")


def action_of(row: Recommendation) -> Action:
    """The action of one row."""
    reading = row.reading
    parameters: dict[str, JsonValue] = {name: list(split(reading[name])) for name in _LISTS if reading.get(name)}
    parameters |= {name: reading[name] for name in _TEXTS if reading.get(name)}
    factor = (reading["factor_low"], reading["factor_high"]) if "factor_low" in reading else None
    return Action(
        kind=ActionKind(reading["kind"]),
        also=tuple(ActionKind(each) for each in split(reading.get("also", ""))),
        dose_factor=factor,
        maximum_dose=reading.get("maximum", ""),
        alternatives=split(reading.get("alternatives", "")),
        parameters=parameters,
    )


def actions_differ(rows: Iterable[Recommendation]) -> bool:
    """Whether rows recommend different things; how strongly they do so does not count."""
    return len({row.reading_id for row in rows}) > 1


def strength_of(row: Recommendation) -> SourceStrength:
    """How strongly the guideline recommends it; UNSTATED where it gives no class."""
    if row.reading["kind"] == ActionKind.NONE:
        return SourceStrength.NONE
    return SourceStrength(rules()["strengths"][row.strength])


def urgency(kind: ActionKind, strength: SourceStrength, *, current: bool) -> Urgency:
    """How soon this calls for action, from the table of rules."""
    if not current:
        return Urgency(rules()["urgency_other"][kind.value])
    return Urgency(rules()["urgency_current"][kind.value][strength.value])
