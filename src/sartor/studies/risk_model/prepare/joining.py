"""Further columns for the same people, from another table: laboratory values, or findings of other capabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.study import Surroundings
from sartor.errors import ConfigInvalid
from sartor.studies.risk_model.prepare.config import Joined


def joined(cohort: Cohort, wanted: Joined, id_column: str | None, around: Surroundings) -> Cohort:
    """The cohort with the other table's columns beside its own, by id; people who are not in it have none of them.

    Raises ConfigInvalid where no id is stated, the other table has an id twice, nobody is in both, or names collide.
    """
    if not id_column or id_column not in cohort:
        raise ConfigInvalid("joining tables needs id", where="join", todo="state id = the column that both know")
    if wanted.findings:
        other = around.read(wanted.data, findings=True, only=list(wanted.columns))
    else:
        names = [wanted.id, *wanted.columns] if wanted.columns else None
        other = around.read(wanted.data, columns=names, kinds={wanted.id: ColumnKind.CATEGORY.value})
    if wanted.id not in other:
        raise ConfigInvalid(f"{wanted.data} has no column {wanted.id}", where="join.id", todo="name its id column")
    rows = _rows(cohort, other, id_column, wanted)
    added = [
        replace(_taken(column, rows), name=f"{wanted.prefix}{column.name}")
        for column in other.columns
        if column.name != wanted.id
    ]
    if doubled := sorted({column.name for column in added} & set(cohort.names)):
        raise ConfigInvalid(f"both tables have {', '.join(doubled)}", where=f"join {wanted.data}", todo="state prefix")
    return replace(
        cohort,
        columns=(*cohort.columns, *added),
        files=(*cohort.files, *other.files),
        quarantined=(*cohort.quarantined, *other.quarantined),
    )


def _rows(cohort: Cohort, other: Cohort, id_column: str, wanted: Joined) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each row of the cohort its row in the other table, −1 for none."""
    place: dict[str, int] = {}
    for row, label in enumerate(other.column(wanted.id).labels()):
        if label in place:
            raise ConfigInvalid(
                f"{wanted.data} has {label} more than once",
                where="join",
                todo="give it one row per id, or findings = true",
            )
        place[label] = row
    found = np.array([place.get(label, -1) for label in cohort.column(id_column).labels()], dtype=np.int64)
    if not (found >= 0).any():
        raise ConfigInvalid(f"nobody of the cohort is in {wanted.data}", where="join", todo="check the ids of both")
    return found


def _taken(column: Column, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Column:
    values = column.values[rows].copy()
    values[rows < 0] = -1 if column.kind is ColumnKind.CATEGORY else np.nan
    return replace(column, values=values)
