"""The card of the study of risk models."""

from __future__ import annotations

from typing import Final

from sartor.domain.study import StudyCard

PACKAGE: Final = "sartor.studies.risk_model"

CARD: Final = StudyCard(
    name="risk_model",
    title="Risk model",
    question="How likely is an outcome, or how large, or when does it happen, for a person like this one?",
    intended_use="Research: to develop, validate and explain a model of one outcome from a cohort's columns",
    not_for=(
        "Use in care before validation at the place of use; causal conclusions; cohorts whose outcome was measured "
        "differently between groups"
    ),
    version="1",
    package=PACKAGE,
)
