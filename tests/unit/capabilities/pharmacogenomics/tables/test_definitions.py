"""The shipped definitions load, hold what the source holds, and refuse a broken table."""

from __future__ import annotations

from importlib.resources import files

import pytest

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions, parse
from sartor.errors import PackInvalid
from sartor.genomics.star_alleles.definition import natural_order


def test_all_genes_sites_and_alleles_are_there() -> None:
    genes = definitions()
    assert len(genes) == 20
    assert sum(len(each.sites) for each in genes.values()) == 1201
    assert sum(len(each.alleles) for each in genes.values()) == 1317


def test_every_allele_differs_from_every_other() -> None:
    for gene, definition in definitions().items():
        assert len({each.bases for each in definition.alleles}) == len(definition.alleles), gene
        assert len({each.name for each in definition.alleles}) == len(definition.alleles), gene


def test_reference_allele_spells_every_site() -> None:
    for definition in definitions().values():
        reference = definition.allele(definition.reference_allele)
        assert reference is not None
        assert reference.bases == definition.reference_bases


def test_traits() -> None:
    genes = definitions()
    assert [gene for gene, each in genes.items() if each.variant_list] == ["DPYD", "RYR1"]
    assert [gene for gene, each in genes.items() if each.haploid_in_males] == ["G6PD"]
    assert len(genes["NAT2"].required) == 5
    assert [site.rsid for site in genes["CYP2C9"].extra_sites] == ["rs12777823"]
    assert genes["SLCO1B1"].substitute_site == "rs4149056"
    pair = genes["DPYD"].tag_pair
    assert pair is not None
    assert [genes["DPYD"].sites[index].rsid for index in (pair.intronic, pair.exonic)] == ["rs75017182", "rs56038477"]


def test_regions_cover_every_site() -> None:
    definition = definitions()["CYP2C9"]
    for site, region in zip(definition.all_sites, definition.regions(10), strict=True):
        assert region.start < site.position < region.end


@pytest.mark.parametrize("change", [(b'"schema":1', b'"schema":9'), (b'"gene":', b'"gen":'), (b"{", b"[")])
def test_a_broken_table_is_refused(change: tuple[bytes, bytes]) -> None:
    content = files("sartor.capabilities.pharmacogenomics").joinpath("data/definitions.json").read_bytes()
    with pytest.raises(PackInvalid):
        parse(content.replace(*change, 1))


def test_alleles_stand_in_natural_order() -> None:
    for definition in definitions().values():
        names = [each.name for each in definition.alleles]
        assert tuple(names) == natural_order(names)
