"""Readmission within 30 days (diabetes-130): what the study chooses itself, grouped by patient, with its CPU time.

Reads clinical/diabetes130.csv.xz under the folder DATA (default ../shared/data beside the repository); writes
result.json here. Run: python validation/readmission/study.py [--quick | --budget SECONDS]. Exit 1 when a figure is
under its floor, 2 without the data.

Full: logistic regression and LightGBM, 5 folds, no time limit. --quick: a tenth of the patients, floors lowered.
--budget: every learner within that wall time, kept to 5 %.
"""

from __future__ import annotations

import json
import lzma
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.study import Surroundings
from sartor.io.cohort_table import read_cohort
from sartor.learning.metrics import calibration
from sartor.learning.metrics.discrimination import auroc
from sartor.learning.stages import Fitted, Prepared
from sartor.studies.risk_model import fit, prepare

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLOORS = {"auroc": 0.678, "ece": 0.006, "cpu_s": 200.0}
ROWS = 99_343
EXPIRED_OR_HOSPICE = (11, 13, 14, 19, 20, 21)
"""discharge_disposition_id, by the data set's own table of identifiers."""


def configuration(path: Path, *, learners: tuple[str, ...], budget_s: float | None) -> dict[str, Any]:
    """As a hospital would write it."""
    stated: dict[str, Any] = {
        "data": str(path),
        "task": "classification",
        "target": "readmitted",
        "positive": "<30",
        "id": "encounter_id",
        "group": "patient_nbr",
        "categorical": ["admission_type_id", "discharge_disposition_id", "admission_source_id"],
        "missing": ["?"],
        "where": {"discharge_disposition_id": {"not": list(EXPIRED_OR_HOSPICE)}},
        "repeats": 1,
        "seed": 130,
    }
    if learners:
        stated["learners"] = list(learners)
    return stated | ({"time_budget_s": budget_s} if budget_s else {})


def run(config: dict[str, Any], workers: int) -> tuple[Prepared, Fitted, float, float]:
    """(prepared, fitted, CPU seconds, wall seconds) of preparing and fitting."""
    begun, used = time.monotonic(), cpu()
    around = Surroundings(
        read=lambda path, **options: read_cohort(Path(path), **options),
        clock=lambda: time.monotonic() - begun,
        now="2026-11-21T00:00:00Z",
        progress=lambda said: print(f"{time.monotonic() - begun:7.1f} s  {said}", file=sys.stderr),
        workers=workers,
    )
    prepared = prepare(config, around)
    fitted = fit(prepared, around)
    return prepared, fitted, cpu() - used, time.monotonic() - begun


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def by_patient(truth: Any, predicted: Any, patients: Any, resamples: int = 200) -> list[float]:
    """95 % bootstrap interval of the AUC, patients drawn whole."""
    generator = np.random.default_rng(130)
    unit = np.unique(patients, return_inverse=True)[1]
    order = np.argsort(unit, kind="stable")
    starts = np.searchsorted(unit[order], np.arange(unit.max() + 2))
    found = []
    for _ in range(resamples):
        drawn = generator.integers(0, unit.max() + 1, unit.max() + 1)
        counts = np.bincount(drawn, minlength=unit.max() + 1)
        rows = np.repeat(order, np.repeat(counts, np.diff(starts)))
        found.append(auroc(truth[rows], predicted[rows]))
    return [float(each) for each in np.quantile(found, [0.025, 0.975])]


def measured(prepared: Prepared, fitted: Fitted) -> dict[str, Any]:
    """The pipeline's figures, and every candidate's."""
    truth, predicted = prepared.target.values, fitted.pipeline.predicted[0]
    found: dict[str, Any] = {
        "n": len(truth),
        "events": int(truth.sum()),
        "features": len(prepared.cohort.columns),
        "auroc": auroc(truth, predicted),
        "auroc_interval": by_patient(truth, predicted, prepared.groups),
        "auroc_mean_of_folds": {
            each.name: {"mean": float(np.nanmean(each.scores)), "folds": each.scores.ravel().round(4).tolist(),
                        "wall_s": round(each.wall_s, 1)}
            for each in fitted.candidates if each.status == "fitted"
        },
        "not_fitted": {each.name: each.reason for each in fitted.candidates if each.status != "fitted"},
        "ece": calibration.measures(truth, predicted)["ece"],
        "chosen_in_fold": list(fitted.chosen_in_fold),
        "chosen": fitted.chosen,
        "facts": dict(fitted.facts),
    }  # fmt: skip
    for each in fitted.candidates:
        if each.out_of_fold is not None:
            values = each.out_of_fold.predicted[0]
            found["auroc_mean_of_folds"][each.name] |= {
                "pooled": auroc(truth, values), "ece": calibration.measures(truth, values)["ece"],
            }  # fmt: skip
    return found


def a_tenth(path: Path, folder: Path) -> Path:
    """Every tenth patient, in a file of its own."""
    out = folder / "tenth.csv"
    with lzma.open(path, "rt", encoding="utf-8") as source, out.open("w", encoding="utf-8") as copy:
        copy.write(next(source))
        copy.writelines(line for line in source if int(line.split(",", 2)[1]) % 10 == 0)
    return out


def main(arguments: list[str]) -> int:
    """Measure, write, compare with the floors."""
    data = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
    path = data / "clinical" / "diabetes130.csv.xz"
    if not path.is_file():
        print(f"no {path}: set DATA to the folder of public data", file=sys.stderr)
        return 2
    quick = "--quick" in arguments
    budget = float(arguments[arguments.index("--budget") + 1]) if "--budget" in arguments else None
    learners = () if budget else ("linear", "lightgbm")
    with tempfile.TemporaryDirectory() as folder:
        used = a_tenth(path, Path(folder)) if quick else path
        config = configuration(used, learners=learners, budget_s=budget)
        prepared, fitted, cpu_s, wall_s = run(config, workers=2 if budget else 1)
    found = measured(prepared, fitted) | {"cpu_s": round(cpu_s, 1), "wall_s": round(wall_s, 1)}
    problems = []
    if quick:
        if found["auroc"] < 0.61:
            problems.append(f"AUC {found['auroc']:.3f} of a tenth is under .61")
    else:
        if len(prepared.target) != ROWS:
            problems.append(f"{len(prepared.target)} rows, not {ROWS}")
        if found["auroc"] < FLOORS["auroc"]:
            problems.append(f"AUC {found['auroc']:.4f} is under {FLOORS['auroc']}")
        if found["ece"] > FLOORS["ece"]:
            problems.append(f"ECE {found['ece']:.4f} is over {FLOORS['ece']}")
        if budget is None and cpu_s > FLOORS["cpu_s"]:
            problems.append(f"CPU {cpu_s:.0f} s is over {FLOORS['cpu_s']:.0f}")
        if budget is not None and wall_s > 1.05 * budget:
            problems.append(f"{wall_s:.0f} s, over {budget:.0f} s + 5 %")
        name = "result.json" if budget is None else "result_budget.json"
        (HERE / name).write_text(json.dumps({"date": "2026-11-21", "floors": FLOORS, **found}, indent=1) + "\n")
    print(json.dumps({key: found[key] for key in ("n", "auroc", "ece", "cpu_s", "wall_s", "chosen")}))
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
