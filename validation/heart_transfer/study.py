"""Cleveland's heart data as source, three other centres as targets: does transfer help, and does the guard hold?

Reads clinical/heart under the folder DATA (default ../shared/data beside the repository); writes result.json here.
Run: python validation/heart_transfer/study.py [--quick]. Exit 1 when the guard fails, 2 without the data.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.learning.task import Target
from sartor.learning.transfer import GUARDED, WHOLE, Sites, compare, methods, together
from sartor.learning.transfer.measures import Sampled, brier, calibration, discrimination, multiplicities

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEED = 20261121
SITES = ("cleveland", "hungarian", "switzerland", "va")
NAMES = ("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca", "thal")
CODES = frozenset({"sex", "cp", "fbs", "restecg", "exang", "slope", "thal"})
MISSING = frozenset({"?", "-9", "-9.0", ""})
LEARNERS = ("linear", "shift", "boosting")
SIZES = (20, 50, 100, 200)
ALLOWED = 0.01
RARER = 20
"""With fewer of the rarer outcome (Switzerland: 8) the difference is shown and not judged: its interval is too wide."""


def read(folder: Path, site: str) -> tuple[Cohort, Target]:
    """One centre; a cholesterol of 0 is missing; disease is any narrowing over half (codes 1 to 4)."""
    with (folder / f"processed.{site}.data").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))[1:]
    columns = []
    for index, name in enumerate(NAMES):
        cells = ["" if row[index] in MISSING else f"{float(row[index]):g}" for row in rows]
        if name == "chol":
            cells = ["" if cell == "0" else cell for cell in cells]
        if name in CODES:
            labels = tuple(sorted(set(cells) - {""}))
            codes = np.array([labels.index(cell) if cell else -1 for cell in cells], dtype=np.int32)
            columns.append(Column(name, ColumnKind.CATEGORY, codes, labels))
        else:
            values = np.array([float(cell) if cell else np.nan for cell in cells])
            columns.append(Column(name, ColumnKind.NUMBER, values))
    disease = np.array([float(float(row[13]) > 0) for row in rows])
    return Cohort(tuple(columns)), Target(Task.CLASSIFICATION, disease, classes=("no", "yes"))


def experiment(
    folder: Path,
    sources: tuple[str, ...],
    target: str,
    *,
    repeats: int,
    learners: tuple[str, ...],
    sizes: tuple[int, ...],
) -> dict[str, Any]:
    """One target: every way at every size, and the guard against the better of source and local."""
    cohort, outcome = read(folder, sources[0])
    for further in sources[1:]:
        more, more_outcome = read(folder, further)
        cohort = together(cohort, more)
        values = np.concatenate([outcome.values, more_outcome.values])
        outcome = Target(Task.CLASSIFICATION, values, classes=outcome.classes)
    target_cohort, target_outcome = read(folder, target)
    sites = Sites(together(cohort, target_cohort), outcome, target_outcome)
    compared = compare(
        sites, methods(Task.CLASSIFICATION, learners), learners, sizes=sizes, outer_folds=5,
        repeats=repeats, seed=SEED,
    )  # fmt: skip
    drawn = multiplicities(len(target_outcome), seed=SEED)
    found: dict[str, Any] = {"n": len(target_outcome), "events": int(target_outcome.values.sum()),
                             "n_source": sites.n_source, "repeats": repeats, "sizes": {}}  # fmt: skip
    for size, ways in compared.margins.items():
        auroc = {name: discrimination(target_outcome, each, compared.parts, drawn) for name, each in ways.items()}
        better = max(("source", "local"), key=lambda name: auroc[name].value)
        row: dict[str, Any] = {name: shown(each) for name, each in auroc.items()}
        row["better"] = better
        row["guarded_minus_better"] = shown(auroc[GUARDED].minus(auroc[better]))
        if size == WHOLE:
            slopes = {name: calibration(target_outcome, each, seed=SEED) for name, each in ways.items()}
            row["calibration_slope"] = {name: shown(slope) for name, (slope, _) in slopes.items()}
            row["calibration_intercept"] = {name: shown(intercept) for name, (_, intercept) in slopes.items()}
            row["brier"] = {name: shown(brier(target_outcome, each, drawn)) for name, each in ways.items()}
        found["sizes"]["all" if size == WHOLE else str(size)] = row
    return found


def shown(found: Sampled) -> list[float]:
    """Value, low, high."""
    return [round(float(each), 4) for each in (found.value, *found.interval())]


def main() -> int:
    quick = "--quick" in sys.argv
    folder = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data")) / "clinical" / "heart"
    if not folder.is_dir():
        print(f"{folder} is not there: set DATA to the folder of public data", file=sys.stderr)
        return 2
    result: dict[str, Any] = {"seed": SEED, "experiments": {}, "learning_curves": {}}
    plans = [(("cleveland",), target) for target in SITES[1:]]
    if not quick:
        plans += [(tuple(site for site in SITES if site != target), target) for target in SITES[1:]]
    failed = []
    for sources, target in plans:
        found = experiment(folder, sources, target, repeats=4 if quick else 20, learners=("linear",), sizes=())
        name = f"{'+'.join(sources)} -> {target}"
        result["experiments"][name] = found
        row = found["sizes"]["all"]
        difference = row["guarded_minus_better"]
        print(f"{name}: source {row['source']} local {row['local']} guarded {row[GUARDED]}")
        print(f"  guarded minus {row['better']}: {difference}", flush=True)
        rarer = min(found["events"], found["n"] - found["events"])
        if difference[0] < -ALLOWED and rarer >= RARER:
            failed.append(name)
    for target in () if quick else SITES[1:]:
        found = experiment(folder, ("cleveland",), target, repeats=5, learners=LEARNERS, sizes=SIZES)
        result["learning_curves"][f"cleveland -> {target}"] = found
        for size, row in found["sizes"].items():
            shown_row = {name: row[name][0] for name in ("source", "local", "pooled", "adapted", GUARDED)}
            print(target, size, shown_row, row["guarded_minus_better"], flush=True)
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name in failed:
        print(f"FAILED: the guard fell short by more than {ALLOWED} in {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
