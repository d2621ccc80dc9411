"""Prescribing guidelines as tables of codes: rows by drug and population, looked up by the keys of genotypes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from sartor.domain.source import Citation, Knowledge, Source

NO_RESULT: Final = "No Result"
"""The key of a row for when a gene of several was not tested."""

TABLES: Final = ("guidelines", "readings", "implications", "recommendations")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Guideline:
    """One publication: whose it is, what it covers, and how it is cited."""

    id: str
    publisher: str
    drugs: tuple[str, ...]
    genes: tuple[str, ...]
    citation: Citation


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One row: what a guideline says for one drug, population and combination of keys.

    keys:         gene → key (phenotype, activity score, status, or pair of alleles).
    reading:      the recommendation as codes, see packs/dpwg/README.md for the fields; "kind" is an ActionKind.
    implications: (gene, codes) of what the genotype does.
    """

    id: str
    guideline: Guideline
    drug: str
    population: str
    strength: str
    keys: Mapping[str, str]
    reading: Row
    reading_id: str
    implications: tuple[tuple[str, tuple[str, ...]], ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuidelineSet:
    """All guidelines of one publisher; `genotypes` names phenotypes where it assigns its own."""

    name: str
    guidelines: tuple[Guideline, ...]
    recommendations: tuple[Recommendation, ...]
    genotypes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    _by_guideline: dict[tuple[str, str], list[Recommendation]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Index the rows by drug and guideline."""
        for row in self.recommendations:
            self._by_guideline.setdefault((row.drug, row.guideline.id), []).append(row)

    @cached_property
    def own_genes(self) -> frozenset[str]:
        """The genes whose genotypes this publisher lists itself."""
        return frozenset(gene for gene, _ in self.genotypes)

    def of(self, drug: str, guideline: Guideline) -> Sequence[Recommendation]:
        """Every row of one guideline for one drug."""
        return self._by_guideline.get((drug, guideline.id), ())


def split(text: str) -> tuple[str, ...]:
    """The parts of a cell that holds a list."""
    return tuple(text.split("|")) if text else ()


def guideline_set(name: str, tables: Mapping[str, Sequence[Row]]) -> GuidelineSet:
    """Join the flat tables of one publisher; a row that names what is not there raises KeyError."""
    guidelines = {row["id"]: _guideline(name, row) for row in tables["guidelines"]}
    readings = {row["id"]: MappingProxyType(dict(row)) for row in tables["readings"]}
    implications = {row["id"]: (str(row["gene"]), split(row["codes"])) for row in tables["implications"]}
    rows = tuple(
        Recommendation(
            id=row["id"],
            guideline=guidelines[row["guideline"]],
            drug=row["drug"],
            population=row["population"],
            strength=row["strength"],
            keys=dict(zip(split(row["genes"]), split(row["keys"]), strict=True)),
            reading=readings[row["reading"]],
            reading_id=row["reading"],
            implications=tuple(implications[each] for each in split(row["implications"])),
            flags=split(row.get("flags", "")),
        )
        for row in tables["recommendations"]
    )
    genotypes = {(row["gene"], row["genotype"]): row["key"] for row in tables.get("genotypes", ())}
    return GuidelineSet(name, tuple(guidelines.values()), rows, genotypes)


def _guideline(publisher: str, row: Row) -> Guideline:
    drugs, genes = split(row["drugs"]), split(row["genes"])
    shown = ", ".join(drugs) if len(drugs) < 4 else f"{', '.join(drugs[:3])} …"
    citation = Citation(
        id=f"{publisher}:{row['id']}",
        title=f"{publisher.upper()}: {shown} × {', '.join(genes)}",
        version=str(row.get("version", "")),
        date=str(row.get("date", "")),
        pmid=str(row.get("pmid", "")),
        doi=str(row.get("doi", "")),
        url=str(row.get("url", "")),
    )
    return Guideline(row["id"], publisher, drugs, genes, citation)


@cache
def _shipped(name: str) -> Mapping[str, Any]:
    text = files("sartor.capabilities.pharmacogenomics").joinpath(f"data/{name}.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


@cache
def cpic() -> GuidelineSet:
    """CPIC's guidelines, which the package ships."""
    return guideline_set("cpic", _shipped("guidelines_cpic"))


def cpic_source() -> Source:
    """Where CPIC's rows come from."""
    return Source.model_validate(_shipped("guidelines_cpic")["source"])


def rules() -> Mapping[str, Any]:
    """How findings are ranked, and to whom the populations apply."""
    return _shipped("guideline_rules")


def at_hand(knowledge: Knowledge) -> tuple[GuidelineSet, ...]:
    """The shipped guidelines and those of every installed pack that has the same tables (DPWG and the like)."""
    found = [cpic()]
    for name in sorted(knowledge.packs):
        tables = knowledge.packs[name].tables
        if all(table in tables for table in TABLES):
            found.append(guideline_set(name, tables))
    return tuple(found)


def official_text(knowledge: Knowledge, row: Recommendation) -> Mapping[str, str] | None:
    """The guideline's own words for a row, from an installed pack's table of texts; None when it is not installed."""
    names = set(rules()["populations"].get(row.population, {}).get("names", ()))
    for text in _texts(knowledge, row.guideline.publisher, row.drug):
        lookup = {gene: str(key) for gene, key in (text.get("lookup") or {}).items()}
        if lookup == dict(row.keys) and text.get("population", "") in names:
            kept = ("id", "text", "comments", "url", "guideline_version", "guideline_date")
            return {name: str(text.get(name, "")) for name in kept}
    return None


def _texts(knowledge: Knowledge, pack: str, drug: str) -> Iterable[Row]:
    return (row for row in knowledge.table(pack, "texts") if row.get("drug") == drug)
