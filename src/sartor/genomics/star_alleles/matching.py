"""Match one person's genotype at a gene's sites to pairs of named alleles.

Two sets of rules. `rules="sartor"` lists every diplotype that the data leave possible: a missing site excludes
nothing. `rules="pharmcat"` gives the diplotypes that PharmCAT 3.1.1 would list: missing sites are dropped from the
definitions, what an allele does not define must be reference, and only the best-scoring diplotypes are kept.

References: PharmCAT documentation, "Named Allele Matcher 101" and "201"; Sangkuhl et al. 2020, PMID 31306493.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.combination import combine
from sartor.genomics.star_alleles.definition import GeneDefinition, natural_key
from sartor.genomics.star_alleles.pattern import (
    AlleleTable,
    Copy,
    Pattern,
    UnknownBase,
    allele_table,
    arrangements,
    bits,
    encode,
)
from sartor.genomics.star_alleles.variant_list import read_variants

Rules = Literal["sartor", "pharmcat"]

NOTE_UNPHASED_PRIORITY = "unphased-priority"
NOTE_REQUIRED_MISSING = "missing-required-position"
NOTE_UNDOCUMENTED_AS_REFERENCE = "undocumented-as-reference"
NOTE_HETEROZYGOUS_MALE = "heterozygous-on-one-x"


@dataclass(frozen=True, slots=True)
class MatchedDiplotype:
    """Two alleles (one on a haploid chromosome) that fit the data.

    alleles: names in natural order; a combination is written [*a + *b].
    score:   defining sites that were called and agree, over both alleles (higher is more specific).
    assumed: missing sites at which an allele would need a variant (0: nothing but the data speaks for it).
    """

    alleles: tuple[str, ...]
    score: int
    assumed: int = 0

    @property
    def label(self) -> str:
        """The usual way of writing it, such as *1/*2."""
        return "/".join(self.alleles)


@dataclass(frozen=True, slots=True)
class GeneMatch:
    """What a genotype says about one gene.

    diplotypes:   best first; empty when none fits, when a required site is missing or when nothing was called.
    haplotypes:   for genes read as a list of variants, the variants found (twice when homozygous).
    phased:       every genotype was phased; effectively_phased: only one arrangement is possible.
    missing:      indexes of the definition's sites that were not called; half_called: one copy of two called.
    unknown:      bases that no allele has.
    notes:        codes of what a reader must know, such as "unphased-priority".
    """

    gene: str
    rules: Rules
    diplotypes: tuple[MatchedDiplotype, ...] = ()
    haplotypes: tuple[str, ...] = ()
    phased: bool = False
    effectively_phased: bool = False
    n_called: int = 0
    missing: tuple[int, ...] = ()
    half_called: tuple[int, ...] = ()
    unknown: tuple[UnknownBase, ...] = ()
    notes: tuple[str, ...] = ()


def match(
    definition: GeneDefinition,
    calls: Sequence[SiteCall],
    *,
    rules: Rules = "sartor",
    all_matches: bool = False,
    combinations: bool = False,
    sex: str = "",
) -> GeneMatch:
    """Match the calls at a gene's sites to its named alleles.

    all_matches:  with rules="pharmcat", every fitting diplotype and not only the best-scoring ones.
    combinations: where no diplotype fits, look for combinations of alleles and for partial alleles.
    sex:          "male" lets homozygous calls on the X chromosome count as one copy (rules="sartor").
    """
    one_copy = rules == "sartor" and sex == "male" and definition.haploid_in_males
    as_reference = reads_undocumented_as_reference(definition, rules, combinations)
    pattern = encode(definition, calls, undocumented_as_reference=as_reference, one_copy=one_copy)
    found = match_pattern(definition, pattern, rules=rules, all_matches=all_matches, combinations=combinations)
    if one_copy and not pattern.haploid and found.n_called:
        found = replace(found, notes=(*found.notes, NOTE_HETEROZYGOUS_MALE))
    return found


def reads_undocumented_as_reference(definition: GeneDefinition, rules: Rules, combinations: bool) -> bool:
    """Whether a base that no allele has counts as reference: variant-list genes always, others where PharmCAT does."""
    return definition.variant_list or (
        rules == "pharmcat" and definition.undocumented_as_reference and not combinations
    )


def match_pattern(
    definition: GeneDefinition,
    pattern: Pattern,
    *,
    rules: Rules = "sartor",
    all_matches: bool = False,
    combinations: bool = False,
) -> GeneMatch:
    """Match one genotype pattern; equal patterns give equal matches."""
    missing = pattern.missing
    as_reference = pattern.unknown and reads_undocumented_as_reference(definition, rules, combinations)
    blank = GeneMatch(
        definition.gene,
        rules,
        phased=pattern.phased,
        effectively_phased=pattern.effectively_phased,
        n_called=len(definition.sites) - len(missing),
        missing=missing,
        half_called=pattern.half_called,
        unknown=pattern.unknown,
        notes=(NOTE_UNDOCUMENTED_AS_REFERENCE,) if as_reference else (),
    )
    if not blank.n_called:
        return blank
    if set(definition.required) & set(missing) and rules == "pharmcat":
        return replace(blank, notes=(*blank.notes, NOTE_REQUIRED_MISSING))
    if definition.variant_list:
        return _match_variants(definition, pattern, blank)
    half_called = rules == "pharmcat" and bool(pattern.half_called)
    found = () if half_called else fitting_diplotypes(definition, pattern, rules=rules)
    if not found and combinations:
        found = tuple(MatchedDiplotype(names, score) for names, score in combine(definition, pattern))
        return replace(blank, diplotypes=found)
    if rules == "pharmcat":
        return _best(definition, found, blank, all_matches)
    return replace(blank, diplotypes=found)


def fitting_diplotypes(
    definition: GeneDefinition, pattern: Pattern, *, rules: Rules = "sartor"
) -> tuple[MatchedDiplotype, ...]:
    """Every pair of alleles that fits the pattern in some arrangement, best first.

    With rules="pharmcat", alleles none of whose defining sites was called are left out.
    """
    table = allele_table(definition)
    missing = sum(1 << site for site in pattern.missing)
    called = ((1 << len(definition.sites)) - 1) & ~missing
    alive = _considered(table, called) if rules == "pharmcat" else table.everything
    found: dict[tuple[int, ...], int] = {}
    for first, second in arrangements(pattern, table.strict, alive):
        for one in bits(first.alleles):
            if pattern.haploid:
                found[(one,)] = _score(table, one, first, called)
                continue
            for other in bits(second.alleles):
                pair = (min(one, other), max(one, other))
                score = _score(table, one, first, called) + _score(table, other, second, called)
                found[pair] = max(score, found.get(pair, score))
    listed = sorted((_diplotype(table, pair, score, missing) for pair, score in found.items()), key=_least_assumed)
    best = {each.alleles: each for each in reversed(listed)}
    return tuple(best[alleles] for alleles in dict.fromkeys(each.alleles for each in listed))


def fitting_alleles(definition: GeneDefinition, pattern: Pattern) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Per possible arrangement, the alleles that fit the first and the second copy (missing sites exclude none)."""
    table = allele_table(definition)
    return tuple(
        (
            frozenset(definition.alleles[index].name for index in bits(first.alleles)),
            frozenset(definition.alleles[index].name for index in bits(second.alleles)),
        )
        for first, second in arrangements(pattern, table.strict, table.everything)
    )


def _considered(table: AlleleTable, called: int) -> int:
    return sum(1 << index for index, sites in enumerate(table.defined) if sites & called) & table.everything


def _score(table: AlleleTable, allele: int, copy: Copy, called: int) -> int:
    """Called sites that define the allele; one defined by an ambiguity code counts only where a variant is there."""
    ambiguous = table.ambiguous[allele]
    return (table.defined[allele] & called & (~ambiguous | copy.departs)).bit_count()


def _diplotype(table: AlleleTable, alleles: tuple[int, ...], score: int, missing: int) -> MatchedDiplotype:
    definition = table.definition
    names = [definition.alleles[index].name for index in alleles]
    reported = tuple(sorted((definition.suballeles.get(name, name) for name in names), key=natural_key))
    return MatchedDiplotype(reported, score, sum((table.departs[index] & missing).bit_count() for index in alleles))


def _least_assumed(diplotype: MatchedDiplotype) -> tuple[object, ...]:
    return (diplotype.assumed, *_best_scored(diplotype))


def _best_scored(diplotype: MatchedDiplotype) -> tuple[object, ...]:
    return (-diplotype.score, tuple(natural_key(name) for name in diplotype.alleles))


def _best(
    definition: GeneDefinition, found: tuple[MatchedDiplotype, ...], blank: GeneMatch, all_matches: bool
) -> GeneMatch:
    ordered = sorted(found, key=_best_scored)
    if all_matches or not ordered:
        return replace(blank, diplotypes=tuple(ordered))
    labels = {each.label for each in ordered}
    for rule in definition.unphased_priorities if not blank.effectively_phased else ():
        if labels.issuperset(rule.among):
            picked = tuple(each for each in ordered if each.label == rule.pick)
            return replace(blank, diplotypes=picked, notes=(*blank.notes, NOTE_UNPHASED_PRIORITY))
    return replace(blank, diplotypes=tuple(each for each in ordered if each.score == ordered[0].score))


def _match_variants(definition: GeneDefinition, pattern: Pattern, blank: GeneMatch) -> GeneMatch:
    diplotypes, haplotypes, notes = read_variants(definition, pattern)
    listed = tuple(MatchedDiplotype(names, score) for names, score in diplotypes)
    if blank.rules == "pharmcat" and not (pattern.phased or blank.effectively_phased):
        listed = ()
    return replace(blank, diplotypes=listed, haplotypes=haplotypes, notes=(*blank.notes, *notes))
