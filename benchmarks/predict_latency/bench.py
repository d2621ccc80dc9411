"""One patient predicted and explained, warm: milliseconds for every learner, with the recalibrated, guarded model.

    python benchmarks/predict_latency/bench.py [--calls 50]

Fits each learner with its defaults on Cleveland (13 inputs), METABRIC (9) and a sample of diabetes-130 (about 40),
wraps it with recalibration, intervals and novelty as a study does, and times Model.predict with contributions for one
row at a time, and the library's own prediction of the same encoded row, unexplained, as the peer.
Reads clinical/ under DATA (default ../shared/data beside the repository); writes result.json beside this script.
Exits 1 when a median is above 20 ms, 2 without the data.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sartor.learning.learners import for_target
from sartor.learning.novelty import Novelty
from sartor.learning.recalibration import Recalibration

HERE = Path(__file__).resolve().parent
STUDY = HERE.parents[1] / "validation" / "explanations" / "study.py"
MOST = 20.0
TRAINED = 2000


def _study() -> Any:
    spec = importlib.util.spec_from_file_location("explanations_study", STUDY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def milliseconds(call: Any, calls: int) -> tuple[float, float]:
    """Median wall and mean CPU milliseconds of one warm call."""
    for _ in range(3):
        call(0)
    walls = []
    began = time.process_time()
    for row in range(calls):
        start = time.perf_counter()
        call(row)
        walls.append(time.perf_counter() - start)
    return 1000 * median(walls), 1000 * (time.process_time() - began) / calls


def measured(study: Any, name: str, calls: int) -> list[dict[str, Any]]:
    """Every learner on one data set."""
    cohort, target = study.SETS[name]()
    rows = np.arange(min(len(cohort), TRAINED))
    found = []
    for learner in for_target(target):
        plain = study.fitted(learner, cohort, target, rows)
        matrix = plain.matrix(cohort.take(rows))
        model = replace(plain, novelty=Novelty.fit(matrix), recalibration=Recalibration(0.9, 0.0))
        if target.events is not None:
            model = replace(model, horizons=(float(np.median(target.values)),))
        ones = [cohort.take(np.array([row % len(cohort)])) for row in range(calls)]
        encoded = [matrix.take(np.array([row % len(matrix)])) for row in range(calls)]
        wall, cpu = milliseconds(lambda row, one=ones, model=model: model.predict(one[row], ("1",)), calls)
        peer, _ = milliseconds(lambda row, one=encoded, model=plain: model.fitted.predict(one[row]), calls)
        found.append({"data": name, "learner": learner.name, "wall_ms": round(wall, 2), "cpu_ms": round(cpu, 2),
                      "unexplained_ms": round(peer, 2), "ratio": round(wall / peer, 2)})  # fmt: skip
        print(found[-1], flush=True)
    return found


def main() -> int:
    """Measure, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    asked = parser.parse_args()
    study = _study()
    if not study.DATA.is_dir():
        print(f"no data: {study.DATA}", file=sys.stderr)
        return 2
    results = [row for name in study.SETS for row in measured(study, name, asked.calls)]
    slow = [row for row in results if row["wall_ms"] > MOST]
    summary = {"date": "2026-11-21", "calls": asked.calls, "most_ms": MOST, "results": results}
    (HERE / "result.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for row in slow:
        print(f"above {MOST} ms: {row['data']} {row['learner']} {row['wall_ms']}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
