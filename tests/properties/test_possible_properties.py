from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.frequencies import frequency_tables
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.definition import natural_order
from sartor.genomics.star_alleles.possible import gene_call

GENES = ("CYP2C19", "CYP2C9", "NUDT15", "TPMT", "UGT1A1", "CYP3A5")


def calls_of(gene, pair, phased, missing):
    definition = definitions()[gene]
    calls = []
    for index, site in enumerate(definition.sites):
        bases = [each.bases[index] or definition.reference_bases[index] for each in pair]
        known = (site.reference, *site.alternates)
        bases = [base if base in known else site.reference for base in bases]
        if index in missing:
            continue
        if not phased:
            bases.sort(key=known.index)
        state = CallState.REFERENCE if set(bases) == {site.reference} else CallState.VARIANT
        calls.append(SiteCall(site, tuple(bases), state, phased=phased))
    return calls


@st.composite
def people(draw):
    gene = draw(st.sampled_from(GENES))
    alleles = [each for each in definitions()[gene].alleles if not each.structural]
    pair = (draw(st.sampled_from(alleles)), draw(st.sampled_from(alleles)))
    n = len(definitions()[gene].sites)
    missing = draw(st.sets(st.integers(0, n - 1), max_size=min(n - 1, 6)))
    more = missing | draw(st.sets(st.integers(0, n - 1), max_size=3))
    return gene, pair, draw(st.booleans()), missing, more


def call(gene, calls, **options):
    tables = (phenotype_tables().get(gene), frequency_tables().get(gene))
    return gene_call(definitions()[gene], calls, *tables, positions=False, **options)


def labels(found):
    return {each.label for each in found.diplotypes}


@settings(max_examples=60, deadline=None)
@given(people())
def test_the_truth_is_never_left_out(person):
    gene, pair, phased, missing, _ = person
    found = call(gene, calls_of(gene, pair, phased, missing))
    truth = natural_order(each.name for each in pair)
    if found.status != "not-tested":
        assert "/".join(truth) in labels(found)
        if found.status in ("called", "phenotype-certain"):
            phenotype = meaning.diplotype(phenotype_tables()[gene], truth).phenotype
            assert found.phenotypes == (() if phenotype == meaning.UNASSIGNED else (phenotype,))


@settings(max_examples=40, deadline=None)
@given(people())
def test_knowing_less_never_excludes_more(person):
    gene, pair, phased, missing, more = person
    known = call(gene, calls_of(gene, pair, phased, missing))
    less = call(gene, calls_of(gene, pair, phased, more))
    if less.status != "not-tested" and not any(note.startswith("candidates-left-out") for note in less.notes):
        assert labels(known) <= labels(less)


@settings(max_examples=40, deadline=None)
@given(people())
def test_probabilities_are_a_distribution(person):
    gene, pair, phased, missing, _ = person
    found = call(gene, calls_of(gene, pair, phased, missing))
    if found.phenotype_probabilities:
        assert sum(found.phenotype_probabilities) == pytest.approx(1, abs=1e-3)
        assert list(found.phenotype_probabilities) == sorted(found.phenotype_probabilities, reverse=True)
        assert all(0 < each.probability <= 1 and each.prior for each in found.diplotypes)
