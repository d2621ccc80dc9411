"""Every way of integration side by side: nested cross-validation, all choices made inside the training part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.errors import MissingExtra
from sartor.learning.multiomics.combiners import Combiner, FittedCombiner, LateMean, LateStack
from sartor.learning.multiomics.integrators import Early, Factors, FittedIntegrator, Graph, Integrator, OneView
from sartor.learning.multiomics.views import Floats, Views, take
from sartor.learning.splits import outer_folds
from sartor.learning.stages import Candidate, Choice, OutOfFold
from sartor.learning.task import Target

Folds = npt.NDArray[np.int64]
INNER = 5
RESAMPLES = 200
ONE_STANDARD_ERROR = (0.1587, 0.8413)


@dataclass(frozen=True, slots=True)
class Contest:
    """The candidates of one study: integrators see views, combiners what the single views say."""

    singles: tuple[OneView, ...]
    integrators: tuple[Integrator, ...]
    combiners: tuple[Combiner, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """In order of complexity, the single views first."""
        return tuple(each.name for each in self.everyone)

    @property
    def everyone(self) -> tuple[Any, ...]:
        """All candidates in order of complexity."""
        return tuple(sorted((*self.singles, *self.combiners, *self.integrators), key=lambda each: each.complexity))

    def complexity(self, name: str) -> int:
        """Of the candidate of that name."""
        return int(next(each.complexity for each in self.everyone if each.name == name))


INTEGRATIONS = ("late mean", "late stack", "early", "factors", "graph", "attention")


def contest(view_names: Sequence[str], *, most: int, only: Sequence[str] = INTEGRATIONS) -> Contest:
    """The single views and the integrations named; with one view there is nothing to integrate."""
    singles = tuple(OneView(name, most) for name in view_names)
    if len(singles) == 1:
        return Contest(singles, (), ())
    from sartor.learning.multiomics.attention import Attention

    integrators: tuple[Integrator, ...] = (Early(most), Factors(most), Graph(most), Attention(most))
    combiners: tuple[Combiner, ...] = (LateMean(), LateStack())
    return Contest(
        singles,
        tuple(each for each in integrators if each.name in only),
        tuple(each for each in combiners if each.name in only),
    )


@dataclass(slots=True)
class Part:
    """What one training part taught: each candidate's inner predictions, grid choice, and refit on the whole part."""

    inner: dict[str, Floats] = field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    refit: dict[str, FittedIntegrator] = field(default_factory=dict)
    upper: dict[str, FittedCombiner] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    wall: dict[str, float] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    chosen: str = ""

    def predict(self, names: Sequence[str], views: Views) -> dict[str, Floats]:
        """Every candidate that was fitted, on other patients."""
        said: dict[str, Floats] = {name: fitted.predict(views) for name, fitted in self.refit.items()}
        there = np.array([view.present for view in views]).T
        single = [said[name] for name in said if name.startswith("view:")]
        said |= {name: upper.predict(single, there) for name, upper in self.upper.items()}
        return {name: said[name] for name in names if name in said}


def learn_part(
    field_of: Contest,
    views: Views,
    target: Target,
    groups: Folds | None,
    *,
    seed: int,
    clock: Callable[[], float] = lambda: 0.0,
    fold: int | None = None,
) -> Part:
    """Fit every candidate on one training part, its parameters and the choice among them by folds inside the part."""
    folds = outer_folds(target, groups=groups, folds=INNER, seed=seed)[0]
    part = Part()
    everyone: tuple[Integrator, ...] = (*field_of.singles, *field_of.integrators)
    for integrator in everyone:
        begun = clock()
        try:
            _learn_integrator(part, integrator, views, target, folds, seed)
        except MissingExtra as lacking:
            part.failed[integrator.name] = str(lacking)
        part.wall[integrator.name] = clock() - begun
    for combiner in field_of.combiners:
        begun = clock()
        _learn_combiner(part, combiner, field_of, views, target, folds)
        part.wall[combiner.name] = clock() - begun
    part.chosen, part.choices = choose(field_of, part.inner, target, seed=seed, fold=fold)
    return part


def _learn_integrator(
    part: Part, integrator: Integrator, views: Views, target: Target, folds: Folds, seed: int
) -> None:
    said: list[Floats] = []
    for fold in range(int(folds.max()) + 1):
        held, kept = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        fitted = integrator.fit_all(take(views, kept), target.take(kept), seed=seed)
        held_views = take(views, held)
        for point, (_, each) in enumerate(fitted):
            predicted = each.predict(held_views)
            if len(said) <= point:
                said.append(np.full((len(target), predicted.shape[1]), np.nan))
            said[point][held] = predicted
    losses = [mean_loss(each, target) for each in said]
    best = int(np.argmin(losses))
    part.inner[integrator.name] = said[best]
    whole = integrator.fit_all(views, target, seed=seed)
    parameters, part.refit[integrator.name] = whole[min(best, len(whole) - 1)]
    part.parameters[integrator.name] = parameters


def _learn_combiner(
    part: Part, combiner: Combiner, field_of: Contest, views: Views, target: Target, folds: Folds
) -> None:
    single = [part.inner[each.name] for each in field_of.singles]
    there = np.array([view.present for view in views]).T
    said: list[Floats] = []
    for fold in range(int(folds.max()) + 1):
        held, kept = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        fitted = combiner.fit_all([each[kept] for each in single], there[kept], target.take(kept))
        for point, (_, upper) in enumerate(fitted):
            predicted = upper.predict([one[held] for one in single], there[held])
            if len(said) <= point:
                said.append(np.full((len(target), predicted.shape[1]), np.nan))
            said[point][held] = predicted
    best = int(np.argmin([mean_loss(each, target) for each in said]))
    part.inner[combiner.name] = said[best]
    part.parameters[combiner.name], part.upper[combiner.name] = combiner.fit_all(single, there, target)[best]


def losses(predicted: Floats, target: Target) -> Floats:
    """(n,) −log probability of the true class, or squared error; not for survival, whose loss is of pairs."""
    if target.task is Task.CLASSIFICATION:
        chance = predicted[np.arange(len(target)), target.values.astype(np.int64)]
        return np.asarray(-np.log(np.clip(chance, 1e-6, 1.0)))
    return np.asarray((predicted[:, 0] - target.values) ** 2)


def mean_loss(predicted: Floats, target: Target) -> float:
    """Mean of `losses`; for survival 1 − Harrell's C."""
    if target.task is not Task.SURVIVAL:
        return float(losses(predicted, target).mean())
    from sartor.learning.metrics.survival import harrell_c

    found = harrell_c(target, predicted[:, 0])
    return 1 - (found if np.isfinite(found) else 0.5)


def choose(
    field_of: Contest, inner: dict[str, Floats], target: Target, *, seed: int, fold: int | None
) -> tuple[str, list[Choice]]:
    """Simplest first: the best single view, left for something larger only if that is better by more than one SE.

    The one-standard-error rule of Breiman et al. 1984 (Classification and Regression Trees, 3.4.3) on paired losses.
    """
    singles = [each.name for each in field_of.singles]
    chosen = min(singles, key=lambda name: mean_loss(inner[name], target))
    made = []
    levels = sorted({field_of.complexity(name) for name in inner if name not in singles})
    for level in levels:
        rivals = [name for name in inner if name not in singles and field_of.complexity(name) == level]
        rival = min(rivals, key=lambda name: mean_loss(inner[name], target))
        gain, low, high = paired_gain(inner[chosen], inner[rival], target, seed=seed)
        made.append(Choice(rival, chosen, gain, low, high, accepted=low > 0, fold=fold))
        chosen = rival if low > 0 else chosen
    return chosen, made


def paired_gain(old: Floats, new: Floats, target: Target, *, seed: int) -> tuple[float, float, float]:
    """Mean loss of `old` less that of `new` on the same patients, with its bootstrap interval of ± one SE."""
    generator = np.random.default_rng(seed)
    n = len(target)
    if target.task is not Task.SURVIVAL:
        each = losses(old, target) - losses(new, target)
        drawn = each[generator.integers(0, n, size=(RESAMPLES * 5, n))].mean(axis=1)
        return float(each.mean()), *_quantiles(drawn)
    found = []
    for _ in range(RESAMPLES):
        rows = generator.integers(0, n, size=n)
        drawn_target = target.take(rows)
        found.append(mean_loss(old[rows], drawn_target) - mean_loss(new[rows], drawn_target))
    gain = mean_loss(old, target) - mean_loss(new, target)
    return gain, *_quantiles(np.array(found))


def _quantiles(drawn: Floats) -> tuple[float, float]:
    low, high = np.quantile(drawn, ONE_STANDARD_ERROR)
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Compared:
    """All candidates out of fold, the pipeline, the choices and the final part fitted on everyone.

    without:  per view, the pipeline's predictions (r, n, k) when that view is taken from the patients it predicts.
    complete: number of whole repeats that the time budget allowed.
    """

    candidates: tuple[Candidate, ...]
    folds: Folds
    pipeline: OutOfFold
    choices: tuple[Choice, ...]
    chosen_in_fold: tuple[str, ...]
    final: Part
    without: dict[str, Floats]
    complete: int


def compare(
    field_of: Contest,
    views: Views,
    target: Target,
    folds: Folds,
    groups: Folds | None,
    *,
    seed: int,
    clock: Callable[[], float] = lambda: 0.0,
    budget_s: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Compared:
    """Outer folds (repeats, n) → every candidate's predictions for patients that it had not seen.

    Raises TooFewData through the folds. Repeats that the budget has no room for are left out, never a fold.
    """
    names = field_of.names
    shape = (len(folds), len(target), len(target.classes) if target.task is Task.CLASSIFICATION else 1)
    said = {name: np.full(shape, np.nan) for name in names}
    pipeline = np.full(shape, np.nan)
    without = {view.name: np.full(shape, np.nan) for view in views} if len(views) > 1 else {}
    parts: list[Part] = []
    begun, complete = clock(), 0
    for repeat, assigned in enumerate(folds):
        if repeat and budget_s is not None and clock() + (clock() - begun) / repeat * 1.3 > budget_s:
            break
        for fold in range(int(assigned.max()) + 1):
            progress(f"repeat {repeat + 1} of {len(folds)}, fold {fold + 1}")
            kept, held = np.flatnonzero(assigned != fold), np.flatnonzero(assigned == fold)
            own = None if groups is None else groups[kept]
            part = learn_part(
                field_of, take(views, kept), target.take(kept), own, seed=seed + 100 * repeat + fold, clock=clock,
                fold=repeat * (int(assigned.max()) + 1) + fold,
            )  # fmt: skip
            held_views = take(views, held)
            for name, predicted in part.predict(names, held_views).items():
                said[name][repeat, held] = predicted
            for view, table in without.items():
                table[repeat, held] = part.predict((part.chosen,), taken_away(held_views, view))[part.chosen]
            pipeline[repeat, held] = said[part.chosen][repeat, held]
            parts.append(part)
        complete = repeat + 1
    progress("all patients")
    final = learn_part(field_of, views, target, groups, seed=seed, clock=clock)
    candidates = tuple(
        _candidate(each.name, each.complexity, said[each.name][:complete], parts, final) for each in field_of.everyone
    )
    choices = (*(choice for part in parts for choice in part.choices), *final.choices)
    chosen = tuple(part.chosen for part in parts)
    return Compared(
        candidates,
        folds[:complete],
        OutOfFold(pipeline[:complete]),
        choices,
        chosen,
        final,
        {k: v[:complete] for k, v in without.items()},
        complete,
    )


def taken_away(views: Views, name: str) -> Views:
    """The same views as if nobody had that one."""
    return tuple(
        replace(view, values=np.full_like(view.values, np.nan), present=np.zeros_like(view.present))
        if view.name == name
        else view
        for view in views
    )


def _candidate(name: str, complexity: int, said: Floats, parts: Sequence[Part], final: Part) -> Candidate:
    wall = sum(part.wall.get(name, 0.0) for part in (*parts, final))
    if name in final.failed:
        return Candidate(name, complexity, status="skipped", reason=final.failed[name], wall_s=wall)
    return Candidate(
        name, complexity, out_of_fold=OutOfFold(said), wall_s=wall, parameters=final.parameters.get(name, {})
    )
