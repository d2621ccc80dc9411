"""The measurements, units and column names that tables of patients use, with their LOINC and UCUM codes."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"[^\W_]+|%")
_IN_BRACKETS: Final = re.compile(r"^(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]+)[)\]]\s*$")


class Measurement(NamedTuple):
    """Something that is measured: its name, LOINC code (`molar_loinc` in molar units), and its unit if fixed."""

    name: str
    loinc: str
    molar_loinc: str = ""
    unit: str = ""


class Column(NamedTuple):
    """What a column's heading means: a role, or a measurement with the unit that the heading states."""

    role: str = ""
    measurement: Measurement | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Measurements:
    """The table, by the words of headings."""

    by_words: dict[tuple[str, ...], Measurement] = field(default_factory=dict)
    roles: dict[tuple[str, ...], str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    sexes: dict[str, str] = field(default_factory=dict)


@functools.cache
def measurements() -> Measurements:
    """The table that ships with Sartor, loaded once."""
    path = resources.files("sartor.knowledge").joinpath("data", "measurements.json")
    table = json.loads(path.read_text(encoding="utf-8"))
    found = Measurements(units=dict(table["units"]), sexes=dict(table["sexes"]))
    for row in table["measurements"]:
        one = Measurement(row["name"], row["loinc"], row.get("molar_loinc", ""), row.get("unit", ""))
        for words in (row["name"], *row["words"]):
            found.by_words[_words(words)] = one
    for role, names in table["roles"].items():
        for name in names:
            found.roles[_words(name)] = role
    return found


def column(heading: str) -> Column | None:
    """What a heading such as "Weight (kg)", "creatinine_mg_dl" or "sex" means; None when it is unknown."""
    table = measurements()
    words = _words(heading)
    if words in table.roles:
        return Column(role=table.roles[words])
    if words in table.by_words:
        return Column(measurement=table.by_words[words], unit=table.by_words[words].unit)
    bracketed = _IN_BRACKETS.match(heading)
    if bracketed is not None:
        found = table.by_words.get(_words(bracketed["name"]))
        return None if found is None else Column(measurement=found, unit=unit(bracketed["unit"]))
    return _with_unit(words)


def _with_unit(words: tuple[str, ...]) -> Column | None:
    """A heading whose last words are a unit, such as weight kg or creatinine mg dl."""
    table = measurements()
    for length in (1, 2, 3):
        found = table.by_words.get(words[:-length])
        spelled = table.units.get("/".join(words[-length:]))
        if found is not None and spelled is not None:
            return Column(measurement=found, unit=spelled)
    return None


def named(name: str) -> Measurement | None:
    """The measurement of that name, or None."""
    return measurements().by_words.get(_words(name))


def unit(text: str) -> str:
    """The UCUM spelling of a unit; a unit that the table lacks is kept as it stands."""
    plain = text.strip()
    return measurements().units.get(plain.lower(), plain)


def sex(text: str) -> str:
    """One of male, female, other; "" when the word is none of those known."""
    return measurements().sexes.get(text.strip().lower(), "")


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))
