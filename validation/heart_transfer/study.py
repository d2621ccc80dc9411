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
from sartor.learning.transfer import GUARDED, TRUSTED, WHOLE, Sites, compare, fit_all, fit_source, methods, together
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
RELATIONS = (1.0, 0.9, 0.6, 0.3, 0.0)
"""Cosine between the coefficients of source and target: the same disease … another one."""
PREVALENCES = ((90, 3.0), (110, 2.35))
"""(rows of the target, intercept): about 8 and 14 of the rarer outcome."""


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


def simulated(draws: int) -> dict[str, Any]:
    """Mean AUROC at 3,000 new patients of simulated targets with few of the rarer outcome; 300 rows of source."""
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(SEED)
    ways = [way for way in methods(Task.CLASSIFICATION, ("linear",)) if way.name in {"source", *TRUSTED}]
    found: dict[str, Any] = {}
    for rows, intercept in PREVALENCES:
        for relation in RELATIONS:
            aurocs: dict[str, list[float]] = {"source": [], "local": [], GUARDED: []}
            rarer = []
            for draw in range(draws):
                beta, own = _coefficients(generator, relation)
                values, outcome = _patients(generator, own, intercept, rows)
                of_source, source_outcome = _patients(generator, beta, -0.2, 300)
                new, new_outcome = _patients(generator, own, intercept, 3000)
                few = int(min(outcome.values.sum(), rows - outcome.values.sum()))
                if few < 4:
                    continue
                rarer.append(few)
                source = fit_source(of_source, source_outcome, seed=draw)
                fitted, guarded, _ = fit_all(source, values, outcome, ways, seed=draw)
                for name, model in {**fitted, GUARDED: guarded}.items():
                    if name in aurocs:
                        aurocs[name].append(float(roc_auc_score(new_outcome.values, model.margin(new))))
            mean = {name: round(float(np.mean(each)), 3) for name, each in aurocs.items()}
            better = max(("source", "local"), key=lambda name: mean[name])
            difference = np.array(aurocs[GUARDED]) - np.array(aurocs[better])
            error = 1.96 * float(difference.std(ddof=1)) / np.sqrt(len(difference))
            middle = float(difference.mean())
            row = mean | {
                "rarer": round(float(np.mean(rarer)), 1),
                "targets": len(rarer),
                "better": better,
                "guarded_minus_better": [round(each, 4) for each in (middle, middle - error, middle + error)],
            }
            found[f"{rows} rows, relation {relation:g}"] = row
            print(rows, relation, row, flush=True)
    return found


def _coefficients(generator: np.random.Generator, relation: float) -> tuple[np.ndarray, np.ndarray]:
    """Of source and target, with this cosine between them; the target's are weaker."""
    beta = generator.normal(size=15) * generator.choice([0, 1], 15, p=[0.4, 0.6])
    beta *= 2 / max(np.linalg.norm(beta), 1e-9)
    other = generator.normal(size=15)
    other -= other @ beta / max(beta @ beta, 1e-9) * beta
    other *= 2 / np.linalg.norm(other)
    return beta, (relation * beta + np.sqrt(1 - relation**2) * other) * generator.uniform(0.35, 0.9)


def _patients(
    generator: np.random.Generator, beta: np.ndarray, intercept: float, rows: int
) -> tuple[np.ndarray, Target]:
    values = generator.normal(size=(rows, len(beta)))
    chance = 1 / (1 + np.exp(-(values @ beta + intercept)))
    outcome = (generator.random(rows) < chance).astype(float)
    return values, Target(Task.CLASSIFICATION, outcome, classes=("no", "yes"))


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
        if difference[0] < -ALLOWED:
            print(f"  SHORT by more than {ALLOWED}", flush=True)
        if difference[2] < -ALLOWED:
            failed.append(name)
    for target in () if quick else SITES[1:]:
        found = experiment(folder, ("cleveland",), target, repeats=5, learners=LEARNERS, sizes=SIZES)
        result["learning_curves"][f"cleveland -> {target}"] = found
        for size, row in found["sizes"].items():
            shown_row = {name: row[name][0] for name in ("source", "local", "pooled", "adapted", GUARDED)}
            print(target, size, shown_row, row["guarded_minus_better"], flush=True)
    if not quick:
        result["simulated"] = simulated(30)
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name in failed:
        print(f"FAILED: the guard fell short by more than {ALLOWED} in {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
