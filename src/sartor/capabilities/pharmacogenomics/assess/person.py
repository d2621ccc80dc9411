"""The person as assessment needs them: genes as called, medicines taken now, and what these make of the genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.assess.genes import fact_name, gene_calls
from sartor.capabilities.pharmacogenomics.assess.phenoconversion import (
    Cause,
    PhenotypeToday,
    gene_call_today,
    phenotypes_today,
)
from sartor.capabilities.pharmacogenomics.tables.guidelines import rules
from sartor.capabilities.pharmacogenomics.tables.interactions import interaction_table
from sartor.domain.code import Coded
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.genome import GeneCall
from sartor.domain.record import Medication
from sartor.domain.source import Citation


@dataclass(frozen=True)
class Person:
    """Facts of one person, indexed once for all questions.

    medicines: (name of fact, ingredient) of every medicine for the whole body that is not said to have been stopped.
    """

    calls: Mapping[str, GeneCall]
    medicines: Sequence[tuple[str, Coded]]
    today: Mapping[str, PhenotypeToday]
    names: frozenset[str]
    age: float | None = None
    weight: float | None = None
    _own: dict[str, Mapping[str, PhenotypeToday]] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(evidence: Evidence) -> Person:
        """Read the facts."""
        calls = gene_calls(evidence)
        taken = [(fact.name, drug) for fact in evidence.of_kind("medication") for drug in _current(fact)]
        today = phenotypes_today(calls.values(), [drug for _, drug in taken], interaction_table())
        names = {fact.name for fact in evidence.facts} | {each.name for each in evidence.missing}
        return Person(
            calls=calls,
            medicines=taken,
            today={each.gene: each for each in today},
            names=frozenset(names),
            age=_number(evidence.get("person.age")),
            weight=_number(evidence.get("person.weight")),
        )

    def calls_for(self, drug: Coded) -> dict[str, GeneCall]:
        """The calls as they act today on this medicine, its own effect on its metabolism left out."""
        today = self._today_for(drug)
        return {gene: gene_call_today(call, today.get(gene)) for gene, call in self.calls.items()}

    def _today_for(self, drug: Coded) -> Mapping[str, PhenotypeToday]:
        if not self.medication_facts(drug):
            return self.today
        if drug.label not in self._own:
            others = phenotypes_today(
                self.calls.values(), [each for _, each in self.medicines], interaction_table(), besides=drug
            )
            self._own[drug.label] = {each.gene: each for each in others}
        return self._own[drug.label]

    def medication_facts(self, drug: Coded) -> tuple[str, ...]:
        """The names of the facts by which this person takes the medicine now; empty when not."""
        return tuple(dict.fromkeys(name for name, each in self.medicines if same(each, drug)))

    def because(self, genes: Sequence[str], drug: Coded) -> tuple[str, ...]:
        """Every fact that a finding on these genes and this medicine rests on, interacting medicines included."""
        own = [fact_name(gene) for gene in genes]
        causes = [each.drug for gene in genes for each in self._causes(gene, drug)]
        taken = [name for each in (drug, *causes) for name in self.medication_facts(each)]
        return tuple(name for name in dict.fromkeys((*own, *taken)) if name in self.names)

    def citations_today(self, genes: Sequence[str], drug: Coded) -> tuple[Citation, ...]:
        """What the change of phenotype rests on, where there is one."""
        today = self._today_for(drug)
        changed = [today[gene] for gene in genes if gene in today and today[gene].changed]
        return tuple(dict.fromkeys(citation for each in changed for citation in each.citations))

    def reasons_today(self, genes: Sequence[str], drug: Coded) -> tuple[str, ...]:
        """Wording keys for what is uncertain about these genes' phenotypes under the other medicines."""
        today = self._today_for(drug)
        return tuple(dict.fromkeys(key for gene in genes if gene in today for key in today[gene].reasons))

    def genetic_phenotypes(self, gene: str) -> list[JsonValue]:
        """The phenotypes that the genes alone give."""
        call = self.calls.get(gene)
        return list(dict.fromkeys(each for each in call.phenotypes if each)) if call else []

    def causes(self, gene: str, drug: Coded | None = None) -> list[JsonValue]:
        """The names of the medicines that change this gene's phenotype today."""
        return list(dict.fromkeys(cause.drug.label for cause in self._causes(gene, drug)))

    def _causes(self, gene: str, drug: Coded | None) -> Sequence[Cause]:
        today = (self.today if drug is None else self._today_for(drug)).get(gene)
        return [cause for cause in today.causes if cause.changes] if today and today.changed else []

    def may_belong_to(self, population: str) -> bool:
        """False only when age or weight is known and excludes it."""
        rule = rules()["populations"].get(population, {})
        if self.age is not None and "age_below" in rule and self.age >= rule["age_below"]:
            return False
        if self.age is not None and "age_from" in rule and self.age < rule["age_from"]:
            return False
        return not (self.weight is not None and "weight_from" in rule and self.weight < rule["weight_from"])


def same(one: Coded, other: Coded) -> bool:
    """Whether two codes mean one drug: by code, else by generic name."""
    return (one.system, one.code) == (other.system, other.code) or one.label.lower() == other.label.lower()


def _current(fact: Fact) -> list[Coded]:
    medication = Medication.model_validate(fact.value)
    return [] if medication.current is False else [match.drug for match in medication.drugs if not match.local]


def _number(fact: Fact | None) -> float | None:
    return float(fact.value) if fact is not None and isinstance(fact.value, (int, float)) else None
