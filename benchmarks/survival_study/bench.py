"""CPU seconds of a whole survival study at 9,000 rows, beside scikit-survival's forest and boosting on one fold.

Reads clinical/nhanes1 under the folder DATA (default ../shared/data beside the repository). The study is five outer
folds with the choice among all candidates inside each (five inner folds), and the final choice.
Run: python benchmarks/survival_study/bench.py [--without-peers] [--peer-rows=9000].
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROWS = 9_000
MOST_CPU_S = 60.0


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found


def load(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    import pandas as pd

    x = pd.read_csv(folder / "NHANESI_subset_X.csv.gz", index_col=0)
    y = pd.read_csv(folder / "NHANESI_subset_y.csv.gz", index_col=0).iloc[:, 0].to_numpy()
    x = x.loc[:, [name for name in x if not name.startswith("Unnamed")]]
    some = np.random.default_rng(1).permutation(len(y))[:ROWS]
    return x.to_numpy(float)[some], np.maximum(np.abs(y[some]), 1e-3), y[some] > 0, list(x.columns)


def study(x: np.ndarray, times: np.ndarray, events: np.ndarray, names: list[str]) -> Any:
    from sartor.domain.cohort_table import Cohort, Column, ColumnKind
    from sartor.domain.model import Task
    from sartor.learning.nested import nested
    from sartor.learning.stages import Prepared
    from sartor.learning.survival import for_target
    from sartor.learning.task import Target

    cohort = Cohort(tuple(Column(name, ColumnKind.NUMBER, x[:, j]) for j, name in enumerate(names)))
    target = Target(Task.SURVIVAL, times, events.astype(np.int8), ("censored", "death"))
    prepared = Prepared(
        {"folds": 5, "repeats": 1}, cohort, cohort.select(()), target, tuple(map(str, range(len(target)))), seed=1
    )
    begun = time.monotonic()
    return nested(prepared, for_target(target), clock=lambda: time.monotonic() - begun)


def peer(make: Callable[[], Any], x: np.ndarray, times: np.ndarray, events: np.ndarray) -> dict[str, float]:
    """One fold of five: fit on four fifths, predict the fifth."""
    from sksurv.metrics import concordance_index_censored
    from sksurv.util import Surv

    filled = np.where(np.isnan(x), np.nanmedian(x, axis=0), x)
    test = np.arange(len(times)) % 5 == 0
    y = Surv.from_arrays(events, times)
    seconds, risk = cpu(lambda: make().fit(filled[~test], y[~test]).predict(filled[test]))
    concordance = concordance_index_censored(events[test], times[test], risk)[0]
    return {"one_fold_cpu_s": round(seconds, 1), "harrell_c": round(float(concordance), 4)}


def main() -> int:
    """Print and keep the figures; exit 1 above the limit, 2 without the data."""
    root = HERE.parents[1]
    folder = Path(os.environ.get("DATA", root.parent / "shared" / "data")) / "clinical" / "nhanes1"
    if not folder.is_dir():
        print(f"no NHANES I in {folder}: give the folder of the public data as DATA=…", file=sys.stderr)
        return 2
    x, times, events, names = load(folder)
    seconds, found = cpu(lambda: study(x, times, events, names))
    result: dict[str, Any] = {
        "n": len(times),
        "columns": x.shape[1],
        "events": int(events.sum()),
        "study_cpu_s": round(seconds, 1),
        "chosen_in_folds": list(found.chosen_in_fold),
        "candidates": {
            each.name: {"status": each.status, "harrell_c": None, "reason": each.reason}
            if each.status != "fitted"
            else {"status": each.status, "harrell_c": round(float(np.mean(each.scores)), 4)}
            for each in found.candidates
        },
    }
    print(f"whole study, {len(times)} rows x {x.shape[1]} columns: {seconds:.1f} s CPU (limit {MOST_CPU_S:g})")
    for name, figures in result["candidates"].items():
        print(f"   {name:24} {figures['status']}, C {figures['harrell_c']} {figures.get('reason', '')}")
    if "--without-peers" not in sys.argv:
        from sksurv.ensemble import GradientBoostingSurvivalAnalysis, RandomSurvivalForest

        makes: dict[str, Callable[[], Any]] = {
            "sksurv_forest": lambda: RandomSurvivalForest(
                n_estimators=100, min_samples_leaf=15, n_jobs=1, random_state=1
            ),
            "sksurv_boosting": lambda: GradientBoostingSurvivalAnalysis(n_estimators=100, random_state=1),
        }
        stated = [int(each.split("=")[1]) for each in sys.argv if each.startswith("--peer-rows=")]
        rows = min(stated[0], len(times)) if stated else len(times)
        result["peer_rows"] = rows
        for name, make in makes.items():
            result[name] = peer(make, x[:rows], times[:rows], events[:rows])
            taken = result[name]["one_fold_cpu_s"]
            result[name]["of_the_study"] = round(taken / seconds, 3)
            print(f"   peer {name:19} one fit of {rows} rows: {taken} s CPU ({taken / seconds:.2f} of the study), "
                  f"C {result[name]['harrell_c']}")  # fmt: skip
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if seconds > MOST_CPU_S else 0


if __name__ == "__main__":
    sys.exit(main())
