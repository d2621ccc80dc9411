"""Concerns about the quality of a genotype: filters, read depth, genotype quality, allele balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sartor.domain.genome import GenotypeRecord


@dataclass(frozen=True, slots=True)
class Limits:
    """Under which a genotype is called with a concern.

    depth: reads; genotype_quality: Phred; allele_balance: smallest share of reads for either allele of a
    heterozygous genotype.
    """

    depth: int = 10
    genotype_quality: int = 20
    allele_balance: float = 0.2


def quality_concerns(records: Iterable[GenotypeRecord], limits: Limits) -> tuple[str, ...]:
    """Codes of what is doubtful about the records that a call rests on."""
    found: dict[str, None] = {}
    for record in records:
        if record.filters:
            found["filtered"] = None
        if record.depth is not None and record.depth < limits.depth:
            found["low-depth"] = None
        if record.genotype_quality is not None and record.genotype_quality < limits.genotype_quality:
            found["low-genotype-quality"] = None
        if _unbalanced(record, limits.allele_balance):
            found["allele-balance"] = None
    return tuple(found)


def _unbalanced(record: GenotypeRecord, least: float) -> bool:
    if len(record.alleles) != 2 or None in record.alleles or record.alleles[0] == record.alleles[1]:
        return False
    total = sum(record.allele_depths)
    shown = [
        record.allele_depths[index]
        for index in record.alleles
        if index is not None and index < len(record.allele_depths)
    ]
    return total > 0 and len(shown) == 2 and min(shown) < least * total
