"""How well response to drugs can be told for new cells, new patients and new drugs, beside what means alone give.

Exports exactly what a study has: card, prepare, fit, validate, publish.
"""

from __future__ import annotations

from sartor.domain.study import StudyCard
from sartor.studies.drug_response.fit import fit
from sartor.studies.drug_response.prepare import prepare
from sartor.studies.drug_response.publish import publish
from sartor.studies.drug_response.validate import validate

card = StudyCard(
    name="drug_response",
    title="Response of cells or patients to drugs",
    question="How well can response to each drug be told for cells, patients or drugs that were never measured?",
    intended_use="Research on screens of cell lines, organoids or patients against several drugs",
    not_for="Choosing a treatment for a patient; the study publishes results, not a model",
    version="1",
    package=__name__,
)

__all__ = ["card", "fit", "prepare", "publish", "validate"]
