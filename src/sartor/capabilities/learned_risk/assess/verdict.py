"""What the study that made a model says of its readiness, and what follows from that for those who use it."""

from __future__ import annotations

from typing import Final

from sartor.capabilities.learned_risk.gather.reasons import sentence
from sartor.domain.model import ModelCard

READY: Final = "prospective_next"
EXTERNAL_NEXT: Final = "external_next"
UNSTATED: Final = "unstated"
OTHER: Final = "other"
WITHHELD: Final = frozenset({"do_not_use"})
"""Verdicts under which no prediction is shown in a patient's report."""
NOT_READY: Final = frozenset({"do_not_use", "not_ready"})
"""Verdicts that stand beside every single prediction of a table."""
KNOWN: Final = (*sorted(NOT_READY), "too_small", "not_transportable", EXTERNAL_NEXT, READY)


def verdict_of(card: ModelCard) -> str:
    """One of KNOWN; UNSTATED where the card has none, OTHER for one that this release does not know."""
    stated = card.facts.get("verdict")
    if not stated:
        return UNSTATED
    return str(stated) if stated in KNOWN else OTHER


def in_words(verdict: str) -> str:
    """The verdict in a few words, such as "not ready, not for use in care"."""
    return sentence(f"verdict.{verdict}", {})
