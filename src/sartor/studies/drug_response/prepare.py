"""Configuration and tables → one table of cells by drugs, with features of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, ColumnKind
from sartor.domain.provenance import InputFile
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.drug_response.responses import Floats, Ints, Responses, Split
from sartor.learning.multiomics.views import align

KEYS = frozenset({
    "data", "cell", "drug", "response", "cells", "drugs", "group", "splits", "folds", "seed", "halves", "candidates",
    "lower_is_sensitive", "unit", "title", "time_budget_s",
})  # fmt: skip
TABLE_KEYS = frozenset({"data", "id", "exclude"})
CANDIDATES = ("ridge per drug", "low rank", "two-step kernel", "boosted trees")
FEWEST_CELLS = 20


@dataclass(frozen=True, slots=True)
class PreparedResponses:
    """The table and how to ask it."""

    config: Mapping[str, Any]
    responses: Responses
    splits: tuple[Split, ...]
    checks: tuple[Check, ...]
    inputs: tuple[InputFile, ...]
    seed: int


def prepare(config: Mapping[str, Any], around: Surroundings) -> PreparedResponses:
    """Read responses (long form) and features, and align them.

    Raises ConfigInvalid for what cannot be followed, LeakFound for a cell or drug in two rows of its features,
    TooFewData where too little is left.
    """
    known = _checked(config)
    names = [known["cell"], known["drug"]]
    around.progress("reading responses")
    table = around.read(known["data"], categorical=names)
    for name in (*names, known["response"], *([known["group"]] if "group" in known else [])):
        if name not in table:
            shown = ", ".join(table.names[:8])
            raise ConfigInvalid(f"there is no column {name!r}", where=known["data"], todo=f"choose one of {shown}")
    cells, drugs, values, repeats, lost = _pivot(table, known)
    if len(cells) < FEWEST_CELLS or not drugs:
        raise TooFewData(
            f"{len(cells)} cells and {len(drugs)} drugs", where=known["data"], todo=f"give {FEWEST_CELLS} cells or more"
        )
    cell_columns, cell_features, cell_files = _features(known["cells"], known["cell"], cells, "[[cells]]", around)
    drug_columns, drug_features, drug_files = _features(known["drugs"], known["drug"], drugs, "[[drugs]]", around)
    lacking = int(np.isnan(cell_features).all(axis=1).sum()) if cell_features.shape[1] else 0
    responses = Responses(
        cells, drugs, values, cell_features, cell_columns, drug_features, drug_columns, _groups(table, known, cells)
    )
    checks = (
        Check(name="repeated_pairs", passed=repeats == 0, severity="note", detail=str(repeats),
              values={"count": repeats}),
        Check(name="rows_without_response", passed=lost == 0, severity="note", detail=str(lost),
              values={"count": lost}),
        Check(name="cells_without_features", passed=lacking == 0, severity="note", detail=str(lacking),
              values={"count": lacking}),
    )  # fmt: skip
    files = (*table.files, *cell_files, *drug_files)
    splits = tuple(Split(each) for each in known["splits"])
    return PreparedResponses(known, responses, splits, checks, files, int(known["seed"]))


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(config) - KEYS):
        raise ConfigInvalid(f"unknown keys: {', '.join(unknown)}", where="configuration", todo=f"use {_list(KEYS)}")
    known = {"cell": "cell", "drug": "drug", "response": "response", "cells": [], "drugs": [], "folds": 5, "seed": 0,
             "splits": list(Split), "halves": 50, "candidates": list(CANDIDATES), "lower_is_sensitive": True,
             **config}  # fmt: skip
    if not isinstance(known.get("data"), str):
        raise ConfigInvalid("`data` is missing", where="configuration", todo="name the table of responses")
    for key, least in (("folds", 2), ("halves", 10), ("seed", 0)):
        if not isinstance(known[key], int) or isinstance(known[key], bool) or known[key] < least:
            raise ConfigInvalid(f"`{key}` is {known[key]!r}", where="configuration", todo=f"give at least {least}")
    budget = known.get("time_budget_s")
    if budget is not None and (not isinstance(budget, int | float) or isinstance(budget, bool) or not budget > 0):
        raise ConfigInvalid(f"`time_budget_s` is {budget!r}", where="configuration", todo="give seconds above 0")
    for key in ("cell", "drug", "response", "group"):
        if key in known and not isinstance(known[key], str):
            raise ConfigInvalid(f"`{key}` is {known[key]!r}", where="configuration", todo="name a column")
    for key, allowed in (("splits", tuple(Split)), ("candidates", CANDIDATES)):
        given = known[key]
        if not isinstance(given, list) or not given or any(each not in allowed for each in given):
            raise ConfigInvalid(f"`{key}` is {given!r}", where="configuration", todo=f"use {_list(allowed)}")
    for key in ("cells", "drugs"):
        known[key] = _checked_tables(known[key], key)
    return known


def _checked_tables(given: Any, key: str) -> list[dict[str, Any]]:
    tables = [given] if isinstance(given, Mapping) else given
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        raise ConfigInvalid(f"`{key}` is {given!r}", where="configuration", todo=f"give [[{key}]] with data and id")
    for table in tables:
        if not isinstance(table, Mapping) or not isinstance(table.get("data"), str) or set(table) - TABLE_KEYS:
            raise ConfigInvalid(
                "a table of features needs `data`, and may have `id` and `exclude`",
                where=f"[[{key}]]",
                todo="correct it",
            )
    return [dict(table) for table in tables]


def _pivot(table: Cohort, known: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], Floats, int, int]:
    """(cells, drugs, (c, d) means of repeated measurements, number of repeated pairs, rows that could not be used)."""
    column = table.column(known["response"])
    if column.kind is ColumnKind.CATEGORY:
        raise ConfigInvalid(
            f"column {column.name!r} is text", where="`response`", todo="name a column of numbers, such as ln(IC50)"
        )
    cell, drug = table.column(known["cell"]).labels(), table.column(known["drug"]).labels()
    values = np.asarray(column.values, dtype=np.float64)
    good = np.isfinite(values) & np.array([bool(c and d) for c, d in zip(cell, drug, strict=True)], dtype=bool)
    cells = tuple(sorted({cell[row] for row in np.flatnonzero(good)}))
    drugs = tuple(sorted({drug[row] for row in np.flatnonzero(good)}))
    place, column_of = {name: k for k, name in enumerate(cells)}, {name: k for k, name in enumerate(drugs)}
    rows = np.array([place[cell[row]] for row in np.flatnonzero(good)], dtype=np.int64)
    columns = np.array([column_of[drug[row]] for row in np.flatnonzero(good)], dtype=np.int64)
    total, count = np.zeros((len(cells), len(drugs))), np.zeros((len(cells), len(drugs)))
    np.add.at(total, (rows, columns), values[good])
    np.add.at(count, (rows, columns), 1.0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return cells, drugs, mean, int((count > 1).sum()), int((~good).sum())


def _features(
    tables: Sequence[Mapping[str, Any]], name: str, ids: Sequence[str], where: str, around: Surroundings
) -> tuple[tuple[str, ...], Floats, list[InputFile]]:
    columns: list[str] = []
    parts: list[Floats] = []
    files: list[InputFile] = []
    for table in tables:
        around.progress(f"reading {table['data']}")
        id_column = table.get("id", name)
        cohort = around.read(table["data"], categorical=[id_column])
        files += cohort.files
        view = align(table["data"], cohort.without(sorted(table.get("exclude", ()))), id_column, ids)
        if not view.present.any():
            raise ConfigInvalid(
                "no identifier of the features is among the responses", where=f"{where} {table['data']}",
                todo=f"check that {id_column!r} holds the same identifiers as {name!r}",
            )  # fmt: skip
        columns += view.columns
        parts.append(view.values)
    repeated = {each for each, count in Counter(columns).items() if count > 1}
    if repeated:
        columns = [f"{each}#{k}" if each in repeated else each for k, each in enumerate(columns)]
    return tuple(columns), np.concatenate(parts, axis=1) if parts else np.zeros((len(ids), 0)), files


def _groups(table: Cohort, known: Mapping[str, Any], cells: Sequence[str]) -> Ints:
    """Number of each cell's group; a cell that is in two groups joins them, so that neither leaks into the other."""
    group = {name: name for name in cells}
    if "group" in known:
        parent: dict[str, str] = {}

        def root(name: str) -> str:
            while parent.setdefault(name, name) != name:
                name = parent[name]
            return name

        cell, label = table.column(known["cell"]).labels(), table.column(known["group"]).labels()
        for one, other in zip(cell, label, strict=True):
            if one and other:
                parent[root(f"cell:{one}")] = root(f"group:{other}")
        group = {name: root(f"cell:{name}") for name in cells}
    return np.unique([group[name] for name in cells], return_inverse=True)[1].astype(np.int64)


def _list(names: Any) -> str:
    return ", ".join(sorted(str(name) for name in names))
