"""Groups → how well they hold, and what became of them."""

from __future__ import annotations

import numpy as np

from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check, Curve, Measure, Validation
from sartor.learning.clustering import DOUBTFUL, STABLE, differ, outcomes
from sartor.learning.clustering.number import ALPHA
from sartor.learning.task import EVENT
from sartor.studies.subgroups.card import NAME
from sartor.studies.subgroups.fit import FittedSubgroups, with_outcome
from sartor.studies.subgroups.prepare import PreparedSubgroups

MOST_STEPS = 400


def group_name(group: int) -> str:
    """Groups are counted from 1, the largest first."""
    return f"group={group + 1}"


def validate(prepared: PreparedSubgroups, fitted: FittedSubgroups, around: Surroundings) -> Validation:
    """The test of one population, measures per number of groups, stability per group, outcomes per group."""
    number = fitted.number
    n = len(fitted.labels)
    measures = [Measure(name="p_one_population", value=number.p_one_population, n=n)]
    for of in number.each:
        for name in ("gap", "silhouette", "prediction_strength", "bic", "agreement"):
            value = float(getattr(of, name))
            error = of.gap_error if name == "gap" else None
            measures.append(
                Measure(
                    name=name,
                    candidate=f"k={of.k}",
                    value=value if np.isfinite(value) else None,
                    n=n,
                    low=None if error is None else value - 1.96 * error,
                    high=None if error is None else value + 1.96 * error,
                )
            )
    checks = list(prepared.checks)
    curves: list[Curve] = []
    if fitted.stability is not None:
        measures += _stability(fitted)
        checks += _stability_checks(fitted)
        outcome_measures, curves = _outcomes(prepared, fitted)
        measures += outcome_measures
    checks.append(
        Check(
            name="more_than_one_population",
            passed=number.p_one_population < ALPHA,
            detail=f"p = {number.p_one_population:.3f} against one population without groups",
            values={"p": number.p_one_population},
        )
    )
    return Validation(
        study=NAME,
        measures=tuple(measures),
        curves=tuple(curves),
        checks=tuple(checks),
        facts={"k": fitted.k, "reason": "fixed" if fitted.fixed else number.reason, "n": n},
    )


def _stability(fitted: FittedSubgroups) -> list[Measure]:
    held = fitted.stability
    assert held is not None
    n = len(fitted.labels)
    found = [
        Measure(
            name="jaccard",
            group=group_name(group),
            value=float(held.jaccard[group]),
            low=float(held.low[group]),
            high=float(held.high[group]),
            n=int((fitted.labels == group).sum()),
            note=f"middle 95 % of {held.resamples} resamples",
        )
        for group in range(fitted.k)
    ]
    found.append(Measure(name="resampled_agreement", value=held.agreement, n=n))
    found += [
        Measure(name="agreement_without_choice", candidate=f"{each.choice}={each.subject}", value=each.agreement, n=n)
        for each in fitted.sensitivity
    ]
    if fitted.rules is not None and np.isfinite(fitted.rules.agreement):
        found.append(Measure(name="rules_agreement", value=fitted.rules.agreement, n=n))
    return found


def _stability_checks(fitted: FittedSubgroups) -> list[Check]:
    held = fitted.stability
    assert held is not None
    return [
        Check(
            name="group_comes_back",
            passed=float(jaccard) >= STABLE,
            severity="warning" if jaccard >= DOUBTFUL else "stop",
            subject=group_name(group),
            detail=f"mean Jaccard {jaccard:.2f} over {held.resamples} resamples (stable from {STABLE:g})",
            values={"jaccard": float(jaccard)},
        )
        for group, jaccard in enumerate(held.jaccard)
    ]


def horizon(prepared: PreparedSubgroups) -> float | None:
    """The time at which survival is stated: configured, else the median time under observation."""
    target = prepared.target
    if target is None or target.task is not Task.SURVIVAL:
        return None
    if "horizon" in prepared.config:
        return float(prepared.config["horizon"])
    return float(np.median(target.values))


def _outcomes(prepared: PreparedSubgroups, fitted: FittedSubgroups) -> tuple[list[Measure], list[Curve]]:
    target = prepared.target
    if target is None:
        return [], []
    labels = with_outcome(prepared, fitted.labels)
    at = horizon(prepared)
    name = {Task.SURVIVAL: "survival", Task.CLASSIFICATION: "event_rate", Task.REGRESSION: "mean_outcome"}[target.task]
    measures, curves = [], []
    for each in outcomes(target, labels, fitted.k, horizon=at):
        group = group_name(each.group)
        measures.append(
            Measure(
                name=name,
                group=group,
                at=at,
                value=each.value,
                low=each.value_low,
                high=each.value_high,
                n=each.n,
                n_events=each.events,
            )
        )
        if len(each.times):
            step = max(len(each.times) // MOST_STEPS, 1)
            x, y, low, high = (
                tuple(float(v) for v in values[::step]) for values in (each.times, each.survival, each.low, each.high)
            )
            curves.append(
                Curve(
                    name="survival",
                    candidate=group,
                    group=group,
                    x=(0.0, *x),
                    y=(1.0, *y),
                    low=(1.0, *low),
                    high=(1.0, *high),
                )
            )
    if len(np.unique(labels)) > 1:
        test, p = differ(target, labels)
        happened = None if target.events is None else int((target.events == EVENT).sum())
        measures.append(Measure(name=f"p_{test}", value=p, n=len(target), n_events=happened))
    return measures, curves
