"""Medicines, allergies and conditions of a record as facts, each named after what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.code import Coded
from sartor.domain.evidence import Fact
from sartor.domain.record import Allergy, Condition, Medication, Record

Entry = Medication | Allergy | Condition


def entry_facts(record: Record) -> tuple[Fact, ...]:
    """Every medicine and allergy that was not entered in error, and every condition that stands."""
    errors = record_codes()["absent"]["statuses"]
    medicines = [each for each in record.medications if each.status not in errors]
    allergies = [each for each in record.allergies if each.status not in errors]
    return (
        *_named("medication", ((medication_name(each), each) for each in medicines)),
        *_named("allergy", ((slug(label(each.text, each.code)), each) for each in allergies)),
        *_named("condition", ((slug(label(each.text, each.code)), each) for each in standing(record.conditions))),
    )


def _named(kind: str, entries: Iterable[tuple[str, Entry]]) -> Iterator[Fact]:
    """One fact per entry; a further one of the same name gets a number."""
    seen: dict[str, int] = {}
    for name, entry in entries:
        seen[name] = seen.get(name, 0) + 1
        unique = f"{kind}.{name}" if seen[name] == 1 else f"{kind}.{name}.{seen[name]}"
        yield Fact(name=unique, kind=kind, value=entry.model_dump(mode="json"), drawn_from=(entry.origin,))


def medication_name(entry: Medication) -> str:
    """The slug of its drug (several joined with "+"), or of its text where nothing matched."""
    drugs = [match.drug.label or match.drug.code for match in entry.drugs]
    return "+".join(slug(each) for each in drugs) or slug(label(entry.text, entry.code))


def standing(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions that are neither refuted nor over."""
    rules = record_codes()["absent"]
    refuted, over = rules["conditions"], rules["condition_statuses"]
    return tuple(each for each in conditions if each.verification not in refuted and each.status not in over)


def label(text: str, codes: Sequence[Coded]) -> str:
    """What a reader would call it."""
    return text or next((each.label or each.code for each in codes), "")


def slug(text: str) -> str:
    """Lower case, everything but letters and digits as single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"
