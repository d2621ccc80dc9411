"""How common alleles are by ancestry group, and which group a coded ancestry belongs to; loaded once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.code import Coded
from sartor.genomics.star_alleles.frequencies import GeneFrequencies, frequencies_from_json


@cache
def _content() -> Mapping[str, Any]:
    path = files("sartor.capabilities.pharmacogenomics").joinpath("data/frequencies.json")
    content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@cache
def frequency_tables() -> Mapping[str, GeneFrequencies]:
    """Gene → allele counts by ancestry group; genes that the panel does not cover are absent."""
    return frequencies_from_json(_content())


def ancestry_groups(ancestry: Iterable[Coded]) -> tuple[str, ...]:
    """The panel's groups that a person's coded ancestries name; () when none does. A group's own name is a code too."""
    known: Mapping[str, list[str]] = _content()["ancestry"]
    named: Mapping[str, int] = _content()["people"]
    groups = [group for each in ancestry for group in known.get(each.code, [each.code] if each.code in named else [])]
    return tuple(dict.fromkeys(groups))
