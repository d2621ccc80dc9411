"""Numbers from one unit to another: by factor, and between mass and substance concentration by molar mass."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from sartor.knowledge import measurements


@functools.cache
def _table() -> Mapping[str, Any]:
    path = resources.files("sartor.knowledge").joinpath("data", "unit_factors.json")
    table: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def convert(value: float, unit: str, to: str, *, measurement: str = "") -> float | None:
    """The value in unit `to` (UCUM); None when there is no way there.

    measurement: name in the table of measurements; its molar mass leads from mg/dL to mmol/L and back.
    """
    source, target = measurements.unit(unit), measurements.unit(to)
    if source == target:
        return value
    here, there = _dimension(source), _dimension(target)
    if here is None or there is None:
        return None
    (dimension, factor), (wanted, divisor) = here, there
    if dimension == wanted:
        return value * factor / divisor
    mass = _table()["molar_mass"].get(measurement)
    if mass is None:
        return None
    if (dimension, wanted) == ("substance concentration", "mass concentration"):
        return float(value * factor * mass / divisor)
    if (dimension, wanted) == ("mass concentration", "substance concentration"):
        return float(value * factor / mass / divisor)
    return None


def shown(unit: str) -> str:
    """A UCUM unit as readers write it."""
    found: str = _table()["shown"].get(unit, unit)
    return found


def _dimension(unit: str) -> tuple[str, float] | None:
    for each in _table()["dimensions"]:
        if unit in each["factors"]:
            return each["name"], float(each["factors"][unit])
    return None
