"""Read a gene as a list of variants (DPYD, RYR1), with the two linked sites of DPYD HapB3 read together.

The causal intronic site of HapB3 (rs75017182) decides; its exonic tag (rs56038477) stands in only where the
intronic one was not called. References: Turner et al. 2024, PMID 37792790; CPIC fluoropyrimidine guideline,
PMID 29152729.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from sartor.genomics.star_alleles.definition import GeneDefinition, TagPair, natural_key, natural_order
from sartor.genomics.star_alleles.pattern import MISSING, AlleleTable, Pattern, allele_table, bits, strands

NOTE_TAG_ONLY: Final = "hapb3-exonic-only"
NOTE_TAG_MISMATCH: Final = "hapb3-intronic-exonic-mismatch"

MOST_BLOCKS: Final = 8
"""Arrangements are spelled out for at most this many independent phase blocks; beyond it only the list is given."""

_CIS = 1 << 40
"""Phase block of the two tag sites when the data do not phase them."""


class VariantReading(NamedTuple):
    """Diplotypes with scores, best first; every variant found, once per copy; notes."""

    diplotypes: tuple[tuple[tuple[str, ...], int], ...]
    haplotypes: tuple[str, ...]
    notes: tuple[str, ...]


class _Copy(NamedTuple):
    names: tuple[str, ...]
    score: int


def read_variants(definition: GeneDefinition, pattern: Pattern) -> VariantReading:
    """The variants on each copy, for every arrangement, and as one list."""
    pair = definition.tag_pair
    if pair is not None and not (pattern.phased or _in_phase(pattern, pair)):
        pattern = in_cis(pattern, pair)
    table = allele_table(definition)
    first = table_alleles(table, pattern)
    diplotypes = {}
    for copies in _arranged(table, pattern, first):
        ordered = sorted(copies, key=lambda each: natural_key(_label(each.names, definition)))
        names = tuple(_label(each.names, definition) for each in ordered)
        diplotypes[names] = sum(each.score for each in copies)
    ranked = sorted(diplotypes.items(), key=lambda each: (-each[1], [natural_key(name) for name in each[0]]))
    return VariantReading(tuple(ranked), _listed(table, pattern, first), _notes(pattern, pair))


def _in_phase(pattern: Pattern, pair: TagPair) -> bool:
    return pattern.block[pair.intronic] == pattern.block[pair.exonic] >= 0


def in_cis(pattern: Pattern, pair: TagPair) -> Pattern:
    """The pattern with the variants of both tag sites laid on one copy as far as their numbers allow."""
    first, second, block = list(pattern.first), list(pattern.second), list(pattern.block)
    for site in (pair.intronic, pair.exonic):
        if first[site] > 0 and second[site] == 0:
            first[site], second[site] = second[site], first[site]
        block[site] = _CIS
    return replace(pattern, first=tuple(first), second=tuple(second), block=tuple(block))


def table_alleles(table: AlleleTable, pattern: Pattern) -> int:
    """The alleles that stand for one called variant each: not the reference, not those of the tag pair."""
    missing = sum(1 << site for site in pattern.missing)
    pair = table.definition.tag_pair
    apart = (pair.haplotype, pair.intronic_allele) if pair else ()
    return sum(
        1 << index
        for index, allele in enumerate(table.definition.alleles)
        if not allele.reference and allele.name not in apart and table.defined[index] & ~missing
    )


def _arranged(table: AlleleTable, pattern: Pattern, alive: int) -> Iterator[list[_Copy]]:
    for copies in strands(pattern, most_blocks=MOST_BLOCKS):
        yield [_copy(table, strand.codes, alive, pattern) for strand in copies]


def _copy(table: AlleleTable, codes: Sequence[int], alive: int, pattern: Pattern) -> _Copy:
    called = sum(1 << site for site in range(len(codes))) & ~sum(1 << site for site in pattern.missing)
    present = alive
    for site, code in enumerate(codes):
        if code != MISSING:
            present &= table.loose[site][code]
        else:
            present &= ~_defined_at(table, site)
    names = [table.definition.alleles[index].name for index in bits(present)]
    score = sum((table.defined[index] & called).bit_count() for index in bits(present))
    pair = table.definition.tag_pair
    tag = _tag_allele(codes, pair)
    if pair is not None and tag:
        names.append(tag)
        sites = (pair.intronic, pair.exonic) if tag == pair.haplotype else (pair.intronic,)
        score += sum(1 for site in sites if called >> site & 1)
    if not names:
        return _Copy((), called.bit_count())
    return _Copy(natural_order(names), score)


def _defined_at(table: AlleleTable, site: int) -> int:
    return sum(1 << index for index, sites in enumerate(table.defined) if sites >> site & 1)


def _tag_allele(codes: Sequence[int], pair: TagPair | None) -> str:
    if pair is None:
        return ""
    intronic, exonic = codes[pair.intronic], codes[pair.exonic]
    if intronic == MISSING:
        return pair.haplotype if exonic > 0 else ""
    if intronic <= 0:
        return ""
    return pair.haplotype if exonic > 0 else pair.intronic_allele


def _label(names: tuple[str, ...], definition: GeneDefinition) -> str:
    if not names:
        return definition.reference_allele
    return names[0] if len(names) == 1 else f"[{' + '.join(names)}]"


def _listed(table: AlleleTable, pattern: Pattern, alive: int) -> tuple[str, ...]:
    copies = [_copy(table, codes, alive, pattern) for codes in (pattern.first, pattern.second)]
    names = [name for copy in copies[: 1 if pattern.haploid else 2] for name in copy.names]
    pair = table.definition.tag_pair
    mismatch = NOTE_TAG_MISMATCH in _notes(pattern, pair) and not pattern.effectively_phased
    if mismatch and not any(_tag_allele(codes, pair) for codes in (pattern.first, pattern.second)):
        names.append(table.definition.reference_allele)
    return natural_order(names)


def _notes(pattern: Pattern, pair: TagPair | None) -> tuple[str, ...]:
    if pair is None:
        return ()
    notes = []
    strands = list(zip(pattern.first, pattern.second, strict=True))
    for intronic, exonic in zip(strands[pair.intronic], strands[pair.exonic], strict=True):
        if exonic > 0 and intronic == MISSING:
            notes.append(NOTE_TAG_ONLY)
        elif exonic > 0 and intronic == 0:
            notes.append(NOTE_TAG_MISMATCH)
    return tuple(dict.fromkeys(notes))
