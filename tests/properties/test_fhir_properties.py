"""Whatever happens to a bundle, reading it raises nothing but our errors and loses nothing in silence."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.domain.record import Record
from sartor.errors import SartorError
from sartor.io import fhir

SUBJECT = {"reference": "Patient/p"}
CONCEPT = {"coding": [{"system": "http://loinc.org", "code": "2160-0", "display": "x"}], "text": "codeine"}
RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1970-01-01",
        "name": [{"family": "A", "given": ["B"]}], "identifier": [{"value": "1", "type": CONCEPT}],
    },
    {"resourceType": "Condition", "id": "c", "subject": SUBJECT, "code": CONCEPT, "onsetDateTime": "2020-01-01"},
    {
        "resourceType": "MedicationRequest", "id": "m", "subject": SUBJECT, "status": "active", "intent": "order",
        "medicationCodeableConcept": CONCEPT, "authoredOn": "2024-01-01",
        "dosageInstruction": [{"text": "daily", "timing": {"repeat": {"boundsPeriod": {"end": "2025-01-01"}}}}],
    },
    {
        "resourceType": "MedicationStatement", "id": "s", "subject": SUBJECT, "status": "active",
        "contained": [{"resourceType": "Medication", "id": "x", "code": CONCEPT}],
        "medicationReference": {"reference": "#x"}, "effectivePeriod": {"start": "2024"},
    },
    {
        "resourceType": "Observation", "id": "o", "subject": SUBJECT, "status": "final", "code": CONCEPT,
        "valueQuantity": {"value": 1.5, "unit": "mg"}, "category": [CONCEPT],
        "component": [{"code": CONCEPT, "valueQuantity": {"value": 1}}, {"code": CONCEPT, "valueString": "x"}],
    },
    {"resourceType": "AllergyIntolerance", "id": "a", "patient": SUBJECT, "code": CONCEPT, "reaction": []},
    {"resourceType": "FamilyMemberHistory", "id": "f", "patient": SUBJECT, "condition": [{"code": CONCEPT}]},
    {
        "resourceType": "DocumentReference", "id": "d", "subject": SUBJECT,
        "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8="}}],
    },
    {"resourceType": "Encounter", "id": "e", "subject": SUBJECT, "class": {"code": "AMB"}, "period": {"start": "2020"}},
    {"resourceType": "Consent", "id": "k", "patient": SUBJECT, "provision": {"type": "permit"}},
    {"resourceType": "Claim", "id": "l"},
]  # fmt: skip
BUNDLE = {
    "resourceType": "Bundle",
    "entry": [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in RESOURCES],
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


PATHS = list(paths(BUNDLE))[1:]


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(document, (dict, list)) and path[-1] in (
        document if isinstance(document, dict) else range(len(document))
    ):
        document[path[-1]] = value


def used(record: Record) -> set[str]:
    """The resources that became part of the record."""
    parts = (
        record.conditions, record.medications, record.observations, record.allergies, record.family, record.notes,
        record.encounters, record.consents, record.procedures, record.immunizations,
    )  # fmt: skip
    return {each.origin.resource for part in parts for each in part}


def accounted(record: Record) -> int:
    patients = 1 if record.demographics.origin.resource else 0
    whole = sum(each.kind == "resource" for each in record.quarantined)
    return len(used(record)) + patients + whole + sum(each.count for each in record.other)


def test_the_untouched_bundle_is_wholly_used() -> None:
    record = fhir.read_record(json.dumps(BUNDLE).encode())
    assert not record.quarantined
    assert accounted(record) == len(RESOURCES)
    assert len(used(record)) == len(RESOURCES) - 2


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), ANYTHING), min_size=1, max_size=3))
def test_a_changed_value_is_read_quarantined_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = copy.deepcopy(BUNDLE)
    for path, value in changes:
        replaced(document, path, value)
    data = json.dumps(document).encode()
    try:
        parsed = fhir.parse_bundle(data)
        assert parsed.total == len(parsed.resources) + sum(each.kind == "resource" for each in parsed.quarantined)
        record = fhir.read_record(data)
    except SartorError:
        return
    assert accounted(record) == parsed.total
    if isinstance(document["entry"], list) and all(isinstance(each, dict) for each in document["entry"]):
        nested = any(isinstance(each.get("resource"), dict) and each["resource"].get("resourceType") == "Bundle"
                     for each in document["entry"])  # fmt: skip
        held = sum(each.get("resource") is not None for each in document["entry"])
        assert nested or document["resourceType"] != "Bundle" or parsed.total == held


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_changed_bytes_raise_nothing_but_our_errors(changes: list[tuple[int, int]], as_lines: bool) -> None:
    text = "\n".join(json.dumps(each) for each in RESOURCES) if as_lines else json.dumps(BUNDLE)
    data = bytearray(text.encode())
    for place, byte in changes:
        data[place % len(data)] = byte
    try:
        record = fhir.read_record(bytes(data))
    except SartorError:
        return
    assert record.demographics is not None
    fhir.count_resources(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    try:
        fhir.read_record(data)
    except SartorError:
        return
