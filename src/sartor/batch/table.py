"""The batch table as Parquet, NDJSON or TSV, chosen by the output's suffix, written row group by row group."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sartor.batch.rows import COLUMNS, NUMBERS, Row
from sartor.errors import UsageError

Write = Callable[[Sequence[Row]], None]
_LISTS = frozenset({"because", "sources"})


def check_suffix(out: Path) -> None:
    """Raise UsageError unless the suffix names one of the three forms."""
    if out.suffix not in _WRITERS:
        raise UsageError(
            f"no such table form: {out.suffix or 'no suffix'}",
            where=f"--out {out}",
            todo=f"end the name in {', '.join(_WRITERS)}",
        )


@contextmanager
def writer(path: Path, suffix: str) -> Iterator[Write]:
    """A function that appends rows to a new file of this form."""
    with _WRITERS[suffix](path) as write:
        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(name, pa)) for name in COLUMNS])
    with pq.ParquetWriter(path, schema, compression="zstd") as out:

        def write(rows: Sequence[Row]) -> None:
            if rows:
                out.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))

        yield write


def _arrow_type(name: str, pa: Any) -> Any:
    if name in _LISTS:
        return pa.list_(pa.string())
    if name in NUMBERS:
        return pa.float64()
    return pa.int32() if name == "rank" else pa.string()


@contextmanager
def _ndjson(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        yield lambda rows: out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@contextmanager
def _tsv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write("\t".join(COLUMNS) + "\n")
        yield lambda rows: out.writelines(_line(row) for row in rows)


def _line(row: Mapping[str, Any]) -> str:
    return "\t".join(_cell(row[name]) for name in COLUMNS) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "|".join(_cell(each) for each in value)
    return " ".join(str(value).split()) if isinstance(value, str) else repr(value)


_WRITERS = {".parquet": _parquet, ".ndjson": _ndjson, ".tsv": _tsv}


def grouped(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Rows in lists of at most `size`."""
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if len(held) >= size:
            yield held
            held = []
    if held:
        yield held
