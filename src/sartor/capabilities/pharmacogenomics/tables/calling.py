"""Which genes are called how: from a genome by position, with all tables that this takes, or only by a laboratory."""

from __future__ import annotations

from functools import cache

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.frequencies import frequency_tables
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.genomics.normalise import Site
from sartor.genomics.star_alleles.possible import GeneTables


@cache
def called_by_position() -> tuple[GeneTables, ...]:
    """Definition, phenotypes and frequencies of every gene that is called from a genome, in order of their names."""
    genes = sorted(definitions().keys() - set(outside_only_genes()))
    return tuple(
        GeneTables(definitions()[gene], phenotype_tables().get(gene), frequency_tables().get(gene)) for gene in genes
    )


def outside_only_genes() -> tuple[str, ...]:
    """Genes that no variant file shows well enough: copy number, hybrids, HLA types."""
    return tuple(record_codes()["outside_only"]["genes"])


@cache
def outside_only_sites(gene: str) -> tuple[Site, ...]:
    """The positions of such a gene that a file may state all the same; their names stand in the place of rsIDs."""
    if gene in definitions():
        return definitions()[gene].all_sites
    return tuple(
        Site(each["chromosome"], each["position"], each["reference"], tuple(each["alternates"]), each["name"])
        for each in record_codes()["outside_only"]["position"]
        if each["gene"] == gene
    )
