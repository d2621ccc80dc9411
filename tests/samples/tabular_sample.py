"""Small synthetic cohorts for tabular learners: numbers with gaps, a category, a known signal."""

from __future__ import annotations

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.learning.stages import Prepared
from sartor.learning.task import Target


def tabular(kind: str, n: int = 240, *, seed: int = 0, rare: float = 0.0) -> tuple[Cohort, Target]:
    """(cohort, outcome): "two" or "three" classes, or a "value". rare: shifts two classes towards few events."""
    generator = np.random.default_rng(seed)
    numbers = [generator.normal(size=n).astype(np.float32) for _ in range(4)]
    code = generator.integers(-1, 3, n).astype(np.int32)
    signal = numbers[0] + 0.7 * numbers[1] + (code == 1)
    numbers[1][::9] = np.nan
    columns = [Column(f"x{k}", ColumnKind.NUMBER, values) for k, values in enumerate(numbers)]
    cohort = Cohort((*columns, Column("site", ColumnKind.CATEGORY, code, ("a", "b", "c"))))
    noisy = signal + generator.logistic(size=n) * 0.6
    if kind == "value":
        return cohort, Target(Task.REGRESSION, 50.0 + 10.0 * noisy.astype(float))
    if kind == "three":
        classes = np.digitize(noisy, [-0.3, 0.9]).astype(float)
        return cohort, Target(Task.CLASSIFICATION, classes, classes=("low", "middle", "high"))
    return cohort, Target(Task.CLASSIFICATION, (noisy > 0.3 + rare).astype(float), classes=("no", "yes"))


def prepared(kind: str, n: int = 240, *, seed: int = 0, **config: object) -> Prepared:
    """A prepared study of one of these cohorts."""
    cohort, target = tabular(kind, n, seed=seed)
    settled = {"folds": 3, "repeats": 1, "scheme": "auto"} | config
    ids = tuple(str(row) for row in range(n))
    return Prepared(settled, cohort, Cohort(()), target, ids, seed=seed)
