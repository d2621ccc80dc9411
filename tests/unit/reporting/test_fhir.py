"""The FHIR form of a report: valid by two checkers for any report, and saying what the report says."""

from __future__ import annotations

from typing import Any

import pytest
import report_sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sartor.domain.code import HGNC, RXNORM, SARTOR, Coded
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import (
    Action,
    ActionKind,
    Certainty,
    Estimate,
    Finding,
    InputQuality,
    SourceStrength,
    Status,
    Urgency,
)
from sartor.domain.genome import CallState, Diplotype, GeneCall, PositionCall
from sartor.domain.provenance import InputFile, Provenance
from sartor.domain.record import Demographics, DrugMatch, Medication
from sartor.domain.report import FailedSection, NotTested, Patient, Report, ReportedFinding, Text
from sartor.domain.source import Citation
from sartor.reporting.fhir import bundle
from sartor.testing.fhir_profiles import check

PROFILE = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/"

words = st.text(max_size=12)
names = st.sampled_from(["clopidogrel", "codeine", "warfarin", " odd\tname\x0b ", "ß/ü"])
symbols = st.sampled_from(["CYP2C19", "CYP2D6", "HLA-B", "MT-RNR1", "NOGENE1"])
numbers = st.floats(0, 1e6, allow_nan=False)
dates = st.sampled_from(
    ["", "1970", "1970-05", "1970-05-31", "1970-13", "sometime", "0000", "2020-02-30", "1970-05-31T10:00:00Z"]
)
alleles = st.sampled_from(["*1", "*2", "*36+*10", "Reference", "rs9923231 variant (T)", "", " "])
diplotypes = st.builds(
    Diplotype,
    alleles=st.lists(alleles, min_size=1, max_size=2).map(tuple),
    probability=st.none() | st.floats(0, 1),
)
positions = st.builds(
    PositionCall,
    chromosome=st.sampled_from(["chr1", "chr10", "chrX", "chrM", "chrUn"]),
    position=st.integers(1, 10**8),
    rsid=st.sampled_from(["", "rs4244285"]),
    reference=st.sampled_from(["", "A", "CTT", "<NON_REF>"]),
    genotype=st.sampled_from(["", "A/G", "A|A", "G", "./.", "G/G", "C/*", "CTT/C", "<DEL>/A", "A/a"]),
    state=st.sampled_from(CallState),
    concern=words,
)
calls = st.builds(
    GeneCall,
    gene=symbols,
    status=st.sampled_from(["called", "ambiguous", "phenotype-certain", "not-called", "not-tested"]),
    source=st.sampled_from(["matched", "outside"]),
    diplotypes=st.lists(diplotypes, max_size=3).map(tuple),
    phenotypes=st.lists(st.sampled_from(["Poor Metabolizer", "Indeterminate", " "]), max_size=2).map(tuple),
    activity_scores=st.lists(st.none() | numbers, max_size=2).map(tuple),
    haplotypes=st.lists(alleles, max_size=2).map(tuple),
    n_positions=st.integers(0, 50),
    n_missing=st.integers(0, 50),
    positions=st.lists(positions, max_size=3).map(tuple),
    notes=st.lists(words, max_size=2).map(tuple),
)
coded = st.builds(Coded, system=st.sampled_from([RXNORM, SARTOR, "", "not a uri"]), code=words, label=words)
citations = st.builds(
    Citation, id=words, title=words, date=dates, pmid=st.sampled_from(["", "35034351"]), doi=words, url=words
)
texts = st.builds(
    Text,
    headline=words,
    clinician=st.lists(words, max_size=2).map(tuple),
    limits=st.lists(words, max_size=2).map(tuple),
)
actions = st.builds(
    Action,
    kind=st.sampled_from(ActionKind),
    also=st.lists(st.sampled_from(ActionKind), max_size=2).map(tuple),
    dose_factor=st.none() | st.tuples(numbers, numbers),
    maximum_dose=words,
    alternatives=st.lists(words, max_size=2).map(tuple),
)
estimates = st.builds(
    Estimate, name=words, value=numbers, unit=st.sampled_from(["", "mg/wk"]), low=st.none() | numbers, high=numbers
)


@st.composite
def findings(draw: st.DrawFn, number: int) -> ReportedFinding:
    if draw(st.booleans()):
        call = draw(calls)
        kind, about = "gene", Coded(system=HGNC, code=call.gene, label=call.gene)
        details: dict[str, Any] = {"gene_call": call.model_dump(mode="json")}
    else:
        kind, about = "drug", Coded(system=RXNORM, code="1", label=draw(names))
        details = {"lookup": dict.fromkeys(draw(st.lists(symbols, max_size=2)), "key")}
    finding = Finding(
        id=f"p/{kind}/{number}",
        capability="pharmacogenomics",
        kind=kind,
        about=about,
        context=draw(st.lists(coded, max_size=1).map(tuple)),
        status=draw(st.sampled_from(Status)),
        conclusion=draw(st.lists(coded, max_size=2).map(tuple)),
        estimate=draw(st.none() | estimates),
        certainty=Certainty(
            source_strength=draw(st.sampled_from(SourceStrength)), input_quality=draw(st.sampled_from(InputQuality))
        ),
        urgency=draw(st.sampled_from(Urgency)),
        action=draw(actions),
        because=draw(
            st.lists(st.sampled_from(["gene.CYP2C19.call", "medication.x", "gene.a.b.c"]), max_size=2).map(tuple)
        ),
        citations=draw(st.lists(citations, max_size=2).map(tuple)),
        details=details,
    )
    explanation = Explanation(finding=finding.id, headline=Wording(key="x.y.z"))
    return ReportedFinding(finding=finding, explanation=explanation, text=draw(texts), rank=number)


medications = st.builds(
    Medication,
    code=st.lists(coded, max_size=2).map(tuple),
    text=words,
    current=st.none() | st.booleans(),
    start=dates,
    end=dates,
    dose=words,
    drugs=st.lists(
        st.builds(
            DrugMatch, drug=names.map(lambda each: Coded(system=RXNORM, code="1", label=each)), by=words, matched=words
        ),
        max_size=2,
    ).map(tuple),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    found = tuple(draw(findings(number)) for number in range(draw(st.integers(0, 5))))
    person = Demographics(
        identifier=draw(words), name=draw(words), birth_date=draw(dates), sex=draw(st.sampled_from(["male", "", "x"]))
    )
    failed = st.builds(FailedSection, capability=words, slug=words, reason=words)
    return Report(
        patient=Patient(
            demographics=person, sample=draw(words), medications=tuple(draw(st.lists(medications, max_size=2)))
        ),
        actions=tuple(each.finding.id for each in found[:2]),
        findings=found,
        not_tested=tuple(draw(st.lists(st.builds(NotTested, subject=words, reason=words), max_size=2))),
        failed=tuple(draw(st.lists(failed, max_size=1))),
        provenance=Provenance(
            sartor_version=draw(words),
            created=draw(st.sampled_from(["2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00Z", "yesterday", ""])),
            inputs=(InputFile(path=draw(words), kind="vcf", size=1, sha256=draw(words)),),
        ),
    )


@given(reports())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_report_makes_a_valid_bundle(report: Report) -> None:
    assert check(bundle(report)) == []


@pytest.fixture(scope="module")
def wide() -> dict[str, Any]:
    return bundle(report_sample.report())


def resources(made: dict[str, Any], kind: str, profile: str = "") -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind]
    return [each for each in found if not profile or each.get("meta", {}).get("profile") == [PROFILE + profile]]


def component(resource: dict[str, Any], code: str) -> dict[str, Any]:
    return next(each for each in resource["component"] if each["code"].get("coding", [{}])[0].get("code") == code)


def about_gene(found: list[dict[str, Any]], symbol: str) -> list[dict[str, Any]]:
    return [each for each in found if component(each, "48018-6")["valueCodeableConcept"]["text"] == symbol]


def test_a_wide_report_is_valid_and_every_reference_leads_somewhere(wide: dict[str, Any]) -> None:
    assert check(wide) == []
    known = {entry["fullUrl"] for entry in wide["entry"]}
    assert len(known) == len(wide["entry"])

    def references(value: Any) -> Any:
        if isinstance(value, dict):
            if "reference" in value:
                yield value["reference"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    assert set(references(wide)) <= known


def test_the_same_report_makes_the_same_bundle(wide: dict[str, Any]) -> None:
    assert bundle(report_sample.report()) == wide


def test_a_called_gene_has_its_diplotype_and_its_haplotype(wide: dict[str, Any]) -> None:
    [genotype] = about_gene(resources(wide, "Observation", "genotype"), "CYP2C19")
    assert genotype["valueCodeableConcept"]["text"] == "CYP2C19 *2/*2"
    [haplotype] = about_gene(resources(wide, "Observation", "haplotype"), "CYP2C19")
    assert {"reference": f"urn:uuid:{haplotype['id']}"} in genotype["derivedFrom"]
    assert component(genotype, "phenotype")["valueCodeableConcept"]["coding"][0]["code"] == "LA9657-3"


def test_a_gene_that_was_not_tested_is_absent_with_a_reason_and_never_reference(wide: dict[str, Any]) -> None:
    [genotype] = about_gene(resources(wide, "Observation", "genotype"), "HLA-B")
    assert genotype["valueCodeableConcept"]["extension"][0]["valueCode"] == "not-performed"
    assert "coding" not in genotype["valueCodeableConcept"]
    [analysis] = resources(wide, "Procedure", "genomic-study-analysis")
    regions = analysis["extension"][1]["extension"]
    uncalled = {each["valueCodeableConcept"]["text"] for each in regions if each["url"] == "uncalled"}
    assert {"HLA-A", "HLA-B", "MT-RNR1", "UGT2B15"} <= uncalled


def test_several_candidates_are_all_named_and_no_haplotype_is_claimed_that_is_not_certain(wide: dict[str, Any]) -> None:
    [genotype] = about_gene(resources(wide, "Observation", "genotype"), "CYP2B6")
    assert all(each in genotype["valueCodeableConcept"]["text"] for each in ("*1/*6", "*1/*9", "*4/*9"))
    assert about_gene(resources(wide, "Observation", "haplotype"), "CYP2B6") == []


def test_an_action_is_a_task_about_the_medicine_that_is_taken(wide: dict[str, Any]) -> None:
    tasks = resources(wide, "Task", "medication-recommendation")
    task = next(each for each in tasks if each["description"].startswith("Clopidogrel"))
    assert task["code"]["coding"][0]["code"] == "LA26421-0"
    statement = next(
        each for each in resources(wide, "MedicationStatement") if task["focus"]["reference"].endswith(each["id"])
    )
    assert "Plavix" in statement["medicationCodeableConcept"]["text"]
    [whole] = resources(wide, "DiagnosticReport", "genomic-report")
    assert whole["extension"][0]["valueReference"]["reference"].endswith(task["id"])


def test_a_failed_section_makes_the_report_partial() -> None:
    report = report_sample.report().model_copy(
        update={"failed": (FailedSection(capability="x", slug="capability-crashed", reason="why"),)}
    )
    [whole] = resources(bundle(report), "DiagnosticReport")
    assert whole["status"] == "partial"


def test_the_phenotype_under_todays_medicines_is_told_with_the_medicine_that_changes_it() -> None:
    report = report_sample.report()
    place = next(i for i, each in enumerate(report.findings) if each.finding.id.endswith("/gene/CYP2D6"))
    reported = report.findings[place]
    today = {
        "gene": "CYP2D6",
        "changed": True,
        "phenotypes": ["Poor Metabolizer"],
        "causes": [{"drug": {"system": RXNORM, "code": "32937", "label": "paroxetine"}}],
    }
    finding = reported.finding.model_copy(update={"details": {**reported.finding.details, "phenotype_today": today}})
    changed = reported.model_copy(update={"finding": finding})
    findings = (*report.findings[:place], changed, *report.findings[place + 1 :])
    made = bundle(report.model_copy(update={"findings": findings}))
    assert check(made) == []
    [genotype] = about_gene(resources(made, "Observation", "genotype"), "CYP2D6")
    assert component(genotype, "phenotype-today")["valueCodeableConcept"]["coding"][0]["code"] == "LA9657-3"
    assert component(genotype, "phenotype-changed-by")["valueCodeableConcept"]["text"] == "paroxetine"
