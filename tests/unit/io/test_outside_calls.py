"""A laboratory's calls: tolerant of columns, line ends and marks, and exact about lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from sartor.io import notes, outside_calls

FORMS = """#gene\tdiplotype\tphenotype\tactivity score
CYP2D6\t*1/*4
CYP2D6\t\tPoor Metabolizer
CYP2D6\t\t\t1.25
HLA-B\t*57:01/*58:01\t
MT-RNR1\tm.1555A>G
G6PD\tB (wildtype)/B (wildtype)
CYP2D6\t*1/*4\t\t\t0.6\t0.75\tp: 0.0
CYP2D6\t*1x2/*2\tUltrarapid Metabolizer\t≥3.0
"""


def test_all_forms_are_read() -> None:
    calls, wrong = outside_calls.parse(FORMS.encode(), file="c.tsv")
    assert not wrong
    assert [(call.gene, call.diplotype, call.phenotype, call.activity_score) for call in calls] == [
        ("CYP2D6", "*1/*4", "", ""),
        ("CYP2D6", "", "Poor Metabolizer", ""),
        ("CYP2D6", "", "", "1.25"),
        ("HLA-B", "*57:01/*58:01", "", ""),
        ("MT-RNR1", "m.1555A>G", "", ""),
        ("G6PD", "B (wildtype)/B (wildtype)", "", ""),
        ("CYP2D6", "*1/*4", "", ""),
        ("CYP2D6", "*1x2/*2", "Ultrarapid Metabolizer", "≥3.0"),
    ]
    assert calls[0].origin.line == 2


@pytest.mark.parametrize("encode", [lambda t: t.encode("utf-8-sig"), lambda t: t.encode("utf-16"),
                                    lambda t: t.replace("\n", "\r\n").encode()])  # fmt: skip
def test_marks_and_line_ends(encode: object) -> None:
    assert callable(encode)
    calls, wrong = outside_calls.parse(encode(FORMS))
    assert (len(calls), len(wrong)) == (8, 0)


def test_lines_that_cannot_be_used_are_named() -> None:
    text = "gene\tdiplotype\nCYP2D6\t*1/*4\nnot a gene\t*1\nCYP2C19\nCYP2D6\t\t\tmuch\n"
    calls, wrong = outside_calls.parse(text.encode())
    assert len(calls) == 1
    assert [each.origin.line for each in wrong] == [3, 4, 5]


def test_symbols_are_read_in_any_capitals() -> None:
    calls, wrong = outside_calls.parse(b"cyp2c19\t*2/*2\nHLAB\t*57:01/*08:01\nhla-a\t*31/*02\nMt-rnr1\t1555A>G\n")
    assert not wrong
    assert [call.gene for call in calls] == ["CYP2C19", "HLA-B", "HLA-A", "MT-RNR1"]


def test_hla_text_that_is_neither_allele_nor_status_is_named() -> None:
    calls, wrong = outside_calls.parse(b"HLA-B\tsee comment\nHLA-B\t*57:01/*08:01\nHLA-B\t\tnegative\n")
    assert len(calls) == 1
    assert [(each.origin.line, "HLA-B" in each.reason) for each in wrong] == [(1, True), (3, True)]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (FORMS, True),
        ("##fileformat=VCFv4.2\nCYP2D6\t*1/*2\n", True),
        ("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\nchr1\t5\t.\n", False),
        ("rs123\t1\t55\tAG\n", False),
        ("id\tsex\n1\tF\n", False),
        ("#only a comment\n", False),
        ("TP53\tBRCA1\nMYC\tKRAS\n", False),
        ("cyp2c19\t*2/*2\n", True),
        ("CYP2D6\tPM\n", True),
        ("CYP2D6\tUltrarapid\n", True),
        ("CYP2D6\t>=3\n", True),
        ("RYR1\tMalignant hyperthermia susceptibility\n", True),
        ("VKORC1\t-1639 AA\n", True),
        ("MT-RNR1\tReference\n", True),
        ("CYP2D6\t*4/*4\nodd line\nHLA-B\t*57:01/*08:01\n", True),
    ],
)
def test_recognition(text: str, known: bool) -> None:
    assert outside_calls.recognises(text.encode(), Path("x")) is known


def test_notes_are_prose() -> None:
    prose = b"The patient was seen today.\nShe feels well and takes all tablets.\n"
    assert notes.recognises(prose, Path("x"))
    for other in (b"a,b,c\n1,2,3\n", b"x\ty\n1\t2\n", b"\x00\x01", b"<html>the patient was seen today</html>", b"ok\n"):
        assert not notes.recognises(other, Path("x"))


def test_a_note_in_an_old_code_page(tmp_path: Path) -> None:
    path = tmp_path / "brief.txt"
    path.write_bytes("Gesehen am 2024-02-01: die Patientin ist müde.\r\n".encode("cp1252"))
    note = notes.read(path)
    assert "müde" in note.text
    assert (note.title, note.time) == ("brief.txt", "2024-02-01")


@pytest.mark.parametrize(
    "text",
    [
        "CYP2C19\t*2/*2\nHLA-B*57:01\tpositive\n",
        "HLA-B*57:01\tpositive\nCYP2C19\t*2/*2\n",
        "CYP2C19\t*2/*2\nFactor V Leiden\tnegative\n",
        "patient: X\nCYP2C19\t*2/*2\n",
    ],
)
def test_a_short_file_with_one_odd_line_is_still_known_for_what_it_is(tmp_path, text):
    path = tmp_path / "calls.tsv"
    path.write_text(text)
    assert outside_calls.recognises(text.encode(), path)
    calls, wrong = outside_calls.read(path)
    assert ("CYP2C19", "*2/*2") in {(each.gene, each.diplotype) for each in calls}
    assert len(calls) + len(wrong) == 2


def test_gene_and_allele_in_one_cell_are_taken_apart(tmp_path):
    path = tmp_path / "calls.tsv"
    path.write_text("HLA-B*57:01\tpositive\n")
    ((call,), wrong) = outside_calls.read(path)
    assert (call.gene, call.diplotype) == ("HLA-B", "*57:01 positive")
    assert not wrong
