from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert call("G6PD", {"phenotype": "A-202A_376G/A- 202A_376G"}).phenotypes == ("Deficient",)
    assert call("CYP2D6", {"diplotype": "*2XN/*17"}).diplotypes[0].label == "*2x2/*17"
    assert call("CYP2D6", {"diplotype": "*1/*36x2+*10"}).diplotypes[0].lookup_key == "1.25"
    assert call("CYP2D6", {"diplotype": "CYP2D6*1/CYP2D6*4"}).phenotypes == ("Intermediate Metabolizer",)


def statuses(found, allele):
    """Every status that the candidates leave possible for one allele."""
    return {
        part.partition(" ")[2]
        for each in found.diplotypes
        for part in each.lookup_key.split(";")
        if part.startswith(allele)
    }


def test_hla():
    typed = call("HLA-B", {"diplotype": "*15:02/*08:01"})
    assert (typed.status, typed.input_quality, typed.notes) == ("called", "good", ())
    assert typed.phenotypes == ("*15:02 positive;*57:01 negative;*58:01 negative",)
    assert call("HLA-A", {"phenotype": "*31:01 positive"}).diplotypes[0].lookup_key == "*31:01 positive"
    assert statuses(call("HLA-B", {"diplotype": "*57:01/*58:01"}), "*58:01") == {"positive"}


def test_hla_lines_of_one_allele_or_status_belong_together():
    alleles = call("HLA-B", {"diplotype": "*57:01"}, {"diplotype": "*15:02"})
    assert alleles.phenotypes == ("*15:02 positive;*57:01 positive;*58:01 negative",)
    said = call("HLA-B", {"phenotype": "*57:01 negative"}, {"phenotype": "*15:02 positive"})
    assert statuses(said, "*57:01") == {"negative"}
    assert statuses(said, "*15:02") == {"positive"}
    assert statuses(said, "*58:01") == {"negative", "positive"}
    pairs = call("HLA-B", {"diplotype": "*57:01/*08:01"}, {"diplotype": "*15:02/*08:01"})
    assert pairs.status == "ambiguous"
    same = call("HLA-B", {"diplotype": "*08:01"}, {"diplotype": "HLA-B*0801"})
    assert statuses(same, "*57:01") == {"negative", "positive"}


def test_one_hla_allele_alone_rules_nothing_out():
    found = call("HLA-B", {"diplotype": "*15:02"})
    assert (found.notes, found.input_quality) == (("outside.one-allele-given",), "reduced")
    assert statuses(found, "*15:02") == {"positive"}
    assert statuses(found, "*57:01") == {"negative", "positive"}
    as_reference = outside_gene_call(
        "HLA-B", [OutsideCall(gene="HLA-B", diplotype="*15:02")], TABLES["HLA-B"], rules="pharmcat"
    )
    assert as_reference.phenotypes == ("*15:02 positive;*57:01 negative;*58:01 negative",)


@pytest.mark.parametrize(
    "text",
    ["*5701/*0801", "B*5701/B*0801", "*57:01|*08:01", "*57:01,*08:01", "*57:01;*08:01", "*57:01G/*08:01",
     "HLA-B*57:01:01:01/*08:01", "*57:01 positive", "*57:01 Present", "Positive for *57:01", "*57:01", "b*57:01/?",
     "*57:01P/*07:02",
     "*57:01N/*08:01"],
)  # fmt: skip
def test_hla_risk_allele_in_any_spelling(text):
    assert statuses(call("HLA-B", {"diplotype": text}), "*57:01") == {"positive"}


@pytest.mark.parametrize(
    "text",
    ["*57/*08", "B57/B8", "*57:XX/*08:01", "*08:01/?", "Blank/*08:01", "*07:02/", "*58:01 absent", "*08:01",
     "*07:02/*08:01/*44:02",
     "*07:02/xyz", "*57 positive", "*08:01/-"],
)  # fmt: skip
def test_hla_typing_that_rules_nothing_out(text):
    found = call("HLA-B", {"diplotype": text})
    assert statuses(found, "*57:01") == {"negative", "positive"}


def test_hla_low_resolution_and_what_cannot_be_read():
    assert statuses(call("HLA-A", {"diplotype": "*31/*02"}), "*31:01") == {"negative", "positive"}
    assert statuses(call("HLA-B", {"diplotype": "*57/*08", "phenotype": "*57:01 negative"}), "*57:01") == {"negative"}
    assert statuses(call("HLA-B", {"diplotype": "*57 negative"}), "*57:01") == {"negative"}
    assert call("HLA-B", {"diplotype": "see comment"}).status == "not-called"
    assert call("HLA-B", {"diplotype": "negative"}).notes == ("outside.not-read:negative",)
    assert call("HLA-B", {"diplotype": "*07:02 or *08:01"}).status == "not-called"


def test_hla_status_against_alleles_is_open():
    found = call("HLA-B", {"diplotype": "*57:01/*08:01", "phenotype": "*57:01 negative"})
    assert statuses(found, "*57:01") == {"negative", "positive"}
    assert "outside.phenotype-differs:*57:01" in found.notes


def test_nothing_reported():
    assert call("HLA-B", {"diplotype": "."}).status == "not-called"
    assert call("NAT2", {"diplotype": "./."}).notes == ("outside.nothing-reported",)


def test_own_phenotype_that_differs_stays_possible():
    found = call("CYP2C19", {"diplotype": "*1/*2", "phenotype": "Poor Metabolizer"})
    assert found.notes == ("outside.phenotype-differs:Poor Metabolizer",)
    assert (found.status, found.input_quality) == ("ambiguous", "reduced")
    assert found.phenotypes == ("Intermediate Metabolizer", "Poor Metabolizer")
    scored = call("CYP2C9", {"diplotype": "*1/*2", "phenotype": "Poor Metabolizer"})
    assert set(scored.phenotypes) == {"Intermediate Metabolizer", "Poor Metabolizer"}
    both = call("CYP2D6", {"diplotype": "*4/*4", "phenotype": "Normal Metabolizer", "activity_score": "2"})
    assert set(both.phenotypes) == {"Poor Metabolizer", "Normal Metabolizer"}
    of_score = call("CYP2D6", {"diplotype": "*1/*1", "activity_score": "0"})
    assert of_score.activity_scores == (2.0, 0.0)
    without = call("CYP2D6", {"phenotype": "Normal Metabolizer", "activity_score": "0"})
    assert set(without.phenotypes) == {"Poor Metabolizer", "Normal Metabolizer"}


def test_own_phenotype_that_agrees_settles_copies():
    found = call("CYP2D6", {"diplotype": "*1xN/*4", "phenotype": "Ultrarapid Metabolizer"})
    assert (found.phenotypes, found.notes) == (("Ultrarapid Metabolizer",), ())


@pytest.mark.parametrize(
    ("gene", "text", "phenotype"),
    [
        ("MT-RNR1", "1555A>G", "increased risk of aminoglycoside-induced hearing loss"),
        ("MT-RNR1", "m.1494C>T", "increased risk of aminoglycoside-induced hearing loss"),
        ("MT-RNR1", "Reference", "normal risk of aminoglycoside-induced hearing loss"),
        ("CYP2D6", "poor metaboliser", "Poor Metabolizer"),
        ("CYP2C19", "Ultra-rapid metabolizer", "Ultrarapid Metabolizer"),
        ("CYP2D6", "Ultrarapid", "Ultrarapid Metabolizer"),
        ("CYP2D6", "PM", "Poor Metabolizer"),
        ("CYP2C19", "EM", "Normal Metabolizer"),
        ("CYP2D6", ">=3", "Ultrarapid Metabolizer"),
        ("CYP2D6", "4/4", "Poor Metabolizer"),
        ("CYP2D6", "*4.001/*04", "Poor Metabolizer"),
        ("TPMT", "*1/*3a", "Intermediate Metabolizer"),
        ("DPYD", "*1/*2A", "Intermediate Metabolizer"),
        ("DPYD", "*2A/*13", "Poor Metabolizer"),
        ("DPYD", "c.1679T>G (hom)", "Poor Metabolizer"),
        ("DPYD", "wild type/HapB3", "Intermediate Metabolizer"),
        ("G6PD", "deficient", "Deficient"),
        ("G6PD", "B (wildtype)/B (wildtype)", "Normal"),
        ("CFTR", "F508del/G551D", "ivacaftor responsive in CF patients"),
        ("VKORC1", "-1639 G/A", "-1639 AG"),
        ("RYR1", "Malignant hyperthermia susceptibility", "Malignant Hyperthermia Susceptibility"),
    ],
)
def test_what_laboratories_write(gene, text, phenotype):
    for column in ("diplotype", "phenotype"):
        found = call(gene, {column: text})
        assert (found.phenotypes, found.notes, found.input_quality) == ((phenotype,), (), "good")


def test_copies_of_an_unknown_one_of_two():
    found = call("CYP2D6", {"diplotype": "(*1/*4)xN"})
    assert {each.label for each in found.diplotypes} == {"*1x2/*4", "*1x≥3/*4", "*1/*4x2", "*1/*4x≥3"}
    assert len(found.phenotypes) == 3


def test_one_allele_of_two_leaves_the_other_open():
    found = call("CYP2D6", {"diplotype": "*4"})
    assert (found.status, found.input_quality, found.notes) == ("ambiguous", "reduced", ("outside.one-allele-given",))
    assert {each.label for each in found.diplotypes} == {"*4/?"}
    assert {"Poor Metabolizer", "Intermediate Metabolizer"} <= set(found.phenotypes)
    assert len(call("CYP2D6", {"diplotype": "*1"}).phenotypes) > 2
    assert {0.0, 0.5, 1.0} == set(call("DPYD", {"diplotype": "c.1679T>G"}).activity_scores)
    assert 0.0 in call("DPYD", {"diplotype": "c.1905+1G>A (het)"}).activity_scores


def test_names_that_are_not_known():
    found = call("CYP2D6", {"diplotype": "*999/*998"})
    assert (found.status, found.notes) == (
        "not-called",
        ("outside.name-not-known:*999", "outside.name-not-known:*998"),
    )
    one = call("CYP2D6", {"diplotype": "*4/*999"})
    assert (one.status, one.diplotypes[0].label) == ("ambiguous", "*4/?")
    assert call("CYP2C19", {"phenotype": "abnormal"}).status == "not-called"
    assert call("CYP2C19", {"diplotype": "*1/*2/*3"}).status == "not-called"


@given(text=st.text(alphabet=st.sampled_from("*0123578:/|,;BHLA-GPXbx? \n"), max_size=24))
def test_hla_is_never_negative_unless_two_alleles_are_given(text):
    found = call("HLA-B", {"diplotype": text})
    pieces = [piece.strip() for piece in re.split(r"[/|,;]", text)]
    typed = [re.fullmatch(r"(HLA[-_ ]?)?(B)?\s*\*?\s*(\d+:\d+[:\d]*|\d{4,8})[A-Z]?", each, re.I) for each in pieces]
    if len(typed) != 2 or not all(typed):
        for allele in TABLES["HLA-B"].presence:
            assert statuses(found, allele) != {"negative"}


def test_a_genome_that_excludes_the_laboratorys_call_makes_both_possible():
    matched = GeneCall(
        gene="CYP2C19", status="called", n_positions=35,
        diplotypes=(Diplotype(alleles=("*1", "*1"), phenotype="Normal Metabolizer", lookup_key="Normal Metabolizer"),),
    )  # fmt: skip
    both = merged(call("CYP2C19", {"diplotype": "*1/*2"}), matched)
    assert (both.source, both.status, both.input_quality) == ("outside", "ambiguous", "reduced")
    assert [each.label for each in both.diplotypes] == ["*1/*2", "*1/*1"]
    assert both.notes == ("outside.differs-from-genome:*1/*1",)


def test_a_genome_that_fits_leaves_the_laboratorys_call():
    possible = (Diplotype(alleles=("*1", "*1")), Diplotype(alleles=("*1", "*2"), probability=0.001))
    matched = GeneCall(gene="CYP2C19", status="ambiguous", n_positions=35, diplotypes=possible)
    found = merged(
        call("CYP2C19", {"diplotype": "*1/*2"}), matched, matched.model_copy(update={"diplotypes": possible[:1]})
    )
    assert (found.status, found.input_quality, found.diplotypes[0].label) == ("called", "good", "*1/*2")
    one = merged(call("CYP2C19", {"diplotype": "*2"}), matched)
    assert (one.status, one.diplotypes[0].label) == ("called", "*1/*2")


def test_other_alleles_of_the_same_meaning_are_no_contradiction():
    normal = {"phenotype": "Normal Metabolizer", "lookup_key": "Normal Metabolizer"}
    matched = GeneCall(
        gene="CYP2C19", status="called", n_positions=35, diplotypes=(Diplotype(alleles=("*38", "*38"), **normal),)
    )
    found = merged(call("CYP2C19", {"diplotype": "*1/*1"}), matched)
    assert (found.status, found.input_quality) == ("phenotype-certain", "good")


def test_empty_outside_call_leaves_the_matched_one():
    matched = GeneCall(gene="NAT2", status="called", diplotypes=(Diplotype(alleles=("*4", "*4")),))
    assert merged(call("NAT2", {"diplotype": "./."}), matched).diplotypes[0].label == "*4/*4"


def test_one_allele_of_a_gene_on_the_x_chromosome_is_all_in_a_male():
    def of(sex):
        said = [OutsideCall(gene="G6PD", diplotype="A- 202A_376G")]
        return outside_gene_call("G6PD", said, TABLES["G6PD"], sex=sex)

    assert (of("male").phenotypes, of("male").input_quality, of("male").notes) == (("Deficient",), "good", ())
    assert {"Variable", "Deficient"} <= set(of("female").phenotypes)
    assert {"Variable", "Deficient"} <= set(of("").phenotypes)


def test_hla_alleles_that_nothing_is_said_of_are_named():
    assert call("HLA-B", {"diplotype": "*58:01 absent"}).notes == ("outside.not-stated:*15:02, *57:01",)


@pytest.mark.parametrize(
    ("diplotype", "column", "status", "says"),
    [
        ("*57:01", "negative", "ambiguous", "*57:01 negative"),
        ("*57:01", "Positive", "ambiguous", "*57:01 positive"),
        ("*07:02/*08:01", "Negative", "called", "*57:01 negative"),
        ("*57:01/*08:01", "High risk", "called", "*57:01 positive"),
    ],
)
def test_a_column_of_its_own_says_whether_the_allele_is_there(diplotype, column, status, says):
    call = OutsideCall(gene="HLA-B", diplotype=diplotype, phenotype=column)
    found = outside_gene_call("HLA-B", [call], phenotype_tables()["HLA-B"])
    assert found.status == status
    assert all(says in each for each in found.phenotypes)


@pytest.mark.parametrize(("diplotype", "column"), [("*57:01/*08:01", "Negative"), ("*07:02/*08:01", "Positive")])
def test_a_column_that_contradicts_the_type_leaves_all_open(diplotype, column):
    call = OutsideCall(gene="HLA-B", diplotype=diplotype, phenotype=column)
    found = outside_gene_call("HLA-B", [call], phenotype_tables()["HLA-B"])
    assert {"*57:01 positive" in each for each in found.phenotypes} == {True, False}


@pytest.mark.parametrize("slip", ["*5:701", "*057:01", "*57:001", "*99:99"])
def test_a_misformed_hla_allele_rules_nothing_out(slip):
    call = OutsideCall(gene="HLA-B", diplotype=f"{slip}/*08:01")
    found = outside_gene_call("HLA-B", [call], phenotype_tables()["HLA-B"])
    assert {"*57:01 positive" in each for each in found.phenotypes} == {True, False}
