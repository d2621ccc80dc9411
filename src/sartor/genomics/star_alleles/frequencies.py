"""How common a gene's alleles are, by ancestry group: the prior that weighs what missing positions leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, eq=False)
class GroupFrequencies:
    """Counts of alleles in one ancestry group.

    people, chromosomes: how many unrelated persons, and how many of their chromosomes were counted.
    named_alleles:       how many alleles the gene's definition names.
    """

    group: str
    people: int
    chromosomes: int
    named_alleles: int
    counts: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def unseen(self) -> float:
        """The share of chromosomes with an allele that was not seen: Good and Turing's estimate, from singletons."""
        singletons = sum(1 for count in self.counts.values() if 0 < count <= 1)
        return max(singletons, 1) / (self.chromosomes + 1)

    def frequency(self, allele: str) -> float:
        """The allele's frequency; what was not seen shares `unseen` alike, so that none is impossible."""
        count = self.counts.get(allele, 0.0)
        if count > 0:
            return count / self.chromosomes * (1 - self.unseen)
        return self.unseen / max(self.named_alleles - len(self.counts), 1)


@dataclass(frozen=True, eq=False)
class GeneFrequencies:
    """One gene's allele counts by ancestry group; `source` says what was counted, as a reader may cite it."""

    gene: str
    source: str
    groups: Mapping[str, GroupFrequencies]

    def chosen(self, groups: Sequence[str]) -> tuple[str, ...]:
        """Those of the groups that were counted; all of them when none of these was."""
        known = tuple(group for group in groups if group in self.groups)
        return known or tuple(self.groups)

    def frequency(self, allele: str, groups: Sequence[str] = ()) -> float:
        """The allele's frequency, each group weighing the same; never zero."""
        chosen = self.chosen(groups)
        return sum(self.groups[group].frequency(allele) for group in chosen) / len(chosen)

    def prior(self, groups: Sequence[str] = ()) -> str:
        """The name of the prior: source, groups and number of persons."""
        chosen = self.chosen(groups)
        people = sum(self.groups[group].people for group in chosen)
        return f"{self.source}, {'+'.join(chosen)}, n={people}"


def frequencies_from_json(content: Mapping[str, Any]) -> dict[str, GeneFrequencies]:
    """Every gene of a compiled frequency table (schema sartor/frequencies/1)."""
    people: Mapping[str, int] = content["people"]
    return {
        gene: GeneFrequencies(
            gene=gene,
            source=entry.get("source", content["source"]),
            groups={
                group: GroupFrequencies(
                    group, people[group], int(row["chromosomes"]), int(entry["named_alleles"]), row["counts"]
                )
                for group, row in entry["groups"].items()
            },
        )
        for gene, entry in content["genes"].items()
    }
