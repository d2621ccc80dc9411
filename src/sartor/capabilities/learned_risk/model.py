"""From facts to the row that a model takes: the same row that `sartor predict` makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sartor.capabilities.learned_risk.gather import fact_name
from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.evidence import Fact
from sartor.domain.model import ModelCard

Value = float | str


def row(facts: Iterable[Fact], card: ModelCard) -> dict[str, Value]:
    """The values of a card's features by name; one that has no fact is not in it."""
    known = {fact.name: fact.value for fact in facts}
    found: dict[str, Value] = {}
    for feature in card.features:
        value = known.get(fact_name(card, feature))
        if isinstance(value, bool | int | float):
            found[feature.name] = float(value)
        elif isinstance(value, str):
            found[feature.name] = value
    return found


def cohort(rows: Sequence[Mapping[str, Value]], card: ModelCard) -> Cohort:
    """Rows as columns by the card's features; what is not in a row is missing."""
    columns = []
    for feature in card.features:
        values = [each.get(feature.name) for each in rows]
        if feature.kind == "number":
            numbers = [float(each) if isinstance(each, int | float) else np.nan for each in values]
            columns.append(Column(feature.name, ColumnKind.NUMBER, np.array(numbers), unit=feature.unit))
            continue
        labels = tuple(sorted({_label(each) for each in values if each is not None}))
        place = {label: code for code, label in enumerate(labels)}
        codes = np.array([-1 if each is None else place[_label(each)] for each in values], dtype=np.int32)
        columns.append(Column(feature.name, ColumnKind.CATEGORY, codes, labels))
    return Cohort(tuple(columns))


def _label(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"
