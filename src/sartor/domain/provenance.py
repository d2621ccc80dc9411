"""Where a datum comes from, and what a report was made from."""

from __future__ import annotations

from sartor.domain.code import Frozen
from sartor.domain.source import Source


class Origin(Frozen):
    """The place that one datum was read from.

    `file` is the file's name as the user gave it, `line` counts from 1, `resource` is a FHIR
    reference such as "Condition/12", `field` the column or element.
    """

    file: str = ""
    line: int | None = None
    resource: str = ""
    field: str = ""

    def __str__(self) -> str:
        """A short form for tables: file:line or file#resource."""
        text = self.file
        if self.resource:
            text += f"#{self.resource}"
        if self.line is not None:
            text += f":{self.line}"
        return text


class Quarantined(Frozen):
    """A datum that could not be used: where it stood, why, and what can be done."""

    origin: Origin
    reason: str
    todo: str = ""
    kind: str = ""


class InputFile(Frozen):
    """One input of a run: its digest (SHA-256), its size in bytes, and what it was taken for."""

    path: str
    kind: str
    size: int
    sha256: str


class Provenance(Frozen):
    """What made a report: versions, inputs and tables. `created` is an ISO time with zone."""

    sartor_version: str
    created: str
    inputs: tuple[InputFile, ...] = ()
    sources: tuple[Source, ...] = ()
    command: str = ""
