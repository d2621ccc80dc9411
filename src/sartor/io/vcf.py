"""VCF, gVCF and BCF: recognised by content, read for the regions asked for, with or without an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sartor.domain.cohort import CohortGenotypes
from sartor.domain.genome import CalledGenome, GenomeBuild, GenotypeRecord, Region
from sartor.domain.provenance import Origin, Quarantined
from sartor.errors import MalformedInput, TruncatedInput, UnsortedInput
from sartor.io.bgzf import chunks, first_bytes, is_bgzip, is_gzip
from sartor.io.repeated_records import contradictions
from sartor.io.vcf_build import OTHER, Targets, establish_build, known_places, on_grch38, respelled, targets_on
from sartor.io.vcf_header import VcfHeader, parse_header, sample_column, split_header
from sartor.io.vcf_index import BadIndex, check_end, find_index, indexed_lines, read_index
from sartor.io.vcf_rows import BadRow, VcfRow, genotype_record, parse_row

MARGIN_BEFORE: Final = 10
MARGIN_AFTER: Final = 60
COMPILE_FROM: Final = 3_000_000
UNSPECIFIED: Final = ("<NON_REF>", "<*>")
_BCF_MAGIC: Final = b"BCF\x02"


@dataclass(frozen=True, slots=True)
class VcfRows:
    """The rows of the regions asked for, on GRCh38, each with old allele index → new, and what was set aside."""

    header: VcfHeader
    build: GenomeBuild
    rows: tuple[tuple[VcfRow, dict[int, int]], ...]
    quarantined: tuple[Quarantined, ...]

    @property
    def kind(self) -> str:
        """Either "gvcf", when there are reference blocks, or "vcf"."""
        return "gvcf" if any(_is_block(row) for row, _ in self.rows) else "vcf"


def _is_block(row: VcfRow) -> bool:
    longer = row.end > row.position + len(row.reference) - 1
    return longer and (not row.alternates or row.alternates[0] in UNSPECIFIED)


def recognises(head: bytes, path: Path) -> bool:
    """Whether this is a VCF or BCF, by the first bytes of the file (decompressed here where need be)."""
    if is_gzip(head):
        head = first_bytes(path, 4096)
    head = head.removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "ignore").encode()
    return head.startswith((b"##fileformat=VCF", b"#CHROM\tPOS", _BCF_MAGIC))


def is_bcf(path: Path) -> bool:
    """Whether the file is a BCF, compressed or not."""
    return first_bytes(path, 5).startswith(_BCF_MAGIC)


def sample_names(path: Path) -> tuple[str, ...]:
    """The samples of a VCF or BCF in the order of their columns."""
    return read_header(path)[0].samples


def read_header(path: Path) -> tuple[VcfHeader, Iterator[bytes], bytes]:
    """The header, the chunks that follow, and what of the current chunk follows the header."""
    if is_bcf(path):
        from sartor.io.vcf_bcf import as_text

        pieces = as_text(path, ())
    else:
        pieces = chunks(path)
    lines, rest = split_header(pieces, str(path))
    return parse_header(lines, str(path)), pieces, rest


def read_genome(path: Path, *, regions: Iterable[Region], sample: str | None = None) -> CalledGenome:
    """One person's genotypes in these regions (GRCh38), from a file on either build.

    sample: needed when the file has several. Raises UnknownSample, MalformedInput, TruncatedInput, UnsortedInput,
    UnknownBuild, BuildConflict, MissingExtra; records that cannot be used stand in `quarantined`.
    """
    wanted = tuple(regions)
    column = -1

    def choose(header: VcfHeader) -> None:
        nonlocal column
        column = sample_column(header, sample, str(path))

    found = read_rows(path, wanted, choose)
    records: list[GenotypeRecord] = []
    quarantined = list(found.quarantined)
    for row, translation in found.rows:
        try:
            records.append(_translated(genotype_record(row, column, path.name), translation))
        except BadRow as error:
            quarantined.append(_set_aside(path, row.line or None, str(error)))
    quarantined += contradictions(records)
    kind = "bcf" if found.kind == "vcf" and is_bcf(path) else found.kind
    return CalledGenome.of(
        records,
        sample=found.header.samples[column],
        source_build=found.build,
        kind=kind,
        quarantined=quarantined,
        regions=wanted,
    )


def _translated(record: GenotypeRecord, translation: dict[int, int]) -> GenotypeRecord:
    if not translation:
        return record
    alleles = tuple(None if index is None else translation[index] for index in record.alleles)
    return replace(record, alleles=alleles, allele_depths=())


def read_cohort(path: Path, *, regions: Iterable[Region], samples: Sequence[str] | None = None) -> CohortGenotypes:
    """The genotypes of every sample (or of those named) in these regions. Raises as `read_genome`."""
    from sartor.io.vcf_cohort import cohort_of

    def choose(header: VcfHeader) -> None:
        for name in samples or ():
            sample_column(header, name, str(path))
        if not header.samples:
            sample_column(header, None, str(path))

    found = read_rows(path, tuple(regions), choose)
    return cohort_of(found, samples, path.name)


def read_rows(path: Path, regions: tuple[Region, ...], choose: Callable[[VcfHeader], None]) -> VcfRows:
    """The rows that touch these regions; `choose` sees the header first and may refuse it."""
    header, pieces, rest = read_header(path)
    choose(header)
    padded = tuple(Region(c, max(1, start - MARGIN_BEFORE), end + MARGIN_AFTER) for c, start, end in regions)
    builds = [header.stated_build] if header.stated_build else list(GenomeBuild)
    candidates = [targets_on(build, padded) for build in builds]
    everywhere = [region for each in candidates for region in each.regions]
    if header.stated_build:
        everywhere += known_places(OTHER[header.stated_build])
    quarantined: list[Quarantined] = []
    lines = _lines(path, header, pieces, rest, everywhere, quarantined)
    rows = list(_parsed(path, header, lines, quarantined))
    build = establish_build(header.stated_build, rows, str(path))
    targets = next(each for each in candidates if each.build is build)
    placed = tuple(_placed(path, rows, targets, quarantined))
    return VcfRows(header, build, placed, tuple(quarantined))


def _lines(
    path: Path,
    header: VcfHeader,
    pieces: Iterator[bytes],
    rest: bytes,
    regions: Sequence[Region],
    quarantined: list[Quarantined],
) -> list[tuple[int, bytes]]:
    """The lines that can touch the regions, each with its number (0 when the index hides it)."""
    if is_bcf(path):
        from sartor.io.vcf_bcf import as_text

        pieces = as_text(path, regions)
        _, rest = split_header(pieces, str(path))
    else:
        by_index = _by_index(path, regions)
        if by_index is not None:
            return by_index
    from sartor.io.vcf_scan import scan

    found = scan(pieces, rest, regions, header_lines=header.lines, large=path.stat().st_size >= COMPILE_FROM)
    if found.unfinished.strip() and found.unfinished.count(b"\t") + 1 < _columns(header):
        raise TruncatedInput("the file ends inside a line", where=f"{path} line {found.total}", todo="fetch it again")
    if found.unsorted_line is not None:
        reason = "the record stands out of order, so the file is not sorted; all of it was read all the same"
        quarantined.append(_set_aside(path, found.unsorted_line, reason, kind="unsorted", todo="sort the file"))
    if found.malformed:
        more = f" and {found.malformed - 1} more lines like it" if found.malformed > 1 else ""
        reason = f"the line has no readable chromosome and position{more}"
        quarantined.append(_set_aside(path, found.malformed_line, reason))
    return found.lines


def _columns(header: VcfHeader) -> int:
    return 9 + len(header.samples) if header.samples else 8


def _by_index(path: Path, regions: Sequence[Region]) -> list[tuple[int, bytes]] | None:
    """The lines by the index beside the file; None when there is none, or none that can be used."""
    from sartor.io.vcf_scan import touching

    beside = find_index(path)
    with path.open("rb") as file:
        if beside is None or not is_bgzip(file.read(18)):
            return None
    try:
        index = read_index(beside, regions)
    except BadIndex:
        return None
    check_end(path)
    try:
        lines = (line for line in indexed_lines(path, index, regions) if line.rstrip(b"\r"))
        return [(0, line) for line in touching(lines, regions)]
    except (MalformedInput, TruncatedInput) as error:
        raise type(error)(
            error.what, where=error.where, todo=f"make the index {beside.name} anew, or fetch the file again"
        ) from error


def _parsed(
    path: Path, header: VcfHeader, lines: Iterable[tuple[int, bytes]], quarantined: list[Quarantined]
) -> Iterator[VcfRow]:
    columns = len(header.samples) + 9 if header.samples else None
    previous: tuple[str, int] = ("", 0)
    for number, line in lines:
        try:
            row = parse_row(line, number, columns or line.count(b"\t") + 1)
        except BadRow as error:
            start = line[:40].decode("utf-8", "replace").replace("\t", " ")
            quarantined.append(_set_aside(path, number or None, f"{error} (line begins: {start})"))
            continue
        if not number and row.chromosome == previous[0] and row.position < previous[1]:
            raise UnsortedInput(
                "the file has an index but its records are out of order",
                where=f"{path} at {row.chromosome}:{row.position}",
                todo="sort the file and index it again",
            )
        previous = (row.chromosome, row.position)
        yield row


def _placed(
    path: Path, rows: Iterable[VcfRow], targets: Targets, quarantined: list[Quarantined]
) -> Iterator[tuple[VcfRow, dict[int, int]]]:
    for row in rows:
        try:
            here = on_grch38(row, targets)
            if here is not None:
                yield from respelled(here, targets.build)
        except BadRow as error:
            quarantined.append(_set_aside(path, row.line or None, str(error)))


def _set_aside(path: Path, line: int | None, reason: str, *, kind: str = "record", todo: str = "") -> Quarantined:
    return Quarantined(origin=Origin(file=path.name, line=line), reason=reason, kind=kind, todo=todo)
