"""Conformal coverage on 30-day readmission: overall, in each outcome and each group of 300 or more, beside the naive.

Reads clinical/diabetes130.csv.xz under the folder DATA (default ../shared/data beside the repository); writes
result.json here. Run: python validation/conformal_coverage/study.py [--quick]. Exit 1 when coverage leaves .88 to .92.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.explaining.fairness import wilson
from sartor.io.cohort_table import read_cohort
from sartor.learning.conformal import COVERAGE, Conformal, coverage_in_turn
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.metrics.discrimination import auroc
from sartor.learning.population_groups import PopulationGroup, membership, population_groups
from sartor.learning.task import Target

HERE = Path(__file__).resolve().parent
SEED = 20140403
DIED_OR_HOSPICE = {11, 13, 14, 19, 20, 21}
"""discharge_disposition_id of death and hospice (diabetes130_ids_mapping.csv): they cannot be readmitted."""
NOT_INPUTS = ("encounter_id", "patient_nbr", "readmitted")
PEOPLE = ("race", "gender", "age", "payer_code")
JUDGED_FROM, LOWEST, HIGHEST = 300, 0.88, 0.92
QUICK_PATIENTS = 18_000
Ints = npt.NDArray[np.int64]


def cohort_of(data: Path, quick: bool) -> tuple[Cohort, Target, Ints]:
    everyone = read_cohort(data / "clinical" / "diabetes130.csv.xz", categorical=[*PEOPLE, "readmitted"])
    left = np.asarray(everyone.column("discharge_disposition_id").labels())
    rows = np.flatnonzero(~np.isin(left, [str(each) for each in DIED_OR_HOSPICE]))
    patients = np.unique(np.asarray(everyone.column("patient_nbr").values)[rows], return_inverse=True)[1]
    if quick:
        drawn = np.random.default_rng(SEED).permutation(patients.max() + 1)[:QUICK_PATIENTS]
        kept = np.flatnonzero(np.isin(patients, drawn))
        rows, patients = rows[kept], np.unique(patients[kept], return_inverse=True)[1]
    cohort = everyone.take(rows)
    again = np.array([label == "<30" for label in cohort.column("readmitted").labels()], dtype=float)
    return cohort, Target(Task.CLASSIFICATION, again, classes=("no", "<30 days")), patients


def patient_folds(patients: Ints, count: int, seed: int) -> Ints:
    return np.asarray(np.random.default_rng(seed).permutation(int(patients.max()) + 1)[patients] % count)


def out_of_fold(cohort: Cohort, target: Target, fold: Ints, learner: str, quick: bool) -> npt.NDArray[np.float64]:
    from lightgbm import LGBMClassifier
    from sklearn.linear_model import LogisticRegression

    inputs = cohort.without(NOT_INPUTS)
    found = np.full(len(target), np.nan)
    for k in np.unique(fold):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        encoding = Encoding.DENSE if learner == "logistic" else Encoding.NATIVE
        encoder = fit_encoder(inputs.take(train), encoding)
        seen = encoder.apply(inputs.take(train))
        y = target.values[train]
        if learner == "logistic":
            model: Any = LogisticRegression(C=0.02, max_iter=60 if quick else 200).fit(seen.values, y)
        else:
            model = LGBMClassifier(
                n_estimators=60 if quick else 250, learning_rate=0.1 if quick else 0.04, num_leaves=31,
                min_child_samples=50, colsample_bytree=0.5, reg_lambda=5.0, n_jobs=1, random_state=SEED,
                deterministic=True, force_row_wise=True, verbose=-1,
            ).fit(seen.values, y, categorical_feature=np.flatnonzero(seen.categorical).tolist())  # fmt: skip
        found[test] = model.predict_proba(encoder.apply(inputs.take(test)).values)[:, 1]
    return found


def parts_of(target: Target, cohort: Cohort, groups: tuple[PopulationGroup, ...]) -> dict[str, npt.NDArray[np.bool_]]:
    parts = {"everyone": np.ones(len(target), dtype=bool)}
    parts |= {f"outcome {name}": target.values == k for k, name in enumerate(target.classes)}
    members = membership(groups, cohort)
    parts |= {group.name: members[:, k] for k, group in enumerate(groups)}
    again = target.values == 1
    return parts | {f"{group.name} & outcome <30 days": members[:, k] & again for k, group in enumerate(groups)}


def table(hits: dict[str, Any], parts: dict[str, npt.NDArray[np.bool_]], least: int) -> dict[str, Any]:
    found = {}
    for name, rows in parts.items():
        n = int(rows.sum())
        if n < least:
            continue
        found[name] = {"n": n}
        for kind, covered in hits.items():
            low, high = wilson(float(covered[rows].sum()), n)
            value = float(covered[rows].mean())
            found[name][kind] = {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
    return found


def independent(
    predicted: npt.NDArray[np.float64], target: Target, cohort: Cohort, patients: Ints, groups: Any
) -> dict[str, Any]:
    """Calibrated on half of the patients, tested on the others: with sampling error on both sides."""
    half = patient_folds(patients, 2, SEED + 1)
    a, b = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
    conformal = Conformal.fit(predicted[a], target.take(a), groups=groups, people=cohort.take(a))
    sets = conformal.sets(predicted[b], conformal.members(cohort.take(b)))
    covered = sets[np.arange(len(b)), target.values[b].astype(int)]
    shown = table({"conditional": covered}, parts_of(target.take(b), cohort.take(b), groups), JUDGED_FROM)
    inside = [each["conditional"]["low"] <= COVERAGE <= each["conditional"]["high"] for each in shown.values()]
    return {"parts": len(shown), "interval_holds_nominal": round(float(np.mean(inside)), 3), "by_part": shown}


def main() -> int:
    quick = "--quick" in sys.argv
    data = Path(os.environ.get("DATA", HERE.parents[2] / "shared" / "data")).resolve()
    if not (data / "clinical" / "diabetes130.csv.xz").is_file():
        print(f"no clinical/diabetes130.csv.xz under {data}: give the folder of the public data as DATA=…")
        return 2
    cohort, target, patients = cohort_of(data, quick)
    groups = tuple(g for g in population_groups(cohort, PEOPLE) if g.members(cohort).sum() >= JUDGED_FROM)
    parts = parts_of(target, cohort, groups)
    fold = patient_folds(patients, 5, SEED)
    result: dict[str, Any] = {"quick": quick, "n": len(target), "n_events": int(target.values.sum()), "learners": {}}
    fine = True
    for learner in ("logistic", "lightgbm"):
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        predicted = out_of_fold(cohort, target, fold, learner, quick)
        fitted = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        found = coverage_in_turn(predicted, target, patient_folds(patients, 10, SEED + 2), groups=groups, people=cohort)
        shown = table({"conditional": found.conditional, "marginal": found.marginal}, parts, JUDGED_FROM)
        off = [n for n, each in shown.items() if not LOWEST <= each["conditional"]["value"] <= HIGHEST]
        fine &= not off
        result["learners"][learner] = {
            "auroc": round(auroc(target.values, predicted), 4), "cpu_s_fit": round(fitted - begun, 1),
            "cpu_s_conformal": round(resource.getrusage(resource.RUSAGE_SELF).ru_utime - fitted, 1),
            "mean_set_size": round(float(found.width.mean()), 3), "outside": off, "coverage": shown,
            "independent_half": independent(predicted, target, cohort, patients, groups),
        }  # fmt: skip
        print_table(learner, result["learners"][learner])
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if fine else 1


def print_table(learner: str, found: dict[str, Any]) -> None:
    print(
        f"{learner}: AUROC {found['auroc']:.3f}, mean set size {found['mean_set_size']:.2f}, fit {found['cpu_s_fit']} s"
    )
    for name, each in found["coverage"].items():
        c, m = each["conditional"], each["marginal"]
        print(f"  {name:28} {each['n']:6}  {c['value']:.3f} ({c['low']:.3f}–{c['high']:.3f})  naive {m['value']:.3f}")
    half = found["independent_half"]
    print(f"  independent half: {half['interval_holds_nominal']:.0%} of {half['parts']} intervals hold {COVERAGE}")


if __name__ == "__main__":
    sys.exit(main())
