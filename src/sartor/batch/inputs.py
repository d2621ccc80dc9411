"""Which patients a batch has: small references to where each one is, grouped into tasks of equal make-up.

The grouping depends on the inputs alone, never on the number of workers, so that a run that goes on with
another number of workers finds its finished tasks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sartor.errors import SartorError, UsageError

T = TypeVar("T")

SAMPLES_PER_TASK = 64
LINES_PER_TASK = 32
PATIENTS_PER_TASK = 4
_HEAD = 65536
_EDGE = 1 << 20
_BESIDE = (".tbi", ".csi", ".gzi", ".fai", ".md5", ".sha256")


@dataclass(frozen=True, slots=True)
class PatientRef:
    """Where one patient is.

    name: as the row's patient column shows it until the record says more.
    kind: "files" (a folder or file of one patient); "sample" (a sample of a VCF: `start` and `length` are the
          columns of its task, `column` its place among them); "line" (a line of an NDJSON file: `start` and
          `length` in bytes); "row" (a row of a Parquet store: `start`).
    """

    name: str
    kind: str
    path: Path
    sample: str = ""
    start: int = 0
    length: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """Patients that one worker assesses at one go."""

    number: int
    patients: tuple[PatientRef, ...]


def tasks(inputs: Sequence[Path]) -> Iterator[Task]:
    """Every task, in the order of the inputs; numbers count from 0."""
    number = 0
    for path in inputs:
        for patients in _groups(path):
            yield Task(number, patients)
            number += 1


def _groups(path: Path) -> Iterator[tuple[PatientRef, ...]]:
    if path.is_dir():
        loose: list[PatientRef] = []
        for member in sorted(path.iterdir()):
            if member.name.startswith(".") or member.name.endswith(_BESIDE):
                continue
            if member.is_dir():
                loose.append(PatientRef(member.name, "files", member))
                continue
            groups = list(islice(_of_file(member), 2))
            if len(groups) == 1 and len(groups[0]) == 1:
                loose.append(groups[0][0])
            else:
                yield from _of_file(member)
        yield from _chunks(loose, PATIENTS_PER_TASK)
    else:
        yield from _of_file(path)


def _of_file(path: Path) -> Iterator[tuple[PatientRef, ...]]:
    head = _head(path)
    if head.startswith(b"PAR1"):
        yield from _chunks(_stored(path), LINES_PER_TASK)
    elif _is_lines(head, path):
        yield from _chunks(_lines(path), LINES_PER_TASK)
    elif len(samples := _samples(head, path)) > 1:
        for start in range(0, len(samples), SAMPLES_PER_TASK):
            here = samples[start : start + SAMPLES_PER_TASK]
            size = len(here)
            yield tuple(PatientRef(name, "sample", path, name, start, size, i) for i, name in enumerate(here))
    else:
        yield (PatientRef(_stem(path), "files", path),)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _is_lines(head: bytes, path: Path) -> bool:
    """Whether this is NDJSON of one patient per line: bundles or phenopackets, each whole on its line."""
    first, _, rest = head.lstrip().partition(b"\n")
    whole = first.startswith(b"{") and (first.rstrip().endswith(b"}") or not rest)
    squeezed = first.replace(b" ", b"")
    per_patient = b'"resourceType":"Bundle"' in squeezed or b'"metaData"' in squeezed or not rest
    return whole and per_patient and (path.suffix in (".ndjson", ".jsonl") or rest.lstrip().startswith(b"{"))


def _samples(head: bytes, path: Path) -> Sequence[str]:
    """The samples of a VCF or BCF; none when it is no such file or its header cannot be read."""
    from sartor.io import vcf

    try:
        return tuple(vcf.sample_names(path)) if vcf.recognises(head, path) else ()
    except SartorError:
        return ()


def _lines(path: Path) -> Iterator[PatientRef]:
    start = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield PatientRef(f"{path.name}:{number}", "line", path, start=start, length=len(line))
            start += len(line)


def _stored(path: Path) -> Iterator[PatientRef]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    if missing := {"patient", "record"} - set(file.schema_arrow.names):
        raise UsageError(
            f"a Parquet store needs the columns patient and record; {', '.join(sorted(missing))} is not there",
            where=str(path),
            todo="see docs/howto/batch.md",
        )
    start = 0
    for batch in file.iter_batches(columns=["patient"]):
        for name in batch.column(0).to_pylist():
            yield PatientRef(str(name or f"{path.name}:{start + 1}"), "row", path, start=start)
            start += 1


def _chunks(found: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(found)
    while group := tuple(islice(rest, size)):
        yield group


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".gz", ".bgz", ".zst", *path.suffixes[-1:]):
        name = name.removesuffix(suffix)
    return name.removesuffix(".vcf").removesuffix(".fhir") or path.name


def digest(inputs: Sequence[Path]) -> str:
    """A SHA-256 over every input's name, size, time and both ends (a mebibyte each), quick for large files too."""
    whole = hashlib.sha256()
    for path in inputs:
        members = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for member in members:
            stat = member.stat()
            whole.update(f"{member}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
            with member.open("rb") as file:
                whole.update(file.read(_EDGE))
                file.seek(max(0, stat.st_size - _EDGE))
                whole.update(file.read(_EDGE))
    return whole.hexdigest()
