"""Response of cell lines to drugs (GDSC) by the study `drug_response`: correlation within drugs, beside naive means.

python validation/drug_response/study.py [--quick]     (reads $DATA/clinical/gdsc_deepcdr.tar.xz)
"""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sartor.domain.study import Surroundings
from sartor.domain.validation import Measure, Validation
from sartor.io.cohort_table import read_cohort
from sartor.studies import drug_response

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLOOR = 0.30
FOLDER = "deepcdr/data/"
RESPONSES = FOLDER + "CCLE/GDSC_IC50.csv"
METHYLATION = FOLDER + "CCLE/genomic_methylation_561celllines_808genes_demap_features.csv"
LINES = FOLDER + "CCLE/Cell_lines_annotations_20181226.txt"
DRUGS = FOLDER + "GDSC/1.Drug_listMon Jun 24 09_00_55 2019.csv"
KINDS = ("per_drug_pearson", "per_drug_spearman", "pooled_per_drug_pearson", "per_drug_pearson_gain",
         "per_cell_pearson", "global_pearson")  # fmt: skip


def member(archive: tarfile.TarFile, name: str) -> Iterator[list[str]]:
    held = archive.extractfile(name)
    assert held is not None
    text = io.TextIOWrapper(held, encoding="utf-8", newline="")
    return csv.reader(text, delimiter="\t" if name.endswith(".txt") else ",")


def lay_out(source: Path, folder: Path) -> None:
    """The archive's tables as the study reads them: responses in long form, features by cell, features by drug."""
    with tarfile.open(source) as archive:
        methylation = list(member(archive, METHYLATION))
        cells = {row[0] for row in methylation[1:]}
        write(folder / "methylation.csv", [["cell", *methylation[0][1:]], *methylation[1:]])
        table = member(archive, RESPONSES)
        names = next(table)[1:]
        drugs = []
        long = [["cell", "drug", "ln_ic50"]]
        for row in table:
            drugs.append(row[0])
            long += [[cell, row[0], value] for cell, value in zip(names, row[1:], strict=True)
                     if value not in ("", "NA") and cell in cells]  # fmt: skip
        write(folder / "responses.csv", long)
        lines = member(archive, LINES)
        heading = next(lines)
        place, site = heading.index("depMapID"), heading.index("Site_Primary")
        tissue = {row[place]: row[site] for row in lines if row[place] in cells}
        write(folder / "tissue.csv", [["cell", "tissue"], *([cell, tissue.get(cell, "")] for cell in sorted(cells))])
        known = list(member(archive, DRUGS))
        pathway = {f"GDSC:{row[0]}": row[4] for row in known[1:]}
        often = {name for name, count in Counter(pathway.get(drug, "") for drug in drugs).items() if count > 1}
        rows = [[drug, pathway.get(drug, "") if pathway.get(drug, "") in often else "other"] for drug in drugs]
        write(folder / "pathways.csv", [["drug", "target_pathway"], *rows])


def write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)


def run(folder: Path, config: dict[str, Any]) -> Validation:
    begun = time.monotonic()
    around = Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=lambda: time.monotonic() - begun,
        now="2026-11-21T00:00:00+00:00",
        progress=lambda text: print(f"   {text}", file=sys.stderr, flush=True),
    )
    settings = {"data": "responses.csv", "response": "ln_ic50", **config}
    prepared = drug_response.prepare(settings, around)
    fitted = drug_response.fit(prepared, around)
    return drug_response.validate(prepared, fitted, around)


def row(measure: Measure | None) -> list[float | None] | None:
    if measure is None:
        return None
    return [None if each is None else round(each, 4) for each in (measure.value, measure.low, measure.high)]


def figures(validation: Validation) -> dict[str, Any]:
    facts = validation.facts
    splits = list(facts["best_naive"])  # type: ignore[arg-type]
    found: dict[str, Any] = {
        "cells": facts["cells"], "drugs": facts["drugs"], "measured": facts["measured"], "folds": facts["folds"],
        "chosen_in_folds": facts["chosen_in_folds"], "best_naive": facts["best_naive"],
    }  # fmt: skip
    for split in splits:
        group = f"split={split}"
        names = dict.fromkeys(each.candidate for each in validation.measures if each.group == group)
        found[split] = {
            name: {kind: row(validation.find(kind, candidate=name, group=group)) for kind in KINDS} for name in names
        }
    return found


def show(title: str, found: dict[str, Any]) -> None:
    print(f"\n{title}: {found['cells']} cells, {found['drugs']} drugs, {found['measured']} responses")
    for split, table in found.items():
        if not isinstance(table, dict) or "pipeline" not in table:
            continue
        print(f" {split}: chosen {found['chosen_in_folds'][split]}")
        for name, kinds in table.items():
            cells = "  ".join(
                f"{kind} {value[0]:.3f}" + (f" [{value[1]:.3f}, {value[2]:.3f}]" if value[1] is not None else "")
                for kind, value in kinds.items()
                if value and value[0] is not None
            )
            print(f"  {name:20s} {cells}")


def main(quick: bool = False) -> int:
    source = Path(os.environ.get("DATA", ROOT / "../shared/data")).resolve() / "clinical" / "gdsc_deepcdr.tar.xz"
    if not source.is_file():
        print(f"no data: {source} is not there; set DATA to the folder of the reference data", file=sys.stderr)
        return 2
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lay_out(source, folder)
        methylation = {"data": "methylation.csv"}
        if quick:
            config = {"cells": [methylation], "splits": ["new cell"], "candidates": ["low rank"], "halves": 10}
            result["methylation"] = figures(run(folder, config))
        else:
            cells = [methylation, {"data": "tissue.csv"}]
            result["methylation"] = figures(run(folder, {"cells": [methylation], "splits": ["new cell"]}))
            result["methylation_and_tissue"] = figures(
                run(folder, {"cells": cells, "drugs": [{"data": "pathways.csv"}]})
            )
    for title, found in result.items():
        show(title, found)
    used = resource.getrusage(resource.RUSAGE_SELF)
    result["cpu_s"] = round(used.ru_utime + used.ru_stime)
    print(f"CPU: {result['cpu_s']} s")
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    reached = result["methylation"]["new cell"]["pipeline"]["per_drug_pearson"][0]
    if reached < FLOOR:
        print(f"under its floor: correlation within drugs {reached} < {FLOOR}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
