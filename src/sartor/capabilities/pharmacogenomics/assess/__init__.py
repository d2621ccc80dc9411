"""Evidence → findings: what the genes mean, for every medicine that a guideline covers, as they act today."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.assess.associations import association_findings
from sartor.capabilities.pharmacogenomics.assess.dosing import dose_findings
from sartor.capabilities.pharmacogenomics.assess.drugs import drug_findings
from sartor.capabilities.pharmacogenomics.assess.genes import gene_findings
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.domain.evidence import Evidence
from sartor.domain.finding import Finding
from sartor.domain.source import Knowledge


def assess(evidence: Evidence, knowledge: Knowledge) -> tuple[Finding, ...]:
    """Every finding on genes and medicines, and computed doses; pure."""
    person = Person.of(evidence)
    return (
        *gene_findings(person.calls.values(), person.today),
        *drug_findings(person, knowledge),
        *dose_findings(evidence, person),
        *association_findings(person, knowledge),
    )
