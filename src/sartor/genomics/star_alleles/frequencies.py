"""How common a gene's alleles are, by ancestry group: the prior that weighs what missing positions leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class GroupFrequencies:
    """Counts of alleles in one ancestry group: `chromosomes` counted in `people` unrelated persons."""

    group: str
    people: int
    chromosomes: int
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GeneFrequencies:
    """One gene's allele counts by ancestry group.

    source:      what was counted, as a reader may cite it.
    pseudocount: added to every allele's count, so that an allele never seen is rare but not impossible.
    """

    gene: str
    source: str
    pseudocount: float
    groups: Mapping[str, GroupFrequencies]

    def chosen(self, groups: Sequence[str]) -> tuple[str, ...]:
        """Those of the groups that were counted; all of them when none of these was."""
        known = tuple(group for group in groups if group in self.groups)
        return known or tuple(self.groups)

    def frequency(self, allele: str, groups: Sequence[str] = ()) -> float:
        """The allele's frequency, each group weighing the same; never zero."""
        chosen = [self.groups[group] for group in self.chosen(groups)]
        shares = [(each.counts.get(allele, 0.0) + self.pseudocount) / (each.chromosomes + 1.0) for each in chosen]
        return sum(shares) / len(shares)

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
            pseudocount=content["pseudocount"],
            groups={
                group: GroupFrequencies(group, people[group], int(row["chromosomes"]), row["counts"])
                for group, row in entry["groups"].items()
            },
        )
        for gene, entry in content["genes"].items()
    }
