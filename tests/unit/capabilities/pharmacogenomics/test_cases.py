"""Every shipped clinical case, run as `sartor selftest` runs it."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from sartor.capabilities.pharmacogenomics import assess, gather
from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.code import LOINC, Coded
from sartor.domain.finding import Finding
from sartor.domain.genome import CalledGenome, GenotypeRecord
from sartor.domain.quantity import Quantity
from sartor.domain.record import Demographics, Medication, Observation, OutsideCall, Record
from sartor.domain.source import Knowledge
from sartor.knowledge import medicines

MEASURED = {"weight_kg": ("29463-7", "kg"), "height_cm": ("8302-2", "cm")}
FOLDER = files("sartor.capabilities.pharmacogenomics") / "cases"
CASES = {
    path.name.removesuffix(".toml"): tomllib.loads(path.read_text(encoding="utf-8"))
    for path in FOLDER.iterdir()
    if path.name.endswith(".toml")
}


def genome(record: dict[str, Any]) -> CalledGenome | None:
    given = {(each["chromosome"], each["position"]): each for each in record.get("variants", ())}
    silent = set(record.get("not_called", ()))
    rows = [called(each["chromosome"], each["position"], each["reference"], each) for each in given.values()]
    for gene in record.get("called_reference", ()):
        for site in definitions()[gene].sites:
            place = (site.chromosome, site.position)
            if place not in given and f"{site.chromosome}:{site.position}" not in silent:
                rows.append(called(*place, site.reference, None))
    return CalledGenome.of(rows, sample="case") if rows else None


def called(chromosome: str, position: int, reference: str, variant: dict[str, Any] | None) -> GenotypeRecord:
    genotype = variant["genotype"] if variant else "0/0"
    alleles = tuple(None if each == "." else int(each) for each in genotype.replace("|", "/").split("/"))
    alternates = (variant["alternate"],) if variant else ()
    end = position + len(reference) - 1
    return GenotypeRecord(chromosome, position, reference, alternates, alleles, end, phased="|" in genotype)


def record_of(given: dict[str, Any]) -> Record:
    taken = []
    for name in given.get("medications", ()):
        taken.append(Medication(text=name, current=True, status="active", drugs=medicines.match((), name)))
    person = Demographics(
        sex=given.get("sex", ""),
        birth_date=f"{2025 - given['age']}-01-01" if "age" in given else "",
        ancestry=tuple(Coded(system="", code=each, label=each) for each in given.get("ancestry", ())),
    )
    measured = tuple(
        Observation(
            code=(Coded(system=LOINC, code=code),),
            quantity=Quantity(value=given[name], unit=unit),
            status="final",
            time="2025-05-31",
        )
        for name, (code, unit) in MEASURED.items()
        if name in given
    )
    return Record(
        demographics=person,
        observations=measured,
        medications=tuple(taken),
        outside_calls=tuple(OutsideCall(**each) for each in given.get("outside_calls", ())),
        genome=genome(given),
        as_of="2025-06-01",
    )


def differences(found: Finding | None, expected: dict[str, Any]) -> Iterator[str]:
    if expected.get("absent"):
        if found is not None:
            yield "it is there"
        return
    if found is None:
        yield "it is not there"
        return
    values = {
        "status": found.status, "action": found.action.kind, "maximum_dose": found.action.maximum_dose,
        "strength": found.certainty.source_strength, "input_quality": found.certainty.input_quality,
        "urgency": int(found.urgency), "lookup": found.details.get("lookup"),
        "dose_factor": list(found.action.dose_factor or ()),
    }  # fmt: skip
    several = {
        "also": found.action.also, "alternatives": found.action.alternatives, "because": found.because,
        "conclusion": [each.code for each in found.conclusion],
    }  # fmt: skip
    if "estimate" in expected:
        value = found.estimate.value if found.estimate else None
        if value != pytest.approx(expected["estimate"], rel=expected["tolerance"]):
            yield f"the estimate is {value}, not {expected['estimate']}"
    for name, wanted in expected.items():
        if name in values and values[name] != wanted:
            yield f"{name} is {values[name]!r}, not {wanted!r}"
        if name in several and not set(wanted) <= set(several[name]):
            yield f"{name} is {list(several[name])}, which lacks some of {wanted}"


def test_there_are_a_dozen_cases() -> None:
    assert len(CASES) >= 12


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str) -> None:
    case = CASES[name]
    assert case["case"]["id"] == name
    assert case["case"]["title"]
    assert case["case"]["reference"]
    evidence = gather(record_of(case.get("record", {})), Knowledge())
    found = {each.id: each for each in assess(evidence, Knowledge())}
    problems = [
        f"{expected['finding']}: {problem}"
        for expected in case["expect"]
        for problem in differences(found.get(expected["finding"]), expected)
    ]
    assert not problems, "\n".join(problems)
