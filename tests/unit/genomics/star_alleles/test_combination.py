"""Combinations of alleles and partial alleles, where no pair of named alleles fits."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.matching import match

Variants = dict[int, tuple[str, ...]]


def labels(gene: str, variants: Variants, *, phased: bool = True) -> dict[str, int]:
    definition = definitions()[gene]
    calls = [
        SiteCall(site, variants.get(site.position, (site.reference,) * 2), CallState.VARIANT, phased=phased)
        for site in definition.sites
    ]
    assert match(definition, calls, rules="pharmcat").diplotypes == ()
    found = match(definition, calls, rules="pharmcat", combinations=True)
    return {each.label: each.score for each in found.diplotypes}


def test_two_alleles_on_one_copy() -> None:
    found = labels("NAT2", NAT2_COMBINATION)
    assert found == {"*1/[*15 + *44]": 51, "*1/[*36 + *46]": 51}


NAT2_COMBINATION: Variants = {
    18400194: ("A", "G"),
    18400406: ("G", "C"),
    18400593: ("A", "G"),
    18400806: ("A", "G"),
}


def test_a_variant_beyond_the_allele_is_partial_and_costs_a_point() -> None:
    variants: Variants = {94761900: ("T", "C"), 94775367: ("A", "G"), 94781859: ("A", "A"), 94842866: ("G", "G")}
    found = labels("CYP2C19", variants)
    assert found == {"*2/[*17 + g.94781859G>A]": 5}


def test_an_undocumented_base_is_partial() -> None:
    site = next(each for each in definitions()["TPMT"].sites if each.position == 18143724)
    definition = definitions()["TPMT"]
    calls = [
        SiteCall(each, (each.reference, "T" if each is site else each.reference), CallState.VARIANT)
        for each in definition.sites
    ]
    found = match(definition, calls, rules="pharmcat", combinations=True)
    assert [(each.label, each.score) for each in found.diplotypes] == [("*1/g.18143724C>T", 85)]


def test_unphased_data_give_every_arrangement() -> None:
    found = labels(
        "NAT2",
        {18400193: ("C", "T"), 18400593: ("G", "A"), 18400806: ("A", "A"), 18400860: ("G", "A")},
        phased=False,
    )
    assert found["*4/[*19 + *34 + *40]"] == 5
    assert found["*6/[*7 + g.18400193C>T]"] == 3
    assert len(found) == 9
