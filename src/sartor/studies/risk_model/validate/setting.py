"""What every step of the validation needs: outcome, folds, how many resamples, where one would act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.domain.validation import INTERNAL, TEMPORAL, Check, Curve, Measure
from sartor.learning.metrics.survival import cumulative_incidence
from sartor.learning.performance import Plan
from sartor.learning.population_groups import PopulationGroup, population_groups
from sartor.learning.stages import Candidate, Fitted, Prepared
from sartor.learning.task import EVENT

ROW_RESAMPLES = 60_000_000
"""Rows × repeats × resamples that the pipeline's intervals may cost."""
MOST_RESAMPLES, LEAST_RESAMPLES = 1000, 100
SURVIVAL_ROW_RESAMPLES = 1_500_000


@dataclass(frozen=True, slots=True)
class Found:
    """What one step adds."""

    measures: tuple[Measure, ...] = ()
    curves: tuple[Curve, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One fitted study with the plan of its validation."""

    prepared: Prepared
    fitted: Fitted
    groups: tuple[PopulationGroup, ...]
    thresholds: tuple[float, ...]
    horizons: tuple[float, ...]
    resamples: int
    resamples_by_group: int
    where: str
    n_events: int | None

    def plan(self, **changes: Any) -> Plan:
        """How to measure out-of-fold predictions; `changes` replace single settings."""
        settled: dict[str, Any] = {
            "folds": self.fitted.folds,
            "groups": self.prepared.groups,
            "resamples": self.resamples,
            "seed": self.prepared.seed,
            "thresholds": self.thresholds,
            "horizons": self.horizons,
            "where": self.where,
        }
        return Plan(**(settled | changes))

    def summary(self, candidate: Candidate) -> dict[str, Any]:
        """One line of the table of candidates: its score over the outer folds.

        What it took stands in the report and the table of candidates: no clock enters the validation, whose bytes
        are the same for the same seed.
        """
        known = candidate.scores[np.isfinite(candidate.scores)]
        return {
            "name": candidate.name,
            "complexity": candidate.complexity,
            "status": candidate.status,
            "reason": candidate.reason,
            "score": float(known.mean()) if len(known) else None,
            "spread": float(known.std(ddof=1)) if len(known) > 1 else None,
        }


def setting_of(prepared: Prepared, fitted: Fitted) -> Setting:
    """The plan: resamples by the size of the cohort, groups from the configuration, thresholds from the outcome.

    A time budget that is nearly spent means fewer resamples (`fitted.facts["resamples"]`).
    """
    target, config = prepared.target, prepared.config
    cost = max(len(target) * len(fitted.folds), 1)
    allowed = SURVIVAL_ROW_RESAMPLES if target.task is Task.SURVIVAL else ROW_RESAMPLES
    usual = np.clip(allowed // cost, LEAST_RESAMPLES, MOST_RESAMPLES)
    resamples = int(config.get("resamples") or fitted.facts.get("resamples") or usual)
    columns = [name for name in config.get("subgroups") or () if name in prepared.people]
    people = prepared.people.select(columns)
    groups = population_groups(people, bands=config.get("bands"), intersections=True) if columns else ()
    horizons = _horizons(prepared, fitted)
    return Setting(
        prepared=prepared,
        fitted=fitted,
        groups=groups,
        thresholds=_thresholds(prepared, horizons),
        horizons=horizons,
        resamples=resamples,
        resamples_by_group=min(resamples, 200),
        where=TEMPORAL if config.get("scheme") == "temporal" else INTERNAL,
        n_events=_events(prepared),
    )


def _thresholds(prepared: Prepared, horizons: tuple[float, ...]) -> tuple[float, ...]:
    """Stated, or else the outcome's share to two figures: where treating everyone and no one are worth the same.

    Survival: the share with the event by the first horizon.
    """
    target = prepared.target
    over_time = target.task is Task.SURVIVAL and bool(horizons)
    if not target.is_binary and not over_time:
        return ()
    if stated := prepared.config.get("thresholds"):
        return tuple(float(each) for each in stated)
    share = float((target.values == 1).mean())
    if over_time:
        share = float(cumulative_incidence(target).at([horizons[0]])[0])
    return (float(f"{min(max(share, 0.01), 0.99):.2g}"),)


def _horizons(prepared: Prepared, fitted: Fitted) -> tuple[float, ...]:
    """Stated, or else the median time of those with the event."""
    target = prepared.target
    if target.task is not Task.SURVIVAL or fitted.pipeline.times is None:
        return ()
    if stated := prepared.config.get("horizons"):
        return tuple(float(each) for each in stated)
    if known := getattr(fitted.model, "horizons", ()):
        return tuple(float(each) for each in known)
    assert target.events is not None
    return (float(f"{np.median(target.values[target.events == EVENT]):.2g}"),)


def _events(prepared: Prepared) -> int | None:
    target = prepared.target
    if target.task is Task.SURVIVAL:
        assert target.events is not None
        return int((target.events == EVENT).sum())
    return int((target.values == 1).sum()) if target.is_binary else None
