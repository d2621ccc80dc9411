"""Monitoring: how often chance raises an alarm, which seeded changes are found, and how strange another centre looks.

Reads clinical/diabetes130.csv.xz and clinical/heart under the folder DATA (default ../shared/data beside the
repository); writes result.json here. Run: python validation/drift/study.py [--quick]. Exit 1 under a floor.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.explaining import drift
from sartor.explaining.fairness import wilson
from sartor.io.cohort_table import read_cohort
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.novelty import Novelty
from sartor.learning.task import Target

HERE = Path(__file__).resolve().parent
SEED = 20140403
ROWS = 2000
MOST_FALSE, LEAST_FOUND = 0.05, 0.95
DIED_OR_HOSPICE = {"11", "13", "14", "19", "20", "21"}
INPUTS = (
    "race", "gender", "age", "admission_type_id", "time_in_hospital", "payer_code", "num_lab_procedures",
    "num_procedures", "num_medications", "number_outpatient", "number_emergency", "number_inpatient",
    "number_diagnoses", "A1Cresult", "insulin", "change", "diabetesMed",
)  # fmt: skip
Floats = npt.NDArray[np.float64]
Change = Callable[[Cohort, Floats, np.random.Generator], tuple[Cohort, Floats]]


def changed(cohort: Cohort, name: str, values: Any, categories: tuple[str, ...] | None = None) -> Cohort:
    column = cohort.column(name)
    new = replace(column, values=values, categories=column.categories if categories is None else categories)
    return Cohort(tuple(new if each.name == name else each for each in cohort.columns))


def wrong_unit(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    return changed(cohort, "num_lab_procedures", cohort.column("num_lab_procedures").values * 10), outcome


def sicker(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    values = cohort.column("number_inpatient").values + generator.poisson(0.7, len(cohort)).astype(np.float32)
    return changed(cohort, "number_inpatient", values), outcome


def not_recorded(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    values = cohort.column("num_medications").values.copy()
    values[generator.random(len(values)) < 0.2] = np.nan
    return changed(cohort, "num_medications", values), outcome


def new_code(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    column = cohort.column("payer_code")
    codes = column.values.copy()
    codes[generator.random(len(codes)) < 0.15] = len(column.categories)
    return changed(cohort, "payer_code", codes, (*column.categories, "ZZ")), outcome


def lost_column(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    return cohort.without(["insulin"]), outcome


def halved_risk(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    return cohort, outcome * (generator.random(len(outcome)) < 0.5)


def shuffled(cohort: Cohort, outcome: Floats, generator: np.random.Generator) -> tuple[Cohort, Floats]:
    return cohort, generator.permutation(outcome)


CHANGES: dict[str, tuple[Change, str]] = {
    "number of laboratory tests ten times too high": (wrong_unit, "num_lab_procedures"),
    "more earlier admissions (+0.7 on average)": (sicker, "number_inpatient"),
    "medication count missing in 20 % more": (not_recorded, "num_medications"),
    "a new payer code in 15 %": (new_code, "payer_code"),
    "a column not delivered": (lost_column, "insulin"),
    "half as many readmissions": (halved_risk, drift.policy.RECALIBRATE),
    "outcomes unrelated to the inputs": (shuffled, drift.policy.REFIT),
}


def readmissions(data: Path) -> tuple[Cohort, Floats]:
    everyone = read_cohort(data / "clinical" / "diabetes130.csv.xz", categorical=["readmitted", "admission_type_id"])
    left = np.asarray(everyone.column("discharge_disposition_id").labels())
    cohort = everyone.take(np.flatnonzero(~np.isin(left, list(DIED_OR_HOSPICE))))
    _, first = np.unique(np.asarray(cohort.column("patient_nbr").values), return_index=True)
    cohort = cohort.take(np.sort(first))
    again = np.array([label == "<30" for label in cohort.column("readmitted").labels()], dtype=float)
    return cohort.select(INPUTS), again


def run(data: Path, draws: int) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    cohort, outcome = readmissions(data)
    generator = np.random.default_rng(SEED)
    order = generator.permutation(len(cohort))
    train, held, rest = order[:20_000], order[20_000:35_000], order[35_000:]
    encoder = fit_encoder(cohort.take(train), Encoding.DENSE)
    model = LogisticRegression(C=0.1, max_iter=200).fit(encoder.apply(cohort.take(train)).values, outcome[train])

    def predicted(rows: Cohort) -> Floats:
        return np.asarray(model.predict_proba(encoder.apply(rows).values)[:, 1])

    reference = drift.Reference.of(cohort.take(held), predicted(cohort.take(held)))
    policy = drift.default_policy()
    measured = monitored(reference, cohort.take(held), outcome[held], predicted, policy, full=True)
    auroc = measured.measure("auroc")
    reference = replace(reference, measures={"auroc": (auroc.value, auroc.low, auroc.high)})
    alarms = {"input or prediction": 0, "other than continue": 0}
    for _ in range(draws):
        rows = generator.choice(rest, ROWS, replace=False)
        found = monitored(reference, cohort.take(rows), outcome[rows], predicted, policy)
        alarms["input or prediction"] += any(each.level != "none" for each in (*found.inputs, found.prediction))
        alarms["other than continue"] += drift.decide(found, reference, policy).action != "continue"
    seeded = {}
    for name, (change, expected) in CHANGES.items():
        hits = 0
        for _ in range(max(draws // 10, 5)):
            rows = generator.choice(rest, ROWS, replace=False)
            new, happened = change(cohort.take(rows), outcome[rows], generator)
            found = monitored(reference, new, happened, predicted, policy)
            named = {each.name for each in found.inputs if each.level != "none"}
            hits += expected in named or drift.decide(found, reference, policy).action == expected
        seeded[name] = {"runs": max(draws // 10, 5), "found": hits, "expected": expected}
    shares = {
        name: {"runs": draws, "alarms": count, "share": count / draws, "interval": wilson(count, draws)}
        for name, count in alarms.items()
    }
    return {"rows": ROWS, "inputs": len(INPUTS), "auroc": auroc.value, "no_change": shares, "seeded": seeded}


def monitored(
    reference: drift.Reference, rows: Cohort, outcome: Floats, predicted: Any, policy: drift.Policy, full: bool = False
) -> drift.Drift:
    target = Target(Task.CLASSIFICATION, outcome, classes=("no", "<30 days"))
    return drift.compare(
        reference, rows, predicted(rows), policy, target=target, resamples=200 if full else 100, seed=SEED
    )


def hearts(data: Path) -> dict[str, Any]:
    """A measure of novelty learned in Cleveland, on held-out rows from there and on three other centres."""
    names = tuple(f"X{k}" for k in range(1, 14))
    labels = ("X2", "X3", "X6", "X7", "X9", "X11", "X13")
    centres = {}
    for name in ("cleveland", "hungarian", "switzerland", "va"):
        path = data / "clinical" / "heart" / f"processed.{name}.data"
        cohort = read_cohort(path, missing=["?", "-9", "-9.0"], kinds=dict.fromkeys(names, "number")).select(names)
        centres[name] = Cohort(tuple(_labelled(each) if each.name in labels else each for each in cohort.columns))
    generator = np.random.default_rng(SEED)
    order = generator.permutation(len(centres["cleveland"]))
    train, held = centres["cleveland"].take(order[:203]), centres["cleveland"].take(order[203:])
    encoder = fit_encoder(train, Encoding.NATIVE)
    novelty = Novelty.fit(encoder.apply(train))
    found = {}
    for name, cohort in {"cleveland, held out": held, **{k: v for k, v in centres.items() if k != "cleveland"}}.items():
        strange = int((novelty.p_value(encoder.apply(cohort)) < 0.05).sum())
        found[name] = {
            "n": len(cohort),
            "share_unusual": strange / len(cohort),
            "interval": wilson(strange, len(cohort)),
        }
    return found


def _labelled(column: Column) -> Column:
    """A column of codes as labels, alike in every centre."""
    every = tuple(str(k) for k in range(10))
    codes = np.where(np.isfinite(column.values), np.nan_to_num(column.values), -1).astype(np.int32)
    return Column(column.name, ColumnKind.CATEGORY, codes, every)


def main() -> int:
    quick = "--quick" in sys.argv
    data = Path(os.environ.get("DATA", HERE.parents[2] / "shared" / "data")).resolve()
    if not (data / "clinical" / "diabetes130.csv.xz").is_file():
        print(f"no clinical/diabetes130.csv.xz under {data}: give the folder of the public data as DATA=…")
        return 2
    result = {**run(data, 40 if quick else 400), "heart": hearts(data)}
    for name, each in result["no_change"].items():
        low, high = each["interval"]
        print(f"no change, {name}: {each['alarms']} of {each['runs']} ({low:.3f}–{high:.3f})")
    for name, each in result["seeded"].items():
        print(f"{name}: found {each['found']} of {each['runs']}")
    for name, each in result["heart"].items():
        print(f"novelty, {name}: {each['share_unusual']:.1%} of {each['n']} under p .05")
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    false = result["no_change"]["input or prediction"]["interval"][0]
    missed = [name for name, each in result["seeded"].items() if each["found"] < LEAST_FOUND * each["runs"]]
    strange = min(each["share_unusual"] for name, each in result["heart"].items() if "held" not in name)
    fine = false <= MOST_FALSE and not missed and strange > result["heart"]["cleveland, held out"]["share_unusual"]
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
