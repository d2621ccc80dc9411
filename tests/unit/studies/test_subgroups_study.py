from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_world import conduct, surroundings

from sartor.errors import ConfigInvalid, TooFewData
from sartor.io.cohort_table import read_cohort
from sartor.io.study_folder import write_study
from sartor.learning.clustering import assignment_from_files
from sartor.studies.subgroups import prepare

from .test_transfer_study import every_sentence_is_said, generator

QUICK = {"null_draws": 39, "resamples": 15, "k_max": 4}
CONFIG: dict[str, Any] = QUICK | {
    "data": "cohort.csv", "id": "patient", "features": ["age", "bmi", "hba1c", "systolic", "creatinine", "smoker"],
    "describe": ["sex"], "time": "years", "event": "event", "horizon": 5, "new": "cohort.csv",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("patients")
    make = generator("subgroups")
    make.write(make.cohort(260, 1), made / "cohort.csv")
    return made


def test_groups_are_found_described_followed_and_placed(folder: Path, tmp_path: Path) -> None:
    validation, publication, fitted = conduct("subgroups", CONFIG, folder)
    assert validation.facts["k"] == 3
    for group in (1, 2, 3):
        held = validation.find("jaccard", group=f"group={group}")
        alive = validation.find("survival", group=f"group={group}", at=5.0)
        assert held is not None
        assert (held.value or 0) > 0.75
        assert alive is not None
        assert (alive.low or 0) <= (alive.value or 0) <= (alive.high or 0)
    every_sentence_is_said("subgroups", publication.document)
    assert publication.card is None
    placed = assignment_from_files(publication.files).place(read_cohort(folder / "cohort.csv"))
    assert np.array_equal(placed.group + 1, publication.predictions["group"])
    assert np.array_equal(publication.tables["placed"]["group"], publication.predictions["group"])
    used = dict(zip(publication.tables["differences"]["name"], publication.tables["differences"]["used"], strict=True))
    assert used["age"]
    assert not used["sex"]
    write_study(publication, {"report.html": "<p>"}, tmp_path / "out")
    assert (tmp_path / "out" / "rule" / "groups.json").is_file()
    assert (tmp_path / "out" / "tables" / "placed.tsv").is_file()
    assert fitted.rules is not None


def test_the_same_seed_gives_the_same_bytes(folder: Path) -> None:
    first, second = (conduct("subgroups", CONFIG | {"resamples": 10}, folder) for _ in range(2))
    assert first[0].model_dump_json() == second[0].model_dump_json()
    assert first[1].files == second[1].files


def test_no_groups_is_an_answer(tmp_path: Path) -> None:
    g = np.random.default_rng(4)
    rows = ["a,b,c,died", *(f"{x:.3f},{y:.3f},{z:.3f},{int(d)}" for x, y, z, d in
                            np.column_stack([g.normal(size=(120, 3)), g.random(120) < 0.3]))]  # fmt: skip
    (tmp_path / "cohort.csv").write_text("\n".join(rows) + "\n")
    validation, publication, _ = conduct("subgroups", QUICK | {"data": "cohort.csv", "target": "died"}, tmp_path)
    assert validation.facts["k"] == 1
    assert publication.files == {}
    assert {each.anchor for each in publication.document.sections} == {"about", "number", "limits"}
    every_sentence_is_said("subgroups", publication.document)
    check = next(check for check in validation.checks if check.name == "more_than_one_population")
    assert not check.passed


def test_a_fixed_number_is_said_to_be_fixed(folder: Path) -> None:
    validation, publication, _ = conduct("subgroups", CONFIG | {"k": 2, "method": "ward"}, folder)
    assert validation.facts == {"k": 2, "reason": "fixed", "n": 260}
    assert publication.document.verdict[0].key == "subgroups.verdict.fixed"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": None}, "data is missing"),
        ({"clusters": 3}, "unknown key clusters"),
        ({"features": ["age", "heigth"]}, "no column heigth"),
        ({"features": ["age"]}, "at least 2"),
        ({"features": ["age", "years"]}, "may not form groups"),
        ({"event": None}, "time and event go together"),
        ({"target": "sex"}, "not both"),
        ({"method": "dbscan"}, "no method named dbscan"),
        ({"k": 1}, "k must be"),
        ({"features": "age"}, "features must be a list"),
        ({"exclude": ["heigth"]}, "no column heigth"),
        ({"horizon": -1}, "horizon must be"),
        ({"time_budget_s": "x"}, "time_budget_s must be"),
        ({"event": "sex"}, "event 0"),
    ],
)
def test_a_faulty_configuration_is_refused_with_the_reason(change: dict[str, Any], said: str, folder: Path) -> None:
    config = {key: value for key, value in (CONFIG | change).items() if value is not None}
    with pytest.raises(ConfigInvalid, match=said):
        prepare(config, surroundings(folder))


def test_too_few_patients_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TooFewData, match="90 groups"):
        prepare(CONFIG | {"k": 90}, surroundings(folder))
    lines = (folder / "cohort.csv").read_text().splitlines()
    (tmp_path / "cohort.csv").write_text("\n".join(lines[:30]) + "\n")
    with pytest.raises(TooFewData, match="at least 50"):
        prepare(CONFIG, surroundings(tmp_path))


def test_without_named_features_ids_outcomes_and_constants_form_no_groups(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "cohort.csv").read_text().splitlines()
    rows = [f"{lines[0]},row,clinic", *(f"{line},{i},one" for i, line in enumerate(lines[1:]))]
    (tmp_path / "cohort.csv").write_text("\n".join(rows) + "\n")
    config = {"data": "cohort.csv", "id": "patient", "time": "years", "event": "event"}
    names = prepare(config, surroundings(tmp_path)).cohort.names
    assert names == ("age", "bmi", "hba1c", "systolic", "creatinine", "smoker", "sex")
