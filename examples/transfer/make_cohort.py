"""Makes two synthetic hospitals, a large one and a small one that differs a little; the same seed gives the same files.

Nobody in them exists. Run: python make_cohort.py [--source N] [--target N] [--seed S] [--out DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

HEADINGS = ("patient", "age", "sex", "systolic", "cholesterol", "glucose", "smoker", "years", "event", "readmitted")
AT_SOURCE = np.array([0.6, 0.3, 0.5, 0.35, 0.45, 0.5])
AT_TARGET = np.array([0.7, 0.1, 0.2, 0.35, 0.8, 0.5])


def hospital(rows: int, seed: int, *, large: bool) -> list[tuple[str, ...]]:
    """Rows as text in the order of HEADINGS. The small hospital's patients are older; glucose matters more there."""
    g = np.random.default_rng([seed, int(large)])
    effects = AT_SOURCE if large else AT_TARGET
    age = g.normal(60 if large else 66, 10, rows)
    male, smoker = g.random(rows) < 0.55, g.random(rows) < 0.3
    systolic, cholesterol = g.normal(136, 17, rows), g.normal(205, 38, rows)
    glucose = np.exp(g.normal(4.65, 0.25, rows))
    inputs = np.column_stack(
        [(age - 62) / 10, male - 0.5, (systolic - 136) / 17, (cholesterol - 205) / 38, (np.log(glucose) - 4.65) / 0.25,
         smoker - 0.3]
    )  # fmt: skip
    margin = inputs @ effects - (0.4 if large else 0.9)
    readmitted = g.random(rows) < 1 / (1 + np.exp(-margin))
    death, end = g.exponential(12 * np.exp(-0.8 * inputs @ effects)), g.uniform(2, 10, rows)
    unknown = g.random(rows) < 0.06
    return [
        (
            f"{'s' if large else 't'}{i + 1:04d}", f"{age[i]:.0f}", "male" if male[i] else "female",
            f"{systolic[i]:.0f}", "" if unknown[i] else f"{cholesterol[i]:.0f}", f"{glucose[i]:.0f}",
            "yes" if smoker[i] else "no", f"{max(min(death[i], end[i]), 0.02):.2f}", str(int(death[i] <= end[i])),
            "yes" if readmitted[i] else "no",
        )
        for i in range(rows)
    ]  # fmt: skip


def write(rows: list[tuple[str, ...]], path: Path) -> None:
    """A CSV file with headings."""
    lines = [",".join(HEADINGS), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=int, default=600)
    parser.add_argument("--target", type=int, default=150)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    given = parser.parse_args()
    write(hospital(given.source, given.seed, large=True), given.out / "source.csv")
    write(hospital(given.target, given.seed, large=False), given.out / "target.csv")
