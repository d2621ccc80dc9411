"""What validation and publication will take on this machine, measured before a time budget is divided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sartor.domain.model import Task
from sartor.learning.performance import performance
from sartor.learning.stages import Fitted, OutOfFold, Prepared
from sartor.studies.risk_model.validate.setting import LEAST_RESAMPLES, setting_of

FEW, MORE = 4, 16
"""Resamples of the two trial runs whose difference is the price of one."""
PIPELINE = 2.0
"""The pipeline's measures and curves in full cost so many times the brief ones of a candidate."""
PAGES_S = 6.0
"""Final fits, novelty, coverage, pages and files on a machine of `REFERENCE_S`; slower machines take longer."""
REFERENCE_S = 0.0015
"""Seconds of one resample of 1,000 rows of two classes there."""

SURVIVAL_SHARE, SURVIVAL_S = 0.15, 20.0
"""Survival's resamples are bounded by rows, so a fixed allowance serves."""


def expected_s(prepared: Prepared, candidates: int, clock: Callable[[], float]) -> float:
    """Seconds, from the price of a resample of predictions that are noise."""
    if prepared.target.task is Task.SURVIVAL:
        return max(SURVIVAL_SHARE * (prepared.budget_s or 0.0), SURVIVAL_S)
    repeats = 1 if len(prepared.target) >= 20_000 else int(prepared.config.get("repeats", 3))
    setting = setting_of(prepared, _empty(prepared, repeats))
    each = max(_price(prepared, clock), 1e-5) * repeats
    fewer = max(setting.resamples // 4, min(LEAST_RESAMPLES, setting.resamples))
    members = sum(group.members(prepared.people).sum() for group in setting.groups) / max(len(prepared.target), 1)
    resamples = PIPELINE * setting.resamples + fewer * (candidates + 1) + setting.resamples_by_group * members
    slower = max(each / repeats / (REFERENCE_S * max(len(prepared.target) / 1000, 0.3)), 1.0)
    return float(each * resamples + PAGES_S * min(slower, 5.0) + len(prepared.target) * 1e-4)


def _price(prepared: Prepared, clock: Callable[[], float]) -> float:
    """Seconds of one resample of one repeat."""
    target = prepared.target
    noise = np.random.default_rng(prepared.seed).normal(size=(1, len(target)))
    if target.task is Task.CLASSIFICATION:
        shape = (1, len(target)) if target.is_binary else (1, len(target), len(target.classes))
        noise = np.random.default_rng(prepared.seed).uniform(0.05, 0.95, size=shape)
        noise = noise if target.is_binary else noise / noise.sum(axis=2, keepdims=True)
    setting = setting_of(prepared, _empty(prepared, 1))
    took = []
    for resamples in (FEW, FEW, MORE):
        begun = clock()
        performance(target, OutOfFold(noise), setting.plan(resamples=resamples, brief=True))
        took.append(clock() - begun)
    return float((took[2] - took[1]) / (MORE - FEW))


def _empty(prepared: Prepared, repeats: int) -> Fitted:
    nothing = OutOfFold(np.empty((repeats, 0)))
    folds = np.zeros((repeats, len(prepared.target)), np.int64)
    return Fitted((), folds, nothing, (), "", "", None)
