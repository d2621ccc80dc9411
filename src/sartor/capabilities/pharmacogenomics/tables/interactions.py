"""Which medicines inhibit or induce which enzyme, how strongly, and what that does to a phenotype."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.code import Coded, Frozen
from sartor.domain.source import Citation


class Interaction(Frozen):
    """One medicine and one enzyme.

    role: inhibitor or inducer; strength: strong, moderate or weak.
    confirmed: whether published changes of exposure bear the class out; None where nobody has looked.
    also_local: whether it is also applied locally (skin, eye, ear), where it would not act on the enzyme.
    checked: whether role and strength were read in the present edition of the FDA's table.
    """

    gene: str
    drug: str
    names: tuple[str, ...] = ()
    role: str
    strength: str
    confirmed: bool | None = None
    also_local: bool = False
    checked: bool
    source: str


class ConversionRule(Frozen):
    """What a class of medicine does to an enzyme: exactly one of score_factor, to_lowest and steps is set.

    score_factor: multiple of the activity score.   to_lowest: to the lowest rung whatever the genotype.
    steps:        rungs up (positive) or down.      certain: whether a guideline states it without reserve.
    """

    gene: str
    role: str
    strength: str
    score_factor: float | None = None
    to_lowest: bool = False
    steps: int = 0
    certain: bool
    source: str


class ScoreBound(Frozen):
    """The phenotype of the scores that meet this bound (one of the two is set)."""

    phenotype: str
    above: float | None = None
    at_least: float | None = None

    def holds(self, score: float) -> bool:
        """Whether the score meets it."""
        above, at_least = self.above, self.at_least
        return (above is None or score > above) and (at_least is None or score >= at_least)


class InteractionSource(Frozen):
    """A source of the table, with what a citation needs."""

    id: str
    title: str
    version: str
    licence: str
    url: str = ""
    pmid: str = ""
    note: str = ""


@dataclass(frozen=True)
class InteractionTable:
    """The table of interactions with the rules of phenoconversion.

    ladders:      gene → rungs from least to most active, each the phenotypes that stand on it.
    rung_scores:  gene → the activity score that stands for each rung once a medicine has moved it there.
    score_bounds: gene → bounds in order; the first that a score meets names its phenotype.
    listed_scores: gene → the scores that guideline rows are keyed by, as text, with their phenotypes.
    """

    interactions: tuple[Interaction, ...]
    rules: tuple[ConversionRule, ...]
    ladders: Mapping[str, Sequence[Sequence[str]]]
    rung_scores: Mapping[str, Sequence[float]]
    score_bounds: Mapping[str, Sequence[ScoreBound]]
    listed_scores: Mapping[str, Mapping[str, str]]
    sources: tuple[InteractionSource, ...] = ()

    def of(self, drug: Coded) -> tuple[Interaction, ...]:
        """Every enzyme that this medicine inhibits or induces, by its generic name."""
        names = {name.strip().lower() for name in (drug.label, drug.code) if name}
        return tuple(each for each in self.interactions if names & {each.drug, *each.names})

    def rule(self, interaction: Interaction) -> ConversionRule | None:
        """What this interaction does; None when it is only noted (weak, or no rule for the enzyme)."""
        key = (interaction.gene, interaction.role, interaction.strength)
        return next((rule for rule in self.rules if (rule.gene, rule.role, rule.strength) == key), None)

    def citation(self, identifier: str) -> Citation:
        """A source as a reader would cite it."""
        source = next(source for source in self.sources if source.id == identifier)
        return Citation(
            id=source.id, title=source.title, version=source.version, pmid=source.pmid, url=source.url
        )  # fmt: skip


@cache
def interaction_table() -> InteractionTable:
    """The shipped table; see data/interactions.json for its sources."""
    text = files("sartor.capabilities.pharmacogenomics").joinpath("data/interactions.json").read_text(encoding="utf-8")
    content = json.loads(text)
    phenotypes = phenotype_tables()
    return InteractionTable(
        interactions=TypeAdapter(tuple[Interaction, ...]).validate_python(content["rows"]),
        rules=TypeAdapter(tuple[ConversionRule, ...]).validate_python(content["rules"]),
        ladders=content["ladders"],
        rung_scores=content["rung_scores"],
        score_bounds=TypeAdapter(dict[str, tuple[ScoreBound, ...]]).validate_python(content["score_bounds"]),
        listed_scores={gene: phenotypes[gene].scores for gene in content["ladders"] if gene in phenotypes},
        sources=TypeAdapter(tuple[InteractionSource, ...]).validate_python(content["sources"]),
    )
