"""How well it works, for whom, how sure it is and where it stops: each measure with interval, all candidates shown.

The order: all candidates and the pipeline out of fold, other sites, coverage of the uncertainty, groups of people,
what is compared with it (a clinician, an added genotype), and checks. How many resamples an interval rests on depends
on the size of the cohort alone, so that the same seed gives the same bytes; the facts say how many.
"""

from __future__ import annotations

from typing import Any

from sartor.domain.study import Surroundings
from sartor.domain.validation import Check, Curve, Measure, Validation
from sartor.learning.stages import Fitted, Prepared
from sartor.studies.risk_model.validate.candidates import of_candidates
from sartor.studies.risk_model.validate.checks import checks_of
from sartor.studies.risk_model.validate.comparisons import of_clinician, of_genotype
from sartor.studies.risk_model.validate.people import of_people
from sartor.studies.risk_model.validate.setting import Setting, setting_of
from sartor.studies.risk_model.validate.sites import of_sites
from sartor.studies.risk_model.validate.uncertainty import of_uncertainty

STUDY = "risk_model"


def validate(prepared: Prepared, fitted: Fitted, around: Surroundings) -> Validation:
    """Measures, curves and checks of every candidate and of the pipeline."""
    setting = setting_of(prepared, fitted)
    measures: list[Measure] = []
    curves: list[Curve] = []
    checks: list[Check] = list(prepared.checks)
    steps = (
        ("measuring every candidate", of_candidates),
        ("predicting other sites", of_sites),
        ("checking coverage", of_uncertainty),
        ("auditing groups", of_people),
        ("comparing with the clinician", of_clinician),
        ("valuing the genotype", of_genotype),
        ("checking the model", checks_of),
    )
    for said, step in steps:
        around.progress(said)
        found = step(setting)
        measures += found.measures
        curves += found.curves
        checks += found.checks
    return Validation(
        study=STUDY, measures=tuple(measures), curves=tuple(curves), checks=tuple(checks), facts=_facts(setting)
    )


def _facts(setting: Setting) -> dict[str, Any]:
    """What the numbers rest on, and every candidate in one table."""
    prepared, fitted = setting.prepared, setting.fitted
    return {
        "n": len(prepared.target),
        "n_events": setting.n_events,
        "headline": fitted.metric,
        "chosen": fitted.chosen,
        "chosen_in_fold": list(fitted.chosen_in_fold),
        "simplest": fitted.simplest,
        "scheme": str(prepared.config.get("scheme", "")),
        "folds": int(fitted.folds.max()) + 1,
        "repeats": len(fitted.folds),
        "resamples": setting.resamples,
        "resamples_by_group": setting.resamples_by_group,
        "thresholds": list(setting.thresholds),
        "horizons": list(setting.horizons),
        "seed": prepared.seed,
        "selection": fitted.facts.get("selection"),
        "candidates": [setting.summary(each) for each in fitted.candidates],
        "choices": [
            {"chosen": c.chosen, "over": c.over, "gain": c.gain, "low": c.low, "high": c.high, "accepted": c.accepted,
             "fold": c.fold}
            for c in fitted.choices
        ],
    }  # fmt: skip
