"""Combinations of named alleles and partial alleles, for genotypes that no pair of named alleles explains."""

from __future__ import annotations

from sartor.genomics.star_alleles.definition import GeneDefinition
from sartor.genomics.star_alleles.pattern import Pattern


def combine(definition: GeneDefinition, pattern: Pattern) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Diplotypes whose copies may be several alleles at once, with scores, best first."""
    return ()
