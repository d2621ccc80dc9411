"""The sentences that say why something is missing, from the wording table."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sartor.domain.explanation import Wording
from sartor.explaining.wording import WordingTable


@cache
def _wording() -> WordingTable:
    path = files("sartor.capabilities.pharmacogenomics").joinpath("wording/missing.en.toml")
    return WordingTable.load(path.read_text(encoding="utf-8"))


def say(key: str, **values: str | int) -> str:
    """The sentence [missing] `key`, with its places filled; further values are ignored."""
    return _wording().say(Wording(key=f"missing.{key}", values={**values}))
