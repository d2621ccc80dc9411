"""The batch: every patient in the table whatever happens to one of them, and the same table on every way there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import batch_sample
import pyarrow.parquet as pq
import pytest

from sartor.batch import Summary, run
from sartor.batch.inputs import LINES_PER_TASK, SAMPLES_PER_TASK, tasks
from sartor.batch.journal import Journal
from sartor.batch.rows import COLUMNS
from sartor.batch.work import Plan
from sartor.domain.record import Record
from sartor.errors import OutputError, UsageError
from sartor.io.vcf import read_genome
from sartor.settings import Settings

NOW = "2026-11-21T10:00:00+00:00"
MANY = [f"p{number:03d}" for number in range(LINES_PER_TASK * 2 + 3)]


def batch(inputs: Sequence[Path], out: Path, **options: Any) -> Summary:
    given = {"settings": Settings(), "now": NOW, "workers": 2, "assessor": batch_sample.Sample} | options
    return run(inputs, out, **given)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_one_row_per_finding_in_the_order_of_the_columns(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada", "ben"])
    summary = batch([people], tmp_path / "out.ndjson")
    first, second = rows(tmp_path / "out.ndjson")
    assert tuple(first) == COLUMNS
    assert (first["patient"], second["patient"]) == ("ada", "ben")
    assert first["conclusion"] == "Less effect|b"
    assert first["action"] == "avoid|monitor"
    assert first["because"] == ["gene.CYP2D6.call", "medication.codeine"]
    assert (first["estimate"], first["low"], first["high"]) == (1.5, 1.0, None)
    assert (summary.patients, summary.rows, summary.failed, summary.resumed) == (2, 2, 0, 0)


def test_tsv_leaves_missing_empty_and_joins_lists(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    batch([people], tmp_path / "out.tsv", workers=1)
    header, line = (tmp_path / "out.tsv").read_text("utf-8").splitlines()
    cells = dict(zip(header.split("\t"), line.split("\t"), strict=True))
    assert tuple(cells) == COLUMNS
    assert cells["high"] == ""
    assert cells["because"] == "gene.CYP2D6.call|medication.codeine"
    assert cells["estimate"] == "1.5"


def test_parquet_has_the_same_rows(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", [*MANY[:3], "fails"])
    batch([people], tmp_path / "out.parquet", workers=1)
    batch([people], tmp_path / "out.ndjson", workers=1)
    table = pq.read_table(tmp_path / "out.parquet")
    assert tuple(table.column_names) == COLUMNS
    assert table.to_pylist() == rows(tmp_path / "out.ndjson")


def test_a_failing_patient_is_one_failed_row_with_its_reason(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada", "fails", "crashes", "ben"])
    people.write_text(people.read_text("utf-8") + '{"resourceType": "Bundle", \n', "utf-8")
    summary = batch([people], tmp_path / "out.ndjson")
    found = rows(tmp_path / "out.ndjson")
    assert [row["status"] for row in found] == ["assessed", "failed", "failed", "assessed", "failed"]
    assert found[1]["conclusion"] == "malformed-input"
    assert "the record is a muddle" in found[1]["because"][0]
    assert found[2]["conclusion"] == "unexpected-error"
    assert found[4]["patient"] == "people.ndjson:5"
    assert summary.failed == 3


def test_a_patient_that_kills_its_process_costs_nobody_else_a_row(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", [*MANY[:20], "dies", *MANY[20:]])
    summary = batch([people], tmp_path / "out.ndjson")
    found = rows(tmp_path / "out.ndjson")
    assert [row["patient"] for row in found] == [*MANY[:20], "people.ndjson:21", *MANY[20:]]
    assert [row["conclusion"] for row in found if row["status"] == "failed"] == ["worker-died"]
    assert summary.failed == 1


def test_one_worker_and_several_give_the_same_bytes(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", MANY)
    batch([people], tmp_path / "one.parquet", workers=1)
    batch([people], tmp_path / "two.parquet", workers=2)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


class Stopped(Exception):
    pass


def test_a_stopped_batch_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", MANY)
    batch([people], tmp_path / "whole.tsv", workers=1)
    out = tmp_path / "out.tsv"

    def stop(done: int, total: int | None, failed: int) -> None:
        if done:
            raise Stopped

    with pytest.raises(Stopped):
        batch([people], out, workers=1, progress=stop)
    assert not out.exists()
    assert Journal.beside(out).finished() == {0}
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv(batch_sample.MARKS, str(marks))
    summary = batch([people], out, workers=1, now="2027-01-01T00:00:00+00:00")
    assert summary.resumed == LINES_PER_TASK
    assert out.read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    assert not Journal.beside(out).folder.exists()
    assert {mark.name.split(".")[0] for mark in marks.iterdir()} <= set(MANY[LINES_PER_TASK:])


def test_other_inputs_or_settings_begin_anew(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    out = tmp_path / "out.tsv"
    journal = Journal.beside(out)
    journal.begin({"inputs": "of another batch"}, {"now": NOW})
    journal.keep(0, [{"patient": "stranger"}])
    assert batch([people], out, workers=1).resumed == 0
    assert "stranger" not in out.read_text("utf-8")


def test_a_folder_has_a_patient_per_folder_and_per_file_and_many_per_ndjson(tmp_path: Path) -> None:
    ward = tmp_path / "ward"
    (ward / "eve").mkdir(parents=True)
    (ward / "eve" / "record.json").write_text(batch_sample.bundle("eve"), "utf-8")
    (ward / "fay.json").write_text(batch_sample.bundle("fay"), "utf-8")
    batch_sample.lines(ward / "more.ndjson", ["gus", "hal"])
    (ward / ".hidden").touch()
    (ward / "x.vcf.gz.tbi").touch()
    found = [patient for task in tasks([ward]) for patient in task.patients]
    assert sorted((patient.name, patient.kind) for patient in found) == [
        ("eve", "files"),
        ("fay", "files"),
        ("more.ndjson:1", "line"),
        ("more.ndjson:2", "line"),
    ]


def test_each_sample_of_a_vcf_is_a_patient_with_the_genome_that_it_would_have_alone(tmp_path: Path) -> None:
    samples = [f"s{number}" for number in range(SAMPLES_PER_TASK + 5)]
    people = batch_sample.vcf(tmp_path / "people.vcf", samples)
    batch([people], tmp_path / "out.ndjson", assessor=batch_sample.Genomes)
    found = rows(tmp_path / "out.ndjson")
    assert [row["patient"] for row in found] == samples
    assess = batch_sample.Genomes(Plan(Settings(), NOW, None, batch_sample.Genomes, ""))
    for row in found[:8]:
        alone = read_genome(people, regions=assess.regions, sample=row["patient"])
        assert row["about_label"] == assess(Record(genome=alone)).findings[0].finding.about.label


def test_parts_of_one_cohort_are_put_together(tmp_path: Path) -> None:
    samples = ["ann", "bob", "cat"]
    whole = batch_sample.vcf(tmp_path / "whole.vcf", samples)
    parts = tmp_path / "parts"
    parts.mkdir()
    text = whole.read_text("utf-8").splitlines(keepends=True)
    for chromosome in ("chr10", "chrX"):
        kept = [line for line in text if line.startswith(("#", chromosome + "\t"))]
        (parts / f"{chromosome}.vcf").write_text("".join(kept), "utf-8")
    batch([whole], tmp_path / "whole.ndjson", assessor=batch_sample.Genomes, workers=1)
    batch([parts], tmp_path / "parts.ndjson", assessor=batch_sample.Genomes, workers=1)
    found = rows(tmp_path / "parts.ndjson")
    assert [row["patient"] for row in found] == samples
    assert found == rows(tmp_path / "whole.ndjson")


def test_a_parquet_store_is_read_row_by_row(tmp_path: Path) -> None:
    import pyarrow as pa

    store = tmp_path / "store.parquet"
    people = {"patient": ["ada", "ben", "cy"], "record": [batch_sample.bundle("a"), "", batch_sample.bundle("c")]}
    pq.write_table(pa.table(people), store, row_group_size=2)
    batch([store], tmp_path / "out.ndjson", workers=1)
    found = rows(tmp_path / "out.ndjson")
    assert [(row["patient"], row["status"]) for row in found] == [
        ("ada", "assessed"),
        ("ben", "failed"),
        ("cy", "assessed"),
    ]


def test_wrong_suffix_and_unwritable_output_are_reported(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    with pytest.raises(UsageError, match="no such table form"):
        batch([people], tmp_path / "out.xlsx")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        batch([people], tmp_path / "file" / "out.tsv")


def test_no_scheduler_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sartor.batch.cluster._PATIENCE_S", 1)
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    with pytest.raises(UsageError, match="scheduler"):
        batch([people], tmp_path / "out.tsv", cluster="tcp://127.0.0.1:1")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a real scheduler with two worker processes on this machine."""
    where = tmp_path / "scheduler.json"
    samples = str(Path(batch_sample.__file__).parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([samples, os.environ.get("PYTHONPATH", "")]),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    }
    file = ["--scheduler-file", str(where)]
    quiet: dict[str, Any] = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    started = [subprocess.Popen([*scheduler, "--no-dashboard", *file], **quiet)]
    try:
        deadline = time.monotonic() + 60
        while not where.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        for number in range(2):
            worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--name", f"w{number}"]
            started.append(
                subprocess.Popen(
                    [*worker, "--host", "127.0.0.1", "--no-dashboard", "--death-timeout", "60", *file], **quiet
                )
            )
        yield json.loads(where.read_text("utf-8"))["address"]
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_table_and_survives_a_dead_worker(cluster: str, tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", [*MANY[:40], "dies", "fails", *MANY[40:]])
    here, there = tmp_path / "here.tsv", tmp_path / "there.tsv"
    batch([people], here, workers=1)
    summary = batch([people], there, cluster=cluster)
    assert there.read_bytes() == here.read_bytes()
    assert summary.failed == 2
