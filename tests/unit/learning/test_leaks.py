"""Leaks are found by kind and column, can be allowed with a reason, and honest cohorts are left alone."""

import numpy as np
import pytest
from cohort_sample import category, clinic, number

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.errors import LeakFound
from sartor.learning.leaks import find_leaks, stop_at_leaks, stop_at_overlap
from sartor.learning.stages import Site
from sartor.learning.task import Target


def with_column(cohort, column):
    return Cohort((*cohort.columns, column))


def stops(cohort, target, **more):
    return {(each.name, each.subject) for each in find_leaks(cohort, target, **more) if each.severity == "stop"}


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("seed", range(5))
def test_an_honest_cohort_is_left_alone(task, seed):
    assert stops(*clinic(300, seed, task)) == set()


class TestRows:
    def test_copies_stop_even_under_other_ids(self):
        cohort, target = clinic(300)
        rows = np.r_[0:300, 0:40]
        ids = [str(each) for each in range(340)]
        assert ("duplicate_rows", "") in stops(cohort.take(rows), target.take(rows), ids=ids)

    def test_copies_that_differ_in_one_column_are_seen(self):
        cohort, target = clinic(300)
        rows = np.r_[0:300, 0:40]
        noise = number("again", np.random.default_rng(0).normal(size=340))
        (found,) = [
            each for each in find_leaks(with_column(cohort.take(rows), noise), target.take(rows)) if not each.passed
        ]
        assert found.values["differing"] == "again"

    def test_copies_within_one_group_are_no_leak(self):
        cohort, target = clinic(300)
        rows = np.r_[0:300, 0:40]
        assert stops(cohort.take(rows), target.take(rows), groups=rows) == set()

    def test_coarse_columns_have_like_rows_by_chance(self):
        rng = np.random.default_rng(0)
        cohort = Cohort(tuple(number(f"x{at}", rng.integers(0, 2, 500)) for at in range(4)))
        assert stops(cohort, clinic(500)[1]) == set()

    def test_a_person_twice_without_group_stops_and_with_group_does_not(self):
        cohort, target = clinic(300)
        ids = [f"p{at // 2}" for at in range(300)]
        assert stops(cohort, target, ids=ids) == {("repeated_person", "id")}
        assert stops(cohort, target, ids=ids, groups=np.arange(300) // 2) == set()

    def test_a_site_that_was_learned_from_stops(self):
        cohort, target = clinic(300)
        rows = np.arange(100, 180)
        with pytest.raises(LeakFound, match="80 of the 80 rows of north"):
            stop_at_overlap(cohort, target, Site("north", cohort.take(rows), target.take(rows), ()), allow={})
        other = Site("south", *clinic(80, seed=9), ())
        assert all(each.passed for each in stop_at_overlap(cohort, target, other, allow={}))


class TestColumns:
    @pytest.mark.parametrize("name", ["time", "follow_up_days", "daysToEvent", "survival_time", "x7"])
    def test_a_time_of_follow_up_is_seen_by_name_or_shape(self, name):
        rng = np.random.default_rng(3)
        cohort, target = clinic(600)
        hit = (rng.random(600) < 0.25).astype(float)
        target = type(target)(target.task, hit, classes=target.classes)
        days = np.round(np.where(hit == 1, rng.exponential(60, 600), rng.uniform(60, 365, 600)))
        assert ("after_outcome", name) in stops(with_column(cohort, number(name, days)), target)

    def test_a_name_that_tells_time_is_innocent_without_figures(self):
        cohort, target = clinic(300)
        days = np.random.default_rng(0).integers(1, 14, 300)
        assert stops(with_column(cohort, number("time_in_hospital", days)), target) == set()

    def test_a_time_that_is_measured_on_the_patient_is_innocent(self):
        cohort, target = clinic(400)
        seconds = 12 + 3 * target.values + np.random.default_rng(0).normal(size=400) * 3
        assert stops(with_column(cohort, number("prothrombin_time", seconds)), target) == set()

    @pytest.mark.parametrize("task", list(Task))
    def test_a_near_copy_of_the_outcome_stops(self, task):
        cohort, target = clinic(400, task=task)
        values = target.values + np.random.default_rng(0).normal(size=400) * 0.02 * target.values.std()
        assert ("target_proxy", "x9") in stops(with_column(cohort, number("x9", values)), target)

    def test_a_label_that_tells_the_outcome_stops(self):
        cohort, target = clinic(400)
        labels = category("ward_code", ["K1" if value else "K2" for value in target.values])
        assert ("target_proxy", "ward_code") in stops(with_column(cohort, labels), target)

    def test_numbers_of_rows_stop_and_continuous_values_do_not(self):
        cohort, target = clinic(300)
        assert ("identifier", "record_no") in stops(
            with_column(cohort, number("record_no", np.arange(300) * 3)), target
        )
        names = category("name", [f"person {at}" for at in range(300)])
        assert ("identifier", "name") in stops(with_column(cohort, names), target)

    def test_a_value_taken_because_of_the_outcome_stops(self):
        cohort, target = clinic(400)
        values = np.where(target.values == 1, 1.0, np.nan) + np.random.default_rng(0).normal(size=400)
        kinds = {name for name, subject in stops(with_column(cohort, number("biopsy", values)), target)}
        assert kinds & {"telling_missingness", "target_proxy"}

    def test_a_centre_that_tells_the_outcome_stops_and_a_fair_one_does_not(self):
        rng = np.random.default_rng(0)
        cohort, target = clinic(500)
        uneven = rng.random(500) < np.where(target.values == 1, 0.8, 0.2)
        assert ("site_artefact", "centre") in stops(with_column(cohort, number("centre", uneven)), target)
        assert stops(with_column(cohort, number("centre", rng.integers(0, 2, 500))), target) == set()

    def test_a_column_that_gives_the_stated_site_away_stops(self):
        cohort, target = clinic(500)
        site = category("hospital", ["a" if value else "b" for value in target.values])
        device = number("device_model", [3 if value else 8 for value in target.values])
        found = find_leaks(with_column(cohort, device), target, site=site)
        assert any(each.name in ("site_artefact", "target_proxy") and each.severity == "stop" for each in found)


class TestAllowing:
    def test_every_leak_is_listed_at_once_with_what_to_do(self):
        cohort, target = clinic(300)
        leaky = with_column(with_column(cohort, number("row_id", np.arange(300))), number("x_copy", target.values))
        with pytest.raises(LeakFound) as caught:
            stop_at_leaks(leaky, target, where="cohort.csv")
        assert "2 leaks" in str(caught.value)
        assert "row_id" in str(caught.value)
        assert "x_copy" in str(caught.value)
        assert "allow" in str(caught.value)

    @pytest.mark.parametrize("allow", [{"x_copy": "a screening test"}, {"target_proxy": "a screening test"}])
    def test_an_allowed_leak_is_a_warning_with_its_reason(self, allow):
        cohort, target = clinic(300)
        checks = stop_at_leaks(with_column(cohort, number("x_copy", target.values)), target, allow=allow)
        (shown,) = [each for each in checks if each.subject == "x_copy"]
        assert (shown.severity, shown.passed) == ("warning", False)
        assert "a screening test" in shown.detail

    def test_the_same_cohort_gives_the_same_checks(self):
        assert find_leaks(*clinic(300)) == find_leaks(*clinic(300))


class TestResemblance:
    """People who are alike because there is little to tell of them are not copies of each other."""

    @staticmethod
    def alike(n=400):
        rng = np.random.default_rng(2)
        age = rng.integers(40, 60, n)
        sex = rng.integers(0, 2, n)
        derived = {"age": age, "decade": age // 10, "over_40": age - 40, "squared": age**2, "old": age > 55, "sex": sex}
        columns = tuple(number(name, values) for name, values in derived.items())
        lost = rng.random(n) < 0.6
        times = np.where(lost, 5980.0, rng.integers(1, 5980, n))
        return Cohort(columns), Target(Task.SURVIVAL, times, (~lost).astype(np.int8), ("censored", "died"))

    def test_columns_that_follow_from_each_other_make_no_copies(self):
        assert not stops(*self.alike())

    def test_copies_among_such_people_are_still_found(self):
        cohort, target = clinic(300)
        rows = np.concatenate([np.arange(300), np.arange(40)])
        assert "duplicate_rows" in {name for name, _ in stops(cohort.take(rows), target.take(rows))}
