from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from study_world import conduct, surroundings

from sartor.domain.document import Figure, Paragraph, TableBlock
from sartor.domain.model import Task
from sartor.errors import ConfigInvalid, LeakFound, TooFewData
from sartor.explaining.wording import WordingTable
from sartor.io.cohort_table import read_cohort
from sartor.learning.model import model_from_files
from sartor.learning.task import Target
from sartor.learning.transfer import Compared
from sartor.studies.transfer import prepare
from sartor.studies.transfer.fit import safest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
WORDING = Path(__file__).resolve().parents[3] / "src" / "sartor" / "studies"


def generator(name: str) -> ModuleType:
    spec = spec_from_file_location(f"make_{name}", EXAMPLES / name / "make_cohort.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def every_sentence_is_said(study: str, document: Any) -> None:
    table = WordingTable.load((WORDING / study / "wording" / "en.toml").read_text(encoding="utf-8"))
    assert all(table.say(each) for each in document.verdict)
    for section in document.sections:
        assert table.say(section.heading)
        for block in section.blocks:
            if isinstance(block, Paragraph):
                assert all("{" not in table.say(each) for each in block.said)
            elif isinstance(block, TableBlock):
                assert all(len(row) == len(block.headings) for row in block.rows)
            else:
                assert isinstance(block, Figure)
                assert block.alt


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospitals")
    make = generator("transfer")
    make.write(make.hospital(300, 1, large=True), folder / "source.csv")
    make.write(make.hospital(110, 1, large=False), folder / "target.csv")
    return folder


BASE = {"source": "source.csv", "data": "target.csv", "id": "patient", "sizes": [40], "repeats": 1, "folds": 3}
TASKS: dict[str, dict[str, Any]] = {
    "classification": {"target": "readmitted", "positive": "yes", "exclude": ["years", "event"],
                       "learners": ["linear", "shift", "boosting"]},
    "survival": {"time": "years", "event": "event", "exclude": ["readmitted"], "learners": ["linear"], "horizons": [5]},
    "regression": {"target": "glucose", "exclude": ["years", "event"], "learners": ["linear", "boosting"]},
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_every_way_stands_side_by_side_and_the_guarded_one_is_a_model(task: str, hospitals: Path) -> None:
    validation, publication, fitted = conduct("transfer", BASE | TASKS[task], hospitals)
    metric = str(validation.facts["metric"])
    for way in ("source", "source_intercept", "source_slope", "local", "pooled", "adapted", "guarded"):
        whole = validation.find(metric, candidate=way)
        assert whole is not None
        assert whole.value is not None
        assert whole.low is not None
        assert whole.low <= whole.value <= (whole.high or 0)
        assert validation.find(metric, candidate=way, at=40.0) is not None
        assert validation.find("calibration_slope", candidate=way) is not None
    guard = next(check for check in validation.checks if check.name == "no_negative_transfer")
    difference = validation.find(f"{metric}_minus_better", candidate="guarded")
    assert difference is not None
    assert guard.passed == ((difference.value or 0) >= -0.01)
    every_sentence_is_said("transfer", publication.document)
    assert publication.card is not None
    table = read_cohort(hospitals / "target.csv")
    predicted = fitted.model.predict(table, [str(i) for i in range(len(table))])
    assert predicted.base + predicted.contributions.sum(axis=1) == pytest.approx(predicted.margin, abs=1e-6)
    handed = fitted.handed_over
    assert (handed == "guarded") == guard.passed
    assert np.corrcoef(predicted.margin, publication.predictions[handed])[0, 1] > 0.5
    assert publication.predictions["prediction"] == pytest.approx(publication.predictions[handed])
    served, told = (validation.find(metric, candidate=name) for name in ("pipeline", handed))
    assert served is not None
    assert told is not None
    assert served.value == told.value
    again = model_from_files(publication.files, publication.card).predict(table, predicted.ids)
    assert np.array_equal(again.value, predicted.value, equal_nan=True)
    said = np.isfinite(predicted.value) & np.isfinite(predicted.low)
    assert said.any() or task == "survival"
    assert (predicted.low[said] <= predicted.value[said] + 1e-9).all()
    assert (predicted.high[said] >= predicted.value[said] - 1e-9).all()
    if task == "survival":
        assert "risk:5" in predicted.further


def test_the_same_seed_gives_the_same_bytes(hospitals: Path) -> None:
    config = BASE | TASKS["classification"] | {"learners": ["linear"], "sizes": [], "folds": 2}
    first, second = (conduct("transfer", config, hospitals) for _ in range(2))
    assert first[0].model_dump_json() == second[0].model_dump_json()
    assert first[1].files == second[1].files
    third = conduct("transfer", config | {"seed": 9}, hospitals)
    assert third[0].model_dump_json() != first[0].model_dump_json()


def test_one_table_with_a_column_of_sites_does_as_well(hospitals: Path, tmp_path: Path) -> None:
    source, target = ((hospitals / f"{name}.csv").read_text().splitlines() for name in ("source", "target"))
    rows = [source[0] + ",site", *(f"{row},big" for row in source[1:]), *(f"{row},small" for row in target[1:])]
    (tmp_path / "both.csv").write_text("\n".join(rows) + "\n")
    config = {"data": "both.csv", "site": "site", "source_site": "big", "target_site": "small", "target": "readmitted"}
    prepared = prepare(config, surroundings(tmp_path))
    assert (prepared.sites.n_source, len(prepared.sites.target)) == (300, 110)
    assert "site" not in prepared.sites.cohort.names
    assert any(guess.key == "transfer.guess.task" for guess in prepared.guesses)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tarqet": "x"}, "unknown key tarqet"),
        ({"source": None}, "source"),
        ({"target": "nothing"}, "no column nothing"),
        ({"target": "sex", "positive": "other"}, "never occurs"),
        ({"learners": ["forest"]}, "forest"),
        ({"folds": 1}, "folds"),
        ({"sizes": [5]}, "sizes"),
        ({"guard": ["network_tuned"]}, "cannot average"),
        ({"task": "survival"}, "survival needs time and event"),
        ({"target": "age", "task": "classification"}, "two are needed"),
        ({"time_budget_s": -1}, "time_budget_s"),
    ],
)
def test_a_faulty_configuration_is_refused_with_the_reason(change: dict[str, Any], said: str, hospitals: Path) -> None:
    config = {k: v for k, v in (BASE | TASKS["classification"] | change).items() if v is not None}
    with pytest.raises(ConfigInvalid, match=said):
        prepare(config, surroundings(hospitals))


def test_too_few_patients_are_refused(hospitals: Path, tmp_path: Path) -> None:
    (tmp_path / "source.csv").write_text((hospitals / "source.csv").read_text())
    lines = (hospitals / "target.csv").read_text().splitlines()
    (tmp_path / "target.csv").write_text("\n".join(lines[:15]) + "\n")
    with pytest.raises(TooFewData, match="at least 20"):
        prepare(BASE | TASKS["classification"], surroundings(tmp_path))


def test_patients_who_stand_at_both_sites_stop_the_study(hospitals: Path, tmp_path: Path) -> None:
    lines = (hospitals / "source.csv").read_text().splitlines()
    (tmp_path / "source.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "target.csv").write_text("\n".join(lines[:80]) + "\n")
    with pytest.raises(LeakFound, match="also learned from"):
        prepare(BASE | TASKS["classification"], surroundings(tmp_path))
    allowed = {"allow": {"train_test_overlap": "meant so"}}
    prepared = prepare(BASE | TASKS["classification"] | allowed, surroundings(tmp_path))
    check = next(check for check in prepared.checks if check.name == "same_patients_at_both_sites")
    assert not check.passed
    assert check.values["rows"] == 79


def test_a_time_budget_ends_the_repeats_early(hospitals: Path) -> None:
    from sartor import registry

    study, around = registry.study("transfer"), surroundings(hospitals, seconds=10.0)
    config = (
        BASE
        | TASKS["classification"]
        | {"learners": ["linear"], "sizes": [], "repeats": 50, "folds": 2, "time_budget_s": 40}
    )
    fitted = study.fit(study.prepare(config, around), around)
    assert 1 <= fitted.repeats_made < 6


def test_the_example_files_are_what_their_generators_make(tmp_path: Path) -> None:
    for name, rows, seed in (("immunotherapy", 600, 7), ("subgroups", 400, 5)):
        make = generator(name)
        make.write(make.cohort(rows, seed), tmp_path / "cohort.csv")
        assert (tmp_path / "cohort.csv").read_bytes() == (EXAMPLES / name / "cohort.csv").read_bytes()
    make = generator("transfer")
    for site, rows in (("source", 600), ("target", 150)):
        make.write(make.hospital(rows, 3, large=site == "source"), tmp_path / "site.csv")
        assert (tmp_path / "site.csv").read_bytes() == (EXAMPLES / "transfer" / f"{site}.csv").read_bytes()


def test_the_card_is_plain_json(hospitals: Path) -> None:
    config = BASE | TASKS["classification"] | {"learners": ["linear"], "sizes": [], "folds": 2}
    _, publication, _ = conduct("transfer", config, hospitals)
    assert publication.card is not None
    told = json.loads(publication.card.model_dump_json())
    assert told["learner"] == "transferred"
    assert {feature["name"] for feature in told["features"]} >= {"age", "glucose"}


def test_follow_up_and_repeated_patients_stop_the_study(hospitals: Path) -> None:
    config = BASE | TASKS["classification"]
    for site in ("source", "target"):
        header, *rows = (hospitals / f"{site}.csv").read_text(encoding="utf-8").splitlines()
        place = header.split(",").index("readmitted")
        told = [f"{row},{int(row.split(',')[place] == 'yes') * 5 + number % 3}" for number, row in enumerate(rows)]
        (hospitals / f"told_{site}.csv").write_text("\n".join([f"{header},days_after", *told]) + "\n", encoding="utf-8")
    told_sites = {"source": "told_source.csv", "data": "told_target.csv"}
    with pytest.raises(LeakFound, match="days_after"):
        prepare(config | told_sites, surroundings(hospitals))
    allowed = prepare(config | told_sites | {"allow": {"days_after": "invented"}}, surroundings(hospitals))
    assert any(check.subject == "days_after" for check in allowed.checks)
    lines = (hospitals / "target.csv").read_text(encoding="utf-8").splitlines()
    (hospitals / "twice.csv").write_text("\n".join([*lines, *lines[1:40]]) + "\n", encoding="utf-8")
    with pytest.raises(LeakFound):
        prepare({**config, "data": "twice.csv"}, surroundings(hospitals))


@pytest.mark.parametrize(
    "wrong",
    [{"exclude": "years"}, {"exclude": ["yaers"]}, {"learners": "linear"}, {"learners": ["boosting"]},
     {"horizons": [-1]}, {"id": 3}, {"allow": "all"}, {"time_budget_s": True}],
)  # fmt: skip
def test_settings_of_the_wrong_kind_are_named(wrong: dict[str, Any], hospitals: Path) -> None:
    with pytest.raises(ConfigInvalid, match=next(iter(wrong))):
        prepare(BASE | TASKS["classification"] | wrong, surroundings(hospitals))


def test_a_guard_that_falls_short_hands_over_the_better_of_source_and_local() -> None:
    generator = np.random.default_rng(0)
    outcome = np.repeat([0.0, 1.0], 60)
    target = Target(Task.CLASSIFICATION, outcome, classes=("no", "yes"))
    good, poor = outcome + generator.normal(size=120), outcome + 3 * generator.normal(size=120)
    parts = np.zeros((1, 120), dtype=np.int64)

    def chosen(source: np.ndarray, local: np.ndarray, guarded: np.ndarray) -> str:
        ways = {"source": source[None], "local": local[None], "guarded": guarded[None]}
        return safest(target, Compared({0: ways}, parts, (), 96))

    assert chosen(good, poor, poor) == "source_intercept"
    assert chosen(poor, good, poor) == "local"
    assert chosen(poor, good, good) == "guarded"
