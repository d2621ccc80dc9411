"""The protocol of a capability: one clinical question about one patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sartor.domain.code import Frozen
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Explanation
from sartor.domain.finding import Finding
from sartor.domain.genome import Region
from sartor.domain.record import Record
from sartor.domain.source import Knowledge, Source


class CapabilityCard(Frozen):
    """What a capability is for, what it needs and where its facts come from.

    name:     as in `--only`; the name of its entry point.
    regions:  stretches of GRCh38 whose genotypes it reads.
    packs:    knowledge packs that it can use beside its own tables.
    wording:  language → path of its wording table inside the package, such as "wording/en.toml".
    not_tested: what it never tests, as wording keys.
    after_others: it is asked last, and given what the others found (`Knowledge.findings`).
    """

    name: str
    title: str
    question: str
    intended_use: str
    not_for: str
    version: str
    sources: tuple[Source, ...] = ()
    regions: tuple[Region, ...] = ()
    packs: tuple[str, ...] = ()
    package: str = ""
    not_tested: tuple[str, ...] = ()
    after_others: bool = False


class Capability(Protocol):
    """A module (or object) with a card and three verbs; `assess` and `explain` are pure."""

    @property
    def card(self) -> CapabilityCard: ...  # noqa: D102

    def gather(self, record: Record, knowledge: Knowledge) -> Evidence:
        """What do we know, and what is missing?"""
        ...

    def assess(self, evidence: Evidence, knowledge: Knowledge) -> Sequence[Finding]:
        """What does it mean?"""
        ...

    def explain(self, evidence: Evidence, finding: Finding) -> Explanation:
        """Why, and what would change it?"""
        ...
