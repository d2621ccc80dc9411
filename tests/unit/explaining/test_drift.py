"""Changes are found and named, chance alone raises no alarm, and the written policy decides what follows."""

from __future__ import annotations

import numpy as np
import pytest

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.explaining import drift
from sartor.explaining.drift.page import input_rows
from sartor.explaining.wording import WordingTable
from sartor.learning.task import Target


def cohort_of(n: int, seed: int, *, shift: float = 0.0, gaps: float = 0.0, label: str = "d") -> Cohort:
    generator = np.random.default_rng(seed)
    lab = generator.integers(0, 90, n).astype(float)
    lab[generator.random(n) < 0.1 + gaps] = np.nan
    codes = generator.choice(4, n, p=[0.5, 0.3, 0.1, 0.1]).astype(np.int32)
    columns = [Column("x", ColumnKind.NUMBER, generator.normal(shift, 1, n)), Column("lab", ColumnKind.NUMBER, lab)]
    columns.append(Column("ward", ColumnKind.CATEGORY, codes, ("a", "b", "c", label)))
    columns += [Column(f"n{k}", ColumnKind.NUMBER, generator.normal(size=n)) for k in range(10)]
    return Cohort(tuple(columns))


def risk_of(cohort: Cohort) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(1 - cohort.column("x").values)))


def outcome_of(risk: np.ndarray, seed: int, factor: float = 1.0) -> Target:
    drawn = np.random.default_rng(seed).random(len(risk)) < np.minimum(risk * factor, 1)
    return Target(Task.CLASSIFICATION, drawn.astype(float), classes=("no", "yes"))


@pytest.fixture(scope="module")
def reference() -> drift.Reference:
    cohort = cohort_of(8000, 0)
    made = drift.Reference.of(cohort, risk_of(cohort))
    return drift.Reference(made.inputs, made.predicted, {"auroc": (0.73, 0.71, 0.75)})


POLICY = drift.default_policy()


def compared(reference: drift.Reference, cohort: Cohort, **more: object) -> drift.Drift:
    return drift.compare(reference, cohort, risk_of(cohort), POLICY, resamples=100, **more)


def test_chance_alone_raises_no_alarm(reference: drift.Reference) -> None:
    alarms = 0
    for seed in range(1, 41):
        found = compared(reference, cohort_of(500, seed))
        alarms += any(each.level != "none" for each in (*found.inputs, found.prediction))
    assert alarms <= 4


@pytest.mark.parametrize(
    ("change", "name", "level"),
    [({"shift": 0.7}, "x", "drift"), ({"gaps": 0.3}, "lab", "watch"), ({"label": "new"}, "ward", "drift")],
)
def test_a_change_is_found_where_it_is(reference: drift.Reference, change: dict, name: str, level: str) -> None:
    found = compared(reference, cohort_of(1500, 99, **change))
    assert [each.name for each in found.inputs if each.level != "none"] == [name]
    shown = next(each for each in found.inputs if each.name == name)
    assert shown.level == level
    assert shown.new_labels == (("new",) if name == "ward" else ())
    assert drift.decide(found, reference, POLICY).action == "watch"
    assert input_rows(found)[1][0] == name


def test_a_column_that_is_gone_is_drift(reference: drift.Reference) -> None:
    found = compared(reference, cohort_of(300, 5).without(["ward"]))
    gone = next(each for each in found.inputs if each.name == "ward")
    assert gone.absent
    assert gone.level == "drift"


def test_risk_that_comes_true_less_often_calls_for_recalibration(reference: drift.Reference) -> None:
    cohort = cohort_of(3000, 7)
    target = outcome_of(risk_of(cohort), 1, 0.6)
    found = compared(reference, cohort, target=target, dates=np.arange(3000.0))
    decision = drift.decide(found, reference, POLICY)
    assert decision.action == "recalibrate"
    assert sum(period.off for period in found.periods) > len(found.periods) / 2
    good = compared(reference, cohort, target=outcome_of(risk_of(cohort), 1), dates=np.arange(3000.0))
    assert drift.decide(good, reference, POLICY).action == "continue"


def test_a_lost_ranking_calls_for_a_refit_and_the_page_says_why(reference: drift.Reference) -> None:
    from importlib.resources import files

    cohort = cohort_of(2000, 8)
    target = outcome_of(np.random.default_rng(1).permutation(risk_of(cohort)), 2)
    found = compared(reference, cohort, target=target)
    decision = drift.decide(found, reference, POLICY)
    assert decision.action == "refit"
    page = drift.document(found, decision, reference, title="Monitoring")
    table = WordingTable.load((files("sartor.explaining.drift") / "wording" / "en.toml").read_text(encoding="utf-8"))
    said = " ".join(table.say(each) for each in page.sections[0].blocks[0].said)
    assert "auroc was 0.730" in said.lower()
    for section in page.sections:
        assert table.say(section.heading)


def test_dates_of_a_drifting_level_show_where_it_began(reference: drift.Reference) -> None:
    cohort = cohort_of(4000, 9)
    risk = risk_of(cohort)
    factor = np.where(np.arange(4000) < 2000, 1.0, 0.5)
    target = outcome_of(risk * factor, 3)
    periods = compared(reference, cohort, target=target, dates=np.arange(4000.0)).periods
    half = len(periods) // 2
    assert not any(period.off for period in periods[:half])
    assert all(period.off for period in periods[half:])


def test_reference_and_policy_survive_being_stored(reference: drift.Reference) -> None:
    assert drift.Reference.from_json(reference.to_json()).to_json() == reference.to_json()
    assert drift.Policy.from_json(POLICY.to_json()) == POLICY
    for kind in (drift.Reference, drift.Policy):
        with pytest.raises(ModelRefused):
            kind.from_json(b'{"format": 1}')


def test_a_whole_number_code_is_the_same_label_with_and_without_its_point():
    from sartor.explaining.drift.comparison import _input
    from sartor.explaining.drift.policy import default_policy
    from sartor.explaining.drift.reference import Distribution

    before = Distribution(name="stage", n=400, missing=0.0, shares={"1.0": 0.5, "2.0": 0.5})
    codes = np.array([0, 1] * 150, np.int32)
    now = _input(before, Cohort((Column("stage", ColumnKind.CATEGORY, codes, ("1", "2")),)), default_policy())
    assert now.psi < 0.01
    assert now.p_value > 0.5
    assert now.new_labels == ()
