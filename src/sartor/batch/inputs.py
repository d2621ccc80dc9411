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

SAMPLES_PER_TASK = 16
COLUMNS_AT_HAND = 128  # samples whose genotypes a worker cuts out of the rows at one go
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
          columns that are cut out together, `column` its place among them); "line" (a line of an NDJSON file: `start`
          and `length` in bytes); "row" (a row of a Parquet store: `start`).
    more: further files with the same samples.
    """

    name: str
    kind: str
    path: Path
    sample: str = ""
    start: int = 0
    length: int = 0
    column: int = 0
    more: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """Patients that one worker assesses at one go."""

    number: int
    patients: tuple[PatientRef, ...]


def tasks(inputs: Sequence[Path]) -> Iterator[Task]:
    """Every task, in the order of the inputs; numbers count from 0.

    VCFs named together (or lying in one folder) that have the same several samples are parts of one cohort, such
    as a file per chromosome: a sample is one patient, not one per file.
    """
    for number, patients in enumerate(_groups(inputs, opened=False)):
        yield Task(number, patients)


def _groups(members: Sequence[Path], *, opened: bool) -> Iterator[tuple[PatientRef, ...]]:
    """The groups of patients of some files and folders; `opened`: they lie in a folder that was named."""
    cohorts = _cohorts(members)
    single: list[PatientRef] = []
    for member in members:
        if member.is_dir():
            if opened:
                single.append(PatientRef(member.name, "files", member))
            else:
                yield from _groups(_visible(member), opened=True)
        elif samples := cohorts.get(member):
            if samples.files[0] == member:
                yield from samples.groups()
        else:
            groups = _of_file(member)
            first = next(groups, ())
            if len(first) == 1 and first[0].kind == "files":
                single += first
            elif first:
                yield first
                yield from groups
    yield from _chunks(single, PATIENTS_PER_TASK)


def _visible(folder: Path) -> list[Path]:
    """The members of a folder that can be patients: no hidden file, no index."""
    return [
        member
        for member in sorted(folder.iterdir())
        if not member.name.startswith(".") and not member.name.endswith(_BESIDE)
    ]


@dataclass(slots=True)
class _Cohort:
    """The samples that one VCF, or several parts of one, have."""

    samples: tuple[str, ...]
    files: list[Path]

    def groups(self) -> Iterator[tuple[PatientRef, ...]]:
        """Its samples by tasks."""
        yield from _chunks(map(self._reference, range(len(self.samples))), SAMPLES_PER_TASK)

    def _reference(self, place: int) -> PatientRef:
        first, *more = self.files
        name, column = self.samples[place], place % COLUMNS_AT_HAND
        return PatientRef(name, "sample", first, name, place - column, COLUMNS_AT_HAND, column=column, more=tuple(more))


def _cohorts(members: Sequence[Path]) -> dict[Path, _Cohort]:
    """The VCFs with more than one sample, those with the same samples as one cohort."""
    by_samples: dict[tuple[str, ...], _Cohort] = {}
    found: dict[Path, _Cohort] = {}
    for member in members:
        samples = () if member.is_dir() else _samples(_head(member), member)
        if len(samples) > 1:
            cohort = by_samples.setdefault(samples, _Cohort(samples, []))
            cohort.files.append(member)
            found[member] = cohort
    return found


def _of_file(path: Path) -> Iterator[tuple[PatientRef, ...]]:
    head = _head(path)
    if head.startswith(b"PAR1"):
        yield from _chunks(_stored(path), LINES_PER_TASK)
    elif _is_lines(head, path):
        yield from _chunks(_lines(path), LINES_PER_TASK)
    else:
        yield (PatientRef(_stem(path), "files", path),)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _is_lines(head: bytes, path: Path) -> bool:
    """Whether this is NDJSON of one patient per line: bundles, or phenopackets (which no reader takes yet)."""
    first, _, rest = head.lstrip().partition(b"\n")
    whole = first.startswith(b"{") and (first.rstrip().endswith(b"}") or not rest)
    squeezed = first.replace(b" ", b"")
    per_patient = b'"resourceType":"Bundle"' in squeezed or b'"metaData"' in squeezed or not rest
    return whole and per_patient and (path.suffix in (".ndjson", ".jsonl") or rest.lstrip().startswith(b"{"))


def _samples(head: bytes, path: Path) -> tuple[str, ...]:
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
