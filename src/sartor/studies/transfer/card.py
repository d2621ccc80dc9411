"""The card of the study, and its sentences."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.explanation import Wording
from sartor.domain.study import StudyCard
from sartor.explaining.wording import WordingTable

NAME = "transfer"

CARD = StudyCard(
    name=NAME,
    title="Transfer from a large source to a small target",
    question="Does a model of a large source (disease, hospital) help to predict in a small target, and how best?",
    intended_use=(
        "To decide whether a small site should use another's model as it is, recalibrate it, adapt it, pool the data "
        "or learn from scratch; and to make the model that results."
    ),
    not_for=(
        "Sites whose patients overlap with the source's; outcomes that are defined differently at the two sites; "
        "use at a third site without validating there."
    ),
    version="1",
    package="sartor.studies.transfer",
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
