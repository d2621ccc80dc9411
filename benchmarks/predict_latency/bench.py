"""One patient predicted and explained, warm: milliseconds for every learner, with the recalibrated, guarded model.

    python benchmarks/predict_latency/bench.py [--calls 50]

Fits each learner with its defaults on Cleveland (13 inputs), METABRIC (9) and a sample of diabetes-130 (about 40),
wraps it with recalibration, conformal sets and bounds, novelty and a horizon as a study does (also a stack of every
learner, and a published equation), and times Model.predict with contributions for one
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

from sartor.learning.conformal import Conformal
from sartor.learning.learners import by_name, for_target
from sartor.learning.learners.equation import PublishedEquation, formula_of
from sartor.learning.learners.stacking import NAME as STACK
from sartor.learning.learners.stacking import FittedStack, Part
from sartor.learning.novelty import Novelty
from sartor.learning.recalibration import Recalibration
from sartor.learning.search import JoinedEncoder, encoder_for, encoding_key

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


def guarded(plain: Any, matrix: Any, cohort: Any, target: Any) -> Any:
    """The model as a study hands it over: recalibrated, with intervals and sets, novelty and (survival) a horizon."""
    model = replace(plain, novelty=Novelty.fit(matrix), recalibration=Recalibration(0.9, 0.0))
    values = np.asarray(plain.values(cohort), dtype=float)
    if target.events is not None:
        margin = np.log(np.maximum(values, 1e-300))
        repeats = np.stack([margin, margin + np.random.default_rng(0).normal(0, 0.1, len(margin))])
        return replace(model, horizons=(float(np.median(target.values)),), conformal=Conformal.fit(repeats, target))
    return replace(model, conformal=Conformal.fit(values, target))


def stacked(plains: list[Any], cohort: Any) -> Any:
    """A stack of every learner, equally weighted: more members than a search keeps."""
    named = [(each, encoding_key(by_name(each.learner))) for each in plains]
    encoder = JoinedEncoder({key: each.encoder for each, key in named})
    parts = tuple(Part(each.learner, 1 / len(named), each.fitted, key) for each, key in named)
    spans = encoder.spans(cohort.take(np.arange(1)))
    return replace(
        plains[0], encoder=encoder, learner=STACK, fitted=FittedStack(STACK, plains[0].task, parts, 0.0, spans)
    )


def equation(plain: Any, cohort: Any, target: Any) -> Any:
    """A published equation of three terms, its level and slope recalibrated."""
    numbers = [column.name for column in cohort.columns if column.kind.value == "number"][:3]
    terms = [{"feature": name, "coefficient": 0.01} for name in numbers]
    learner = PublishedEquation.kinds(formula_of({"intercept": -1.0, "terms": terms}, cohort))[-1]
    encoder = encoder_for(learner, cohort, target)
    fitted = learner.fit(encoder.apply(cohort), target, learner.defaults(target), seed=0)
    return replace(plain, encoder=encoder, fitted=fitted, learner=learner.name)


def measured(study: Any, name: str, calls: int) -> list[dict[str, Any]]:
    """Every learner on one data set, and for two classes the stack of all and a published equation."""
    cohort, target = study.SETS[name]()
    rows = np.arange(min(len(cohort), TRAINED))
    known, outcome = cohort.take(rows), target.take(rows)
    plains = [study.fitted(learner, cohort, target, rows) for learner in for_target(target)]
    if target.events is None:
        plains += [stacked(plains, known), equation(plains[0], known, outcome)]
    ones = [cohort.take(np.array([row % len(cohort)])) for row in range(calls)]
    found = []
    for plain in plains:
        matrix = plain.matrix(known)
        model = guarded(plain, matrix, known, outcome)
        encoded = [matrix.take(np.array([row % len(matrix)])) for row in range(calls)]
        wall, cpu = milliseconds(lambda row, model=model: model.predict(ones[row], ("1",)), calls)
        peer, _ = milliseconds(lambda row, one=encoded, model=plain: model.fitted.predict(one[row]), calls)
        found.append({"data": name, "learner": plain.learner, "wall_ms": round(wall, 2), "cpu_ms": round(cpu, 2),
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
