"""Who a model works for, and who it does not: performance, calibration and decisions by group, and who is in the data.

Nothing here makes a model fair; it shows where it treats people differently, with the uncertainty of the showing.
Groups too small to judge are listed as such, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.domain.validation import INTERNAL, Measure
from sartor.learning import metrics
from sartor.learning.metrics import bootstrap, calibration
from sartor.learning.metrics import regression as values_of
from sartor.learning.metrics.calibration import Binned
from sartor.learning.metrics.discrimination import Ranked
from sartor.learning.population_groups import PopulationGroup
from sartor.learning.task import EVENT, Target

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_ROWS = 50
LEAST_EVENTS = 10
DECISIONS = ("selection_rate", "sensitivity", "false_positive_rate", "ppv")
DIFFERENCES = ("selection_rate", "sensitivity", "false_positive_rate")
TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Audit:
    """What to audit: the outcome, out-of-fold predictions (n,) of one repeat, who belongs where, where one would act.

    predicted: probability of class 1, of the likeliest class's being right for more classes, value, or log relative
               hazard. patients: (n,) rows of one patient; None when every row is its own. `least_rows`, `least_events`:
               smaller groups are called too few (events and non-events alike).
    """

    target: Target
    predicted: Floats
    people: Cohort
    groups: tuple[PopulationGroup, ...]
    thresholds: tuple[float, ...] = ()
    patients: Ints | None = None
    resamples: int = 200
    seed: int = 0
    candidate: str = "pipeline"
    where: str = INTERNAL
    least_rows: int = LEAST_ROWS
    least_events: int = LEAST_EVENTS


@dataclass(frozen=True, slots=True)
class Member:
    """One group with its rows, sorted and binned once."""

    group: PopulationGroup
    rows: Ints
    n_events: int | None
    too_few: bool
    ranked: Ranked | None
    binned: Binned | None


def audit(what: Audit) -> tuple[Measure, ...]:
    """Measures of every group and the greatest difference between the groups of a column, with intervals.

    A group that is too small has one measure, the headline, without a value, noted "too few".
    """
    known = np.flatnonzero(np.isfinite(what.predicted))
    members = [_member(what, group, known) for group in what.groups]
    judged = [member for member in members if not member.too_few]
    names = _names(what)
    rows = len(what.target)
    sets = _by_columns(judged)

    def table_of(weights: Floats) -> Floats:
        return np.array([_measures(what, member, weights) for member in judged]).reshape(len(judged), len(names))

    spreads = _spreads(table_of(np.ones(rows)), names, sets)

    def statistic(weights: Floats) -> Floats:
        table = table_of(weights)
        apart = [table[each.most, each.name] - table[each.least, each.name] for each in spreads]
        return np.concatenate([table.ravel(), apart])

    point = statistic(np.ones(rows))
    found = bootstrap.replicate(
        statistic, rows, groups=what.patients, resamples=what.resamples if judged else 1, seed=what.seed
    )
    low, high = (np.atleast_1d(each) for each in bootstrap.percentiles(found))
    measures = [_too_few(what, member) for member in members if member.too_few]
    for index, member in enumerate(judged):
        for k, (name, at) in enumerate(names):
            place = index * len(names) + k
            if name in ("calibration_slope", "ici") and member.binned is None:
                continue
            found_at = (point[place], low[place], high[place])
            measures.append(_measure(what, name, at, member.group.name, found_at, len(member.rows), member.n_events))
    for k, each in enumerate(spreads):
        place = len(judged) * len(names) + k
        name, at = names[each.name]
        between = f"{judged[each.most].group.name} against {judged[each.least].group.name}"
        found_at = (point[place], low[place], high[place])
        difference = _measure(what, f"{name}_difference", at, " & ".join(each.columns), found_at, len(known), None)
        measures.append(difference.model_copy(update={"note": between}))
    return tuple(measures)


def representation(
    target: Target,
    cohort: Cohort,
    people: Cohort,
    groups: Sequence[PopulationGroup],
    *,
    reference: Mapping[str, float] | None = None,
) -> tuple[Measure, ...]:
    """Who is in the data, by group: share of the rows, share with the outcome, share of the cells that are missing.

    reference: group name → its share in the population that the model is for; then also how many times as often it is
    in the data ("representation_ratio"). Intervals are Wilson's (1927).
    """
    n = len(target)
    missing = np.mean([column.missing for column in cohort.columns], axis=0) if cohort.columns else np.zeros(n)
    outcome = _outcome(target)
    found: list[Measure] = []
    for group in groups:
        inside = group.members(people)
        count = int(inside.sum())
        found.append(_share("share", group.name, count, n))
        if count:
            if outcome is not None:
                found.append(_share("outcome_share", group.name, int(outcome[inside].sum()), count))
            cells = float(missing[inside].mean())
            found.append(Measure(name="missing_share", group=group.name, value=cells, n=count, note="no interval"))
        if reference and (expected := reference.get(group.name)):
            low, high = wilson(count, n)
            found.append(
                Measure(name="representation_ratio", group=group.name, value=count / n / expected, low=low / expected,
                        high=high / expected, n=count)
            )  # fmt: skip
    return tuple(found)


def wilson(successes: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953); (0, 1) without rows."""
    if n <= 0:
        return 0.0, 1.0
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _member(what: Audit, group: PopulationGroup, known: Ints) -> Member:
    rows = known[group.members(what.people)[known]]
    outcome = _outcome(what.target)
    events = None if outcome is None else int(outcome[rows].sum())
    few = len(rows) < what.least_rows
    if events is not None:
        few |= min(events, len(rows) - events) < what.least_events
    if few or not what.target.is_binary:
        return Member(group, rows, events, few, None, None)
    assert outcome is not None
    single = len(group.conditions) == 1
    binned = Binned.of(outcome[rows], what.predicted[rows]) if single else None
    return Member(group, rows, events, few, Ranked.of(outcome[rows], what.predicted[rows]), binned)


def _names(what: Audit) -> list[tuple[str, float | None]]:
    if what.target.task is Task.REGRESSION:
        return [("r2", None), ("mae", None), ("mean_error", None)]
    if what.target.task is Task.SURVIVAL:
        return [("harrell_c", None)]
    if not what.target.is_binary:
        return [("accuracy", None)]
    names: list[tuple[str, float | None]] = [(name, None) for name in ("auroc", "brier", "observed_expected")]
    names += [("calibration_slope", None), ("ici", None)]
    return names + [(name, at) for at in what.thresholds for name in DECISIONS]


def _measures(what: Audit, member: Member, weights: Floats) -> Floats:
    own = weights[member.rows]
    outcome, predicted = what.target.values[member.rows], what.predicted[member.rows]
    if own.sum() <= 0:
        return np.full(len(_names(what)), np.nan)
    if what.target.task is Task.REGRESSION:
        of = (outcome, predicted, own)
        return np.array([values_of.r2(*of), values_of.mae(*of), values_of.in_the_large(*of)])
    if what.target.task is Task.SURVIVAL:
        rows = np.repeat(np.arange(len(own)), own.astype(np.int64))
        return np.array([metrics.score("harrell_c", what.target.take(member.rows[rows]), predicted[rows])])
    if member.ranked is None:
        return np.array([float(own @ predicted / own.sum())])
    return _of_probability(what, member, own, (outcome == 1).astype(float), predicted)


def _of_probability(what: Audit, member: Member, own: Floats, outcome: Floats, predicted: Floats) -> Floats:
    total, events, expected = float(own.sum()), float(own @ outcome), float(own @ predicted)
    slope = ici = np.nan
    if member.binned is not None:
        shown = dict(zip(calibration.NAMES, member.binned.measures(own), strict=True))
        slope, ici = shown["calibration_slope"], shown["ici"]
    area = member.ranked.auroc(own) if member.ranked is not None else np.nan
    found = [area, own @ np.square(predicted - outcome) / total, _ratio(events, expected), slope, ici]
    for threshold in what.thresholds:
        called = predicted >= threshold
        positive, true = float(own @ called), float(own @ (called * outcome))
        found += [
            positive / total,
            _ratio(true, events),
            _ratio(positive - true, total - events),
            _ratio(true, positive),
        ]
    return np.array(found)


def _by_columns(judged: Sequence[Member]) -> dict[tuple[str, ...], list[int]]:
    """Which members divide the people by the same columns."""
    sets: dict[tuple[str, ...], list[int]] = {}
    for index, member in enumerate(judged):
        sets.setdefault(member.group.columns, []).append(index)
    return {columns: places for columns, places in sets.items() if len(places) > 1}


@dataclass(frozen=True, slots=True)
class Spread:
    """The groups (places among those judged) in which a measure is greatest and least."""

    columns: tuple[str, ...]
    name: int
    most: int
    least: int


def _spreads(
    table: Floats, names: Sequence[tuple[str, float | None]], sets: Mapping[tuple[str, ...], list[int]]
) -> list[Spread]:
    """The extremes are held in the resamples: a range that is sought anew in each would be too wide by construction."""
    found = []
    for columns, places in sets.items():
        for k, (name, _) in enumerate(names):
            known = [place for place in places if np.isfinite(table[place, k])]
            if name in DIFFERENCES and len(known) > 1:
                ordered = [known[at] for at in np.argsort(table[known, k], kind="stable")]
                found.append(Spread(columns, k, ordered[-1], ordered[0]))
    return found


def _too_few(what: Audit, member: Member) -> Measure:
    said = f"{TOO_FEW}: {len(member.rows)} rows"
    if member.n_events is not None:
        said += f", {member.n_events} with the outcome"
    return Measure(
        name=metrics.headline(what.target), candidate=what.candidate, where=what.where, group=member.group.name,
        value=None, n=len(member.rows), n_events=member.n_events, note=said,
    )  # fmt: skip


def _measure(
    what: Audit, name: str, at: float | None, group: str, found: tuple[float, float, float], n: int, events: int | None
) -> Measure:
    value, low, high = (float(each) if np.isfinite(each) else None for each in found)
    note = "" if value is not None else "not defined for these rows"
    return Measure(
        name=name, candidate=what.candidate, where=what.where, group=group, at=at, value=value, low=low, high=high,
        n=n, n_events=events, note=note,
    )  # fmt: skip


def _outcome(target: Target) -> npt.NDArray[np.bool_] | None:
    if target.task is Task.SURVIVAL:
        assert target.events is not None
        return np.asarray(target.events == EVENT)
    return np.asarray(target.values == 1) if target.is_binary else None


def _share(name: str, group: str, count: int, n: int) -> Measure:
    low, high = wilson(count, n)
    return Measure(name=name, group=group, value=count / n if n else None, low=low, high=high, n=n, n_events=count)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
