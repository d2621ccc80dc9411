"""The batch itself: plan the tasks, run those that are not finished, keep each, then write the table at once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from sartor import __version__
from sartor.batch import cluster as dask
from sartor.batch import inputs as planning
from sartor.batch import pool, table
from sartor.batch.inputs import Task
from sartor.batch.journal import Journal
from sartor.batch.rows import FAILED, Row
from sartor.batch.work import Assessor, Plan, pipeline_assessor
from sartor.errors import MalformedInput, OutputError, UsageError
from sartor.settings import Settings

Progress = Callable[[int, int | None, int], None]  # patients done, of how many, how many failed

_ROWS_PER_WRITE = 5000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a batch did: patients, rows, patients with a failed row, those taken over from an earlier run."""

    out: Path
    patients: int
    rows: int
    failed: int
    resumed: int
    seconds: float

    def line(self) -> str:
        """One line for the reader."""
        speed = (self.patients - self.resumed) / self.seconds if self.seconds > 0 else 0.0
        earlier = f", {self.resumed} of them finished by an earlier run" if self.resumed else ""
        return (
            f"{self.patients} patients{earlier}, {self.failed} failed, {self.rows} rows in {self.out}"
            f" ({self.seconds:.1f} s, {speed:.1f} patients/s)"
        )


def run(
    inputs: Sequence[Path],
    out: Path,
    *,
    settings: Settings,
    now: str,
    only: Iterable[str] | None = None,
    workers: int = 0,
    cluster: str | None = None,
    assessor: Callable[[Plan], Assessor] = pipeline_assessor,
    progress: Progress = lambda done, total, failed: None,
) -> Summary:
    """Assess every patient of the inputs and write one row per finding to `out`.

    now:      ISO time with zone; a run that goes on keeps the time of the first, so that the table is the same.
    workers:  processes, 0 for `settings.workers` or one per core; cluster: address of a Dask scheduler instead.
    assessor: makes what assesses a record on a worker; the pipeline unless a test gives another.
    Raises UsageError for an output that has no known form, OutputError when it cannot be written, and
    CapabilityNotFound or a KnowledgeError when what was asked for is not there.
    """
    begun = time.monotonic()
    table.check_suffix(out)
    if not inputs:
        raise UsageError("no input", todo="name a VCF, a folder of patients, an NDJSON or a Parquet store")
    names = None if only is None else tuple(only)
    plan = Plan(settings=settings, now=now, only=names, assessor=assessor, key="")
    assessor(plan)  # what is wrong with the options is wrong for everybody: it is told now, not once per patient
    journal = Journal.beside(out)
    with _reading(inputs):
        digest = planning.digest(inputs)
        tally = _count(inputs)
    with _writing(out):
        plan = _begin(journal, plan, digest)
    _run_all(journal, plan, inputs, tally, workers=workers, cluster=cluster, progress=progress)
    with _writing(out):
        rows = _write(journal, tally.tasks, out)
        journal.discard()
    return Summary(out, tally.patients, rows, tally.failed, tally.resumed, time.monotonic() - begun)


@dataclass(slots=True)
class _Tally:
    """What has been counted so far."""

    tasks: int = 0
    patients: int = 0
    done: int = 0
    failed: int = 0
    resumed: int = 0


@contextmanager
def _reading(inputs: Sequence[Path]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = str(error.filename or ", ".join(map(str, inputs)))
        raise MalformedInput(f"cannot be read ({error.strerror})", where=where, todo="check the file") from error


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write ({error.strerror or error})", where=str(out), todo="choose another --out, or free the disk"
        ) from error


def _count(inputs: Sequence[Path]) -> _Tally:
    tally = _Tally()
    for task in planning.tasks(inputs):
        tally.tasks += 1
        tally.patients += len(task.patients)
    return tally


def _begin(journal: Journal, plan: Plan, digest: str) -> Plan:
    """Open the journal; the plan takes over the time of the run that began it."""
    manifest = {
        "sartor": __version__,
        "inputs": digest,
        "only": list(plan.only) if plan.only is not None else None,
        "settings": _shown(plan.settings),
        "grouping": [planning.SAMPLES_PER_TASK, planning.LINES_PER_TASK, planning.PATIENTS_PER_TASK],
    }
    kept = journal.begin(manifest, {"now": plan.now})
    key = hashlib.sha256(json.dumps([manifest, kept], sort_keys=True).encode()).hexdigest()
    return replace(plan, now=str(kept["now"]), key=key)


def _shown(settings: Settings) -> dict[str, Any]:
    """The settings that can change a result, with the digests of the knowledge packs and models at hand.

    A model's manifest pins every byte of it, so a model that was replaced in its place is another model.
    """
    shown = {each.name: str(getattr(settings, each.name)) for each in fields(settings) if each.name != "workers"}
    folders = [*settings.knowledge.values(), settings.knowledge_home]
    from sartor.io.model_folder import model_digest

    packs = planning.digest([folder for folder in folders if folder.exists()])
    return {**shown, "packs": packs, "model_digests": [model_digest(folder) for folder in settings.models]}


def _run_all(
    journal: Journal,
    plan: Plan,
    inputs: Sequence[Path],
    tally: _Tally,
    *,
    workers: int,
    cluster: str | None,
    progress: Progress,
) -> None:
    """Run what is not finished; each finished task is kept before it is counted."""
    finished = journal.finished()
    sizes: dict[int, int] = {}
    for task in planning.tasks(inputs) if finished else ():
        tally.resumed += len(task.patients) if task.number in finished else 0
    tally.failed = sum(_failures(journal.shard(number)) for number in finished)
    tally.done = tally.resumed
    progress(tally.done, tally.patients, tally.failed)
    if tally.done == tally.patients:
        return
    todo = _remembering((task for task in planning.tasks(inputs) if task.number not in finished), sizes)
    for number, rows in _results(plan, todo, workers=workers, cluster=cluster):
        with _writing(journal.folder):
            journal.keep(number, rows)
        tally.done += sizes.pop(number)
        tally.failed += _failures(rows)
        progress(tally.done, tally.patients, tally.failed)


def _results(plan: Plan, todo: Iterator[Task], *, workers: int, cluster: str | None) -> Iterator[pool.Done]:
    if cluster is not None:
        return dask.results(plan, todo, cluster)
    return pool.results(plan, todo, workers or plan.settings.workers or pool.cores())


def _remembering(todo: Iterator[Task], sizes: dict[int, int]) -> Iterator[Task]:
    """Pass tasks on and note how many patients each has, for as long as it is in flight."""
    for task in todo:
        sizes[task.number] = len(task.patients)
        yield task


def _failures(rows: Iterable[Row]) -> int:
    """How many patients have a failed row."""
    return len({row["patient"] for row in rows if row["status"] == FAILED})


def _write(journal: Journal, tasks: int, out: Path) -> int:
    """The whole table, in the order of the inputs, beside its place and then renamed into it; returns the rows."""
    beside = journal.folder / f"table{out.suffix}"
    count = 0
    with table.writer(beside, out.suffix) as write:
        for rows in table.grouped(_every(journal, tasks), _ROWS_PER_WRITE):
            write(rows)
            count += len(rows)
    beside.replace(out)
    return count


def _every(journal: Journal, tasks: int) -> Iterator[Row]:
    for number in range(tasks):
        yield from journal.shard(number)
