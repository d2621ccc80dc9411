"""Which genome build the rows of a VCF are on, and the rows of a GRCh37 file written on GRCh38."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sartor.domain.genome import GenomeBuild, Region
from sartor.errors import BuildConflict, UnknownBuild
from sartor.io.vcf_rows import BadRow, VcfRow, moved
from sartor.knowledge.genome_builds import build_table, grch37_position, known_bases, reference_base, regions_on_grch37

_ENOUGH: Final = 3
OTHER: Final = {GenomeBuild.GRCH37: GenomeBuild.GRCH38, GenomeBuild.GRCH38: GenomeBuild.GRCH37}


@dataclass(frozen=True, slots=True)
class Targets:
    """The regions to read, on the coordinates of one build, and what to add to get to GRCh38.

    stretches: chromosome → regions sorted and merged, as lists of first bases, last bases and shifts.
    """

    build: GenomeBuild
    stretches: Mapping[str, tuple[list[int], list[int], list[int]]]

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions alone."""
        return tuple(
            Region(chromosome, start, end)
            for chromosome, (starts, ends, _) in self.stretches.items()
            for start, end in zip(starts, ends, strict=True)
        )

    def shift(self, row: VcfRow) -> int | None:
        """What to add to the row's positions to get GRCh38; None when it touches no region."""
        if row.chromosome not in self.stretches:
            return None
        starts, ends, shifts = self.stretches[row.chromosome]
        last = bisect_right(starts, row.end) - 1
        return shifts[last] if last >= 0 and ends[last] >= row.position else None


def targets_on(build: GenomeBuild, regions: Iterable[Region]) -> Targets:
    """The regions (given on GRCh38) as they lie on a build."""
    pairs = [(region, 0) for region in regions] if build is GenomeBuild.GRCH38 else regions_on_grch37(regions)
    stretches: dict[str, tuple[list[int], list[int], list[int]]] = {}
    for (chromosome, start, end), shift in sorted(pairs):
        starts, ends, shifts = stretches.setdefault(chromosome, ([], [], []))
        if ends and start <= ends[-1] + 1 and shifts[-1] == shift:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
            shifts.append(shift)
    return Targets(build, stretches)


def known_places(build: GenomeBuild) -> tuple[Region, ...]:
    """The first base of every known site on a build: what must be read to tell whether a file is on that build."""
    places = set()
    for chromosome, position in build_table().sites:
        place = position if build is GenomeBuild.GRCH38 else grch37_position(chromosome, position)
        if place is not None:
            places.add(Region(chromosome, place, place))
    return tuple(sorted(places))


@dataclass(frozen=True, slots=True)
class _Agreement:
    """How many sites' rows agree or disagree with a build's reference bases, and how many rsIDs stand in place."""

    matches: int
    mismatches: int
    identifiers: int

    @property
    def weight(self) -> int:
        return self.matches + 2 * self.identifiers

    @property
    def establishes(self) -> bool:
        return self.weight >= _ENOUGH and self.mismatches * 5 <= self.weight


def establish_build(stated: GenomeBuild | None, rows: Sequence[VcfRow], where: str) -> GenomeBuild:
    """The build that the header states, checked against known reference bases; else the one that the bases show.

    `rows` must hold those at the known places of both builds. Raises BuildConflict when the bases contradict the
    header, or when the records stand at the other build's known sites and not at its own, and
    UnknownBuild when nothing tells.
    """
    agreement = {build: _agreement(rows, build) for build in GenomeBuild}
    if stated is not None:
        ours, theirs = agreement[stated], agreement[OTHER[stated]]
        if ours.mismatches >= _ENOUGH and ours.mismatches > ours.matches:
            fits = f" and fit {OTHER[stated]}" if theirs.establishes else ""
            raise BuildConflict(
                f"the header states {stated}, but {ours.mismatches} known reference bases contradict it{fits}",
                where=where,
                todo="correct the header or hand in the right file",
            )
        if theirs.establishes and ours.weight * 5 <= theirs.weight:
            raise BuildConflict(
                f"the header states {stated}, but {theirs.matches} records stand where known variants lie on"
                f" {OTHER[stated]} and {ours.matches} where they lie on {stated}",
                where=where,
                todo="correct the header or hand in the right file",
            )
        return stated
    found = [build for build in GenomeBuild if agreement[build].establishes]
    if len(found) != 1:
        raise UnknownBuild(
            "neither the header nor the reference bases tell the genome build",
            where=where,
            todo="add ##contig lines with lengths, or a ##reference line, to the header",
        )
    return found[0]


def _agreement(rows: Sequence[VcfRow], build: GenomeBuild) -> _Agreement:
    matches = mismatches = identifiers = 0
    sites = build_table().sites
    for row in rows:
        for shift in _shifts(row, build):
            place = row.position + shift
            expected = reference_base(row.chromosome, place, build)
            if expected is None or row.reference[0] == "N":
                continue
            matches += expected == row.reference[0]
            mismatches += expected != row.reference[0]
            identifiers += sites[row.chromosome, place].rsid in row.identifiers
    return _Agreement(matches, mismatches, identifiers)


def _shifts(row: VcfRow, build: GenomeBuild) -> Iterator[int]:
    if build is GenomeBuild.GRCH38:
        yield 0
        return
    for locus in build_table().loci:
        on_old = locus.start + locus.grch37_minus_grch38
        if locus.chromosome == row.chromosome and on_old <= row.position <= locus.end + locus.grch37_minus_grch38:
            yield -locus.grch37_minus_grch38
            return


def on_grch38(row: VcfRow, targets: Targets) -> VcfRow | None:
    """The row with GRCh38 positions, checked against known reference bases; None when it touches no region.

    A row whose REF is the base of GRCh37 where the builds differ is left for `respelled`. Raises BadRow when REF
    contradicts the reference.
    """
    shift = targets.shift(row)
    if shift is None:
        return None
    here = moved(row, shift)
    known = known_bases(targets.build)
    for offset, base in enumerate(row.reference):
        expected = known.get((here.chromosome, here.position + offset))
        if expected is not None and base != expected and base in "ACGT":
            raise BadRow(
                f"REF {row.reference[:20]} at {row.chromosome}:{row.position} contradicts the reference base {expected}"
            )
    return here


def respelled(row: VcfRow, build: GenomeBuild) -> list[tuple[VcfRow, dict[int, int]]]:
    """The row as it reads on GRCh38: one or several rows, each with old allele index → new (empty: unchanged).

    Only rows of GRCh37 over a position whose reference base changed between the builds differ. Raises BadRow for a
    longer REF over such a position.
    """
    if build is GenomeBuild.GRCH38:
        return [(row, {})]
    changed = [
        (place, new)
        for (chromosome, place), (_, new) in build_table().differing.items()
        if chromosome == row.chromosome and row.position <= place <= row.end
    ]
    if not changed:
        return [(row, {})]
    if row.end == row.position and len(row.reference) == 1:
        return [_with_reference(row, changed[0][1])]
    if row.end > row.position + len(row.reference) - 1:
        return _split_block(row, sorted(changed))
    raise BadRow(f"REF {row.reference[:20]} spans a base that differs between GRCh37 and GRCh38")


def _with_reference(row: VcfRow, reference: str) -> tuple[VcfRow, dict[int, int]]:
    """A single-base row re-spelled with another reference base."""
    old = (row.reference, *row.alternates)
    kept = tuple(
        allele[0:1].replace(row.reference, reference) + allele[1:] if len(allele) > 1 and allele[0] != "<" else allele
        for allele in old
    )
    alternates = tuple(dict.fromkeys(allele for allele in kept if allele != reference))
    new = (reference, *alternates)
    return replace(row, reference=reference, alternates=alternates), {i: new.index(a) for i, a in enumerate(kept)}


def _split_block(row: VcfRow, changed: list[tuple[int, str]]) -> list[tuple[VcfRow, dict[int, int]]]:
    """A reference block cut at the changed bases, each of which becomes a row with GRCh37's base as its alternate."""
    pieces: list[tuple[VcfRow, dict[int, int]]] = []
    start = row.position
    table = build_table().differing
    for place, new in changed:
        if place > start:
            pieces.append((replace(row, position=start, end=place - 1), {}))
        old = table[row.chromosome, place][0]
        single = replace(row, position=place, end=place, reference=old, alternates=row.alternates)
        pieces.append(_with_reference(single, new))
        start = place + 1
    if start <= row.end:
        pieces.append((replace(row, position=start, end=row.end, reference="N"), {}))
    return pieces
