"""Groups of people that a result must hold for: by label or band of a column, and their intersections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind

Mask = npt.NDArray[np.bool_]
BANDS = 3
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One column's part of a group: a label, or low ≤ value < high; `label` "unknown" is where nothing was recorded."""

    column: str
    label: str = ""
    low: float | None = None
    high: float | None = None

    def holds(self, cohort: Cohort) -> Mask:
        """Who meets it, (n,); nobody where there is no such column."""
        if self.column not in cohort:
            return np.zeros(len(cohort), dtype=bool)
        column = cohort.column(self.column)
        if self.label == UNKNOWN:
            return column.missing
        if self.low is None and self.high is None:
            return _has_label(column, self.label)
        values = _numbers(column)
        with np.errstate(invalid="ignore"):
            above = np.isfinite(values) if self.low is None else values >= self.low
            return above if self.high is None else above & (values < self.high)

    def __str__(self) -> str:
        """As it is printed: "sex=female", "age=40–65"."""
        return f"{self.column}={self.label or band_name(self.low, self.high)}"


@dataclass(frozen=True, slots=True)
class PopulationGroup:
    """People who meet every condition. `name` joins them by " & "."""

    conditions: tuple[Condition, ...]

    @property
    def name(self) -> str:
        """ "sex=female & age=65+": the name in measures and tables."""
        return " & ".join(str(each) for each in self.conditions)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made from."""
        return tuple(each.column for each in self.conditions)

    def members(self, cohort: Cohort) -> Mask:
        """Who belongs to it, (n,)."""
        found = np.ones(len(cohort), dtype=bool)
        for each in self.conditions:
            found &= each.holds(cohort)
        return found

    def to_state(self) -> list[dict[str, Any]]:
        """As plain JSON values."""
        return [{"column": c.column, "label": c.label, "low": c.low, "high": c.high} for c in self.conditions]

    @staticmethod
    def from_state(state: Sequence[Mapping[str, Any]]) -> PopulationGroup:
        """The group again. Raises KeyError or TypeError for anything else."""
        return PopulationGroup(tuple(Condition(s["column"], s["label"], s["low"], s["high"]) for s in state))


def population_groups(
    people: Cohort,
    columns: Sequence[str] = (),
    *,
    bands: Mapping[str, Sequence[float]] | None = None,
    intersections: bool = False,
) -> tuple[PopulationGroup, ...]:
    """The groups that these columns make (all columns if none is named), in order; also those too small to judge.

    Numbers are cut at `bands[column]`, or else at their thirds, rounded to two figures; up to five distinct values are
    groups of their own. People without a value make a group "unknown". `intersections` adds every pair of columns.
    """
    cuts = bands or {}
    sets = [_conditions(people.column(name), cuts.get(name)) for name in (columns or people.names) if name in people]
    found = [PopulationGroup((each,)) for conditions in sets for each in conditions]
    if intersections:
        for one, other in combinations(sets, 2):
            found += [PopulationGroup((a, b)) for a in one for b in other]
    return tuple(found)


def membership(groups: Sequence[PopulationGroup], people: Cohort) -> Mask:
    """Who belongs to which group, (n, groups)."""
    found = np.zeros((len(people), len(groups)), dtype=bool)
    for k, group in enumerate(groups):
        found[:, k] = group.members(people)
    return found


def band_name(low: float | None, high: float | None) -> str:
    """A band in words: "<40", "40–65", "65+"."""
    if low is None:
        return f"<{high:g}"
    return f"{low:g}+" if high is None else f"{low:g}–{high:g}"


def _conditions(column: Column, cuts: Sequence[float] | None) -> list[Condition]:
    unknown = [Condition(column.name, UNKNOWN)] if column.missing.any() else []
    if column.kind is ColumnKind.CATEGORY and cuts is None:
        seen = np.unique(column.values[column.values >= 0])
        return [Condition(column.name, column.categories[code]) for code in seen] + unknown
    values = _numbers(column)
    known = np.asarray(values[np.isfinite(values)])
    distinct = np.unique(known[:100_000])
    if cuts is None and len(distinct) <= 5 and len(np.unique(known)) <= 5:
        return [Condition(column.name, f"{value:.12g}") for value in np.unique(known)] + unknown
    limits = [float(each) for each in cuts] if cuts is not None else _thirds(known)
    edges: list[float | None] = [None, *sorted(set(limits)), None]
    if len(edges) == 2:
        return unknown
    return [Condition(column.name, "", low, high) for low, high in pairwise(edges)] + unknown


def _thirds(known: npt.NDArray[Any]) -> list[float]:
    if not len(known):
        return []
    cuts = np.quantile(known, np.arange(1, BANDS) / BANDS)
    rounded = {float(f"{cut:.2g}") for cut in cuts}
    return sorted(cut for cut in rounded if known.min() < cut <= known.max())


def _numbers(column: Column) -> npt.NDArray[Any]:
    if column.kind is not ColumnKind.CATEGORY:
        return np.asarray(column.values)
    numbers = np.array([_number(label) for label in column.categories] + [np.nan])
    return np.asarray(numbers[column.values])


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")


def _has_label(column: Column, label: str) -> Mask:
    if column.kind is ColumnKind.CATEGORY:
        code = column.categories.index(label) if label in column.categories else -2
        return np.asarray(column.values == code)
    wanted = _number(label)
    values = np.asarray(column.values, dtype=float)
    return (
        np.asarray(np.isclose(values, wanted, rtol=1e-6, atol=0))
        if np.isfinite(wanted)
        else np.zeros(len(values), bool)
    )
