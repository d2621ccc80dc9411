"""Genotypes at defining sites: the same answer for every way in which a file may write the same genotype.

Called reference, called variant and not called are told apart. A site's reference allele is called only when a
record about that very variant says so, or when records without alternative cover every base of the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sartor.domain.genome import CallState, Genome, GenotypeRecord
from sartor.domain.provenance import Origin
from sartor.genomics.allele_reading import Site, Window, contradicts_reference, read_alleles, window_of
from sartor.genomics.call_quality import Limits, quality_concerns, without_reads
from sartor.genomics.cohort_sites import CohortSiteCalls, cohort_calls
from sartor.genomics.genotype_merging import Combined, Row, combine

__all__ = ["CohortSiteCalls", "Limits", "Site", "SiteCall", "call_sites", "cohort_calls"]


@dataclass(frozen=True, slots=True)
class SiteCall:
    """What a genome says at one site.

    alleles: one per chromosome copy, spelled as in the site's reference and alternates (another spelling is a
             variant that the site does not list); None for a copy that is not called; empty when the file is silent.
             Unphased copies stand in the order of the site's alleles.
    concern: codes joined by ";", empty when there is none: no-reads, low-depth, low-genotype-quality,
             allele-balance, filtered, contradicting-records, unexpected-ploidy, spanning-deletion, …
    """

    site: Site
    alleles: tuple[str | None, ...] = ()
    state: CallState = CallState.NOT_CALLED
    phased: bool = False
    phase_set: int | None = None
    depth: int | None = None
    genotype_quality: int | None = None
    concern: str = ""
    origin: Origin = field(default_factory=Origin)


def call_sites(genome: Genome, sites: Iterable[Site], *, limits: Limits | None = None) -> tuple[SiteCall, ...]:
    """Call every site of one genome, in the order given; a site that the genome is silent about is not called.

    limits: under which depth, quality or allele balance a call carries a concern (default: `Limits()`).
    """
    bounds = limits or Limits()
    return tuple(_call_site(genome, window_of(site), bounds) for site in sites)


def _call_site(genome: Genome, window: Window, limits: Limits) -> SiteCall:
    site = window.site
    records = genome.overlapping(site.chromosome, site.position, window.end)
    rows: list[Row] = []
    sources: list[GenotypeRecord] = []
    mismatch = False
    for record in records:
        if contradicts_reference(window, record.position, record.reference):
            mismatch = True
            continue
        reading = read_alleles(window, record.position, record.reference, record.alternates, record.end)
        alleles = (None,) * len(record.alleles) if without_reads(record) else record.alleles
        rows.append(Row(reading, alleles, record.phased, record.phase_set, record.line))
        sources.append(record)
    combined = combine(window, rows)
    used = [sources[index] for index in combined.used]
    concerns = (*combined.concerns, *(("reference-mismatch",) if mismatch else ()), *quality_concerns(used, limits))
    return _site_call(site, combined, used, concerns)


def _site_call(site: Site, combined: Combined, used: Sequence[GenotypeRecord], concerns: tuple[str, ...]) -> SiteCall:
    depths = [record.depth for record in used if record.depth is not None]
    qualities = [record.genotype_quality for record in used if record.genotype_quality is not None]
    return SiteCall(
        site=site,
        alleles=combined.alleles,
        state=_state(site, combined.alleles),
        phased=combined.phased,
        phase_set=combined.phase_set,
        depth=min(depths, default=None),
        genotype_quality=min(qualities, default=None),
        concern=";".join(dict.fromkeys(concerns)),
        origin=used[0].origin if used else Origin(),
    )


def _state(site: Site, alleles: tuple[str | None, ...]) -> CallState:
    if not alleles or None in alleles:
        return CallState.NOT_CALLED
    return CallState.REFERENCE if all(each == site.reference for each in alleles) else CallState.VARIANT
