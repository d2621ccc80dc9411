from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sartor.domain.genome import CallState
from sartor.genomics.cohort_sites import bit_of
from sartor.genomics.normalise import CohortSiteCalls, Site, SiteCall
from sartor.genomics.star_alleles.definition import GeneDefinition, NamedAllele
from sartor.genomics.star_alleles.frequencies import GeneFrequencies, GroupFrequencies
from sartor.genomics.star_alleles.phenotype import GenePhenotypes
from sartor.genomics.star_alleles.possible import gene_call, gene_calls_cohort, likely

SITES = tuple(Site("chr1", 100 * n, "A", ("G",), f"rs{n}") for n in (1, 2, 3))
GENE = GeneDefinition(
    gene="GENE1",
    chromosome="chr1",
    version="1",
    modified="2025-01-01",
    sites=SITES,
    alleles=(
        NamedAllele("*1", "1", ("A", "A", "A"), reference=True, core=(0, 1, 2)),
        NamedAllele("*2", "2", ("G", None, None), core=(0,)),
        NamedAllele("*3", "3", (None, "G", None), core=(1,)),
        NamedAllele("*4", "4", ("G", "G", None), core=(0, 1)),
    ),
    reference_allele="*1",
    reference_bases=("A", "A", "A"),
)
MEANING = GenePhenotypes(
    gene="GENE1",
    by="function",
    functions={"*1": "Normal", "*2": "None", "*3": "Normal", "*4": "None"},
    rules={("Normal", "Normal"): "NM", ("None", "Normal"): "IM", ("None", "None"): "PM"},
)
COMMON = GeneFrequencies(
    "GENE1", "a panel", {"EUR": GroupFrequencies("EUR", 50, 100, 4, {"*1": 80, "*2": 15, "*3": 4, "*4": 1})}
)


def site(index, *alleles, phased=False, block=None, concern=""):
    state = CallState.VARIANT if "G" in alleles else CallState.REFERENCE
    return SiteCall(SITES[index], alleles, state, phased=phased, phase_set=block, concern=concern)


def labels(call):
    return [each.label for each in call.diplotypes]


def call(*sites, frequencies=None, **options):
    return gene_call(GENE, sites, MEANING, frequencies, **options)


def test_everything_called_leaves_one_diplotype():
    found = call(site(0, "A", "G"), site(1, "A", "A"), site(2, "A", "A"))
    assert (found.status, labels(found), found.phenotypes) == ("called", ["*1/*2"], ("IM",))
    assert found.input_quality == "good"
    assert found.phased == "effectively"


def test_unphased_double_heterozygote_is_ambiguous():
    found = call(site(0, "A", "G"), site(1, "A", "G"), site(2, "A", "A"))
    assert set(labels(found)) == {"*1/*4", "*2/*3"}
    assert found.status == "phenotype-certain"
    assert found.phenotypes == ("IM",)


def test_phase_decides():
    cis = call(site(0, "A", "G", phased=True), site(1, "A", "G", phased=True), site(2, "A", "A", phased=True))
    trans = call(site(0, "A", "G", phased=True), site(1, "G", "A", phased=True), site(2, "A", "A", phased=True))
    assert (labels(cis), labels(trans)) == (["*1/*4"], ["*2/*3"])
    blocks = call(site(0, "A", "G", phased=True, block=1), site(1, "G", "A", phased=True, block=2), site(2, "A", "A"))
    assert set(labels(blocks)) == {"*1/*4", "*2/*3"}


def test_missing_position_leaves_alleles_possible():
    found = call(site(1, "A", "A"), site(2, "A", "A"))
    assert set(labels(found)) == {"*1/*1", "*1/*2", "*2/*2"}
    assert (found.status, set(found.phenotypes)) == ("ambiguous", {"NM", "IM", "PM"})
    assert found.missing == ("chr1:100 (rs1)",)
    assert found.missing_alleles == ("*2",)
    assert all(each.probability is None for each in found.diplotypes)


def test_phenotype_is_certain_when_what_is_missing_does_not_matter():
    found = call(site(0, "A", "A"), site(2, "A", "A"))
    assert set(labels(found)) == {"*1/*1", "*1/*3", "*3/*3"}
    assert (found.status, found.phenotypes, found.input_quality) == ("phenotype-certain", ("NM",), "good")


def test_candidates_are_weighed_by_a_named_prior():
    found = call(site(1, "A", "A"), site(2, "A", "A"), frequencies=COMMON, groups=("EUR",))
    assert labels(found) == ["*1/*1", "*1/*2", "*2/*2"]
    probabilities = [each.probability for each in found.diplotypes]
    assert sum(probabilities) == pytest.approx(1)
    assert probabilities[1] / probabilities[0] == pytest.approx(2 * 15 / 80)
    assert found.diplotypes[0].prior == "a panel, EUR, n=50"
    assert found.phenotype_probabilities == pytest.approx(tuple(probabilities), abs=1e-5)
    assert found.input_quality == "inferred"


def test_half_call_keeps_what_it_says():
    found = call(site(0, "G", None), site(1, "A", "A"), site(2, "A", "A"))
    assert set(labels(found)) == {"*1/*2", "*2/*2"}


def test_undocumented_base_is_no_allele():
    found = call(site(0, "A", "T"), site(1, "A", "A"), site(2, "A", "A"))
    assert (found.status, found.diplotypes) == ("not-called", ())
    assert found.unknown_variants == ("chr1:100 (rs1) T",)
    assert "unknown-variation" in found.notes


def test_nothing_called_is_not_tested():
    assert call().status == "not-tested"
    assert call().input_quality == "absent"
    assert call().phased == "no"


@pytest.mark.parametrize(
    ("sites", "quality"),
    [
        ((site(0, "A", "G", concern="low-depth"), site(1, "A", "A"), site(2, "A", "A")), "poor"),
        ((site(0, "A", "G"), site(1, "A", "A"), site(2, "A", "A", concern="low-depth;filtered")), "poor"),
        ((site(0, "A", "G"), site(1, "A", "A"), site(2, "A", "A")), "good"),
        ((site(0, "A", "A", concern="allele-balance"), site(1, "A", "A"), site(2, "A", "A")), "poor"),
    ],
)
def test_doubtful_genotypes_lower_the_quality(sites, quality):
    assert call(*sites).input_quality == quality


def test_concerns_are_counted_in_notes():
    found = call(site(0, "A", "G"), site(1, "A", "A", concern="low-depth"), site(2, "A", "A", concern="low-depth"))
    assert "concern:low-depth:2" in found.notes


def test_positions_tell_what_the_file_said():
    found = call(site(0, "A", "G"), site(1, "A", "A", phased=True), site(2, None, None))
    assert [each.genotype for each in found.positions] == ["A/G", "A|A", "./."]
    assert call(site(0, "A", "G"), positions=False).positions == ()


def test_one_chromosome_is_haploid():
    found = call(site(0, "G"), site(1, "A"), site(2, "A"))
    assert labels(found) == ["*2"]


def test_pharmcat_rules_list_the_best_score_only():
    found = call(site(0, "A", "G"), site(1, "A", "G"), site(2, "A", "A"), rules="pharmcat")
    assert labels(found) == ["*1/*4", "*2/*3"] or len(found.diplotypes) == 1
    assert all(each.probability is None for each in found.diplotypes)


def test_cohort_gives_the_same_calls_as_one_by_one():
    codes = np.zeros((3, 3, 2), np.int16)
    codes[0, 1] = (0, 1)
    codes[1, 2] = (-1, -1)
    cohort = CohortSiteCalls(
        SITES, ("a", "b", "c"), codes, tuple(each.alleles for each in SITES), np.ones((3, 3), np.bool_)
    )
    found = dict(gene_calls_cohort(GENE, cohort, MEANING, COMMON).by_sample())
    assert [labels(found[name])[0] for name in "abc"] == ["*1/*1", "*1/*2", "*1/*1"]
    alone = call(site(0, "A", "A", phased=True), site(2, "A", "A", phased=True), frequencies=COMMON, positions=False)
    assert found["c"] == alone
    assert found["c"].status == "phenotype-certain"


def test_cohort_tells_doubts_per_sample():
    codes = np.zeros((3, 3, 2), np.int16)
    codes[0, 1] = (0, 1)
    concerns = np.zeros((3, 3), np.uint32)
    concerns[0, 1] = bit_of("low-depth")
    concerns[2, :2] = bit_of("filtered")
    alleles = tuple(each.alleles for each in SITES)
    cohort = CohortSiteCalls(SITES, ("a", "b", "c"), codes, alleles, np.ones((3, 3), np.bool_), concerns=concerns)
    found = dict(gene_calls_cohort(GENE, cohort, MEANING, COMMON).by_sample())
    assert found["a"].notes == ("concern:filtered:1",)
    assert set(found["b"].notes) == {"concern:filtered:1", "concern:low-depth:1"}
    assert (found["b"].input_quality, found["c"].input_quality, found["c"].notes) == ("poor", "good", ())


def test_two_alleles_on_a_mans_one_chromosome_are_poor():
    on_x = replace(GENE, chromosome="chrX")
    found = gene_call(on_x, (site(0, "A", "G"), site(1, "A", "A"), site(2, "A", "A")), MEANING, sex="male")
    assert found.input_quality == "poor"
    assert "heterozygous-on-one-x" in found.notes


def test_one_allele_alone_on_an_autosome_leaves_the_other_open():
    found = call(site(0, "G", None, concern="unexpected-ploidy"), site(1, "A", "A"), site(2, "A", "A"))
    assert labels(found) == ["*1/*2", "*2/*2"]
    assert (found.status, found.input_quality) == ("ambiguous", "poor")


def test_very_unlikely_candidates_can_be_left_out_and_it_is_said():
    rare = GeneFrequencies("GENE1", "a panel", {"EUR": GroupFrequencies("EUR", 5000, 10000, 4, {"*1": 9999, "*2": 1})})
    found = call(site(1, "A", "A"), site(2, "A", "A"), frequencies=rare)
    kept = likely(found, 0.99)
    assert labels(kept) == ["*1/*1"]
    assert (kept.status, kept.phenotypes, kept.input_quality) == ("ambiguous", ("NM",), "inferred")
    assert kept.notes[-1].startswith("less-likely-left-out:0.000")
    assert kept.missing == found.missing


def test_nothing_is_left_out_where_records_contradict_each_other():
    rare = GeneFrequencies("GENE1", "a panel", {"EUR": GroupFrequencies("EUR", 5000, 10000, 4, {"*1": 9999, "*2": 1})})
    doubtful = site(0, None, None, concern="contradicting-records")
    found = call(doubtful, site(1, "A", "A"), site(2, "A", "A"), frequencies=rare)
    assert labels(likely(found, 0.99)) == labels(found) == ["*1/*1", "*1/*2", "*2/*2"]


def test_nothing_is_left_out_while_it_matters():
    found = call(site(1, "A", "A"), site(2, "A", "A"), frequencies=COMMON)
    assert likely(found, 0.99) == found
    unweighed = call(site(1, "A", "A"), site(2, "A", "A"))
    assert likely(unweighed, 0.5) == unweighed
