"""Makes the example's data: 90 invented cell lines against 24 invented drugs, with features of both.

python examples/drug_response/make_data.py [FOLDER]     (this folder by default)

Nothing here was measured. Drugs of one mechanism answer to the same invented gene; a tenth of the pairs is missing.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

CELLS, DRUGS, GENES = 90, 24, 40
MECHANISMS = ("kinase", "DNA damage", "hormone", "microtubule")


def main(folder: Path) -> None:
    """Write responses.csv, expression.csv and mechanisms.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(2026)
    genes = generator.normal(size=(CELLS, GENES))
    mechanism = np.arange(DRUGS) % len(MECHANISMS)
    strength, sensitivity = generator.normal(scale=2.0, size=DRUGS), generator.normal(scale=0.5, size=CELLS)
    signal = -genes[:, mechanism] * generator.uniform(0.5, 1.0, size=DRUGS)
    values = strength + sensitivity[:, None] + signal + generator.normal(scale=0.8, size=(CELLS, DRUGS))
    cells, drugs = [f"CELL{k:02d}" for k in range(CELLS)], [f"DRUG{k:02d}" for k in range(DRUGS)]
    measured = generator.random((CELLS, DRUGS)) < 0.9
    responses = [[cells[i], drugs[j], f"{values[i, j]:.3f}"] for i, j in np.argwhere(measured)]
    tables = {
        "responses": [["cell", "drug", "ln_ic50"], *responses],
        "expression": [["cell", *(f"GENE{k}" for k in range(GENES))],
                       *([cell, *(f"{value:.3f}" for value in row)] for cell, row in zip(cells, genes, strict=True))],
        "mechanisms": [["drug", "mechanism"], *([drug, MECHANISMS[k % 4]] for k, drug in enumerate(drugs))],
    }  # fmt: skip
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
