"""Sentences of what is missing, which a fact carries already worded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sartor.domain.explanation import Wording
from sartor.explaining.wording import WordingTable


def say(key: str, values: Mapping[str, str]) -> str:
    """One sentence of the section `missing`."""
    return _table().say(Wording(key=f"missing.{key}", values=dict(values)))


@cache
def _table() -> WordingTable:
    text = files("sartor.capabilities.learned_risk").joinpath("wording/en.toml").read_text(encoding="utf-8")
    return WordingTable.load(text)
