"""A report as a FHIR R4 bundle that follows the HL7 Genomics Reporting guide (STU3, 3.0.0).

The bundle is a collection: it states what was concluded and asks no server to do anything, so that the
receiver decides what becomes part of the record. Ids are name-based (UUID 5 over the person and the digests
of the inputs), which makes the bundle of the same inputs the same, and re-reading it an update.

A gene that was not tested has a genotype whose value is absent, with the reason; it is among the uncalled
regions of the genomic study; it is never left out and never shown as reference.
"""

from __future__ import annotations

from typing import Any

from sartor.domain.report import Report
from sartor.reporting.fhir_drugs import drugs_of, statements_of
from sartor.reporting.fhir_genes import genes_of
from sartor.reporting.fhir_study import diagnostic_report, frame_of, provenance, study
from sartor.reporting.fhir_values import Resource, cleaned


def bundle(report: Report) -> dict[str, Any]:
    """The whole report as a Bundle of type collection, as JSON-ready dictionaries.

    Source: HL7 FHIR R4 (4.0.1); Genomics Reporting 3.0.0 (http://hl7.org/fhir/uv/genomics-reporting/STU3/).
    """
    frame = frame_of(report)
    genes = genes_of(report, frame)
    statements, current = statements_of(report.patient.medications, frame)
    drugs = drugs_of(report, genes, current, frame)
    observations = [resource for gene in genes.values() for resource in gene.resources]
    observations += [each.implication for each in drugs]
    whole = diagnostic_report(report, observations, drugs, frame)
    resources = [whole, frame.patient, frame.device, *study(report, genes.values(), frame), *observations]
    resources += [each.task for each in drugs if each.task] + statements
    resources += [made for made in [provenance(report.provenance, whole, frame)] if made]
    return cleaned(
        {
            "resourceType": "Bundle",
            "id": frame.identify("bundle"),
            "type": "collection",
            "timestamp": frame.made,
            "entry": [entry(each) for each in resources],
        }
    )


def entry(resource: Resource) -> Resource:
    """One entry, addressed by the id of its resource."""
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
