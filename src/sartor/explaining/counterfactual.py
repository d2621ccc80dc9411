"""What could change a prediction: few, possible and plausible changes of what a person can change, or none.

A change stays within training's 1st to 99th percentile, goes in the direction that the card allows, touches actionable
features only, and gives a row that the model does not find unlike the training data (Wachter et al. 2018,
arXiv:1711.00399; plausibility and diversity: Mothilal et al. 2020, doi:10.1145/3351095.3372850). It says what the model
would predict for such a person, not what the change would cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Feature, PredictionStatus, Task
from sartor.learning.alignment import NUMBER, align
from sartor.learning.model import Model

STEPS = 8
MOST_CHANGES = 2
MOST_COMBINED = 6
WORTH = 0.1
"""A change counts when it covers this share of the way to the target (on the margin)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One feature's value now and then, as text."""

    feature: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Changes that go together, and what the model then predicts. reached: whether the target is met."""

    changes: tuple[Change, ...]
    value: float
    margin: float
    distance: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One feature at another value, with its distance in widths of the training range."""

    position: int
    value: float
    distance: float


def counterfactuals(
    model: Model, cohort: Cohort, *, target: float | None = None, number: int = 3, raise_it: bool = False
) -> tuple[Counterfactual, ...]:
    """At most `number` ways to lower the prediction of the one row of `cohort`, those of fewest changes first.

    raise_it: raise the prediction instead, where a higher value is the better one.
    target: margin to reach; half-way to the model's base (what it says before anything is known) when None, so that
            no extreme value is asked for.
    Those that reach it come first, nearest first; then those that come nearest to it. No two change the same features.
    Empty when the row is refused, is already there, or no plausible change helps.
    """
    if len(model.classes) > 2 and model.task is Task.CLASSIFICATION:
        return ()
    plain = align(cohort, model.features).cohort
    now = model.predict(cohort, ("",))
    goal = float(now.margin[0] + now.base[0]) / 2 if target is None else target
    sign = -1.0 if raise_it else 1.0  # everything below lowers sign × margin
    here, goal = sign * float(now.margin[0]), sign * goal
    if target is None and here <= sign * now.base[0]:
        return ()
    if now.status[0] is PredictionStatus.ABSTAINED or here <= goal:
        return ()
    single = [each for k, feature in enumerate(model.features) for each in _candidates(feature, plain, k)]
    if not single:
        return ()
    tried = _try(model, plain, cohort, [(each,) for each in single], sign)
    best = _best_of_each(tried, here)
    if MOST_CHANGES > 1:
        pairs = [(a, b) for a, b in combinations(best[:MOST_COMBINED], 2) if a.position != b.position]
        tried += _try(model, plain, cohort, pairs, sign)
    useful = [each for each in tried if here - each[1] >= WORTH * (here - goal)]
    found = _chosen(useful, model.features, plain, goal, number)
    return tuple(replace(each, margin=sign * each.margin) for each in found)


Tried = tuple[tuple[Candidate, ...], float, float]


def _candidates(feature: Feature, cohort: Cohort, position: int) -> list[Candidate]:
    """The values that a feature may take instead: grid within the training range, or the other labels."""
    column = cohort.columns[position]
    if not feature.actionable or bool(column.missing[0]):
        return []
    if feature.kind != NUMBER:
        return [Candidate(position, k, 1.0) for k in range(len(column.categories)) if k != int(column.values[0])]
    if feature.low is None or feature.high is None or feature.high <= feature.low:
        return []
    here, width = float(column.values[0]), feature.high - feature.low
    low = here if feature.direction == "up" else feature.low
    high = here if feature.direction == "down" else feature.high
    if high <= low:
        return []
    grid = np.linspace(low, high, 2 * STEPS + 1 if not feature.direction else STEPS + 1)
    whole = here == round(here) and feature.low == round(feature.low) and feature.high == round(feature.high)
    values = np.unique(np.round(grid) if whole else np.array([float(f"{each:.3g}") for each in grid]))
    kept = [v for v in values if v != here and low <= v <= high]
    return [Candidate(position, float(v), abs(float(v) - here) / width) for v in kept]


def _try(
    model: Model, plain: Cohort, cohort: Cohort, sets: Sequence[tuple[Candidate, ...]], sign: float
) -> list[Tried]:
    """Margin (times `sign`) and value of each set of changes that the model finds plausible, all at once."""
    if not sets:
        return []
    n = len(sets)
    columns = []
    for position, column in enumerate(plain.columns):
        values = np.repeat(column.values, n)
        for row, changes in enumerate(sets):
            for each in changes:
                if each.position == position:
                    values[row] = each.value
        columns.append(replace(column, values=values))
    names = set(plain.names)
    rest = [replace(c, values=np.repeat(c.values, n)) for c in cohort.columns if c.name not in names]
    found = model.predict(Cohort((*columns, *rest)), ("",) * n, explain=False)
    usual = model.predict(cohort, ("",), explain=False).status[0]
    fine = {PredictionStatus.PREDICTED, usual}
    return [
        (changes, sign * float(found.margin[row]), float(found.value[row]))
        for row, changes in enumerate(sets)
        if found.status[row] in fine and np.isfinite(found.value[row])
    ]


def _best_of_each(tried: Sequence[Tried], margin: float) -> list[Candidate]:
    """The most helpful value of each feature, most helpful feature first."""
    best: dict[int, Tried] = {}
    for each in tried:
        position = each[0][0].position
        if each[1] < margin and (position not in best or each[1] < best[position][1]):
            best[position] = each
    return [each[0][0] for each in sorted(best.values(), key=lambda one: one[1])]


def _chosen(
    useful: Sequence[Tried], features: Sequence[Feature], plain: Cohort, goal: float, number: int
) -> tuple[Counterfactual, ...]:
    made = [
        Counterfactual(
            changes=tuple(_change(features, plain, each) for each in changes),
            value=value,
            margin=margin,
            distance=sum(each.distance for each in changes),
            reached=margin <= goal,
        )
        for changes, margin, value in useful
    ]
    made.sort(
        key=lambda one: (not one.reached, len(one.changes), one.distance if one.reached else one.margin, one.margin)
    )
    found: list[Counterfactual] = []
    for each in made:
        names = {change.feature for change in each.changes}
        if not any(names >= {change.feature for change in other.changes} and other.reached for other in found) and (
            names not in [{change.feature for change in other.changes} for other in found]
        ):
            found.append(each)
    return tuple(found[:number])


def _change(features: Sequence[Feature], plain: Cohort, candidate: Candidate) -> Change:
    column = plain.columns[candidate.position]
    name = features[candidate.position].name
    if features[candidate.position].kind != NUMBER:
        return Change(name, column.labels()[0], column.categories[int(candidate.value)])
    return Change(name, f"{float(column.values[0]):.6g}", f"{candidate.value:.6g}")
