"""Cells by drugs → every learner in every split, and biomarkers per drug."""

from __future__ import annotations

from dataclasses import dataclass

from sartor.domain.study import Surroundings
from sartor.learning.drug_response import biomarkers
from sartor.learning.drug_response.biomarkers import DrugBiomarkers
from sartor.learning.drug_response.comparison import Compared, all_splits
from sartor.learning.drug_response.learners import learners
from sartor.studies.drug_response.prepare import CANDIDATES, PreparedResponses


@dataclass(frozen=True, slots=True)
class FittedResponses:
    """One comparison per split; biomarkers are None without features of cells."""

    compared: tuple[Compared, ...]
    biomarkers: DrugBiomarkers | None


def fit(prepared: PreparedResponses, around: Surroundings) -> FittedResponses:
    """The means always, and the learners that are named. Raises TooFewData where a split is impossible."""
    config, responses = prepared.config, prepared.responses
    wanted = [each for each in learners() if each.name not in CANDIDATES or each.name in config["candidates"]]
    compared = all_splits(
        responses, prepared.splits, wanted, folds=config["folds"], seed=prepared.seed,
        budget_s=config.get("time_budget_s"), clock=around.clock, progress=around.progress,
    )  # fmt: skip
    around.progress("biomarkers")
    found = None
    if responses.cell_features.shape[1]:
        found = biomarkers.find(responses, seed=prepared.seed, halves=config["halves"])
    return FittedResponses(compared, found)
