"""However a genotype is written, the calls are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.domain.cohort import CohortGenotypes, CohortRecord
from sartor.domain.genome import CalledGenome, GenomeBuild, GenotypeRecord
from sartor.genomics.cohort_sites import CONCERNS
from sartor.genomics.normalise import Site, call_sites, cohort_calls
from sartor.knowledge.genome_builds import build_table

SITES = [
    Site(each.chromosome, each.position, each.reference, each.alternates, each.rsid)
    for each in build_table().sites.values()
]
INDELS = [site for site in SITES if site.is_indel]
ANY_SITE = st.one_of(st.sampled_from(SITES), st.sampled_from(INDELS))


def written(site: Site, alternates: tuple[str, ...], copies: tuple[int | None, ...]) -> GenotypeRecord:
    return GenotypeRecord(site.chromosome, site.position, site.reference, alternates, copies, site.end)


def calls(site: Site, *records: GenotypeRecord) -> tuple[str | None, ...]:
    return call_sites(CalledGenome.of(records, sample="S"), [site])[0].alleles


@st.composite
def genotypes(draw: st.DrawFn) -> tuple[Site, tuple[int, int]]:
    site = draw(ANY_SITE)
    index = st.integers(0, len(site.alternates))
    return site, tuple(sorted((draw(index), draw(index))))  # type: ignore[return-value]


def expected(site: Site, copies: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(site.alleles[index] for index in copies)


@given(genotypes(), st.randoms())
@settings(max_examples=300, deadline=None)
def test_order_of_alternates_does_not_matter(drawn: tuple[Site, tuple[int, int]], random: object) -> None:
    site, copies = drawn
    shuffled = list(site.alternates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    spelled = expected(site, copies)
    indices = tuple((site.reference, *shuffled).index(each) for each in spelled)
    assert calls(site, written(site, tuple(shuffled), indices)) == spelled


@given(genotypes(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_split_and_joined_rows_agree(drawn: tuple[Site, tuple[int, int]], trimmed: bool) -> None:
    site, copies = drawn
    rows = []
    for number, alternate in enumerate(site.alternates, start=1):
        row = written(site, (alternate,), tuple(int(index == number) for index in copies))
        rows.append(trim(row) if trimmed else row)
    assert calls(site, *rows) == expected(site, copies)


def trim(row: GenotypeRecord) -> GenotypeRecord:
    """Take shared bases off the end, as normalisation does."""
    reference, alternate = row.reference, row.alternates[0]
    while len(reference) > 1 and len(alternate) > 1 and reference[-1] == alternate[-1]:
        reference, alternate = reference[:-1], alternate[:-1]
    return replace(row, reference=reference, alternates=(alternate,), end=row.position + len(reference) - 1)


@given(genotypes(), st.integers(0, 4), st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_padding_does_not_matter(drawn: tuple[Site, tuple[int, int]], before: int, after: int) -> None:
    site, copies = drawn
    known = build_table().sites[site.chromosome, site.position].following
    left, right = "N" * 0, (known + "ACGTAC")[:after] if site.is_indel else "ACGTAC"[:after]
    left = "ACGT"[:before]
    row = GenotypeRecord(
        site.chromosome,
        site.position - before,
        left + site.reference + right,
        tuple(left + alternate + right for alternate in site.alternates),
        copies,
        site.end + after,
    )
    assert calls(site, row) == expected(site, copies)


@given(genotypes(), st.data())
@settings(max_examples=300, deadline=None)
def test_an_indel_may_stand_anywhere_in_its_repeat(drawn: tuple[Site, tuple[int, int]], data: st.DataObject) -> None:
    site, copies = drawn
    following = build_table().sites[site.chromosome, site.position].following if site.is_indel else ""
    window = site.reference + following
    rows = []
    for number, alternate in enumerate(site.alternates, start=1):
        change = len(alternate) - len(site.reference)
        genotype = tuple(int(index == number) for index in copies)
        if change == 0 or alternate[0] != site.reference[0]:
            rows.append(written(site, (alternate,), genotype))
            continue
        target = alternate + following
        places = [at for at in range(len(window)) if rewritten(window, at, change, target) is not None]
        at = data.draw(st.sampled_from(places))
        reference, moved = rewritten(window, at, change, target) or ("", "")
        start = site.position + at
        rows.append(GenotypeRecord(site.chromosome, start, reference, (moved,), genotype, start + len(reference) - 1))
    assert calls(site, *rows) == expected(site, copies)


def rewritten(window: str, at: int, change: int, target: str) -> tuple[str, str] | None:
    """REF and ALT of the event with its anchor at `at`, or None when it cannot stand there."""
    if change < 0:
        reference, alternate = window[at : at + 1 - change], window[at]
        fits = len(reference) == 1 - change and window[: at + 1] + window[at + 1 - change :] == target
    else:
        reference, alternate = window[at], target[at : at + 1 + change]
        fits = window[: at + 1] + alternate[1:] + window[at + 1 :] == target and alternate[:1] == reference
    return (reference, alternate) if fits else None


@given(ANY_SITE, st.integers(0, 300), st.integers(0, 300))
@settings(max_examples=200, deadline=None)
def test_blocks_and_reference_rows_agree(site: Site, before: int, after: int) -> None:
    start = site.position - before
    block = GenotypeRecord(site.chromosome, start, "N", ("<NON_REF>",), (0, 0), site.end + after)
    explicit = written(site, site.alternates, (0, 0))
    bare = written(site, (), (0, 0))
    assert calls(site, block) == calls(site, explicit) == calls(site, bare) == (site.reference,) * 2


@given(st.lists(genotypes(), min_size=1, max_size=6), st.booleans(), st.booleans(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_cohort_reads_as_each_of_its_members(
    drawn: list[tuple[Site, tuple[int, int]]], split: bool, phased: bool, data: st.DataObject
) -> None:
    site = drawn[0][0]
    quality = st.lists(st.sampled_from([0, 5, 40]), min_size=len(drawn), max_size=len(drawn))
    depths, qualities = data.draw(quality), data.draw(quality)
    people = [tuple(min(index, len(site.alternates)) for index in copies) for _, copies in drawn]
    shapes = (
        [(number,) for number in range(1, len(site.alternates) + 1)]
        if split
        else [tuple(range(1, len(site.alternates) + 1))]
    )
    rows, alone = [], [[] for _ in people]
    for shape in shapes:
        alternates = tuple(site.alternates[number - 1] for number in shape)
        matrix = [[shape.index(index) + 1 if index in shape else 0 for index in copies] for copies in people]
        rows.append(
            CohortRecord(
                site.chromosome, site.position, site.reference, alternates, site.end,
                np.array(matrix, np.int8), np.full(len(people), phased), None,
                np.array(depths, np.int32), np.array(qualities, np.int32),
            )
        )  # fmt: skip
        for person, copies in enumerate(matrix):
            seen = {"depth": depths[person], "genotype_quality": qualities[person], "phased": phased}
            alone[person].append(replace(written(site, alternates, tuple(copies)), **seen))
    cohort = CohortGenotypes(tuple(str(n) for n in range(len(people))), GenomeBuild.GRCH38, "vcf", rows)
    found = cohort_calls(cohort, [site])
    for person, records in enumerate(alone):
        codes = found.codes[0, person].tolist()
        single = call_sites(CalledGenome.of(records, sample="S"), [site])[0]
        assert tuple(found.alleles[0][code] if code >= 0 else None for code in codes) == single.alleles
        bits = int(found.concerns[0, person])
        assert {each for bit, each in enumerate(CONCERNS) if bits >> bit & 1} == set(single.concern.split(";")) - {""}
