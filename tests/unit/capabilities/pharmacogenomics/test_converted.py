"""Tests of what a phenotype changed by other medicines, and advice only pointed to, say of themselves."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics import explain
from sartor.domain.finding import ActionKind, InputQuality, Urgency
from sartor.domain.genome import GeneCall

from .people import call, evidence
from .test_lookup import finding


def test_opposing_medicines_lower_the_certainty() -> None:
    facts = evidence(call("CYP2C19", "*1/*1"), medicines=("clopidogrel", "fluconazole", "rifampicin"))
    found = finding(facts, "clopidogrel/cpic/acs-pci")
    assert found.certainty.input_quality is InputQuality.REDUCED
    assert "pharmacogenomics.certainty.converted" in found.certainty.reasons
    assert "pharmacogenomics.phenoconversion.opposing" in found.certainty.reasons


def test_advice_in_the_guideline_alone_is_pointed_to() -> None:
    facts = evidence(call("CYP2D6", "*4/*4"), medicines=("metoprolol",))
    found = finding(facts, "metoprolol/cpic")
    assert found.urgency is Urgency.ROUTINE
    said = explain(facts, found)
    assert said.headline.key == "pharmacogenomics.headline.see-guideline"
    assert said.patient[0].key == "pharmacogenomics.patient.see-guideline-current"


def test_a_gene_that_was_read_without_a_fitting_allele_is_not_called_untested() -> None:
    read = GeneCall(gene="SLCO1B1", status="not-called", notes=("unknown-variation",))
    found = finding(evidence(read, medicines=("simvastatin",)), "simvastatin/cpic")
    assert found.details["reason"] == "gene-read-no-allele-fits"
    assert found.action.kind is ActionKind.TEST_FIRST
