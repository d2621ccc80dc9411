"""The FDA's associations of an installed pack, read into drug, genes and the phenotypes that they concern."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.source import Citation, Knowledge

PACK = "fda"
_WORD = re.compile(r"[a-z]+")
_ALLELE = re.compile(r"\*\d+:\d+")
_AND_OR = re.compile(r"\s*(?:,|/|\band\b|\bor\b)\s*(?:(?:and|or)\b)?\s*")


@dataclass(frozen=True)
class Association:
    """One row: what the FDA says of a drug in people with certain phenotypes of a gene.

    phenotypes: those that the row's subgroups mean here; alleles: those whose presence it asks for (HLA).
    section:    "management", "safety-or-response", "pharmacokinetics", or "" when the pack does not say.
    """

    drug: str
    gene: str
    phenotypes: frozenset[str]
    alleles: frozenset[str]
    subgroups: str
    text: str
    section: str


@cache
def association_words() -> Mapping[str, Any]:
    """The shipped reading of the FDA's vocabulary."""
    path = files("sartor.capabilities.pharmacogenomics").joinpath("data/association_words.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def associations(knowledge: Knowledge) -> tuple[Association, ...]:
    """Every row of the pack, one per gene that it names; empty when the pack is not installed."""
    return tuple(
        _association(row, gene)
        for row in knowledge.table(PACK, "texts")
        for gene in _AND_OR.split(str(row.get("gene", "")))
        if gene
    )


def _association(row: Mapping[str, Any], gene: str) -> Association:
    words = association_words()
    subgroups = str(row.get("subgroups", ""))
    named = set(_WORD.findall(subgroups.lower()))
    phenotypes = [name for word, names in words["phenotypes"].items() if word in named for name in names]
    return Association(
        drug=str(row.get("drug", "")).strip().lower(),
        gene=gene,
        phenotypes=frozenset(phenotypes),
        alleles=frozenset(_ALLELE.findall(subgroups)),
        subgroups=subgroups,
        text=str(row.get("text", "")),
        section=words["sections"].get(str(row.get("section", "")), ""),
    )


def association_citation(knowledge: Knowledge) -> Citation:
    """The pack as a reader would cite it."""
    source = knowledge.packs[PACK].source
    return Citation(id=PACK, title=source.title, version=source.version, date=source.retrieved, url=source.url)
