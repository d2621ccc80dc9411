"""What positions that were not called leave open in genes read as a list of variants (DPYD, RYR1).

Each variant at such a position may be there, on either copy. The candidates are the diplotype seen, the same with
one more variant, and with one more on each copy; more than one unseen variant on a single copy is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.definition import GeneDefinition, natural_key, natural_order
from sartor.genomics.star_alleles.frequencies import GeneFrequencies
from sartor.genomics.star_alleles.pattern import MISSING, Pattern, allele_table
from sartor.genomics.star_alleles.phenotype import GenePhenotypes

MOST_IN_PAIRS: Final = 100
"""Unseen variants that are spelled out on both copies at once; beyond it one stands for all of its function."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A diplotype that the data leave possible, the matcher's score, and its weight under a prior (not normalised)."""

    alleles: tuple[str, ...]
    score: float | None = None
    weight: float | None = None


def with_missing_variants(
    definition: GeneDefinition,
    pattern: Pattern,
    seen: Sequence[Candidate],
    phenotypes: GenePhenotypes | None,
    frequencies: GeneFrequencies | None,
    groups: Sequence[str],
) -> tuple[list[Candidate], tuple[str, ...]]:
    """The candidates seen, and those with variants that missing positions may hide; best first, and notes."""
    unseen = unseen_variants(definition, pattern)
    if not unseen:
        return list(seen), ()
    odds = {name: frequencies.frequency(name, groups) if frequencies else 1.0 for name in unseen}
    inner, notes = _for_pairs(unseen, odds, phenotypes)
    reference = definition.reference_allele
    found: dict[tuple[str, ...], Candidate] = {}
    for base in seen:
        for candidate in _extended(base, unseen, inner, odds, reference):
            known = found.get(candidate.alleles)
            if known is None or (candidate.weight or 0) > (known.weight or 0):
                found[candidate.alleles] = candidate
    if frequencies is None:
        return [Candidate(each.alleles, each.score) for each in found.values()], notes
    return sorted(found.values(), key=lambda each: -(each.weight or 0.0)), notes


def unseen_variants(definition: GeneDefinition, pattern: Pattern) -> tuple[str, ...]:
    """Alleles that need a variant at a position not called and contradict no position that was."""
    table = allele_table(definition)
    unseen = sum(1 << site for site in (*pattern.missing, *pattern.half_called))
    tagged = _stood_in_for(definition, pattern)
    return tuple(
        allele.name
        for index, allele in enumerate(definition.alleles)
        if table.departs[index] & unseen
        and not allele.reference
        and allele.name not in tagged
        and not _contradicted(pattern, allele.defined, table.loose, 1 << index)
    )


def _contradicted(pattern: Pattern, sites: Iterable[int], permits: Sequence[Sequence[int]], allele: int) -> bool:
    for site in sites:
        codes = (pattern.first[site], pattern.second[site])
        if MISSING not in codes and not any(permits[site][code] & allele for code in codes):
            return True
    return False


def _stood_in_for(definition: GeneDefinition, pattern: Pattern) -> tuple[str, ...]:
    """The haplotype of a tag pair where its exonic tag was called: the tag speaks for the missing intronic site."""
    pair = definition.tag_pair
    if pair is None or MISSING in (pattern.first[pair.exonic], pattern.second[pair.exonic]):
        return ()
    return (pair.haplotype,)


def _for_pairs(
    unseen: Sequence[str], odds: dict[str, float], phenotypes: GenePhenotypes | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The unseen variants to combine on both copies: all, or the commonest of each function when there are many."""
    if len(unseen) <= MOST_IN_PAIRS:
        return tuple(unseen), ()
    commonest: dict[tuple[str, str], str] = {}
    for name in sorted(unseen, key=lambda name: -odds[name]):
        function = phenotypes.functions.get(name, "") if phenotypes else ""
        value = phenotypes.values.get(name, "") if phenotypes else ""
        commonest.setdefault((function, value), name)
    return tuple(commonest.values()), (f"missing-not-enumerated:{len(unseen)}",)


def _extended(
    base: Candidate, unseen: Sequence[str], inner: Sequence[str], odds: dict[str, float], reference: str
) -> Iterable[Candidate]:
    yield Candidate(base.alleles, base.score, 1.0)
    copies = [tuple(part for part in meaning.components(each) if part != reference) for each in base.alleles]
    same = len(set(base.alleles)) == 1
    singles = range(1) if same else range(len(copies))
    times = 2 if same and len(copies) == 2 else 1
    for name in unseen:
        for copy in singles:
            grown = [(*each, name) if place == copy else each for place, each in enumerate(copies)]
            yield Candidate(_written(grown, reference), base.score, odds[name] * times)
    if len(copies) != 2:
        return
    for place, one in enumerate(inner):
        for other in inner[place:] if same else inner:
            grown = [(*copies[0], one), (*copies[1], other)]
            twice = 2 if same and one != other else 1
            yield Candidate(_written(grown, reference), base.score, odds[one] * odds[other] * twice)


def _written(copies: Sequence[tuple[str, ...]], reference: str) -> tuple[str, ...]:
    """Two copies as allele names: the reference, one variant, or a combination in brackets."""
    names = [_copy_name(copy, reference) for copy in copies]
    return tuple(sorted(names, key=natural_key))


def _copy_name(copy: tuple[str, ...], reference: str) -> str:
    if len(copy) < 2:
        return copy[0] if copy else reference
    parts = natural_order(dict.fromkeys(copy))
    return parts[0] if len(parts) == 1 else f"[{' + '.join(parts)}]"
