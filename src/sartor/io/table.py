"""Tables of patients (CSV, TSV, Parquet, with headings) to parts of a Record: who, what is measured, what is taken.

Two forms are known: wide (one row per person or visit, a column per measurement, as "weight_kg") and long
(one row per result: test or LOINC code, value, unit, date).
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sartor.domain.code import LOINC, Coded
from sartor.domain.provenance import Origin, Quarantined
from sartor.domain.quantity import Quantity
from sartor.domain.record import Allergy, Condition, Demographics, Medication, Observation, Record, Unused
from sartor.errors import ConflictingInputs, MalformedInput, MissingExtra
from sartor.io.text import content_of, decoded
from sartor.knowledge import measurements, medicines
from sartor.knowledge.measurements import Column, Measurement

_PARQUET: Final = b"PAR1"
_DELIMITERS: Final = ("\t", ";", ",")
_NUMBER: Final = re.compile(r"(?P<comparator><=|>=|<|>)?\s*(?P<value>[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?)")
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-", "unknown"})
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table, each with its line, and its headings as they stand and as they are understood."""

    file: str
    headings: tuple[str, ...]
    columns: tuple[Column | None, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    quarantined: tuple[Quarantined, ...] = ()

    @property
    def is_long(self) -> bool:
        """One row per result rather than one per person or visit."""
        roles = self.roles
        return "value" in roles and ("test" in roles or "code" in roles)

    @property
    def roles(self) -> dict[str, int]:
        """Role → its column."""
        found: dict[str, int] = {}
        for index, column in enumerate(self.columns):
            if column is not None and column.role:
                found.setdefault(column.role, index)
        return found

    def people(self) -> tuple[str, ...]:
        """The identifiers of the people in it, in order; one empty string when it names none."""
        place = self.roles.get("identifier")
        if place is None:
            return ("",)
        return tuple(dict.fromkeys(cells[place] for _, cells in self.rows if cells[place])) or ("",)


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` is a table whose headings are understood."""
    if head.startswith(_PARQUET):
        return True
    try:
        text = decoded(head)
    except MalformedInput:
        return False
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    if len(lines) < 2 or text.lstrip().startswith(("{", "[", "<")):
        return False
    headings = _split(lines[0])
    return _is_understood(tuple(measurements.column(heading) for heading in headings)) and len(headings) > 1


def _is_understood(columns: tuple[Column | None, ...]) -> bool:
    """At least two headings, of which one says something of a person's health or identity."""
    known = [column for column in columns if column is not None]
    roles = {column.role for column in known}
    measured = any(column.measurement is not None for column in known)
    long = "value" in roles and bool(roles & {"test", "code"})
    wide = measured or bool(roles & {"sex", "birth_date", "medications", "conditions", "allergies"})
    return len(known) > 1 and (long or wide)


def read_table(path: Path) -> Table:
    """The table as text. Raises MalformedInput when it has no headings that are understood."""
    with path.open("rb") as file:
        is_parquet = file.read(4) == _PARQUET
    lines = _parquet_lines(path) if is_parquet else _text_lines(path)
    first = next(iter(lines), None)
    headings = tuple(first[1]) if first else ()
    columns = tuple(measurements.column(heading) for heading in headings)
    if not _is_understood(columns):
        raise MalformedInput(
            "none of the table's headings is known",
            where=f"{path}:1",
            todo="name the columns, for example id, sex, birth_date, weight_kg; see docs/howto/inputs.md",
        )
    rows: list[tuple[int, tuple[str, ...]]] = []
    wrong: list[Quarantined] = []
    for number, cells in lines[1:]:
        if len(cells) == len(headings):
            rows.append((number, tuple(cell.strip() for cell in cells)))
            continue
        reason = f"it has {len(cells)} cells where the heading has {len(headings)}"
        wrong.append(Quarantined(origin=Origin(file=str(path), line=number), reason=reason, kind="line"))
    return Table(str(path), headings, columns, tuple(rows), tuple(wrong))


def read_record(path: Path, *, patient: str = "") -> Record:
    """One person's parts of the table.

    Raises ConflictingInputs when it holds several people and none, or none of that name, was asked for.
    """
    return record_of(read_table(path), patient=patient)


def record_of(table: Table, *, patient: str = "") -> Record:
    """As `read_record`, of a table already read."""
    people = table.people()
    if patient not in people and (patient or len(people) > 1):
        what = f"it has no patient {patient!r}" if patient else f"it holds {len(people)} people"
        raise ConflictingInputs(
            f"{what} (there: {', '.join(people[:_SHOWN])}{' …' if len(people) > _SHOWN else ''})",
            where=table.file,
            todo="name one of them, or split the table",
        )
    building = _Building(table, patient or people[0])
    place = table.roles.get("identifier")
    for number, cells in table.rows:
        if place is not None and cells[place] != building.identifier:
            building.others += 1
        elif table.is_long:
            building.take_result(number, cells)
        else:
            building.take_row(number, cells)
    return building.record()


@dataclass(slots=True)
class _Building:
    """One person's parts while they are put together."""

    table: Table
    identifier: str
    person: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, list[Any]] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    others: int = 0

    def record(self) -> Record:
        """The record, with the columns and rows that were not used."""
        unknown = [
            heading
            for heading, column in zip(self.table.headings, self.table.columns, strict=True)
            if column is None and not self.table.is_long
        ]
        unused = [
            Unused(kind=f"column {heading}", reason="its heading is not known", origin=Origin(file=self.table.file))
            for heading in unknown
        ]
        if self.others:
            reason = "belongs to another patient"
            unused.append(Unused(kind="row", count=self.others, reason=reason, origin=Origin(file=self.table.file)))
        return Record(
            demographics=Demographics(identifier=self.identifier, origin=Origin(file=self.table.file), **self.person),
            quarantined=(*self.table.quarantined, *self.quarantined),
            other=tuple(unused),
            **{part: tuple(data) for part, data in self.parts.items()},
        )

    def take_row(self, number: int, cells: tuple[str, ...]) -> None:
        """A row of the wide form."""
        time = self._cell(cells, "date")
        for heading, column, cell in zip(self.table.headings, self.table.columns, cells, strict=True):
            if column is None or cell.lower() in _MISSING:
                continue
            origin = Origin(file=self.table.file, line=number, field=heading)
            if column.measurement is not None:
                self._measure(column.measurement, column.unit, cell, time, origin)
            else:
                self._say(column.role, cell, origin)

    def take_result(self, number: int, cells: tuple[str, ...]) -> None:
        """A row of the long form."""
        test, code = self._cell(cells, "test"), self._cell(cells, "code")
        for role in ("sex", "birth_date", "ancestry", "name"):
            if text := self._cell(cells, role):
                self._say(role, text, Origin(file=self.table.file, line=number, field=role))
        value = self._cell(cells, "value")
        if value.lower() in _MISSING:
            return
        origin = Origin(file=self.table.file, line=number, field=test or code)
        known = measurements.named(test) if test else None
        measurement = Measurement(test or (known.name if known else ""), code or (known.loinc if known else ""))
        if known is not None and not code:
            measurement = known
        if not measurement.name and not measurement.loinc:
            self._wrong(origin, "it does not say what was measured")
            return
        unit = measurements.unit(self._cell(cells, "unit")) or (known.unit if known else "")
        self._measure(measurement, unit, value, self._cell(cells, "date"), origin)

    def _cell(self, cells: tuple[str, ...], role: str) -> str:
        place = self.table.roles.get(role)
        return "" if place is None else cells[place]

    def _wrong(self, origin: Origin, reason: str) -> None:
        self.quarantined.append(Quarantined(origin=origin, reason=reason, kind="field"))

    def _measure(self, measurement: Measurement, unit: str, cell: str, time: str, origin: Origin) -> None:
        """An observation; a number where the cell is one, else its text."""
        number = _NUMBER.fullmatch(cell)
        value = float(number["value"].replace(",", ".")) if number else math.nan
        loinc = measurement.loinc
        if measurement.molar_loinc and unit in ("mmol/L", "umol/L", "mmol/mol"):
            loinc = measurement.molar_loinc
        code = (Coded(system=LOINC, code=loinc, label=measurement.name),) if loinc else ()
        quantity = None
        if number is not None and math.isfinite(value):
            quantity = Quantity(value=value, unit=unit, comparator=number["comparator"] or "")
        self.parts.setdefault("observations", []).append(
            Observation(
                code=code,
                text=measurement.name,
                status="final",
                quantity=quantity,
                text_value="" if quantity is not None else cell,
                time=time,
                origin=origin,
            )
        )

    def _say(self, role: str, cell: str, origin: Origin) -> None:
        """What a cell of one of the roles says."""
        if role == "sex":
            sex = measurements.sex(cell)
            if sex:
                self._identify("sex", sex, origin)
            else:
                self._wrong(origin, "not a sex that is known (male, female, other)")
        elif role == "birth_date":
            if re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", cell):
                self._identify("birth_date", cell, origin)
            else:
                self._wrong(origin, "not a date as 1970-05-31")
        elif role == "name":
            self._identify("name", cell, origin)
        elif role == "ancestry":
            self.person["ancestry"] = (Coded(system="", code=cell, label=cell),)
        else:
            for item in _items(cell):
                self._list(role, item, origin)

    def _identify(self, name: str, value: str, origin: Origin) -> None:
        if self.person.setdefault(name, value) != value:
            self._wrong(origin, f"another {name.replace('_', ' ')} than in an earlier row")

    def _list(self, role: str, item: str, origin: Origin) -> None:
        if role == "medications":
            found = medicines.match((), item)
            datum: Any = Medication(text=item, status="active", current=True, drugs=found, origin=origin)
        elif role == "conditions":
            datum = Condition(code=(), text=item, status="active", origin=origin)
        elif role == "allergies":
            datum = Allergy(text=item, status="active", origin=origin)
        else:
            return
        if all(datum.text != other.text for other in self.parts.get(role, ())):
            self.parts.setdefault(role, []).append(datum)


def _items(cell: str) -> Iterable[str]:
    return (item.strip() for item in re.split(r"[|;]", cell) if item.strip())


def _split(line: str) -> list[str]:
    delimiter = max(_DELIMITERS, key=line.count)
    return next(csv.reader([line], delimiter=delimiter), [])


def _text_lines(path: Path) -> list[tuple[int, list[str]]]:
    """The cells of each line with the line's number; comments (#) and empty lines left out."""
    text = decoded(content_of(path), where=str(path))
    first = next((line for line in text.split("\n") if line.strip() and not line.startswith("#")), "")
    reader = csv.reader(io.StringIO(text), delimiter=max(_DELIMITERS, key=first.count))
    found = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                found.append((reader.line_num, cells))
    except csv.Error as error:
        raise MalformedInput(
            f"the table cannot be read: {error}", where=f"{path}:{reader.line_num}", todo="export it again"
        ) from error
    return found


def _parquet_lines(path: Path) -> list[tuple[int, list[str]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("reading Parquet needs pyarrow", where=str(path), todo="pip install pyarrow") from error
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise MalformedInput("the Parquet file is broken", where=str(path), todo="write it again") from error
    columns = [table.column(name).to_pylist() for name in table.column_names]
    rows = [
        (number, [_cell_text(value) for value in cells])
        for number, cells in enumerate(zip(*columns, strict=True), start=1)
    ]
    return [(0, list(table.column_names)), *rows]


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "|".join(str(item) for item in value)
    return str(value)
