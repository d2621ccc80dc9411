"""Evidence and finding → explanation: why it is so, what would change it, what it does not cover, as wording keys."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.explain.associations import explain_association
from sartor.capabilities.pharmacogenomics.explain.doses import explain_dose
from sartor.capabilities.pharmacogenomics.explain.drugs import DrugExplainer
from sartor.capabilities.pharmacogenomics.explain.genes import explain_gene
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Explanation
from sartor.domain.finding import Finding


def explain(evidence: Evidence, finding: Finding) -> Explanation:
    """The reasons of one finding of this capability; pure."""
    if finding.kind == "gene":
        return explain_gene(finding)
    if finding.kind == "dose":
        return explain_dose(evidence, finding)
    if "association" in finding.details:
        return explain_association(finding)
    return DrugExplainer(evidence, finding).explanation()
