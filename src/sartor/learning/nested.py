"""Nested cross-validation: the whole procedure (search, choice, fit) inside each outer fold, every candidate kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning import metrics
from sartor.learning.budget import Budget, affordable
from sartor.learning.choice import fold_scores
from sartor.learning.learner import FloatArray, Learner
from sartor.learning.learners.stacking import NAME as STACK
from sartor.learning.recalibrating import recalibrated
from sartor.learning.search import OUT_OF_TIME, Clock, Ints, Plan, Refit, Selection, outcome_of, refit, select
from sartor.learning.splits import outer_folds
from sartor.learning.stages import Candidate, Choice, OutOfFold, Prepared, Reference
from sartor.learning.task import EVENT, Target

TIMES = 40
REFERENCE_ROWS = 500


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One outer fold: predictions of its test rows by candidate; `least_s` is what it took without the search."""

    selection: Selection
    predicted: Mapping[str, FloatArray]
    survival: Mapping[str, FloatArray]
    failures: Mapping[str, str]
    wall_s: Mapping[str, float]
    reference: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)
    least_s: float = 0.0

    def of_pipeline(self, name: str, target: Target) -> FloatArray:
        """What the procedure as a whole says: the chosen candidate's predictions, recalibrated where it decided so."""
        if name != self.selection.chosen:
            return self.predicted[name]
        return recalibrated(target, self.predicted[name], self.selection.recalibration)


@dataclass(frozen=True, slots=True)
class Nested:
    """Everything that the outer folds and the final choice on all rows found."""

    candidates: tuple[Candidate, ...]
    folds: Ints
    pipeline: OutOfFold
    choices: tuple[Choice, ...]
    chosen_in_fold: tuple[str, ...]
    final: Selection
    metric: str
    budget: Budget
    facts: Mapping[str, Any] = field(default_factory=dict)


def nested(
    prepared: Prepared,
    learners: Sequence[Learner],
    *,
    clock: Clock,
    budget_s: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
    workers: int = 1,
    reserve_s: float = 0.0,
    trials: int | None = None,
) -> Nested:
    """Run it. Repeats and learners that the time does not allow are left out, and said so.

    clock:    seconds since the study began; budget_s: wall time of the whole study, of which `reserve_s` are left over.
    trials:   per learner and training part; None: by the number of rows, or by the time where there is a budget.
    Raises TooFewData where no candidate can be fitted.
    """
    config = prepared.config
    scheme = str(config.get("scheme", "auto"))
    folds, repeats = int(config.get("folds", 5)), int(config.get("repeats", 3))
    budget = affordable(
        prepared, learners, folds=folds, repeats=repeats, clock=clock, budget_s=budget_s, reserve_s=reserve_s,
        workers=workers,
    )  # fmt: skip
    outer = outer_folds(
        prepared.target, groups=prepared.groups, dates=prepared.dates, scheme=scheme, folds=folds,
        repeats=budget.repeats, seed=prepared.seed,
    )  # fmt: skip
    kept = [learner for learner in learners if learner.name not in budget.skipped]
    wanted = _trials(trials, budget_s, len(prepared.target))
    plan = Plan(trials=wanted, inner=budget.inner, scheme=scheme, economical=trials is None and budget_s is None)
    engine = _Engine(prepared, kept, outer, plan, clock, budget, workers)
    results = engine.run(progress)
    progress("choosing on all rows")
    final = engine.final(results)
    return engine.collected(results, final, learners)


def _trials(trials: int | None, budget_s: float | None, n: int) -> int | None:
    if trials is not None or budget_s is not None:
        return trials
    return 4 if n < 2_000 else 1 if n < 20_000 else 0


@dataclass
class _Engine:
    prepared: Prepared
    learners: Sequence[Learner]
    outer: Ints
    plan: Plan
    clock: Clock
    budget: Budget
    workers: int

    @property
    def times(self) -> FloatArray | None:
        target = self.prepared.target
        if target.task is not Task.SURVIVAL:
            return None
        assert target.events is not None
        happened = target.values[target.events == EVENT]
        low, high = np.quantile(happened if len(happened) else target.values, [0.02, 0.95])
        stated = [float(each) for each in self.prepared.config.get("horizons") or ()]
        return np.unique(np.concatenate([np.linspace(low, high, TIMES), stated]))

    def run(self, progress: Callable[[str], None]) -> dict[tuple[int, int], FoldResult]:
        """Repeat after repeat; one that the time no longer allows is left out, with all that follow."""
        folds, repeats = int(self.outer.max()) + 1, len(self.outer)
        done: dict[tuple[int, int], FoldResult] = {}
        for repeat in range(repeats):
            if repeat and not self._time_for(folds, done.values()):
                self.outer = self.outer[:repeat]
                break

            def one(fold: int, repeat: int = repeat) -> None:
                ahead = (repeats - repeat) * folds - fold
                done[repeat, fold] = self.fold(repeat, fold, ahead=ahead)
                progress(f"fold {len(done)} of {repeats * folds}")

            if self.workers > 1:
                with ThreadPoolExecutor(self.workers) as pool:
                    list(pool.map(one, range(folds)))
            else:
                for fold in range(folds):
                    one(fold)
        return done

    def _time_for(self, folds: int, done: Collection[FoldResult]) -> bool:
        """Whether one more repeat and the final choice can be had without any search, by what folds took so far."""
        if self.budget.ends is None:
            return True
        each = float(np.mean([result.least_s for result in done]))
        return self.clock() + each * (-(-folds // self.workers) + 1.25) + self.budget.refit_s <= self.budget.ends

    def limits(self, ahead: int) -> tuple[float | None, float | None]:
        """(deadline, last) of the plan of the next training part, sharing what is left over the parts to come.

        What the last model takes to fit is kept.
        """
        if self.budget.ends is None:
            return None, None
        now, refit_s = self.clock(), self.budget.refit_s
        left = self.budget.ends - now
        rounds = -(-ahead // self.workers) + (1 if ahead else 0)
        share = max(left / max(rounds, 1), 0.0)
        return now + share - refit_s, min(now + 1.5 * share, self.budget.ends - refit_s)

    def fold(self, repeat: int, fold: int, ahead: int) -> FoldResult:
        prepared = self.prepared
        train, test = np.flatnonzero(self.outer[repeat] != fold), np.flatnonzero(self.outer[repeat] == fold)
        cohort, target = prepared.cohort.take(train), prepared.target.take(train)
        groups = None if prepared.groups is None else prepared.groups[train]
        dates = None if prepared.dates is None else prepared.dates[train]
        seed = _seed(prepared.seed, repeat, fold)
        begun = self.clock()
        place = repeat * (int(self.outer.max()) + 1) + fold
        deadline, last = self.limits(ahead)
        plan = replace(self.plan, seed=seed, fold=place, deadline=deadline, last=last)
        selection = select(cohort, target, self.learners, plan, self.clock, groups=groups, dates=dates)
        standing = [one for one in selection.tried.values() if one.predicted is not None]
        models = refit(cohort, target, standing, seed, self.clock)
        found = self._predicted(selection, models, prepared.cohort.take(test))
        return replace(found, least_s=self.clock() - begun - selection.search_s)

    def _predicted(self, selection: Selection, models: Refit, test: Any) -> FoldResult:
        target, times = self.prepared.target, self.times
        matrices = {key: encoder.apply(test) for key, encoder in models.encoders.items()}
        predicted: dict[str, FloatArray] = {}
        survival: dict[str, FloatArray] = {}
        for name, (key, fitted) in models.fitted.items():
            predicted[name] = outcome_of(target, fitted.predict(matrices[key]))
            if times is not None:
                survival[name] = fitted.survival(matrices[key], times)
        failures = dict(models.failures)
        if selection.weights is not None:
            if lost := models.lost(selection.weights):
                failures[STACK] = lost
            else:
                predicted[STACK] = outcome_of(target, models.stacked(selection.weights, target, matrices))
        return FoldResult(selection, predicted, survival, failures, models.wall_s, self._compared(models))

    def _compared(self, models: Refit) -> dict[str, tuple[FloatArray, FloatArray]]:
        """What the fold's models say of rows that are the same for every fold; survival with one repeat only."""
        times = self.times
        if times is None or len(self.outer) > 1:
            return {}
        n = len(self.prepared.target)
        rows = np.sort(np.random.default_rng(self.prepared.seed).permutation(n)[:REFERENCE_ROWS])
        cohort = self.prepared.cohort.take(rows)
        matrices = {key: encoder.apply(cohort) for key, encoder in models.encoders.items()}
        return {
            name: (
                outcome_of(self.prepared.target, fitted.predict(matrices[key])),
                fitted.survival(matrices[key], times),
            )
            for name, (key, fitted) in models.fitted.items()
        }

    def final(self, results: Mapping[tuple[int, int], FoldResult]) -> Selection:
        """The choice on all rows, among those that every training part had time for."""
        prepared = self.prepared
        late = {n for each in results.values() for n, one in each.selection.tried.items() if one.failure == OUT_OF_TIME}
        learners = [one for one in self.learners if one.name not in late]
        deadline, last = self.limits(0)
        plan = replace(self.plan, seed=_seed(prepared.seed, 0, -1), deadline=deadline, last=last)
        return select(
            prepared.cohort, prepared.target, learners, plan, self.clock, groups=prepared.groups,
            dates=prepared.dates,
        )  # fmt: skip

    def collected(
        self, results: Mapping[tuple[int, int], FoldResult], final: Selection, learners: Sequence[Learner]
    ) -> Nested:
        target = self.prepared.target
        metric = metrics.headline(target)
        candidates = [self._candidate(learner, results, final, metric) for learner in learners]
        if any(STACK in each.predicted for each in results.values()):
            out = self._out_of_fold(results, dict.fromkeys(results, STACK))
            scores = fold_scores(metric, target, out.predicted, self.outer)
            parameters: dict[str, Any] = {}
            if final.weights is not None:
                parameters = dict(zip(final.weights.members, final.weights.weights, strict=True))
            lost = next((each.failures[STACK] for each in results.values() if STACK in each.failures), "")
            candidates.append(
                Candidate(STACK, 6, reason=lost, scores=scores, out_of_fold=out, parameters=parameters)
            )  # fmt: skip
        chosen = {place: self._standing(result) for place, result in results.items()}
        order = sorted(results)
        return Nested(
            candidates=tuple(candidates),
            folds=self.outer,
            pipeline=self._out_of_fold(results, chosen, whole=True),
            choices=tuple(c for place in order for c in results[place].selection.choices) + final.choices,
            chosen_in_fold=tuple(chosen[place] for place in order),
            final=final,
            metric=metric,
            budget=self.budget,
            facts=self._facts(results, final),
        )

    def _standing(self, result: FoldResult) -> str:
        """What was chosen; the simplest that stands where its refit failed."""
        if result.selection.chosen in result.predicted:
            return result.selection.chosen
        if not result.predicted:
            raise TooFewData("no candidate could be fitted in a fold", todo="give more rows or fewer folds")
        return next(iter(result.predicted))

    def _out_of_fold(
        self,
        results: Mapping[tuple[int, int], FoldResult],
        names: Mapping[tuple[int, int], str],
        *,
        whole: bool = False,
    ) -> OutOfFold:
        target, times = self.prepared.target, self.times
        classes = len(target.classes) if target.task is Task.CLASSIFICATION and not target.is_binary else 0
        shape = (*self.outer.shape, classes) if classes else self.outer.shape
        predicted = np.full(shape, np.nan)
        survival = None if times is None else np.full((*self.outer.shape, len(times)), np.nan)
        for (repeat, fold), name in names.items():
            result = results[repeat, fold]
            rows = np.flatnonzero(self.outer[repeat] == fold)
            if name in result.predicted:
                predicted[repeat, rows] = result.of_pipeline(name, target) if whole else result.predicted[name]
            if survival is not None and name in result.survival:
                survival[repeat, rows] = result.survival[name]
        return OutOfFold(predicted, survival, times, _reference(results, names))

    def _candidate(
        self, learner: Learner, results: Mapping[tuple[int, int], FoldResult], final: Selection, metric: str
    ) -> Candidate:
        name = learner.name
        if name in self.budget.skipped:
            return Candidate(name, learner.complexity, "skipped", self.budget.skipped[name])
        wall = sum(
            result.wall_s.get(name, 0.0) + result.selection.tried[name].wall_s for result in results.values()
        ) + (final.tried[name].wall_s if name in final.tried else 0.0)  # fmt: skip
        reasons = [each.failures.get(name) or each.selection.tried[name].failure for each in results.values()]
        reason = next((each for each in reasons if each), "")
        if OUT_OF_TIME in reasons:
            return Candidate(name, learner.complexity, "skipped", OUT_OF_TIME, cpu_s=wall, wall_s=wall)
        if not any(name in result.predicted for result in results.values()):
            return Candidate(name, learner.complexity, "failed", reason, cpu_s=wall, wall_s=wall)
        out = self._out_of_fold(results, dict.fromkeys(results, name))
        scores = fold_scores(metric, self.prepared.target, out.predicted, self.outer)
        return Candidate(
            name, learner.complexity, "fitted", reason, scores,
            out, wall, wall, final.tried[name].parameters,
        )  # fmt: skip

    def _facts(self, results: Mapping[tuple[int, int], FoldResult], final: Selection) -> dict[str, Any]:
        endings = {result.selection.ended for result in results.values()} | {final.ended}
        return {
            "search_ended_by": "time" if "time" in endings else "trials" if "trials" in endings else "defaults",
            "trials": {
                name: int(one.trials + sum(r.selection.tried[name].trials for r in results.values()))
                for name, one in final.tried.items()
            },
            "repeats_wanted": int(self.prepared.config.get("repeats", 3)),
            "repeats": len(self.outer),
            "budget_s": self.budget.budget_s,
            "inner": "held-out quarter" if final.folds.min() < 0 else f"{int(final.folds.max()) + 1} folds",
            "skipped": dict(self.budget.skipped),
            "choice_level": 0.90,
        }


def _reference(results: Mapping[tuple[int, int], FoldResult], names: Mapping[tuple[int, int], str]) -> Reference | None:
    found = [results[place].reference[name] for place, name in names.items() if name in results[place].reference]
    return Reference(*(np.stack(each) for each in zip(*found, strict=True))) if len(found) > 1 else None


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence([part % 2**32 for part in parts]).generate_state(1)[0]) % 2**31
