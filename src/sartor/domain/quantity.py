"""Numbers with a unit and a place in time."""

from __future__ import annotations

from sartor.domain.code import Frozen


class Quantity(Frozen):
    """A value with its UCUM unit; `comparator` is one of <, <=, >=, > when the value is a bound."""

    value: float
    unit: str
    comparator: str = ""


class Interval(Frozen):
    """Two bounds in one UCUM unit, and the coverage that they claim (0.95 for 95 %)."""

    low: float
    high: float
    unit: str = ""
    level: float | None = None
