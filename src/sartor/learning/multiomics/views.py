"""Views: the matrices of a multi-omics study, aligned by patient, with what is missing kept apart from what is zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.errors import ConfigInvalid, LeakFound

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
MOST_LABELS = 60


@dataclass(frozen=True, slots=True)
class View:
    """One matrix: n patients × p measured columns.

    values:  (n, p) float64, NaN where a value is missing; a patient without the view is NaN throughout.
    present: (n,) bool, whether the patient has this view at all.
    """

    name: str
    columns: tuple[str, ...]
    values: Floats
    present: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.values)

    def take(self, rows: npt.NDArray[Any]) -> View:
        """The same columns for these patients."""
        return replace(self, values=self.values[rows], present=self.present[rows])


Views = tuple[View, ...]


def take(views: Views, rows: npt.NDArray[Any]) -> Views:
    """All views for these patients."""
    return tuple(view.take(rows) for view in views)


def align(name: str, cohort: Cohort, id_column: str, ids: Sequence[str]) -> View:
    """The view with one row per id, in that order; ids that it lacks are absent, patients of its own are left out.

    Raises ConfigInvalid without the id column or measured columns, LeakFound when an id stands in it twice.
    """
    if id_column not in cohort:
        raise ConfigInvalid(
            f"the view has no column {id_column!r}",
            where=f"[[views]] {name}",
            todo=f"name the column of patients in `id`; the view has {', '.join(cohort.names[:6])} …",
        )
    own = cohort.column(id_column).labels()
    refuse_repeats(own, f"[[views]] {name}")
    columns, measured = numeric(cohort.without([id_column]), f"[[views]] {name}")
    place = {each: row for row, each in enumerate(own)}
    rows = np.array([place.get(each, -1) for each in ids], dtype=np.int64)
    values = np.where((rows >= 0)[:, None], measured[rows], np.nan)
    present = (rows >= 0) & ~np.isnan(values).all(axis=1)
    return View(name, columns, values, present)


def refuse_repeats(ids: Sequence[str], where: str) -> None:
    """Raise LeakFound when an id stands twice: one patient would be learned from and tested on."""
    twice = sorted(each for each, count in Counter(ids).items() if count > 1)
    if twice:
        shown = ", ".join(twice[:3]) + (" …" if len(twice) > 3 else "")
        raise LeakFound(
            f"{len(twice)} patients stand in more than one row ({shown})",
            where=where,
            todo="keep one row per patient, or give the patient's column as `group` and a row id as `id`",
        )


def numeric(cohort: Cohort, where: str) -> tuple[tuple[str, ...], Floats]:
    """Columns as numbers, (n, p): numbers and dates as they are, categories as one 0/1 column per label.

    Raises ConfigInvalid when nothing is left, or a category has more labels than can be meant as groups.
    """
    names: list[str] = []
    parts: list[Floats] = []
    for column in cohort.columns:
        labels, values = _expanded(column, where)
        names += labels
        parts.append(values)
    if not names:
        raise ConfigInvalid("no measured columns", where=where, todo="give a table with columns beside the id")
    return tuple(names), np.ascontiguousarray(np.concatenate(parts, axis=1))


def _expanded(column: Column, where: str) -> tuple[list[str], Floats]:
    if column.kind is not ColumnKind.CATEGORY:
        values = np.asarray(column.values, dtype=np.float64)
        return [column.name], np.where(np.isfinite(values), values, np.nan)[:, None]
    if len(column.categories) > MOST_LABELS:
        raise ConfigInvalid(
            f"column {column.name!r} has {len(column.categories)} different texts",
            where=where,
            todo="name it in `exclude`, or correct the cells that should be numbers",
        )
    codes = np.asarray(column.values)
    indicators = (codes[:, None] == np.arange(len(column.categories))).astype(np.float64)
    indicators[codes < 0] = np.nan
    return [f"{column.name}={label}" for label in column.categories], indicators
