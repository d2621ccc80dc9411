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
