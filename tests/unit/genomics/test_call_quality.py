"""Few reads make a gene's data poor; records that contradict each other leave nothing to frequencies."""

import pytest

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.frequencies import frequency_tables
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import CalledGenome, GenotypeRecord
from sartor.genomics.normalise import call_sites
from sartor.genomics.star_alleles.possible import gene_call

GENE = "SLCO1B1"
SITES = definitions()[GENE].sites
DECISIVE_SITE = next(site for site in SITES if site.rsid == "rs4149056")


def record(site, alleles=(0, 0), depth=30, line=1):
    end = site.position + len(site.reference) - 1
    return GenotypeRecord(
        site.chromosome, site.position, site.reference, site.alternates[:1], alleles, end, depth=depth, line=line
    )


def call(*extra, depth=30):
    rows = [record(site, depth=depth if site is DECISIVE_SITE else 30) for site in SITES]
    genome = CalledGenome.of([*rows, *extra], sample="s")
    tables = (phenotype_tables()[GENE], frequency_tables()[GENE])
    return gene_call(definitions()[GENE], call_sites(genome, SITES), *tables)


@pytest.mark.parametrize(("depth", "quality"), [(30, "good"), (8, "reduced"), (3, "poor"), (1, "poor")])
def test_the_fewer_reads_at_one_position_the_worse_the_data(depth, quality):
    assert call(depth=depth).input_quality == quality


def test_contradicting_records_are_not_weighed_by_frequency():
    found = call(record(DECISIVE_SITE, (1, 1), line=9))
    assert found.status == "ambiguous"
    assert found.input_quality == "poor"
    assert found.phenotype_probabilities == ()
    assert all(each.probability is None for each in found.diplotypes)
