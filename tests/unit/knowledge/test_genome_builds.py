"""How GRCh37 and GRCh38 relate at our loci."""

from __future__ import annotations

from sartor.domain.genome import GenomeBuild, Region
from sartor.knowledge.genome_builds import (
    build_table,
    following_bases,
    grch37_position,
    known_bases,
    reference_base,
    regions_on_grch37,
)


def test_places_known_from_the_literature() -> None:
    assert grch37_position("chr10", 94781859) == 96541616  # rs4244285
    assert grch37_position("chr12", 21178615) == 21331549  # rs4149056
    assert grch37_position("chr16", 31096368) == 31107689  # rs9923231
    assert grch37_position("chr7", 99672916) == 99270539  # rs776746
    assert grch37_position("chr1", 97450058) == 97915614  # rs3918290
    assert grch37_position("chr10", 94645745) == 96405502  # rs12777823, beside CYP2C9
    assert grch37_position("chr5", 1) is None


def test_every_site_lies_in_one_locus_and_has_its_bases() -> None:
    table = build_table()
    assert len(table.sites) == 1202
    for (chromosome, position), site in table.sites.items():
        assert grch37_position(chromosome, position) is not None
        assert set(site.reference + site.following) <= set("ACGT")
        assert all(alternate != site.reference for alternate in site.alternates)


def test_bases_that_differ_between_the_builds() -> None:
    assert reference_base("chr10", 94842866, GenomeBuild.GRCH38) == "A"
    assert reference_base("chr10", 94842866, GenomeBuild.GRCH37) == "G"
    assert reference_base("chr10", 94842867, GenomeBuild.GRCH37) is None
    assert known_bases(GenomeBuild.GRCH37)["chr7", 99672916] == "C"
    assert known_bases(GenomeBuild.GRCH38)["chr7", 99672916] == "T"


def test_overlapping_sites_agree_about_the_reference() -> None:
    seen: dict[tuple[str, int], str] = {}
    for site in build_table().sites.values():
        for offset, base in enumerate(site.reference + site.following):
            assert seen.setdefault((site.chromosome, site.position + offset), base) == base


def test_following_bases_of_a_repeat() -> None:
    assert following_bases("chr2", 233760233, "CAT") == "ATATATATATATA"
    assert following_bases("chr2", 233760233, "CA") == ""
    assert following_bases("chr10", 94781859, "G") == ""


def test_regions_are_cut_to_what_is_known() -> None:
    ((region, shift),) = regions_on_grch37([Region("chr16", 31096368, 99999999)])
    assert (region.chromosome, region.start, shift) == ("chr16", 31107689, -11321)
    assert region.end < 31108000
    assert regions_on_grch37([Region("chr5", 1, 100)]) == ()
