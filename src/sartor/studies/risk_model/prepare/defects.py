"""What is wrong with the table itself: rows and cells that could not be read, and numbers that stand for "unknown"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.provenance import Quarantined
from sartor.domain.validation import Check

_CODES: Final = tuple(float(int(digit * times)) for digit in "987" for times in range(1, 6))
"""9, 99, 999 … 8, 88 … 7, 77 …: how unknown, not asked and refused are often coded."""
_AGE: Final = re.compile(r"age([_\s.-]?(years|yrs|y|at[_\s.-]\w+))?|alter", re.IGNORECASE)
OLDEST: Final = 125.0
APART: Final = 0.5
"""A code lies further from all other values than this share of their range."""
LEAST_VALUES: Final = 5
SHOWN: Final = 3


def defects(cohort: Cohort, features: Cohort, where: str) -> Iterator[Check]:
    """What was left out of the file `where` when it was read, and implausible values of the features."""
    yield from unread(cohort.quarantined, where)
    for column in features.columns:
        if column.kind is ColumnKind.NUMBER:
            yield from _implausible(column)


def unread(quarantined: Sequence[Quarantined], where: str) -> Iterator[Check]:
    """One check per kind of what could not be used as it stands."""
    names = {
        "field": ("cells_unreadable", "cells could not be read and count as missing"),
        "limit": ("values_at_limit", "times values were changed when they were read"),
    }
    by_name: dict[tuple[str, str], list[Quarantined]] = {}
    for each in quarantined:
        by_name.setdefault(
            names.get(each.kind, ("rows_unreadable", "rows could not be read and were left out")), []
        ).append(each)
    for (name, said), found in sorted(by_name.items()):
        listed = "; ".join(_told(each) for each in found[:SHOWN]) + ("; …" if len(found) > SHOWN else "")
        severity = "note" if name == "values_at_limit" else "warning"
        detail = f"{len(found):,} {said}: {listed}"
        yield Check(name=name, passed=False, severity=severity, subject=where, detail=detail, values={"n": len(found)})


def _told(each: Quarantined) -> str:
    line = f"line {each.origin.line}" if each.origin.line is not None else ""
    place = ", ".join(part for part in (line, each.origin.field) if part)
    return f"{place}: {each.reason}" if place else each.reason


def _implausible(column: Column) -> Iterator[Check]:
    values = np.asarray(column.values[~column.missing], dtype=np.float64)
    distinct = np.unique(values)
    if codes := _codes_of_unknown(distinct):
        others = distinct[~np.isin(distinct, codes)]
        shown = ", ".join(f"{code:g}" for code in codes)
        listed = ", ".join(f'"{code:g}"' for code in codes)
        yield _warning(
            column.name,
            f"{shown} in {int(np.isin(values, codes).sum()):,} rows, all others lie between {others.min():g} and "
            f"{others.max():g}: if it means unknown, state missing = [{listed}]",
        )
        values = values[~np.isin(values, codes)]
    if _AGE.fullmatch(column.name) and len(values):
        impossible = int(((values < 0) | (values > OLDEST)).sum())
        if impossible:
            yield _warning(column.name, f"{impossible:,} rows have an age below 0 or above {OLDEST:g}")


def _codes_of_unknown(distinct: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """The greatest or least values that look like a code and lie apart from all others."""
    found: list[float] = []
    while len(distinct) > LEAST_VALUES:
        top, bottom = float(distinct[-1]), float(distinct[0])
        if top in _CODES and top > 8 and top - distinct[-2] > APART * (distinct[-2] - bottom):
            found.append(top)
            distinct = distinct[:-1]
        elif _is_negative_code(bottom, float(distinct[1]), top):
            found.append(bottom)
            distinct = distinct[1:]
        else:
            break
    return sorted(found)


def _is_negative_code(bottom: float, second: float, top: float) -> bool:
    """The only value below zero, or far below all others."""
    if second >= 0:
        return -bottom in (*_CODES, 1.0)
    return -bottom in _CODES and bottom < -8 and second - bottom > APART * (top - second)


def _warning(subject: str, detail: str) -> Check:
    return Check(name="implausible_values", passed=False, severity="warning", subject=subject, detail=detail)
