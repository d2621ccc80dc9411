"""Divides a time budget: measures what each learner costs on few rows, and leaves out what cannot be afforded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sartor.errors import StudyError
from sartor.learning.learner import Learner
from sartor.learning.search import HOLD_OUT_FROM, encoder_for, fit_learner
from sartor.learning.splits import outer_folds
from sartor.learning.stages import Prepared

SMALL, LARGE = 1_500, 6_000
DEFAULTS_SHARE = 0.75
"""Of the time: what the defaults of all kept learners may take; the search gets the rest."""
CONTENTION = 1.15
"""Threads on shared memory are slower than one alone."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is affordable.

    ends:    by the clock, when the last fit must be done; None without a budget.
    skipped: learners left out, with the reason. refit_s: what fitting all kept learners once takes.
    """

    budget_s: float | None
    ends: float | None
    repeats: int
    skipped: Mapping[str, str] = field(default_factory=dict)
    refit_s: float = 0.0


def affordable(
    prepared: Prepared,
    learners: Sequence[Learner],
    *,
    folds: int,
    repeats: int,
    clock: Callable[[], float],
    budget_s: float | None,
    reserve: float,
    workers: int,
) -> Budget:
    """How many repeats, and which learners.

    Only time is measured, so nothing is learned about who does well. Without a budget only a learner's own limit of
    rows counts.
    """
    n = len(prepared.target)
    skipped = {
        learner.name: f"for at most {getattr(learner, 'most_rows', n)} rows, here are {n}"
        for learner in learners
        if n > getattr(learner, "most_rows", n)
    }
    if budget_s is None:
        return Budget(None, None, repeats, skipped)
    ends = budget_s * (1 - reserve)
    costs = {one.name: _cost(prepared, one, clock) for one in learners if one.name not in skipped}
    inner = 0.75 if n * (folds - 1) / folds >= HOLD_OUT_FROM else 4.0
    left = ends - clock()

    def needed(names: Sequence[str], times: int) -> float:
        parts = -(-folds * times // workers)
        outer = sum(costs[name] for name in names) * (1 + inner) * parts
        return CONTENTION * (outer + sum(costs[name] for name in names) * (inner + 1) * folds / (folds - 1))

    names = [one.name for one in learners if one.name in costs]
    allowed = DEFAULTS_SHARE * left
    times = repeats if n < HOLD_OUT_FROM else 1
    while times > 1 and needed(names, times) > allowed:
        times -= 1
    simplest = next(one.name for one in sorted(learners, key=lambda o: o.complexity) if one.name in costs)
    while len(names) > 1 and needed(names, times) > allowed:
        dearest = max((name for name in names if name != simplest), key=lambda name: costs[name])
        names.remove(dearest)
        skipped[dearest] = f"one fit would take about {costs[dearest]:.0f} s, too long for {budget_s:g} s in all"
    return Budget(budget_s, ends, times, skipped, CONTENTION * sum(costs[name] for name in names))


def _cost(prepared: Prepared, learner: Learner, clock: Callable[[], float]) -> float:
    """Seconds of one fit on an outer training part, from fits on two samples of rows."""
    n = len(prepared.target)
    whole = int(n * 0.8)
    first = _timed(prepared, learner, min(SMALL, whole), clock)
    if whole <= SMALL:
        return first
    middle = min(LARGE, whole)
    second = _timed(prepared, learner, middle, clock)
    growth = float(np.clip(np.log(max(second, 1e-4) / max(first, 1e-4)) / np.log(middle / SMALL), 0.5, 2.0))
    return float(second * (whole / middle) ** growth)


def _timed(prepared: Prepared, learner: Learner, rows: int, clock: Callable[[], float]) -> float:
    target = prepared.target
    pieces = max(len(target) // max(rows, 1), 1)
    some = np.arange(len(target))
    if pieces > 1:
        rows_alone = replace(target, groups=None)
        some = np.flatnonzero(outer_folds(rows_alone, folds=pieces, seed=prepared.seed)[0] == 0)
    begun = clock()
    try:
        part = prepared.cohort.take(some)
        encoder = encoder_for(learner, part, target.take(some))
        state = fit_learner(learner, encoder.apply(part), target.take(some), learner.defaults(target), prepared.seed)
        state.predict(encoder.apply(part))
    except (StudyError, ValueError, ArithmeticError):  # it will say why when it is fitted in earnest
        return clock() - begun
    return clock() - begun
