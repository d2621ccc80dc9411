"""Reads the FDA's Table of Pharmacogenetic Associations from the saved page (HTML) or from CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final

from sartor.errors import PackInvalid

_COLUMNS: Final = {"drug": "drug", "gene": "gene", "subgroups": "subgroup", "text": "description"}
_SECTION: Final = re.compile(r"section\s+(\d)", re.IGNORECASE)
_BREAK: Final = re.compile(r"\s+")
_FOOTNOTE: Final = re.compile(r"[*†‡§+]+$")


def parse(text: str, where: str) -> list[dict[str, str]]:
    """The associations, one row per drug, gene and entry: drug, gene, subgroups, text, section.

    section: "1" management is supported, "2" safety or response, "3" pharmacokinetics only; "" when not stated.
    Raises PackInvalid when no table has the columns drug, gene, affected subgroups and description.
    """
    looks_like_html = "<table" in text.lower()
    rows = _from_html(text) if looks_like_html else _from_csv(text)
    if not rows:
        what = "no table with the columns drug, gene, affected subgroups and description"
        raise PackInvalid(what, where=where, todo="save the FDA's page as HTML, or give the table as CSV")
    for row in rows:
        if not row["drug"] or not row["gene"]:
            raise PackInvalid(f"a row lacks its drug or gene: {row}", where=where, todo="check the file")
    return rows


def _columns(header: Sequence[str]) -> dict[str, int] | None:
    """Where each of our columns stands, by the words of the header; None when one is not there."""
    lowered = [cell.lower() for cell in header]
    found = {}
    for name, word in _COLUMNS.items():
        exact = [i for i, cell in enumerate(lowered) if cell.startswith(word)]
        within = [i for i, cell in enumerate(lowered) if word in cell]
        if not (places := exact or within):
            return None
        found[name] = places[0]
    return found


def _row(cells: Sequence[str], columns: dict[str, int], section: str) -> dict[str, str]:
    values = {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}
    values["drug"] = _FOOTNOTE.sub("", values["drug"]).strip().lower()
    values["gene"] = _FOOTNOTE.sub("", values["gene"]).strip()
    return {**values, "section": section}


def _from_csv(text: str) -> list[dict[str, str]]:
    lines = [[_tidy(cell) for cell in line] for line in csv.reader(io.StringIO(text)) if any(line)]
    if not lines or (columns := _columns(lines[0])) is None:
        return []
    place = next((i for i, cell in enumerate(lines[0]) if cell.lower().startswith("section")), None)
    rows = []
    for line in lines[1:]:
        section = "" if place is None or place >= len(line) else line[place]
        found = _SECTION.search(section)
        rows.append(_row(line, columns, found[1] if found else section))
    return rows


def _from_html(text: str) -> list[dict[str, str]]:
    page = _Page()
    page.feed(text)
    page.close()
    rows = []
    for section, table in page.tables:
        header = next((i for i, line in enumerate(table) if _columns(line) is not None), None)
        if header is None:
            continue
        columns = _columns(table[header])
        assert columns is not None
        rows += [_row(line, columns, section) for line in table[header + 1 :] if any(line)]
    return rows


def _tidy(text: str) -> str:
    return _BREAK.sub(" ", text.replace("\xa0", " ")).strip()


class _Page(HTMLParser):
    """Collects every table of a page as lines of cells, with the number of the section that it stands in.

    A cell that spans rows is repeated in each of them. Superscripts (footnote marks) are left out.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[tuple[str, list[list[str]]]] = []
        self._section = ""
        self._heading: list[str] | None = None
        self._cell: list[str] | None = None
        self._span = 1
        self._quiet = 0
        self._line: list[str] = []
        self._waiting: dict[int, tuple[int, str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"h1", "h2", "h3", "h4", "h5", "caption"}:
            self._heading = []
        elif tag == "table":
            self.tables.append((self._section, []))
            self._waiting = {}
        elif tag == "tr":
            self._line = []
        elif tag in {"td", "th"}:
            self._repeat_spanning()
            self._cell = []
            span = dict(attrs).get("rowspan") or "1"
            self._span = int(span) if span.isdigit() else 1
        elif tag == "sup":
            self._quiet += 1
        elif tag in {"br", "p", "li"}:
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"h1", "h2", "h3", "h4", "h5", "caption"} and self._heading is not None:
            self._end_heading(tag)
        elif tag in {"td", "th"} and self._cell is not None:
            text = _tidy("".join(self._cell))
            if self._span > 1:
                self._waiting[len(self._line)] = (self._span - 1, text)
            self._line.append(text)
            self._cell = None
        elif tag == "tr" and self.tables:
            self._repeat_spanning()
            self.tables[-1][1].append(self._line)
            self._line = []
        elif tag == "sup":
            self._quiet = max(0, self._quiet - 1)

    def handle_data(self, data: str) -> None:
        if self._quiet:
            return
        if self._cell is not None:
            self._cell.append(data)
        elif self._heading is not None:
            self._heading.append(data)

    def _end_heading(self, tag: str) -> None:
        found = _SECTION.search("".join(self._heading or ()))
        self._heading = None
        if not found:
            return
        self._section = found[1]
        if tag == "caption" and self.tables:
            self.tables[-1] = (found[1], self.tables[-1][1])

    def _repeat_spanning(self) -> None:
        """Fill in the cells that reach down from earlier lines at the present place."""
        while (place := len(self._line)) in self._waiting:
            left, text = self._waiting.pop(place)
            self._line.append(text)
            if left > 1:
                self._waiting[place] = (left - 1, text)
