"""A laboratory's own calls of genes, as tab-separated text: gene, diplotype, phenotype, activity score."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sartor.domain.provenance import Origin, Quarantined
from sartor.domain.record import OutsideCall
from sartor.genomics.star_alleles import hla
from sartor.io.text import content_of, decoded

_GENE: Final = re.compile(r"(?=.{2,})[A-Z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
_CALL: Final = re.compile(
    r"\*|/|\d+[ACGT]>[ACGT]|\bmetaboli[sz]er\b|\bfunction\b|\bdeficien|\bpositive\b|\bnegative\b|\brisk\b|\bresponsive\b|"
    r"^-?\d+(\.\d+)?$|^≥\d",
    re.IGNORECASE,
)
_HEADINGS: Final = frozenset({"gene", "gene symbol", "symbol"})
_COLUMNS: Final = ("diplotype", "phenotype", "activity score")
_BY_PRESENCE: Final = ("HLA-A", "HLA-B")
_KNOWN: Final = frozenset((
    "ABCB1", "ABCG2", "ACE", "ADRB1", "ADRB2", "ANKK1", "APOE", "CACNA1S", "CFTR", "COMT", "CYP1A1", "CYP1A2",
    "CYP2A6", "CYP2B6", "CYP2C8", "CYP2C9", "CYP2C19", "CYP2D6", "CYP2E1", "CYP3A4", "CYP3A5", "CYP4F2", "DPYD",
    "DRD2", "F2", "F5", "G6PD", "GRIK4", "GSTM1", "GSTP1", "GSTT1", "HLA-A", "HLA-B", "HLA-C", "HLA-DPB1",
    "HLA-DQA1", "HLA-DQB1", "HLA-DRB1", "HTR2A", "HTR2C", "IFNL3", "IFNL4", "ITPA", "MT-RNR1", "MTHFR", "NAT1",
    "NAT2", "NUDT15", "OPRM1", "POR", "RYR1", "SLC6A4", "SLC22A1", "SLCO1B1", "SULT1A1", "TPMT", "TYMS", "UGT1A1",
    "UGT1A4", "UGT2B7", "UGT2B15", "VKORC1",
))  # fmt: skip
"""Genes that laboratories report for medicines; a file mostly of these is such a file whatever else is in it."""
_UNHYPHENATED: Final = {name.replace("-", ""): name for name in _KNOWN}


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` holds such calls.

    Either most rows begin with a gene that laboratories report (half are enough where one holds a call), or every
    row begins with a gene and some row holds a call.
    """
    if b"\x00" in head[:2048] or b"\n#CHROM" in head or head.startswith(b"#CHROM"):
        return False
    rows = [line.split("\t") for line in _rows(decoded(head)) if not _is_heading(line.split("\t"))]
    if len(head) >= 1 << 16:
        rows = rows[:-1]
    cells = [_apart([cell.strip() for cell in row]) for row in rows]
    known = [each for each in cells if len(each) > 1 and _symbol(each[0]) in _KNOWN]
    if 2 * len(known) > len(cells):
        return True
    if 2 * len(known) == len(cells) and any(_CALL.search(cell) for each in known for cell in each[1:4]):
        return True
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
        cells = _apart(cells)
        cells[0] = _symbol(cells[0])
        origin = Origin(file=file, line=number)
        if reason := _problem(cells):
            wrong.append(Quarantined(origin=origin, reason=reason, todo=_todo(cells), kind="line"))
            continue
        gene, diplotype, phenotype, score = (*cells, "", "", "")[:4]
        calls.append(
            OutsideCall(gene=gene, diplotype=diplotype, phenotype=phenotype, activity_score=score, origin=origin)
        )
    return tuple(calls), tuple(wrong)


def _apart(cells: list[str]) -> list[str]:
    """ "HLA-B*57:01" in the first column as gene and allele, the allele joined with what is said of it."""
    gene, star, allele = cells[0].partition("*")
    if not star or _symbol(gene) not in _KNOWN:
        return cells
    return [gene, " ".join([f"*{allele}", *cells[1:2]]).strip(), *cells[2:]]


def _symbol(text: str) -> str:
    """A gene's symbol in its usual spelling: cyp2c19, HLAB and MTRNR1 are known too; others stay as they are."""
    name = re.sub(r"[\s_]+", "-", text.strip().strip("\"'")).upper()
    return name if name in _KNOWN else _UNHYPHENATED.get(name.replace("-", ""), text.strip())


def _problem(cells: list[str]) -> str:
    """Why a line cannot be used; "" when it can."""
    if not _GENE.fullmatch(cells[0]):
        return "its first column is not a gene symbol"
    if not any(cells[1:4]):
        return "it gives neither diplotype nor phenotype nor activity score"
    score = (*cells, "", "", "")[3]
    if score and not re.fullmatch(r"[≥<>=]*\s*\d+(\.\d+)?|n/a", score, re.IGNORECASE):
        return "its fourth column is not an activity score"
    if cells[0] in _BY_PRESENCE:
        found = hla.read(cells[0], cells[1:3])
        words = (*found.unread, *("positive" if there else "negative" for there in found.bare))
        if found.is_empty and words:
            return f"“{words[0]}” is no allele or status of {cells[0]}"
    return ""


def _todo(cells: list[str]) -> str:
    if cells[0] in _BY_PRESENCE:
        return "write both alleles to the second field, such as *57:01/*08:01, or a status such as *57:01 negative"
    return "write gene, diplotype, phenotype and activity score, separated by tabs"


def _rows(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def _is_heading(cells: list[str]) -> bool:
    return cells[0].strip().lower() in _HEADINGS
