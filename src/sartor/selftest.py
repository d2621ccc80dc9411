"""The shipped clinical cases, run on this machine: an invented person each, and what must be found about them.

The form of a case is described in capabilities/pharmacogenomics/cases/README.md.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.capability import Capability
from sartor.domain.code import LOINC, Coded
from sartor.domain.finding import Finding
from sartor.domain.genome import CalledGenome, GenotypeRecord
from sartor.domain.quantity import Quantity
from sartor.domain.record import Demographics, Medication, Observation, OutsideCall, Record
from sartor.domain.source import Knowledge
from sartor.knowledge import medicines
from sartor.pipeline import conclude

DAY_OF_THE_CASE = "2025-06-01"
_LABORATORY = {"weight_kg": ("29463-7", "kg"), "height_cm": ("8302-2", "cm")}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went; `differences` is empty when everything was found as it must be."""

    capability: str
    id: str
    title: str
    reference: str
    differences: tuple[str, ...]


def cases(capability: Capability) -> dict[str, Mapping[str, Any]]:
    """The cases that a capability ships, by name; empty when it ships none."""
    folder = files(sys.modules[capability.card.package]) / "cases"
    if not folder.is_dir():
        return {}
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".toml"))
    return {name.removesuffix(".toml"): tomllib.loads((folder / name).read_text(encoding="utf-8")) for name in names}


def run_case(capability: Capability, case: Mapping[str, Any]) -> CaseResult:
    """Build the person, run the capability, compare. Raises CapabilityCrashed when it fails."""
    _, reported = conclude(capability, record_of(case.get("record", {})), Knowledge())
    found = {finding.id: finding for finding, _ in reported}
    differences = tuple(
        f"{expected['finding']}: {difference}"
        for expected in case["expect"]
        for difference in compare(found.get(expected["finding"]), expected)
    )
    about = case["case"]
    return CaseResult(capability.card.name, about["id"], about["title"], about["reference"], differences)


def record_of(given: Mapping[str, Any]) -> Record:
    """The invented person of a case."""
    year = int(DAY_OF_THE_CASE[:4])
    person = Demographics(
        sex=given.get("sex", ""),
        birth_date=f"{year - given['age']}-01-01" if "age" in given else "",
        ancestry=tuple(Coded(system="", code=each, label=each) for each in given.get("ancestry", ())),
    )
    return Record(
        demographics=person,
        medications=tuple(
            Medication(text=name, current=True, status="active", drugs=medicines.match((), name))
            for name in given.get("medications", ())
        ),
        observations=tuple(_observations(given)),
        outside_calls=tuple(OutsideCall(**each) for each in given.get("outside_calls", ())),
        genome=_genome(given),
        as_of=DAY_OF_THE_CASE,
    )


def _observations(given: Mapping[str, Any]) -> Iterator[Observation]:
    for name, (code, unit) in _LABORATORY.items():
        if name in given:
            yield Observation(
                code=(Coded(system=LOINC, code=code, label=name),),
                status="final",
                quantity=Quantity(value=given[name], unit=unit),
                time=DAY_OF_THE_CASE,
            )


def _genome(given: Mapping[str, Any]) -> CalledGenome | None:
    variants = {(each["chromosome"], each["position"]): each for each in given.get("variants", ())}
    silent = set(given.get("not_called", ()))
    rows = [_called(*place, each["reference"], each) for place, each in variants.items()]
    for gene in given.get("called_reference", ()):
        for site in definitions()[gene].sites:
            place = (site.chromosome, site.position)
            if place not in variants and f"{site.chromosome}:{site.position}" not in silent:
                rows.append(_called(*place, site.reference, None))
    return CalledGenome.of(rows, sample="case") if rows else None


def _called(chromosome: str, position: int, reference: str, variant: Mapping[str, Any] | None) -> GenotypeRecord:
    genotype = variant["genotype"] if variant else "0/0"
    alleles = tuple(None if each == "." else int(each) for each in genotype.replace("|", "/").split("/"))
    alternates = (variant["alternate"],) if variant else ()
    end = position + len(reference) - 1
    return GenotypeRecord(chromosome, position, reference, alternates, alleles, end, phased="|" in genotype)


_VALUES: Mapping[str, Callable[[Finding], Any]] = {
    "status": lambda found: found.status,
    "action": lambda found: found.action.kind,
    "maximum_dose": lambda found: found.action.maximum_dose,
    "dose_factor": lambda found: list(found.action.dose_factor or ()),
    "strength": lambda found: found.certainty.source_strength,
    "input_quality": lambda found: found.certainty.input_quality,
    "urgency": lambda found: int(found.urgency),
    "lookup": lambda found: found.details.get("lookup"),
}
_SEVERAL: Mapping[str, Callable[[Finding], Any]] = {
    "also": lambda found: found.action.also,
    "alternatives": lambda found: found.action.alternatives,
    "because": lambda found: found.because,
    "conclusion": lambda found: [each.code for each in found.conclusion],
}
_NOT_VALUES = {"finding", "absent", "estimate", "tolerance"}


def compare(found: Finding | None, expected: Mapping[str, Any]) -> Iterator[str]:
    """Every difference between a finding and what a case expects of it, in words."""
    if (found is None) != bool(expected.get("absent")):
        yield "it is missing" if found is None else "it should not be there"
        return
    if found is None:
        return
    if unknown := expected.keys() - _VALUES.keys() - _SEVERAL.keys() - _NOT_VALUES:
        yield f"the case checks {', '.join(sorted(unknown))}, which is no key"
    for name, value in _VALUES.items():
        if name in expected and value(found) != expected[name]:
            yield f"{name} is {value(found)!r}, expected {expected[name]!r}"
    for name, values in _SEVERAL.items():
        if lacking := [each for each in expected.get(name, ()) if each not in values(found)]:
            yield f"{name} lacks {', '.join(lacking)}"
    if "estimate" in expected:
        yield from _compare_estimate(found, expected["estimate"], expected["tolerance"])


def _compare_estimate(found: Finding, wanted: float, tolerance: float) -> Iterator[str]:
    if found.estimate is None:
        yield f"there is no estimate, expected {wanted}"
    elif abs(found.estimate.value - wanted) > tolerance * abs(wanted):
        yield f"the estimate is {found.estimate.value:g}, expected {wanted} within {tolerance:g} of it"
