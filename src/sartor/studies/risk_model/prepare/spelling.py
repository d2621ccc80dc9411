"""The values of an outcome as they were meant: one spelling for each, and no class for what is unknown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sartor.domain.cohort_table import Column, ColumnKind
from sartor.domain.validation import Check
from sartor.studies.risk_model.prepare.config import Range, RiskModelConfig

_UNKNOWN: Final = re.compile(
    r"unk(nown)?|not (known|available|assessed|recorded|reported|done|evaluable)|missing|undetermined|"
    r"n\.?d\.?|n\.?k\.?|n\.a\.|indeterminate|refused|unbekannt|keine angabe|\[not available\]|-+"
)
_UNKNOWN_CODES: Final = (8.0, 9.0, 88.0, 99.0, 888.0, 999.0, 9999.0, -9.0, -99.0, -999.0)
_TWO_CLASSES: Final = (frozenset({0.0, 1.0}), frozenset({1.0, 2.0}))


def cleaned(column: Column, config: RiskModelConfig) -> tuple[Column, list[Check]]:
    """The column with spellings that differ in case made one, and unknown values missing; each change is a check.

    A value that the configuration names (positive, censored) stays as it is.
    """
    stated = _stated(config)
    if column.kind is ColumnKind.CATEGORY:
        merged, spelled = _one_spelling(column)
        unknown = [
            each for each in merged.categories if _UNKNOWN.fullmatch(each.lower()) and each.lower() not in stated
        ]
        lost = np.isin(merged.values, [merged.categories.index(each) for each in unknown])
        found = replace(merged, values=np.where(lost, np.int32(-1), merged.values))
        return found, [*_said(column, spelled), *_said_unknown(column, unknown, int(lost.sum()))]
    values = column.values
    present = {float(each) for each in np.unique(values[~column.missing])[:20]}
    codes = [code for code in _UNKNOWN_CODES if code in present and f"{code:g}" not in stated]
    if not codes or frozenset(present - set(codes)) not in _TWO_CLASSES or isinstance(config.positive, Range):
        return column, []
    lost = np.isin(values, codes)
    found = replace(column, values=np.where(lost, values.dtype.type(np.nan), values))
    return found, _said_unknown(column, [f"{code:g}" for code in codes], int(lost.sum()))


def _stated(config: RiskModelConfig) -> set[str]:
    positive = () if config.positive is None or isinstance(config.positive, Range) else config.positive
    values = [*(positive if isinstance(positive, tuple) else (positive,)), config.censored]
    return {(f"{each:g}" if isinstance(each, float) else str(each)).strip().lower() for each in values}


def _one_spelling(column: Column) -> tuple[Column, list[str]]:
    """Labels that differ in case or blanks only, by the most frequent spelling; and which those were."""
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.categories))
    by_fold: dict[str, list[int]] = {}
    for code, label in enumerate(column.categories):
        by_fold.setdefault(" ".join(label.casefold().split()), []).append(code)
    if len(by_fold) == len(column.categories):
        return column, []
    chosen = {key: column.categories[max(codes, key=lambda at: (counts[at], -at))] for key, codes in by_fold.items()}
    categories = tuple(sorted(chosen.values()))
    table = np.full(len(column.categories) + 1, -1, dtype=np.int32)
    for key, codes in by_fold.items():
        table[codes] = categories.index(chosen[key])
    spelled = [" = ".join(column.categories[at] for at in codes) for codes in by_fold.values() if len(codes) > 1]
    return replace(column, values=table[column.values], categories=categories), spelled


def _said(column: Column, spelled: Sequence[str]) -> list[Check]:
    if not spelled:
        return []
    detail = f"spellings of the same value were made one: {'; '.join(spelled)}"
    return [Check(name="outcome_spelling", passed=False, severity="note", subject=column.name, detail=detail)]


def _said_unknown(column: Column, unknown: Sequence[str], n: int) -> list[Check]:
    if not n:
        return []
    detail = f"{n:,} rows say {', '.join(unknown)}, which was taken to mean that the outcome is not known"
    values = {"n": n}
    return [
        Check(
            name="outcome_unknown", passed=False, severity="warning", subject=column.name, detail=detail, values=values
        )
    ]
