"""The card of the study, and its sentences."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.explanation import Wording
from sartor.domain.study import StudyCard
from sartor.explaining.wording import WordingTable

NAME = "subgroups"

CARD = StudyCard(
    name=NAME,
    title="Groups of patients",
    question="Do these patients fall into groups, how many, do the groups come back, and what sets them apart?",
    intended_use=(
        "To explore a cohort: whether groups exist beyond chance, what distinguishes them, what became of them, and a "
        "rule that places further patients."
    ),
    not_for=(
        "Choosing a treatment by group; proof that a disease has subtypes (that needs another cohort); tests of the "
        "variables that formed the groups."
    ),
    version="1",
    package="sartor.studies.subgroups",
)


def worded(key: str, **values: Any) -> Wording:
    """A sentence of this study, to be said later."""
    return Wording(key=f"{NAME}.{key}", values=values)


def say(key: str, **values: Any) -> str:
    """A title, label or cell of this study, said now."""
    return _table().say(worded(key, **values))


@cache
def _table() -> WordingTable:
    return WordingTable.load((files(__package__) / "wording" / "en.toml").read_text(encoding="utf-8"))
