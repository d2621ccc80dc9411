"""Tables with a row per finding or gene call (`sartor batch`, `sartor pgx`) to one row per patient.

A finding becomes a category (its conclusion), and a number where it has an estimate; a gene becomes its phenotype and
its activity score. What was not assessed or not called is missing, which is not the same as normal.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sartor.domain.cohort_table import Cohort, ColumnKind
from sartor.errors import MalformedInput
from sartor.io.cohort_table import digest, from_labels
from sartor.io.text import content_of, decoded

_FINDINGS: Final = frozenset({"patient", "capability", "about_label", "status", "conclusion", "estimate"})
_CALLS: Final = frozenset({"sample", "gene", "phenotypes", "activity_scores"})
_ASSESSED: Final = "assessed"
_PATIENT: Final = "patient"


def read_findings(path: Path, *, only: Sequence[str] = ()) -> Cohort:
    """One row per patient, sorted; the first column, "patient", is the id.

    only: names of the columns wanted ("CYP2C19", "clopidogrel", "warfarin estimate"); all by default.
    Raises MalformedInput for a table that is neither form.
    """
    rows = list(_rows(path))
    headings = set(rows[0]) if rows else set()
    if headings >= _FINDINGS:
        cells = [cell for row in rows for cell in _of_finding(row)]
        people = {str(row["patient"]) for row in rows}
    elif headings >= _CALLS:
        cells = [cell for row in rows for cell in _of_call(row)]
        people = {str(row["sample"]) for row in rows}
    else:
        raise MalformedInput(
            "it is no table of findings (sartor batch) or gene calls (sartor pgx)",
            where=str(path),
            todo="write it anew with one of these commands",
        )
    names = sorted({name for _, name, _, _ in cells} if not only else set(only))
    return _wide(path, sorted(people), names, cells)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet:
        from pyarrow import parquet

        yield from parquet.read_table(path).to_pylist()
        return
    text = decoded(content_of(path), where=str(path))
    if text.lstrip().startswith("{"):
        yield from (json.loads(line) for line in text.split("\n") if line.strip())
        return
    yield from csv.DictReader(io.StringIO(text), delimiter="\t")


def _of_finding(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float | None]]:
    """(patient, column, label, number); nothing for what was not assessed."""
    name = str(row["about_label"] or row.get("about_code") or "")
    if row["status"] != _ASSESSED or not name:
        return
    patient = str(row["patient"])
    if row["conclusion"]:
        yield patient, name, str(row["conclusion"]), None
    if row["estimate"] not in (None, ""):
        yield patient, f"{name} estimate", "", float(row["estimate"])


def _of_call(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float | None]]:
    patient, gene = str(row["sample"]), str(row["gene"])
    if row["phenotypes"]:
        yield patient, gene, str(row["phenotypes"]), None
    scores = str(row["activity_scores"] or "").split("|")
    try:
        numbers = {float(each) for each in scores if each}
    except ValueError:
        numbers = set()
    if len(numbers) == 1:
        yield patient, f"{gene} activity", "", numbers.pop()


def _wide(
    path: Path,
    people: Sequence[str],
    names: Sequence[str],
    cells: Iterable[tuple[str, str, str, float | None]],
) -> Cohort:
    labels: dict[str, dict[str, list[str]]] = {name: {} for name in names}
    numeric: set[str] = set()
    for patient, name, label, number in cells:
        if name in labels:
            numeric |= {name} if number is not None else set()
            labels[name].setdefault(patient, []).append(label if number is None else repr(number))
    columns = [from_labels(_PATIENT, people, ColumnKind.CATEGORY)]
    for name in names:
        kind = ColumnKind.NUMBER if name in numeric else ColumnKind.CATEGORY
        said = [_one(labels[name].get(person, []), kind) for person in people]
        columns.append(from_labels(name, said, kind))
    return Cohort(tuple(columns), (digest(path, "findings"),))


def _one(values: Sequence[str], kind: ColumnKind) -> str:
    """Several conclusions about the same subject as one label; of several numbers the first (the best rank)."""
    if not values:
        return ""
    return values[0] if kind is ColumnKind.NUMBER else " & ".join(sorted(set(values)))
