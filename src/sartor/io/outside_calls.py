"""A laboratory's own calls of genes, as tab-separated text: gene, diplotype, phenotype, activity score."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sartor.domain.provenance import Origin, Quarantined
from sartor.domain.record import OutsideCall
from sartor.io.text import content_of, decoded

_GENE: Final = re.compile(r"(?=.{2,})[A-Z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
_CALL: Final = re.compile(
    r"\*|/|\d+[ACGT]>[ACGT]|\bmetaboli[sz]er\b|\bfunction\b|\bdeficien|\bpositive\b|\bnegative\b|\brisk\b|\bresponsive\b|"
    r"^-?\d+(\.\d+)?$|^≥\d",
    re.IGNORECASE,
)
_HEADINGS: Final = frozenset({"gene", "gene symbol", "symbol"})
_COLUMNS: Final = ("diplotype", "phenotype", "activity score")


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` holds such calls: every row a gene, some row a call."""
    if b"\x00" in head[:2048] or b"\n#CHROM" in head or head.startswith(b"#CHROM"):
        return False
    rows = [line.split("\t") for line in _rows(decoded(head)) if not _is_heading(line.split("\t"))]
    if len(head) >= 1 << 16:
        rows = rows[:-1]
    if not rows or any(len(row) < 2 or not _GENE.fullmatch(row[0].strip()) for row in rows):
        return False
    return any(_CALL.search(cell.strip()) for row in rows for cell in row[1:4])


def read(path: Path) -> tuple[tuple[OutsideCall, ...], tuple[Quarantined, ...]]:
    """The calls of a file, and the lines that cannot be used, each with its number."""
    return parse(content_of(path), file=str(path))


def parse(data: bytes, *, file: str = "") -> tuple[tuple[OutsideCall, ...], tuple[Quarantined, ...]]:
    """As `read`, from bytes. Lines that begin with # are comments; columns after the fourth are passed over."""
    calls: list[OutsideCall] = []
    wrong: list[Quarantined] = []
    for number, line in enumerate(decoded(data, where=file).split("\n"), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or line.lstrip().startswith("#") or _is_heading(cells):
            continue
        origin = Origin(file=file, line=number)
        reason = _problem(cells)
        if reason:
            wrong.append(
                Quarantined(
                    origin=origin,
                    reason=reason,
                    todo="write gene, diplotype, phenotype and activity score, separated by tabs",
                    kind="line",
                )
            )
            continue
        gene, diplotype, phenotype, score = (*cells, "", "", "")[:4]
        calls.append(
            OutsideCall(gene=gene, diplotype=diplotype, phenotype=phenotype, activity_score=score, origin=origin)
        )
    return tuple(calls), tuple(wrong)


def _problem(cells: list[str]) -> str:
    """Why a line cannot be used; "" when it can."""
    if not _GENE.fullmatch(cells[0]):
        return "its first column is not a gene symbol"
    if not any(cells[1:4]):
        return "it gives neither diplotype nor phenotype nor activity score"
    score = (*cells, "", "", "")[3]
    if score and not re.fullmatch(r"[≥<>=]*\s*\d+(\.\d+)?|n/a", score, re.IGNORECASE):
        return "its fourth column is not an activity score"
    return ""


def _rows(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def _is_heading(cells: list[str]) -> bool:
    return cells[0].strip().lower() in _HEADINGS
