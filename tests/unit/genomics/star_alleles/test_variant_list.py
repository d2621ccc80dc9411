"""DPYD and RYR1 are read as lists of variants; DPYD HapB3 by its intronic site, else by its exonic tag."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.matching import GeneMatch, Rules, match

HAPB3 = "c.1129-5923C>G, c.1236G>A (HapB3)"
INTRONIC, EXONIC = "rs75017182", "rs56038477"

Variants = dict[str, tuple[str, ...]]


def read(variants: Variants, *, phased: bool = False, missing: str = "", rules: Rules = "pharmcat") -> GeneMatch:
    definition = definitions()["DPYD"]
    calls = [
        SiteCall(site, variants.get(site.rsid, (site.reference,) * 2), CallState.VARIANT, phased=phased)
        for site in definition.sites
        if not missing or site.rsid != missing
    ]
    return match(definition, calls, rules=rules)


def labels(found: GeneMatch) -> list[str]:
    return [each.label for each in found.diplotypes]


def test_no_variant_is_reference() -> None:
    found = read({})
    assert (labels(found), found.haplotypes) == (["Reference/Reference"], ())


def test_intronic_and_exonic_together_are_hapb3() -> None:
    both: Variants = {INTRONIC: ("G", "C"), EXONIC: ("C", "T")}
    for found in (read(both, rules="sartor"), read({INTRONIC: ("G", "C"), EXONIC: ("C", "T")}, phased=True)):
        assert labels(found) == [f"Reference/{HAPB3}"]
        assert found.diplotypes[0].score == 85
    assert (labels(read(both)), read(both).haplotypes) == ([], (HAPB3,))


def test_intronic_alone() -> None:
    assert labels(read({INTRONIC: ("G", "C")})) == ["Reference/c.1129-5923C>G"]
    assert labels(read({INTRONIC: ("C", "C"), EXONIC: ("C", "T")})) == [f"c.1129-5923C>G/{HAPB3}"]


def test_exonic_without_intronic_does_not_count() -> None:
    found = read({EXONIC: ("C", "T")})
    assert labels(found) == ["Reference/Reference"]
    assert found.notes == ("hapb3-intronic-exonic-mismatch",)


def test_exonic_stands_in_where_intronic_is_missing() -> None:
    found = read({EXONIC: ("C", "T")}, missing=INTRONIC)
    assert labels(found) == [f"Reference/{HAPB3}"]
    assert found.notes == ("hapb3-exonic-only",)


TWO: Variants = {"rs67376798": ("T", "A"), "rs1801265": ("G", "A")}


def test_unphased_variants_are_a_list() -> None:
    found = read({INTRONIC: ("G", "C"), EXONIC: ("C", "T"), **TWO})
    assert labels(found) == []
    assert "c.2846A>T" in found.haplotypes
    assert HAPB3 in found.haplotypes


def test_our_rules_spell_out_the_arrangements_as_well() -> None:
    found = read(TWO, rules="sartor")
    assert len(found.diplotypes) == 2
    assert len(found.haplotypes) == 2


def test_phased_variants_are_a_diplotype() -> None:
    assert labels(read(TWO, phased=True)) == ["c.85T>C (*9A)/c.2846A>T"]
    cis: Variants = {"rs67376798": ("T", "A"), "rs1801265": ("A", "G")}
    assert labels(read(cis, phased=True)) == ["Reference/[c.85T>C (*9A) + c.2846A>T]"]


def test_undocumented_bases_count_as_reference_and_say_so() -> None:
    found = read({"rs67376798": ("T", "G")}, rules="sartor")
    assert labels(found) == ["Reference/Reference"]
    assert found.notes == ("undocumented-as-reference",)


def test_homozygous_variant_stands_twice() -> None:
    found = read({"rs67376798": ("A", "A"), "rs1801265": ("G", "A"), "rs55886062": ("A", "C")})
    assert found.haplotypes.count("c.2846A>T") == 2
