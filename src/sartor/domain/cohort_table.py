"""Many people as named columns: what a study learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.provenance import InputFile, Quarantined


class ColumnKind(StrEnum):
    """How the values of a column are to be read."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    """One named column.

    values:     NUMBER: float32 or float64, NaN where missing. CATEGORY: int32 codes into `categories`, -1 where
                missing. DATE: float64 days since 1970-01-01, NaN where missing. Shape (rows,).
    categories: the labels of a CATEGORY, in code order (sorted, so that codes do not depend on the order of rows).
    unit:       UCUM, "" where none was stated.
    """

    name: str
    kind: ColumnKind
    values: npt.NDArray[Any]
    categories: tuple[str, ...] = ()
    unit: str = ""

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Where there is no value, shape (rows,)."""
        if self.kind is ColumnKind.CATEGORY:
            return np.asarray(self.values < 0)
        return np.asarray(np.isnan(self.values))

    def labels(self) -> list[str]:
        """The values as text, "" where missing; whole numbers without a decimal point."""
        if self.kind is ColumnKind.CATEGORY:
            return ["" if code < 0 else self.categories[code] for code in self.values]
        return ["" if np.isnan(value) else np.format_float_positional(value, trim="-") for value in self.values]

    def take(self, rows: npt.NDArray[Any]) -> Column:
        """The same column for these rows (indices or a mask)."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, slots=True)
class Cohort:
    """Rows (patients, visits, cell lines) by named columns.

    files:       what it was read from, with digests.
    quarantined: rows or cells that could not be used, each with place and reason.
    """

    columns: tuple[Column, ...]
    files: tuple[InputFile, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.columns[0].values) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of this name."""
        return any(column.name == name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def take(self, rows: npt.NDArray[Any]) -> Cohort:
        """The same columns for these rows (indices or a mask)."""
        return replace(self, columns=tuple(column.take(rows) for column in self.columns))

    def select(self, names: Sequence[str]) -> Cohort:
        """These columns, in this order; KeyError for one that is not there."""
        return replace(self, columns=tuple(self.column(name) for name in names))

    def without(self, names: Sequence[str]) -> Cohort:
        """Every column but these."""
        left_out = set(names)
        return replace(self, columns=tuple(column for column in self.columns if column.name not in left_out))
