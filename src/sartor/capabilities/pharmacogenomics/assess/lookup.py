"""From what a person's genes may be to the guideline rows that apply: every candidate is looked up, none favoured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from sartor.capabilities.pharmacogenomics.tables.guidelines import NO_RESULT, GuidelineSet, Recommendation, rules
from sartor.domain.genome import Diplotype, GeneCall
from sartor.genomics.star_alleles.phenotype import UNASSIGNED, as_number, number_text

INDETERMINATE = "Indeterminate"
UNSPECIFIED_COPIES = "xN combinations"
_SCORED = re.compile(r"^(?P<score>[\d.]+) \((?P<how>[^)]+)\)$")
_OWN = 3
_STATUS = re.compile(r"^\*\d+:\d+")


@dataclass(frozen=True, slots=True)
class State:
    """One thing that a gene may be: the keys that fit it, each with how specific it is; its probability if known.

    borrowed: the guideline's own table does not list the genotype; the phenotype is another publisher's.
    """

    gene: str
    keys: Mapping[str, int]
    label: str = ""
    phenotype: str = ""
    score: float | None = None
    normal_allele: bool = False
    probability: float | None = None
    borrowed: bool = False

    def fit(self, key: str) -> int:
        """How specifically this state meets the key of a row: 0 not at all, more is more specific."""
        if key in self.keys:
            return self.keys[key]
        if found := _SCORED.match(key):
            return self._fit_score(float(found["score"]), found["how"])
        if ";" in key:
            parts = key.split(";")
            return len(parts) + 1 if all(part in self.keys for part in parts) else 0
        return 0

    def as_seen_by(self, asked: Sequence[str]) -> tuple[object, ...]:
        """All that rows with these keys can tell of this state; equal for states that lead to the same row."""
        reach = self.score if any(key.startswith("≥") for key in asked) else None
        return (self.phenotype, self.borrowed, reach, *(self.fit(key) for key in asked))

    def _fit_score(self, score: float, how: str) -> int:
        if self.score is None or abs(self.score - score) > 1e-9:
            return 0
        if how == "Phenotyping":
            return 0 if self.normal_allele else 2
        return 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The row that one combination of states leads to (None: the guideline has none), and how likely it is."""

    states: tuple[State, ...]
    row: Recommendation | None
    probability: float | None = None


def is_determined(call: GeneCall | None) -> bool:
    """Whether a gene was tested with any result that can be looked up."""
    return call is not None and bool(call.diplotypes or call.phenotypes)


def states(
    gene: str, call: GeneCall | None, guidelines: GuidelineSet, rows: Sequence[Recommendation]
) -> tuple[State, ...]:
    """Every state that the call leaves possible, best first; one with the key "No Result" when untested.

    Candidates that these rows cannot tell apart are one state, labelled by the best of them, with their
    probabilities added.
    """
    if call is None or not is_determined(call):
        return (State(gene, {NO_RESULT: 1}),)
    if call.unknown_variants and guidelines.name not in rules()["undocumented_variants_count_as_reference"]:
        return (State(gene, {}),)
    diplotypes = call.diplotypes or tuple(Diplotype(alleles=(), phenotype=each) for each in call.phenotypes)
    asked = sorted({key for row in rows if (key := row.keys.get(gene)) is not None})
    merged: dict[tuple[object, ...], State] = {}
    for diplotype in diplotypes:
        state = _state(gene, diplotype, guidelines)
        seen_as = state.as_seen_by(asked)
        if (seen := merged.get(seen_as)) is None:
            merged[seen_as] = state
        elif seen.probability is not None and state.probability is not None:
            merged[seen_as] = replace(seen, probability=seen.probability + state.probability)
    return tuple(merged.values())


def _state(gene: str, diplotype: Diplotype, guidelines: GuidelineSet) -> State:
    phenotype = diplotype.phenotype
    keys = _keys(diplotype)
    own = guidelines.genotypes.get((gene, "/".join(sorted(diplotype.alleles))))
    renamed = rules()["phenotype_names"].get(guidelines.name, {}).get(gene, {}).get(phenotype)
    if own or renamed:
        keys.pop(phenotype, None)
        keys[own or renamed] = _OWN if own and _SCORED.match(own) else 1
    if len(diplotype.alleles) == 2:
        keys.setdefault("/".join(sorted(diplotype.alleles)), 2)
    for allele in diplotype.alleles:
        if _STATUS.match(allele):
            keys[f"{allele} positive"] = 1
    return State(
        gene=gene,
        keys=keys,
        label=diplotype.label,
        phenotype=phenotype,
        score=diplotype.activity_score,
        normal_allele=any(function.startswith("Normal") for function in diplotype.functions),
        borrowed=gene in guidelines.own_genes and not own,
        probability=diplotype.probability,
    )


def _keys(diplotype: Diplotype) -> dict[str, int]:
    keys = {key.strip(): 1 for key in diplotype.lookup_key.split(";") if key.strip()}
    if diplotype.phenotype:
        keys.setdefault(diplotype.phenotype, 1)
    if not diplotype.lookup_key and diplotype.activity_score is not None:
        keys[number_text(diplotype.activity_score)] = 1
    if any(allele.endswith("xN") for allele in diplotype.alleles):
        return {UNSPECIFIED_COPIES: 1}
    if UNASSIGNED in keys or INDETERMINATE in keys:
        keys |= {UNASSIGNED: 1, INDETERMINATE: 1}
    return keys


def outcomes(rows: Sequence[Recommendation], genes: Iterable[Sequence[State]]) -> tuple[Outcome, ...]:
    """The outcome of every combination of the genes' states, in the order of the states."""
    return tuple(Outcome(combination, find(rows, combination), _joint(combination)) for combination in product(*genes))


def _joint(combination: Sequence[State]) -> float | None:
    probability = 1.0
    for state in combination:
        if NO_RESULT in state.keys:
            continue
        if state.probability is None:
            return None
        probability *= state.probability
    return probability


def find(rows: Sequence[Recommendation], combination: Sequence[State]) -> Recommendation | None:
    """The row that these states fit best; between scores that the table lacks, the nearest row below is taken."""
    by_gene = {state.gene: state for state in combination}
    fitting = [(fit, row) for row in rows if (fit := _fit(row, by_gene))]
    if fitting:
        return max(fitting, key=lambda pair: pair[0])[1]
    return _at_least(rows, by_gene)


def _fit(row: Recommendation, by_gene: Mapping[str, State]) -> int:
    total = 0
    for gene, key in row.keys.items():
        state = by_gene.get(gene)
        fit = 0 if state is None else state.fit(key)
        if not fit:
            return 0
        total += fit
    return total


def _at_least(rows: Sequence[Recommendation], by_gene: Mapping[str, State]) -> Recommendation | None:
    """A row keyed "≥3.0" for a score above every listed one; None where that does not apply."""
    best: tuple[float, Recommendation] | None = None
    for row in rows:
        reached = [_reach(key, by_gene.get(gene)) for gene, key in row.keys.items()]
        if reached and all(each is not None for each in reached):
            total = sum(each for each in reached if each is not None)
            if best is None or total > best[0]:
                best = (total, row)
    return None if best is None else best[1]


def _reach(key: str, state: State | None) -> float | None:
    if state is None:
        return None
    if fit := state.fit(key):
        return float(fit)
    bound = as_number(key) if key.startswith("≥") else None
    return bound if bound is not None and state.score is not None and state.score >= bound else None
