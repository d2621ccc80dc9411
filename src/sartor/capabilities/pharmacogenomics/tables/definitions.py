"""The named-allele definitions that Sartor ships, typed, validated, loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from sartor.errors import PackInvalid
from sartor.genomics.normalise import Site
from sartor.genomics.star_alleles.definition import (
    GeneDefinition,
    NamedAllele,
    TagPair,
    UnphasedPriority,
)

SCHEMA = 1


class _Allele(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    id: str
    bases: dict[int, str] = {}
    reference: bool = False
    complete: bool = False
    structural: bool = False
    core: list[int] | None = None


class _Priority(msgspec.Struct, forbid_unknown_fields=True):
    among: tuple[str, ...]
    pick: str


class _TagPair(msgspec.Struct, forbid_unknown_fields=True):
    intronic: str
    exonic: str
    haplotype: str
    intronic_allele: str


class _Gene(msgspec.Struct, forbid_unknown_fields=True):
    gene: str
    chromosome: str
    version: str
    modified: str
    sites: list[tuple[int, str, str, tuple[str, ...]]]
    alleles: list[_Allele]
    reference_bases: tuple[str, ...] = ()
    extra_sites: list[tuple[int, str, str, tuple[str, ...]]] = []
    required: tuple[int, ...] = ()
    unphased_priorities: list[_Priority] = []
    hidden: list[_Allele] = []
    suballeles: dict[str, str] = {}
    recommended_panel: tuple[str, ...] = ()
    variant_list: bool = False
    undocumented_as_reference: bool = False
    substitute_site: str = ""
    tag_pair: _TagPair | None = None


class _Release(msgspec.Struct, forbid_unknown_fields=True):
    schema: int
    source: str
    version: str
    genes: list[_Gene]


def parse(content: bytes) -> Mapping[str, GeneDefinition]:
    """Read a compiled table of definitions, by gene symbol.

    Raises PackInvalid when it breaks the schema or contradicts itself.
    """
    try:
        release = msgspec.json.decode(content, type=_Release, strict=False)
        if release.schema != SCHEMA:
            raise ValueError(f"schema {release.schema}, expected {SCHEMA}")
        return {gene.gene: _definition(gene) for gene in release.genes}
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError, IndexError, StopIteration) as error:
        raise PackInvalid(
            f"the named-allele definitions cannot be used ({error})",
            where="data/definitions.json",
            todo="compile them again with curation/pharmacogenomics/definitions.py",
        ) from error


@lru_cache(maxsize=1)
def definitions() -> Mapping[str, GeneDefinition]:
    """Every gene's definition, by symbol."""
    folder = files("sartor.capabilities.pharmacogenomics")
    return parse(folder.joinpath("data/definitions.json").read_bytes())


def _definition(row: _Gene) -> GeneDefinition:
    sites = tuple(_site(row.chromosome, each) for each in row.sites)
    bases = row.reference_bases or tuple(site.reference for site in sites)
    reference = next(allele for allele in row.alleles if allele.reference)
    return GeneDefinition(
        gene=row.gene,
        chromosome=row.chromosome,
        version=row.version,
        modified=row.modified,
        sites=sites,
        alleles=tuple(_allele(each, bases) for each in row.alleles),
        reference_allele=reference.name,
        reference_bases=bases,
        required=row.required,
        unphased_priorities=tuple(UnphasedPriority(each.among, each.pick) for each in row.unphased_priorities),
        extra_sites=tuple(_site(row.chromosome, each) for each in row.extra_sites),
        hidden=tuple(_allele(each, bases) for each in row.hidden),
        suballeles=row.suballeles,
        recommended_panel=row.recommended_panel,
        variant_list=row.variant_list,
        undocumented_as_reference=row.undocumented_as_reference,
        substitute_site=row.substitute_site,
        tag_pair=_tag_pair(row, sites),
    )


def _site(chromosome: str, row: tuple[int, str, str, tuple[str, ...]]) -> Site:
    position, rsid, reference, alternates = row
    return Site(chromosome=chromosome, position=position, reference=reference, alternates=alternates, rsid=rsid)


def _allele(row: _Allele, reference: tuple[str, ...]) -> NamedAllele:
    full = row.reference or row.complete
    bases: list[Any] = list(reference) if full else [None] * len(reference)
    for index, base in row.bases.items():
        bases[index] = base
    core = tuple(row.core) if row.core is not None else tuple(sorted(row.bases))
    return NamedAllele(row.name, row.id, tuple(bases), row.reference, row.complete, row.structural, core)


def _tag_pair(row: _Gene, sites: tuple[Site, ...]) -> TagPair | None:
    if row.tag_pair is None:
        return None
    by_rsid = {site.rsid: index for index, site in enumerate(sites)}
    pair = row.tag_pair
    return TagPair(by_rsid[pair.intronic], by_rsid[pair.exonic], pair.haplotype, pair.intronic_allele)
