from __future__ import annotations

import pytest

from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.genomics.star_alleles import phenotype as meaning

TABLES = phenotype_tables()


@pytest.mark.parametrize(
    ("gene", "alleles", "phenotype", "score", "key"),
    [
        ("CYP2C19", ("*1", "*2"), "Intermediate Metabolizer", None, "Intermediate Metabolizer"),
        ("CYP2C19", ("*17", "*17"), "Ultrarapid Metabolizer", None, "Ultrarapid Metabolizer"),
        ("CYP2D6", ("*1", "*41"), "Normal Metabolizer", 1.25, "1.25"),
        ("CYP2D6", ("*1", "*1x≥3"), "Ultrarapid Metabolizer", 4.0, "≥4.0"),
        ("CYP2D6", ("*1", "*1x4"), "Ultrarapid Metabolizer", 4.0, "≥4.0"),
        ("CYP2D6", ("*1", "*22"), "Indeterminate", None, "n/a"),
        ("CYP2D6", ("*10+*36", "*1"), "Normal Metabolizer", 1.25, "1.25"),
        ("CYP2D6", ("*36x2+*10", "*10"), "Intermediate Metabolizer", 0.5, "0.5"),
        ("CYP2D6", ("*5", "*5"), "Poor Metabolizer", 0.0, "0.0"),
        ("DPYD", ("Reference", "c.1905+1G>A (*2A)"), "Intermediate Metabolizer", 1.0, "1.0"),
        ("G6PD", ("B (reference)",), "Normal", None, "Normal"),
        ("G6PD", ("B (reference)", "Chatham"), "Variable", None, "Variable"),
        ("CYP3A4", ("*1", "*38"), "n/a", None, "n/a"),
        ("IFNL3", ("rs12979860 reference (C)",) * 2, "n/a", None, "n/a"),
    ],
)
def test_published_meanings(gene, alleles, phenotype, score, key):
    found = meaning.diplotype(TABLES[gene], alleles)
    assert (found.phenotype, found.activity_score, found.lookup_key) == (phenotype, score, key)
    assert found.alleles == alleles


def test_order_of_alleles_does_not_matter():
    one = meaning.diplotype(TABLES["CYP2C9"], ("*2", "*3"))
    other = meaning.diplotype(TABLES["CYP2C9"], ("*3", "*2"))
    assert one.phenotype == other.phenotype
    assert one.lookup_key == other.lookup_key == "0.5"


def test_gene_without_a_table_says_nothing():
    assert meaning.diplotype(None, ("*1", "*3")).phenotype == ""


def test_mitochondrial_gene_is_haploid():
    found = meaning.diplotype(TABLES["MT-RNR1"], ("m.1555A>G",))
    assert found.phenotype == "increased risk of aminoglycoside-induced hearing loss"


def test_presence_of_hla_alleles():
    found = meaning.diplotype(TABLES["HLA-B"], ("*57:01:01", "B*58:01"))
    assert found.phenotype == "*15:02 negative;*57:01 positive;*58:01 positive"
    assert found.lookup_key == found.phenotype


@pytest.mark.parametrize(
    ("strands", "expected"),
    [
        ([["c.61C>T", "c.557A>G", "c.2846A>T"]], ("c.61C>T", "c.557A>G")),
        ([["c.85T>C (*9A)", "c.1129-5923C>G"]], ("c.85T>C (*9A)", "c.1129-5923C>G")),
        ([["Reference"], ["c.61C>T", "c.1129-5923C>G"]], ("Reference", "c.61C>T")),
        ([["c.61C>T"]], ("c.61C>T",)),
    ],
)
def test_two_most_consequential_variants_decide(strands, expected):
    assert meaning.two_most_consequential(TABLES["DPYD"], strands) == expected


def test_uncertain_weighs_more_than_normal_in_ryr1():
    assert meaning.two_most_consequential(TABLES["RYR1"], [["c.418G>A", "c.97A>G", "c.152C>A"]]) == (
        "c.97A>G",
        "c.152C>A",
    )


def test_combinations_are_read_by_their_components():
    assert meaning.components("[c.61C>T + c.2846A>T]") == ("c.61C>T", "c.2846A>T")
    assert meaning.decisive(TABLES["DPYD"], ("Reference", "[c.85T>C (*9A) + c.61C>T]")) == ("Reference", "c.61C>T")


def test_uncounted_copies_are_expanded():
    assert meaning.expanded(TABLES["CYP2D6"], "*1xN") == ("*1x2", "*1x≥3")
    assert meaning.expanded(TABLES["CYP2D6"], "*4") == ("*4",)


@pytest.mark.parametrize(
    ("values", "total"),
    [
        (("1.0", "0.25"), "1.25"),
        (("≥3.0", "0.5"), "≥3.5"),
        (("n/a", "1.0"), "n/a"),
        ((), "n/a"),
        (("1.0", "1.0"), "2.0"),
    ],
)
def test_adding_activity_values(values, total):
    assert meaning.added(values) == total


def test_every_function_pair_of_a_rule_is_sorted():
    for table in TABLES.values():
        assert all(tuple(sorted(key)) == key for key in table.rules)


@pytest.mark.parametrize("gene", [gene for gene, table in TABLES.items() if table.by != "presence"])
def test_quick_lookup_gives_the_same(gene):
    table = TABLES[gene]
    names = [*list(table.functions)[:12], "*no such allele"]
    for one in names:
        for other in names:
            full = meaning.diplotype(table, meaning.decisive(table, (one, other)))
            assert meaning.phenotype_and_score(table, (one, other)) == (full.phenotype, full.activity_score)


def test_quick_lookup_reads_combinations():
    found = meaning.phenotype_and_score(TABLES["DPYD"], ("Reference", "[c.85T>C (*9A) + c.61C>T]"))
    assert found == ("Intermediate Metabolizer", 1.0)
