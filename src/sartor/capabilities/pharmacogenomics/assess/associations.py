"""What the FDA's table of associations says of this person's phenotypes, as they act today; needs the pack `fda`."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.assess.genes import CAPABILITY, quality, slug
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.tables.associations import (
    Association,
    association_citation,
    associations,
)
from sartor.domain.code import SARTOR, Coded
from sartor.domain.finding import Certainty, Finding, SourceStrength, Status, Urgency
from sartor.domain.genome import GeneCall
from sartor.domain.source import Citation, Knowledge
from sartor.knowledge import medicines


def association_findings(person: Person, knowledge: Knowledge) -> tuple[Finding, ...]:
    """One finding per row of the installed table that concerns this person; it informs and recommends nothing.

    A row concerns a person when every phenotype that remains possible is among those it names, or when the person
    carries an allele that it names.
    """
    rows = associations(knowledge)
    if not rows:
        return ()
    citation = association_citation(knowledge)
    found: dict[str, Finding] = {}
    for row in rows:
        drug = medicines.drug(row.drug)
        call = person.calls_for(drug).get(row.gene)
        if call is not None and (matched := _matched(row, call)):
            finding = _finding(row, drug, call, matched, person, citation)
            number = sum(1 for name in found if name == finding.id or name.startswith(f"{finding.id}/"))
            identifier = finding.id if not number else f"{finding.id}/{number + 1}"
            found[identifier] = finding.model_copy(update={"id": identifier})
    return tuple(found.values())


def _matched(row: Association, call: GeneCall) -> str:
    """The person's phenotype or allele that the row names; "" when it does not, or not surely, concern the person."""
    if row.alleles:
        keys = [{part.strip() for part in each.lookup_key.split(";")} for each in call.diplotypes]
        surely = set.intersection(*keys) if keys else set()
        return next((allele for allele in sorted(row.alleles) if f"{allele} positive" in surely), "")
    phenotypes = [each for each in call.phenotypes if each]
    return ", ".join(phenotypes) if phenotypes and row.phenotypes.issuperset(phenotypes) else ""


def _finding(
    row: Association, drug: Coded, call: GeneCall, matched: str, person: Person, citation: Citation
) -> Finding:
    taken = person.medication_facts(drug)
    return Finding(
        id=f"{CAPABILITY}/drug/{slug(row.drug)}/fda/{slug(row.gene)}",
        capability=CAPABILITY,
        kind="drug",
        about=drug,
        status=Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code="association", label="listed by the FDA"),),
        certainty=Certainty(source_strength=SourceStrength.UNSTATED, input_quality=quality(call)),
        urgency=Urgency.FOR_THE_FUTURE if taken else Urgency.NONE,
        concerns_current=bool(taken),
        because=person.because((row.gene,), drug),
        citations=(citation, *person.citations_today((row.gene,), drug)),
        details={
            "guideline": "FDA",
            "association": row.section or "listed",
            "population": "",
            "lookup": {row.gene: matched},
            "subgroups": row.subgroups,
            "official_text": {"text": row.text, "url": citation.url, "guideline_version": citation.version},
        },
    )
