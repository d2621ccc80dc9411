"""Make the example cohort: invented hospital stays with readmission, and those of a second hospital, always the same.

Usage: python examples/risk_model/make_cohort.py [FOLDER]

Nobody real is in it. The risk follows an equation that is written here, so that what a study finds can be checked.
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
SEED = 20261121
STAYS, STAYS_ELSEWHERE = 1600, 500
COLUMNS = (
    "stay", "patient", "age", "sex", "payer", "emergency", "days_in_hospital", "earlier_stays", "creatinine",
    "haemoglobin", "sodium", "medicines", "diabetes", "lives_alone", "readmitted",
)  # fmt: skip


def risk(stay: dict[str, float | str]) -> float:
    """The invented probability of readmission within 30 days."""
    margin = (
        -2.6
        + 0.025 * (float(stay["age"]) - 65)
        + 0.45 * float(stay["earlier_stays"])
        + 0.5 * (stay["emergency"] == "yes")
        + 0.9 * max(0.0, float(stay["creatinine"]) - 1.1)
        + 0.3 * max(0.0, 12.0 - float(stay["haemoglobin"]))
        + 0.07 * (float(stay["days_in_hospital"]) - 5)
        + 0.5 * (stay["lives_alone"] == "yes")
    )
    return 1 / (1 + math.exp(-margin))


def stays(rows: int, random: Random, first: int, older: float = 0.0) -> list[dict[str, str]]:
    """Stays of people of whom some come more than once; some values were not measured."""
    made: list[dict[str, str]] = []
    while len(made) < rows:
        patient = first + len(made)
        age = min(97.0, max(19.0, random.gauss(66 + older, 14)))
        person = {
            "patient": f"P{patient:05d}",
            "sex": random.choice(("female", "male")),
            "payer": random.choices(("public", "private", "none"), (70, 22, 8))[0],
            "diabetes": "yes" if random.random() < 0.28 else "no",
            "lives_alone": "yes" if random.random() < 0.2 + 0.003 * max(0.0, age - 60) else "no",
        }
        earlier = min(7, int(random.expovariate(1.1)))
        for visit in range(1 + (random.random() < 0.18)):
            stay: dict[str, float | str] = {
                "stay": f"S{first + len(made):05d}",
                **person,
                "age": round(age),
                "emergency": "yes" if random.random() < 0.55 else "no",
                "days_in_hospital": 1 + min(30, int(random.expovariate(0.22))),
                "earlier_stays": earlier + visit,
                "creatinine": round(math.exp(random.gauss(0.05 + 0.004 * (age - 65), 0.32)), 2),
                "haemoglobin": round(random.gauss(12.9 if person["sex"] == "female" else 13.8, 1.7), 1),
                "sodium": round(random.gauss(139, 3.4)),
                "medicines": max(0, round(random.gauss(7 + 0.04 * (age - 65), 3))),
            }
            outcome = "yes" if random.random() < risk(stay) else "no"
            for name, share in (("creatinine", 0.06), ("haemoglobin", 0.04), ("sodium", 0.03)):
                if random.random() < share:
                    stay[name] = ""
            made.append({name: str(value) for name, value in (stay | {"readmitted": outcome}).items()})
    return made[:rows]


def main(folder: Path = HERE) -> None:
    """Write both tables."""
    folder.mkdir(parents=True, exist_ok=True)
    random = Random(SEED)
    tables = {
        "cohort.csv": stays(STAYS, random, 1),
        "second_hospital.csv": stays(STAYS_ELSEWHERE, random, 50_001, older=4.0),
    }
    for name, rows in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
