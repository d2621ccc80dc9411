"""Tables as people have them: what is ambiguous stops, what is left out is said, and nothing is turned round."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from cohort_sample import clinic, surroundings, write_csv

from sartor import cohort_flow, registry
from sartor.domain.model import Task
from sartor.errors import ConfigInvalid, MalformedInput, TooFewData
from sartor.io.cohort_table import read_cohort
from sartor.settings import Settings
from sartor.studies import risk_model
from sartor.studies.risk_model.prepare import prepare

N = 200


def prepared(folder, **config):
    return prepare({"data": "cohort.csv", **config}, surroundings(folder))


def table(folder, name="cohort.csv", **columns):
    """Honest inputs beside the columns given."""
    write_csv(folder / name, clinic(N)[0], **columns)


def checks(found):
    return {each.name: each for each in found.checks if not each.passed}


def said(found):
    study = registry.study("risk_model")
    return [cohort_flow.say(study, each) for each in found.guesses]


@pytest.fixture
def yes():
    return np.random.default_rng(3).random(N) < 0.4


@pytest.fixture
def times():
    return np.random.default_rng(4).exponential(10, N).round(2) + 0.01


class TestOutcome:
    def test_spellings_of_one_class_are_one_class(self, tmp_path, yes):
        table(
            tmp_path,
            y=[["No", "no"][at % 2] if not hit else ["Yes", "YES", "yes"][at % 3] for at, hit in enumerate(yes)],
        )
        found = prepared(tmp_path, target="y")
        assert len(found.target.classes) == 2
        assert (found.target.values == yes).all()
        assert "outcome_spelling" in checks(found)

    @pytest.mark.parametrize(("word", "labels"), [("unknown", ("no", "yes")), ("9", ("0", "1"))])
    def test_what_is_unknown_is_no_class(self, tmp_path, yes, word, labels):
        table(tmp_path, y=[word if at % 5 == 0 else labels[int(hit)] for at, hit in enumerate(yes)])
        found = prepared(tmp_path, target="y")
        assert found.target.classes == labels
        assert len(found.target) == N - N // 5
        assert checks(found)["outcome_unknown"].severity == "warning"

    def test_codes_1_and_2_are_warned_of(self, tmp_path, yes):
        table(tmp_path, y=[1 + int(hit) for hit in yes])
        assert checks(prepared(tmp_path, target="y"))["outcome_guessed"].severity == "warning"
        assert "outcome_guessed" not in checks(prepared(tmp_path, target="y", positive=2))

    def test_every_class_is_said(self, tmp_path):
        table(tmp_path, y=["abc"[at % 3] for at in range(N)])
        assert "Each value of y was taken to be a class: a, b, c." in said(prepared(tmp_path, target="y"))

    def test_a_site_that_spells_the_outcome_otherwise_stops(self, tmp_path, yes):
        table(tmp_path, y=np.where(yes, "yes", "no"))
        table(tmp_path, "site.csv", y=np.where(yes, "Y", "N"), marker2=np.arange(N))
        with pytest.raises(ConfigInvalid, match="N, Y in y, not no or yes"):
            prepared(tmp_path, target="y", external=[{"name": "north", "data": "site.csv"}])

    def test_people_of_a_site_who_are_also_learned_from_are_warned_of(self, tmp_path, yes):
        table(tmp_path, y=yes.astype(int), pid=[f"p{at}" for at in range(N)])
        write_csv(
            tmp_path / "site.csv", clinic(N, seed=8)[0], y=yes.astype(int), pid=[f"p{at + 190}" for at in range(N)]
        )
        found = prepared(tmp_path, target="y", id="pid", external=[{"name": "north", "data": "site.csv"}])
        warned = [each.detail for each in found.checks if each.name == "train_test_overlap" and not each.passed]
        assert len(warned) == 1
        assert warned[0].startswith("10 ids of north")


class TestEvents:
    @pytest.mark.parametrize("name", ["censored", "alive", "is_alive", "survived", "vital_status", "event_free"])
    def test_a_column_that_may_mean_the_opposite_is_not_guessed(self, tmp_path, yes, times, name):
        table(tmp_path, time=times, **{name: yes.astype(int)})
        with pytest.raises(ConfigInvalid, match="state positive"):
            prepared(tmp_path, time="time", event=name)
        found = prepared(tmp_path, time="time", event=name, positive=0)
        assert ((found.target.events == 1) == ~yes).all()
        found = prepared(tmp_path, time="time", event=name, censored="1")
        assert ((found.target.events == 1) == ~yes).all()
        assert found.config["outcome"] == f"{name} = 0"

    def test_plain_words_need_no_question(self, tmp_path, yes, times):
        table(tmp_path, time=times, vital_status=np.where(yes, "Dead", "Alive"))
        found = prepared(tmp_path, time="time", event="vital_status")
        assert ((found.target.events == 1) == yes).all()

    def test_codes_1_and_2_are_asked_for(self, tmp_path, yes, times):
        table(tmp_path, time=times, status=1 + yes.astype(int))
        with pytest.raises(ConfigInvalid, match="--censored"):
            prepared(tmp_path, time="time", event="status")
        found = prepared(tmp_path, time="time", event="status", positive="2")
        assert ((found.target.events == 1) == yes).all()

    def test_a_censored_value_that_is_not_there_stops(self, tmp_path, yes, times):
        table(tmp_path, time=times, event=yes.astype(int))
        with pytest.raises(ConfigInvalid, match="no row of event is alive"):
            prepared(tmp_path, time="time", event="event", censored="alive")

    def test_where_every_row_has_the_event_it_is_said_and_missing_is_not_censored(self, tmp_path, times):
        table(tmp_path, time=times, event=["" if at % 10 == 0 else "dead" for at in range(N)])
        found = prepared(tmp_path, time="time", event="event")
        assert "The event was taken to be event = dead; it was seen in every row." in said(found)
        assert len(found.target) == N - N // 10

    def test_competing_events_that_were_guessed_are_warned_of(self, tmp_path, yes, times):
        table(tmp_path, time=times, event=[int(hit) * (1 + at % 2) for at, hit in enumerate(yes)])
        found = prepared(tmp_path, time="time", event="event")
        assert checks(found)["outcome_guessed"].severity == "warning"
        assert any("compete" in each for each in said(found))

    def test_times_below_zero_are_counted_and_dates_refused(self, tmp_path, yes, times):
        table(tmp_path, time=np.where(np.arange(N) % 20 == 0, -3, times), event=yes.astype(int))
        found = prepared(tmp_path, time="time", event="event")
        assert checks(found)["times_negative"].detail.startswith("10 rows")
        table(tmp_path, time=["2020-01-31"] * N, event=yes.astype(int))
        with pytest.raises(ConfigInvalid, match="dates"):
            prepared(tmp_path, time="time", event="event")


class TestCells:
    def test_rows_that_were_left_out_are_said_with_their_lines(self, tmp_path, yes):
        table(tmp_path, y=yes.astype(int))
        lines = (tmp_path / "cohort.csv").read_text().split("\n")
        lines[5] += ",7"
        (tmp_path / "cohort.csv").write_text("\n".join(lines))
        found = prepared(tmp_path, target="y")
        assert len(found.target) == N - 1
        assert "line 6" in checks(found)["rows_unreadable"].detail

    @pytest.mark.parametrize(("code", "expected"), [(999, True), (-9, True), (-1, True), (88, False), (31, False)])
    def test_codes_of_unknown_are_warned_of(self, tmp_path, yes, code, expected):
        value = [code if at % 10 == 0 else 30 + at % 50 for at in range(N)]
        table(tmp_path, y=yes.astype(int), score=value)
        found = checks(prepared(tmp_path, target="y")).get("implausible_values")
        assert (found is not None and found.subject == "score") is expected

    def test_a_few_words_among_numbers_are_missing_numbers_and_listed(self, tmp_path, yes):
        value = ["haemolysed" if at % 50 == 0 else f"{at / 7:.2f}" for at in range(N)]
        codes = [f"V{at}" if at % 50 == 0 else f"{at}.5" for at in range(N)]
        table(tmp_path, y=yes.astype(int), crp=value, icd=[codes[at % 60] for at in range(N)])
        found = prepared(tmp_path, target="y")
        assert found.cohort.column("crp").missing.sum() == 4
        assert "haemolysed" in checks(found)["cells_unreadable"].detail
        assert found.cohort.column("icd").categories

    def test_commas_that_group_thousands_are_no_decimal_commas(self, tmp_path):
        (tmp_path / "a.csv").write_text('n,x\n1,"1,250"\n2,980\n3,"12,000.5"\n')
        assert read_cohort(tmp_path / "a.csv").column("x").values.tolist() == [1250, 980, 12000.5]
        (tmp_path / "b.csv").write_text("n;x\n1;1,250\n2;0,98\n")
        assert read_cohort(tmp_path / "b.csv").column("x").values.tolist() == pytest.approx([1.25, 0.98])

    def test_infinite_values_are_missing_and_said(self, tmp_path):
        (tmp_path / "a.csv").write_text("x\n1\ninf\n3\n")
        found = read_cohort(tmp_path / "a.csv")
        assert np.isnan(found.column("x").values[1])
        assert "1 infinite" in found.quarantined[0].reason

    def test_dates_with_day_and_month_in_doubt_are_no_input(self, tmp_path, yes):
        table(tmp_path, y=yes.astype(int), admitted=[f"{1 + at % 12:02}/{1 + at % 9:02}/2020" for at in range(N)])
        assert "admitted" not in prepared(tmp_path, target="y").cohort

    def test_nothing_to_learn_from_stops(self, tmp_path, yes):
        lines = ["id,y", *(f"{at},{int(hit)}" for at, hit in enumerate(yes))]
        (tmp_path / "cohort.csv").write_text("\n".join(lines))
        with pytest.raises(TooFewData, match="id \\(identifier\\)"):
            prepared(tmp_path, target="y")

    @pytest.mark.parametrize(
        ("name", "content", "expected"),
        [("a.xlsx", b"PK\x03\x04rest", "Excel"), ("a.xls", b"\xd0\xcf\x11\xe0rest", "Excel"),
         ("a.sav", b"$FL2@(#)", "SPSS"), ("a.json", b'[{"a": 1}]', "JSON"), ("a.html", b"<html></html>", "HTML")],
    )  # fmt: skip
    def test_other_formats_are_named(self, tmp_path, name, content, expected):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MalformedInput, match=expected):
            read_cohort(tmp_path / name)


def test_each_guess_is_said_before_anything_is_fitted(tmp_path, monkeypatch):
    write_csv(tmp_path / "cohort.csv", *clinic(N))

    def unfitted(prepared, around):
        raise TooFewData("stopped here")

    monkeypatch.setattr(risk_model, "fit", unfitted)
    heard = []
    with pytest.raises(TooFewData, match="stopped here"):
        cohort_flow.run_study(
            "risk_model", {"data": "cohort.csv", "target": "outcome"}, folder=tmp_path, out=tmp_path / "out",
            settings=Settings(), clock=lambda: 0.0, now="2026-11-21T00:00:00Z", guessed=heard.append,
        )  # fmt: skip
    assert "The outcome was taken to be outcome = yes." in heard
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_command_says_what_to_install(tmp_path):
    write_csv(tmp_path / "cohort.csv", *clinic(N, task=Task.CLASSIFICATION))
    code = f"""
        import sys
        for name in ("sklearn", "lightgbm", "xgboost", "optuna"):
            sys.modules[name] = None
        from sartor.cli import main
        sys.argv = ["sartor", "study", "risk_model", "--data", {str(tmp_path / "cohort.csv")!r}, "--target", "outcome",
                    "--out", {str(tmp_path / "out")!r}]
        main()
    """
    found = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("error[missing-extra]: studies need scikit-learn, lightgbm, xgboost, optuna")
    assert "pip install 'sartor[learn]'" in last
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "out").exists()
