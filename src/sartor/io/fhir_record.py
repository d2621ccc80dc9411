"""Typed FHIR resources of one person to a Record, each datum with the resource that it came from."""

from __future__ import annotations

import base64
import binascii
import functools
import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sartor.domain.code import UCUM, Coded, Frozen
from sartor.domain.provenance import Origin, Quarantined
from sartor.domain.quantity import Quantity
from sartor.domain.record import (
    Allergy,
    Condition,
    Consent,
    Demographics,
    Encounter,
    FamilyMember,
    Immunization,
    Note,
    Observation,
    Procedure,
    Record,
    Unused,
)
from sartor.io import fhir_types as fhir
from sartor.io.fhir_decode import Placed
from sartor.io.fhir_medication import medication

_DATE: Final = re.compile(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])"
    r"(T([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_MARKUP: Final = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_SEXES: Final = {"male": "male", "female": "female", "other": "other", "unknown": "", "M": "male", "F": "female"}
_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


_set: Final = object.__setattr__
_Made = TypeVar("_Made", bound=Frozen)


def trusted(kind: type[_Made], **fields: Any) -> _Made:
    """A domain object from parts whose types are already right: as `model_construct`, several times faster.

    Fields that are left out take their defaults. A test holds it equal to the validated object.
    """
    made = kind.__new__(kind)
    _set(made, "__dict__", _defaults(kind) | fields)
    _set(made, "__pydantic_fields_set__", set(fields))
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


@functools.cache
def _defaults(kind: type[Frozen]) -> dict[str, Any]:
    """Every field of a kind in order, with its default (None where it has none: those are always given)."""
    return {
        name: None if info.is_required() else info.get_default(call_default_factory=True)
        for name, info in kind.model_fields.items()
    }


@dataclass(slots=True)
class Building:
    """One person's record while it is put together.

    by_reference: every resource of the input by the references that may point to it.
    as_of: ISO date that "current" refers to.
    """

    file: str
    by_reference: Mapping[str, Placed]
    as_of: str = ""
    quarantined: list[Quarantined] = field(default_factory=list)
    unused: Counter[tuple[str, str]] = field(default_factory=Counter)
    parts: dict[str, list[Any]] = field(default_factory=dict)
    _coded: dict[tuple[str, str, str], Coded] = field(default_factory=dict)

    def origin(self, placed: Placed, element: str = "") -> Origin:
        """Where this resource, or an element of it, stands."""
        return trusted(Origin, file=self.file, line=placed.line, resource=placed.name, field=element)

    def add(self, part: str, datum: Any) -> None:
        """Put a datum in its place."""
        self.parts.setdefault(part, []).append(datum)

    def wrong(self, placed: Placed, element: str, reason: str) -> None:
        """Quarantine one element of a resource; the rest of it is kept."""
        self.quarantined.append(Quarantined(origin=self.origin(placed, element), reason=reason, kind="field"))

    def lose(self, placed: Placed, reason: str, todo: str = "") -> None:
        """Quarantine a whole resource."""
        self.quarantined.append(Quarantined(origin=self.origin(placed), reason=reason, todo=todo, kind="resource"))

    def date(self, placed: Placed, element: str, value: str) -> str:
        """A FHIR date or time as it stands; "" and a quarantined element when it is not one."""
        if not value or _DATE.fullmatch(value):
            return value
        self.wrong(placed, element, "not a FHIR date")
        return ""

    def codes(self, concept: fhir.CodeableConcept | None) -> tuple[Coded, ...]:
        """The codings that have a code."""
        return () if concept is None else tuple(self.coded(coding) for coding in concept.coding if coding.code)

    def coded(self, coding: fhir.Coding) -> Coded:
        """One coding; equal ones are one object."""
        key = (coding.system, coding.code, coding.display)
        found = self._coded.get(key)
        if found is None:
            found = self._coded[key] = Coded(system=coding.system, code=coding.code, label=coding.display)
        return found

    def find(self, reference: fhir.Reference | None) -> Placed | None:
        """The resource that a reference points to, if the input has it."""
        if reference is None or not reference.reference:
            return None
        found = self.by_reference.get(reference.reference)
        return found if found is not None else self.by_reference.get(tail(reference.reference))


def tail(reference: str) -> str:
    """The "Type/id" at the end of a reference, without version."""
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    return "/".join(parts[-2:])


def words(concept: fhir.CodeableConcept | None) -> str:
    """A concept in words: its text, or the first label."""
    if concept is None:
        return ""
    return concept.text or next((coding.display for coding in concept.coding if coding.display), "")


def first_code(concept: fhir.CodeableConcept | None) -> str:
    """The first code of a concept, such as a status."""
    return "" if concept is None else next((coding.code for coding in concept.coding if coding.code), concept.text)


def build(building: Building, patient: Placed | None, identifier: str, resources: Iterable[Placed]) -> Record:
    """Turn one person's resources into a Record; each is used, counted or quarantined."""
    for placed in resources:
        reader = _READERS.get(type(placed.resource))
        if reader is None:
            building.unused[placed.kind, "this type of resource is not read"] += 1
        else:
            reader(building, placed)
    person = Demographics(identifier=identifier) if patient is None else _demographics(building, patient, identifier)
    other = tuple(
        Unused(kind=kind, count=count, reason=reason, origin=Origin(file=building.file))
        for (kind, reason), count in building.unused.items()
    )
    parts = {part: tuple(data) for part, data in building.parts.items()}
    return Record(demographics=person, quarantined=tuple(building.quarantined), other=other, **parts)


def _demographics(building: Building, placed: Placed, identifier: str) -> Demographics:
    patient: Any = placed.resource
    sex = _sex(building, placed)
    return Demographics(
        identifier=identifier,
        name=_name(patient.name),
        birth_date=building.date(placed, "birthDate", patient.birth_date),
        death_date=building.date(placed, "deceasedDateTime", patient.deceased_date_time),
        sex=sex,
        ancestry=_ancestry(building, patient.extension),
        origin=building.origin(placed),
    )


def _sex(building: Building, placed: Placed) -> str:
    """Sex recorded at birth where the record has it (it decides the copies of chrX), else gender."""
    patient: Any = placed.resource
    for extension in patient.extension:
        if extension.url == _CORE + "birthsex" and extension.value_code in ("M", "F"):
            return _SEXES[extension.value_code]
    if patient.gender and patient.gender not in _SEXES:
        building.wrong(placed, "gender", "not an administrative gender of FHIR")
    return _SEXES.get(patient.gender, "")


def _name(names: tuple[fhir.HumanName, ...]) -> str:
    order = {"usual": 0, "official": 1, "": 2}
    for name in sorted(names, key=lambda name: order.get(name.use, 3)):
        if text := name.text or " ".join((*name.given, name.family)).strip():
            return text
    return ""


def _ancestry(building: Building, extensions: tuple[fhir.Extension, ...]) -> tuple[Coded, ...]:
    """US Core race and ethnicity, as the person stated them."""
    found: list[Coded] = []
    for extension in extensions:
        if extension.url in (_CORE + "race", _CORE + "ethnicity"):
            found += [
                building.coded(inner.value_coding)
                for inner in extension.extension
                if inner.value_coding is not None and inner.value_coding.code
            ]
    return tuple(found)


def _condition(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    if it.code is None:
        building.lose(placed, "a condition without code or text")
        return
    onset = it.onset_date_time or (it.onset_period.start if it.onset_period else "")
    end = it.abatement_date_time or (it.abatement_period.end if it.abatement_period else "")
    onset = building.date(placed, "onset[x]", onset)
    building.add(
        "conditions",
        trusted(
            Condition,
            code=building.codes(it.code),
            text=words(it.code),
            status=first_code(it.clinical_status),
            verification=first_code(it.verification_status),
            onset=onset or _age(it.onset_age) or it.onset_string,
            abatement=building.date(placed, "abatement[x]", end) or it.abatement_string,
            origin=building.origin(placed),
        ),
    )


def _age(amount: fhir.Amount | None) -> str:
    if amount is None or amount.value is None:
        return ""
    return f"{amount.value:g} {amount.unit or amount.code}".strip()


def _medication(building: Building, placed: Placed) -> None:
    made = medication(building, placed)
    if made is None:
        building.lose(placed, "it names no medicine", todo="include the Medication that it points to")
    else:
        building.add("medications", made)


def _listed_medicine(building: Building, placed: Placed) -> None:
    building.unused[placed.kind, "read through what points to it"] += 1


def _allergy(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    verification = first_code(it.verification_status)
    if it.code is None and not it.reaction:
        building.lose(placed, "an allergy without code, text or reaction")
        return
    shown = tuple(words(concept) for reaction in it.reaction for concept in reaction.manifestation)
    building.add(
        "allergies",
        Allergy(
            code=building.codes(it.code),
            text=words(it.code),
            status=verification if verification in ("refuted", "entered-in-error") else first_code(it.clinical_status),
            criticality=it.criticality,
            reactions=tuple(text for text in shown if text),
            origin=building.origin(placed),
        ),
    )


def _observation(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    if it.code is None and not any(part.code for part in it.component):
        building.lose(placed, "an observation without code or text")
        return
    when = it.effective_date_time or it.effective_instant or (it.effective_period.start if it.effective_period else "")
    shared = {
        "category": next((code for concept in it.category if (code := first_code(concept))), ""),
        "status": it.status,
        "time": building.date(placed, "effective[x]", when),
    }
    value = _value(building, it)
    if it.code is not None and (value is not None or not it.component):
        building.add("observations", _observed(building, placed, it.code, value, shared, ""))
    for index, part in enumerate(it.component):
        element = f"component[{index}]"
        if part.code is None:
            building.wrong(placed, element, "a component without code or text")
            continue
        building.add("observations", _observed(building, placed, part.code, _value(building, part), shared, element))


def _observed(
    building: Building, placed: Placed, code: fhir.CodeableConcept, value: Any, shared: dict[str, str], element: str
) -> Observation:
    return trusted(
        Observation,
        code=building.codes(code),
        text=words(code),
        quantity=value if isinstance(value, Quantity) else None,
        coded_value=value if isinstance(value, tuple) else (),
        text_value=value if isinstance(value, str) else "",
        origin=building.origin(placed, element),
        **shared,
    )


def _value(building: Building, it: Any) -> Quantity | tuple[Coded, ...] | str | None:
    """The value of an observation or component, whichever kind it has."""
    if it.value_quantity is not None:
        return quantity(it.value_quantity)
    if it.value_codeable_concept is not None:
        return building.codes(it.value_codeable_concept) or words(it.value_codeable_concept) or None
    if it.value_integer is not None:
        return Quantity(value=float(it.value_integer), unit="1")
    if it.value_boolean is not None:
        return "true" if it.value_boolean else "false"
    if it.value_range is not None:
        return _span(it.value_range.low, it.value_range.high, " - ")
    if it.value_ratio is not None:
        return _span(it.value_ratio.numerator, it.value_ratio.denominator, " : ")
    if it.value_period is not None:
        return f"{it.value_period.start} - {it.value_period.end}"
    return it.value_string or it.value_date_time or it.value_time or None


def quantity(amount: fhir.Amount) -> Quantity | None:
    """A quantity in its UCUM unit, or in the unit's words where it has no UCUM code; None without a value."""
    if amount.value is None:
        return None
    unit = amount.code if amount.code and amount.system in (UCUM, "") else amount.unit or amount.code
    return trusted(Quantity, value=amount.value, unit=unit, comparator=amount.comparator)


def _span(low: fhir.Amount | None, high: fhir.Amount | None, between: str) -> str | None:
    text = between.join((_age(low), _age(high)))
    return text if text.strip(" -:") else None


def _procedure(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    if it.code is None:
        building.lose(placed, "a procedure without code or text")
        return
    when = it.performed_date_time or (it.performed_period.start if it.performed_period else "")
    building.add(
        "procedures",
        trusted(
            Procedure,
            code=building.codes(it.code),
            text=words(it.code),
            status=it.status,
            time=building.date(placed, "performed[x]", when) or it.performed_string,
            origin=building.origin(placed),
        ),
    )


def _relative(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    if it.status == "entered-in-error":
        building.lose(placed, "entered in error")
        return
    relationship = next(iter(building.codes(it.relationship)), None)
    if relationship is None and words(it.relationship):
        relationship = Coded(system="", code="", label=words(it.relationship))
    died = it.deceased_boolean
    if died is None and (it.deceased_age is not None or it.deceased_date or it.deceased_string):
        died = True
    building.add(
        "family",
        FamilyMember(
            relationship=relationship,
            sex=_SEXES.get(first_code(it.sex), ""),
            deceased=died,
            conditions=tuple(_of_relative(building, placed, index) for index in range(len(it.condition))),
            origin=building.origin(placed),
        ),
    )


def _of_relative(building: Building, placed: Placed, index: int) -> Condition:
    resource: Any = placed.resource
    it = resource.condition[index]
    return Condition(
        code=building.codes(it.code),
        text=words(it.code),
        onset=_age(it.onset_age) or it.onset_string or (it.onset_period.start if it.onset_period else ""),
        origin=building.origin(placed, f"condition[{index}]"),
    )


def _document(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    if it.status in ("entered-in-error", "superseded"):
        building.unused[placed.kind, f"its status is {it.status}"] += 1
        return
    texts, problem = [], "it has no attachment"
    for content in it.content:
        text, reason = _attached(content.attachment)
        problem = reason or problem
        if text:
            texts.append(text)
    if not texts:
        building.lose(placed, f"a document whose text cannot be read: {problem}", todo="export the note as plain text")
        return
    building.add(
        "notes",
        Note(
            text=texts[0],
            title=it.description or words(it.type),
            time=building.date(placed, "date", it.date),
            origin=building.origin(placed),
        ),
    )


def _attached(attachment: fhir.Attachment | None) -> tuple[str, str]:
    """The text of an attachment, or why there is none."""
    if attachment is None or not attachment.data:
        return "", "it stands elsewhere" if attachment is not None and attachment.url else "it has no attachment"
    kind, _, parameters = attachment.content_type.lower().partition(";")
    if kind.strip() not in ("", "text/plain", "text/html", "application/xhtml+xml", "text/markdown"):
        return "", f"{kind.strip()[:60]} is not read"
    charset = re.search(r"charset=\"?([\w-]+)", parameters)
    try:
        text = base64.b64decode("".join(attachment.data.split()), validate=True)
        words_ = text.decode(charset[1] if charset else "utf-8")
    except (binascii.Error, UnicodeError, LookupError, ValueError):
        return "", "its data are not base64 text"
    if "html" in kind:
        words_ = " ".join(html.unescape(_MARKUP.sub(" ", words_)).split())
    return words_, ""


def _immunization(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    building.add(
        "immunizations",
        trusted(
            Immunization,
            code=building.codes(it.vaccine_code),
            text=words(it.vaccine_code),
            status=it.status,
            time=building.date(placed, "occurrence[x]", it.occurrence_date_time) or it.occurrence_string,
            origin=building.origin(placed),
        ),
    )


def _encounter(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    start, end = (it.period.start, it.period.end) if it.period else ("", "")
    building.add(
        "encounters",
        trusted(
            Encounter,
            code=tuple(code for concept in it.type for code in building.codes(concept)),
            category="" if it.class_ is None else it.class_.code,
            status=it.status,
            start=building.date(placed, "period.start", start),
            end=building.date(placed, "period.end", end),
            origin=building.origin(placed),
        ),
    )


def _consent(building: Building, placed: Placed) -> None:
    it: Any = placed.resource
    kind = it.provision.type if it.provision else ""
    building.add(
        "consents",
        Consent(
            scope=first_code(it.scope),
            category=tuple(code for concept in it.category for code in building.codes(concept)),
            status=it.status,
            permitted={"permit": True, "deny": False}.get(kind),
            time=building.date(placed, "dateTime", it.date_time),
            origin=building.origin(placed),
        ),
    )


def _patient(building: Building, placed: Placed) -> None:
    """The patient is read as demographics."""


_READERS: Final[dict[type, Callable[[Building, Placed], None]]] = {
    fhir.Patient: _patient,
    fhir.Condition: _condition,
    fhir.Medication: _listed_medicine,
    fhir.MedicationRequest: _medication,
    fhir.MedicationStatement: _medication,
    fhir.MedicationAdministration: _medication,
    fhir.MedicationDispense: _medication,
    fhir.AllergyIntolerance: _allergy,
    fhir.Observation: _observation,
    fhir.Procedure: _procedure,
    fhir.FamilyMemberHistory: _relative,
    fhir.DocumentReference: _document,
    fhir.Immunization: _immunization,
    fhir.Encounter: _encounter,
    fhir.Consent: _consent,
}
