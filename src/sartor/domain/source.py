"""Where knowledge comes from: sources with licence and hash, citations, and packs of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sartor.domain.code import Frozen

if TYPE_CHECKING:
    from sartor.domain.finding import Finding
    from sartor.domain.model import ModelCard


class Source(Frozen):
    """One upstream release that facts were taken from.

    `sha256` is the hash of the upstream file; `retrieved` an ISO date; `note` says what is peculiar
    (an older table, a reconstruction).
    """

    id: str
    title: str
    version: str
    licence: str
    url: str = ""
    sha256: str = ""
    retrieved: str = ""
    note: str = ""


class Citation(Frozen):
    """What a finding rests on, as a reader would cite it: a guideline, a paper, a label."""

    id: str
    title: str
    version: str = ""
    date: str = ""
    pmid: str = ""
    doi: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """One loaded knowledge pack: its source and its tables, each a sequence of flat rows."""

    name: str
    source: Source
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A model that was handed in: its card, what predicts (learning.model.Model), and the digest of its manifest."""

    card: ModelCard
    model: Any
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The knowledge packs and models at hand for one run, beside the tables that capabilities ship.

    findings: what other capabilities concluded for this person, for those whose card says that they come after them.
    """

    packs: Mapping[str, Pack] = field(default_factory=dict)
    models: tuple[LearnedModel, ...] = ()
    findings: tuple[Finding, ...] = ()

    def table(self, pack: str, table: str) -> Sequence[Mapping[str, Any]]:
        """The rows of one table of one pack; empty when the pack or the table is not installed."""
        found = self.packs.get(pack)
        return () if found is None else found.tables.get(table, ())

    def has(self, pack: str) -> bool:
        """Whether this pack is installed."""
        return pack in self.packs
