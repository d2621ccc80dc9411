"""Made-up cohorts with a known truth: for tests of studies, written as files or built in memory."""

from pathlib import Path

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.io.cohort_table import read_cohort
from sartor.learning.task import Target


def surroundings(folder: Path, *, progress=lambda _: None) -> Surroundings:
    """What a study may use, with a clock that stands still."""
    return Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=lambda: 0.0,
        now="2026-11-21T00:00:00+00:00",
        progress=progress,
    )


def number(name, values) -> Column:
    return Column(name, ColumnKind.NUMBER, np.asarray(values, dtype=np.float32))


def category(name, labels) -> Column:
    categories = tuple(sorted({label for label in labels if label}))
    codes = [categories.index(label) if label else -1 for label in labels]
    return Column(name, ColumnKind.CATEGORY, np.array(codes, dtype=np.int32), categories)


def clinic(n: int = 400, seed: int = 1, task: Task = Task.CLASSIFICATION) -> tuple[Cohort, Target]:
    """Age, sex, pressure, a laboratory value (10 % missing), a smoking category: honest, with a real effect."""
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 12, n)
    sex = rng.choice(["female", "male"], n)
    pressure = rng.normal(120, 15, n) + 0.3 * (age - 60)
    marker = np.exp(rng.normal(0, 0.5, n))
    smoking = rng.choice(["current", "former", "never"], n, p=[0.2, 0.3, 0.5])
    margin = 0.06 * (age - 60) + 0.5 * (sex == "male") + 0.8 * np.log(marker) + 0.6 * (smoking == "current") - 0.8
    marker = np.where(rng.random(n) < 0.1, np.nan, marker)
    cohort = Cohort(
        (
            number("age", age),
            category("sex", list(sex)),
            number("pressure", pressure),
            number("marker", marker),
            category("smoking", list(smoking)),
        )
    )
    if task is Task.REGRESSION:
        return cohort, Target(task, margin + rng.normal(size=n), unit="mmol/L")
    if task is Task.SURVIVAL:
        died, lost = rng.exponential(5 * np.exp(-margin)), rng.uniform(1, 8, n)
        events = (died < lost).astype(np.int8)
        return cohort, Target(task, np.minimum(died, lost), events, ("censored", "died"), unit="a")
    happened = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float)
    return cohort, Target(task, happened, classes=("no", "yes"))


def write_csv(path: Path, cohort: Cohort, target: Target | None = None, **further) -> Path:
    """The cohort as CSV: outcome as column "outcome" (or "time" and "event"); further columns by name."""
    columns = {column.name: column.labels() for column in cohort.columns}
    if target is not None and target.events is not None:
        columns |= {"time": [f"{value:.4f}" for value in target.values], "event": [str(e) for e in target.events]}
    elif target is not None and target.task is Task.CLASSIFICATION:
        columns["outcome"] = [target.classes[int(value)] for value in target.values]
    elif target is not None:
        columns["outcome"] = [f"{value:.4f}" for value in target.values]
    columns |= {name: [str(value) for value in values] for name, values in further.items()}
    lines = [",".join(columns), *(",".join(cells) for cells in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
