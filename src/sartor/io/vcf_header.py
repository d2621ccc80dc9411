"""The header of a VCF: samples, contigs, the genome build that it states, and the names of chromosomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sartor.domain.genome import GenomeBuild
from sartor.errors import MalformedInput, TruncatedInput, UnknownSample
from sartor.knowledge.genome_builds import build_table

FIXED: Final = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
_NAMES_38: Final = re.compile(
    r"grch38|hg38|\bb38\b|hs38|gca_000001405\.(1[5-9]|2\d)|gcf_000001405\.(2[6-9]|3\d|4\d)", re.I
)
_NAMES_37: Final = re.compile(
    r"grch37|hg19|\bb37\b|hs37|human_g1k_v37|gca_000001405\.(\d|1[0-4])\b|gcf_000001405\.(1[3-9]|2[0-5])\b", re.I
)
# Versions of NCBI's chromosome accessions on GRCh38; GRCh37 has each one lower.
_ACCESSIONS_38: Final = dict(
    zip(
        range(1, 25),
        (11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10),
        strict=True,
    )
)
_NUMBERED: Final = {str(number): f"chr{number}" for number in range(1, 23)} | {
    "23": "chrX",
    "24": "chrY",
    "25": "chrX",
    "26": "chrM",
}
_LETTERED: Final = {"X": "chrX", "Y": "chrY", "M": "chrM", "MT": "chrM"}


@dataclass(frozen=True, slots=True)
class VcfHeader:
    """What a VCF says before its records.

    contigs: name as in the file → length (None when not stated); lines: how many lines the header has.
    stated_build: from contig lengths, accessions or assembly names; None when nothing tells.
    """

    samples: tuple[str, ...]
    contigs: dict[str, int | None]
    stated_build: GenomeBuild | None
    lines: int


def chromosome_name(name: str) -> str | None:
    """The project's name ("chr1" … "chrM") of a chromosome, or None for any other contig."""
    bare = name[3:] if name[:3].lower() == "chr" else name
    found = _NUMBERED.get(bare) or _LETTERED.get(bare.upper())
    if found is not None:
        return found
    accession = _accession(name)
    if accession is None:
        return None
    number = accession[0]
    return {23: "chrX", 24: "chrY"}.get(number, f"chr{number}")


def _accession(name: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"NC_0000(\d\d)\.(\d+)", name)
    return (int(match[1]), int(match[2])) if match and 1 <= int(match[1]) <= 24 else None


def split_header(chunks: Iterator[bytes], where: str) -> tuple[list[str], bytes]:
    """Take the header lines off the front; returns them and what follows of the chunk in which they ended."""
    held = b""
    for chunk in chunks:
        held += chunk
        if held[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise MalformedInput("the file is in UTF-16", where=where, todo="save it as UTF-8")
        held = held.removeprefix(b"\xef\xbb\xbf")
        end = _header_end(held)
        if end is not None:
            return _decode(held[:end], where), held[end:]
    if held and not held.endswith(b"\n") and held.rpartition(b"\n")[2].startswith(b"#"):
        last = held.rpartition(b"\n")[2]
        if last.startswith(b"#CHROM\t") and len(last.split(b"\t")) >= len(FIXED):
            return _decode(held, where), b""
        raise TruncatedInput("the file ends inside its header", where=where, todo="fetch it again")
    if held.startswith(b"#"):
        raise MalformedInput("the line of column names (#CHROM …) is missing", where=where, todo="restore the header")
    raise MalformedInput("this is not a VCF: it has no header", where=where, todo="hand in a VCF with its header")


def _header_end(data: bytes) -> int | None:
    """Place after the #CHROM line, or None when it is not (whole) in the data; a record before it ends the search."""
    place = 0
    while place < len(data) and data[place : place + 1] == b"#":
        newline = data.find(b"\n", place)
        if newline < 0:
            return None
        if data[place : place + 6] == b"#CHROM":
            return newline + 1
        place = newline + 1
    if place < len(data):
        raise MalformedInput(
            "a record stands before the line of column names (#CHROM …)",
            where=f"line {data.count(10, 0, place) + 1}",
            todo="restore the header",
        )
    return None


def _decode(data: bytes, where: str) -> list[str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\r" in text and "\r\n" not in text:
        raise MalformedInput("lines end in a lone carriage return", where=where, todo="save it with newlines")
    return text.replace("\r\n", "\n").rstrip("\n").split("\n")


def parse_header(lines: list[str], where: str) -> VcfHeader:
    """Read samples, contigs and the stated build; raises MalformedInput with the line for a bad #CHROM line."""
    columns = lines[-1].split("\t")
    if tuple(columns[: len(FIXED)]) != FIXED:
        missing = [name for name in FIXED if name not in columns]
        what = f"column {missing[0]} is missing" if missing else "the columns are not in the order of the format"
        if len(columns) == 1 and len(lines[-1].split()) > 1:
            what = "the columns are parted by spaces, not tabs"
        raise MalformedInput(what, where=f"{where} line {len(lines)}", todo="restore the line of column names")
    if len(columns) > len(FIXED) and columns[8] != "FORMAT":
        raise MalformedInput("column FORMAT is missing", where=f"{where} line {len(lines)}", todo="restore it")
    samples = tuple(columns[9:])
    if len(set(samples)) != len(samples):
        raise MalformedInput("a sample name occurs twice", where=f"{where} line {len(lines)}", todo="rename one")
    contigs = _contigs(lines)
    return VcfHeader(samples, contigs, _stated_build(lines, contigs), len(lines))


def _contigs(lines: Iterable[str]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for line in lines:
        if line.startswith("##contig=<"):
            name = re.search(r"[<,]ID=([^,>]+)", line)
            length = re.search(r"[<,]length=(\d+)", line)
            if name:
                found[name[1]] = int(length[1]) if length else None
    return found


def _stated_build(lines: Iterable[str], contigs: dict[str, int | None]) -> GenomeBuild | None:
    """The build by contig lengths, else accessions, else names; two that contradict each other tell nothing."""
    by_length = {_build_of_length(name, length) for name, length in contigs.items()} - {None}
    if len(by_length) == 1:
        return by_length.pop()
    by_accession = {build_of_accession(name) for name in contigs} - {None}
    if len(by_accession) == 1:
        return by_accession.pop()
    return _build_of_names(lines)


def _build_of_length(name: str, length: int | None) -> GenomeBuild | None:
    chromosome = chromosome_name(name)
    old, new = build_table().lengths.get(chromosome or "", (0, 0))
    if not length or length not in (old, new):
        return None
    return GenomeBuild.GRCH37 if length == old else GenomeBuild.GRCH38


def build_of_accession(name: str) -> GenomeBuild | None:
    """The build that NCBI's accession of a chromosome belongs to."""
    accession = _accession(name)
    if accession is None:
        return None
    newer = _ACCESSIONS_38[accession[0]]
    return {newer: GenomeBuild.GRCH38, newer - 1: GenomeBuild.GRCH37}.get(accession[1])


def _build_of_names(lines: Iterable[str]) -> GenomeBuild | None:
    prefixes = ("##reference", "##assembly", "##contig", "##genome", "##ref")
    text = "\n".join(line for line in lines if line.lower().startswith(prefixes))
    new, old = bool(_NAMES_38.search(text)), bool(_NAMES_37.search(text))
    if new == old:
        return None
    return GenomeBuild.GRCH38 if new else GenomeBuild.GRCH37


def sample_column(header: VcfHeader, sample: str | None, where: str) -> int:
    """The index of the sample asked for; of the only one when none was named. Raises UnknownSample."""
    if not header.samples:
        raise UnknownSample("the file has no sample, only sites", where=where, todo="hand in a file with genotypes")
    if sample is None:
        if len(header.samples) > 1:
            names = ", ".join(header.samples[:5]) + (" …" if len(header.samples) > 5 else "")
            raise UnknownSample(
                f"the file has {len(header.samples)} samples ({names})", where=where, todo="name one with --sample"
            )
        return 0
    if sample not in header.samples:
        raise UnknownSample(f"sample {sample} is not in the file", where=where, todo="see its #CHROM line")
    return header.samples.index(sample)
