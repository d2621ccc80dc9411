"""A table is written whole or not at all."""

import pytest

from sartor.errors import OutputError
from sartor.io.tsv import write_rows


def test_a_cell_cannot_break_the_table(tmp_path):
    path = tmp_path / "new" / "t.tsv"
    assert write_rows(path, ("a", "b"), [("1", "x\ty\nz"), ("", "2")]) == 2
    assert path.read_text() == "a\tb\n1\tx y z\n\t2\n"
    assert path.stat().st_mode & 0o044


def test_a_failure_leaves_the_old_table_and_nothing_else(tmp_path):
    path = tmp_path / "t.tsv"
    write_rows(path, ("a",), [("old",)])

    def rows():
        yield ("new",)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_rows(path, ("a",), rows())
    assert path.read_text() == "a\nold\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_a_reported_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_rows(tmp_path / "file" / "t.tsv", ("a",), [])
