import io
import re
import sys

import pytest
import report_sample as sample

from sartor.errors import MissingExtra
from sartor.reporting import pdf

weasyprint = pytest.importorskip("weasyprint")
pypdf = pytest.importorskip("pypdf")


@pytest.fixture(scope="module")
def printed() -> "pypdf.PdfReader":
    return pypdf.PdfReader(io.BytesIO(pdf.render(sample.report())))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.slow
def test_the_whole_report_fits_twenty_pages(printed: "pypdf.PdfReader") -> None:
    assert len(printed.pages) <= 20


@pytest.mark.slow
def test_the_first_page_is_the_whole_summary(printed: "pypdf.PdfReader") -> None:
    first = squeezed(printed.pages[0].extract_text())
    for sentence in ("6 current medicines need a decision", "What to do, most urgent first", "If prescribed later"):
        assert sentence in first
    assert "Not tested:" in first
    assert "Current medicines in detail" in squeezed(printed.pages[1].extract_text())


@pytest.mark.slow
def test_the_paper_has_the_page_s_sentences(printed: "pypdf.PdfReader") -> None:
    everything = squeezed(" ".join(page.extract_text() for page in printed.pages))
    missing = [
        each.finding.id
        for each in sample.report().findings
        if each.finding.kind == "drug" and each.finding.about.label.capitalize() not in everything
    ]
    assert missing == []
    for sentence in ("What was not tested", "Data that could not be used", "For you: your medicines and your genes"):
        assert sentence in everything


@pytest.mark.slow
def test_the_paper_is_tagged_titled_and_in_a_language(printed: "pypdf.PdfReader") -> None:
    root = printed.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert printed.metadata is not None
    assert printed.metadata.title == "Medication report for Ada Example"


def test_without_weasyprint_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(MissingExtra, match=r"pip install \"sartor\[pdf\]\""):
        pdf.render(sample.report())
