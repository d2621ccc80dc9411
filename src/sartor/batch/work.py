"""One task on one worker: read each patient, assess, make rows; whatever goes wrong becomes a failed row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from sartor.batch.inputs import PatientRef, Task
from sartor.batch.rows import Row, failure, rows_of
from sartor.domain.genome import CalledGenome, GenotypeRecord, Region
from sartor.domain.provenance import Origin, Quarantined
from sartor.domain.record import Record
from sartor.domain.report import Report
from sartor.errors import ConflictingInputs, MalformedInput, UnrecognisedInput
from sartor.settings import Settings

if TYPE_CHECKING:
    from sartor.io.vcf import VcfRows
    from sartor.io.vcf_rows import VcfRow

_FILES = 32  # parts of a cohort that a worker keeps at hand: more than a file per chromosome


class Assessor(Protocol):
    """Assesses records on one worker; made once per process."""

    @property
    def regions(self) -> Sequence[Region]: ...  # noqa: D102

    def __call__(self, record: Record) -> Report: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Plan:
    """What every worker needs to know.

    assessor: makes the assessor of a process; has to be importable on the worker.
    key:      tells plans apart; a worker makes a new assessor when it changes.
    """

    settings: Settings
    now: str
    only: tuple[str, ...] | None
    assessor: Callable[[Plan], Assessor]
    key: str


class Pipeline:
    """The patient flow with its capabilities and knowledge loaded once; a crash is a failed section, not an end."""

    def __init__(self, plan: Plan) -> None:
        from sartor import pipeline, registry

        self._plan = plan
        self._assess = pipeline.assess_record
        self._found = registry.load(plan.only, strict=False)
        self._knowledge = pipeline.at_hand(plan.settings, self._found.packs())
        self.regions: Sequence[Region] = self._found.regions()

    def __call__(self, record: Record) -> Report:
        """One record's report."""
        plan = self._plan
        return self._assess(record, self._found, self._knowledge, now=plan.now, settings=plan.settings, strict=False)


def pipeline_assessor(plan: Plan) -> Assessor:
    """What a batch uses unless it is given something else."""
    return Pipeline(plan)


_ready: dict[str, Assessor] = {}
_lock = Lock()


def assessor_of(plan: Plan) -> Assessor:
    """This process's assessor for the plan, made at first use (a Dask worker may have several threads)."""
    with _lock:
        if plan.key not in _ready:
            _ready.clear()
            _ready[plan.key] = plan.assessor(plan)
        return _ready[plan.key]


def assess(plan: Plan, task: Task) -> list[Row]:
    """The rows of a task, patient by patient, in their order."""
    return [row for patient in task.patients for row in rows_for(plan, patient)]


def rows_for(plan: Plan, patient: PatientRef) -> list[Row]:
    """One patient's rows; any error is a failed row with its reason."""
    try:
        assessor = assessor_of(plan)
        found: list[Row] = []
        for name, record in records(patient, assessor.regions):
            found += _assessed(name, record, assessor)
        return found
    except Exception as error:
        return [failure(patient.name, error)]


def _assessed(name: str, record: Record, assessor: Assessor) -> list[Row]:
    try:
        return rows_of(name, assessor(record))
    except Exception as error:
        return [failure(name, error)]


def records(patient: PatientRef, regions: Sequence[Region]) -> Iterator[tuple[str, Record]]:
    """The record or records behind a reference, each with the name that its rows bear."""
    if patient.kind == "sample":
        yield patient.name, Record(genome=genome_of(patient, tuple(regions)))
    elif patient.kind == "line":
        yield from _of_bytes(patient, _slice(patient))
    elif patient.kind == "row":
        yield from _of_row(patient, regions)
    else:
        from sartor.io.folder import read_patient

        yield patient.name, read_patient([patient.path], regions=regions, sample=None)


def _slice(patient: PatientRef) -> bytes:
    with patient.path.open("rb") as file:
        file.seek(patient.start)
        return file.read(patient.length)


def _of_bytes(patient: PatientRef, data: bytes) -> Iterator[tuple[str, Record]]:
    from sartor.io import fhir

    if not fhir.recognises(data[:65536], patient.path):
        raise UnrecognisedInput("no reader knows this line", where=patient.name, todo="give FHIR bundles, one per line")
    record = fhir.read_record(data, file=patient.path.name)
    named = patient.name if patient.kind == "row" else record.demographics.identifier or patient.name
    yield named, record


def _of_row(patient: PatientRef, regions: Sequence[Region]) -> Iterator[tuple[str, Record]]:
    row = _row_at(patient.path, patient.start)
    if not row.get("record"):
        raise MalformedInput("the record column is empty", where=patient.name, todo="give a FHIR bundle as JSON text")
    for name, record in _of_bytes(patient, str(row["record"]).encode()):
        if not row.get("genome"):
            yield name, record
            continue
        from sartor.io.folder import read_patient

        genome = read_patient([patient.path.parent / str(row["genome"])], regions=regions, sample=row.get("sample"))
        yield name, record.model_copy(update={"genome": genome.genome, "inputs": record.inputs + genome.inputs})


def _row_at(path: Path, index: int) -> dict[str, Any]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if index < count:
            found: dict[str, Any] = _group(path, group).slice(index, 1).to_pylist()[0]
            return found
        index -= count
    raise MalformedInput("the store has fewer rows than before", where=str(path), todo="run the batch anew")


@lru_cache(maxsize=1)
def _group(path: Path, group: int) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read_row_group(group)


def genome_of(patient: PatientRef, regions: tuple[Region, ...]) -> CalledGenome:
    """One sample's genome, the same as it would be if it were read alone; each file is read once per worker."""
    parts = [_part(path, patient, regions) for path in (patient.path, *patient.more)]
    if len(parts) == 1:
        return parts[0]
    builds = {part.source_build for part in parts}
    if len(builds) > 1:
        raise ConflictingInputs(
            f"files of one cohort are on {' and '.join(sorted(builds))}", where=str(patient.path.parent)
        )
    return CalledGenome.of(
        [record for part in parts for records in part.records.values() for record in records],
        sample=patient.sample,
        source_build=parts[0].source_build,
        kind=parts[0].kind,
        quarantined=[each for part in parts for each in part.quarantined],
        regions=regions,
    )


def _part(path: Path, patient: PatientRef, regions: tuple[Region, ...]) -> CalledGenome:
    from sartor.io import vcf
    from sartor.io.vcf_rows import BadRow, genotype_record

    found = _rows(path, regions)
    records: list[GenotypeRecord] = []
    quarantined = list(found.quarantined)
    for row, translation in _columns(path, regions, patient.start, patient.length):
        try:
            record = genotype_record(row, patient.column, path.name)
        except BadRow as error:
            origin = Origin(file=path.name, line=row.line or None)
            quarantined.append(Quarantined(origin=origin, reason=str(error), kind="record"))
            continue
        if translation:
            alleles = tuple(None if index is None else translation[index] for index in record.alleles)
            record = replace(record, alleles=alleles, allele_depths=())
        records.append(record)
    kind = "bcf" if found.kind == "vcf" and vcf.is_bcf(path) else found.kind
    return CalledGenome.of(
        records, sample=patient.sample, source_build=found.build, kind=kind, quarantined=quarantined, regions=regions
    )


@lru_cache(maxsize=_FILES)
def _rows(path: Path, regions: tuple[Region, ...]) -> VcfRows:
    """The rows of a file at the regions, all samples still as bytes."""
    from sartor.io import vcf

    return vcf.read_rows(path, regions, lambda header: None)


@lru_cache(maxsize=_FILES)
def _columns(path: Path, regions: tuple[Region, ...], start: int, count: int) -> list[tuple[VcfRow, dict[int, int]]]:
    """The same rows with the columns of one task alone, so that a row is split once per task."""
    return [
        (replace(row, genotypes=_cut(row.genotypes, start, count)), translation)
        for row, translation in _rows(path, regions).rows
    ]


def _cut(genotypes: bytes, start: int, count: int) -> bytes:
    return b"\t".join(genotypes.split(b"\t", start + count)[start : start + count])


def alone(task: Task) -> Iterable[Task]:
    """A task's patients as tasks of one, with the same number."""
    return (Task(task.number, (patient,)) for patient in task.patients)
