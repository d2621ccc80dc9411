"""Numbers with a unit."""

from __future__ import annotations

from sartor.domain.code import Frozen


class Quantity(Frozen):
    """A value with its UCUM unit; `comparator` is one of <, <=, >=, > when the value is a bound."""

    value: float
    unit: str
    comparator: str = ""
