"""What must hold of named-allele matching for any genotype, on the shipped definitions."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.definition import GeneDefinition
from sartor.genomics.star_alleles.matching import GeneMatch, match

GENES = ("CYP2C19", "CYP2B6", "CYP3A5", "TPMT", "NUDT15", "UGT1A1", "SLCO1B1", "CYP4F2", "G6PD", "NAT2")

TrueDiplotype = tuple[str, list[SiteCall]]


def spelled(definition: GeneDefinition, index: int) -> list[str]:
    """The bases of one allele at every site; an ambiguity code is read as the reference base."""
    bases = definition.alleles[index].bases
    return [
        base if base in (site.reference, *site.alternates) else site.reference
        for base, site in zip(bases, definition.sites, strict=True)
    ]


@st.composite
def people(draw: st.DrawFn) -> tuple[GeneDefinition, str, list[SiteCall]]:
    """A gene, the true diplotype of a person, and the person's phased calls."""
    definition = definitions()[draw(st.sampled_from(GENES))]
    indexes = [draw(st.integers(0, len(definition.alleles) - 1)) for _ in range(2)]
    copies = [spelled(definition, index) for index in indexes]
    calls = [
        SiteCall(site, (one, other), CallState.VARIANT, phased=True)
        for site, one, other in zip(definition.sites, *copies, strict=True)
    ]
    return definition, truth(definition, indexes), calls


def truth(definition: GeneDefinition, indexes: list[int]) -> str:
    names = [definition.alleles[index].name for index in sorted(indexes)]
    reported = [definition.suballeles.get(name, name) for name in names]
    return "/".join(reported)


def labels(found: GeneMatch) -> set[str]:
    return {each.label for each in found.diplotypes}


def unphased(calls: list[SiteCall]) -> list[SiteCall]:
    return [replace(call, phased=False) for call in calls]


@settings(max_examples=60, deadline=None)
@given(people())
def test_the_true_diplotype_is_found_phased_and_unphased(person: tuple[GeneDefinition, str, list[SiteCall]]) -> None:
    definition, true, calls = person
    in_phase = labels(match(definition, calls))
    assert true in in_phase
    assert in_phase <= labels(match(definition, unphased(calls)))


@settings(max_examples=60, deadline=None)
@given(people(), st.randoms(use_true_random=False))
def test_the_order_of_calls_means_nothing(person: tuple[GeneDefinition, str, list[SiteCall]], random: object) -> None:
    definition, _, calls = person
    shuffled = list(calls)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for rules in ("sartor", "pharmcat"):
        assert match(definition, calls, rules=rules) == match(definition, shuffled, rules=rules)


@settings(max_examples=60, deadline=None)
@given(people())
def test_swapping_the_copies_changes_nothing(person: tuple[GeneDefinition, str, list[SiteCall]]) -> None:
    definition, _, calls = person
    swapped = [replace(call, alleles=call.alleles[::-1]) for call in calls]
    for rules in ("sartor", "pharmcat"):
        assert match(definition, calls, rules=rules).diplotypes == match(definition, swapped, rules=rules).diplotypes


@settings(max_examples=60, deadline=None)
@given(people(), st.sets(st.integers(0, 200), max_size=12))
def test_missing_sites_never_remove_a_candidate(
    person: tuple[GeneDefinition, str, list[SiteCall]], missing: set[int]
) -> None:
    definition, true, calls = person
    kept = [call for index, call in enumerate(unphased(calls)) if index not in missing]
    found = match(definition, kept)
    if kept:
        assert true in labels(found)
        assert labels(match(definition, unphased(calls))) <= labels(found)


@settings(max_examples=40, deadline=None)
@given(people())
def test_pharmcat_rules_list_a_part_of_what_is_possible(person: tuple[GeneDefinition, str, list[SiteCall]]) -> None:
    definition, _, calls = person
    ours = labels(match(definition, unphased(calls)))
    assert labels(match(definition, unphased(calls), rules="pharmcat")) <= ours
    assert labels(match(definition, unphased(calls), rules="pharmcat", all_matches=True)) == ours
