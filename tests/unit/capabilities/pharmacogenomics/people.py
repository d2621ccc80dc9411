"""Builds evidence for tests of pharmacogenomics: genes as called, and medicines taken."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.assess.drugs import coded
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import DrugMatch, Medication
from sartor.genomics.star_alleles.phenotype import diplotype


def candidate(gene: str, label: str, probability: float | None = None) -> Diplotype:
    """The diplotype of that label with all that the shipped phenotype table says of it."""
    return diplotype(phenotype_tables().get(gene), tuple(label.split("/")), probability=probability)


def call(gene: str, *labels: str, probabilities: tuple[float, ...] = (), **more: object) -> GeneCall:
    """A call of one or several candidates."""
    chances = probabilities or (None,) * len(labels)
    found = tuple(candidate(gene, label, chance) for label, chance in zip(labels, chances, strict=True))
    phenotypes = tuple(dict.fromkeys(each.phenotype for each in found))
    status = "called" if len(found) == 1 else "phenotype-certain" if len(phenotypes) == 1 else "ambiguous"
    scores = tuple(dict.fromkeys(each.activity_score for each in found))
    values = {"status": status, "diplotypes": found, "phenotypes": phenotypes, "activity_scores": scores, **more}
    return GeneCall(gene=gene, **values)  # type: ignore[arg-type]


def evidence(*calls: GeneCall, medicines: tuple[str, ...] = (), **person: float) -> Evidence:
    """The facts of one person."""
    facts = [
        Fact(name=f"gene.{each.gene}.call", kind="gene_call", value=each.model_dump(mode="json")) for each in calls
    ]
    for name in medicines:
        match = DrugMatch(drug=coded(name), by="name", matched=name)
        taken = Medication(text=name, current=True, drugs=(match,))
        facts.append(Fact(name=f"medication.{name}", kind="medication", value=taken.model_dump(mode="json")))
    facts += [Fact(name=f"person.{name}", kind="quantity", value=value) for name, value in person.items()]
    return Evidence(capability="pharmacogenomics", facts=tuple(facts))
