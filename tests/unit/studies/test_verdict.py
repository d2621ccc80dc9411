"""The verdict: each rule can bring it down, what was not measured never counts as met, and nothing is ever "use it"."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from validation_sample import study_after_fit

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.domain.validation import Check, Measure, Validation
from sartor.learning.leaks import KINDS
from sartor.learning.stages import Site
from sartor.learning.task import Target
from sartor.studies.risk_model.publish import checklist, regulatory, verdict
from sartor.studies.risk_model.publish.telling import Told
from sartor.studies.risk_model.publish.verdict import judged
from sartor.studies.risk_model.validate import validate

ROOT = Path(__file__).resolve().parents[3]
DATA = files("sartor.studies.risk_model.publish") / "data"
AROUND: Any = SimpleNamespace(progress=lambda text: None, now="2026-11-21T00:00:00Z")


def elsewhere(n: int = 900, name: str = "elsewhere") -> Site:
    generator = np.random.default_rng(3)
    margin = generator.normal(-1.2, 1, n)
    outcome = (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(float)
    other = Column("other", ColumnKind.NUMBER, generator.normal(size=n))
    cohort = Cohort((Column("margin", ColumnKind.NUMBER, margin), other))
    return Site(name, cohort, Target(Task.CLASSIFICATION, outcome, classes=("no", "yes")), tuple(map(str, range(n))))


@pytest.fixture(scope="module")
def sound() -> Told:
    """A study that meets every rule, with an adequate second site."""
    prepared, fitted = study_after_fit(n=1500, repeats=1, intended_use="Invented")
    prepared = replace(prepared, sites=(elsewhere(),))
    return Told(prepared, fitted, validate(prepared, fitted, AROUND), AROUND)


def changed(told: Told, name: str, where: str = "internal", group: str = "", **values: Any) -> Told:
    """The same study with one measure of the pipeline altered."""
    measures = tuple(
        m.model_copy(update=values)
        if (m.name, m.where, m.group, m.candidate) == (name, where, group, "pipeline")
        else m
        for m in told.validation.measures
    )
    return with_validation(told, measures=measures)


def without(told: Told, *names: str, where: str = "internal") -> Told:
    kept = tuple(m for m in told.validation.measures if not (m.name in names and m.where == where))
    return with_validation(told, measures=kept)


def with_check(told: Told, check: Check) -> Told:
    return with_validation(told, checks=(*(c for c in told.validation.checks if c.name != check.name), check))


def with_validation(told: Told, **parts: Any) -> Told:
    return replace(told, validation=told.validation.model_copy(update=parts))


def failing(told: Told) -> set[str]:
    return {rule.name for rule in judged(told).failed}


def test_at_best_a_silent_trial_follows(sound: Told) -> None:
    assert failing(sound) == set()
    assert judged(sound).key == verdict.PROSPECTIVE_NEXT


@pytest.mark.parametrize(
    ("rule", "level", "name", "values"),
    [
        ("skill", verdict.DO_NOT_USE, "auroc", {"value": 0.53, "low": 0.49, "high": 0.57}),
        ("measured", verdict.DO_NOT_USE, "auroc", {"low": None, "high": None}),
        ("measured", verdict.DO_NOT_USE, "auroc", {"value": None, "low": None, "high": None}),
        ("slope", verdict.NOT_READY, "calibration_slope", {"value": 0.6, "low": 0.2, "high": 1.4}),
        ("slope", verdict.NOT_READY, "calibration_slope", {"value": 1.6, "low": 1.3, "high": 2.0}),
        ("level", verdict.NOT_READY, "observed_expected", {"value": 1.5, "low": 1.4, "high": 1.6}),
        ("distance", verdict.NOT_READY, "ici", {"value": 0.09}),
        ("benefit", verdict.NOT_READY, "net_benefit", {"value": -0.01}),
        ("coverage", verdict.NOT_READY, "coverage", {"value": 0.80}),
    ],
)  # fmt: skip
def test_each_measure_can_bring_it_down(sound: Told, rule: str, level: str, name: str, values: dict[str, Any]) -> None:
    found = judged(changed(sound, name, **values))
    assert rule in {each.name for each in found.failed}
    assert found.key == level


@pytest.mark.parametrize(
    ("rule", "level", "check"),
    [
        ("additivity", verdict.DO_NOT_USE, Check(name="additivity", passed=False)),
        ("sample_size", verdict.TOO_SMALL,
         Check(name="sample_size", passed=False, values={"n": 100, "needed": 400, "parameters": 9})),
        ("leaks", verdict.NOT_READY,
         Check(name="duplicate_rows", passed=False, values={"allowed": "the registry says so"})),
        ("groups", verdict.NOT_READY, Check(name="group_behind", passed=False, subject="sex=female")),
        ("groups", verdict.NOT_READY, Check(name="group_behind", passed=False, subject="sex=female & age=<40")),
        ("groups_calibrated", verdict.NOT_READY, Check(name="group_miscalibrated", passed=False, subject="sex=male")),
        ("site_alike", verdict.NOT_TRANSPORTABLE,
         Check(name="like_the_training_data", passed=False, subject="elsewhere", values={"share": 0.4})),
    ],
)  # fmt: skip
def test_each_check_can_bring_it_down(sound: Told, rule: str, level: str, check: Check) -> None:
    found = judged(with_check(sound, check))
    assert {each.name for each in found.failed} == {rule}
    assert found.key == level


@pytest.mark.parametrize(
    ("rule", "name", "values"),
    [
        ("site_ranks", "auroc", {"value": 0.60, "low": 0.55, "high": 0.65}),
        ("site_measured", "auroc", {"value": None, "low": None, "high": None}),
        ("site_level", "observed_expected", {"value": 0.5, "low": 0.4, "high": 0.6}),
        ("site_slope", "calibration_slope", {"value": 0.4, "low": 0.3, "high": 0.5}),
        ("site_benefit", "net_benefit", {"value": -0.02}),
    ],
)
def test_another_place_can_bring_it_down(sound: Told, rule: str, name: str, values: dict[str, Any]) -> None:
    found = judged(changed(sound, name, "external:elsewhere", **values))
    assert {each.name for each in found.failed} == {rule}
    assert found.key == verdict.NOT_TRANSPORTABLE


def test_what_was_not_measured_is_not_met(sound: Told) -> None:
    assert "calibration_known" in failing(without(sound, *verdict.CALIBRATION))
    assert judged(without(sound, *verdict.CALIBRATION)).key == verdict.NOT_READY
    no_size = with_validation(sound, checks=tuple(c for c in sound.validation.checks if c.name != "sample_size"))
    assert judged(no_size).key == verdict.EXTERNAL_NEXT
    no_groups = with_validation(sound, measures=tuple(m for m in sound.validation.measures if not m.group))
    assert failing(no_groups) == {"groups_known"}
    assert judged(no_groups).key == verdict.EXTERNAL_NEXT
    unstated = replace(sound, prepared=replace(sound.prepared, config={**sound.config, "intended_use": ""}))
    assert judged(unstated).key == verdict.EXTERNAL_NEXT


def test_a_handful_of_people_elsewhere_is_no_external_validation(sound: Told) -> None:
    prepared = replace(sound.prepared, sites=(elsewhere(60),))
    small = replace(sound, prepared=prepared)
    assert failing(small) == {"site_enough"}
    assert judged(small).key == verdict.EXTERNAL_NEXT
    alone = replace(sound, prepared=replace(sound.prepared, sites=()))
    assert judged(alone).key == verdict.EXTERNAL_NEXT


def test_a_rare_outcome_may_not_hide_behind_an_absolute_distance(sound: Told) -> None:
    """A distance of 0.04 is let pass at one in four, and is far too much at one in a hundred."""
    assert failing(changed(sound, "ici", value=0.04)) == set()
    values = np.zeros(len(sound.prepared.target))
    values[::100] = 1
    rare = replace(sound.prepared, target=replace(sound.prepared.target, values=values))
    assert "distance" in failing(changed(replace(sound, prepared=rare), "ici", value=0.04))


def test_coverage_a_little_short_in_one_of_many_parts_is_chance(sound: Told) -> None:
    few = Measure(name="coverage", group="sex=female", at=0.9, value=0.875, n=320)
    assert failing(with_validation(sound, measures=(*sound.validation.measures, few))) == set()


@pytest.mark.parametrize(("task", "rules"), [(Task.REGRESSION, {"slope"}), (Task.SURVIVAL, {"level_at"})])
def test_other_outcomes_are_judged_by_their_own_measures(task: Task, rules: set[str]) -> None:
    prepared, fitted = study_after_fit(task, n=400, repeats=1, horizons=[6.0])
    told = Told(prepared, fitted, validate(prepared, fitted, AROUND), AROUND)
    assert rules | {"skill", "site_enough", "intended"} <= {rule.name for rule in judged(told).rules}
    assert judged(without(told, *verdict.CALIBRATION)).key == verdict.NOT_READY
    assert set(checklist.probast_ai(told)) == {"participants", "predictors", "outcome", "analysis"}
    assert regulatory.risks(told, judged(told))


def test_every_name_in_the_tables_is_one_that_runs() -> None:
    """Checks are those of the leak detector and of the validation's source, rules those of the verdict's wording."""
    parts = [ROOT / "src" / "sartor" / part for part in ("studies/risk_model", "explaining", "learning/leaks")]
    sources = "".join(path.read_text(encoding="utf-8") for part in parts for path in part.rglob("*.py"))
    checks = {*KINDS, *re.findall(r'name="(\w+)"', sources), "group_behind", "group_miscalibrated"}
    rules = set(tomllib.loads(
        (files("sartor.studies.risk_model") / "wording" / "en.toml").read_text(encoding="utf-8")
    )["report"]["rule"])  # fmt: skip
    rows = [*table("risks")["risks"], *table("requirements")["requirements"]]
    for row in rows:
        assert {*row.get("checks", ()), *row.get("may_be", ())} <= checks, row["id"]
        assert set(row.get("rules", ())) <= rules, row["id"]
    assert {kind for kinds in checklist.KINDS.values() for kind in kinds} <= set(KINDS)


def test_every_test_that_is_named_is_a_real_file() -> None:
    rows = [*table("risks")["risks"], *table("requirements")["requirements"]]
    rows += [each for questions in table("probast_ai")["domains"].values() for each in questions]
    named = [path for row in rows for path in row.get("tests", ())]
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def table(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


def test_risks_and_requirements_follow_what_ran(sound: Told) -> None:
    leaks = tuple(Check(name=kind, passed=True, severity="note") for kind in KINDS)
    told = with_validation(sound, checks=(*sound.validation.checks, *leaks))
    states = {each["id"]: each["state"] for each in regulatory.risks(told, judged(told))}
    assert (states["R1"], states["R7"], states["R8"]) == ("controlled", "controlled", "by construction")
    met = {each["id"]: each["result"] for each in regulatory.traceability(told, judged(told))}
    assert (met["Q1"], met["Q3"], met["Q9"]) == ("met", "met", "met")
    without_leaks = {each["id"]: each["result"] for each in regulatory.traceability(sound, judged(sound))}
    assert without_leaks["Q1"] == "not shown"
    off = changed(told, "calibration_slope", value=0.4)
    assert {each["id"]: each["state"] for each in regulatory.risks(off, judged(off))}["R2"] == "open"
    let_pass = with_check(told, Check(name="target_proxy", passed=False, subject="x", values={"allowed": "known"}))
    assert {each["id"]: each["state"] for each in regulatory.risks(let_pass, judged(let_pass))}["R1"] == "open"
    assert {e["id"]: e["result"] for e in regulatory.traceability(let_pass, judged(let_pass))}["Q1"] == "not met"


def test_self_assessment_rests_on_the_run(sound: Told) -> None:
    def answers(told: Told) -> dict[str, str]:
        found = checklist.probast_ai(told)
        return {row["question"]: row["answer"] for part in found.values() for row in part["questions"]}

    use, imbalance = "Are all predictors known when the model is used?", "Was imbalance handled without"
    assert answers(sound)[use] == "not stated"
    looked = [Check(name=kind, passed=True, severity="note") for kind in KINDS]
    prepared = replace(sound.prepared, checks=tuple(looked))
    assert answers(replace(sound, prepared=prepared))[use] == "probably yes"
    found = Check(name="after_outcome", passed=False, subject="time", values={"allowed": "measured before"})
    prepared = replace(sound.prepared, checks=(*looked, found))
    assert answers(replace(sound, prepared=prepared))[use] == "probably no"
    zero = Check(name="times_of_zero", passed=False, detail="three rows")
    prepared = replace(sound.prepared, checks=(*looked, zero))
    assert answers(replace(sound, prepared=prepared))[use] == "probably yes"

    def level(value: float) -> str:
        told = changed(sound, "observed_expected", value=value)
        return next(answer for question, answer in answers(told).items() if question.startswith(imbalance))

    assert (level(1.0), level(0.4)) == ("yes", "probably no")
    grouped = replace(sound.prepared, groups=np.arange(len(sound.prepared.target)) // 2)
    rows = "Were rows of one person kept on one side?"
    assert answers(sound)[rows] == "not stated"
    assert answers(replace(sound, prepared=grouped))[rows] == "no"


def test_the_validation_is_left_as_it_was(sound: Told) -> None:
    assert isinstance(sound.validation, Validation)
    before = sound.validation.model_dump_json()
    judged(sound)
    assert sound.validation.model_dump_json() == before


def test_a_ranking_turned_round_elsewhere_outweighs_a_small_cohort(sound: Told) -> None:
    turned = changed(sound, "auroc", "external:elsewhere", value=0.27, low=0.21, high=0.33)
    small = with_check(turned, Check(name="sample_size", passed=False, values={"n": 1, "needed": 4, "parameters": 9}))
    assert {"site_reversed", "site_ranks", "sample_size"} == failing(small)
    assert judged(small).key == verdict.NOT_READY
    assert verdict.LEVELS.index(verdict.NOT_TRANSPORTABLE) < verdict.LEVELS.index(verdict.TOO_SMALL)
