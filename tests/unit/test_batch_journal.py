"""The journal of a batch never removes what it did not write."""

import pytest

from sartor.batch.journal import Journal
from sartor.errors import OutputError


def test_a_foreign_folder_is_left_alone(tmp_path):
    mine = tmp_path / "out.tsv.partial"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="no journal"):
        Journal.beside(tmp_path / "out.tsv").begin({"a": 1}, {})
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_a_journal_of_other_inputs_is_begun_anew(tmp_path):
    journal = Journal.beside(tmp_path / "out.tsv")
    assert journal.begin({"a": 1}, {"now": "1"}) == {"now": "1"}
    assert journal.begin({"a": 1}, {"now": "2"}) == {"now": "1"}
    assert journal.begin({"a": 2}, {"now": "3"}) == {"now": "3"}
