"""How GRCh37 and GRCh38 relate at the loci that Sartor reads, and the reference bases at the sites there.

Compiled by curation/genome_builds/compile.py; sources in data/SOURCES.toml.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from sartor.domain.genome import GenomeBuild, Region


@dataclass(frozen=True, slots=True)
class Locus:
    """A stretch of GRCh38 (1-based, both ends included) that lies on GRCh37 at a constant distance."""

    gene: str
    chromosome: str
    start: int
    end: int
    grch37_minus_grch38: int


@dataclass(frozen=True, slots=True)
class KnownSite:
    """A defining site: its bases on GRCh38, those that follow an indel as far as it can shift, rsID, alternates."""

    chromosome: str
    position: int
    reference: str
    following: str
    rsid: str
    alternates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildTable:
    """The compiled table.

    lengths:   chromosome → its length in bases on GRCh37 and on GRCh38.
    differing: (chromosome, GRCh38 position) → the reference base on GRCh37 and on GRCh38.
    """

    lengths: Mapping[str, tuple[int, int]]
    loci: tuple[Locus, ...]
    differing: Mapping[tuple[str, int], tuple[str, str]]
    sites: Mapping[tuple[str, int], KnownSite]


@cache
def build_table() -> BuildTable:
    """Load the table once."""
    raw = json.loads((files("sartor.knowledge") / "data" / "genome_builds.json").read_text(encoding="utf-8"))
    loci = (
        Locus(each["gene"], each["chromosome"], each["start"], each["end"], each["grch37_minus_grch38"])
        for each in raw["loci"]
    )
    sites = (KnownSite(row[0], row[1], row[2], row[3], row[4], tuple(row[5])) for row in raw["reference_bases"])
    return BuildTable(
        lengths=MappingProxyType({name: (old, new) for name, old, new in raw["chromosome_lengths"]}),
        loci=tuple(sorted(loci, key=lambda each: (each.chromosome, each.start))),
        differing=MappingProxyType({(name, place): (old, new) for name, place, old, new in raw["differing_bases"]}),
        sites=MappingProxyType({(site.chromosome, site.position): site for site in sites}),
    )


def following_bases(chromosome: str, position: int, reference: str) -> str:
    """Reference bases after an indel site's REF as far as its indel can be shifted; empty when not known."""
    site = build_table().sites.get((chromosome, position))
    return site.following if site is not None and site.reference == reference else ""


def regions_on_grch37(regions: Iterable[Region]) -> tuple[tuple[Region, int], ...]:
    """The parts of these GRCh38 regions whose place on GRCh37 is known.

    Returns pairs: the region on GRCh37, and what to add to its positions to get GRCh38.
    """
    found = []
    for region in regions:
        for locus in build_table().loci:
            start, end = max(region.start, locus.start), min(region.end, locus.end)
            if locus.chromosome == region.chromosome and start <= end:
                shift = locus.grch37_minus_grch38
                found.append((Region(region.chromosome, start + shift, end + shift), -shift))
    return tuple(dict.fromkeys(found))


def grch37_position(chromosome: str, position: int) -> int | None:
    """Where a GRCh38 position lies on GRCh37; None outside our loci."""
    for locus in build_table().loci:
        if locus.chromosome == chromosome and locus.start <= position <= locus.end:
            return position + locus.grch37_minus_grch38
    return None


def reference_base(chromosome: str, position: int, build: GenomeBuild) -> str | None:
    """The reference base at a defining site's first position (position on GRCh38); None elsewhere."""
    table = build_table()
    site = table.sites.get((chromosome, position))
    if site is None:
        return None
    old, new = table.differing.get((chromosome, position), (site.reference[0], site.reference[0]))
    return old if build is GenomeBuild.GRCH37 else new


@cache
def known_bases(build: GenomeBuild) -> Mapping[tuple[str, int], str]:
    """Every reference base that is known at the defining sites: (chromosome, GRCh38 position) → base on a build."""
    table = build_table()
    found: dict[tuple[str, int], str] = {}
    for site in table.sites.values():
        for offset, base in enumerate(site.reference + site.following):
            found[site.chromosome, site.position + offset] = base
    for place, (old, new) in table.differing.items():
        found[place] = old if build is GenomeBuild.GRCH37 else new
    return MappingProxyType(found)
