"""Aligned views → every candidate out of fold, biomarkers of each view, gene sets among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sartor.domain.source import Knowledge, Source
from sartor.domain.study import Surroundings
from sartor.learning.multiomics import biomarkers, enrichment
from sartor.learning.multiomics.biomarkers import Biomarkers
from sartor.learning.multiomics.comparison import Compared, compare, contest
from sartor.learning.multiomics.enrichment import Enriched, GeneSet
from sartor.learning.splits import outer_folds
from sartor.studies.multiomics.prepare import PreparedViews

PACK = "gene-sets"


@dataclass(frozen=True, slots=True)
class PathwayTest:
    """Gene sets among the stable biomarkers of one view.

    mapped: of the view's columns, how many are genes of any set; selected: of the stable ones.
    """

    view: str
    mapped: int
    selected: int
    found: tuple[Enriched, ...]


@dataclass(frozen=True, slots=True)
class FittedViews:
    """Everything that was learned. `pathways` is empty without a pack of gene sets (`gene_sets` is then None)."""

    compared: Compared
    biomarkers: tuple[Biomarkers, ...]
    pathways: tuple[PathwayTest, ...]
    gene_sets: Source | None


def fit(prepared: PreparedViews, around: Surroundings) -> FittedViews:
    """Nested cross-validation of all candidates, then stability selection and over-representation on all patients.

    Raises TooFewData when the patients cannot be split.
    """
    config = prepared.config
    field_of = contest([view.name for view in prepared.views], most=config["columns"], only=config["candidates"])
    folds = outer_folds(
        prepared.target, groups=prepared.groups, folds=config["folds"], repeats=config["repeats"], seed=prepared.seed
    )
    compared = compare(
        field_of, prepared.views, prepared.target, folds, prepared.groups, seed=prepared.seed, clock=around.clock,
        budget_s=prepared.budget_s, progress=around.progress,
    )  # fmt: skip
    around.progress("biomarkers")
    found = tuple(
        biomarkers.find(
            view, prepared.target, prepared.groups, seed=prepared.seed, threshold=config["threshold"],
            halves=config["halves"],
        )
        for view in prepared.views
    )  # fmt: skip
    sets, synonyms = gene_sets(around.knowledge)
    pathways = tuple(_pathways(each, sets, synonyms) for each in found) if sets else ()
    source = around.knowledge.packs[PACK].source if sets else None
    return FittedViews(compared, found, pathways, source)


def gene_sets(knowledge: Knowledge) -> tuple[tuple[GeneSet, ...], dict[str, str]]:
    """The pack's sets, and other identifiers → symbol; both empty without the pack."""
    sets = tuple(
        GeneSet(str(row["id"]), str(row["name"]), frozenset(str(row["genes"]).split("|")))
        for row in knowledge.table(PACK, "sets")
    )
    genes = knowledge.table(PACK, "genes")
    return sets, {other: str(row["symbol"]) for row in genes for other in str(row["others"]).split("|") if other}


def _pathways(found: Biomarkers, sets: tuple[GeneSet, ...], synonyms: Mapping[str, str]) -> PathwayTest:
    known = frozenset().union(*(each.genes for each in sets))
    genes = [enrichment.gene_of(column, known, synonyms) for column in found.columns]
    background = {gene for gene in genes if gene is not None}
    selected = {gene for row in found.stable if (gene := genes[row]) is not None}
    return PathwayTest(
        found.view, len(background), len(selected), enrichment.over_represented(selected, background, sets)
    )
