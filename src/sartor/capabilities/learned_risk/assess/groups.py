"""Which of a card's groups this person belongs to, by the values that the model was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from sartor.domain.model import ModelCard
from sartor.domain.validation import Measure


def measure_of_group(measures: Sequence[Measure], name: str, values: Mapping[str, float | str]) -> Measure | None:
    """The measure of that name in the narrowest group that the person is in; None where the card has none."""
    found = [each for each in measures if each.name == name and each.group and is_in(each.group, values)]
    return min(found, key=lambda one: one.n, default=None)


def name_of(group: str, card: ModelCard) -> str:
    """A group as the card's pages call it."""
    names = card.facts.get("group_names")
    return str(names[group]) if isinstance(names, Mapping) and group in names else group.replace("=", " ")


def warnings_for(card: ModelCard, values: Mapping[str, float | str]) -> list[JsonValue]:
    """What the card says against use in groups that this person is in: those entries of `not_for` that name one."""
    known = {name_of(each.group, card): each.group for each in card.measures if each.group}
    found: list[JsonValue] = []
    for entry in card.not_for:
        named, colon, _ = entry.partition(": ")
        parts = [known.get(part) or known.get(named) for part in named.split(", ")]
        if colon and parts and all(part and is_in(part, values) for part in parts):
            found.append(entry)
    return found


def is_in(group: str, values: Mapping[str, float | str]) -> bool:
    """Whether "sex=female & age=65+" is true of the values; a value that is not known is in no group."""
    return all(_holds(part.strip(), values) for part in group.split("&"))


def _holds(condition: str, values: Mapping[str, float | str]) -> bool:
    name, _, wanted = condition.partition("=")
    value = values.get(name.strip())
    if value is None:
        return False
    if isinstance(value, str):
        return _plain(value) == _plain(wanted.strip())
    return _in_band(value, wanted.strip())


def _plain(label: str) -> str:
    """A label, numbers written one way: "1.0" is "1"."""
    try:
        return f"{float(label):.12g}"
    except ValueError:
        return label


def _in_band(value: float, band: str) -> bool:
    """Bands as the audits write them: "<40", "40–65" (40 ≤ value < 65), "65+", or the number itself."""
    try:
        if band.startswith("<"):
            return value < float(band[1:])
        if band.endswith("+"):
            return value >= float(band[:-1])
        low, dash, high = band.partition("–")
        return float(low) <= value < float(high) if dash else value == float(band)
    except ValueError:
        return False
