"""How one gene's named (star) alleles are defined: its sites, its alleles, and the traits that guide matching."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sartor.domain.genome import Region
from sartor.genomics.normalise import Site

_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class NamedAllele:
    """One named allele.

    bases:     one entry per site of the gene: the base (or IUPAC ambiguity code, or VCF allele of an
               indel) that defines the allele there, None where it is not defined (that is, as the reference).
    complete:  every site defines it, though it is not the reference allele (CYP2C19*1).
    core:      indexes of the sites that define its function.
    structural: a copy-number or hybrid allele that no genotype at the sites can show.
    """

    name: str
    id: str
    bases: tuple[str | None, ...]
    reference: bool = False
    complete: bool = False
    structural: bool = False
    core: tuple[int, ...] = ()

    @property
    def defined(self) -> tuple[int, ...]:
        """Indexes of the sites that define this allele."""
        return tuple(index for index, base in enumerate(self.bases) if base is not None)


@dataclass(frozen=True, slots=True)
class UnphasedPriority:
    """Where unphased data leave exactly these diplotypes, the one to report (by frequency, from the curators)."""

    among: tuple[str, ...]
    pick: str


@dataclass(frozen=True, slots=True)
class TagPair:
    """Two linked sites of one haplotype: the intronic one decides, the exonic one stands in when it is missing.

    intronic, exonic: indexes of the sites; haplotype: allele with both; intronic_allele: allele with the first alone.
    """

    intronic: int
    exonic: int
    haplotype: str
    intronic_allele: str


@dataclass(frozen=True, slots=True, eq=False)
class GeneDefinition:
    """One gene: its sites, its named alleles and what is peculiar to it. Equal only to itself.

    version:      release of the definitions; modified: ISO date of the gene's last change upstream.
    alleles:      in natural order of their names; hidden: core alleles reported only through their suballeles.
    reference_bases: bases of the reference allele (may hold ambiguity codes).
    required:     indexes of sites without which the gene is not called.
    extra_sites:  sites of interest that define no allele (rs12777823 near CYP2C9).
    recommended_panel: alleles that a minimal test should cover (AMP tier 1).
    variant_list: read as a list of variants, not as star alleles (DPYD, RYR1).
    undocumented_as_reference: PharmCAT reads a base that no allele has as reference here.
    substitute_site: rsid that may stand for the gene when no diplotype fits (rs4149056 for SLCO1B1).
    """

    gene: str
    chromosome: str
    version: str
    modified: str
    sites: tuple[Site, ...]
    alleles: tuple[NamedAllele, ...]
    reference_allele: str
    reference_bases: tuple[str, ...]
    required: tuple[int, ...] = ()
    unphased_priorities: tuple[UnphasedPriority, ...] = ()
    extra_sites: tuple[Site, ...] = ()
    hidden: tuple[NamedAllele, ...] = ()
    suballeles: Mapping[str, str] = field(default_factory=dict)
    recommended_panel: tuple[str, ...] = ()
    variant_list: bool = False
    undocumented_as_reference: bool = False
    substitute_site: str = ""
    tag_pair: TagPair | None = None

    @property
    def haploid_in_males(self) -> bool:
        """Whether a person with one X chromosome has one copy of the gene."""
        return self.chromosome == "chrX"

    @property
    def all_sites(self) -> tuple[Site, ...]:
        """Sites that define alleles, then the extra sites."""
        return self.sites + self.extra_sites

    def regions(self, margin: int = 100) -> tuple[Region, ...]:
        """One region per site, widened by `margin` bases so that differently placed indels are read too."""
        return tuple(
            Region(site.chromosome, max(1, site.position - margin), site.position + len(site.reference) + margin)
            for site in self.all_sites
        )

    def allele(self, name: str) -> NamedAllele | None:
        """The allele of that name, or None."""
        return next((each for each in self.alleles if each.name == name), None)


@lru_cache(maxsize=8192)
def natural_key(name: str) -> tuple[object, ...]:
    """Sort key that puts *2 before *10, and combinations in brackets after single alleles, shorter ones first."""
    parts = _NUMBERS.split(name.strip("[]"))
    key = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts if part)
    return (name.count(" + ") + 1 if name.startswith("[") else 0, key)


def natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names in natural order."""
    return tuple(sorted(names, key=natural_key))
