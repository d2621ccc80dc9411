"""Groups are judged with intervals, small ones are said to be small, and differences are found where they are."""

from __future__ import annotations

import numpy as np
import pytest
from validation_sample import people_of

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.explaining.fairness import Audit, audit, representation, wilson
from sartor.learning.population_groups import PopulationGroup, population_groups
from sartor.learning.task import Target

N = 3000


def audited(**changes: object) -> dict[tuple[str, str], object]:
    generator = np.random.default_rng(2)
    people = people_of(N, generator)
    margin = generator.normal(-1, 1, N)
    male = people.column("sex").values == 1
    outcome = (generator.random(N) < 1 / (1 + np.exp(-margin - 0.8 * male))).astype(float)
    groups = population_groups(people, bands={"age": [22, 60]}, intersections=True)
    what = Audit(
        target=Target(Task.CLASSIFICATION, outcome, classes=("no", "yes")), predicted=1 / (1 + np.exp(-margin)),
        people=people, groups=groups, thresholds=(0.3,), resamples=60, **changes,
    )  # fmt: skip
    return {(each.name, each.group): each for each in audit(what)}


def test_underprediction_of_one_sex_is_seen_with_its_interval() -> None:
    found = audited()
    assert found["observed_expected", "sex=male"].low > 1.1
    assert found["observed_expected", "sex=female"].low <= 1 <= found["observed_expected", "sex=female"].high
    assert found["ppv", "sex=male"].value > found["ppv", "sex=female"].value
    difference = found["selection_rate_difference", "sex"]
    assert difference.low <= difference.value <= difference.high
    assert "sex=male" in difference.note


def test_every_group_is_there_and_the_small_ones_say_so() -> None:
    found = audited(least_rows=150)
    names = {group for _, group in found}
    for group in ("sex=female", "age=<22", "age=60+", "age=unknown", "sex=male & age=22–60", "sex=female & age=<22"):
        assert group in names
    small = found["auroc", "sex=female & age=<22"]
    assert small.value is None
    assert small.note.startswith("too few: ")


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.SURVIVAL])
def test_other_outcomes_are_audited_too(task: Task) -> None:
    generator = np.random.default_rng(3)
    people = people_of(600, generator)
    margin = generator.normal(size=600)
    events = (generator.random(600) < 0.8).astype(np.int8) if task is Task.SURVIVAL else None
    values = (
        generator.exponential(np.exp(-margin)) + 0.01 if task is Task.SURVIVAL else margin + generator.normal(size=600)
    )
    what = Audit(Target(task, values, events), margin, people, population_groups(people, ["sex"]), resamples=20)
    headline = "harrell_c" if task is Task.SURVIVAL else "r2"
    shown = [m for m in audit(what) if m.name == headline]
    assert len(shown) == 2
    assert all(m.value > 0.4 for m in shown)


def test_representation_counts_gaps_and_compares_with_a_reference() -> None:
    sex = Column("sex", ColumnKind.CATEGORY, np.array([0, 0, 0, 1], np.int32), ("f", "m"))
    cohort = Cohort((Column("x", ColumnKind.NUMBER, np.array([1.0, np.nan, 2.0, 3.0])),))
    target = Target(Task.CLASSIFICATION, np.array([1.0, 0, 0, 1]), classes=("no", "yes"))
    people = Cohort((sex,))
    found = representation(target, cohort, people, population_groups(people), reference={"sex=m": 0.5})
    shown = {(m.name, m.group): m.value for m in found}
    assert shown["share", "sex=f"] == 0.75
    assert shown["outcome_share", "sex=f"] == pytest.approx(1 / 3)
    assert shown["missing_share", "sex=f"] == pytest.approx(1 / 3)
    assert shown["representation_ratio", "sex=m"] == 0.5


def test_wilson_by_the_textbook() -> None:
    low, high = wilson(10, 100)
    assert (low, high) == pytest.approx((0.0552, 0.1744), abs=2e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[0] == 0.0


def test_groups_survive_being_stored_and_read_labels_bands_and_gaps() -> None:
    people = people_of(200, np.random.default_rng(4))
    groups = population_groups(people, bands={"age": [40, 65]}, intersections=True)
    assert {"sex=female", "age=<40", "age=40–65", "age=65+", "age=unknown"} <= {group.name for group in groups}
    for group in groups:
        again = PopulationGroup.from_state(group.to_state())
        assert again == group
    single = [group for group in groups if group.columns == ("age",)]
    assert sum(group.members(people).sum() for group in single) == 200
