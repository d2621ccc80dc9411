from __future__ import annotations

from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import OutsideCall
from sartor.genomics.star_alleles.outside import merged, outside_gene_call

TABLES = phenotype_tables()


def call(gene, *lines):
    return outside_gene_call(gene, [OutsideCall(gene=gene, **line) for line in lines], TABLES.get(gene))


def test_diplotype():
    found = call("CYP2D6", {"diplotype": "*1/*4"})
    assert (found.status, found.source, found.phenotypes, found.activity_scores) == (
        "called",
        "outside",
        ("Intermediate Metabolizer",),
        (1.0,),
    )


def test_several_lines_are_several_candidates():
    found = call("CYP2D6", {"diplotype": "*1/*1"}, {"diplotype": "*1/*2"})
    assert found.status == "phenotype-certain"
    assert [each.label for each in found.diplotypes] == ["*1/*1", "*1/*2"]


def test_activity_score_alone():
    found = call("CYP2D6", {"activity_score": "1.25"})
    assert found.diplotypes[0].lookup_key == "1.25"
    assert found.phenotypes == ("Normal Metabolizer",)
    assert call("CYP2D6", {"activity_score": ">=3"}).diplotypes[0].lookup_key == "≥3.0"


def test_phenotype_alone_leaves_every_score_of_it_open():
    found = call("CYP2D6", {"phenotype": "intermediate metabolizer"})
    assert found.status == "phenotype-certain"
    assert [each.lookup_key for each in found.diplotypes] == ["0.25", "0.5", "0.75", "1.0"]


def test_uncounted_copies_leave_the_phenotype_open():
    assert call("CYP2D6", {"diplotype": "*4/*1xN"}).phenotypes == ("Normal Metabolizer", "Ultrarapid Metabolizer")
    assert call("CYP2D6", {"diplotype": "*1/*1xN"}).status == "phenotype-certain"


def test_spellings_of_laboratories():
    assert call("G6PD", {"phenotype": "Not available"}).status == "not-called"
    assert call("G6PD", {"phenotype": "A-202A_376G"}).phenotypes == ("Deficient",)
    assert call("CYP2D6", {"diplotype": "*2XN/*17"}).diplotypes[0].label == "*2x2/*17"
    assert call("CYP2D6", {"diplotype": "*1/*36x2+*10"}).diplotypes[0].lookup_key == "1.25"
    assert call("CYP2D6", {"diplotype": "CYP2D6*1/CYP2D6*4"}).phenotypes == ("Intermediate Metabolizer",)


def test_hla():
    assert call("HLA-B", {"diplotype": "*15:02"}).phenotypes == ("*15:02 positive;*57:01 negative;*58:01 negative",)
    assert call("HLA-A", {"phenotype": "*31:01 positive"}).diplotypes[0].lookup_key == "*31:01 positive"


def test_hla_lines_of_one_allele_or_status_belong_together():
    alleles = call("HLA-B", {"diplotype": "*57:01"}, {"diplotype": "*15:02"})
    assert alleles.phenotypes == ("*15:02 positive;*57:01 positive;*58:01 negative",)
    said = call("HLA-B", {"phenotype": "*57:01 negative"}, {"phenotype": "*15:02 positive"})
    assert said.diplotypes[0].lookup_key == "*57:01 negative;*15:02 positive"
    assert said.status == "called"
    pairs = call("HLA-B", {"diplotype": "*57:01/*08:01"}, {"diplotype": "*15:02/*08:01"})
    assert pairs.status == "ambiguous"


def test_one_hla_allele_alone_is_noted():
    assert call("HLA-B", {"diplotype": "*15:02"}).notes == ("outside.one-allele-given",)
    assert call("HLA-B", {"diplotype": "*15:02/*08:01"}).notes == ()


def test_nothing_reported():
    assert call("HLA-B", {"diplotype": "."}).status == "not-called"
    assert call("NAT2", {"diplotype": "./."}).notes == ("outside.nothing-reported",)


def test_own_phenotype_that_differs_is_noted():
    found = call("CYP2C19", {"diplotype": "*1/*2", "phenotype": "Poor Metabolizer"})
    assert found.notes == ("outside.phenotype-differs:Poor Metabolizer",)


def test_outside_wins_and_both_are_shown():
    matched = GeneCall(gene="CYP2C19", status="called", diplotypes=(Diplotype(alleles=("*1", "*1")),), n_positions=35)
    both = merged(call("CYP2C19", {"diplotype": "*1/*2"}), matched)
    assert both.source == "outside"
    assert both.diplotypes[0].label == "*1/*2"
    assert both.notes == ("outside.differs-from-genome:*1/*1",)


def test_empty_outside_call_leaves_the_matched_one():
    matched = GeneCall(gene="NAT2", status="called", diplotypes=(Diplotype(alleles=("*4", "*4")),))
    assert merged(call("NAT2", {"diplotype": "./."}), matched).diplotypes[0].label == "*4/*4"
