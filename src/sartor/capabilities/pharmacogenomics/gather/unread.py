"""Genes that only a laboratory's call can tell: whether the file states positions of theirs all the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from sartor.capabilities.pharmacogenomics.tables.calling import outside_only_genes, outside_only_sites
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.cohort import CohortGenotypes
from sartor.domain.genome import CallState, GeneCall, Genome, PositionCall
from sartor.genomics.call_quality import Limits
from sartor.genomics.normalise import SiteCall, call_sites, cohort_calls
from sartor.genomics.star_alleles.possible import position_call

NOTE_OUTSIDE_ONLY: Final = "not-read-from-sequence"
NOTE_PRESENT: Final = "present-not-interpreted"
"""Followed by how many positions the file calls, and how many of these with a variant: present-not-interpreted:9:1."""


def limits() -> Limits:
    """Depth, quality and allele balance under which a genotype is doubtful."""
    return Limits(**record_codes()["genotype_limits"])


def unread_calls(genome: Genome | None) -> tuple[GeneCall, ...]:
    """One "not-tested" call per gene of this kind; `positions` shows what the file states of it."""
    return tuple(_from_sites(gene, _calls(gene, genome)) for gene in outside_only_genes())


def unread_calls_cohort(cohort: CohortGenotypes) -> dict[str, list[GeneCall]]:
    """The same for every sample of a cohort, without positions."""
    found: dict[str, list[GeneCall]] = {sample: [] for sample in cohort.samples}
    for gene in outside_only_genes():
        codes = cohort_calls(cohort, outside_only_sites(gene)).codes
        stated = ((codes[:, :, 0] >= 0) & (codes[:, :, 1] != -1)).sum(axis=0)
        varied = ((codes > 0).any(axis=2) & (codes != -1).all(axis=2)).sum(axis=0)
        for sample, n, n_varied in zip(cohort.samples, stated.tolist(), varied.tolist(), strict=True):
            found[sample].append(_unread(gene, n, n_varied))
    return found


def variants_of(call: GeneCall) -> str:
    """The variants that the file states of an unread gene, as text; "" when there is none."""
    varied = (each for each in call.positions if each.state is CallState.VARIANT)
    return ", ".join(f"{each.rsid or f'{each.chromosome}:{each.position}'} {each.genotype}" for each in varied)


def _calls(gene: str, genome: Genome | None) -> tuple[SiteCall, ...]:
    return () if genome is None else call_sites(genome, outside_only_sites(gene), limits=limits())


def _from_sites(gene: str, calls: Sequence[SiteCall]) -> GeneCall:
    called = [each for each in calls if each.state is not CallState.NOT_CALLED]
    positions = tuple(position_call(each) for each in called)
    return _unread(gene, len(called), sum(each.state is CallState.VARIANT for each in called), positions)


@cache
def _unread(gene: str, n: int, n_varied: int, positions: tuple[PositionCall, ...] = ()) -> GeneCall:
    notes = (NOTE_OUTSIDE_ONLY, f"{NOTE_PRESENT}:{n}:{n_varied}") if n else (NOTE_OUTSIDE_ONLY,)
    return GeneCall(gene=gene, status="not-tested", input_quality="absent", notes=notes, positions=positions)
