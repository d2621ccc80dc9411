"""A small model made on the spot, as a study makes one: for tests of folders, predictions and the patient flow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sartor.domain.code import LOINC, SNOMED_CT, Coded
from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import ModelCard, Task
from sartor.domain.study import Publication
from sartor.domain.validation import Measure, Validation
from sartor.io.study_folder import write_study
from sartor.learning.alignment import describe_features
from sartor.learning.conformal import Conformal
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.learners.linear import Linear
from sartor.learning.model import Model
from sartor.learning.novelty import Novelty
from sartor.learning.recalibration import Recalibration
from sartor.learning.task import Target

STATED = {
    "age": {"label": "age", "unit": "a", "drawn_from": "demographics.age"},
    "sex": {"label": "sex", "drawn_from": "demographics.sex"},
    "sbp": {
        "label": "systolic blood pressure",
        "unit": "mm[Hg]",
        "code": Coded(system=LOINC, code="8480-6"),
        "actionable": True,
        "direction": "down",
    },
    "cholesterol": {
        "label": "total cholesterol",
        "unit": "mg/dL",
        "code": Coded(system=LOINC, code="2093-3"),
        "actionable": True,
        "direction": "down",
    },
    "diabetes": {
        "label": "diabetes mellitus",
        "code": Coded(system=SNOMED_CT, code="44054006"),
        "drawn_from": "condition",
        "absent": "no",
    },
}


def cohort(n: int = 400, seed: int = 0) -> Cohort:
    """Synthetic people: three numbers, two labels, gaps in cholesterol only."""
    random = np.random.default_rng(seed)
    cholesterol = random.normal(200, 35, n).round()
    cholesterol[random.random(n) < 0.15] = np.nan
    number, category = ColumnKind.NUMBER, ColumnKind.CATEGORY
    return Cohort(
        (
            Column("age", number, random.integers(35, 80, n).astype(np.float32)),
            Column("sex", category, random.integers(0, 2, n).astype(np.int32), ("female", "male")),
            Column("sbp", number, random.normal(135, 18, n).round().astype(np.float32)),
            Column("cholesterol", number, cholesterol.astype(np.float32)),
            Column("diabetes", category, (random.random(n) < 0.2).astype(np.int32), ("no", "yes")),
        )
    )


def margin_of(people: Cohort) -> np.ndarray:
    """The log odds that the synthetic outcome follows."""
    age, sbp = people.column("age").values, people.column("sbp").values
    return -1.2 + 0.05 * (age - 57) + 0.03 * (sbp - 135) + 0.9 * people.column("diabetes").values


def target(people: Cohort, seed: int = 1) -> Target:
    """An outcome that age, blood pressure and diabetes raise."""
    odds = margin_of(people)
    happened = np.random.default_rng(seed).random(len(people)) < 1 / (1 + np.exp(-odds))
    return Target(Task.CLASSIFICATION, happened.astype(float), classes=("no", "yes"))


def model(learner=None, *, n: int = 400, encoding: Encoding = Encoding.DENSE, recalibrated: bool = True) -> Model:
    """A fitted model; the penalised regression unless another learner is given."""
    people = cohort(n)
    outcome = target(people)
    chosen = learner or Linear()
    encoder = fit_encoder(people, encoding)
    matrix = encoder.apply(people)
    fitted = chosen.fit(matrix, outcome, chosen.defaults(outcome), seed=0)
    return Model(
        encoder=encoder,
        fitted=fitted,
        features=describe_features(people, stated=STATED, importance=dict.fromkeys(people.names, 0.2)),
        task=outcome.task,
        learner=chosen.name,
        recalibration=Recalibration(0.9, -0.1) if recalibrated else None,
        conformal=Conformal.fit(fitted.predict(matrix)[:, 1], outcome),
        novelty=Novelty.fit(matrix),
        classes=outcome.classes,
    )


def card(made: Model, verdict: str = "") -> ModelCard:
    """The model's card, with figures for everyone and one group; `verdict` as the study judged it, if it did."""
    figure = {"name": "auroc", "value": 0.76, "low": 0.71, "high": 0.81}
    return ModelCard(
        name="made_up",
        version="1",
        title="Made-up risk model",
        study="risk_model",
        task=made.task,
        learner=made.learner,
        outcome="a made-up disease within a year",
        classes=made.classes,
        features=made.features,
        covers=({"feature": "age", "low": 35, "high": 90},),
        not_for=("pregnant women",),
        n=400,
        n_events=120,
        measures=(Measure(**figure, n=400), Measure(**figure, n=190, group="sex=female")),
        facts={"verdict": verdict} if verdict else {},
    )


def folder(out: Path, made: Model | None = None, verdict: str = "") -> Path:
    """A study's folder with the model in it."""
    chosen = made or model()
    publication = Publication(
        validation=Validation(study="risk_model"),
        document=None,  # type: ignore[arg-type]
        card=card(chosen, verdict),
        files=chosen.to_files(),
        predictions={"id": ["1", "2"], "predicted": np.array([0.1, np.nan])},
        tables={"scores": {"candidate": ["linear", "none"], "score": [0.76, float("nan")], "terms": [["a", "b"], []]}},
    )
    return write_study(publication, {"report.html": "<p>report</p>", "model/card.html": "<p>card</p>"}, out)
