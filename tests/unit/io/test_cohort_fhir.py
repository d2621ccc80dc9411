"""FHIR resources become one row per patient, by what each column is defined to be, before or after the index."""

import json

import pytest

from sartor.errors import ConfigInvalid, MalformedInput
from sartor.io.cohort_table import read_cohort

EXTENSION = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


def resources(identifier, born, gender, pressures, diagnosed=None):
    subject = {"reference": f"urn:uuid:{identifier}"}
    yield {
        "resourceType": "Patient", "id": identifier, "gender": gender, "birthDate": born,
        "extension": [{"url": EXTENSION, "extension": [{"url": "text", "valueString": "Asian"}]}],
    }  # fmt: skip
    for day, value, unit in pressures:
        panel = [{"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                  "valueQuantity": {"value": value, "unit": unit, "code": unit}}]  # fmt: skip
        yield {
            "resourceType": "Observation", "status": "final", "subject": subject,
            "effectiveDateTime": f"{day}T08:00:00Z",
            "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}, "component": panel,
        }  # fmt: skip
    if diagnosed:
        yield {
            "resourceType": "Condition", "subject": subject, "onsetDateTime": diagnosed,
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
        }  # fmt: skip


PEOPLE = [
    ("a", "1950-06-01", "female",
     [("2019-01-01", 120, "mm[Hg]"), ("2020-01-01", 140, "mm[Hg]"), ("2021-01-01", 170, "mm[Hg]")], "2018-03-01"),
    ("b", "1980", "male", [("2020-02-01", 18.5, "kPa")], "2021-02-01"),
    ("c", "2000-01-01", "", [], None),
]  # fmt: skip
COLUMNS = {
    "age": {"resource": "Patient", "value": "age"},
    "gender": {"resource": "Patient", "value": "gender"},
    "race": {"resource": "Patient", "value": "race"},
    "sbp": {"resource": "Observation", "code": "8480-6", "value": "latest", "unit": "mm[Hg]"},
    "highest": {"resource": "Observation", "code": ["8480-6"], "value": "max", "unit": "kPa", "when": "ever"},
    "n": {"resource": "Observation", "code": "8480-6", "value": "count"},
    "diabetes": {"resource": "Condition", "code": "44054006", "value": "present"},
    "later": {"resource": "Condition", "code": "44054006", "value": "days", "when": "after"},
}


def labels(cohort):
    return {column.name: column.labels() for column in cohort.columns}


@pytest.fixture(params=["bundles", "lines", "by type"])
def folder(request, tmp_path):
    everything = [list(resources(*each)) for each in PEOPLE]
    if request.param == "bundles":
        for number, found in enumerate(everything):
            bundle = {"resourceType": "Bundle", "entry": [{"resource": each} for each in found]}
            (tmp_path / f"{number}.json").write_text(json.dumps(bundle, indent=1))
    else:
        for found in everything:
            for each in found:
                name = "all" if request.param == "lines" else each["resourceType"]
                with (tmp_path / f"{name}.ndjson").open("a") as file:
                    file.write(json.dumps(each) + "\n")
    return tmp_path


def test_every_form_gives_the_same_rows(folder):
    cohort = read_cohort(folder, definitions=COLUMNS, index={"date": "2020-06-01"})
    assert labels(cohort) == {
        "patient": ["a", "b", "c"],
        "age": ["70", "40", "20"],
        "gender": ["female", "male", ""],
        "race": ["Asian"] * 3,
        "sbp": ["140", "138.76138", ""],
        "highest": ["22.664808", "18.5", ""],
        "n": ["2", "1", "0"],
        "diabetes": ["1", "0", "0"],
        "later": ["", "245", ""],
    }
    assert cohort.column("sbp").unit == "mm[Hg]"


def write(folder, *content):
    (folder / "x.ndjson").write_text("\n".join(json.dumps(each) for each in content))
    return folder / "x.ndjson"


def observed(code, value, unit, identifier="a"):
    return {
        "resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/{identifier}"},
        "effectiveDateTime": "2020-01-01", "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
    }  # fmt: skip


def test_amounts_are_converted_by_molar_mass_and_what_cannot_be_is_listed(tmp_path):
    people = [{"resourceType": "Patient", "id": each} for each in "abc"]
    creatinine = [observed("2160-0", 1.0, "mg/dL"), observed("14682-9", 88.4, "umol/L", "b")]
    path = write(tmp_path, *people, *creatinine, observed("2160-0", 7, "mm[Hg]", "c"))
    definition = {"resource": "Observation", "code": ["2160-0", "14682-9"], "unit": "mg/dL", "when": "ever"}
    cohort = read_cohort(path, definitions={"creatinine": definition})
    assert cohort.column("creatinine").values[:2].tolist() == pytest.approx([1.0, 1.0], abs=0.001)
    assert cohort.column("creatinine").missing.tolist() == [False, False, True]
    assert any("unit mm[Hg] where mg/dL is asked" in each.reason for each in cohort.quarantined)


def test_units_are_never_mixed_in_silence(tmp_path):
    people = [{"resourceType": "Patient", "id": each} for each in "ab"]
    path = write(tmp_path, *people, observed("8480-6", 120, "mm[Hg]"), observed("8480-6", 16, "kPa", "b"))
    with pytest.raises(ConfigInvalid, match=r"columns\.sbp: values in kPa, mm\[Hg\]"):
        read_cohort(path, definitions={"sbp": {"resource": "Observation", "code": "8480-6", "when": "ever"}})


def test_medications_are_followed_wherever_they_stand(tmp_path):
    concept = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6809"}]}
    request = {"resourceType": "MedicationRequest", "status": "active", "authoredOn": "2020-01-01"}
    path = write(
        tmp_path,
        *({"resourceType": "Patient", "id": each} for each in "abcd"),
        {**request, "subject": {"reference": "Patient/a"}, "medicationReference": {"reference": "Medication/m"}},
        {**request, "subject": {"reference": "Patient/b"}, "medicationReference": {"reference": "#in"},
         "contained": [{"resourceType": "Medication", "id": "in", "code": concept}]},
        {**request, "subject": {"reference": "Patient/c"}, "medicationCodeableConcept": concept},
        {**request, "subject": {"reference": "Patient/d"}, "medicationReference": {"reference": "Medication/no"}},
        {"resourceType": "Medication", "id": "m", "code": concept},
    )  # fmt: skip
    wanted = {"resource": "MedicationRequest", "code": "6809", "value": "present", "when": "ever"}
    cohort = read_cohort(path, definitions={"metformin": wanted})
    assert labels(cohort)["metformin"] == ["1", "1", "1", "0"]
    assert any("Medication/no is not in the data" in each.reason for each in cohort.quarantined)


def test_the_index_may_be_an_event_and_who_has_none_is_left_out(folder):
    cohort = read_cohort(folder, definitions=COLUMNS, index={"resource": "Condition", "code": "44054006"})
    assert labels(cohort)["patient"] == ["a", "b"]
    assert labels(cohort)["n"] == ["0", "1"]


def test_a_broken_line_is_quarantined_with_its_number(tmp_path):
    lines = [json.dumps(each) for each in resources(*PEOPLE[0])]
    (tmp_path / "x.ndjson").write_text("\n".join([lines[0], '{"resourceType": "Obs', *lines[1:]]))
    cohort = read_cohort(tmp_path / "x.ndjson", definitions=COLUMNS)
    assert len(cohort) == 1
    assert cohort.quarantined[0].origin.line == 2


def test_faults_of_definitions_are_told_together(tmp_path):
    (tmp_path / "x.ndjson").write_text("{}")
    with pytest.raises(ConfigInvalid, match=r"columns\.a\.value.*columns\.b: no code"):
        read_cohort(
            tmp_path,
            definitions={"a": {"resource": "Condition", "code": "1", "value": "odd"}, "b": {"resource": "Condition"}},
        )


def test_no_patients_are_an_error(tmp_path):
    (tmp_path / "x.json").write_text('{"resourceType": "Bundle", "entry": []}')
    with pytest.raises(MalformedInput, match="no Patient"):
        read_cohort(tmp_path, definitions=COLUMNS)
