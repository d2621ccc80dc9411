"""FHIR resources of many patients to one row per patient, by column definitions in the manner of a ViewDefinition.

A definition names a resource type, a code, and what is wanted of the matching resources up to (or after) the patient's
index date. HL7 SQL on FHIR's ViewDefinition flattens resources; here they are also reduced to one row per patient.
"""

from __future__ import annotations

import functools
import gzip
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
from pydantic import ValidationError, field_validator

from sartor.domain.code import Frozen
from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.provenance import InputFile, Origin, Quarantined
from sartor.errors import ConfigInvalid, MalformedInput
from sartor.io.cohort_table import digest, from_labels
from sartor.knowledge.measurements import measurements
from sartor.knowledge.measurements import unit as measured_in
from sartor.knowledge.units import convert

DAYS_PER_YEAR: Final = 365.25
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SUFFIXES: Final = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
_NOT_MEANT: Final = frozenset({"entered-in-error", "cancelled", "refuted", "not-done"})
_LISTED: Final = 1000
_IN_UNITS: Final = frozenset({"latest", "first", "mean", "min", "max"})
_ID: Final = "patient"


class Definition(Frozen):
    """One column.

    resource: "Patient" (needs no code), "Observation", "Condition", "Procedure", "MedicationRequest", "Encounter" …
    code:     one code or several; `system` restricts them to one code system.
    value:    of a Patient: "gender", "birth_date", "age" (years at the index), "deceased", "race", "ethnicity".
              Else "latest", "first", "mean", "min", "max" (numbers), "count", "present" (0 or 1), "text" (latest, as a
              category), "days" (from the index to the nearest match).
    unit:     UCUM; values in another unit are converted, or left out and listed where there is no way from it.
    when:     "before" (up to the index date, included), "after" or "ever"; `within_days` narrows it.
    """

    resource: str
    code: tuple[str, ...] = ()
    system: str = ""
    value: Literal[
        "latest", "first", "mean", "min", "max", "count", "present", "text", "days",
        "gender", "birth_date", "age", "deceased", "race", "ethnicity",
    ] = "latest"  # fmt: skip
    unit: str = ""
    when: Literal["before", "after", "ever"] = "before"
    within_days: float | None = None

    @field_validator("code", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else tuple(value)


class Index(Frozen):
    """From when a patient's past is told from the future.

    date:     the same day for everyone, or "" for the first match of `resource` and `code`; patients without one are
              left out. With neither, the last day of which the record tells.
    """

    date: str = ""
    resource: str = ""
    code: tuple[str, ...] = ()

    @field_validator("code", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else tuple(value)


class _Coding(msgspec.Struct, gc=False):
    system: str = ""
    code: str = ""
    display: str = ""


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding] = []
    text: str = ""


class _Reference(msgspec.Struct, gc=False):
    reference: str = ""


class _Period(msgspec.Struct, gc=False):
    start: str = ""


class _Quantity(msgspec.Struct, gc=False):
    value: float | None = None
    code: str = ""
    unit: str = ""


class _Component(msgspec.Struct, rename="camel", gc=False):
    code: _Concept | None = None
    value_quantity: _Quantity | None = None
    value_codeable_concept: _Concept | None = None
    value_string: str | None = None
    value_integer: int | None = None
    value_boolean: bool | None = None


class _Resource(_Component, rename="camel", gc=False):
    resource_type: str = ""
    id: str = ""
    status: str = ""
    verification_status: _Concept | None = None
    medication_codeable_concept: _Concept | None = None
    medication_reference: _Reference | None = None
    contained: list[dict[str, Any]] = []
    vaccine_code: _Concept | None = None
    type: list[_Concept] | _Concept | None = None
    subject: _Reference | None = None
    patient: _Reference | None = None
    effective_date_time: str = ""
    effective_period: _Period | None = None
    onset_date_time: str = ""
    recorded_date: str = ""
    performed_date_time: str = ""
    performed_period: _Period | None = None
    authored_on: str = ""
    occurrence_date_time: str = ""
    period: _Period | None = None
    component: list[_Component] = []
    gender: str = ""
    birth_date: str = ""
    deceased_date_time: str = ""
    deceased_boolean: bool = False
    extension: list[dict[str, Any]] = []


class _Kind(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Bundle(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""
    entry: list[_Entry] = []


_KIND: Final = msgspec.json.Decoder(_Kind)
_BUNDLE: Final = msgspec.json.Decoder(_Bundle)
_RESOURCE: Final = msgspec.json.Decoder(_Resource)


@dataclass(slots=True)
class _Patient:
    """What was found of one patient: (day, number, text) per column, days of the index, the last day."""

    person: _Resource | None = None
    found: dict[str, list[tuple[float, float, str]]] = field(default_factory=dict)
    index_days: list[float] = field(default_factory=list)
    last: float = -math.inf


@dataclass(slots=True)
class _Reading:
    definitions: Mapping[str, Definition]
    index: Index
    by_kind: Mapping[str, Sequence[tuple[str, Definition]]]
    patients: dict[str, _Patient] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    medications: dict[str, _Concept] = field(default_factory=dict)
    pending: list[tuple[_Resource, str]] = field(default_factory=list)
    units: dict[str, set[str]] = field(default_factory=dict)

    @property
    def wants_medications(self) -> bool:
        """Whether a definition (or the index) is about medications, which may be told by reference."""
        return any(kind.startswith("Medication") for kind in (*self.by_kind, self.index.resource))

    def refuse(self, file: str, reason: str, *, line: int | None = None, resource: str = "", column: str = "") -> None:
        if len(self.quarantined) < _LISTED:
            origin = Origin(file=file, line=line, resource=resource, field=column)
            kind = "field" if column else "resource"
            self.quarantined.append(Quarantined(origin=origin, reason=reason, kind=kind))


def read_fhir_cohort(path: Path, definitions: Mapping[str, Any], *, index: Mapping[str, Any] | None = None) -> Cohort:
    """One row per patient of NDJSON, a bundle, or a folder of either; the first column, "patient", is the id.

    Raises ConfigInvalid for definitions that cannot be followed (all faults at once), MalformedInput without patients.
    """
    wanted, when = _definitions(definitions, index or {})
    by_kind: dict[str, list[tuple[str, Definition]]] = {}
    for name, definition in wanted.items():
        by_kind.setdefault(definition.resource, []).append((name, definition))
    reading = _Reading(wanted, when, by_kind)
    files = []
    for file in _files(path):
        files.append(digest(file, "FHIR"))
        _read_file(reading, file)
    _follow_medications(reading)
    _refuse_mixed_units(reading)
    people = {key: each for key, each in sorted(reading.patients.items()) if each.person is not None}
    if not people:
        raise MalformedInput("no Patient resource is in it", where=str(path), todo="give bundles or NDJSON of patients")
    return _cohort(reading, people, files)


def _definitions(given: Mapping[str, Any], index: Mapping[str, Any]) -> tuple[dict[str, Definition], Index]:
    faults, wanted = [], {}
    for name, content in given.items():
        try:
            wanted[name] = Definition.model_validate(content)
        except ValidationError as error:
            faults += [
                f"{'.'.join(map(str, ('columns', name, *each['loc'])))}: {each['msg']}" for each in error.errors()
            ]
            continue
        if wanted[name].resource != "Patient" and not wanted[name].code:
            faults.append(f"columns.{name}: no code")
    try:
        when = Index.model_validate(dict(index))
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, ('index', *each['loc'])))}: {each['msg']}" for each in error.errors()]
        when = Index()
    if when.date and math.isnan(_day(when.date)):
        faults.append(f"index.date: {when.date} is no date")
    if faults:
        raise ConfigInvalid("; ".join(faults), where="[columns]", todo="see docs/howto/run-a-study.md")
    return wanted, when


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        if not path.is_file():
            raise MalformedInput("there is no such file", where=str(path), todo="check the path")
        return [path]
    found = sorted(each for each in path.rglob("*") if each.name.endswith(_SUFFIXES) and each.is_file())
    if not found:
        raise MalformedInput("the folder has no .json or .ndjson file", where=str(path), todo="check the path")
    return found


def _read_file(reading: _Reading, path: Path) -> None:
    """Lines of resources or bundles, or one of them in the whole file."""
    packed = path.name.endswith(".gz")
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            first = file.readline()
            if _is_whole(first):
                for line, content in enumerate(_chain(first, file), 1):
                    if content.strip():
                        _read_object(reading, content, path.name, line)
                return
            _read_object(reading, first + file.read(), path.name, None)
    except (OSError, EOFError) as error:
        reading.refuse(path.name, f"the file is broken ({error})")


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _is_whole(line: bytes) -> bool:
    try:
        return bool(_KIND.decode(line).resource_type)
    except msgspec.DecodeError:
        return False


def _read_object(reading: _Reading, content: bytes, file: str, line: int | None) -> None:
    try:
        kind = _KIND.decode(content).resource_type
        if kind == "Bundle":
            for entry in _BUNDLE.decode(content).entry:
                if content_of := bytes(entry.resource):
                    _read_resource(reading, content_of, file, line)
        else:
            _read_resource(reading, content, file, line, kind)
    except msgspec.DecodeError as error:
        reading.refuse(file, f"not readable as FHIR ({error})", line=line)


def _read_resource(reading: _Reading, content: bytes, file: str, line: int | None, kind: str = "") -> None:
    kind = kind or _KIND.decode(content).resource_type
    if kind == "Medication" and reading.wants_medications:
        _keep_medication(reading, content, file, line)
        return
    indexes = _indexes(reading, kind)
    if kind not in reading.by_kind and kind != "Patient" and not indexes and not _dates_matter(reading, kind):
        return
    try:
        resource = _RESOURCE.decode(content)
    except msgspec.ValidationError as error:
        reading.refuse(file, f"{kind} cannot be used ({error})", line=line)
        return
    if kind == "Patient":
        reading.patients.setdefault(resource.id, _Patient()).person = resource
        return
    if resource.status in _NOT_MEANT or _codes(resource.verification_status) & _NOT_MEANT:
        return
    if resource.medication_reference is not None and _concept(resource) is None:
        reading.pending.append((resource, file))
        return
    _keep(reading, resource, kind, file)


def _indexes(reading: _Reading, kind: str) -> bool:
    return bool(reading.index.resource) and kind == reading.index.resource


def _keep(reading: _Reading, resource: _Resource, kind: str, file: str) -> None:
    """What a resource with its code says of its patient."""
    patient = reading.patients.setdefault(_owner(resource), _Patient())
    day = _day(_time(resource))
    if not math.isnan(day):
        patient.last = max(patient.last, day)
    if _indexes(reading, kind) and _codes(_concept(resource)) & set(reading.index.code) and not math.isnan(day):
        patient.index_days.append(day)
    for name, definition in reading.by_kind.get(kind, ()):
        _match(reading, patient, name, definition, resource, day, f"{file}#{kind}/{resource.id}")


def _keep_medication(reading: _Reading, content: bytes, file: str, line: int | None) -> None:
    try:
        resource = _RESOURCE.decode(content)
    except msgspec.ValidationError as error:
        reading.refuse(file, f"Medication cannot be used ({error})", line=line)
        return
    if resource.id and resource.code is not None:
        reading.medications[resource.id] = resource.code


def _follow_medications(reading: _Reading) -> None:
    """Medications that were told by reference, once all files are read; those that are nowhere are listed."""
    for resource, file in reading.pending:
        reference = resource.medication_reference.reference if resource.medication_reference is not None else ""
        if reference.startswith("#"):
            concept = _contained(resource, reference[1:])
        else:
            concept = reading.medications.get(reference.replace(":", "/").rpartition("/")[2])
        if concept is None:
            place = f"{resource.resource_type}/{resource.id}"
            reading.refuse(file, f"its medication {reference} is not in the data", resource=place)
        resource.medication_codeable_concept = concept
        _keep(reading, resource, resource.resource_type, file)


def _contained(resource: _Resource, identifier: str) -> _Concept | None:
    for each in resource.contained:
        if each.get("id") == identifier and isinstance(each.get("code"), dict):
            try:
                return msgspec.convert(each["code"], _Concept)
            except msgspec.ValidationError:
                return None
    return None


def _dates_matter(reading: _Reading, kind: str) -> bool:
    """Without an index, the last day of the record is looked for in what patients come for."""
    return not reading.index.date and not reading.index.resource and kind in ("Encounter", "Observation")


def _match(
    reading: _Reading, patient: _Patient, name: str, definition: Definition, resource: _Resource, day: float, place: str
) -> None:
    for part in (resource, *resource.component):
        concept = _concept(part) if isinstance(part, _Resource) else part.code
        if not _is_meant(concept, definition):
            continue
        number, text, unit = _value(part)
        if definition.unit and unit and unit != definition.unit and not math.isnan(number):
            converted = convert(number, unit, definition.unit, measurement=_measured(definition.code))
            if converted is None:
                reading.refuse(place, f"unit {unit} where {definition.unit} is asked", column=name)
                continue
            number = converted
        if unit and not math.isnan(number) and definition.value in _IN_UNITS:
            reading.units.setdefault(name, set()).add(definition.unit or measured_in(unit))
        patient.found.setdefault(name, []).append((day, number, text))


def _refuse_mixed_units(reading: _Reading) -> None:
    """Raises ConfigInvalid where a column without a stated unit would mix several."""
    mixed = [(name, sorted(units)) for name, units in sorted(reading.units.items()) if len(units) > 1]
    if mixed:
        said = "; ".join(f"columns.{name}: values in {', '.join(units)}" for name, units in mixed)
        raise ConfigInvalid(said, where="[columns]", todo='state unit = "…" for each: the others are converted')


@functools.cache
def _measured(codes: tuple[str, ...]) -> str:
    """The measurement that all these LOINC codes mean, by whose molar mass amounts are converted; "" for none."""
    known = {each.name: (each.loinc, each.molar_loinc) for each in measurements().by_words.values()}
    found = [name for name, loinc in known.items() if all(code in loinc for code in codes)]
    return found[0] if len(found) == 1 else ""


def _is_meant(concept: _Concept | None, definition: Definition) -> bool:
    return concept is not None and any(
        each.code in definition.code and (not definition.system or each.system == definition.system)
        for each in concept.coding
    )


def _concept(resource: _Component) -> _Concept | None:
    if not isinstance(resource, _Resource):
        return resource.code
    kind = resource.type[0] if isinstance(resource.type, list) and resource.type else resource.type
    found = resource.code or resource.medication_codeable_concept or resource.vaccine_code
    return found or (kind if isinstance(kind, _Concept) else None)


def _codes(concept: _Concept | None) -> set[str]:
    return {each.code for each in concept.coding} if concept is not None else set()


def _owner(resource: _Resource) -> str:
    reference = (resource.subject or resource.patient or _Reference()).reference
    return reference.replace(":", "/").rpartition("/")[2]


def _time(resource: _Resource) -> str:
    periods = (resource.effective_period, resource.performed_period, resource.period)
    return (
        resource.effective_date_time
        or resource.onset_date_time
        or resource.performed_date_time
        or resource.authored_on
        or resource.occurrence_date_time
        or next((each.start for each in periods if each is not None), "")
        or resource.recorded_date
    )


def _day(text: str) -> float:
    """Days since 1970-01-01; the first of the month or year where no more is told."""
    parts = text[:10].split("-")
    try:
        year, month, day = (int(each) for each in (*parts, "1", "1")[:3])
        return float(date(year, month, day).toordinal() - _EPOCH)
    except ValueError:
        return math.nan


def _value(part: _Component) -> tuple[float, str, str]:
    """Number, text and unit."""
    if part.value_quantity is not None and part.value_quantity.value is not None:
        quantity = part.value_quantity
        return quantity.value if quantity.value is not None else math.nan, "", quantity.code or quantity.unit
    if part.value_integer is not None:
        return float(part.value_integer), "", ""
    if part.value_boolean is not None:
        return float(part.value_boolean), "true" if part.value_boolean else "false", ""
    if part.value_codeable_concept is not None:
        concept = part.value_codeable_concept
        shown = next((each.display or each.code for each in concept.coding), "")
        return math.nan, concept.text or shown, ""
    return math.nan, part.value_string or "", ""


def _cohort(reading: _Reading, people: Mapping[str, _Patient], files: Sequence[InputFile]) -> Cohort:
    index = {key: _index_day(reading, each) for key, each in people.items()}
    kept = [key for key in people if not math.isnan(index[key])]
    if not kept:
        raise MalformedInput("no patient has an index date", where="[index]", todo="check its resource and code")
    if left_out := len(people) - len(kept):
        reading.refuse("", f"{left_out} patients have no index date and were left out")
    columns = [from_labels(_ID, kept, ColumnKind.CATEGORY)]
    for name, definition in reading.definitions.items():
        columns.append(_column(name, definition, [people[key] for key in kept], [index[key] for key in kept]))
    return Cohort(tuple(columns), tuple(files), tuple(reading.quarantined))


def _index_day(reading: _Reading, patient: _Patient) -> float:
    if reading.index.date:
        return _day(reading.index.date)
    if reading.index.resource:
        return min(patient.index_days, default=math.nan)
    return patient.last if math.isfinite(patient.last) else math.nan


def _column(name: str, definition: Definition, people: Sequence[_Patient], index: Sequence[float]) -> Column:
    pairs = list(zip(people, index, strict=True))
    if definition.value in ("gender", "race", "ethnicity"):
        return from_labels(name, [_said(each, definition.value) for each in people], ColumnKind.CATEGORY)
    if definition.value == "text":
        texts = [_text(_chosen(each, name, definition, day)) for each, day in pairs]
        return from_labels(name, texts, ColumnKind.CATEGORY)
    if definition.resource == "Patient":
        numbers = [_of_person(each, definition.value, day) for each, day in pairs]
    else:
        numbers = [_reduced(_chosen(each, name, definition, day), definition, day) for each, day in pairs]
    kind = ColumnKind.DATE if definition.value == "birth_date" else ColumnKind.NUMBER
    values = np.array(numbers, dtype=np.float64 if kind is ColumnKind.DATE else np.float32)
    return Column(name, kind, values, unit=definition.unit)


def _chosen(patient: _Patient, name: str, definition: Definition, index: float) -> list[tuple[float, float, str]]:
    """Matches in the time asked for, in the order of their days; without a day only with "ever"."""
    reach = math.inf if definition.within_days is None else definition.within_days
    kept = []
    for day, number, text in patient.found.get(name, ()):
        past = day <= index and index - day <= reach
        future = index < day <= index + reach
        if definition.when == "ever" or (past if definition.when == "before" else future):
            kept.append((day, number, text))
    return sorted(kept, key=lambda each: (math.isnan(each[0]), each[0]))


def _reduced(found: Sequence[tuple[float, float, str]], definition: Definition, index: float) -> float:
    if definition.value == "count":
        return float(len(found))
    if definition.value == "present":
        return float(bool(found))
    if definition.value == "days":
        days = [abs(day - index) for day, _, _ in found if not math.isnan(day)]
        return min(days, default=math.nan)
    numbers = [number for _, number, _ in found if not math.isnan(number)]
    if not numbers:
        return math.nan
    reductions = {"latest": numbers[-1], "first": numbers[0], "min": min(numbers), "max": max(numbers)}
    return reductions.get(definition.value, math.fsum(numbers) / len(numbers))


def _text(found: Sequence[tuple[float, float, str]]) -> str:
    return next((text for _, _, text in reversed(found) if text), "")


def _of_person(patient: _Patient, value: str, index: float) -> float:
    person = patient.person or _Resource()
    born = _day(person.birth_date)
    if value == "age":
        return math.floor((index - born) / DAYS_PER_YEAR) if not math.isnan(born) else math.nan
    if value == "deceased":
        return float(bool(person.deceased_date_time) or person.deceased_boolean)
    return born


def _said(patient: _Patient, value: str) -> str:
    """Gender, or the text of the US Core extension for race or ethnicity."""
    person = patient.person or _Resource()
    if value == "gender":
        return person.gender
    for extension in person.extension:
        if str(extension.get("url", "")).endswith(f"us-core-{value}"):
            inner = {each.get("url"): each for each in extension.get("extension", ())}
            return str(inner.get("text", {}).get("valueString", ""))
    return ""
