from __future__ import annotations

import pytest

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.frequencies import ancestry_groups, frequency_tables
from sartor.domain.code import Coded
from sartor.genomics.star_alleles.frequencies import GeneFrequencies, GroupFrequencies

ONE = GroupFrequencies("EUR", 50, 100, 6, {"*1": 90, "*2": 8, "*3": 1, "*4": 1})
OTHER = GroupFrequencies("AFR", 50, 100, 6, {"*1": 50, "*2": 50})
GENE = GeneFrequencies("GENE1", "a panel", {"EUR": ONE, "AFR": OTHER})


def test_unseen_alleles_are_rare_but_not_impossible():
    assert ONE.frequency("*5") == pytest.approx(2 / 101 / 2)
    assert ONE.frequency("*1") == pytest.approx(0.9 * (1 - 2 / 101))


def test_frequencies_of_all_alleles_add_up():
    assert sum(ONE.frequency(f"*{n}") for n in range(1, 7)) == pytest.approx(1)


def test_groups_weigh_alike_and_unknown_groups_mean_all():
    assert GENE.frequency("*1", ("EUR",)) == ONE.frequency("*1")
    assert GENE.frequency("*1") == pytest.approx((ONE.frequency("*1") + OTHER.frequency("*1")) / 2)
    assert GENE.chosen(("XXX",)) == ("EUR", "AFR")


def test_prior_is_named():
    assert GENE.prior(("AFR",)) == "a panel, AFR, n=50"
    assert GENE.prior() == "a panel, EUR+AFR, n=100"


@pytest.mark.parametrize("gene", list(frequency_tables()))
def test_shipped_counts_name_known_alleles_and_add_up(gene):
    definition = definitions()[gene]
    known = {definition.suballeles.get(each.name, each.name) for each in definition.alleles}
    for group in frequency_tables()[gene].groups.values():
        assert set(group.counts) <= known
        assert sum(group.counts.values()) == pytest.approx(group.chromosomes, abs=0.5)


def test_ancestry_codes_lead_to_groups():
    assert ancestry_groups([Coded(system="race", code="2028-9")]) == ("EAS", "SAS")
    assert ancestry_groups([Coded(system="panel", code="AFR")]) == ("AFR",)
    assert ancestry_groups([Coded(system="x", code="unknown")]) == ()
