"""Heart disease: what the study chooses itself in Cleveland, all candidates beside it, and three other centres.

Reads clinical/heart under the folder DATA (default ../shared/data beside the repository); writes result.json here.
Run: python validation/heart_disease/study.py [--quick]. Exit 1 when a figure is under its floor, 2 without the data.

Full: every learner, 5 folds × 3 repeats. --quick: four learners, 5 folds × 1.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.study import Surroundings
from sartor.io.cohort_table import read_cohort
from sartor.learning.metrics.bootstrap import interval
from sartor.learning.metrics.discrimination import auroc
from sartor.learning.stages import Fitted, OutOfFold, Prepared
from sartor.studies.risk_model import fit, prepare

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLUMNS = [
    "age",
    "sex",
    "cp",
    "trestbps",
    "chol",
    "fbs",
    "restecg",
    "thalach",
    "exang",
    "oldpeak",
    "slope",
    "ca",
    "thal",
    "num",
]
CENTRES = ("cleveland", "hungarian", "switzerland", "va")
FLOOR, BELOW_LOGISTIC = 0.912, 0.005
QUICK = ("linear", "linear_splines", "random_forest", "lightgbm")


def tables(folder: Path, out: Path) -> None:
    """The centres' files with the columns' names; -9 is the data set's code for a missing value."""
    for centre in CENTRES:
        lines = (folder / f"processed.{centre}.data").read_text(encoding="utf-8").split("\n")[1:]
        cells = [["" if cell in ("-9", "-9.0", "?") else cell for cell in line.split(",")] for line in lines if line]
        text = "\n".join(",".join(row) for row in [COLUMNS, *cells])
        (out / f"{centre}.csv").write_text(text + "\n", encoding="utf-8")


def configuration(quick: bool) -> dict[str, Any]:
    """As a hospital would write it."""
    stated: dict[str, Any] = {
        "data": "cleveland.csv",
        "task": "classification",
        "target": "num",
        "positive": {"min": 1},
        "categorical": ["cp", "restecg", "slope", "thal"],
        "repeats": 1 if quick else 3,
        "seed": 1988,
        "external": [{"name": name, "data": f"{name}.csv"} for name in CENTRES[1:]],
    }
    return stated | ({"learners": list(QUICK)} if quick else {})


def run(folder: Path, quick: bool) -> tuple[Prepared, Fitted]:
    """Prepare and fit."""
    begun = time.monotonic()
    around = Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=lambda: time.monotonic() - begun,
        now="2026-11-21T00:00:00Z",
        progress=lambda said: print(f"{time.monotonic() - begun:7.1f} s  {said}", file=sys.stderr),
    )
    prepared = prepare(configuration(quick), around)
    return prepared, fit(prepared, around)


def figure(prepared: Prepared, fitted: Fitted, out: OutOfFold) -> dict[str, Any]:
    """Mean AUC over the outer folds of all repeats, with a bootstrap interval over patients."""
    truth = prepared.target.values

    def mean_of_folds(rows: Any) -> float:
        found = []
        for folds, predicted in zip(fitted.folds, out.predicted, strict=True):
            for fold in range(int(folds.max()) + 1):
                inside = rows[folds[rows] == fold]
                if 0 < truth[inside].sum() < len(inside):
                    found.append(auroc(truth[inside], predicted[inside]))
        return float(np.mean(found))

    low, high = interval(mean_of_folds, len(truth), resamples=200, seed=1)
    pooled = float(np.mean([auroc(truth, each) for each in out.predicted]))
    return {"auroc": mean_of_folds(np.arange(len(truth))), "low": low, "high": high, "pooled": pooled}


def outside(prepared: Prepared, fitted: Fitted) -> dict[str, Any]:
    """AUC of the final model at the other centres."""
    found = {}
    for site in prepared.sites:
        truth, predicted = site.target.values, fitted.model.values(site.cohort)
        low, high = interval(lambda rows, t=truth, p=predicted: auroc(t[rows], p[rows]), len(truth), resamples=500)
        found[site.name] = {
            "n": len(truth), "events": int(truth.sum()), "auroc": auroc(truth, predicted), "low": low, "high": high,
        }  # fmt: skip
    return found


def main(arguments: list[str]) -> int:
    """Measure, write, compare with the floors."""
    data = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
    folder = data / "clinical" / "heart"
    if not folder.is_dir():
        print(f"no {folder}: set DATA to the folder of public data", file=sys.stderr)
        return 2
    quick = "--quick" in arguments
    with tempfile.TemporaryDirectory() as place:
        tables(folder, Path(place))
        prepared, fitted = run(Path(place), quick)
    candidates = {
        each.name: figure(prepared, fitted, each.out_of_fold)
        for each in fitted.candidates if each.out_of_fold is not None
    }  # fmt: skip
    pipeline = figure(prepared, fitted, fitted.pipeline)
    result = {
        "date": "2026-11-21", "n": len(prepared.target), "events": int(prepared.target.values.sum()),
        "pipeline": pipeline, "chosen_in_fold": list(fitted.chosen_in_fold), "chosen": fitted.chosen,
        "candidates": candidates, "external": outside(prepared, fitted),
        "not_fitted": {each.name: each.reason for each in fitted.candidates if each.status != "fitted"},
        "facts": dict(fitted.facts),
    }  # fmt: skip
    print(json.dumps({"pipeline": pipeline, **candidates, "external": result["external"]}, indent=1))
    problems = []
    if pipeline["auroc"] < candidates["linear"]["auroc"] - BELOW_LOGISTIC:
        problems.append("more than .005 below logistic regression")
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        if pipeline["auroc"] < FLOOR:
            problems.append(f"AUC {pipeline['auroc']:.4f} is under {FLOOR}")
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
