"""Tables of many people become columns; what cannot be used is listed, and nothing is guessed to be a number."""

import gzip
import lzma

import numpy as np
import pytest

from sartor.domain.cohort_table import ColumnKind
from sartor.errors import MalformedInput
from sartor.io.cohort_table import read_cohort


def written(tmp_path, text, name="cohort.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestKinds:
    def test_numbers_categories_and_dates_are_told_apart(self, tmp_path):
        cohort = read_cohort(written(tmp_path, "age,sex,seen\n61,female,2020-01-31\n?,male,\n59.5,NA,1970-01-02\n"))
        kinds = [column.kind.value for column in cohort.columns]
        assert kinds == ["number", "category", "date"]
        assert cohort.column("age").labels() == ["61", "", "59.5"]
        assert cohort.column("sex").labels() == ["female", "male", ""]
        assert cohort.column("seen").values.tolist()[2] == 1.0

    def test_codes_that_look_like_numbers_are_categories_when_told_and_keep_their_zeros(self, tmp_path):
        path = written(tmp_path, "code,x\n007,1\n010,2\n")
        assert read_cohort(path, categorical=["code"]).column("code").categories == ("007", "010")
        assert read_cohort(path).column("code").kind is ColumnKind.NUMBER

    def test_minus_nine_is_a_value_unless_told_to_be_missing(self, tmp_path):
        path = written(tmp_path, "x,y\n-9,1.5\n-9.0,2\n3,-9\n")
        assert not read_cohort(path).column("x").missing.any()
        assert read_cohort(path, missing=["-9"]).column("x").missing.tolist() == [True, True, False]
        assert read_cohort(path, missing=["-9"]).column("y").missing.tolist() == [False, False, True]

    def test_a_code_among_numbers_makes_no_number(self, tmp_path):
        cohort = read_cohort(written(tmp_path, "diagnosis\n250.1\n428\nV58\n"))
        assert cohort.column("diagnosis").categories == ("250.1", "428", "V58")

    def test_values_beyond_a_limit_are_read_as_the_limit_and_listed(self, tmp_path):
        cohort = read_cohort(written(tmp_path, "crp,x\n<0.5,1\n12,2\n>200,3\n"))
        assert cohort.column("crp").values.tolist() == [0.5, 12, 200]
        assert "2 values beyond a limit" in cohort.quarantined[0].reason

    def test_cells_that_are_no_number_are_missing_and_listed_where_a_number_is_asked_for(self, tmp_path):
        cohort = read_cohort(written(tmp_path, "crp,x\n1,1\nhigh,2\n"), kinds={"crp": "number"})
        assert cohort.column("crp").missing.tolist() == [False, True]
        assert (cohort.quarantined[0].origin.line, cohort.quarantined[0].origin.field) == (3, "crp")

    def test_large_whole_numbers_keep_all_digits(self, tmp_path):
        cohort = read_cohort(written(tmp_path, "id,x\n123456789,1.5\n123456790,2.5\n"))
        assert cohort.column("id").labels() == ["123456789", "123456790"]
        assert cohort.column("x").values.dtype == np.float32

    def test_codes_do_not_depend_on_the_order_of_rows(self, tmp_path):
        first = read_cohort(written(tmp_path, "s\nb\na\nc\n", "a.csv")).column("s")
        second = read_cohort(written(tmp_path, "s\nc\nb\na\n", "b.csv")).column("s")
        assert first.categories == second.categories == ("a", "b", "c")


class TestForms:
    @pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bytes], ids=["gz", "xz", "plain"])
    def test_packed_text_is_the_same_table(self, tmp_path, pack):
        path = written(tmp_path, pack("age;sex\n61;f\n59;m\n".encode("utf-8-sig")), "cohort.txt")
        cohort = read_cohort(path)
        assert cohort.names == ("age", "sex")
        assert cohort.column("age").values.tolist() == [61, 59]

    def test_parquet_is_read_like_text(self, tmp_path):
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.table({"age": [61, None, -9], "sex": pa.array(["f", "", "m"]).dictionary_encode(), "ok": [True] * 3})
        parquet.write_table(table, tmp_path / "c.parquet")
        cohort = read_cohort(tmp_path / "c.parquet", missing=["-9"])
        assert cohort.column("age").missing.tolist() == [False, True, True]
        assert cohort.column("sex").labels() == ["f", "", "m"]
        assert cohort.column("ok").categories == ("true",)

    def test_western_european_and_utf16_text_are_read(self, tmp_path):
        for encoding in ("cp1252", "utf-16"):
            path = written(tmp_path, "stadt,x\nKöln,1\nBonn,2\n".encode(encoding), f"{encoding}.csv")
            assert read_cohort(path).column("stadt").categories == ("Bonn", "Köln")

    def test_quoted_cells_may_hold_delimiters_and_lines(self, tmp_path):
        cohort = read_cohort(written(tmp_path, 'note,x\n"a, b\nc",1\nplain,2\n'))
        assert len(cohort) == 2
        assert cohort.column("note").categories[0] == "a, b\nc"

    def test_only_the_columns_asked_for_come_in_their_order(self, tmp_path):
        assert read_cohort(written(tmp_path, "a,b,c\n1,2,3\n"), columns=["c", "a"]).names == ("c", "a")


class TestDefects:
    def test_ragged_rows_are_quarantined_with_their_line(self, tmp_path):
        cohort = read_cohort(written(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8\n"))
        assert cohort.column("a").values.tolist() == [1, 7]
        assert [each.origin.line for each in cohort.quarantined] == [3, 4]
        assert "it has 1 cells where the heading has 2" in cohort.quarantined[0].reason

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "empty"),
            ("\n\n", "empty"),
            ("a,b\n", "no rows"),
            ("a,b,a\n1,2,3\n", "names a more than once"),
            ("a,b\n1\n2\n", "as many cells as the heading"),
            (b"a,b\n\x00\x01\n", "not text"),
            (b"PAR1nonsense", "Parquet"),
            (b"\x1f\x8bbroken gzip", "read"),
        ],
    )
    def test_what_is_no_table_is_refused_with_the_reason(self, tmp_path, text, said):
        with pytest.raises(MalformedInput, match=said):
            read_cohort(written(tmp_path, text))

    def test_an_unknown_column_names_those_there_are(self, tmp_path):
        with pytest.raises(MalformedInput, match=r"no column c.*choose from: a, b"):
            read_cohort(written(tmp_path, "a,b\n1,2\n"), columns=["c"])


def test_codes_of_two_sites_are_written_one_way(tmp_path):
    for name, text in (("a.csv", "pain\n4.0\n1.0\n"), ("b.csv", "pain\n4\n1\n")):
        (tmp_path / name).write_text(text)
    first, second = (read_cohort(tmp_path / name, categorical=["pain"]).column("pain") for name in ("a.csv", "b.csv"))
    assert first.categories == second.categories == ("1", "4")
    assert first.labels() == second.labels() == ["4", "1"]
