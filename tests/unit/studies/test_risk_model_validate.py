"""The validation of a fitted study: every part there, every candidate named, sites, coverage, groups, comparisons."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from validation_sample import study_after_fit

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.domain.validation import Validation
from sartor.learning.stages import Fitted, Prepared, Site
from sartor.learning.task import Target
from sartor.studies.risk_model.validate import validate

AROUND = SimpleNamespace(progress=lambda text: None)


def validated(prepared: Prepared, fitted: Fitted) -> Validation:
    return validate(prepared, fitted, AROUND)


@pytest.fixture(scope="module")
def binary() -> Validation:
    return validated(*study_after_fit(n=900, repeats=1))


def changed(prepared: Prepared, **fields: object) -> Prepared:
    from dataclasses import replace

    return replace(prepared, **fields)


def test_measures_have_intervals_and_every_candidate_is_named(binary: Validation) -> None:
    auroc = binary.find("auroc")
    assert auroc.low < auroc.value < auroc.high
    assert binary.find("auroc", candidate="linear").value == pytest.approx(auroc.value)
    named = {each["name"]: each for each in binary.facts["candidates"]}
    assert named["network"]["status"] == "failed"
    assert any(check.subject == "network" for check in binary.checks)
    assert {"calibration", "decision", "decision:treat_all", "decision:treat_none", "roc"} <= {
        curve.name for curve in binary.curves
    }
    assert binary.facts["resamples"] == 60


def test_coverage_holds_overall_in_each_outcome_and_each_group(binary: Validation) -> None:
    for group in ("", "outcome=yes", "outcome=no", "sex=female"):
        found = binary.find("coverage", group=group, at=0.9)
        assert found.value == pytest.approx(0.9, abs=0.025)
    naive = binary.find("coverage_marginal", group="outcome=yes", at=0.9)
    assert naive.value < 0.85
    check = next(each for each in binary.checks if each.name == "coverage")
    assert check.passed


def test_groups_are_audited_and_the_small_are_named(binary: Validation) -> None:
    assert binary.find("auroc", group="sex=male").value > 0.6
    assert binary.find("share", group="sex=male").value == pytest.approx(0.5, abs=0.05)
    small = next(each for each in binary.checks if each.name == "groups_too_few")
    assert "age=unknown" in small.values["groups"]


def test_sample_size_and_additivity_are_checked() -> None:
    prepared, fitted = study_after_fit(n=300, repeats=1, subgroups=[])
    fitted.model.wrong = 1e-3
    checks = {each.name: each for each in validated(prepared, fitted).checks}
    assert not checks["additivity"].passed
    assert checks["sample_size"].values["parameters"] == 2
    assert "needed for 2 parameters" in checks["sample_size"].detail


def test_explanations_are_compared_between_the_fits_of_the_folds(binary: Validation) -> None:
    check = next(each for each in binary.checks if each.name == "stability_of_explanations")
    assert check.values["folds"] > 1
    found = binary.find("top_feature_share", where="")
    assert found is None or 0 < found.value <= 1
    assert any(each.name in ("importance_stability", "top_feature_share") for each in binary.measures)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.SURVIVAL])
def test_other_outcomes(task: Task) -> None:
    prepared, fitted = study_after_fit(task, n=260, repeats=1, horizons=[6.0])
    found = validated(prepared, fitted)
    if task is Task.SURVIVAL:
        assert found.find("harrell_c").value > 0.6
        assert found.find("integrated_brier").value < 0.25
        assert found.find("auc_at", at=6.0).low > 0.5
    else:
        assert found.find("r2").value > 0.6
        assert found.find("coverage", at=0.9).value == pytest.approx(0.9, abs=0.03)


def test_another_site_is_measured_apart() -> None:
    prepared, fitted = study_after_fit(n=400, repeats=1, subgroups=[])
    generator = np.random.default_rng(3)
    margin = generator.normal(-1, 1, 300)
    outcome = (generator.random(300) < 1 / (1 + np.exp(-margin + 1))).astype(float)
    cohort = Cohort(
        (Column("margin", ColumnKind.NUMBER, margin), Column("other", ColumnKind.NUMBER, generator.normal(size=300)))
    )
    target = Target(Task.CLASSIFICATION, outcome, classes=("no", "yes"))
    site = Site("elsewhere", cohort, target, tuple(str(k) for k in range(300)))
    found = validated(changed(prepared, sites=(site,)), fitted)
    level = found.find("observed_expected", where="external:elsewhere")
    assert level.high < 0.9
    assert found.find("auroc", where="external:elsewhere").value > 0.6


def test_a_clinician_is_compared_on_the_same_patients_at_the_same_rate() -> None:
    prepared, fitted = study_after_fit(n=500, repeats=1, clinician="calls", subgroups=[])
    calls = np.random.default_rng(1).random(500) < 0.3
    people = Cohort((*prepared.people.columns, Column("calls", ColumnKind.NUMBER, calls.astype(float))))
    found = validated(changed(prepared, people=people), fitted)
    theirs = found.find("sensitivity", candidate="clinician", at=found.facts["thresholds"][0])
    model = found.find("sensitivity", candidate="pipeline at the clinician's rate", at=found.facts["thresholds"][0])
    assert theirs.value == pytest.approx(0.3, abs=0.1)
    assert model.value > theirs.value + 0.1


def test_the_same_seed_gives_the_same_validation(binary: Validation) -> None:
    assert validated(*study_after_fit(n=900, repeats=1)).model_dump_json() == binary.model_dump_json()
