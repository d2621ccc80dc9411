"""What a laboratory writes decides what is advised: read as meant, or test first; never an all-clear by mistake."""

from __future__ import annotations

import pytest

from sartor.capabilities import pharmacogenomics
from sartor.capabilities.pharmacogenomics.assess.drugs import coded
from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CalledGenome, GenotypeRecord
from sartor.domain.record import DrugMatch, Medication, Record
from sartor.domain.source import Knowledge
from sartor.io import outside_calls


def record(text, drug, genome=None):
    calls, wrong = outside_calls.parse(text.encode())
    taken = Medication(text=drug, current=True, drugs=(DrugMatch(drug=coded(drug), by="name", matched=drug),))
    return Record(outside_calls=calls, quarantined=wrong, medications=(taken,), genome=genome)


def findings(given, drug):
    evidence = pharmacogenomics.gather(given, Knowledge())
    found = pharmacogenomics.assess(evidence, Knowledge())
    return evidence, [each for each in found if each.kind == "drug" and each.about.label == drug]


def actions(text, drug):
    return {each.action.kind.value for each in findings(record(text, drug), drug)[1]}


@pytest.mark.parametrize(
    ("text", "drug", "action"),
    [
        ("HLA-B\t*57:01 positive", "abacavir", "avoid"),
        ("HLA-B\t*5701/*0801", "abacavir", "avoid"),
        ("HLA-B\t*57:01G/*08:01", "abacavir", "avoid"),
        ("HLA-B\t*57:01|*08:01", "abacavir", "avoid"),
        ("HLA-B\t\t*57:01 Positive", "abacavir", "avoid"),
        ("HLA-B\t*57/*08", "abacavir", "test first"),
        ("HLA-B\tB57/B8", "abacavir", "test first"),
        ("HLA-B\t*57:XX/*08:01", "abacavir", "test first"),
        ("HLA-B\tBlank/*08:01", "abacavir", "test first"),
        ("HLA-B\t*07:02/", "abacavir", "test first"),
        ("HLA-B\t*58:01 absent", "abacavir", "test first"),
        ("HLA-B\tno result yet", "abacavir", "test first"),
        ("HLA-B\t*07:02/*08:01", "abacavir", "standard"),
        ("HLA-B\t*57:01 negative", "abacavir", "standard"),
        ("HLA-A\t*31/*02", "carbamazepine", "test first"),
        ("CYP2C9\t*1/*2\tPoor Metabolizer", "phenytoin", "test first"),
        ("CYP2D6\t*4/*4\tNormal Metabolizer\t2", "codeine", "test first"),
        ("CYP2D6\t*1", "codeine", "test first"),
        ("CYP2D6\t*999/*998", "codeine", "test first"),
        ("CYP2D6\tPM", "codeine", "avoid"),
        ("cyp2c19\t*2/*2", "clopidogrel", "avoid"),
        ("MT-RNR1\t1555A>G", "gentamicin", "avoid"),
        ("DPYD\t*2A/*13", "fluorouracil", "avoid"),
        ("DPYD\t*1/*2A", "fluorouracil", "lower dose"),
    ],
)
def test_what_is_advised(text, drug, action):
    assert actions(text, drug) == {action}


def test_every_doubt_is_named_with_its_line():
    evidence, found = findings(record("CYP2D6\t*4/*4\tNormal Metabolizer", "codeine"), "codeine")
    assert found[0].certainty.input_quality.value == "reduced"
    assert "pharmacogenomics.certainty.outside-phenotype-differs" in found[0].certainty.reasons
    assert any("line 1" in each.reason and "contradicts" in each.reason for each in evidence.missing)
    said = [wording.key for wording in pharmacogenomics.explain(evidence, found[0]).limits]
    assert "pharmacogenomics.certainty.outside-phenotype-differs" in said


def carrier(rsid, gene):
    """Every site of the gene called reference, but for one that is variant on both copies."""
    return CalledGenome.of(
        [
            GenotypeRecord(
                chromosome=site.chromosome,
                position=site.position,
                reference=site.reference,
                alternates=site.alternates,
                alleles=(1, 1) if site.rsid == rsid else (0, 0),
                end=site.end,
            )
            for site in definitions()[gene].sites
        ],
        sample="S1",
    )


def test_a_genome_against_the_laboratory_asks_for_a_test():
    genome = carrier("rs4149056", "SLCO1B1")
    evidence, found = findings(record("SLCO1B1\t*1/*1", "simvastatin", genome), "simvastatin")
    assert {each.action.kind.value for each in found} == {"test first"}
    assert any("does not agree with the genome file" in each.reason for each in evidence.missing)
    agreeing = findings(record("SLCO1B1\t*5/*5", "simvastatin", genome), "simvastatin")[1]
    assert "test first" not in {each.action.kind.value for each in agreeing}
