"""Makes the example's data: 160 invented patients of three tumour classes, with expression, proteins and methylation.

python examples/multiomics/make_data.py [FOLDER]     (this folder by default)

Nothing here was measured: a few columns of each view lean towards one class, the rest is noise. A quarter of the
patients lack proteins and a fifth lack methylation, as in real cohorts. Gene names are real for the tests of gene sets.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

PATIENTS = 160
CLASSES = ("basal", "her2", "luminal")
LEANING = {
    "basal": ("KRT5", "KRT14", "KRT17", "EGFR", "FOXC1", "CDH3"),
    "her2": ("ERBB2", "GRB7", "STARD3", "FGFR4", "TMEM45B", "PGAP3"),
    "luminal": ("ESR1", "PGR", "FOXA1", "GATA3", "XBP1", "BCL2"),
}
OTHERS = [
    "ACTB",
    "GAPDH",
    "TUBB",
    "RPLP0",
    "MTOR",
    "AKT1",
    "PTEN",
    "PIK3CA",
    "TP53",
    "MYC",
    "CCND1",
    "CDK4",
    "RB1",
    "MAPK1",
    "MAPK3",
    "KRAS",
    "NRAS",
    "BRAF",
    "RAF1",
    "MAP2K1",
    "MAP2K2",
    "SOS1",
    "GRB2",
    "SHC1",
    "STAT3",
    "JAK1",
    "JAK2",
    "IL6",
    "TNF",
    "NFKB1",
    "RELA",
    "CASP3",
    "CASP8",
    "BAX",
    "BAK1",
    "CYCS",
    "APAF1",
    "ATM",
    "ATR",
    "CHEK1",
    "CHEK2",
    "BRCA1",
    "BRCA2",
    "PALB2",
    "RAD51",
    "MLH1",
    "MSH2",
    "MSH6",
    "PMS2",
    "CDKN1A",
    "CDKN2A",
    "MDM2",
    "E2F1",
    "CCNE1",
]


def table(name: str, genes: list[str], outcome: np.ndarray, lacking: float, seed: int) -> list[list[str]]:
    """Heading and one row per patient who has the view, in no particular order."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(PATIENTS, len(genes)))
    for number, label in enumerate(CLASSES):
        leaning = [k for k, gene in enumerate(genes) if gene in LEANING[label][: 6 if name == "expression" else 3]]
        values[np.ix_(outcome == number, leaning)] += 0.8 if name != "methylation" else -0.8
    kept = [row for row in generator.permutation(PATIENTS) if generator.random() >= lacking]
    rows = [[f"E{row:03d}", *(f"{value:.3f}" for value in values[row])] for row in kept]
    return [["patient", *genes], *rows]


def main(folder: Path) -> None:
    """Write patients.csv, expression.csv, proteins.csv and methylation.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(2026)
    outcome = generator.choice(3, size=PATIENTS, p=(0.3, 0.25, 0.45))
    leaning = [gene for genes in LEANING.values() for gene in genes]
    views = {
        "expression": table("expression", [*leaning, *OTHERS], outcome, 0.0, 1),
        "proteins": table("proteins", [*leaning[::2], *OTHERS[:20]], outcome, 0.25, 2),
        "methylation": table("methylation", [*leaning, *OTHERS[::2]], outcome, 0.2, 3),
    }
    views["patients"] = [["patient", "subtype"], *([f"E{k:03d}", CLASSES[c]] for k, c in enumerate(outcome))]
    for name, rows in views.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
