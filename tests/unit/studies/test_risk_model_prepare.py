"""The configuration is strict, roles are guessed and said, leaks and too few data stop, sites are read alike."""

import numpy as np
import pytest
from cohort_sample import clinic, surroundings, write_csv

from sartor import cohort_flow, registry
from sartor.domain.model import Task
from sartor.errors import ConfigInvalid, LeakFound, TooFewData
from sartor.studies.risk_model.prepare import prepare


def prepared(folder, **config):
    return prepare({"data": "cohort.csv", **config}, surroundings(folder))


@pytest.fixture
def folder(tmp_path):
    cohort, target = clinic(300)
    write_csv(tmp_path / "cohort.csv", cohort, target, patient_id=[f"p{at}" for at in range(300)], empty=[""] * 300)
    return tmp_path


class TestGuesses:
    def test_a_table_and_a_target_are_enough_and_every_guess_is_worded(self, folder):
        found = prepared(folder, target="outcome")
        assert found.target.task is Task.CLASSIFICATION
        assert found.target.classes == ("no", "yes")
        assert found.cohort.names == ("age", "sex", "pressure", "marker", "smoking")
        assert found.people.names == ("age", "sex")
        assert found.ids[:2] == ("p0", "p1")
        study = registry.study("risk_model")
        said = [cohort_flow.say(study, each) for each in found.guesses]
        assert "The outcome was taken to be outcome = yes." in said
        assert any("empty" in each for each in said)
        assert found.config["positive"] == "yes"
        assert found.config["id"] == "patient_id"

    def test_rows_of_one_person_are_a_group(self, tmp_path):
        cohort, target = clinic(300)
        write_csv(tmp_path / "cohort.csv", cohort, target, patient_nbr=[str(at // 2) for at in range(300)])
        found = prepared(tmp_path, target="outcome")
        assert found.groups is not None
        assert len(np.unique(found.groups)) == 150
        assert "patient_nbr" not in found.cohort

    def test_numbers_with_many_values_are_a_regression(self, tmp_path):
        write_csv(tmp_path / "cohort.csv", *clinic(200, task=Task.REGRESSION))
        assert prepared(tmp_path, target="outcome").target.task is Task.REGRESSION

    def test_time_and_event_are_survival(self, tmp_path):
        cohort, target = clinic(300, task=Task.SURVIVAL)
        write_csv(tmp_path / "cohort.csv", cohort, target)
        found = prepared(tmp_path, time="time", event="event")
        assert found.target.task is Task.SURVIVAL
        assert found.target.events is not None
        assert found.target.events.tolist() == target.events.tolist()
        assert "time" not in found.cohort

    def test_the_same_file_gives_the_same_preparation(self, folder):
        first, second = (prepared(folder, target="outcome") for _ in range(2))
        assert first.config == second.config
        assert first.checks == second.checks


class TestConfiguration:
    def test_every_fault_is_told_at_once_with_a_suggestion(self, folder):
        with pytest.raises(ConfigInvalid) as caught:
            prepared(folder, target="outcome", folds=1, tiem_budget_s=9, external=[{"name": "north"}], repeats="many")
        for said in ("4 faults", "folds", "did you mean time_budget_s", "external.0.data", "repeats"):
            assert said in str(caught.value)

    def test_columns_that_are_not_there_are_named_together(self, folder):
        with pytest.raises(ConfigInvalid, match=r"target: .*did you mean outcome.*subgroups: .*sexx.*did you mean sex"):
            prepared(folder, target="outcom", subgroups=["sexx"])

    @pytest.mark.parametrize(
        ("config", "said"),
        [
            ({}, "target is not stated"),
            ({"time": "age"}, "both time and event"),
            ({"target": "outcome", "scheme": "temporal"}, "needs date"),
            ({"target": "outcome", "time": "age", "event": "sex"}, "not target"),
        ],
    )
    def test_contradictions_are_refused(self, folder, config, said):
        with pytest.raises(ConfigInvalid, match=said):
            prepared(folder, **config)

    def test_what_the_owner_knows_of_a_feature_is_kept_as_a_card_wants_it(self, folder):
        stated = {"pressure": {"code": "8480-6", "unit": "mm[Hg]", "from": "observation", "actionable": True}}
        found = prepared(folder, target="outcome", features=stated).config["features"]["pressure"]
        assert found["code"] == {"system": "http://loinc.org", "code": "8480-6"}
        assert (found["drawn_from"], found["actionable"]) == ("observation", True)


class TestRows:
    def test_where_keeps_rows_by_value_list_range_and_exception(self, folder):
        everyone = prepared(folder, target="outcome")
        found = prepared(
            folder,
            target="outcome",
            where={"age": {"min": 50}, "smoking": {"not": ["current"]}, "sex": ["male", "female"]},
        )
        age = everyone.cohort.column("age").values
        smoking = np.array(everyone.cohort.column("smoking").labels())
        assert len(found.cohort) == int(((age >= 50) & (smoking != "current")).sum())
        assert found.checks[0].name == "rows_selected"

    def test_several_values_may_be_the_outcome(self, folder):
        found = prepared(folder, target="smoking", positive=["current", "former"])
        assert found.target.classes == ("never", "current or former")

    def test_too_few_rows_or_events_stop(self, tmp_path):
        write_csv(tmp_path / "cohort.csv", *clinic(30))
        with pytest.raises(TooFewData, match="30 rows"):
            prepared(tmp_path, target="outcome")
        cohort, target = clinic(100)
        rare = type(target)(target.task, (np.arange(100) < 3).astype(float), classes=target.classes)
        write_csv(tmp_path / "cohort.csv", cohort, rare)
        with pytest.raises(TooFewData, match=r"yes \(3\)"):
            prepared(tmp_path, target="outcome")

    def test_competing_events_keep_their_names(self, tmp_path):
        cohort, target = clinic(300, task=Task.SURVIVAL)
        kinds = np.where(target.events == 1, np.where(np.arange(300) % 3 == 0, "other death", "relapse"), "censored")
        write_csv(tmp_path / "cohort.csv", cohort, months=target.values, what=kinds)
        found = prepared(tmp_path, time="months", event="what", positive="relapse")
        assert found.target.classes == ("censored", "relapse", "other death")
        assert found.target.has_competing_events


class TestLeaks:
    def test_a_leak_stops_and_may_be_allowed_with_a_reason(self, tmp_path):
        cohort, target = clinic(300)
        write_csv(tmp_path / "cohort.csv", cohort, target, follow_up_days=(300 - 200 * target.values).astype(int))
        with pytest.raises(LeakFound, match="follow_up_days"):
            prepared(tmp_path, target="outcome")
        assert "follow_up_days" not in prepared(tmp_path, target="outcome", exclude=["follow_up_days"]).cohort
        allowed = prepared(tmp_path, target="outcome", allow={"follow_up_days": "known at admission here"})
        assert any("known at admission here" in each.detail for each in allowed.checks)

    def test_a_stated_id_that_repeats_stops(self, tmp_path):
        cohort, target = clinic(300)
        write_csv(tmp_path / "cohort.csv", cohort, target, person=[str(at // 2) for at in range(300)])
        with pytest.raises(LeakFound, match="same person"):
            prepared(tmp_path, target="outcome", id="person", group="")


class TestSites:
    def test_a_site_has_the_same_columns_and_classes_whatever_its_file_lacks(self, folder):
        cohort, target = clinic(80, seed=7)
        write_csv(folder / "north.csv", cohort.without(["marker"]), target)
        (site,) = prepared(folder, target="outcome", external=[{"name": "north", "data": "north.csv"}]).sites
        assert site.cohort.names == ("age", "sex", "pressure", "marker", "smoking")
        assert site.cohort.column("marker").missing.all()
        assert site.target.classes == ("no", "yes")
        assert site.target.values.tolist() == target.values.tolist()

    def test_a_site_with_one_class_only_is_a_site(self, folder):
        cohort, target = clinic(200, seed=7)
        rows = np.flatnonzero(target.values == 1)
        write_csv(folder / "north.csv", cohort.take(rows), target.take(rows))
        (site,) = prepared(folder, target="outcome", external=[{"name": "north", "data": "north.csv"}]).sites
        assert set(site.target.values) == {1.0}

    def test_a_site_that_was_learned_from_stops(self, folder):
        with pytest.raises(LeakFound, match="also learned from"):
            prepared(folder, target="outcome", external=[{"name": "same", "data": "cohort.csv"}])


def test_findings_are_joined_by_id(folder):
    lines = ["patient\tcapability\tabout_code\tabout_label\tstatus\tconclusion\testimate"]
    lines += [f"p{at}\tpgx\t1\tCYP2C19\tassessed\t{'Poor' if at % 5 else 'Normal'} Metabolizer\t" for at in range(200)]
    lines += [f"p{at}\tpgx\t2\twarfarin\tassessed\t\t{20 + at % 7}" for at in range(100)]
    lines += ["p250\tpgx\t1\tCYP2C19\tnot assessable\tunknown\t"]
    (folder / "findings.tsv").write_text("\n".join(lines) + "\n")
    found = prepared(
        folder, target="outcome", id="patient_id", join=[{"data": "findings.tsv", "findings": True, "prefix": "pgx "}]
    )
    assert found.cohort.column("pgx CYP2C19").categories == ("Normal Metabolizer", "Poor Metabolizer")
    assert int(found.cohort.column("pgx CYP2C19").missing.sum()) == 100
    assert found.cohort.column("pgx warfarin estimate").labels()[:2] == ["20", "21"]
    assert len(found.inputs) == 2
