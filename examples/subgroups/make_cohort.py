"""Makes a synthetic cohort of three groups of patients with diabetes; the same seed gives the same file.

Nobody in it exists. Run: python make_cohort.py [--rows N] [--seed S] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

HEADINGS = ("patient", "age", "bmi", "hba1c", "systolic", "creatinine", "smoker", "sex", "years", "event")
MEANS = np.array([[55, 28, 52, 130, 80], [63, 35, 78, 149, 95], [71, 24, 56, 126, 150]], dtype=float)
SPREADS = np.array([8, 3, 6, 10, 12], dtype=float)
SMOKES, LASTS = np.array([0.2, 0.5, 0.2]), np.array([14.0, 7.0, 5.0])


def cohort(rows: int, seed: int) -> list[tuple[str, ...]]:
    """Rows as text in the order of HEADINGS; a blank cell is a missing value."""
    g = np.random.default_rng(seed)
    group = g.choice(3, rows, p=[0.5, 0.3, 0.2])
    values = MEANS[group] + g.normal(size=(rows, 5)) * SPREADS
    unknown = g.random((rows, 5)) < 0.03
    smoker, male = g.random(rows) < SMOKES[group], g.random(rows) < 0.5
    death, end = g.exponential(LASTS[group]), g.uniform(2, 9, rows)
    return [
        (
            f"d{i + 1:04d}", *("" if unknown[i, j] else f"{values[i, j]:.1f}" for j in range(5)),
            "yes" if smoker[i] else "no", "male" if male[i] else "female",
            f"{max(min(death[i], end[i]), 0.02):.2f}", str(int(death[i] <= end[i])),
        )
        for i in range(rows)
    ]  # fmt: skip


def write(rows: list[tuple[str, ...]], path: Path) -> None:
    """A CSV file with headings."""
    lines = [",".join(HEADINGS), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "cohort.csv")
    given = parser.parse_args()
    write(cohort(given.rows, given.seed), given.out)
