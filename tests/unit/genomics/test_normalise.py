"""Genotypes at sites, whatever way the file wrote them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sartor.domain.genome import CalledGenome, CallState, GenotypeRecord
from sartor.genomics.normalise import Site, SiteCall, call_sites

TA_REPEAT = Site("chr2", 233760233, "CAT", ("C", "CATAT", "CATATAT"), "rs3064744")
NUDT15 = Site("chr13", 48037782, "AGGAGTC", ("A", "AGGAGTCGGAGTC"), "rs746071566")
SNV = Site("chr10", 94781859, "G", ("A",), "rs4244285")
DELETION = Site("chr10", 94949281, "GA", ("G",), "rs9332131")
INSERTION = Site("chr7", 99652770, "T", ("TA",), "rs41303343")
DOUBLE = Site("chr19", 38572266, "TC", ("CT",), "rs193922862")


def record(site: Site, offset: int, text: str, **more: object) -> GenotypeRecord:
    """A record written "REF>ALT,ALT GT", `offset` bases after the site."""
    alleles, genotype = text.split()
    reference, _, alternates = alleles.partition(">")
    copies = genotype.replace("|", "/").split("/")
    position = site.position + offset
    values = {
        "end": position + len(reference) - 1,
        "phased": "|" in genotype,
        **more,
    }
    return GenotypeRecord(
        chromosome=site.chromosome,
        position=position,
        reference=reference,
        alternates=tuple(alternates.split(",")) if alternates not in ("", ".") else (),
        alleles=tuple(None if each == "." else int(each) for each in copies),
        **values,  # type: ignore[arg-type]
    )


def called(site: Site, *records: GenotypeRecord) -> SiteCall:
    return call_sites(CalledGenome.of(records, sample="S"), [site])[0]


@pytest.mark.parametrize(
    ("site", "offset", "written", "alleles"),
    [
        (SNV, 0, "G>A 0/1", ("G", "A")),
        (SNV, 0, "G>A 1/0", ("G", "A")),
        (SNV, 0, "G>C,A 0/2", ("G", "A")),
        (SNV, 0, "G>C 0/1", ("G", "C")),
        (SNV, 0, "G>. 0/0", ("G", "G")),
        (SNV, 0, "G>A,<NON_REF> 1/1", ("A", "A")),
        (SNV, 0, "GT>AT 0/1", ("G", "A")),
        (SNV, -1, "TG>TA 1/1", ("A", "A")),
        (SNV, 0, "G>A 1|0", ("A", "G")),
        (TA_REPEAT, 0, "CAT>C,CATAT,CATATAT 0/2", ("CAT", "CATAT")),
        (TA_REPEAT, 0, "C>CAT 0/1", ("CAT", "CATAT")),
        (TA_REPEAT, 0, "CATAT>CATATAT 1/1", ("CATAT", "CATAT")),
        (TA_REPEAT, 0, "CATATAT>CATAT 0/1", ("CAT", "C")),
        (TA_REPEAT, 1, "A>ATA 0/1", ("CAT", "CATAT")),
        (TA_REPEAT, 2, "TA>TATATA 0/1", ("CAT", "CATATAT")),
        (TA_REPEAT, 13, "ATA>A 0/1", ("CAT", "C")),
        (TA_REPEAT, 15, "A>ATA 0/1", ("CAT", "CATAT")),
        (NUDT15, 0, "AGGAGTC>AGGAGTCGGAGTC,A,CGGAGTC 0/1", ("AGGAGTC", "AGGAGTCGGAGTC")),
        (NUDT15, 0, "AGGAGTC>AGGAGTCGGAGTC,A,CGGAGTC 0/3", ("AGGAGTC", "AGGAGTC")),
        (NUDT15, 0, "A>AGGAGTC 0/1", ("AGGAGTC", "AGGAGTCGGAGTC")),
        (NUDT15, 2, "GAGTCGG>G 0/1", ("AGGAGTC", "A")),
        (NUDT15, 6, "CGGAGTC>C 0/1", ("AGGAGTC", "A")),
        (NUDT15, 12, "C>CGGAGTC 1/1", ("AGGAGTCGGAGTC",) * 2),
        (NUDT15, 0, "A>AGGG 0/1", ("AGGAGTC", "AGGGGGAGTC")),
        (DELETION, 0, "GA>G 0/1", ("GA", "G")),
        (DELETION, 1, "AA>A 0/1", ("GA", "G")),
        (DELETION, 0, "GA>. 0/0", ("GA", "GA")),
        (DELETION, 0, "GAA>GA,G 1/2", ("G", "GAA>G")),
        (INSERTION, 0, "T>TA 0/1", ("T", "TA")),
        (INSERTION, 1, "A>AA 0/1", ("T", "TA")),
        (INSERTION, 0, "T>. 0/0", ("T", "T")),
        (DOUBLE, 0, "TC>CT 0/1", ("TC", "CT")),
    ],
)
def test_one_record_however_written(site: Site, offset: int, written: str, alleles: tuple[str, ...]) -> None:
    found = called(site, record(site, offset, written))
    assert found.alleles == alleles
    assert found.state is (CallState.REFERENCE if set(alleles) == {site.reference} else CallState.VARIANT)


@pytest.mark.parametrize(
    ("site", "offset", "written", "concern"),
    [
        (SNV, 0, "G>A ./.", ""),
        (SNV, 0, "G>A 0/.", "half-call"),
        (SNV, 0, "G>A 1", "unexpected-ploidy"),
        (SNV, 0, "G>A,* 0/2", "spanning-deletion"),
        (SNV, 0, "G>* 0/1", "spanning-deletion"),
        (SNV, -1, "TG>T 0/1", "spanning-deletion"),
        (SNV, 0, "G>A,<NON_REF> 0/2", "unspecified-allele;half-call"),
        (SNV, 0, "G>A,C 0/1/2", "unexpected-ploidy"),
        (DELETION, -3, "CCAGA>C 0/1", "spanning-deletion"),
        (DELETION, 1, "A>T 0/0", ""),
        (DELETION, 0, "G>C 0/0", ""),
        (SNV, 0, "GT>G 0/0", ""),
        (SNV, -2, "ATGT>A 0/0", ""),
    ],
)
def test_not_called(site: Site, offset: int, written: str, concern: str) -> None:
    found = called(site, record(site, offset, written))
    assert found.state is CallState.NOT_CALLED
    assert found.concern == concern


def test_silence_is_not_called() -> None:
    found = called(SNV)
    assert (found.alleles, found.state, found.concern) == ((), CallState.NOT_CALLED, "")


def test_reference_that_contradicts_the_site_is_never_used() -> None:
    found = called(SNV, record(SNV, 0, "C>A 0/1"))
    assert (found.alleles, found.concern) == ((), "reference-mismatch")


@pytest.mark.parametrize(
    ("site", "blocks", "alleles"),
    [
        (SNV, [(-100, 50)], ("G", "G")),
        (NUDT15, [(-5, 30)], ("AGGAGTC",) * 2),
        (NUDT15, [(-5, 3), (4, 6)], ("AGGAGTC",) * 2),
        (NUDT15, [(0, 6), (8, 12)], ("AGGAGTC",) * 2),
        (NUDT15, [(-5, 0)], (None, None)),
        (NUDT15, [(0, 2), (4, 30)], (None, None)),
        (NUDT15, [(1, 30)], (None, None)),
    ],
)
def test_a_block_must_cover_the_whole_site(site: Site, blocks: list[tuple[int, int]], alleles: tuple[str, ...]) -> None:
    rows = [
        record(site, first, f"{'N' if first else site.reference[0]}><NON_REF> 0/0", end=site.position + last, depth=30)
        for first, last in blocks
    ]
    found = called(site, *rows)
    assert found.alleles == alleles
    assert found.concern == ("" if None not in alleles else "partly-covered")


def test_a_block_that_is_not_called_says_so() -> None:
    row = record(SNV, -5, "N><NON_REF> ./.", end=SNV.position + 5)
    assert called(SNV, row).alleles == (None, None)


def test_a_record_without_alternate_at_the_first_base_of_an_indel() -> None:
    found = called(NUDT15, record(NUDT15, 0, "A>. 0/0"))
    assert found.alleles == (NUDT15.reference,) * 2
    assert found.concern == "reference-at-first-base-only"
    silent = called(NUDT15, record(NUDT15, 0, "A>. 0/0"), record(NUDT15, 1, "G>. ./."))
    assert silent.alleles == (None, None)


def test_records_for_every_base_of_an_indel() -> None:
    rows = [record(NUDT15, place, f"{base}>. 0/0") for place, base in enumerate(NUDT15.reference)]
    assert called(NUDT15, *rows).concern == ""


def test_a_deletion_in_a_gvcf_leaves_the_bases_after_its_first_uncalled() -> None:
    before = Site("chr10", SNV.position - 1, "T", ("C",))
    row = record(before, 0, "TG>T,<NON_REF> 0/1")
    first, second = call_sites(CalledGenome.of([row], sample="S"), [before, SNV])
    assert first.alleles == ("T", "T")
    assert second.alleles == ("G", None)
    assert second.concern == "spanning-deletion"


@pytest.mark.parametrize(
    ("rows", "alleles", "concern"),
    [
        (["CAT>C 1/0", "CAT>CATAT 0/1"], ("C", "CATAT"), ""),
        (["CAT>C 0/1", "CAT>CATAT 0/1"], ("C", "CATAT"), ""),
        (["CAT>C 1/.", "CAT>CATAT ./1"], ("C", "CATAT"), ""),
        (["CAT>C 0/0", "CAT>CATAT 1/1"], ("CATAT", "CATAT"), ""),
        (["CAT>C 0|1", "CAT>CATAT 1|0"], ("CATAT", "C"), ""),
        (["CAT>C 0|1", "CAT>CATAT 0|1"], (None, None), "contradicting-records"),
        (["CAT>C 1/1", "CAT>CATAT 0/1"], (None, None), "contradicting-records"),
        (["CAT>C 0/1", "CAT>C 1/1"], (None, None), "contradicting-records"),
        (["CAT>C 0/1", "CAT>C 0/1"], ("CAT", "C"), ""),
        (["CAT>C 0/0", "CAT>C 1/1"], (None, None), "contradicting-records"),
        (["CAT>C 0/0", "CAT>C 0/1"], (None, None), "contradicting-records"),
        (["CAT>C 0|1", "CAT>C 1|0"], (None, None), "contradicting-records"),
        (["CAT>C 0/1", "CAT>CATAT,C 0/0"], (None, None), "contradicting-records"),
        (["CAT>C 0/1", "CAT>CATAT ./."], ("C", None), "half-call"),
    ],
)
def test_several_records_at_one_site(rows: list[str], alleles: tuple[str | None, ...], concern: str) -> None:
    found = called(TA_REPEAT, *(record(TA_REPEAT, 0, row) for row in rows))
    assert found.alleles == alleles
    assert found.concern == concern


@pytest.mark.parametrize(
    ("first", "second", "alleles"),
    [
        ("T>C 1/1", "C>T 1/1", ("CT", "CT")),
        ("T>C 0|1", "C>T 0|1", ("TC", "CT")),
        ("T>C 0|1", "C>T 1|0", ("TT", "CC")),
        ("T>C 0/1", "C>T 1/1", ("CT", "TT")),
        ("T>C 0/1", "C>T 0/1", (None, None)),
    ],
)
def test_a_longer_substitution_in_parts(first: str, second: str, alleles: tuple[str | None, ...]) -> None:
    assert called(DOUBLE, record(DOUBLE, 0, first), record(DOUBLE, 1, second)).alleles == alleles


def test_the_sites_own_record_wins_over_a_deletion_that_reaches_over_it() -> None:
    found = called(SNV, record(SNV, 0, "G>A 0/0"), record(SNV, -1, "TG>T 0/1"))
    assert found.alleles == ("G", "G")


def test_quality_becomes_a_concern_and_never_a_silence() -> None:
    row = record(SNV, 0, "G>A 0/1", depth=4, genotype_quality=11, filters=("LowQual",), allele_depths=(19, 1))
    found = called(SNV, row)
    assert found.alleles == ("G", "A")
    assert found.concern == "filtered;low-depth;low-genotype-quality;allele-balance"
    assert (found.depth, found.genotype_quality) == (4, 11)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("G>A 0/0", {"depth": 0}),
        ("G>A 1/1", {"depth": 0}),
        ("G>A 0/0", {"depth": 12, "genotype_quality": 0}),
        ("G>. 0/0", {"depth": 0, "genotype_quality": 0}),
    ],
)
def test_a_genotype_without_reads_is_not_called(written: str, values: dict[str, int]) -> None:
    found = called(SNV, record(SNV, 0, written, **values))
    assert (found.alleles, found.state) == ((None, None), CallState.NOT_CALLED)
    assert "no-reads" in found.concern


def test_a_block_without_reads_is_not_called() -> None:
    block = record(SNV, -200, "N><NON_REF> 0/0", end=SNV.position + 500, depth=0, genotype_quality=0)
    assert called(SNV, block).state is CallState.NOT_CALLED
    assert called(SNV, replace(block, depth=4, genotype_quality=30)).concern == "low-depth"


@pytest.mark.parametrize(
    ("written", "depths", "doubtful"),
    [("0/0", (15, 15), True), ("1/1", (30, 0), True), ("1/1", (3, 27), False), ("0/1", (14, 16), False)],
)
def test_reads_that_contradict_the_genotype(written: str, depths: tuple[int, int], doubtful: bool) -> None:
    found = called(SNV, record(SNV, 0, f"G>A {written}", allele_depths=depths))
    assert (found.concern == "allele-balance") is doubtful


def test_one_allele_alone_is_whole_only_where_there_may_be_one_copy() -> None:
    on_x = Site("chrX", 154536002, "C", ("T",))
    assert called(on_x, record(on_x, 0, "C>T 1")).alleles == ("T",)
    assert called(SNV, record(SNV, 0, "G>A 1")).alleles == ("A", None)


def test_phase_is_kept() -> None:
    found = called(SNV, record(SNV, 0, "G>A 1|0", phase_set=77))
    assert (found.phased, found.phase_set, found.alleles) == (True, 77, ("A", "G"))
