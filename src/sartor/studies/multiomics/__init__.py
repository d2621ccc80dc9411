"""What several matrices of measurements per patient tell together: each view alone, every integration beside it.

Exports exactly what a study has: card, prepare, fit, validate, publish.
"""

from __future__ import annotations

from sartor.domain.study import StudyCard
from sartor.studies.multiomics.fit import PACK, fit
from sartor.studies.multiomics.prepare import prepare
from sartor.studies.multiomics.publish import publish
from sartor.studies.multiomics.validate import validate

card = StudyCard(
    name="multiomics",
    title="Several omics views of the same patients",
    question="Do several kinds of measurement predict an outcome better together than the best of them alone?",
    intended_use="Research on cohorts with two or more matrices of measurements per patient, some of them missing",
    not_for="Decisions about single patients; the study publishes results, not a model",
    version="1",
    package=__name__,
    packs=(PACK,),
)

__all__ = ["card", "fit", "prepare", "publish", "validate"]
