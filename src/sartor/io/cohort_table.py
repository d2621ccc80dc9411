"""Tables of many people (CSV, TSV, packed or not, Parquet) to columns: numbers, categories, dates, missing told."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.provenance import InputFile, Origin, Quarantined
from sartor.errors import MalformedInput

MISSING: Final = ("", "NA", "N/A", "n/a", "na", "?", "NaN", "nan", "NAN", "None", "null", "NULL", "#N/A", "NaT", ".")
_DELIMITERS: Final = (",", "\t", ";", "|")
_EXACT_IN_FLOAT32: Final = 2**24
_LISTED: Final = 1000
_PACKED: Final = {b"\x1f\x8b": "gzip", b"\xfd7zXZ": "xz", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_WHOLE: Final = re.compile(r"^([-+]?\d+)\.0+$")
_GROUPED: Final = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
MOST_WORDS: Final = 5
LEAST_NUMBERS: Final = 20
NEARLY: Final = 0.9
"""From which share of numbers on a column is one of numbers, though a few cells hold words."""
_LIMIT: Final = re.compile(r"\s*[<>]=?\s*([-+]?\d+(?:\.\d+)?)\s*")


@dataclass(slots=True)
class _Reading:
    """What was asked of one file, and what could not be used of it."""

    path: Path
    columns: Sequence[str] | None
    kinds: Mapping[str, ColumnKind]
    missing: tuple[str, ...]
    delimiter: str
    quarantined: list[Quarantined] = field(default_factory=list)

    def refuse(self, reason: str, *, line: int | None = None, column: str = "", kind: str = "line") -> None:
        """Keep in mind what could not be used."""
        origin = Origin(file=str(self.path), line=line, field=column)
        self.quarantined.append(Quarantined(origin=origin, reason=reason, kind=kind))


def read_cohort(
    path: Path | str,
    *,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    categorical: Iterable[str] = (),
    missing: Iterable[str] = (),
    delimiter: str = "",
    definitions: Mapping[str, Any] | None = None,
    findings: bool = False,
    **further: Any,
) -> Cohort:
    """The columns of a table; numbers as float32 (float64 where float32 would lose digits of whole numbers).

    columns:     only these, in this order (KeyError becomes MalformedInput with the names there are).
    kinds:       "number", "category" or "date" by column; otherwise recognised. `categorical` names codes that look
                 like numbers.
    missing:     further markers of a missing value, such as "-9"; they count in every column.
    delimiter:   otherwise the most frequent of comma, tab, semicolon and bar in the heading.
    definitions: columns as views of FHIR resources (io.cohort_fhir); `path` is then NDJSON, a bundle or a folder.
    findings:    the table is one of findings, a row each (`sartor batch`); it becomes a row per patient.
    Rows with too many or too few cells are left out and listed in `quarantined`, with line and reason.
    Raises MalformedInput for an empty file, doubled headings, or a file that is no such table.
    """
    place = Path(path)
    if definitions is not None:
        from sartor.io.cohort_fhir import read_fhir_cohort

        return read_fhir_cohort(place, definitions, **further)
    asked = {name: ColumnKind(kind) for name, kind in (kinds or {}).items()}
    asked |= dict.fromkeys(categorical, ColumnKind.CATEGORY)
    if findings:
        from sartor.io.cohort_findings import read_findings

        return read_findings(place, **further)
    reading = _Reading(place, columns, asked, _markers(missing), delimiter)
    head = _head(place)
    read = _parquet if head.startswith(b"PAR1") else _text
    found = tuple(read(reading, head))
    if not found or not len(found[0].values):
        raise MalformedInput("the table has no rows", where=str(place), todo="give a heading and at least one row")
    kind = "cohort table (Parquet)" if head.startswith(b"PAR1") else "cohort table (text)"
    return Cohort(found, (digest(place, kind),), tuple(reading.quarantined))


def digest(path: Path, kind: str) -> InputFile:
    """The file's size and SHA-256."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return InputFile(path=path.name, kind=kind, size=path.stat().st_size, sha256=found)


def from_labels(name: str, labels: Sequence[str], kind: ColumnKind | None = None, unit: str = "") -> Column:
    """A column from text, "" where missing; a NUMBER when every label is one, unless a kind is asked for."""
    if kind is ColumnKind.CATEGORY or (kind is None and not _all_numbers(labels)):
        labels = _plain_codes(labels)
        categories = tuple(sorted({label for label in labels if label}))
        position = {label: code for code, label in enumerate(categories)} | {"": -1}
        return Column(name, ColumnKind.CATEGORY, np.array([position[label] for label in labels], np.int32), categories)
    values = np.array([float(label) if label else np.nan for label in labels], dtype=np.float64)
    return Column(name, kind or ColumnKind.NUMBER, values if kind is ColumnKind.DATE else _smallest(values), unit=unit)


def _markers(further: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(MISSING)
    for each in further:
        text = str(each)
        found[text] = None
        if re.fullmatch(r"-?\d+", text):
            found[f"{text}.0"] = None
    return tuple(found)


_OTHER_FORMATS: Final = {
    b"PK\x03\x04": "an Excel workbook (or another zip archive)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"$FL2": "an SPSS file",
    b"$FL3": "an SPSS file",
    b"<stata_d": "a Stata file",
    b"\x00\x00\x00\x00\x00\x00\x00\x00": "a binary file (SAS?)",
    b"%PDF": "a PDF",
    b"SQLite f": "a database",
}


def _refuse_other_formats(path: Path, head: bytes) -> None:
    """What people hand in that is no CSV and no Parquet, by its first bytes."""
    kind = next((name for magic, name in _OTHER_FORMATS.items() if head.startswith(magic)), "")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not kind and path.suffix.lower() in (".json", ".ndjson") and start[:1] in (b"{", b"["):
        kind = "JSON"
    if not kind and start[:1] == b"<":
        kind = "HTML or XML"
    if kind:
        raise MalformedInput(f"it is {kind}, no table", where=str(path), todo="export it as CSV (UTF-8) or Parquet")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except IsADirectoryError as error:
        raise MalformedInput(
            "a folder is no table", where=str(path), todo="give [columns] for FHIR, or name one file"
        ) from error
    except OSError as error:
        raise MalformedInput(f"cannot be read ({error.strerror})", where=str(path), todo="check the path") from error
    if not head:
        raise MalformedInput("the file is empty", where=str(path), todo="give a heading and at least one row")
    _refuse_other_formats(path, head)
    return head


def _open(path: Path, head: bytes) -> Any:
    """The unpacked bytes as a stream."""
    import pyarrow as pa

    packed = next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), None)
    if packed == "xz":
        return pa.PythonFile(lzma.open(path, "rb"), mode="r")
    return pa.input_stream(str(path), compression=packed)


def _first_lines(path: Path, head: bytes) -> tuple[bytes, str]:
    """The beginning of the text and its encoding."""
    try:
        with _open(path, head) as stream:
            start = bytes(stream.read(1 << 18))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise MalformedInput(f"it cannot be read ({error})", where=str(path), todo="fetch it again") from error
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return start, "utf-16"
    if b"\x00" in start:
        raise MalformedInput("the file is not text", where=str(path), todo="export it as CSV (UTF-8) or Parquet")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return start, "cp1252"
    return start, "utf-8-sig"


def _headings(reading: _Reading, start: bytes, encoding: str) -> tuple[list[str], int]:
    """The headings, and the lines that they take. Sets the delimiter where none was given."""
    text = start.decode(encoding, errors="replace")
    lines = io.StringIO(text, newline="")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not reading.delimiter:
        reading.delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(lines, delimiter=reading.delimiter)
    cells = next((row for row in rows if row), [])
    names = [cell.strip() or f"unnamed_{place}" for place, cell in enumerate(cells, start=1)]
    if not any(cell.strip() for cell in cells):
        raise MalformedInput("the table has no heading", where=f"{reading.path}:1", todo="name the columns")
    _refuse_doubled(names, f"{reading.path}:{rows.line_num}")
    return names, rows.line_num


def _refuse_doubled(names: Sequence[str], where: str) -> None:
    if doubled := sorted(name for name, count in Counter(names).items() if count > 1):
        raise MalformedInput(
            f"the heading names {', '.join(doubled)} more than once", where=where, todo="give every column its own name"
        )


def _text(reading: _Reading, head: bytes) -> Iterable[Column]:
    start, encoding = _first_lines(reading.path, head)
    if not start.strip(b"\xef\xbb\xbf\r\n\t "):
        raise MalformedInput("the file is empty", where=str(reading.path), todo="give a heading and at least one row")
    names, lines = _headings(reading, start, encoding)
    wanted = _wanted(reading, names)
    table = _parse(reading, head, names, lines, wanted, encoding.removesuffix("-sig"))
    yield from _columns(reading, table, wanted, text=True)


def _wanted(reading: _Reading, names: Sequence[str]) -> list[str]:
    wanted = list(names if reading.columns is None else reading.columns)
    if unknown := [name for name in wanted if name not in names]:
        shown = ", ".join(names[:30]) + (" …" if len(names) > 30 else "")
        raise MalformedInput(
            f"it has no column {', '.join(unknown)}", where=str(reading.path), todo=f"choose from: {shown}"
        )
    return wanted


def _parse(
    reading: _Reading, head: bytes, names: Sequence[str], lines: int, wanted: Sequence[str], encoding: str
) -> Any:
    """The table by pyarrow; read again without threads when rows are wrong, since only then their lines are told."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    wrong: list[Any] = []

    def skip(row: Any) -> str:
        wrong.append(row)
        return "skip"

    def read(threads: bool, encoding: str) -> Any:
        wrong.clear()
        with _open(reading.path, head) as stream:
            return arrow_csv.read_csv(
                stream,
                read_options=arrow_csv.ReadOptions(
                    column_names=list(names),
                    skip_rows=lines,
                    use_threads=threads,
                    encoding=encoding,
                    block_size=1 << 23,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=reading.delimiter, invalid_row_handler=skip, newlines_in_values=True
                ),
                convert_options=_conversion(reading, wanted),
            )

    try:
        table = read(True, encoding)
        if any(pa.types.is_binary(kind) for kind in table.schema.types):
            encoding = "cp1252"
            table = read(True, encoding)
        if wrong:
            table = read(False, encoding)
    except (pa.ArrowException, OSError, EOFError, lzma.LZMAError, UnicodeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MalformedInput(f"it cannot be read ({said})", where=str(reading.path), todo="export it again") from error
    _list_wrong(reading, wrong, lines, table.num_rows)
    return table


def _conversion(reading: _Reading, wanted: Sequence[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    return arrow_csv.ConvertOptions(
        include_columns=list(wanted),
        null_values=list(reading.missing),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        true_values=["\x00"],
        false_values=["\x01"],
        column_types={name: pa.string() for name, kind in reading.kinds.items() if kind is ColumnKind.CATEGORY},
        decimal_point=".",
    )


def _list_wrong(reading: _Reading, wrong: Sequence[Any], lines: int, n_rows: int) -> None:
    for row in wrong[:_LISTED]:
        line = None if row.number is None else row.number
        reading.refuse(f"it has {row.actual_columns} cells where the heading has {row.expected_columns}", line=line)
    if len(wrong) > _LISTED:
        reading.refuse(f"{len(wrong) - _LISTED} more rows have another number of cells than the heading")
    if wrong and not n_rows:
        raise MalformedInput(
            f"no row has as many cells as the heading ({wrong[0].expected_columns})",
            where=str(reading.path),
            todo="check the delimiter and the heading",
        )


def _parquet(reading: _Reading, head: bytes) -> Iterable[Column]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(reading.path)
        names = file.schema_arrow.names
        _refuse_doubled(names, str(reading.path))
        for name in _wanted(reading, names):
            yield from _columns(reading, file.read(columns=[name]), [name], text=False)
    except (pa.ArrowException, OSError) as error:
        raise MalformedInput("the Parquet file is broken", where=str(reading.path), todo="write it again") from error


def _columns(reading: _Reading, table: Any, wanted: Sequence[str], *, text: bool) -> Iterable[Column]:
    """Column by column, letting go of each one that is done."""
    for name in wanted:
        place = table.column_names.index(name)
        values = table.column(place)
        table = table.remove_column(place)
        yield _column(reading, name, values, text=text)


def _column(reading: _Reading, name: str, values: Any, *, text: bool) -> Column:
    import pyarrow as pa

    asked = reading.kinds.get(name)
    kind = values.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise MalformedInput(
            f"column {name} holds {kind}, which is neither number, text nor date",
            where=str(reading.path),
            todo="leave it out with exclude, or write it as text",
        )
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _date_column(name, values) if asked is not ColumnKind.CATEGORY else _category(name, _as_text(values), ())
    if pa.types.is_boolean(kind) or pa.types.is_time(kind):
        return _category(name, _as_text(values), ())
    if pa.types.is_null(kind):
        return _empty(name, len(values), asked)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_column(reading, name, values, asked)
    if asked is ColumnKind.CATEGORY:
        return _category(name, _as_text(values), reading.missing)
    numbers = _numbers(values)
    if not text and (told := [float(each) for each in reading.missing if re.fullmatch(r"-?\d+(\.\d+)?", each)]):
        numbers = np.where(np.isin(numbers, told), np.float32(np.nan), numbers)
    if infinite := int(np.isinf(numbers).sum()):
        numbers[np.isinf(numbers)] = np.nan
        reading.refuse(f"{infinite} infinite values count as missing", column=name, kind="limit")
    return Column(name, asked or ColumnKind.NUMBER, numbers)


def _empty(name: str, n: int, asked: ColumnKind | None) -> Column:
    if asked is ColumnKind.CATEGORY:
        return Column(name, ColumnKind.CATEGORY, np.full(n, -1, np.int32))
    return Column(name, asked or ColumnKind.NUMBER, np.full(n, np.nan, np.float32))


def _numbers(values: Any) -> npt.NDArray[Any]:
    """float32, chunk by chunk; float64 where whole numbers are too large for it."""
    import pyarrow as pa

    if pa.types.is_integer(values.type) or pa.types.is_decimal(values.type):
        from pyarrow import compute

        limits = compute.min_max(values).as_py()
        large = max(abs(float(limits["min"] or 0)), abs(float(limits["max"] or 0))) > _EXACT_IN_FLOAT32
        target: Any = np.float64 if large else np.float32
    else:
        target = np.float32
    found = np.empty(len(values), dtype=target)
    at = 0
    for chunk in values.chunks:
        part = chunk.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        found[at : at + len(part)] = part
        if target is np.float32 and _loses(part):
            return np.array(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        at += len(part)
    return found


def _loses(part: npt.NDArray[np.float64]) -> bool:
    """Whether whole numbers among them need more than float32 has."""
    large = np.abs(part[np.isfinite(part)])
    large = large[large > _EXACT_IN_FLOAT32]
    return bool(len(large)) and bool((large == np.floor(large)).all())


def _smallest(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    return values if _loses(values) else values.astype(np.float32)


def _date_column(name: str, values: Any) -> Column:
    import pyarrow as pa

    kind = values.type
    stamps = values.cast(pa.timestamp("ms", tz=getattr(kind, "tz", None)), safe=False).cast(pa.int64())
    days = stamps.cast(pa.float64(), safe=False).to_numpy() / 86_400_000.0
    return Column(name, ColumnKind.DATE, np.asarray(days, dtype=np.float64))


def _as_text(values: Any) -> Any:
    import pyarrow as pa

    return values.cast(pa.string())


def _category(name: str, values: Any, missing: Sequence[str]) -> Column:
    """Codes into sorted labels; blanks around a label do not count."""
    encoded = values.combine_chunks().dictionary_encode()
    labels = _plain_codes([(label or "").strip() for label in encoded.dictionary.to_pylist()])
    lost = frozenset(missing) | {""}
    categories = tuple(sorted({label for label in labels if label not in lost}))
    position = {label: code for code, label in enumerate(categories)}
    codes = np.array([*(position.get(label, -1) for label in labels), -1], dtype=np.int32)
    places = encoded.indices.fill_null(len(labels)).to_numpy(zero_copy_only=False)
    return Column(name, ColumnKind.CATEGORY, codes[places], categories)


def _plain_codes(labels: Sequence[str]) -> list[str]:
    """Labels with whole numbers written one way: one site's "4.0" is another's "4"."""
    return [_WHOLE.sub(r"\1", label) for label in labels]


def _text_column(reading: _Reading, name: str, values: Any, asked: ColumnKind | None) -> Column:
    found = _category(name, values, reading.missing)
    if asked is ColumnKind.CATEGORY:
        return found
    if asked is ColumnKind.DATE or (asked is None and _looks_like_dates(found.categories)):
        return _parsed(reading, found, ColumnKind.DATE, _day)
    if asked is ColumnKind.NUMBER or (asked is None and _numeric(found.categories)) or (
        asked is None and _nearly_numeric(found)
    ):  # fmt: skip
        return _parsed(reading, found, ColumnKind.NUMBER, _thousands if _in_thousands(reading, found) else _value)
    return found


def _numeric(labels: Sequence[str]) -> bool:
    """Numbers, some perhaps with a decimal comma or beyond a limit of detection ("<0.5")."""
    return bool(labels) and all(not np.isnan(_value(label)) or _GROUPED.fullmatch(label) for label in labels)


def _nearly_numeric(found: Column) -> bool:
    """Many different numbers, and here and there a word ("hemolysed"); codes such as "V57" are no words."""
    is_number = np.array([*(not np.isnan(_value(label)) for label in found.categories), False])
    words = [label for label in found.categories if np.isnan(_value(label))]
    known = int((found.values >= 0).sum())
    return (
        len(words) <= MOST_WORDS
        and int(is_number.sum()) >= LEAST_NUMBERS
        and not any(re.search(r"\d", word) for word in words)
        and int(is_number[found.values].sum()) >= NEARLY * known
    )


def _in_thousands(reading: _Reading, found: Column) -> bool:
    """Whether commas group thousands ("1,250"): in a table whose cells a comma parts it is no decimal comma."""
    with_comma = [label for label in found.categories if "," in label]
    return reading.delimiter == "," and bool(with_comma) and all(_GROUPED.fullmatch(each) for each in with_comma)


def _thousands(label: str) -> float:
    return _value(label.replace(",", ""))


def _value(label: str) -> float:
    limit = _LIMIT.fullmatch(label)
    text = limit[1] if limit else label.strip()
    if re.fullmatch(r"[-+]?\d+,\d+", text):
        text = text.replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        return float("nan")
    return found if np.isfinite(found) and "_" not in text else float("nan")


def _all_numbers(labels: Sequence[str]) -> bool:
    return all(not np.isnan(_value(label)) and not _LIMIT.fullmatch(label) for label in set(labels) if label)


_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)([T ].*)?|(\d{1,2})\.(\d{1,2})\.(\d{4})|(\d{4})/(\d\d)/(\d\d)")


def _looks_like_dates(labels: Sequence[str]) -> bool:
    return bool(labels) and all(not np.isnan(_day(label)) for label in labels)


def _day(label: str) -> float:
    """Days since 1970-01-01 of an ISO date (or 31.12.1999, 1999/12/31); day and month in doubt are no date."""
    found = _DATE.fullmatch(label)
    if not found:
        return float("nan")
    year, month, day = (
        found[1] or found[7] or found[8],
        found[2] or found[6] or found[9],
        found[3] or found[5] or found[10],
    )
    try:
        return float(np.datetime64(f"{year}-{int(month):02}-{int(day):02}", "D").astype(int))
    except ValueError:
        return float("nan")


def _parsed(reading: _Reading, found: Column, kind: ColumnKind, parse: Any) -> Column:
    """The labels as numbers or days; a cell that is none is missing, and listed."""
    by_label = np.array([*(parse(label) for label in found.categories), np.nan], dtype=np.float64)
    values = by_label[found.values]
    lost = np.flatnonzero(np.isnan(values) & (found.values >= 0))
    for row in lost[:_LISTED]:
        said = f"{found.categories[found.values[row]]!r} is not a {kind.value}"
        reading.refuse(said, line=int(row) + 2, column=found.name, kind="field")
    limits = [label for label in found.categories if kind is ColumnKind.NUMBER and _LIMIT.fullmatch(label)]
    if limits:
        n = int(np.isin(found.values, [found.categories.index(label) for label in limits]).sum())
        reading.refuse(
            f"{n} values beyond a limit (such as {limits[0]}) are read as that limit", column=found.name, kind="limit"
        )
    return Column(found.name, kind, values if kind is ColumnKind.DATE else _smallest(values))
