"""The sample report as page text and JSON, compared with what was looked at and approved.

After a change that is meant, look at the page, then: SARTOR_UPDATE_GOLDEN=1 pytest tests/unit/reporting/test_golden.py
"""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import report_sample as sample

from sartor.domain.report import Report
from sartor.reporting import html, text

GOLDEN = Path(__file__).parents[2] / "golden" / "reporting"
BLOCKS = {"p", "li", "tr", "h1", "h2", "h3", "div", "section", "article", "summary", "dt", "dd", "label", "legend"}
GENES = ("CYP2B6", "CYP2C19", "CYP2D6", "HLA-B", "NUDT15", "SLCO1B1", "TPMT", "UGT2B15")


def report() -> Report:
    """A report small enough to read whole, with every kind of entry."""
    few = {"abacavir", "allopurinol", "clopidogrel", "codeine", "efavirenz", "simvastatin", "azathioprine", "warfarin"}
    drugs = [each for each in sample.DRUGS if each[0] in few]
    found = [*map(sample.gene_pair, GENES), *(each for each in sample.pairs(drugs) if each[0].kind != "gene")]
    return sample.report(found=found)


class Lines(HTMLParser):
    """The visible text of a page, one line per block."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in {"style", "script"}
        if tag in BLOCKS:
            self.lines.append("")
        elif tag in {"td", "th"}:
            self.lines[-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "script"}
        if tag in BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.lines[-1] += data


def scrubbed(page: str) -> str:
    read = Lines()
    read.feed(page)
    lines = (re.sub(r"\s+", " ", line).strip() for line in read.lines)
    return "\n".join(line for line in lines if line) + "\n"


def compared(name: str, made: str) -> None:
    path = GOLDEN / name
    if os.environ.get("SARTOR_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8"), f"{name} changed; see the top of this file"


def test_page() -> None:
    compared("report.page.txt", scrubbed(html.render(report())))


def test_terminal() -> None:
    compared("report.terminal.txt", text.render(report()) + "\n")


def test_json() -> None:
    told = json.loads(report().model_dump_json())
    for evidence in told["evidence"]:
        evidence["facts"] = [fact["name"] for fact in evidence["facts"]]
    for each in told["findings"]:
        each["finding"]["details"].pop("gene_call", None)
    compared("report.json", json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
