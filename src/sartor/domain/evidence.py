"""Named facts about one person, for one capability: the hinge between what is known and what it means."""

from __future__ import annotations

from pydantic import JsonValue

from sartor.domain.code import Frozen
from sartor.domain.provenance import Origin


class Fact(Frozen):
    """One named fact.

    name:  dotted, such as "gene.CYP2C19.call" or "medication.clopidogrel".
    kind:  how `value` is to be read: "gene_call" (a GeneCall as JSON), "medication" (a Medication as
           JSON), "quantity" (number; see unit), "code", "text", "flag".
    unit:  UCUM, for quantities.
    drawn_from: every place that the fact rests on.
    """

    name: str
    kind: str
    value: JsonValue
    unit: str = ""
    drawn_from: tuple[Origin, ...] = ()


class Missing(Frozen):
    """Something that would have been used and is not there: why, and how it could be had."""

    name: str
    reason: str
    remedy: str = ""


class Evidence(Frozen):
    """What one capability knows and misses."""

    capability: str
    facts: tuple[Fact, ...] = ()
    missing: tuple[Missing, ...] = ()

    def get(self, name: str) -> Fact | None:
        """The fact of that name, or None."""
        return next((fact for fact in self.facts if fact.name == name), None)

    def of_kind(self, kind: str) -> tuple[Fact, ...]:
        """Every fact of that kind, in order."""
        return tuple(fact for fact in self.facts if fact.kind == kind)
