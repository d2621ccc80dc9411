from __future__ import annotations

import pytest

from sartor.capabilities.pharmacogenomics.gather import gather
from sartor.capabilities.pharmacogenomics.gather.entries import slug
from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.code import LOINC, RXNORM, SNOMED_CT, Coded
from sartor.domain.genome import CalledGenome, GeneCall, GenotypeRecord
from sartor.domain.quantity import Quantity
from sartor.domain.record import (
    Condition,
    Demographics,
    DrugMatch,
    Medication,
    Observation,
    OutsideCall,
    Record,
)
from sartor.domain.source import Knowledge

CLOPIDOGREL = Coded(system=RXNORM, code="32968", label="clopidogrel")
RACE = Coded(system="urn:oid:2.16.840.1.113883.6.238", code="2106-3", label="White")


def evidence(**given):
    return gather(Record(**given), Knowledge())


def call_of(found, gene):
    return GeneCall.model_validate(found.get(f"gene.{gene}.call").value)


def genome(gene, changes=None, leave_out=()):
    """Every site of the gene called reference, unphased, but for the genotypes given by rsid."""
    records = [
        GenotypeRecord(
            chromosome=site.chromosome,
            position=site.position,
            reference=site.reference,
            alternates=site.alternates,
            alleles=(changes or {}).get(site.rsid, (0, 0)),
            end=site.end,
            file="sample.vcf",
            line=number,
        )
        for number, site in enumerate(definitions()[gene].sites, start=1)
        if site.rsid not in leave_out
    ]
    return CalledGenome.of(records, sample="S1")


def test_every_gene_has_a_fact_and_every_absence_a_reason():
    found = evidence()
    assert {f"gene.{gene}.call" for gene in (*definitions(), "CYP2D6", "HLA-A", "HLA-B", "MT-RNR1")} <= {
        fact.name for fact in found.facts
    }
    assert {each.name for each in found.missing} >= {"gene.CYP2C19.call", "person.age", "person.weight", "medication"}
    assert all(each.reason and each.remedy for each in found.missing)


def test_gene_is_called_from_the_genome():
    found = evidence(genome=genome("CYP2C19", {"rs4244285": (0, 1), "rs12769205": (0, 1), "rs3758581": (1, 1)}))
    call = call_of(found, "CYP2C19")
    assert (call.status, call.diplotypes[0].label) == ("called", "*1/*2")
    assert call.phenotypes == ("Intermediate Metabolizer",)
    assert len(call.positions) == len(definitions()["CYP2C19"].sites)
    assert found.get("gene.CYP2C19.call").drawn_from[0].file == "sample.vcf"
    assert call_of(found, "TPMT").status == "not-tested"


def test_missing_position_is_not_taken_for_reference():
    found = evidence(
        genome=genome("CYP2C19", {"rs3758581": (1, 1)}, leave_out=("rs12248560",)),
        demographics=Demographics(ancestry=(RACE,)),
    )
    call = call_of(found, "CYP2C19")
    assert call.status == "ambiguous"
    assert {"*1/*1", "*1/*17", "*17/*17"} <= {each.label for each in call.diplotypes}
    assert call.input_quality == "inferred"
    assert "EUR" in call.diplotypes[0].prior
    assert sum(call.phenotype_probabilities) == pytest.approx(1, abs=1e-4)
    assert any(each.name == "gene.CYP2C19.positions" for each in found.missing)


def test_sequence_is_not_read_for_copy_number_genes_but_outside_calls_are_taken():
    found = evidence(outside_calls=(OutsideCall(gene="CYP2D6", diplotype="*1/*4"),))
    assert call_of(found, "CYP2D6").source == "outside"
    assert "gene.CYP2D6.call" not in {each.name for each in found.missing}


def test_medicines_of_one_drug_get_names_of_their_own():
    taken = Medication(text="Plavix", drugs=(DrugMatch(drug=CLOPIDOGREL, by="brand", matched="Plavix"),), current=True)
    found = evidence(medications=(taken, taken, Medication(text="Unknown Herb 5")))
    assert [each.name for each in found.of_kind("medication")] == [
        "medication.clopidogrel",
        "medication.clopidogrel.2",
        "medication.unknown-herb-5",
    ]


def test_variants_of_a_gene_that_no_file_can_tell_are_said_and_not_read():
    found = evidence(genome=genome("CYP2D6", {"rs3892097": (1, 1)}))
    call = call_of(found, "CYP2D6")
    assert (call.status, call.diplotypes) == ("not-tested", ())
    assert any(note.startswith("present-not-interpreted:") and note.endswith(":1") for note in call.notes)
    reason = next(each.reason for each in found.missing if each.name == "gene.CYP2D6.call")
    assert "rs3892097 T/T" in reason
    assert evidence(genome=genome("CYP2D6")).missing != found.missing


@pytest.mark.parametrize(("alleles", "said"), [((1,), True), ((1, 1), True), ((0,), False)])
def test_a_variant_of_mitochondrial_rna_is_said(alleles, said):
    record = GenotypeRecord("chrM", 1555, "A", ("G",), alleles, 1555)
    found = evidence(genome=CalledGenome.of([record], sample="S"))
    reason = next(each.reason for each in found.missing if each.name == "gene.MT-RNR1.call")
    assert ("m.1555A>G" in reason) is said
    assert call_of(found, "MT-RNR1").status == "not-tested"


def test_refuted_and_resolved_conditions_are_left_out():
    code = (Coded(system=SNOMED_CT, code="1", label="Gout"),)
    found = evidence(
        conditions=(
            Condition(code=code, status="active"),
            Condition(code=code, verification="refuted"),
            Condition(code=code, status="resolved"),
        )
    )
    assert [each.name for each in found.of_kind("condition")] == ["condition.gout"]


def weight(value, unit, time):
    return Observation(
        code=(Coded(system=LOINC, code="29463-7"),), quantity=Quantity(value=value, unit=unit), time=time
    )


def test_latest_believable_weight_in_kilograms():
    found = evidence(
        observations=(weight(80, "kg", "2020"), weight(100, "[lb_av]", "2023"), weight(9000, "kg", "2024"))
    )
    assert found.get("person.weight").value == pytest.approx(45.3592)
    assert found.get("person.weight").unit == "kg"


@pytest.mark.parametrize(("code", "smokes"), [("449868002", True), ("266919005", False)])
def test_smoking_status(code, smokes):
    status = Observation(
        code=(Coded(system=LOINC, code="72166-2"),), coded_value=(Coded(system=SNOMED_CT, code=code),), time="2024"
    )
    assert evidence(observations=(status,)).get("person.smoking").value is smokes


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        ("1970-05-02", "2024-05-01", 53),
        ("1970-05-02", "2024-05-02", 54),
        ("1970", "2024-01-01", None),
        ("", "2024-01-01", None),
        ("2030-01-01", "2024-01-01", None),
    ],
)
def test_age_is_a_fact_only_when_certain(born, today, years):
    found = evidence(demographics=Demographics(birth_date=born), as_of=today).get("person.age")
    assert (found.value if found else None) == years


def test_age_is_counted_to_the_date_of_the_record():
    person = Demographics(birth_date="1970-05-02")
    assert evidence(demographics=person, as_of="2026-06-01").get("person.age").value == 56
    assert evidence(demographics=person, observations=(weight(80, "kg", "2020-01-01"),)).get("person.age").value == 49


def test_slug():
    assert slug("Amoxicillin / Clavulanate (oral)") == "amoxicillin-clavulanate-oral"
