"""The example patient, read and assessed as a user would, makes a bundle without a problem."""

from __future__ import annotations

from pathlib import Path

from sartor.pipeline import run
from sartor.reporting.fhir import bundle
from sartor.settings import Settings
from sartor.testing.fhir_profiles import check

PATIENT = Path(__file__).resolve().parents[3] / "examples" / "patient"


def test_the_example_patient_makes_a_valid_bundle(tmp_path: Path) -> None:
    settings = Settings(knowledge_home=tmp_path)
    made = bundle(run([PATIENT], settings=settings, now="2026-11-21T10:00:00+00:00"))
    kinds = [entry["resource"]["resourceType"] for entry in made["entry"]]
    assert check(made) == []
    assert {"DiagnosticReport", "Observation", "Task", "MedicationStatement", "Provenance"} <= set(kinds)
