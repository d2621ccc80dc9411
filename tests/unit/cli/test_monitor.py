"""`sartor monitor`: new rows against a model folder, a decision, and a new version with the old one linked."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import model_sample
import numpy as np
import pytest
from typer.testing import CliRunner

from sartor.cli import app
from sartor.domain.cohort_table import Cohort
from sartor.domain.study import Publication
from sartor.domain.validation import Validation
from sartor.explaining import drift
from sartor.io.model_folder import model_digest, read_model
from sartor.io.study_folder import write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder whose model keeps a reference and a policy that lets few events do."""
    made = model_sample.model(n=1500)
    people = model_sample.cohort(1500)
    reference = drift.Reference.of(people, made.values(people))
    policy = json.loads(drift.default_policy().to_json()) | {"events_to_recalibrate": 50}
    files = {"reference.json": reference.to_json(), "update_policy.json": json.dumps(policy).encode()}
    publication = Publication(
        validation=Validation(study="risk_model"), document=None, card=model_sample.card(made),  # type: ignore[arg-type]
        files={**made.to_files(), **files},
    )  # fmt: skip
    return write_study(publication, {"model/card.html": "<p>card</p>"}, tmp_path_factory.mktemp("study") / "study")


def table(path: Path, people: Cohort, *, factor: float = 1.0, shift: float = 0.0) -> Path:
    """New people as CSV with outcome and date; risk times `factor`, blood pressure plus `shift`."""
    risk = factor / (1 + np.exp(-model_sample.margin_of(people)))
    happened = np.random.default_rng(5).random(len(people)) < risk
    columns = {name: people.column(name).labels() for name in people.names}
    columns["sbp"] = [f"{float(value) + shift:g}" for value in columns["sbp"]]
    columns["outcome"] = ["yes" if each else "no" for each in happened]
    columns["day"] = [f"2026-{1 + k * 11 // len(people):02d}-15" for k in range(len(people))]
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["monitor", *map(str, words)], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return 1, str(done.exception)
    return done.exit_code, done.stdout


def test_people_like_the_training_rows_let_the_model_go_on(folder: Path, tmp_path: Path) -> None:
    new = table(tmp_path / "new.csv", model_sample.cohort(900, seed=9))
    code, said = run(folder, new, "--out", tmp_path / "out")
    assert code == 0
    assert "made_up 1 on 900 new rows: continue" in said
    state = json.loads((tmp_path / "out" / "monitor.json").read_text(encoding="utf-8"))
    assert state["action"] == "continue"
    assert {each["name"] for each in state["inputs"]} == set(model_sample.cohort(5).names)
    assert "<html" in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")


def test_a_shift_is_named_on_the_terminal_and_leads_the_table(folder: Path, tmp_path: Path) -> None:
    new = table(tmp_path / "new.csv", model_sample.cohort(900, seed=9), shift=25)
    code, said = run(folder / "model", new, "--out", tmp_path / "out")
    assert code == 0
    assert "drift: sbp" in said
    rows = (tmp_path / "out" / "inputs.tsv").read_text(encoding="utf-8").splitlines()
    assert rows[2].startswith("sbp\tdrift")


def test_recalibration_writes_a_linked_version_and_leaves_the_old_one(folder: Path, tmp_path: Path) -> None:
    people = model_sample.cohort(1500, seed=9)
    new = table(tmp_path / "new.csv", people, factor=0.5)
    before = model_digest(folder)
    code, said = run(folder, new, "--out", tmp_path / "out", "--target", "outcome", "--date", "day", "--recalibrate")
    assert code == 0, said
    assert ": recalibrate" in said
    assert "periods off calibration" in said
    assert model_digest(folder) == before
    old_card, old = read_model(folder)
    card, made = read_model(tmp_path / "out" / "model")
    assert (old_card.version, card.version) == ("1", "1.1")
    assert card.facts["replaces"]["manifest_sha256"] == before
    risk = 0.5 / (1 + np.exp(-model_sample.margin_of(people)))
    assert made.values(people).mean() == pytest.approx(risk.mean(), abs=0.03)
    assert np.abs(made.values(people) - risk).mean() < np.abs(old.values(people) - risk).mean()
    policy = json.loads((tmp_path / "out" / "model" / "update_policy.json").read_text(encoding="utf-8"))
    assert policy["history"][0]["action"] == "recalibrate"
    again = table(tmp_path / "again.csv", model_sample.cohort(1500, seed=10), factor=0.5)
    _, said = run(tmp_path / "out" / "model", again, "--out", tmp_path / "second", "--target", "outcome")
    assert ": recalibrate" not in said


def test_faults_are_reported(folder: Path, tmp_path: Path) -> None:
    people = model_sample.cohort(60, seed=9)
    new = table(tmp_path / "new.csv", people)
    assert "needs outcomes" in run(folder, new, "--recalibrate")[1]
    assert "no column death" in run(folder, new, "--target", "death", "--out", tmp_path / "a")[1]
    code, said = run(folder, new, "--target", "outcome", "--recalibrate", "--out", tmp_path / "b")
    assert code == 1
    assert "update policy asks for 50" in said
    bare = model_sample.folder(tmp_path / "bare", model_sample.model(n=200))
    assert "nothing to compare with" in run(bare, new)[1]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert "none of the model's columns" in run(folder, tmp_path / "other.csv")[1]
