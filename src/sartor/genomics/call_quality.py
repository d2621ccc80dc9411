"""Concerns about the quality of a genotype: filters, read depth, genotype quality, allele balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sartor.domain.genome import GenotypeRecord

FEW_READS: Final = "few-reads"
DECISIVE: Final = ("allele-balance", FEW_READS)
"""Codes of concerns that make a gene's data poor whatever the genotype is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Under which a genotype is called with a concern.

    depth: reads; few_reads: reads up to which one of two alleles may well have gone unseen, so that the gene's data
    are poor; genotype_quality: Phred; allele_balance: smallest share of reads for either allele of a
    heterozygous genotype, and the largest share of other reads in a homozygous one.
    """

    depth: int = 10
    few_reads: int = 3
    genotype_quality: int = 20
    allele_balance: float = 0.2


def without_reads(record: GenotypeRecord) -> bool:
    """Whether no read speaks for the genotype: depth 0, or 0/0 of quality 0 (how callers write what is uncovered)."""
    if record.depth is not None and record.depth <= 0:
        return True
    return record.genotype_quality == 0 and bool(record.alleles) and not any(record.alleles)


def quality_concerns(records: Iterable[GenotypeRecord], limits: Limits) -> tuple[str, ...]:
    """Codes of what is doubtful about the records that a call rests on."""
    found: dict[str, None] = {}
    for record in records:
        if without_reads(record) and any(index is not None for index in record.alleles):
            found["no-reads"] = None
            continue
        if record.filters:
            found["filtered"] = None
        if record.depth is not None and record.depth < limits.depth:
            found["low-depth"] = None
        if record.depth is not None and record.depth <= limits.few_reads:
            found[FEW_READS] = None
        if record.genotype_quality is not None and record.genotype_quality < limits.genotype_quality:
            found["low-genotype-quality"] = None
        if _unbalanced(record, limits.allele_balance):
            found["allele-balance"] = None
    return tuple(found)


def _unbalanced(record: GenotypeRecord, least: float) -> bool:
    """Whether the reads per allele contradict the genotype: too few for one of two, too many besides the only one."""
    depths, total = record.allele_depths, sum(record.allele_depths)
    named = {index for index in record.alleles if index is not None}
    if not total or None in record.alleles or not named or max(named) >= len(depths):
        return False
    if len(named) == 1:
        return total - sum(depths[index] for index in named) > least * total
    return min(depths[index] for index in named) < least * total
