"""`sartor batch` as a user runs it: the table, the summary line, and wrong usage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import batch_sample


def sartor(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sartor", "batch", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_writes_the_table_and_says_so_in_one_line(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada", "ben"])
    out = tmp_path / "out.tsv"
    done = sartor(people, "--out", out, "--only", "pharmacogenomics", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("2 patients, 0 failed")
    header, *rows = out.read_text("utf-8").splitlines()
    assert header.startswith("patient\tcapability\tabout_system")
    assert {row.split("\t")[0] for row in rows} == {"ada", "ben"}


def test_an_unknown_suffix_is_wrong_usage(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    done = sartor(people, "--out", tmp_path / "out.xlsx")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error[wrong-usage]: no such table form")


def test_an_unknown_capability_fails_the_command_not_every_patient(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    done = sartor(people, "--out", tmp_path / "out.tsv", "--only", "astrology")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error[capability-not-found]")


def test_some_failed_patients_are_counted_on_stderr_and_all_failed_is_an_error(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    people.write_text(people.read_text("utf-8") + "{broken\n", encoding="utf-8")
    done = sartor(people, "--out", tmp_path / "some.tsv", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "1 of 2 patients failed"
    people.write_text("{broken\n{worse\n", encoding="utf-8")
    done = sartor(people, "--out", tmp_path / "all.tsv", "--workers", 1)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error[batch-failed]: every patient failed (1 of 1)")
    assert (tmp_path / "all.tsv").exists()


def test_advice_for_one_population_says_for_whom(tmp_path: Path) -> None:
    people = batch_sample.lines(tmp_path / "people.ndjson", ["ada"])
    out = tmp_path / "out.tsv"
    assert sartor(people, "--out", out, "--workers", 1).returncode == 0
    rows = [row.split("\t") for row in out.read_text("utf-8").splitlines()[1:]]
    clopidogrel = [row[4] for row in rows if row[4].startswith("clopidogrel")]
    assert "clopidogrel (acute coronary syndrome or coronary stent)" in clopidogrel
    assert all("(" in each for each in clopidogrel)
