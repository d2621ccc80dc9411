"""Makes a synthetic cohort of patients treated with a checkpoint inhibitor; the same seed gives the same file.

Nobody in it exists. The shapes of the variables are plausible; the effects are invented so that several weak markers
together say more than one of them alone. Run: python make_cohort.py [--rows N] [--seed S] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

HEADINGS = (
    "patient", "age", "sex", "cancer", "line_of_therapy", "ecog", "tmb", "pd_l1", "msi_high", "ldh_ratio", "nlr",
    "albumin", "liver_metastases", "published_rule", "response", "months", "died",
)  # fmt: skip
CANCERS = ("lung", "melanoma", "kidney", "bladder", "colorectal", "other")
TMB_HIGH, PD_L1_HIGH = 10.0, 50.0


def cohort(rows: int, seed: int) -> list[tuple[str, ...]]:
    """The rows as text, in the order of HEADINGS; a blank cell is a missing value."""
    g = np.random.default_rng(seed)
    cancer = g.choice(len(CANCERS), rows, p=[0.38, 0.2, 0.12, 0.1, 0.08, 0.12])
    age = np.clip(g.normal(63, 11, rows), 22, 90)
    male = g.random(rows) < 0.58
    line = 1 + g.binomial(2, 0.35, rows)
    ecog = g.choice(3, rows, p=[0.35, 0.5, 0.15])
    msi = g.random(rows) < np.where(cancer == 4, 0.25, 0.02)
    burden = np.exp(g.normal(1.6, 0.85, rows) + 0.5 * (cancer == 1) + 1.4 * msi)
    stained = np.where(g.random(rows) < 0.35, 0.0, 100 * g.beta(0.6, 1.1, rows))
    ldh = np.exp(g.normal(-0.05 + 0.12 * ecog, 0.35, rows))
    nlr = np.exp(g.normal(1.25 + 0.15 * ecog + 0.25 * np.log(ldh), 0.5, rows))
    albumin = np.clip(g.normal(39 - 1.5 * ecog, 4, rows), 20, 52)
    liver = g.random(rows) < 0.22
    rule = (burden >= TMB_HIGH) | (stained >= PD_L1_HIGH)
    margin = (
        -1.35 + 0.55 * (np.log(burden) - 1.6) + 0.011 * (stained - 25) + 1.3 * msi - 0.6 * (np.log(nlr) - 1.4)
        - 0.7 * np.log(ldh) + 0.05 * (albumin - 38) - 0.45 * liver - 0.3 * (line - 1) + 0.5 * (cancer == 1)
    )  # fmt: skip
    response = g.random(rows) < 1 / (1 + np.exp(-margin))
    hazard = 0.055 * np.exp(
        -0.9 * response + 0.45 * ecog + 0.5 * np.log(ldh) + 0.35 * (np.log(nlr) - 1.4) - 0.03 * (albumin - 38)
        + 0.3 * liver + 0.008 * (age - 63)
    )  # fmt: skip
    death, end = g.exponential(1 / hazard), g.uniform(4, 48, rows)
    unknown = {"tmb": g.random(rows) < 0.12, "pd_l1": g.random(rows) < 0.18, "ldh_ratio": g.random(rows) < 0.05}
    found = []
    for i in range(rows):
        cells = {
            "patient": f"io{i + 1:05d}", "age": f"{age[i]:.0f}", "sex": "male" if male[i] else "female",
            "cancer": CANCERS[cancer[i]], "line_of_therapy": str(line[i]), "ecog": str(ecog[i]),
            "tmb": f"{burden[i]:.1f}", "pd_l1": f"{stained[i]:.0f}", "msi_high": "yes" if msi[i] else "no",
            "ldh_ratio": f"{ldh[i]:.2f}", "nlr": f"{nlr[i]:.1f}", "albumin": f"{albumin[i]:.0f}",
            "liver_metastases": "yes" if liver[i] else "no", "published_rule": str(int(rule[i])),
            "response": str(int(response[i])), "months": f"{max(min(death[i], end[i]), 0.1):.1f}",
            "died": str(int(death[i] <= end[i])),
        }  # fmt: skip
        cells |= {name: "" for name, gone in unknown.items() if gone[i]}
        found.append(tuple(cells[name] for name in HEADINGS))
    return found


def write(rows: list[tuple[str, ...]], path: Path) -> None:
    """A CSV file with headings."""
    lines = [",".join(HEADINGS), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "cohort.csv")
    given = parser.parse_args()
    write(cohort(given.rows, given.seed), given.out)
