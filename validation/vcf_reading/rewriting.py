"""Rewrites a VCF in other words: rows split, reference rows bare, reference stretches as blocks, on GRCh37."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sartor.io.bgzf import chunks
from sartor.knowledge.genome_builds import build_table, grch37_position

Fields = list[str]
HEAD_37 = ["##fileformat=VCFv4.2", "##contig=<ID=1,length=249250621>"]


def lines_of(path: Path) -> tuple[list[str], list[Fields]]:
    """Header lines and the fields of each record."""
    text = b"".join(chunks(path)).decode().splitlines()
    return [line for line in text if line.startswith("#") and not line.startswith("# ")], [
        line.split("\t") for line in text if line and not line.startswith("#")
    ]


def rewrite(path: Path, target: Path, change: Callable[[Fields], Iterator[Fields]], *, old_build: bool = False) -> None:
    """Write the file anew with every record changed."""
    header, records = lines_of(path)
    if old_build:
        header = [*HEAD_37, header[-1]]
    rows = ["\t".join(row) for record in records for row in change(record)]
    target.write_text("\n".join([line for line in header if line.startswith(("##", "#CHROM"))] + rows) + "\n")


def _recode(field: str, codes: dict[str, str]) -> str:
    genotype, colon, rest = field.partition(":")
    return "".join(codes.get(each, each) for each in genotype) + colon + rest


def split(record: Fields) -> Iterator[Fields]:
    """One row per alternate, as `bcftools norm -m -` writes them; indices of the other alternates become 0."""
    alternates = record[4].split(",")
    if len(alternates) == 1:
        yield record
        return
    for number, alternate in enumerate(alternates, start=1):
        codes = {str(index): "1" if index == number else "0" for index in range(1, len(alternates) + 1)}
        row = [*record[:4], alternate, *record[5:9], *(_recode(field, codes) for field in record[9:])]
        reference, shorter = row[3], alternate
        while min(len(reference), len(shorter)) > 1 and reference[-1] == shorter[-1] and "*" not in shorter:
            reference, shorter = reference[:-1], shorter[:-1]
        row[3], row[4] = reference, shorter
        yield row


def _all_reference(record: Fields) -> bool:
    return all(field.partition(":")[0] in ("0/0", "0|0", "0") for field in record[9:])


def _known(record: Fields) -> bool:
    """Whether the record is written as the definitions write their site."""
    site = build_table().sites.get((record[0], int(record[1])))
    return site is not None and site.reference == record[3] and set(record[4].split(",")) <= {*site.alternates, "."}


def bare(record: Fields) -> Iterator[Fields]:
    """Reference rows without alternate."""
    yield [*record[:4], ".", *record[5:]] if _known(record) and _all_reference(record) else record


def first_base(record: Fields) -> Iterator[Fields]:
    """Reference rows without alternate and, at insertions and deletions, with the first base alone."""
    indel = any(len(alternate) != len(record[3]) for alternate in record[4].split(","))
    short = indel and _known(record) and _all_reference(record)
    yield [*record[:3], record[3][0], ".", *record[5:]] if short else record


def block(record: Fields) -> Iterator[Fields]:
    """Reference rows as gVCF blocks that reach some bases to either side."""
    if not (_known(record) and _all_reference(record)):
        yield record
        return
    end = int(record[1]) + len(record[3]) + 6
    yield [record[0], record[1], ".", record[3][0], "<NON_REF>", ".", record[6], f"END={end}", *record[8:]]


def padded(record: Fields) -> Iterator[Fields]:
    """Indels with the bases that follow them, as in a wider multi-allelic row."""
    site = build_table().sites.get((record[0], int(record[1])))
    extra = site.following if site is not None and _known(record) and record[4] != "." else ""
    alternates = ",".join(alternate + extra for alternate in record[4].split(","))
    yield [*record[:3], record[3] + extra, alternates, *record[5:]]


def on_grch37(record: Fields) -> Iterator[Fields]:
    """The record on GRCh37, with that build's reference base."""
    place = (record[0], int(record[1]))
    old = grch37_position(*place)
    if old is None:
        return
    row = [record[0].removeprefix("chr"), str(old), *record[2:]]
    bases = build_table().differing.get(place)
    if bases is not None:
        if record[3] != bases[1]:
            return
        before = [record[3], *(record[4].split(",") if record[4] != "." else ())]
        after = [bases[0], *(allele for allele in before if allele != bases[0])]
        codes = {str(index): str(after.index(allele)) for index, allele in enumerate(before)}
        row[3:5] = [bases[0], ",".join(after[1:])]
        row[9:] = [_recode(field, codes) for field in record[9:]]
    yield row
