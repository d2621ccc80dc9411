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
"""The pipeline's measures and curves in full cost so many times the brief ones of a candidate; a group's, too."""
FIXED_S, ROW_S = 6e-4, 4e-8
"""Seconds of one resample, and of each of its rows, on the machine on which `PAGES_S` was measured."""
PAGES_S = 6.0
"""Last fits, novelty, coverage, pages and files there; slower and busier machines take longer, at most `SLOWEST`."""
SLOWEST = 8.0
SURVIVAL_SHARE, SURVIVAL_S = 0.15, 20.0
"""Survival's resamples are bounded by rows, so a fixed allowance serves."""


def expected_s(prepared: Prepared, candidates: int, clock: Callable[[], float], *, repeats: int | None = None) -> float:
    """Seconds, from the price of a resample of predictions that are noise."""
    if prepared.target.task is Task.SURVIVAL:
        return max(SURVIVAL_SHARE * (prepared.budget_s or 0.0), SURVIVAL_S)
    return sum(_parts(prepared, candidates, clock, repeats))


def affordable_resamples(prepared: Prepared, candidates: int, repeats: int, clock: Callable[[], float]) -> int | None:
    """How many resamples the time left allows, at least `LEAST_RESAMPLES`; None where the usual number fits."""
    if prepared.budget_s is None or prepared.target.task is Task.SURVIVAL:
        return None
    pages, resampling = _parts(prepared, candidates, clock, repeats)
    left = prepared.budget_s - clock() - pages
    if resampling <= left:
        return None
    usual = setting_of(prepared, _empty(prepared, repeats)).resamples
    return max(int(usual * max(left, 0.0) / resampling), min(LEAST_RESAMPLES, usual))


def _parts(prepared: Prepared, candidates: int, clock: Callable[[], float], repeats: int | None) -> tuple[float, float]:
    """Seconds of (pages and last fits, resampling)."""
    n = len(prepared.target)
    repeats = repeats or (1 if n >= 20_000 else int(prepared.config.get("repeats", 3)))
    setting = setting_of(prepared, _empty(prepared, repeats))
    slower = float(np.clip(_price(prepared, clock) / (FIXED_S + ROW_S * n), 0.5, SLOWEST))

    def taken(rows: float, resamples: int) -> float:
        return slower * repeats * resamples * (FIXED_S + ROW_S * rows)

    fewer = max(setting.resamples // 4, min(LEAST_RESAMPLES, setting.resamples))
    seconds = PIPELINE * taken(n, setting.resamples) + (candidates + 1) * taken(n, fewer)
    for group in setting.groups:
        seconds += PIPELINE * taken(float(group.members(prepared.people).sum()), setting.resamples_by_group)
    return slower * (PAGES_S + 1e-4 * n), seconds


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
