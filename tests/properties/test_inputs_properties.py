"""Files of any content are recognised or not, and read or refused, without any other error than ours."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sartor.errors import SartorError
from sartor.io import notes, outside_calls, table
from sartor.io.folder import read_patient, recognise

ANY_FILE = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
CELLS = st.sampled_from(
    ["id", "sex", "F", "male", "weight_kg", "70", "<5,5", "INR", "value", "test", "medications", "Plavix|x", "CYP2D6",
     "*1/*4", "", "NA", '"', "#", "2024-01-01", "dob", "\x00", "é"]
)  # fmt: skip
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=5)


@ANY_FILE
@given(content=st.binary(max_size=300))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        kind = recognise(path)
        read_patient([path], regions=())
    except SartorError:
        return
    assert kind


@ANY_FILE
@given(rows=ROWS, delimiter=st.sampled_from(["\t", ",", ";"]), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_table(tmp_path: Path, rows: list[list[str]], delimiter: str, end: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(end.join(delimiter.join(row) for row in rows).encode())
    for read in (recognise, table.read_record, notes.read, outside_calls.read):
        try:
            read(path)
        except SartorError:
            continue


@settings(max_examples=150, deadline=None)
@given(rows=ROWS)
def test_every_line_of_outside_calls_is_a_call_a_comment_or_quarantined(rows: list[list[str]]) -> None:
    lines = ["\t".join(row).replace("\x00", "") for row in rows]
    calls, wrong = outside_calls.parse("\n".join(lines).encode())
    said = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    headings = [line for line in said if line.split("\t")[0].strip().lower() in ("gene", "symbol", "gene symbol")]
    assert len(calls) + len(wrong) == len(said) - len(headings)
