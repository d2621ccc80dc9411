"""Other hospitals and later patients: the final model on rows that it never saw, and how strange they are to it."""

from __future__ import annotations

import numpy as np

from sartor.domain.model import Task
from sartor.domain.validation import Check, Measure
from sartor.explaining.fairness import wilson
from sartor.learning.performance import performance
from sartor.learning.stages import OutOfFold, Site
from sartor.studies.risk_model.validate.setting import Found, Setting

MANY_ABSTAINED = 0.1


def of_sites(setting: Setting) -> Found:
    """Full measures at each site, and the share of its people for whom the model would not speak."""
    found = [_site(setting, site) for site in setting.prepared.sites]
    return Found(
        tuple(measure for each in found for measure in each.measures),
        tuple(curve for each in found for curve in each.curves),
        tuple(check for each in found for check in each.checks),
    )


def _site(setting: Setting, site: Site) -> Found:
    where = f"external:{site.name}"
    model = setting.fitted.model
    plan = setting.plan(folds=None, groups=None, where=where, train=setting.prepared.target)
    shown = performance(site.target, predicted_by(setting, site), plan)
    measures, checks = list(shown.measures), []
    p_value = None if model.novelty is None else model.novelty.p_value(model.matrix(site.cohort))
    if p_value is not None:
        for name, limit in (("unusual_share", model.unusual_below), ("abstained_share", model.abstain_below)):
            count = int((p_value < limit).sum())
            low, high = wilson(count, len(p_value))
            measures.append(
                Measure(
                    name=name, where=where, at=limit, value=count / len(p_value), low=low, high=high, n=len(p_value)
                )
            )
        share = float((p_value < model.abstain_below).mean())
        checks.append(
            Check(
                name="like_the_training_data", passed=share <= MANY_ABSTAINED, subject=site.name,
                detail=f"{share:.1%} of the rows at {site.name} are too unlike the training rows to be predicted",
                values={"share": share, "n": len(p_value)},
            )
        )  # fmt: skip
    return Found(tuple(measures), shown.curves, tuple(checks))


def predicted_by(setting: Setting, site: Site) -> OutOfFold:
    """What the final model says of the rows of a site, refusing nobody: a measure must not choose its patients."""
    model = setting.fitted.model
    values = np.asarray(model.values(site.cohort), dtype=float)
    if site.target.task is not Task.SURVIVAL:
        return OutOfFold(values[None])
    margin = np.log(np.maximum(values, 1e-300))
    times = setting.fitted.pipeline.times
    if times is None:
        return OutOfFold(margin[None])
    survival = np.asarray(model.fitted.survival(model.matrix(site.cohort), np.asarray(times, dtype=float)))
    return OutOfFold(margin[None], survival[None], np.asarray(times, dtype=float))
