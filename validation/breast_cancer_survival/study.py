"""Breast cancer survival: METABRIC and GBSG, five folds, every candidate and the study's own choice.

Reads clinical/ under the folder DATA (default ../shared/data beside the repository); writes result.json here.
Run: python validation/breast_cancer_survival/study.py [--quick] [--repeats=3]. Exit 1 under a floor, 2 without data.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.learning.metrics.bootstrap import interval
from sartor.learning.metrics.survival import (
    evaluation_times,
    harrell_c,
    integrated_brier,
    time_dependent_auc,
    uno_c,
)
from sartor.learning.metrics.survival_calibration import calibration_at_horizon
from sartor.learning.nested import Nested, nested
from sartor.learning.stages import OutOfFold, Prepared
from sartor.learning.survival import for_target
from sartor.learning.task import Target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEED = 20181029
FILES = {"metabric": "metabric_IHC4_clinical_train_test.h5", "gbsg": "gbsg_cancer_train_test.h5"}
FLOORS = {"metabric": 0.645, "gbsg": 0.675}
QUICK = ("cox", "cox_splines", "boosted_cox")
HORIZON = 60.0
"""Months: five years, at which calibration and the AUC are told."""


def cohort_of(path: Path) -> tuple[Cohort, Target]:
    """The whole set: the published training and test parts together."""
    import h5py

    with h5py.File(path) as file:
        parts = [file[name] for name in ("train", "test")]
        x, times, events = (np.concatenate([part[key][:] for part in parts]) for key in ("x", "t", "e"))
    columns = tuple(Column(f"x{j}", ColumnKind.NUMBER, x[:, j].astype(np.float64)) for j in range(x.shape[1]))
    positive = np.maximum(times.astype(float), 1e-3)
    return Cohort(columns), Target(Task.SURVIVAL, positive, events.astype(np.int8), ("censored", "death"))


def prepared_of(cohort: Cohort, target: Target, repeats: int) -> Prepared:
    config = {"folds": 5, "repeats": repeats, "scheme": "auto", "horizons": [HORIZON]}
    nobody = cohort.select(())
    return Prepared(config, cohort, nobody, target, tuple(str(k) for k in range(len(target))), seed=SEED)


def measured(target: Target, kept: OutOfFold, folds: np.ndarray, resamples: int) -> dict[str, Any]:
    """Mean over folds and repeats of each measure, with the interval of the concordance by resampling patients."""
    assert kept.survival is not None
    assert kept.times is not None
    columns = np.flatnonzero(kept.times <= evaluation_times(target)[-1])
    grid = kept.times[columns]
    at = int(np.searchsorted(kept.times, HORIZON))

    def concordance(drawn: np.ndarray) -> float:
        count = np.bincount(drawn, minlength=len(target))
        found = []
        for repeat, fold in enumerate(folds):
            for k in range(int(fold.max()) + 1):
                rows = np.repeat(np.flatnonzero(fold == k), count[fold == k])
                found.append(harrell_c(target.take(rows), kept.predicted[repeat, rows]))
        return float(np.mean(found))

    uno, brier, area = [], [], []
    for repeat, fold in enumerate(folds):
        for k in range(int(fold.max()) + 1):
            rows, others = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
            part, train = target.take(rows), target.take(others)
            uno.append(uno_c(train, part, kept.predicted[repeat, rows], float(grid[-1])))
            brier.append(integrated_brier(train, part, kept.survival[repeat][np.ix_(rows, columns)], grid))
            area.append(time_dependent_auc(train, part, 1 - kept.survival[repeat, rows, at], np.array([HORIZON]))[0])
    risk = 1 - kept.survival[0, :, at]
    calibration = calibration_at_horizon(target, risk, HORIZON)
    low, high = interval(concordance, len(target), resamples=resamples, seed=SEED)
    return {
        "harrell_c": round(concordance(np.arange(len(target))), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "uno_c": round(float(np.mean(uno)), 4),
        "integrated_brier": round(float(np.mean(brier)), 4),
        "auc_5_years": round(float(np.mean(area)), 4),
        "observed_expected_5_years": round(calibration.ratio, 3),
        "slope_5_years": round(calibration.slope, 3),
        "ici_5_years": round(calibration.ici, 4),
    }


def study(path: Path, repeats: int, resamples: int, only: Sequence[str] = ()) -> tuple[dict[str, Any], Nested]:
    cohort, target = cohort_of(path)
    begun, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    learners = [each for each in for_target(target) if not only or each.name in only]
    found = nested(prepared_of(cohort, target, repeats), learners, clock=lambda: time.monotonic() - begun, trials=0)
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert target.events is not None
    candidates = {
        each.name: measured(target, each.out_of_fold, found.folds, resamples)
        for each in found.candidates
        if each.out_of_fold is not None
    }
    return {
        "n": len(target),
        "events": int((target.events == 1).sum()),
        "pipeline": measured(target, found.pipeline, found.folds, resamples),
        "chosen_in_folds": list(found.chosen_in_fold),
        "chosen": found.final.chosen,
        "candidates": candidates,
        "cpu_s": round(used.ru_utime + used.ru_stime - spent.ru_utime - spent.ru_stime, 1),
        "wall_s": round(time.monotonic() - begun, 1),
    }, found


def main() -> int:
    """Both cohorts; three repeats, or one for --quick."""
    folder = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data")) / "clinical"
    if not all((folder / name).is_file() for name in FILES.values()):
        print(f"no breast cancer cohorts in {folder}: give the folder of the public data as DATA=…", file=sys.stderr)
        return 2
    quick = "--quick" in sys.argv
    stated = [int(each.split("=")[1]) for each in sys.argv if each.startswith("--repeats=")]
    repeats = stated[0] if stated else 1 if quick else 3
    result: dict[str, Any] = {"repeats": repeats, "folds": 5, "seed": SEED}
    short = []
    for name, file in FILES.items():
        result[name], _ = study(folder / file, repeats, 50 if quick else 300, QUICK if quick else ())
        line = result[name]["pipeline"]
        cox = result[name]["candidates"]["cox"]["integrated_brier"]
        print(f"{name}: C {line['harrell_c']} {line['interval']}, IBS {line['integrated_brier']} (Cox {cox}), "
              f"5-year AUC {line['auc_5_years']}, chosen {', '.join(sorted(set(result[name]['chosen_in_folds'])))}, "
              f"CPU {result[name]['cpu_s']} s")  # fmt: skip
        for each, figures in result[name]["candidates"].items():
            print(f"   {each:24} C {figures['harrell_c']} {figures['interval']}, IBS {figures['integrated_brier']}")
        if line["harrell_c"] < FLOORS[name]:
            short.append(f"{name}: C {line['harrell_c']} under {FLOORS[name]}")
        if line["integrated_brier"] > cox:
            short.append(f"{name}: IBS {line['integrated_brier']} above Cox's {cox}")
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for each in short:
        print(f"   short: {each}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
