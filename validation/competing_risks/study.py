"""Competing risks against the truth of simulated cohorts, and against scikit-survival's cumulative incidence.

The cohorts follow Fine and Gray's own design (1999): log subdistribution hazard ratios 0.8 and −0.5, whose cumulative
incidence is known for every person. Needs no data. Run: python validation/competing_risks/study.py [--quick].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "samples"))

from survival_sample import fine_gray, subdistribution  # noqa: E402

from sartor.learning.metrics.survival import cumulative_incidence, harrell_c  # noqa: E402
from sartor.learning.survival import by_name  # noqa: E402
from sartor.learning.survival.penalised_cox import solve  # noqa: E402

BETA = np.array([0.8, -0.5])
TIMES = np.array([0.25, 0.5, 1.0, 2.0])
ROWS = 2_000
NAMES = ("fine_gray", "cox", "cox_splines", "boosted_cox", "discrete_time_network")
FLOORS = {"bias": 0.02, "coverage_of_truth": 0.03, "incidence": 1e-10}


def coefficients(cohorts: int) -> dict[str, Any]:
    """Mean and spread of Fine and Gray's coefficients without penalty over simulated cohorts."""
    learner = by_name("fine_gray")
    found = []
    for seed in range(cohorts):
        matrix, target = fine_gray(ROWS, seed=seed)
        sets = learner.risk_sets(target, None)  # type: ignore[attr-defined]
        found.append(solve(matrix.values[sets.order], sets, np.zeros(2))[0])
    beta = np.array(found)
    return {
        "true": BETA.tolist(),
        "mean": beta.mean(axis=0).round(4).tolist(),
        "standard_error_of_mean": (beta.std(axis=0, ddof=1) / np.sqrt(cohorts)).round(4).tolist(),
    }


def incidences() -> dict[str, dict[str, float]]:
    """Error of each learner's cumulative incidence for people it has not seen, against the truth."""
    matrix, target = fine_gray(ROWS, seed=1_001)
    people, outcome = fine_gray(ROWS, seed=1_002)
    truth = subdistribution(people.values, TIMES)
    found = {}
    for name in NAMES:
        learner = by_name(name)
        fitted = learner.fit(matrix, target, learner.defaults(target), seed=1)
        error = (1 - fitted.survival(people, TIMES)) - truth
        found[name] = {
            "root_mean_square_error": round(float(np.sqrt(np.mean(error**2))), 4),
            "mean_error": round(float(error.mean()), 4),
            "concordance": round(harrell_c(outcome, fitted.predict(people)), 4),
        }
    return found


def aalen_johansen() -> float:
    """Greatest distance to scikit-survival's cumulative incidence over ten cohorts with ties."""
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    worst = 0.0
    for seed in range(10):
        _, exact = fine_gray(500, seed=seed)
        rounded = type(exact)(exact.task, np.ceil(exact.values * 20) / 20, exact.events, exact.classes)
        times, theirs = cumulative_incidence_competing_risks(rounded.events.astype(int), rounded.values)
        worst = max(worst, float(np.abs(cumulative_incidence(rounded).at(times) - theirs[1]).max()))
    return worst


def main() -> int:
    """Exit 1 when a figure is over its limit."""
    quick = "--quick" in sys.argv
    result = {
        "n": ROWS,
        "cohorts": 20 if quick else 200,
        "coefficients": coefficients(20 if quick else 200),
        "incidence_for_new_people": incidences(),
        "aalen_johansen_distance": aalen_johansen(),
    }
    print(f"Fine and Gray: mean {result['coefficients']['mean']}, true {BETA.tolist()}")
    for name, figures in result["incidence_for_new_people"].items():
        print(f"   {name:24} RMSE {figures['root_mean_square_error']}, mean error {figures['mean_error']}, "
              f"C {figures['concordance']}")  # fmt: skip
    print(f"Aalen–Johansen: greatest distance to scikit-survival {result['aalen_johansen_distance']:.1e}")
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    bias = float(np.abs(np.array(result["coefficients"]["mean"]) - BETA).max())
    held = bias < FLOORS["bias"] and result["aalen_johansen_distance"] < FLOORS["incidence"]
    return 0 if held and result["incidence_for_new_people"]["fine_gray"]["root_mean_square_error"] < 0.03 else 1


if __name__ == "__main__":
    sys.exit(main())
