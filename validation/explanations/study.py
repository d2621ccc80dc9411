"""Explanations: do they add up, and do they name what moves the prediction? Every learner, on three public data sets.

For each learner with its default parameters, fitted on four fifths of the rows and explained on the rest:
additivity (largest |base + contributions − margin|, relative to the larger of 1 and the margin), and the deletion and
insertion gain of `explaining.sensitivity` over random orders, with their intervals.

Reads clinical/ under the folder DATA (default ../shared/data beside the repository); writes result.json here.
Run: python validation/explanations/study.py [--quick]. Exit 1 when a figure is under its floor, 2 without the data.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.explaining.attribution import TOLERANCE, additivity
from sartor.explaining.sensitivity import deletion
from sartor.io.cohort_table import read_cohort
from sartor.learning.alignment import describe_features
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Learner
from sartor.learning.learners import for_target
from sartor.learning.model import Model
from sartor.learning.task import Target

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE.parents[2] / "shared" / "data")) / "clinical"
SEED = 20261121
EXPLAINED = 100
QUICK = {"cleveland": ("linear", "lightgbm", "network"), "metabric": ("cox", "boosted_cox")}
ROWS = {"cleveland": 10_000, "metabric": 10_000, "diabetes": 4_000}
HEART = ("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca", "thal")
CODES = ("sex", "cp", "fbs", "restecg", "exang", "slope", "thal")


def cleveland() -> tuple[Cohort, Target]:
    """Cleveland heart disease, 303 people: any narrowing over half."""
    kinds = {f"X{HEART.index(name) + 1}": "category" for name in CODES}
    table = read_cohort(DATA / "heart" / "processed.cleveland.data", kinds=kinds)
    features = tuple(
        Column(
            name, table.column(f"X{k + 1}").kind, table.column(f"X{k + 1}").values, table.column(f"X{k + 1}").categories
        )
        for k, name in enumerate(HEART)
    )
    sick = np.array([float(label) > 0 for label in table.column("X14").labels()], dtype=float)
    return Cohort(features), Target(Task.CLASSIFICATION, sick, classes=("no", "yes"))


def metabric() -> tuple[Cohort, Target]:
    """METABRIC breast cancer, 1,904 people: death."""
    import h5py

    with h5py.File(DATA / "metabric_IHC4_clinical_train_test.h5") as file:
        x, t, e = (np.concatenate([file[part][name][()] for part in ("train", "test")]) for name in "xte")
    columns = tuple(Column(f"x{k}", ColumnKind.NUMBER, x[:, k].astype(np.float32)) for k in range(x.shape[1]))
    kept = t > 0
    return Cohort(columns).take(kept), Target(Task.SURVIVAL, t[kept].astype(float), e[kept].astype(np.int8))


def diabetes() -> tuple[Cohort, Target]:
    """Diabetes-130: return within 30 days, a sample; one row per patient, ids left out."""
    table = read_cohort(DATA / "diabetes130.csv.xz")
    people = table.column("patient_nbr").labels()
    first = np.array(sorted({name: row for row, name in reversed(list(enumerate(people)))}.values()))
    rows = np.sort(np.random.default_rng(SEED).permutation(first)[: ROWS["diabetes"]])
    table = table.take(rows)
    early = np.array([label == "<30" for label in table.column("readmitted").labels()], dtype=float)
    wide = [c.name for c in table.columns if c.kind is ColumnKind.CATEGORY and len(c.categories) > 100]
    features = table.without(["readmitted", "encounter_id", "patient_nbr", *wide])
    return features, Target(Task.CLASSIFICATION, early, classes=("no", "yes"))


SETS = {"cleveland": cleveland, "metabric": metabric, "diabetes": diabetes}


def fitted(learner: Learner, cohort: Cohort, target: Target, rows: Any) -> Model:
    """One learner on the training rows, as a model."""
    train = cohort.take(rows)
    options = getattr(learner, "encoding_options", {})
    encoder = fit_encoder(train, learner.encoding, options=options)
    outcome = target.take(rows)
    found = learner.fit(encoder.apply(train), outcome, learner.defaults(outcome), seed=SEED)
    return Model(
        encoder=encoder,
        fitted=found,
        features=describe_features(train),
        task=target.task,
        learner=learner.name,
        classes=target.classes,
    )


def explained(name: str, only: tuple[str, ...] | None) -> Iterator[dict[str, Any]]:
    """Each learner's figures on one data set."""
    cohort, target = SETS[name]()
    order = np.random.default_rng(SEED).permutation(len(cohort))
    cut = int(0.8 * len(order))
    train, test = np.sort(order[:cut]), np.sort(order[cut:][:EXPLAINED])
    for learner in for_target(target):
        if only is not None and learner.name not in only:
            continue
        began = time.process_time()
        model = fitted(learner, cohort, target, train)
        rows = cohort.take(test)
        check = additivity(model, rows)
        gains = {each.name: each for each in deletion(model, rows, seed=SEED)}
        yield {
            "data": name,
            "learner": learner.name,
            "additivity": check.values["largest"],
            "deletion_gain": _interval(gains["deletion_gain"]),
            "insertion_gain": _interval(gains["insertion_gain"]),
            "cpu_s": round(time.process_time() - began, 1),
        }


def _line(row: dict[str, Any]) -> str:
    figures = f"additivity {row['additivity']:.1e}  deletion {row['deletion_gain']}  insertion {row['insertion_gain']}"
    return f"{row['data']:10} {row['learner']:22} {figures}  {row['cpu_s']} s"


def _interval(measure: Any) -> list[float]:
    return [round(float(each), 4) for each in (measure.value, measure.low, measure.high)]


def main() -> int:
    """Measure, print, judge."""
    quick = "--quick" in sys.argv[1:]
    if not (DATA / "heart").is_dir():
        print(f"no data: {DATA} (set DATA to the folder that holds clinical/)", file=sys.stderr)
        return 2
    found: list[dict[str, Any]] = []
    for name in QUICK if quick else SETS:
        for row in explained(name, QUICK.get(name) if quick else None):
            found.append(row)
            print(_line(row), flush=True)
    broken = [row for row in found if not row["additivity"] <= TOLERANCE]
    blind = [row for row in found if not row["deletion_gain"][1] > 0]
    for row in broken:
        print(f"does not add up: {row['data']} {row['learner']}", file=sys.stderr)
    for row in blind:
        print(f"no better than random: {row['data']} {row['learner']}", file=sys.stderr)
    if not quick:
        summary = {"date": "2026-11-21", "tolerance": TOLERANCE, "rows": EXPLAINED, "seed": SEED, "results": found}
        (HERE / "result.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 1 if broken or blind else 0


if __name__ == "__main__":
    sys.exit(main())
