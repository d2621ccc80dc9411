"""What we know of one person, each datum with the place that it came from."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Any

from pydantic import ConfigDict

from sartor.domain.code import Coded, Frozen
from sartor.domain.genome import CalledGenome, Genome
from sartor.domain.provenance import InputFile, Origin, Quarantined
from sartor.domain.quantity import Quantity


class Demographics(Frozen):
    """Who the person is. Dates are ISO (possibly partial: "1970", "1970-05"); `sex` is male, female, other or ""."""

    identifier: str = ""
    name: str = ""
    birth_date: str = ""
    death_date: str = ""
    sex: str = ""
    ancestry: tuple[Coded, ...] = ()
    origin: Origin = Origin()

    def age_on(self, day: str) -> int | None:
        """Whole years lived on this ISO date, or at death; None when a partial date leaves two answers."""
        until = self.death_date or day
        youngest = _years(_bound(self.birth_date, last=True), _bound(until, last=False))
        oldest = _years(_bound(self.birth_date, last=False), _bound(until, last=True))
        return oldest if oldest is not None and oldest == youngest and oldest >= 0 else None


def _bound(partial: str, *, last: bool) -> date | None:
    """The first or last day that a partial ISO date can mean; None when it is no date."""
    parts = partial[:10].split("-")
    try:
        year = int(parts[0])
        month = int(parts[1]) if len(parts) > 1 else (12 if last else 1)
        day = int(parts[2]) if len(parts) > 2 else (monthrange(year, month)[1] if last else 1)
        return date(year, month, day)
    except ValueError:
        return None


def _years(born: date | None, until: date | None) -> int | None:
    if born is None or until is None:
        return None
    return until.year - born.year - ((until.month, until.day) < (born.month, born.day))


class Condition(Frozen):
    """A diagnosis or problem; `status` active, resolved … and `verification` confirmed, refuted … as in FHIR."""

    code: tuple[Coded, ...]
    text: str = ""
    status: str = ""
    verification: str = ""
    onset: str = ""
    abatement: str = ""
    origin: Origin = Origin()


class DrugMatch(Frozen):
    """How a medicine's entry was matched to a drug: by which code or words.

    `by` is rxnorm, atc, name, brand, salt or combination; `matched` is the very code or text that did it.
    `local` is the place of a product that is not for the whole body (eye, skin, airways …); else "".
    """

    drug: Coded
    by: str
    matched: str
    local: str = ""


class Medication(Frozen):
    """A medicine that the person takes, took or was ordered.

    `drugs` has one entry per active ingredient; empty when nothing matched (kept, and shown as such).
    `current` is None when the record does not say.
    """

    code: tuple[Coded, ...] = ()
    text: str = ""
    status: str = ""
    current: bool | None = None
    start: str = ""
    end: str = ""
    dose: str = ""
    reason: tuple[Coded, ...] = ()
    drugs: tuple[DrugMatch, ...] = ()
    origin: Origin = Origin()


class Allergy(Frozen):
    """An allergy or intolerance."""

    code: tuple[Coded, ...] = ()
    text: str = ""
    status: str = ""
    criticality: str = ""
    reactions: tuple[str, ...] = ()
    origin: Origin = Origin()


class Observation(Frozen):
    """A laboratory value, vital sign, or statement of social history."""

    code: tuple[Coded, ...]
    text: str = ""
    category: str = ""
    status: str = ""
    quantity: Quantity | None = None
    coded_value: tuple[Coded, ...] = ()
    text_value: str = ""
    time: str = ""
    origin: Origin = Origin()


class Procedure(Frozen):
    """Something that was done."""

    code: tuple[Coded, ...] = ()
    text: str = ""
    status: str = ""
    time: str = ""
    origin: Origin = Origin()


class FamilyMember(Frozen):
    """A relative and the conditions known of them."""

    relationship: Coded | None = None
    sex: str = ""
    deceased: bool | None = None
    conditions: tuple[Condition, ...] = ()
    origin: Origin = Origin()


class Note(Frozen):
    """A clinical note. Its text is patient data: never to be logged."""

    text: str
    title: str = ""
    time: str = ""
    origin: Origin = Origin()


class Immunization(Frozen):
    """A vaccination."""

    code: tuple[Coded, ...] = ()
    text: str = ""
    status: str = ""
    time: str = ""
    origin: Origin = Origin()


class Encounter(Frozen):
    """A visit or stay."""

    code: tuple[Coded, ...] = ()
    category: str = ""
    status: str = ""
    start: str = ""
    end: str = ""
    origin: Origin = Origin()


class Consent(Frozen):
    """A consent that the person gave or refused."""

    scope: str = ""
    category: tuple[Coded, ...] = ()
    status: str = ""
    permitted: bool | None = None
    time: str = ""
    origin: Origin = Origin()


class OutsideCall(Frozen):
    """A laboratory's own call of a gene, taken as it is (PharmCAT's outside-call form)."""

    gene: str
    diplotype: str = ""
    phenotype: str = ""
    activity_score: str = ""
    origin: Origin = Origin()


class Unused(Frozen):
    """Something that was read and is not part of the record: what it is, how many, and why."""

    kind: str
    count: int = 1
    reason: str = ""
    origin: Origin = Origin()


class Record(Frozen):
    """Everything known of one person. What could not be used stands in `quarantined`, never in silence.

    `as_of` is the ISO date for which ages are computed, set where the clock may be read; "" means the date of
    the latest entry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    demographics: Demographics = Demographics()
    conditions: tuple[Condition, ...] = ()
    medications: tuple[Medication, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    observations: tuple[Observation, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    family: tuple[FamilyMember, ...] = ()
    notes: tuple[Note, ...] = ()
    immunizations: tuple[Immunization, ...] = ()
    encounters: tuple[Encounter, ...] = ()
    consents: tuple[Consent, ...] = ()
    outside_calls: tuple[OutsideCall, ...] = ()
    genome: CalledGenome | None = None
    quarantined: tuple[Quarantined, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    other: tuple[Any, ...] = ()
    as_of: str = ""


__all__ = [
    "Allergy", "Condition", "Consent", "Demographics", "DrugMatch", "Encounter", "FamilyMember", "Genome",
    "Immunization", "Medication", "Note", "Observation", "OutsideCall", "Procedure", "Record", "Unused",
]  # fmt: skip
