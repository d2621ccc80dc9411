"""Missing is not reference: every diplotype that a genome's data leave possible, and what is certain all the same.

A position that was not called excludes no allele. When all diplotypes left over have one phenotype the call is
"phenotype-certain"; otherwise the candidates are weighed by the frequencies of their alleles in the person's
ancestry group, and the prior is named. Undocumented variation is never taken for an allele: the gene is "not-called".

Notes of a gene call are codes, some with a value after a colon: unphased-priority, missing-required-position,
undocumented-as-reference, heterozygous-on-one-x (from the matcher); unknown-variation; candidates-left-out:N;
inferred-from:RSID; less-likely-left-out:P; assumed-in-trans; missing-not-enumerated:N; concern:CODE:N.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from sartor.domain.genome import CallState, Diplotype, GeneCall, PositionCall
from sartor.genomics.call_quality import DECISIVE
from sartor.genomics.cohort_sites import CONCERNS
from sartor.genomics.normalise import CohortSiteCalls, SiteCall
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.cohort import CohortDoubts, cohort_doubts, cohort_patterns, distinct
from sartor.genomics.star_alleles.definition import GeneDefinition, natural_key
from sartor.genomics.star_alleles.frequencies import GeneFrequencies
from sartor.genomics.star_alleles.matching import (
    NOTE_HETEROZYGOUS_MALE,
    GeneMatch,
    Rules,
    match_pattern,
    reads_undocumented_as_reference,
)
from sartor.genomics.star_alleles.missing_variants import Candidate, with_missing_variants
from sartor.genomics.star_alleles.pattern import Pattern, allele_table, as_one_copy, encode
from sartor.genomics.star_alleles.phenotype import GenePhenotypes

AT_MOST: Final = 500
"""Candidates kept in a gene call, best first; phenotypes and probabilities are taken over all of them."""


@dataclass(frozen=True, eq=False)
class GeneTables:
    """All that is needed to call one gene: its definition, and what its alleles mean and how common they are."""

    definition: GeneDefinition
    phenotypes: GenePhenotypes | None = None
    frequencies: GeneFrequencies | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How a gene is called.

    rules:    "sartor" lists all that the data leave possible; "pharmcat" what PharmCAT 3.1.1 would list (where that
              is no diplotype, the phenotype may still be inferred: variants on unknown copies, rs4149056).
    groups:   ancestry groups of the person, () when not known.
    """

    rules: Rules = "sartor"
    all_matches: bool = False
    combinations: bool = False
    groups: tuple[str, ...] = ()


def gene_call(
    definition: GeneDefinition,
    calls: Sequence[SiteCall],
    phenotypes: GenePhenotypes | None = None,
    frequencies: GeneFrequencies | None = None,
    *,
    groups: Sequence[str] = (),
    sex: str = "",
    rules: Rules = "sartor",
    all_matches: bool = False,
    combinations: bool = False,
    positions: bool = True,
) -> GeneCall:
    """Call one gene of one person.

    calls:     the calls at the definition's sites, in any order; what is absent is missing.
    groups:    ancestry groups of the prior ("EUR", …); () weighs all groups alike.
    sex:       "male" makes a gene on the X chromosome haploid.
    positions: False leaves the drill-down by position out.
    """
    as_reference = reads_undocumented_as_reference(definition, rules, combinations)
    pattern = encode(definition, calls, undocumented_as_reference=as_reference)
    one_copy = rules == "sartor" and sex == "male" and definition.haploid_in_males
    reduced = as_one_copy(pattern) if one_copy else pattern
    tables = _tables(definition, phenotypes, frequencies)
    call = call_pattern(tables, reduced, Options(rules, all_matches, combinations, tuple(groups)))
    if one_copy and not reduced.haploid and call.status != "not-tested":
        extra = {"notes": (*call.notes, NOTE_HETEROZYGOUS_MALE), "input_quality": _worse(call.input_quality, "poor")}
        call = call.model_copy(update=extra)
    return call.model_copy(update=_of_this_genome(definition, calls, call, positions))


def likely(call: GeneCall, share: float) -> GeneCall:
    """The call with its likeliest candidates alone, where weighed ones lead to different guideline rows.

    Candidates are taken together by what guidelines look up (look-up key, else the diplotype itself); the fewest
    of these that reach `share` of the probability are kept. What is left out is said in the note
    "less-likely-left-out:P" with its probability; the status stays "ambiguous", probabilities stay as they were.
    Where the file's own records contradict each other nothing is left out: one of them speaks for what is rare.
    """
    if call.status != "ambiguous" or any(each.probability is None for each in call.diplotypes):
        return call
    if any(note.startswith("concern:contradicting-records") for note in call.notes):
        return call
    mass: dict[str, float] = {}
    for each in call.diplotypes:
        key = each.lookup_key or each.label
        mass[key] = mass.get(key, 0.0) + (each.probability or 0.0)
    kept: set[str] = set()
    reached = 0.0
    for key in sorted(mass, key=lambda key: -mass[key]):
        if reached >= share:
            break
        kept.add(key)
        reached += mass[key]
    if reached < share or len(kept) == len(mass):
        return call
    diplotypes = tuple(each for each in call.diplotypes if (each.lookup_key or each.label) in kept)
    named = {each.phenotype for each in diplotypes}
    weighed = [
        pair for pair in zip(call.phenotypes, call.phenotype_probabilities, strict=True) if pair[0] in named
    ]  # fmt: skip
    return call.model_copy(
        update={
            "diplotypes": diplotypes,
            "phenotypes": tuple(name for name, _ in weighed),
            "phenotype_probabilities": tuple(probability for _, probability in weighed),
            "activity_scores": _scores(diplotypes),
            "input_quality": _worse(call.input_quality, "inferred"),
            "notes": (*call.notes, f"less-likely-left-out:{max(0.0, 1 - reached):.4f}"),
        }
    )


@dataclass(frozen=True, slots=True)
class CohortGeneCalls:
    """The calls of a cohort at one gene, one object per distinct genotype pattern and quality, without positions.

    of_sample: int64, shape (samples,): index of each sample's call in `calls`.
    """

    gene: str
    samples: tuple[str, ...]
    calls: tuple[GeneCall, ...]
    of_sample: npt.NDArray[np.int64]

    def by_sample(self) -> Iterator[tuple[str, GeneCall]]:
        """Every sample with its call, in the order of the file."""
        for sample, index in zip(self.samples, self.of_sample.tolist(), strict=True):
            yield sample, self.calls[index]


def gene_calls_cohort(
    definition: GeneDefinition,
    calls: CohortSiteCalls,
    phenotypes: GenePhenotypes | None = None,
    frequencies: GeneFrequencies | None = None,
    *,
    groups: Sequence[str] = (),
    rules: Rules = "sartor",
    all_matches: bool = False,
    combinations: bool = False,
) -> CohortGeneCalls:
    """Call one gene of every sample of a cohort; sites of other genes in `calls` are ignored.

    The same calls as `gene_call` gives, but for positions and the sex of the samples: a gene is
    haploid where the file's genotype is.
    """
    as_reference = reads_undocumented_as_reference(definition, rules, combinations)
    found = cohort_patterns(definition, calls, undocumented_as_reference=as_reference)
    tables = _tables(definition, phenotypes, frequencies)
    options = Options(rules, all_matches, combinations, tuple(groups))
    called = tuple(call_pattern(tables, each, options) for each in found.patterns)
    doubts = cohort_doubts(definition, calls)
    if doubts is None:
        return CohortGeneCalls(definition.gene, found.samples, called, found.of_sample)
    return _with_quality(CohortGeneCalls(definition.gene, found.samples, called, found.of_sample), definition, doubts)


def _with_quality(found: CohortGeneCalls, definition: GeneDefinition, doubts: CohortDoubts) -> CohortGeneCalls:
    """The calls told apart by the quality of each sample's genotypes too."""
    poor = _is_poor(doubts.variant, doubts.positions, len(definition.sites))
    columns = (found.of_sample[:, None], poor[:, None], doubts.counts)
    rows, of_sample = distinct(np.concatenate(columns, axis=1).astype(np.int32))
    calls = []
    for index, is_poor, *counts in rows.tolist():
        named = {code: n for code, n in zip(CONCERNS, counts, strict=True) if n}
        call = found.calls[index]
        if named:
            call = call.model_copy(update=_doubted(call, named, "poor" if is_poor else "reduced"))
        calls.append(call)
    return CohortGeneCalls(found.gene, found.samples, tuple(calls), of_sample)


@lru_cache(maxsize=512)
def _tables(
    definition: GeneDefinition, phenotypes: GenePhenotypes | None, frequencies: GeneFrequencies | None
) -> GeneTables:
    return GeneTables(definition, phenotypes, frequencies)


@lru_cache(maxsize=1024)
def call_pattern(tables: GeneTables, pattern: Pattern, options: Options) -> GeneCall:
    """The gene call of one genotype pattern, without positions and quality; the same object for equal patterns."""
    definition = tables.definition
    found = match_pattern(
        definition,
        pattern,
        rules=options.rules,
        all_matches=options.all_matches,
        combinations=options.combinations,
    )
    blank = _blank(definition, found)
    if not found.n_called:
        return blank.model_copy(update={"status": "not-tested", "input_quality": "absent", "phased": "no"})
    candidates, notes = _candidates(tables, pattern, found, options)
    notes = tuple(dict.fromkeys((*found.notes, *notes)))
    if not candidates:
        return blank.model_copy(update={"notes": notes})
    call = _summed_up(blank, tables, candidates, options, notes, pattern)
    return call if options.rules == "sartor" else _as_listed(call, found)


def _as_listed(call: GeneCall, found: GeneMatch) -> GeneCall:
    """The call with exactly the diplotypes that the matcher lists, in its order; phenotypes stay worst first."""
    if not found.diplotypes:
        return call.model_copy(update={"diplotypes": (), "haplotypes": found.haplotypes})
    order = {each.alleles: place for place, each in enumerate(found.diplotypes)}
    return call.model_copy(update={"diplotypes": tuple(sorted(call.diplotypes, key=lambda each: order[each.alleles]))})


def _blank(definition: GeneDefinition, found: GeneMatch) -> GeneCall:
    sites = definition.sites
    phased = "yes" if found.phased else "effectively" if found.effectively_phased else "no"
    return GeneCall(
        gene=definition.gene,
        status="not-called",
        phased=phased,
        n_positions=len(sites),
        n_missing=len(found.missing),
        missing=tuple(_place(definition, index) for index in found.missing),
        unknown_variants=tuple(dict.fromkeys(f"{_place(definition, each.site)} {each.base}" for each in found.unknown)),
        definition_version=definition.version,
    )


def _place(definition: GeneDefinition, index: int) -> str:
    site = definition.sites[index]
    return f"{site.chromosome}:{site.position}" + (f" ({site.rsid})" if site.rsid else "")


def _candidates(
    tables: GeneTables, pattern: Pattern, found: GeneMatch, options: Options
) -> tuple[list[Candidate], tuple[str, ...]]:
    """Every candidate with its weight (None where nothing weighs it), best first, and notes."""
    definition = tables.definition
    if definition.variant_list:
        return _variant_list(tables, pattern, found, options)
    if not found.diplotypes:
        return _substitute(tables, pattern, found)
    best: dict[tuple[str, ...], Candidate] = {}
    for each in found.diplotypes:
        best.setdefault(each.alleles, Candidate(each.alleles, each.score))
    listed = list(best.values())
    if tables.frequencies is None or options.rules == "pharmcat" or len(listed) == 1:
        return listed, ()
    names = {name for each in listed for name in each.alleles}
    weights = {name: tables.frequencies.frequency(name, options.groups) for name in names}
    weighed = [replace(each, weight=_hardy_weinberg(each.alleles, weights)) for each in listed]
    return sorted(weighed, key=lambda each: -(each.weight or 0.0)), ()


def _hardy_weinberg(alleles: Sequence[str], frequency: Mapping[str, float]) -> float:
    if len(alleles) == 1:
        return frequency[alleles[0]]
    one, other = alleles
    return frequency[one] * frequency[other] * (1.0 if one == other else 2.0)


def _substitute(tables: GeneTables, pattern: Pattern, found: GeneMatch) -> tuple[list[Candidate], tuple[str, ...]]:
    """Where no diplotype fits, what the one position that may stand for the gene says (rs4149056 for SLCO1B1)."""
    definition = tables.definition
    unknown = ("unknown-variation",) if found.unknown else ("no-diplotype-fits",)
    rsids = [site.rsid for site in definition.sites]
    if not definition.substitute_site or definition.substitute_site not in rsids:
        return [], unknown
    index = rsids.index(definition.substitute_site)
    codes = (pattern.first[index], pattern.second[index])
    names = [_single_site_allele(definition, index, code) for code in codes]
    if any(name is None for name in names):
        return [], unknown
    alleles = tuple(sorted((name for name in names if name), key=natural_key))
    return [Candidate(alleles)], (*unknown, f"inferred-from:{definition.substitute_site}")


def _single_site_allele(definition: GeneDefinition, index: int, code: int) -> str | None:
    """The allele that has this base at this site and is the reference elsewhere."""
    if code < 0:
        return None
    if code == 0:
        return definition.reference_allele
    base = definition.sites[index].alternates[code - 1]
    matches = (each.name for each in definition.alleles if each.defined == (index,) and each.bases[index] == base)
    return next(matches, None)


def _variant_list(
    tables: GeneTables, pattern: Pattern, found: GeneMatch, options: Options
) -> tuple[list[Candidate], tuple[str, ...]]:
    """Candidates of a gene whose variants are listed one by one; unphased, those on both copies come first."""
    listed = [Candidate(each.alleles, each.score) for each in found.diplotypes]
    notes: tuple[str, ...] = ()
    if not listed and found.haplotypes and tables.phenotypes is not None:
        names = meaning.two_most_consequential(tables.phenotypes, [found.haplotypes])
        listed = [Candidate(_pair(names, tables.definition.reference_allele))]
    if len(listed) > 1 and tables.phenotypes is not None:
        table = tables.phenotypes
        listed.sort(key=lambda each: meaning.consequence(table, meaning.decisive(table, each.alleles)))
        notes = ("assumed-in-trans",)
    if options.rules == "pharmcat" or not listed:
        return listed, notes
    candidates, more = with_missing_variants(
        tables.definition, pattern, listed, tables.phenotypes, tables.frequencies, options.groups
    )
    return candidates, (*notes, *more)


def _pair(names: Sequence[str], reference: str) -> tuple[str, ...]:
    return tuple(names) if len(names) > 1 else (reference, *names)


def _summed_up(
    blank: GeneCall,
    tables: GeneTables,
    candidates: Sequence[Candidate],
    options: Options,
    notes: tuple[str, ...],
    pattern: Pattern,
) -> GeneCall:
    found = [meaning.phenotype_and_score(tables.phenotypes, each.alleles) for each in candidates]
    total = sum(each.weight or 0.0 for each in candidates)
    weighed = total > 0 and len(candidates) > 1
    shares: dict[str, float] = {}
    for each, (phenotype, _) in zip(candidates, found, strict=True):
        shares[phenotype] = shares.get(phenotype, 0.0) + (each.weight or 0.0) / (total or 1.0)
    phenotypes = tuple(sorted(shares, key=lambda name: -shares[name])) if weighed else tuple(shares)
    if set(phenotypes) == {meaning.UNASSIGNED}:
        phenotypes = ()
    prior = tables.frequencies.prior(options.groups) if weighed and tables.frequencies else ""
    kept = [
        _written(tables.phenotypes, each, (each.weight or 0.0) / total if weighed else None, prior)
        for each in candidates[:AT_MOST]
    ]
    if len(candidates) > AT_MOST:
        notes = (*notes, f"candidates-left-out:{len(candidates) - AT_MOST}")
    certain = len(phenotypes) == 1 and phenotypes[0] not in ("", meaning.UNASSIGNED)
    status = "called" if len(candidates) == 1 else "phenotype-certain" if certain else "ambiguous"
    return blank.model_copy(
        update={
            "status": status,
            "diplotypes": tuple(kept),
            "phenotypes": tuple(name for name in phenotypes if name),
            "phenotype_probabilities": tuple(round(shares[name], 6) for name in phenotypes if name) if weighed else (),
            "activity_scores": tuple(dict.fromkeys(score for _, score in found if score is not None)),
            "haplotypes": _listed_variants(tables, pattern, options),
            "missing_alleles": _missing_alleles(tables.definition, pattern, candidates),
            "input_quality": "inferred" if status == "ambiguous" and blank.n_missing else "good",
            "notes": notes,
        }
    )


def _written(table: GenePhenotypes | None, candidate: Candidate, probability: float | None, prior: str) -> Diplotype:
    """One candidate as a diplotype; made without validation, as its parts are our own."""
    meant = _meaning(table, candidate.alleles)
    return Diplotype.model_construct(
        alleles=candidate.alleles,
        phenotype=meant.phenotype,
        activity_score=meant.activity_score,
        functions=meant.functions,
        score=candidate.score,
        probability=probability,
        prior=prior if probability is not None else "",
        lookup_key=meant.lookup_key,
    )


def _scores(meanings: Iterable[Diplotype]) -> tuple[float | None, ...]:
    return tuple(dict.fromkeys(each.activity_score for each in meanings if each.activity_score is not None))


@lru_cache(maxsize=65536)
def _meaning(table: GenePhenotypes | None, alleles: tuple[str, ...]) -> Diplotype:
    """What two alleles mean; combinations of listed variants by those that decide."""
    return meaning.diplotype(table, meaning.decisive(table, alleles))


def _listed_variants(tables: GeneTables, pattern: Pattern, options: Options) -> tuple[str, ...]:
    """The variants found, where their arrangement on the two copies is not known (variant-list genes)."""
    if not tables.definition.variant_list or pattern.phased or pattern.effectively_phased:
        return ()
    return match_pattern(tables.definition, pattern, rules=options.rules).haplotypes


def _missing_alleles(definition: GeneDefinition, pattern: Pattern, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Alleles among the candidates that would need a variant at a position that was not called."""
    unseen = sum(1 << site for site in (*pattern.missing, *pattern.half_called))
    if not unseen:
        return ()
    table = allele_table(definition)
    named = {part for each in candidates for name in each.alleles for part in meaning.components(name)}
    names = (
        definition.suballeles.get(allele.name, allele.name)
        for index, allele in enumerate(definition.alleles)
        if table.departs[index] & unseen
    )
    return tuple(dict.fromkeys(name for name in names if name in named))


def _of_this_genome(
    definition: GeneDefinition, calls: Sequence[SiteCall], call: GeneCall, positions: bool
) -> dict[str, object]:
    """What differs between people with one pattern: positions, and the quality of their genotypes."""
    doubtful = [each for each in calls if each.concern and each.alleles]
    update: dict[str, object] = {}
    if positions:
        update["positions"] = tuple(position_call(each) for each in calls)
    if not doubtful:
        return update
    counts: dict[str, int] = {}
    for each in doubtful:
        for code in each.concern.split(";"):
            counts[code] = counts.get(code, 0) + 1
    shown = (each.state is CallState.VARIANT or any(code in each.concern for code in DECISIVE) for each in doubtful)
    variant = np.array([any(shown)])
    poor = bool(_is_poor(variant, np.array([len(doubtful)], np.int32), len(definition.sites))[0])
    return {**update, **_doubted(call, counts, "poor" if poor else "reduced")}


def _is_poor(variant: npt.NDArray[np.bool_], doubtful: npt.NDArray[np.int32], n_sites: int) -> npt.NDArray[np.bool_]:
    """Poor when a variant, called or shown by reads against the call, is doubtful, or a fifth of the positions."""
    return variant | (doubtful * 5 >= n_sites)


def _doubted(call: GeneCall, counts: Mapping[str, int], quality: str) -> dict[str, object]:
    """What doubts about the genotypes change in a call: a note per concern, and its quality."""
    notes = (*call.notes, *(f"concern:{code}:{n}" for code, n in counts.items()))
    if call.status == "not-tested":
        return {"notes": notes}
    update: dict[str, object] = {"notes": notes, "input_quality": _worse(call.input_quality, quality)}
    if "contradicting-records" in counts:  # one of the records speaks for what is rare: frequencies may not decide
        unweighed = tuple(each.model_copy(update={"probability": None, "prior": ""}) for each in call.diplotypes)
        update |= {"diplotypes": unweighed, "phenotype_probabilities": (), "input_quality": "poor"}
    return update


def _worse(one: str, other: str) -> str:
    order = ("good", "reduced", "inferred", "poor", "absent")
    return max(one, other, key=order.index)


def position_call(call: SiteCall) -> PositionCall:
    """What the file said at one site, as a gene call shows it."""
    mark = "|" if call.phased else "/"
    return PositionCall(
        chromosome=call.site.chromosome,
        position=call.site.position,
        rsid=call.site.rsid,
        reference=call.site.reference,
        genotype=mark.join(allele or "." for allele in call.alleles),
        state=call.state,
        phased=call.phased,
        depth=call.depth,
        genotype_quality=call.genotype_quality,
        concern=call.concern,
        origin=call.origin,
    )
