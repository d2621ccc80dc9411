"""Writes tab-separated tables whole or not at all: missing values are empty, lists are joined with |."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from sartor.errors import OutputError

_ESCAPES = str.maketrans({"\t": " ", "\n": " ", "\r": " "})


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write a header and the rows; returns how many rows. Raises OutputError and leaves nothing half-written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise OutputError(f"cannot write ({error.strerror})", where=str(path), todo="choose another place") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            n_rows = _write(out, columns, rows)
        _usual_mode(Path(beside))
        Path(beside).replace(path)
    except OSError as error:
        raise OutputError(f"cannot write ({error.strerror})", where=str(path), todo="free some space") from error
    finally:
        Path(beside).unlink(missing_ok=True)
    return n_rows


def _write(out: TextIO, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    write = out.write
    write("\t".join(columns) + "\n")
    n_rows = 0
    for row in rows:
        write("\t".join(value.translate(_ESCAPES) for value in row) + "\n")
        n_rows += 1
    return n_rows


def _usual_mode(path: Path) -> None:
    """Give a temporary file the mode that a plain new file would have."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
