"""The example plug-in: installs as a stranger's package, is found, runs, and keeps every rule of a capability."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugin"

RECORD = """
from sartor.domain.code import RXNORM, Coded
from sartor.domain.record import Allergy, DrugMatch, Medication, Record

codeine = Coded(system=RXNORM, code="2670", label="codeine")
warfarin = Coded(system=RXNORM, code="11289", label="warfarin")
record = Record(
    medications=tuple(
        Medication(text=drug.label, current=True, drugs=(DrugMatch(drug=drug, by="name", matched=drug.label),))
        for drug in (codeine, warfarin)
    ),
    allergies=(Allergy(code=(codeine.model_copy(update={"label": "Codeine"}),)),),
)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the plug-in was installed into."""
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(PLUGIN)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def run(installed: Path, script: str) -> str:
    paths = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", RECORD + script]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_registry_finds_it(installed: Path) -> None:
    assert "allergy_check" in run(installed, "from sartor import registry; print(*registry.names())").split()


def test_it_keeps_every_rule_of_a_capability(installed: Path) -> None:
    script = """
from sartor import registry
from sartor.testing.conformance import check
[capability] = registry.load(["allergy_check"]).capabilities
print(check(capability, record))
"""
    assert run(installed, script).strip() == "[]"


def test_its_finding_reaches_the_report_in_words(installed: Path) -> None:
    script = """
from sartor import pipeline, registry
from sartor.domain.source import Knowledge
from sartor.settings import Settings
found = registry.load(["allergy_check"])
made = pipeline.assess_record(record, found, Knowledge(), now="2026-11-21T10:00:00+00:00", settings=Settings())
print(made.model_dump_json())
"""
    report = json.loads(run(installed, script))
    [finding] = report["findings"]
    assert finding["finding"]["about"]["label"] == "codeine"
    assert "allergy" in finding["text"]["headline"]
    assert report["actions"] == ["allergy_check/drug/codeine"]
