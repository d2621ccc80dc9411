"""Sentences that facts and findings carry already worded, such as what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sartor.domain.explanation import Wording
from sartor.explaining.wording import WordingTable


def say(key: str, values: Mapping[str, str]) -> str:
    """One sentence of the section `missing`."""
    return sentence(f"missing.{key}", values)


def sentence(key: str, values: Mapping[str, str]) -> str:
    """One sentence of this capability by its section and key."""
    return _table().say(Wording(key=key, values=dict(values)))


@cache
def _table() -> WordingTable:
    text = files("sartor.capabilities.learned_risk").joinpath("wording/en.toml").read_text(encoding="utf-8")
    return WordingTable.load(text)
