"""The card of learned risks; the facts behind it come with each model's own card."""

from __future__ import annotations

from typing import Final

from sartor.domain.capability import CapabilityCard

CAPABILITY: Final = "learned_risk"

CARD: Final = CapabilityCard(
    name=CAPABILITY,
    title="Predictions of models",
    question="What do the models at hand predict for this person, and why?",
    intended_use="Research and decision support: to show a validated model's prediction with its reasons and limits",
    not_for="Diagnosis, treatment without a clinician, or people whom the model's card does not cover",
    version="1",
    package="sartor.capabilities.learned_risk",
    after_others=True,
)
