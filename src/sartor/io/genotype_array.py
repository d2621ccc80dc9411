"""Consumer genotype arrays: 23andMe, AncestryDNA, MyHeritage and files of the same form, read at the known sites.

An array names letters, not alleles: a genotype is used only when its strand is certain. Where the file does not
state the strand, that of most rows holds, and a row that fits only the other is set aside. Letters that are each
other's complement (A/T, C/G) are therefore not called unless the file states the strand of the reference.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from sartor.domain.genome import CalledGenome, GenomeBuild, GenotypeRecord, Region
from sartor.domain.provenance import Origin, Quarantined
from sartor.errors import BuildConflict, MalformedInput, UnknownBuild
from sartor.io.bgzf import chunks, first_bytes, is_gzip
from sartor.io.repeated_records import contradictions
from sartor.io.vcf_header import chromosome_name
from sartor.knowledge.genome_builds import KnownSite, build_table, grch37_position

_COLUMNS: Final = re.compile(
    r'^#?\s*"?rsid"?\s*[\t,]\s*"?chrom(osome)?"?\s*[\t,]\s*"?position"?\s*[\t,]\s*"?(genotype|result|allele1)', re.I
)
_NOT_CALLED: Final = frozenset("-0?.N")
_COMPLEMENT: Final = str.maketrans("ACGT", "TGCA")
_BUILD: Final = re.compile(r"(?:build|GRCh|NCBI)\s*(3[678])|\bhg(18|19|38)\b", re.I)
_BUILDS: Final = {"37": GenomeBuild.GRCH37, "19": GenomeBuild.GRCH37, "38": GenomeBuild.GRCH38}
_FORWARD: Final = re.compile(r"(forward|plus|\(\+\)|positive)[^.]{0,40}strand|strand[^.]{0,20}(forward|plus)", re.I)
_ENOUGH: Final = 3


class Strand(Enum):
    """The strand of a file's letters: stated to be the reference's, shown by most rows, or not to be told."""

    STATED = "stated"
    PLUS = "plus"
    MINUS = "minus"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ArrayRow:
    """One line: an identifier, a place on the file's build, and the letters of the genotype."""

    identifier: str
    chromosome: str
    position: int
    letters: str
    line: int


@dataclass(slots=True)
class _Read:
    comments: list[str] = field(default_factory=list)
    rows: list[ArrayRow] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


def recognises(head: bytes, path: Path) -> bool:
    """Whether the file is a table of rsid, chromosome, position and genotype."""
    if is_gzip(head):
        head = first_bytes(path, 8192)
    lines = head.decode("utf-8-sig", "replace").splitlines()
    return any(_COLUMNS.match(line) for line in lines[:200])


def read_genome(path: Path, *, regions: Iterable[Region]) -> CalledGenome:
    """The genotypes at the known sites in these regions (GRCh38).

    Raises MalformedInput for another kind of file, BuildConflict when identifiers stand where they lie on the build
    that the comments do not state, and UnknownBuild when neither the comments nor the positions of
    known identifiers tell the build, or when it is older than GRCh37. What cannot be used stands in `quarantined`.
    """
    wanted = tuple(regions)
    read = _read(path)
    build = _build(read, path)
    places = _places(build, wanted)
    found = [(row, places.get((row.chromosome, row.position)) or _after_anchor(row, places)) for row in read.rows]
    known = [(row, site) for row, site in found if site is not None]
    strand = Strand.STATED if _FORWARD.search(" ".join(read.comments)) else _strand(known)
    drawn = [_record(row, site, strand, path.name, read.quarantined) for row, site in known]
    records = [each for each in drawn if each is not None]
    read.quarantined.extend(contradictions(records, kind="array"))
    return CalledGenome.of(
        records,
        sample=path.name.split(".")[0],
        source_build=build,
        kind="array",
        quarantined=read.quarantined,
        regions=wanted,
    )


def _lines(path: Path) -> Iterator[str]:
    rest = b""
    for piece in chunks(path):
        if not rest and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise MalformedInput("the file is in UTF-16", where=str(path), todo="save it as UTF-8")
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        yield from (line.decode("utf-8-sig", "replace").rstrip("\r") for line in lines)
    if rest:
        yield rest.decode("utf-8-sig", "replace").rstrip("\r")


def _read(path: Path) -> _Read:
    """Comments, and the rows whose place can be one of our sites on either build."""
    read = _Read()
    near = _near_positions()
    columns = False
    for number, line in enumerate(_lines(path), start=1):
        if _COLUMNS.match(line):
            columns = True
        elif line.startswith("#"):
            read.comments.append(line)
        elif line.strip():
            if not columns:
                raise MalformedInput(
                    "the line of column names (rsid, chromosome, position …) is missing",
                    where=f"{path} line {number}",
                    todo="hand in the file as it was downloaded",
                )
            _take(line, number, near, path, read)
    if not columns:
        raise MalformedInput("this is not a genotype array's table", where=str(path), todo="check the file")
    return read


def _take(line: str, number: int, near: frozenset[int], path: Path, read: _Read) -> None:
    fields = next(csv.reader([line])) if "\t" not in line else line.split("\t")
    if len(fields) < 4 or not fields[2].strip().isdigit():
        read.quarantined.append(_aside(path.name, number, "the line lacks rsid, chromosome, position or genotype"))
        return
    position = int(fields[2])
    if position not in near:
        return
    chromosome = chromosome_name(fields[1].strip())
    if chromosome is not None:
        letters = "".join(part.strip() for part in fields[3:5]).upper()
        read.rows.append(ArrayRow(fields[0].strip(), chromosome, position, letters, number))


def _near_positions() -> frozenset[int]:
    """Every position, on either build, at which an array may state one of our sites."""
    found: set[int] = set()
    for chromosome, position in build_table().sites:
        old = grch37_position(chromosome, position)
        found.update((position, position + 1))
        if old is not None:
            found.update((old, old + 1))
    return frozenset(found)


def _build(read: _Read, path: Path) -> GenomeBuild:
    """From the comments, else from where known identifiers stand."""
    stated = {match[1] or match[2] for match in _BUILD.finditer(" ".join(read.comments))}
    builds = {_BUILDS[each] for each in stated if each in _BUILDS}
    counts = {build: _in_place(read.rows, build) for build in GenomeBuild}
    if len(builds) == 1:
        return _checked(builds.pop(), counts, path)
    best = max(counts, key=lambda build: counts[build])
    if not stated - set(_BUILDS) and counts[best] >= _ENOUGH and min(counts.values()) * 5 <= counts[best]:
        return best
    old = f" (it states build {', '.join(sorted(stated))})" if stated else ""
    raise UnknownBuild(
        f"the genome build of the array cannot be established{old}",
        where=str(path),
        todo="download the data again on build 37 or 38",
    )


def _checked(stated: GenomeBuild, counts: dict[GenomeBuild, int], path: Path) -> GenomeBuild:
    """The stated build, unless known identifiers stand where they lie on the other. Raises BuildConflict."""
    other = next(build for build in GenomeBuild if build is not stated)
    if counts[other] >= _ENOUGH and counts[stated] * 5 <= counts[other]:
        raise BuildConflict(
            f"the file states {stated}, but {counts[other]} known identifiers stand at their places on {other}",
            where=str(path),
            todo="download the data again, or correct the stated build",
        )
    return stated


def _in_place(rows: Iterable[ArrayRow], build: GenomeBuild) -> int:
    """How many rows with a known identifier stand where that identifier lies on a build."""
    expected: dict[tuple[str, str], int] = {}
    for site in build_table().sites.values():
        place = site.position if build is GenomeBuild.GRCH38 else grch37_position(site.chromosome, site.position)
        if site.rsid and place is not None:
            expected[site.rsid, site.chromosome] = place
    return sum(expected.get((row.identifier, row.chromosome)) == row.position for row in rows)


def _places(build: GenomeBuild, regions: Iterable[Region]) -> dict[tuple[str, int], KnownSite]:
    """Places on the file's build → the known site there."""
    found: dict[tuple[str, int], KnownSite] = {}
    inside = list(regions)
    for site in build_table().sites.values():
        if not any(r.chromosome == site.chromosome and r.start <= site.position <= r.end for r in inside):
            continue
        place = site.position if build is GenomeBuild.GRCH38 else grch37_position(site.chromosome, site.position)
        if place is not None:
            found[site.chromosome, place] = site
    return found


def _after_anchor(row: ArrayRow, places: dict[tuple[str, int], KnownSite]) -> KnownSite | None:
    """The indel site whose first changed base this row names, one after the base that a VCF would name."""
    site = places.get((row.chromosome, row.position - 1))
    return site if site is not None and _is_indel(site) and set(row.letters) & {"I", "D"} else None


def _record(
    row: ArrayRow, site: KnownSite, strand: Strand, file: str, quarantined: list[Quarantined]
) -> GenotypeRecord | None:
    """The row as a genotype at the site, or None with the reason set aside."""
    letters = row.letters
    if not letters or len(letters) > 2:
        quarantined.append(_aside(file, row.line, f"genotype {letters[:10]!r} is not one or two letters"))
        return None
    try:
        spelled = [None if letter in _NOT_CALLED else letter for letter in letters]
        if any(letter in ("I", "D") for letter in spelled) or len(site.reference) > 1 or _is_indel(site):
            named = _indel_alleles(site, spelled)
        else:
            named = _letters_on_strand(site, spelled, strand)
    except ValueError as error:
        quarantined.append(_aside(file, row.line, f"{row.identifier}: {error}"))
        return None
    alternates = tuple(dict.fromkeys(each for each in named if each not in (None, site.reference)))
    listed = (site.reference, *(alternates or site.alternates[:1]))
    return GenotypeRecord(
        chromosome=site.chromosome,
        position=site.position,
        reference=site.reference,
        alternates=tuple(str(each) for each in listed[1:]),
        alleles=tuple(None if each is None else listed.index(each) for each in named),
        end=site.position + len(site.reference) - 1,
        file=file,
        line=row.line,
    )


def _is_indel(site: KnownSite) -> bool:
    return any(len(each) != len(site.reference) for each in site.alternates)


def _indel_alleles(site: KnownSite, letters: list[str | None]) -> list[str | None]:
    """I and D as the longer and shorter allele of a site with exactly one alternative. Raises ValueError."""
    if not any(letters):
        return list(letters)
    if not set(letters) <= {"I", "D", None}:
        raise ValueError("letters at an insertion or deletion")
    if not _is_indel(site) or len(site.alternates) != 1:
        raise ValueError("I and D do not tell which of the site's insertions or deletions is meant")
    shorter, longer = sorted((site.reference, site.alternates[0]), key=len)
    return [None if each is None else longer if each == "I" else shorter for each in letters]


def _strand(rows: Iterable[tuple[ArrayRow, KnownSite]]) -> Strand:
    """The strand that most of a file's letters fit, where they fit one strand alone; OPEN when it cannot be told."""
    plus = minus = 0
    for row, site in rows:
        seen = set(row.letters) - _NOT_CALLED
        if not seen or not seen <= set("ACGT") or len(site.reference) > 1 or _is_indel(site):
            continue
        forward, backward = _fitting(site, seen)
        plus += forward and not backward
        minus += backward and not forward
    return Strand.PLUS if plus > minus else Strand.MINUS if minus > plus else Strand.OPEN


def _fitting(site: KnownSite, seen: Set[str]) -> tuple[bool, bool]:
    """Whether letters fit the site's alleles on the reference's strand, and on the other."""
    known = {site.reference, *site.alternates}
    return seen <= known, {letter.translate(_COMPLEMENT) for letter in seen} <= known


def _letters_on_strand(site: KnownSite, letters: list[str | None], strand: Strand) -> list[str | None]:
    """The letters on the reference's strand. Raises ValueError when the strand is not certain."""
    seen = {letter for letter in letters if letter is not None}
    if not seen <= set("ACGT"):
        raise ValueError(f"genotype letters {''.join(sorted(seen))} are not bases")
    forward, backward = _fitting(site, seen)
    if not seen or (strand is Strand.STATED and forward):
        return letters
    if strand is Strand.STATED or not (forward or backward):
        raise ValueError("its letters fit no allele of the site on the strand that the file states")
    if forward and backward:
        raise ValueError("its letters fit both strands and the file does not state the strand")
    if strand is Strand.OPEN or (strand is Strand.PLUS) is not forward:
        raise ValueError("its letters fit the other strand than those of the file's other rows")
    return letters if forward else [None if each is None else each.translate(_COMPLEMENT) for each in letters]


def _aside(file: str, line: int, reason: str) -> Quarantined:
    return Quarantined(origin=Origin(file=file, line=line), reason=reason, kind="array")
