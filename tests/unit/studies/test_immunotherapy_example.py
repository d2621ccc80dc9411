from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from study_world import conduct, surroundings

from sartor.studies.risk_model import prepare

from .test_transfer_study import EXAMPLES, generator

TINY = {"learners": ["linear"], "folds": 3, "repeats": 1, "subgroups": ["sex"], "time_budget_s": 5}
AFTERWARDS = {"months", "died", "response", "published_rule", "patient"}


def configuration(name: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / "immunotherapy" / f"{name}.toml").read_text(encoding="utf-8"))


def test_response_is_predicted_beside_the_rule_on_the_same_patients(tmp_path: Path) -> None:
    make = generator("immunotherapy")
    make.write(make.cohort(240, 2), tmp_path / "cohort.csv")
    validation, publication, _ = conduct("risk_model", configuration("response") | TINY, tmp_path)
    assert publication.card is not None
    features = {feature.name for feature in publication.card.features}
    assert {"tmb", "pd_l1", "nlr", "ldh_ratio"} <= features
    assert not features & AFTERWARDS
    assert any(measure.candidate == "clinician" for measure in validation.measures)


def test_survival_learns_from_nothing_that_comes_afterwards() -> None:
    prepared = prepare(configuration("survival"), surroundings(EXAMPLES / "immunotherapy"))
    assert not set(prepared.cohort.names) & AFTERWARDS
    assert len(prepared.target) == 600
    assert prepared.config["horizons"] == [12, 24] or tuple(prepared.config["horizons"]) == (12, 24)
