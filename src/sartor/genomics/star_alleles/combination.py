"""Combinations of named alleles and partial alleles, for genotypes that no pair of named alleles explains.

A copy that no allele fits is read as the most specific alleles that can lie on it together, without sharing a
variant; what they leave unexplained is written as positions (g.94781859G>A), each of which costs one point.
Reference: PharmCAT documentation, "Named Allele Matcher 201".
"""

from __future__ import annotations

from itertools import product
from typing import Final, NamedTuple

from sartor.genomics.star_alleles.definition import GeneDefinition, natural_key, natural_order
from sartor.genomics.star_alleles.pattern import (
    ABSENT,
    MISSING,
    UNDOCUMENTED,
    AlleleTable,
    Pattern,
    Strand,
    allele_table,
    bits,
    strands,
)

MOST_BLOCKS: Final = 8
"""Combinations are sought for at most this many independent phase blocks."""


class _Reading(NamedTuple):
    """One way of reading a copy: its label and score."""

    label: str
    score: int


def combine(definition: GeneDefinition, pattern: Pattern) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Diplotypes whose copies may be several alleles at once, with scores, best first."""
    table = allele_table(definition)
    called = ((1 << len(definition.sites)) - 1) & ~sum(1 << site for site in pattern.missing)
    bare = pattern.phased or len(pattern.blocks()) <= 2
    found: dict[tuple[str, ...], int] = {}
    for copies in strands(pattern, most_blocks=MOST_BLOCKS):
        for readings in product(*(_readings(table, pattern, strand, called, bare) for strand in copies)):
            names = natural_order(reading.label for reading in readings)
            score = sum(reading.score for reading in readings)
            found[names] = max(score, found.get(names, score))
    return tuple(sorted(found.items(), key=lambda each: (-each[1], [natural_key(name) for name in each[0]])))


def _readings(table: AlleleTable, pattern: Pattern, strand: Strand, called: int, bare: bool) -> list[_Reading]:
    """How one copy can be read; `bare` lets variants stand without any named allele (a partial reference allele)."""
    whole = _whole_alleles(table, strand, called)
    if whole:
        return whole
    unexplained = sum(1 << site for site in bits(called) if strand.codes[site] != 0)
    fitting = {index: _explained(table, index, strand, called) for index in _loose_alleles(table, strand, called)}
    names = table.definition.alleles
    found = set()
    for chosen, rest in _choose(table, {index: mask for index, mask in fitting.items() if mask}, unexplained, called):
        if not (chosen or bare):
            continue
        parts = [names[index].name for index in chosen] + [
            _position(table.definition, pattern, strand, site) for site in bits(rest)
        ]
        base = sum((_own(table, index) & called).bit_count() for index in chosen) if chosen else called.bit_count()
        found.add(_Reading(_label(natural_order(parts)), base - rest.bit_count()))
    return sorted(found)


def _whole_alleles(table: AlleleTable, strand: Strand, called: int) -> list[_Reading]:
    fitting = table.everything
    for site in bits(called):
        code = strand.codes[site]
        fitting &= 0 if code == MISSING else table.strict[site][code]
    scored = [
        _Reading(table.definition.alleles[index].name, (table.defined[index] & called).bit_count())
        for index in bits(fitting)
        if table.defined[index] & called
    ]
    best = max((each.score for each in scored), default=0)
    return [each for each in scored if each.score == best]


def _loose_alleles(table: AlleleTable, strand: Strand, called: int) -> list[int]:
    fitting = table.everything & ~table.reference
    for index in range(len(table.defined)):
        for site in bits(_own(table, index) & called):
            code = strand.codes[site]
            if code == MISSING or not table.loose[site][code] >> index & 1:
                fitting &= ~(1 << index)
                break
    return list(bits(fitting))


def _explained(table: AlleleTable, index: int, strand: Strand, called: int) -> int:
    return sum(1 << site for site in bits(_own(table, index) & called) if strand.codes[site] > 0)


def _own(table: AlleleTable, index: int) -> int:
    """The sites that make the allele what it is: for one defined at every site, those where it is not reference."""
    return table.departs[index] if table.definition.alleles[index].complete else table.defined[index]


def _choose(table: AlleleTable, fitting: dict[int, int], rest: int, called: int) -> set[tuple[frozenset[int], int]]:
    """Sets of alleles, the most specific first, that explain the rest without overlap, and what is then left."""
    open_ones = {index: mask for index, mask in fitting.items() if mask & ~rest == 0}
    if not open_ones:
        return {(frozenset(), rest)}
    best = max((_own(table, index) & called).bit_count() for index in open_ones)
    found = set()
    for index, mask in open_ones.items():
        if (_own(table, index) & called).bit_count() == best:
            for chosen, left in _choose(table, open_ones, rest & ~mask, called):
                found.add((chosen | {index}, left))
    return found


def _position(definition: GeneDefinition, pattern: Pattern, strand: Strand, site: int) -> str:
    code, place = strand.codes[site], definition.sites[site]
    if code in (MISSING, ABSENT):
        return f"g.{place.position}?"
    if code == UNDOCUMENTED:
        copy = strand.copies[site]
        base = next((each.base for each in pattern.unknown if each.site == site and each.copy == copy), "?")
    else:
        base = place.alternates[code - 1]
    return f"g.{place.position}{place.reference}>{base}"


def _label(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) == 1 else f"[{' + '.join(parts)}]"
