"""FHIR R4: what is read, what is kept as it stands, and what is quarantined."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sartor.domain.code import LOINC, RXNORM, Coded
from sartor.errors import ConflictingInputs, MalformedInput, TruncatedInput
from sartor.io import fhir, fhir_types

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1967-05-14"}
SUBJECT = {"reference": "Patient/p1"}


def bundle(*resources: dict[str, Any], **more: Any) -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{index}", "resource": each} for index, each in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries, **more}).encode()


def order(**fields: Any) -> dict[str, Any]:
    medicine = {"coding": [{"system": RXNORM, "code": "32968", "display": "clopidogrel"}]}
    start = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order"}
    return {**start, "subject": SUBJECT, "medicationCodeableConcept": medicine, "authoredOn": "2025-01-01", **fields}


def observation(**fields: Any) -> dict[str, Any]:
    code = {"coding": [{"system": LOINC, "code": "2160-0", "display": "Creatinine"}]}
    return {"resourceType": "Observation", "id": "o", "status": "final", "subject": SUBJECT, "code": code, **fields}


def current(resource: dict[str, Any], *others: dict[str, Any], as_of: str = "2025-10-01") -> bool | None:
    record = fhir.read_record(bundle(PATIENT, resource, *others), as_of=as_of)
    return record.medications[0].current


def test_recognises_by_content() -> None:
    assert fhir.recognises(bundle(PATIENT), Path("x.dat"))
    assert fhir.recognises(b"\xef\xbb\xbf\n" + bundle(PATIENT), Path("x.dat"))
    assert fhir.recognises(b"[" + json.dumps(PATIENT).encode() + b"]", Path("x"))
    assert fhir.recognises(b'{broken\n{"resourceType": "Patient"}\n', Path("x"))
    assert fhir.recognises(b'{"entry": [{"resource": {"id": "}", "resourceType": "Pat', Path("x"))
    assert fhir.recognises(
        b'{"entry": [{"resource": {"resourceType": "Patient"}}], "resourceType": "Bundle"}', Path("x")
    )
    assert not fhir.recognises(b'{"context": {"draft": {"resourceType": "Bundle"}}, "hook": "x"}', Path("x"))
    assert not fhir.recognises(b'{"phenotypicFeatures": []}', Path("x.json"))
    assert not fhir.recognises(b"##fileformat=VCFv4.2\n", Path("bundle.json"))


def test_demographics_prefer_birth_sex_and_the_record_number() -> None:
    core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    white = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}
    person = {
        **PATIENT,
        "gender": "male",
        "identifier": [
            {"value": "insurance"},
            {"type": {"coding": [{"code": "MR"}]}, "value": "MRN-7"},
        ],
        "name": [{"use": "old", "text": "Ada Old"}, {"use": "official", "family": "New", "given": ["Ada"]}],
        "extension": [
            {"url": core + "birthsex", "valueCode": "F"},
            {"url": core + "race", "extension": [{"url": "ombCategory", "valueCoding": white}]},
        ],
    }
    found = fhir.read_record(bundle(person)).demographics
    assert (found.identifier, found.name, found.sex, found.birth_date) == ("MRN-7", "Ada New", "female", "1967-05-14")
    assert [each.label for each in found.ancestry] == ["White"]
    assert found.origin.resource == "Patient/p1"


def test_components_become_observations_with_their_place() -> None:
    parts = [
        {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 130), ("8462-4", 82.5))
    ]
    record = fhir.read_record(bundle(PATIENT, observation(component=parts)))
    assert [(each.code[0].code, each.quantity and each.quantity.value) for each in record.observations] == [
        ("8480-6", 130.0),
        ("8462-4", 82.5),
    ]
    assert {each.quantity.unit for each in record.observations if each.quantity} == {"mm[Hg]"}
    assert record.observations[1].origin.field == "component[1]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueString": "trace"}, (None, (), "trace")),
        ({"valueBoolean": True}, (None, (), "true")),
        ({"valueCodeableConcept": {"text": "positive"}}, (None, (), "positive")),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, (None, (), "1 : 128")),
        (
            {"valueRange": {"low": {"value": 1, "unit": "g"}, "high": {"value": 2, "unit": "g"}}},
            (None, (), "1 g - 2 g"),
        ),
    ],
)
def test_other_kinds_of_value(value: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = fhir.read_record(bundle(PATIENT, observation(**value))).observations[0]
    assert (found.quantity, found.coded_value, found.text_value) == expected


def test_a_bound_keeps_its_comparator_and_a_missing_value_stays_missing() -> None:
    bound = observation(valueQuantity={"value": 0.5, "comparator": "<", "unit": "mg/dL"})
    record = fhir.read_record(bundle(PATIENT, bound, {**observation(valueQuantity={"unit": "mg/dL"}), "id": "o2"}))
    assert record.observations[0].quantity is not None
    assert (record.observations[0].quantity.comparator, record.observations[0].quantity.unit) == ("<", "mg/dL")
    assert record.observations[1].quantity is None


def test_a_wrong_field_is_quarantined_and_the_rest_kept() -> None:
    record = fhir.read_record(
        bundle(
            PATIENT,
            observation(valueQuantity={"value": "5,1", "unit": "mg/dL"}, effectiveDateTime="2025-13-01"),
            order(),
        ),
        file="r.json",
    )
    found = {(each.origin.resource, each.origin.field): each for each in record.quarantined}
    assert set(found) == {("Observation/o", "valueQuantity.value"), ("Observation/o", "effective[x]")}
    assert found["Observation/o", "valueQuantity.value"].reason == "expected a number, found text"
    assert all(each.kind == "field" and each.origin.file == "r.json" for each in record.quarantined)
    assert record.observations[0].code[0].code == "2160-0"
    assert record.medications[0].drugs[0].drug.label == "clopidogrel"


def test_a_wrong_item_of_a_list_costs_only_itself() -> None:
    person = {**PATIENT, "name": [{"family": "Right", "given": ["Ada", 5]}, "wrong"]}
    record = fhir.read_record(bundle(person))
    assert record.demographics.name == "Ada Right"
    assert [each.origin.field for each in record.quarantined] == ["name[0].given[1]", "name[1]"]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Zork"},
        {"id": "no type"},
        {"resourceType": 5},
        "text",
        7,
        {"resourceType": "Observation", "id": "x", "subject": SUBJECT},
        {"resourceType": "MedicationRequest", "id": "x", "subject": SUBJECT, "status": "active"},
    ],
)
def test_a_hopeless_resource_is_quarantined_whole(resource: Any) -> None:
    record = fhir.read_record(bundle(PATIENT, resource, order()))
    assert [each.kind for each in record.quarantined] == ["resource"]
    assert len(record.medications) == 1


def test_broken_json_names_line_and_byte() -> None:
    text = json.dumps(json.loads(bundle(PATIENT)), indent=1)
    with pytest.raises(MalformedInput, match=r"line 9, column \d+ \(byte \d+\)") as caught:
        fhir.read_record(text.replace('"p1"', "p1").encode(), file="r.json")
    assert caught.value.where == "r.json:9"
    with pytest.raises(TruncatedInput, match=f"byte {len(text) - 30}"):
        fhir.read_record(text[:-30].encode())
    with pytest.raises(MalformedInput, match="nested too deep"):
        fhir.read_record(b'{"resourceType":"Bundle","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_ndjson_quarantines_by_line() -> None:
    lines = [json.dumps(PATIENT), "{broken", "", json.dumps(order()), json.dumps(observation(status=5))]
    record = fhir.read_record("\r\n".join(lines).encode(), file="r.ndjson")
    assert len(record.medications) == len(record.observations) == 1
    assert [(each.origin.line, each.kind) for each in record.quarantined] == [(2, "resource"), (5, "field")]
    assert record.medications[0].origin.line == 4


def test_encodings_and_compression() -> None:
    person = {**PATIENT, "name": [{"text": "Zoë Müller"}]}
    text = bundle(person).decode()
    for data in (text.encode("utf-8-sig"), text.encode("utf-16"), gzip.compress(text.encode())):
        assert fhir.read_record(data).demographics.name == "Zoë Müller"
    with pytest.raises(MalformedInput):
        fhir.read_record(gzip.compress(text.encode())[:60])


def test_counts_include_nested_bundles_and_types_that_are_not_read() -> None:
    inner = json.loads(bundle(order(), {"resourceType": "Claim"}))
    data = bundle(PATIENT, inner, {"resourceType": "Claim", "id": 5})
    assert fhir.count_resources(data) == {"Patient": 1, "MedicationRequest": 1, "Claim": 2}
    parsed = fhir.parse_bundle(data)
    assert parsed.counts() == fhir.count_resources(data)
    assert parsed.total == 4
    assert [(each.kind, each.count) for each in fhir.read_record(data).other] == [("Claim", 2)]


def test_current_by_status_and_intent() -> None:
    assert current(order()) is True
    assert current(order(intent="plan")) is True
    assert current(order(intent="proposal")) is False
    assert current(order(doNotPerform=True)) is False
    for status in ("completed", "stopped", "entered-in-error", "on-hold", "cancelled", "draft"):
        assert current(order(status=status)) is False
    assert current(order(status="unknown")) is None
    assert current({key: value for key, value in order().items() if key != "status"}) is None


def test_an_unknown_status_is_quarantined_and_says_nothing() -> None:
    record = fhir.read_record(bundle(PATIENT, order(status="actve")))
    assert record.medications[0].current is None
    assert record.quarantined[0].origin.field == "status"


def test_current_by_period() -> None:
    over = {"timing": {"repeat": {"boundsPeriod": {"end": "2025-02-01"}}}}
    ahead = {"timing": {"repeat": {"boundsPeriod": {"end": "2025-12"}}}}
    assert current(order(dosageInstruction=[over])) is False
    assert current(order(dosageInstruction=[over, ahead])) is True
    assert current(order(dosageInstruction=[over, {"text": "then as needed"}])) is True
    assert current(order(dispenseRequest={"validityPeriod": {"end": "2024-12-31"}})) is False
    assert current(order(authoredOn="2026-01-01")) is False
    assert current(order(authoredOn="2025")) is True


def test_the_record_speaks_from_its_own_time_unless_told() -> None:
    over = {"timing": {"repeat": {"boundsPeriod": {"end": "2025-02-01"}}}}
    resource = order(dosageInstruction=[over])
    assert fhir.read_record(bundle(PATIENT, resource)).medications[0].current is True
    dated = bundle(PATIENT, resource, timestamp="2025-03-01T00:00:00Z")
    assert fhir.read_record(dated).medications[0].current is False
    assert fhir.read_record(dated, as_of="2025-01-15").medications[0].current is True


def test_statements_and_administrations() -> None:
    statement = {**order(), "resourceType": "MedicationStatement", "effectivePeriod": {"end": "2024-01-01"}}
    assert current(statement) is False
    assert current({**statement, "effectivePeriod": {"start": "2024-01-01"}}) is True
    assert current({**statement, "status": "not-taken"}) is False
    given = {**order(), "resourceType": "MedicationAdministration", "status": "completed", "id": "a"}
    assert current(given) is None
    assert current({**given, "status": "in-progress"}) is True
    assert current({**given, "status": "not-done"}) is False
    ordered = {**given, "request": {"reference": "MedicationRequest/m"}}
    assert current(ordered, order()) is True
    assert current(ordered, order(status="stopped")) is False


def test_a_dispense_is_current_while_its_supply_lasts() -> None:
    handed = {**order(), "resourceType": "MedicationDispense", "status": "completed", "id": "d"}
    supply = {**handed, "whenHandedOver": "2025-01-01", "daysSupply": {"value": 30, "unit": "d"}}

    def on(day: str, *resources: dict[str, Any]) -> bool | None:
        return fhir.read_record(bundle(PATIENT, *resources), as_of=day).medications[0].current

    assert on("2025-01-20", supply) is True
    assert on("2025-01-20", {**supply, "status": "in-progress"}) is True
    assert on("2025-03-01", supply) is None
    assert on("2025-01-20", {**supply, "daysSupply": None}) is None
    assert on("2025-01-20", {**supply, "whenHandedOver": "2025-01"}) is None
    assert on("2025-01-20", {**supply, "status": "declined"}) is False
    assert on("2025-01-20", {**supply, "status": "unknown"}) is None
    prescribed = {**supply, "authorizingPrescription": [{"reference": "MedicationRequest/m"}]}
    assert on("2025-03-01", prescribed, order(status="stopped")) is False
    assert on("2025-03-01", prescribed, order()) is True


def test_a_dispensed_medicine_is_read_as_any_other() -> None:
    record = fhir.read_record(bundle(PATIENT, {**order(), "resourceType": "MedicationDispense", "status": "completed"}))
    assert [each.drugs[0].drug.label for each in record.medications] == ["clopidogrel"]
    assert record.other == ()


def test_every_type_that_is_not_read_is_counted() -> None:
    kinds = sorted(fhir_types.COUNTED)
    record = fhir.read_record(bundle(PATIENT, *({"resourceType": kind} for kind in kinds)))
    assert {each.kind: each.count for each in record.other} == dict.fromkeys(kinds, 1)


def test_a_medicine_is_found_behind_a_reference() -> None:
    medicine = {"resourceType": "Medication", "id": "med", "code": {"text": "Plavix 75 mg"}}
    plain = {key: value for key, value in order().items() if key != "medicationCodeableConcept"}
    inside = {**plain, "contained": [medicine], "medicationReference": {"reference": "#med"}}
    beside = {**plain, "medicationReference": {"reference": "Medication/med"}}
    mixture = {
        "resourceType": "Medication",
        "id": "mix",
        "ingredient": [{"itemCodeableConcept": {"text": name}} for name in ("paracetamol", "codeine")],
    }
    for resources, names in (
        ((inside,), ["clopidogrel"]),
        ((beside, medicine), ["clopidogrel"]),
        (({**plain, "medicationReference": {"reference": "Medication/mix"}}, mixture), ["acetaminophen", "codeine"]),
        (({**plain, "medicationReference": {"reference": "gone/1", "display": "Zocor"}},), ["simvastatin"]),
    ):
        record = fhir.read_record(bundle(PATIENT, *resources))
        assert [match.drug.label for match in record.medications[0].drugs] == names
        assert not record.quarantined


def test_reasons_and_dose() -> None:
    condition = {
        "resourceType": "Condition", "id": "c", "subject": SUBJECT, "code": {"coding": [{"system": "s", "code": "1"}]},
        "clinicalStatus": {"coding": [{"code": "active"}]}, "onsetAge": {"value": 54, "unit": "a"},
    }  # fmt: skip
    dose = {
        "doseAndRate": [{"doseQuantity": {"value": 75, "unit": "mg"}}],
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
    }
    resource = order(reasonReference=[{"reference": "Condition/c"}], dosageInstruction=[dose])
    record = fhir.read_record(bundle(PATIENT, resource, condition))
    assert record.medications[0].reason == (Coded(system="s", code="1"),)
    assert record.medications[0].dose == "75 mg, 1 × per 1 d"
    assert (record.conditions[0].onset, record.conditions[0].status) == ("54 a", "active")


def test_notes_allergies_family_consent() -> None:
    text = base64.b64encode("Müde & blass".encode()).decode()
    html = base64.b64encode(b"<p>No <b>bleeding</b></p>").decode()

    def document(kind: str, data: str) -> dict[str, Any]:
        attachment = {"contentType": kind, "data": data}
        return {"resourceType": "DocumentReference", "subject": SUBJECT, "content": [{"attachment": attachment}]}

    record = fhir.read_record(
        bundle(
            PATIENT,
            document("text/plain", text),
            document("text/html", html),
            document("application/pdf", text),
            document("text/plain", "§§§"),
            {
                "resourceType": "AllergyIntolerance", "patient": SUBJECT, "code": {"text": "codeine"},
                "clinicalStatus": {"coding": [{"code": "active"}]},
                "verificationStatus": {"coding": [{"code": "refuted"}]},
            },
            {
                "resourceType": "FamilyMemberHistory", "patient": SUBJECT, "deceasedAge": {"value": 60},
                "relationship": {"text": "father"}, "condition": [{"code": {"text": "stroke"}}],
            },
            {"resourceType": "Consent", "patient": SUBJECT, "status": "active", "provision": {"type": "deny"}},
        )
    )  # fmt: skip
    assert [note.text for note in record.notes] == ["Müde & blass", "No bleeding"]
    assert [each.kind for each in record.quarantined] == ["resource", "resource"]
    assert "application/pdf" in record.quarantined[0].reason
    assert record.allergies[0].status == "refuted"
    assert record.family[0].deceased is True
    assert record.family[0].conditions[0].text == "stroke"
    assert record.consents[0].permitted is False


def test_several_people() -> None:
    other = {**PATIENT, "id": "p2", "identifier": [{"value": "B-2"}]}
    theirs = order(subject={"reference": "http://server/fhir/Patient/p2/_history/3"}, id="theirs")
    nobodys = {key: value for key, value in order(id="nobodys").items() if key != "subject"}
    data = bundle(PATIENT, other, order(), theirs, nobodys)
    with pytest.raises(ConflictingInputs, match=r"2 people.*p1, p2"):
        fhir.read_record(data)
    with pytest.raises(ConflictingInputs, match="'p3'"):
        fhir.read_record(data, patient="p3")
    for name in ("p2", "Patient/p2", "B-2"):
        record = fhir.read_record(data, patient=name)
        assert [each.origin.resource for each in record.medications] == ["MedicationRequest/theirs"]
    assert [each.origin.resource for each in record.quarantined] == ["MedicationRequest/nobodys"]
    assert {(each.kind, each.reason) for each in record.other} == {
        ("Patient", "belongs to another patient"),
        ("MedicationRequest", "belongs to another patient"),
    }
    assert [each.demographics.identifier for each in fhir.read_records(data)] == ["p1", "p2"]


def test_a_stranger_s_data_never_enter() -> None:
    record = fhir.read_record(bundle(PATIENT, order(subject={"reference": "Patient/stranger"})))
    assert not record.medications
    assert "stranger" in record.quarantined[0].reason


def test_without_a_patient_resource_the_subject_names_the_person() -> None:
    record = fhir.read_record(json.dumps(order()).encode())
    assert record.demographics.identifier == "p1"
    assert record.medications[0].current is True
    with pytest.raises(ConflictingInputs):
        fhir.read_record(bundle(order(), order(subject={"reference": "Patient/p2"}, id="m2")))


def test_an_exact_repetition_is_read_once() -> None:
    record = fhir.read_record(bundle(PATIENT, order(), order(), PATIENT, {**PATIENT, "birthDate": "1990"}))
    assert len(record.medications) == 1
    assert {(each.kind, each.count) for each in record.other} == {("MedicationRequest", 1), ("Patient", 1)}
    assert [each.kind for each in record.quarantined] == ["resource"]
    assert record.demographics.birth_date == "1967-05-14"
