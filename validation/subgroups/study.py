"""Groups of patients: does the study find the true number and groups, one where there are none, and what of METABRIC?

Reads clinical/metabric_IHC4_clinical_train_test.h5 under the folder DATA (default ../shared/data beside the project).
Run: python validation/subgroups/study.py [--quick]. Exit 1 when a figure is under its floor, 2 without the data.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.learning.clustering import choose, differ, outcomes, part, represent, rules, stability
from sartor.learning.clustering.outcomes import wilson
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.task import Matrix, Target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEED = 20261121
N, COLUMNS, K_MAX = 300, 8, 6
NULLS = ("gaussian", "correlated", "skewed", "heavy tails", "uniform", "mixed", "one factor")
TRUTHS = ((2, 3.5, "numbers"), (3, 3.5, "numbers"), (4, 3.5, "numbers"), (3, 5.0, "numbers"), (4, 5.0, "numbers"),
          (2, 3.5, "mixed"), (3, 5.0, "mixed"))  # fmt: skip
FLOORS = {"one_group_where_none": 0.9, "right_number": 0.8, "ari": 0.8}


def without_groups(kind: str, generator: np.random.Generator) -> np.ndarray:
    """One population of some shape."""
    values = generator.normal(size=(N, COLUMNS))
    if kind == "correlated":
        return values @ (np.eye(COLUMNS) + generator.normal(scale=0.5, size=(COLUMNS, COLUMNS)))
    if kind == "skewed":
        return np.exp(0.8 * values)
    if kind == "heavy tails":
        return generator.standard_t(5, size=(N, COLUMNS))
    if kind == "uniform":
        return generator.uniform(size=(N, COLUMNS))
    if kind == "mixed":
        values[:, 5:] = values[:, 5:] + 0.5 * values[:, :1] > 0.3
    if kind == "one factor":
        values = 0.6 * values + generator.normal(size=(N, 1))
    return values


def with_groups(k: int, apart: float, kind: str, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """k groups of unequal size around random centres `apart` standard deviations from the middle."""
    centres = generator.normal(size=(k, COLUMNS))
    centres *= apart / np.linalg.norm(centres, axis=1)[:, None]
    shares = generator.uniform(0.6, 1.4, size=k)
    labels = generator.choice(k, N, p=shares / shares.sum())
    values = centres[labels] + generator.normal(size=(N, COLUMNS))
    if kind == "mixed":
        values[:, 5:] = values[:, 5:] > 0
    return values, labels


def grouped(values: np.ndarray, seed: int, draws: int) -> tuple[int, np.ndarray, Any]:
    """What the study does with a table: (number, labels, number's details)."""
    columns = tuple(Column(f"x{i}", ColumnKind.NUMBER, values[:, i].astype(float)) for i in range(values.shape[1]))
    matrix = scaled(Cohort(columns))
    representation = represent(matrix, seed=seed)
    points = representation.points(matrix)
    found = choose(
        representation.standardised(matrix), representation.binary, points, k_max=K_MAX, seed=seed, draws=draws,
        variables=representation.variables(matrix), gaps=representation.gaps(matrix),
    )  # fmt: skip
    labels = part(points, found.k, seed=seed).place(points)
    return found.k, labels, found


def scaled(cohort: Cohort) -> Matrix:
    """Encoded as in the study; columns of 0 and 1 are labels."""
    columns = []
    for column in cohort.columns:
        if column.kind is ColumnKind.NUMBER and set(np.unique(column.values)) <= {0.0, 1.0}:
            column = Column(column.name, ColumnKind.CATEGORY, column.values.astype(np.int32), ("0", "1"))
        columns.append(column)
    table = Cohort(tuple(columns))
    return fit_encoder(table, Encoding.DENSE).apply(table)


def rate(hits: int, n: int) -> dict[str, Any]:
    low, high = wilson(hits, n)
    return {"value": round(hits / n, 3), "ci95": [round(low, 3), round(high, 3)], "n": n}


def simulated(repeats: int, draws: int) -> dict[str, Any]:
    """Rates over simulated cohorts."""
    from sklearn.metrics import adjusted_rand_score

    generator = np.random.default_rng(SEED)
    found: dict[str, Any] = {"none": {}, "groups": {}}
    alone = right = judged = 0
    agreements = []
    for kind in NULLS:
        numbers = [grouped(without_groups(kind, generator), repeat, draws)[0] for repeat in range(repeats)]
        alone += numbers.count(1)
        found["none"][kind] = rate(numbers.count(1), repeats) | {"found": numbers}
        print("no groups,", kind, numbers, flush=True)
    for k, apart, kind in TRUTHS:
        numbers, matches = [], []
        for repeat in range(repeats):
            values, truth = with_groups(k, apart, kind, generator)
            number, labels, _ = grouped(values, repeat, draws)
            numbers.append(number)
            matches.append(float(adjusted_rand_score(truth, labels)))
        right += numbers.count(k)
        judged += repeats
        agreements += matches
        name = f"{k} groups, {apart:g} apart, {kind}"
        found["groups"][name] = rate(numbers.count(k), repeats) | {"found": numbers, "ari": round(np.mean(matches), 3)}
        print(name, numbers, round(float(np.mean(matches)), 3), flush=True)
    found["one_group_where_none"] = rate(alone, repeats * len(NULLS))
    found["right_number"] = rate(right, judged)
    spread = np.random.default_rng(SEED).choice(agreements, size=(2000, len(agreements))).mean(axis=1)
    low, high = np.quantile(spread, [0.025, 0.975])
    found["ari"] = {"value": round(float(np.mean(agreements)), 3), "ci95": [round(low, 3), round(high, 3)], "n": judged}
    return found


def metabric(path: Path, draws: int, resamples: int) -> dict[str, Any]:
    """Nine variables of breast cancer patients; overall survival is looked at afterwards."""
    import h5py

    names = ("MKI67", "EGFR", "PGR", "ERBB2", "hormone", "radiotherapy", "chemotherapy", "er_positive", "age")
    with h5py.File(path) as file:
        x = np.vstack([file[part_]["x"][:] for part_ in ("train", "test")]).astype(float)
        t = np.concatenate([file[part_]["t"][:] for part_ in ("train", "test")]).astype(float)
        e = np.concatenate([file[part_]["e"][:] for part_ in ("train", "test")]).astype(np.int8)
    known = t > 0
    x, target = x[known], Target(Task.SURVIVAL, t[known], e[known], ("censored", "death"))
    cohort = Cohort(tuple(Column(name, ColumnKind.NUMBER, x[:, i]) for i, name in enumerate(names)))
    matrix = scaled(cohort)
    representation = represent(matrix, seed=SEED)
    points = representation.points(matrix)
    number = choose(
        representation.standardised(matrix), representation.binary, points, k_max=K_MAX, seed=SEED, draws=draws,
        variables=representation.variables(matrix), gaps=representation.gaps(matrix),
    )  # fmt: skip
    found: dict[str, Any] = {"n": len(x), "k": number.k, "reason": number.reason, "p": number.p_one_population}
    if number.k > 1:
        partition = part(points, number.k, seed=SEED)
        labels = partition.place(points)
        held = stability(points, partition, resamples=resamples, seed=SEED)
        found["jaccard"] = [round(float(each), 3) for each in held.jaccard]
        found["ten_year_survival"] = [
            {"n": each.n, "deaths": each.events, "value": round(each.value, 3),
             "ci95": [round(each.value_low, 3), round(each.value_high, 3)]}
            for each in outcomes(target, labels, number.k, horizon=120.0)
        ]  # fmt: skip
        found["logrank_p"] = differ(target, labels)[1]
        found["rules_agreement"] = round(rules(cohort, labels, seed=SEED).agreement, 3)
        found["means"] = {
            name: [round(float(x[labels == g, i].mean()), 2) for g in range(number.k)] for i, name in enumerate(names)
        }
    print("METABRIC", found, flush=True)
    return found


def main() -> int:
    quick = "--quick" in sys.argv
    path = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
    path = path / "clinical" / "metabric_IHC4_clinical_train_test.h5"
    if not path.is_file():
        print(f"{path} is not there: set DATA to the folder of public data", file=sys.stderr)
        return 2
    result: dict[str, Any] = {"seed": SEED, "simulated": simulated(2 if quick else 15, 39 if quick else 99)}
    if not quick:
        result["metabric"] = metabric(path, 99, 100)
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    failed = [name for name, floor in FLOORS.items() if result["simulated"][name]["ci95"][1] < floor]
    for name in FLOORS:
        print(name, result["simulated"][name])
    for name in failed:
        print(f"FAILED: {name} under {FLOORS[name]}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
