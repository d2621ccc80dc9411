"""`sartor study`: what stands in for a configuration, faults in one line, a share that only grows."""

import pytest
from cohort_sample import clinic, write_csv
from typer.testing import CliRunner

from sartor.cli import app
from sartor.cli.study import _Share
from sartor.errors import ConfigInvalid, LeakFound, MalformedInput, StudyNotFound, UsageError


def fails(*arguments):
    return CliRunner().invoke(app, ["study", *map(str, arguments)]).exception


class TestFaults:
    def test_nothing_to_study(self):
        assert isinstance(fails("risk_model"), UsageError)

    def test_a_configuration_and_options_in_its_place(self, tmp_path):
        (tmp_path / "c.toml").write_text('data = "x.csv"')
        assert isinstance(fails("risk_model", tmp_path / "c.toml", "--target", "y"), UsageError)

    @pytest.mark.parametrize(
        ("text", "kind"),
        [("data = ", ConfigInvalid), ("", ConfigInvalid), ('data = "x.csv"\ntarget = "y"', MalformedInput)],
    )
    def test_a_configuration_that_cannot_be_followed(self, tmp_path, text, kind):
        (tmp_path / "c.toml").write_text(text)
        assert isinstance(fails("risk_model", tmp_path / "c.toml", "--out", tmp_path / "out"), kind)
        assert not (tmp_path / "out").exists()

    def test_an_unknown_study_names_those_there_are(self, tmp_path):
        (tmp_path / "c.csv").write_text("a,b\n1,2\n")
        error = fails("astrology", "--data", tmp_path / "c.csv", "--target", "b")
        assert isinstance(error, StudyNotFound)
        assert "risk_model" in str(error)

    def test_a_leak_stops_before_anything_is_written(self, tmp_path):
        cohort, target = clinic(300)
        path = write_csv(tmp_path / "c.csv", cohort, target, time_to_event=(300 - 200 * target.values).astype(int))
        error = fails("risk_model", "--data", path, "--target", "outcome", "--out", tmp_path / "out")
        assert isinstance(error, LeakFound)
        assert "time_to_event" in str(error)
        assert not (tmp_path / "out").exists()


class TestShare:
    def test_it_never_falls_and_ends_near_the_whole(self):
        share = _Share(None)
        texts = [
            "preparing",
            "reading",
            "fitting",
            "fold 1 of 5",
            "fold 4 of 5",
            "fold 1 of 5",
            "validating",
            "publishing",
        ]
        found = [share.after(text, 0.0) for text in texts]
        assert found == sorted(found)
        assert 0.95 < found[-1] <= 1

    def test_without_counts_the_time_budget_tells(self):
        share = _Share(100.0)
        share.after("fitting", 10.0)
        assert share.after("searching", 50.0) == pytest.approx(0.05 + 0.5 * 0.8)
