"""A synthetic study after fitting, without any learner: predictions of a known quality, for tests of the validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Predictions, PredictionStatus, Task
from sartor.learning.stages import Candidate, Fitted, OutOfFold, Prepared
from sartor.learning.task import Target


@dataclass
class KnownModel:
    """A model whose margin is a column of the cohort."""

    task: Task
    novelty: Any = None
    recalibration: Any = None
    horizons: tuple[float, ...] = ()
    unusual_below: float = 0.05
    abstain_below: float = 0.01
    wrong: float = 0.0

    def values(self, cohort: Cohort) -> Any:
        margin = np.asarray(cohort.column("margin").values, dtype=float)
        return 1 / (1 + np.exp(-margin)) if self.task is Task.CLASSIFICATION else margin

    def predict(self, cohort: Cohort, ids: list[str], *, explain: bool = True) -> Predictions:
        margin = np.asarray(cohort.column("margin").values, dtype=float)
        n = len(margin)
        contributions = (margin + self.wrong)[:, None] if explain else np.zeros((n, 0))
        base = np.zeros(n) if explain else margin
        return Predictions(
            ids=tuple(ids), features=("margin",) if explain else (), value=self.values(cohort), low=margin, high=margin,
            margin=margin, base=base, contributions=contributions, status=(PredictionStatus.PREDICTED,) * n,
            reasons=("",) * n,
        )  # fmt: skip


def people_of(n: int, generator: np.random.Generator) -> Cohort:
    """Sex (two labels) and age, some of it missing."""
    sex = generator.integers(0, 2, n).astype(np.int32)
    age = generator.integers(20, 95, n).astype(float)
    age[generator.random(n) < 0.02] = np.nan
    return Cohort(
        (Column("sex", ColumnKind.CATEGORY, sex, ("female", "male")), Column("age", ColumnKind.NUMBER, age, unit="a"))
    )


def study_after_fit(
    task: Task = Task.CLASSIFICATION,
    *,
    n: int = 1500,
    seed: int = 1,
    slope: float = 1.0,
    repeats: int = 2,
    **config: Any,
) -> tuple[Prepared, Fitted]:
    """A cohort whose outcome follows `margin`, with out-of-fold predictions slope × margin, and its fitted study."""
    generator = np.random.default_rng(seed)
    margin = generator.normal(-1.2 if task is Task.CLASSIFICATION else 0.0, 1.0, n)
    people = people_of(n, generator)
    other = Column("other", ColumnKind.NUMBER, generator.normal(size=n))
    cohort = Cohort((Column("margin", ColumnKind.NUMBER, margin), other))
    folds = np.stack([generator.permutation(np.arange(n) % 5) for _ in range(repeats)])
    survival = times = None
    if task is Task.CLASSIFICATION:
        outcome = (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(float)
        target = Target(task, outcome, classes=("no", "yes"))
        probability = 1 / (1 + np.exp(-slope * margin))
        predicted = np.stack([np.column_stack([1 - probability, probability])] * repeats)
    elif task is Task.REGRESSION:
        target = Target(task, margin + generator.normal(0, 0.5, n))
        predicted = np.stack([slope * margin] * repeats)
    else:
        event, censored = generator.exponential(10 * np.exp(-margin)), generator.exponential(20, n)
        target = Target(task, np.minimum(event, censored) + 1e-3, (event < censored).astype(np.int8))
        predicted = np.stack([slope * margin] * repeats)
        times = np.linspace(1, 15, 8)
        survival = np.stack([np.exp(-np.outer(np.exp(margin), times / 10))] * repeats)
    oof = OutOfFold(predicted, survival, times)
    settled = {"subgroups": ["sex", "age"], "scheme": "stratified", "mitigation": False, "resamples": 60, **config}
    prepared = Prepared(
        config=settled, cohort=cohort, people=people, target=target, ids=tuple(str(k) for k in range(n)), seed=seed
    )
    metric = {Task.CLASSIFICATION: "auroc", Task.REGRESSION: "r2", Task.SURVIVAL: "harrell_c"}[task]
    candidates = (
        Candidate("linear", 2, scores=np.full((repeats, 5), 0.7), out_of_fold=oof, cpu_s=1.0, wall_s=1.0),
        Candidate("network", 5, status="failed", reason="no time left"),
    )
    return prepared, Fitted(
        candidates=candidates, folds=folds, pipeline=oof, choices=(), chosen="linear", metric=metric,
        model=KnownModel(task), chosen_in_fold=("linear",) * 5, simplest="linear",
    )  # fmt: skip
