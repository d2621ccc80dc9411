"""FHIR R4 bundles, NDJSON and single resources: counted, decoded to typed structs, or read as Records."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sartor.domain.provenance import InputFile
from sartor.domain.record import Record
from sartor.errors import ConflictingInputs, MalformedInput
from sartor.io import fhir_types as fhir
from sartor.io.fhir_decode import Parsed, Placed, count, parse
from sartor.io.fhir_record import Building, build, tail

_SHOWN = 8


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` is FHIR JSON: a resource, or lines or an array of resources."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = text[: len(text) // 2 * 2].decode("utf-16", "ignore").encode()
    if text.lstrip()[:1] not in (b"{", b"[") or b'"resourceType"' not in text:
        return False
    return _LINE.search(text) is not None or _is_resource(text.lstrip())


_PIECE = re.compile(rb'("(?:[^"\\]|\\.)*")(\s*:)?|[{}\[\]]', re.DOTALL)
_LINE = re.compile(rb'^\{[ \t]*"resourceType"', re.MULTILINE)


def _is_resource(text: bytes) -> bool:
    """Whether the first object, or the first of an array, has a resourceType itself, not only inside.

    When the text ends before that object does, a bundle's entry is enough.
    """
    wanted, depth = 1 if text.startswith(b"{") else 2, 0
    members: set[bytes] = set()
    for piece in _PIECE.finditer(text):
        if piece[1] is not None:
            if depth == wanted and piece[2] is not None:
                members.add(piece[1])
            continue
        depth += 1 if piece[0] in (b"{", b"[") else -1
        if depth < wanted and members:
            return b'"resourceType"' in members
    return bool(members & {b'"resourceType"', b'"entry"'})


def count_resources(source: Path | str | bytes) -> Counter[str]:
    """How many resources of each type (bundles excepted, what they hold is counted)."""
    data, file = _data(source)
    return count(data, file=file)


def parse_bundle(source: Path | str | bytes, *, file: str = "") -> Parsed:
    """Decode to typed structs: `resources`, `quarantined` and `counts()`.

    Raises MalformedInput or TruncatedInput, with line and byte, when a single document is not JSON.
    """
    data, name = _data(source)
    return parse(data, file=file or name)


def read_record(source: Path | str | bytes, *, file: str = "", patient: str = "", as_of: str = "") -> Record:
    """Read one person's record.

    source:  path, or the bytes of a document (then `file` names it in origins).
    patient: id, reference or identifier of the person, where the input has several.
    as_of:   ISO date that "current" refers to; the latest date in the input when not given.
    Raises ConflictingInputs when the input has several people and none, or none of that name, was asked for.
    """
    data, name = _data(source)
    people = _People.of(parse(data, file=file or name))
    record = people.record(people.choose(patient), as_of)
    if isinstance(source, bytes):
        return record
    digest = hashlib.sha256(data).hexdigest()
    return record.model_copy(update={"inputs": (InputFile(path=name, kind="fhir", size=len(data), sha256=digest),)})


def read_records(source: Path | str | bytes, *, file: str = "", as_of: str = "") -> Iterator[Record]:
    """Read every person of an input that may have many, one Record each, in the order of the input."""
    data, name = _data(source)
    people = _People.of(parse(data, file=file or name))
    for key in people.keys:
        yield people.record(key, as_of)


def _data(source: Path | str | bytes) -> tuple[bytes, str]:
    """The bytes of a source, unpacked, and the name of its file."""
    data, name = (source, "") if isinstance(source, bytes) else (Path(source).read_bytes(), str(source))
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise MalformedInput("the gzip file is broken", where=name, todo="fetch it again") from error
    return data, name


@dataclass(slots=True)
class _People:
    """Whose each resource is.

    keys:     one per person, in the order of the input; the patient's reference where there is a Patient.
    patients: key → its Patient.
    names:    every reference and identifier of a person → key.
    whose:    key → that person's resources; "" for those that do not say whose they are.
    """

    parsed: Parsed
    keys: list[str] = field(default_factory=list)
    patients: dict[str, Placed] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    whose: dict[str, list[Placed]] = field(default_factory=dict)
    by_reference: dict[str, Placed] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)
    rejected: list[Placed] = field(default_factory=list)

    @staticmethod
    def of(parsed: Parsed) -> _People:
        people = _People(parsed)
        kept: list[Placed] = []
        for placed in parsed.resources:
            if type(placed.resource) not in _READ:
                people.whose.setdefault("", []).append(placed)
            elif people._index(placed):
                kept.append(placed)
        for placed in kept:
            people.whose.setdefault(people._owner(placed), []).append(placed)
        if not people.patients:
            people.keys = [key for key in people.whose if key]
        if not people.keys:
            people.keys = [""]
        return people

    def _index(self, placed: Placed) -> bool:
        """Note the references that may point to a resource; False for an exact repetition."""
        identifier = getattr(placed.resource, "id", "")
        reference = f"{placed.kind}/{identifier}" if identifier else placed.full_url
        if reference:
            before = self.by_reference.setdefault(reference, placed)
            if before is not placed and before.resource == placed.resource:
                self.repeated[placed.kind] += 1
                return False
        for name in (placed.full_url, f"urn:uuid:{identifier}" if identifier else ""):
            if name:
                self.by_reference.setdefault(name, placed)
        if isinstance(placed.resource, fhir.Patient):
            return self._index_patient(placed, reference or placed.name)
        return True

    def _index_patient(self, placed: Placed, key: str) -> bool:
        patient: Any = placed.resource
        if key in self.patients:
            self.rejected.append(placed)
            return False
        self.keys.append(key)
        self.patients[key] = placed
        names = [key, placed.full_url, patient.id, f"urn:uuid:{patient.id}" if patient.id else ""]
        names += [identifier.value for identifier in patient.identifier]
        for name in names:
            if name:
                self.names.setdefault(name, key)
        return True

    def _owner(self, placed: Placed) -> str:
        resource: Any = placed.resource
        if isinstance(resource, fhir.Patient):
            return self.names.get(placed.name) or self.names.get(placed.full_url) or placed.name
        subject = getattr(resource, "subject", None) or getattr(resource, "patient", None)
        reference = subject.reference if subject is not None else ""
        if not reference:
            return ""
        return self.names.get(reference) or self.names.get(tail(reference)) or tail(reference)

    def choose(self, patient: str) -> str:
        """The key of the person asked for, or of the only one."""
        if patient:
            key = self.names.get(patient) or self.names.get(tail(patient))
            if key is None and (patient in self.keys or f"Patient/{patient}" in self.keys):
                key = patient if patient in self.keys else f"Patient/{patient}"
            if key is not None:
                return key
        elif len(self.keys) == 1:
            return self.keys[0]
        shown = ", ".join(key.removeprefix("Patient/") for key in self.keys[:_SHOWN])
        more = f" and {len(self.keys) - _SHOWN} more" if len(self.keys) > _SHOWN else ""
        what = f"it has no patient {patient!r}" if patient else f"it holds the records of {len(self.keys)} people"
        raise ConflictingInputs(
            f"{what} (there: {shown}{more})", where=self.parsed.file, todo="name one of them, or split the file"
        )

    def record(self, key: str, as_of: str) -> Record:
        """One person's Record; what is not theirs is counted or quarantined."""
        own = [*self.whose.get(key, ())]
        unclaimed = self.whose.get("", []) if key else []
        building = Building(self.parsed.file, self.by_reference, as_of or _latest(self.parsed, own))
        alone = len(self.keys) == 1
        for placed in unclaimed:
            if alone or type(placed.resource) not in _CLINICAL:
                own.append(placed)
            else:
                building.lose(placed, "it does not say whose it is, and the file has several people")
        own.sort(key=lambda placed: placed.ordinal)
        self._set_aside(building, key)
        patient = self.patients.get(key)
        identifier = getattr(patient.resource, "id", "") if patient is not None else key.rpartition("/")[2]
        record = build(building, patient, _number(patient) or identifier, own)
        wrong = (*self.parsed.quarantined, *record.quarantined)
        return record.model_copy(update={"quarantined": wrong, "as_of": as_of})

    def _set_aside(self, building: Building, key: str) -> None:
        """What belongs to someone else: to another patient of the file, or to nobody that the file knows."""
        for kind, number in self.repeated.items():
            building.unused[kind, "repeats another resource"] += number
        for placed in self.rejected:
            building.lose(placed, "a second Patient with the same id and other content")
        for other, theirs in self.whose.items():
            if other in ("", key):
                continue
            for placed in theirs:
                if other in self.keys:
                    building.unused[placed.kind, "belongs to another patient"] += 1
                else:
                    building.lose(placed, f"it belongs to {other[:60]}, who is not a patient of this file")


_CLINICAL = frozenset(kind for name, kind in fhir.READ.items() if name not in ("Patient", "Medication"))


def _number(patient: Placed | None) -> str:
    """The medical record number, where an identifier is marked as one."""
    if patient is None:
        return ""
    resource: Any = patient.resource
    for identifier in resource.identifier:
        kind = identifier.type
        if kind is not None and identifier.value and any(coding.code == "MR" for coding in kind.coding):
            return str(identifier.value)
    return ""


_READ = frozenset(fhir.READ.values())
_DATED: dict[type, str] = {
    fhir.MedicationRequest: "authored_on",
    fhir.MedicationStatement: "date_asserted",
    fhir.MedicationAdministration: "effective_date_time",
    fhir.MedicationDispense: "when_handed_over",
    fhir.Observation: "effective_date_time",
    fhir.Procedure: "performed_date_time",
    fhir.Immunization: "occurrence_date_time",
    fhir.DocumentReference: "date",
}


def _latest(parsed: Parsed, own: list[Placed]) -> str:
    """The day that the record speaks from: the bundle's time, or the last event in it."""
    if parsed.timestamp:
        return parsed.timestamp[:10]
    latest = ""
    for placed in own:
        name = _DATED.get(type(placed.resource))
        value: str = getattr(placed.resource, name) if name is not None else ""
        if value > latest and value[:4].isdigit():
            latest = value
    return latest[:10]


__all__ = ["Parsed", "Placed", "count_resources", "parse_bundle", "read_record", "read_records", "recognises"]
