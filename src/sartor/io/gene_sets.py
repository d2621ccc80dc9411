"""Reads gene sets in GMT form: one set per line, its name, a description and its genes, separated by tabs."""

from __future__ import annotations

from typing import Any

from sartor.errors import MalformedInput

SMALLEST_LINE = 3


def parse(text: str, where: str) -> list[dict[str, Any]]:
    """Rows of {id, name, genes joined with |}, in the order of the file; genes once each, sorted.

    A name of four parts set apart by % (name%source_version%id%species, as WikiPathways writes it) gives its own id.
    Raises MalformedInput for a line without genes, two sets of one id, or a file without sets.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        genes = sorted({cell for cell in cells[2:] if cell})
        if len(cells) < SMALLEST_LINE or not genes or not cells[0]:
            raise MalformedInput(
                "a gene set needs a name, a description and genes, separated by tabs", where=f"{where}, line {number}",
                todo="give a file in GMT form",
            )  # fmt: skip
        name, set_id = _named(cells[0])
        if set_id in seen:
            raise MalformedInput(
                f"the set {set_id!r} stands on lines {seen[set_id]} and {number}", where=where, todo="keep one of them"
            )
        seen[set_id] = number
        rows.append({"id": set_id, "name": name, "genes": "|".join(genes)})
    if not rows:
        raise MalformedInput("the file holds no gene set", where=where, todo="give a file in GMT form")
    return rows


def _named(first: str) -> tuple[str, str]:
    parts = [part.strip() for part in first.split("%")]
    return (parts[0], parts[2]) if len(parts) == 4 and parts[2] else (first, first)
