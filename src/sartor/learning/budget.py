"""Divides a time budget: measures what each learner costs on few rows, and leaves out what cannot be afforded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sartor.errors import StudyError
from sartor.learning.learner import Learner
from sartor.learning.search import HOLD_OUT_FROM, INNER, encoder_for, fit_learner
from sartor.learning.splits import outer_folds
from sartor.learning.stages import Prepared

SMALL, LARGE = 1_500, 6_000
LEAST_INNER = 3
WARM_UP = 300
DEFAULTS_SHARE = 0.85
"""Of the time: what the defaults of all kept learners may take; the search gets the rest."""
CONTENTION = 1.2
"""Threads on shared memory are slower than one alone."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is affordable.

    ends:    by the clock, when the last fit must be done; None without a budget.
    inner:   folds within the training rows that all kept learners can afford.
    skipped: learners left out, with the reason. refit_s: what fitting all kept learners once takes.
    """

    budget_s: float | None
    ends: float | None
    repeats: int
    inner: int = INNER
    skipped: Mapping[str, str] = field(default_factory=dict)
    refit_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Design:
    """How often a learner is fitted: outer parts, each with inner fits (in fits of an outer part) and one refit."""

    folds: int
    repeats: int
    inner: int
    held_out: bool
    workers: int

    @property
    def fits(self) -> float:
        """Fits of one outer part's size for one training part: inner ones have fewer rows."""
        return 1.75 if self.held_out else self.inner

    def needed(self, learners: Sequence[Learner], costs: Mapping[str, float]) -> float:
        """Seconds of wall time until every learner's defaults stand, the choice on all rows and the last fit included.

        Networks are fitted one at a time, whatever the workers.
        """
        rounds = -(-self.folds * self.repeats // self.workers)
        total = 0.0
        for learner in learners:
            times = self.folds * self.repeats if learner.complexity >= 5 else rounds
            total += costs[learner.name] * self.fits * (times + self.folds / (self.folds - 1))
        return CONTENTION * total


def affordable(
    prepared: Prepared,
    learners: Sequence[Learner],
    *,
    folds: int,
    repeats: int,
    clock: Callable[[], float],
    budget_s: float | None,
    reserve_s: float,
    workers: int,
) -> Budget:
    """How many repeats and inner folds, and which learners: repeats go first, then inner folds, then the dearest.

    Only time is measured, after a first fit that loads the libraries, so nothing is learned about who does well.
    Without a budget only a learner's own limit of rows counts.
    """
    n = len(prepared.target)
    skipped = {
        learner.name: f"for at most {getattr(learner, 'most_rows', n)} rows, here are {n}"
        for learner in learners
        if n > getattr(learner, "most_rows", n)
    }
    if budget_s is None:
        return Budget(None, None, repeats, skipped=skipped)
    ends = budget_s - reserve_s
    kept = [one for one in learners if one.name not in skipped]
    costs = {one.name: _cost(prepared, one, clock) for one in kept}
    held_out = n * (folds - 1) / folds >= HOLD_OUT_FROM
    allowed = DEFAULTS_SHARE * (ends - clock())
    design = _Design(folds, 1 if held_out else repeats, INNER, held_out, workers)
    while design.repeats > 1 and design.needed(kept, costs) > allowed:
        design = replace(design, repeats=design.repeats - 1)
    if not held_out and design.needed(kept, costs) > allowed:
        design = replace(design, inner=LEAST_INNER)
    simplest = min(kept, key=lambda one: one.complexity, default=None)
    while len(kept) > 1 and design.needed(kept, costs) > allowed:
        dearest = max((one for one in kept if one is not simplest), key=lambda one: costs[one.name])
        alone = design.needed([dearest], costs)
        kept = [one for one in kept if one is not dearest]
        skipped[dearest.name] = (
            f"cross-validating it would take about {_seconds(alone)} of the {_seconds(max(allowed, 0.0))} "
            f"that {budget_s:g} s in all leave for every learner's defaults"
        )
    refit = CONTENTION * sum(costs[one.name] for one in kept)
    return Budget(budget_s, ends, design.repeats, design.inner, skipped, refit)


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def _cost(prepared: Prepared, learner: Learner, clock: Callable[[], float]) -> float:
    """Seconds of one fit on an outer training part, from fits on two samples of rows after one that is not timed."""
    n = len(prepared.target)
    whole = int(n * 0.8)
    _timed(prepared, learner, min(WARM_UP, whole), clock)
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
