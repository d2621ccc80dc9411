"""Writes a study's folder, whole or not at all: model with manifest, validation, report, predictions, tables."""

from __future__ import annotations

import hashlib
import io
import json
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.study import Publication
from sartor.errors import OutputError

MANIFEST_FORMAT = 1
MANIFEST = "manifest.json"
MODEL = "model"
TABLES = "tables"
RULE = "rule"
"""Where the files of a study without a model go: what it learned that places further patients."""


def write_study(publication: Publication, pages: Mapping[str, str], out: Path) -> Path:
    """Write `out`: model/ (card.json, weights, manifest.json), validation.json, predictions.parquet, tables/, pages.

    pages: rendered text by path in the folder ("report.html", "model/card.html").
    The folder appears by one rename, after everything was written. An earlier study's folder is replaced; a folder that
    holds anything else is left as it is, with OutputError.
    """
    files = study_files(publication, pages)
    _check(out, {name.partition("/")[0] for name in files})
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise _failed(out, error) from error
    try:
        for name, content in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made.chmod(0o755)
        _put_in_place(made, out)
    except OSError as error:
        raise _failed(out, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return out


def study_files(publication: Publication, pages: Mapping[str, str]) -> dict[str, bytes]:
    """Every file of the study's folder, by its path there."""
    files = {"validation.json": (publication.validation.model_dump_json(indent=1) + "\n").encode()}
    if publication.predictions:
        files["predictions.parquet"] = parquet(publication.predictions)
    for stem, columns in publication.tables.items():
        files[f"{TABLES}/{stem}.parquet"] = parquet(columns)
        files[f"{TABLES}/{stem}.tsv"] = tsv(columns)
    files |= {name: text.encode() for name, text in pages.items() if not name.startswith(f"{MODEL}/")}
    if publication.card is not None:
        prefix = f"{MODEL}/"
        drawn = {name.removeprefix(prefix): text.encode() for name, text in pages.items() if name.startswith(prefix)}
        card = (publication.card.model_dump_json(indent=1) + "\n").encode()
        model = {"card.json": card, **drawn, **publication.files}
        files |= {f"{prefix}{name}": content for name, content in sealed(model).items()}
    elif publication.files:
        files |= {f"{RULE}/{name}": content for name, content in sealed(publication.files).items()}
    return files


def sealed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a model with their manifest, which pins each by its SHA-256."""
    entries = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in sorted(files.items())
    }
    manifest = json.dumps({"format": MANIFEST_FORMAT, "files": entries}, indent=1, sort_keys=True) + "\n"
    return {**files, MANIFEST: manifest.encode()}


def parquet(columns: Mapping[str, Any]) -> bytes:
    """Columns as Parquet; the same columns give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(pa.table({name: _arrow(values) for name, values in columns.items()}), written, compression="zstd")
    return written.getvalue()


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind != "O":
        return pa.array(values, from_pandas=True)
    return pa.array([None if _is_missing(each) else each for each in values])


def tsv(columns: Mapping[str, Any]) -> bytes:
    """Columns as tab-separated text: missing values empty, lists joined with |."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(cell(value) for value in row) for row in zip(*columns.values(), strict=True)]
    return ("\n".join(lines) + "\n").encode()


def cell(value: Any) -> str:
    """One cell of a TSV file."""
    if _is_missing(value):
        return ""
    if isinstance(value, str):
        return " ".join(value.split()) if any(mark in value for mark in "\t\n\r") else value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | np.ndarray):
        return "|".join(cell(each) for each in value)
    return f"{value:.10g}" if isinstance(value, float | np.floating) else str(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def _check(out: Path, ours: set[str]) -> None:
    """An existing target must be an empty folder or an earlier study's."""
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError("is not a folder", where=str(out), todo="choose another --out folder")
    known = ours | {MODEL, TABLES, RULE, "validation.json", "report.html", "predictions.parquet", "regulatory"}
    there = {entry.name for entry in out.iterdir()}
    if foreign := sorted(there - known):
        what = f"the folder holds something else ({', '.join(foreign[:3])})"
        raise OutputError(what, where=str(out), todo="choose another --out folder")
    if there and "validation.json" not in there:
        raise OutputError("the folder is not an earlier study's", where=str(out), todo="choose another --out folder")


def _put_in_place(made: Path, out: Path) -> None:
    if not out.exists():
        made.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    aside = old / out.name
    out.rename(aside)
    try:
        made.rename(out)
    except OSError:
        aside.rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _failed(out: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write ({error.strerror})", where=str(out), todo="choose another --out folder")
