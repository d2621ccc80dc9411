"""The example patient is what its script makes, valid FHIR, and complete enough to show everything."""

from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from sartor.domain.record import Record
from sartor.io import fhir
from sartor.io.fhir_strict import problems

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENT = EXAMPLES / "patient"


def test_it_is_what_the_script_makes(tmp_path: Path) -> None:
    pytest.importorskip("pysam")
    subprocess.run([sys.executable, str(EXAMPLES / "make_patient.py"), str(tmp_path)], check=True)
    for name in ("record.json", "outside_calls.tsv"):
        assert (tmp_path / name).read_bytes() == (PATIENT / name).read_bytes()
    made, kept = (gzip.decompress((folder / "genome.vcf.gz").read_bytes()) for folder in (tmp_path, PATIENT))
    assert made == kept


def test_its_record_is_valid_r4() -> None:
    assert problems((PATIENT / "record.json").read_bytes()) == []


def test_its_record_has_every_resource_type_that_is_read() -> None:
    counts = fhir.count_resources(PATIENT / "record.json")
    assert set(counts) >= {
        "Patient", "Condition", "MedicationRequest", "MedicationStatement", "MedicationAdministration", "Observation",
        "AllergyIntolerance", "Procedure", "FamilyMemberHistory", "DocumentReference", "Immunization", "Encounter",
        "Consent",
    }  # fmt: skip
    assert sum(counts.values()) > 300


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in PATIENT.iterdir()) < 1_500_000


def test_every_reference_in_it_leads_somewhere() -> None:
    text = (PATIENT / "record.json").read_text(encoding="utf-8")
    known = {entry["fullUrl"] for entry in json.loads(text)["entry"]}
    used = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert {each for each in used if not each.startswith("#")} <= known


def test_its_record_is_the_same_validated_pickled_and_written() -> None:
    record = fhir.read_record(PATIENT / "record.json")
    content = record.model_dump(exclude={"genome"})
    assert Record.model_validate(content).model_dump(exclude={"genome"}) == content
    assert pickle.loads(pickle.dumps(record)) == record
    for part in ("observations", "encounters", "conditions", "procedures", "immunizations"):
        for each in getattr(record, part):
            again = type(each).model_validate(each.model_dump())
            assert again == each
            assert hash(again) == hash(each)
            assert again.model_dump_json() == each.model_dump_json()
