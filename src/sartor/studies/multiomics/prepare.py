"""Configuration and tables → aligned views: one row per patient, roles told apart, repeats refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.provenance import InputFile
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check
from sartor.errors import ConfigInvalid, LeakFound, TooFewData
from sartor.learning.multiomics.comparison import INTEGRATIONS
from sartor.learning.multiomics.leaks import copies
from sartor.learning.multiomics.views import Rows, View, Views, align, refuse_repeats, take
from sartor.learning.task import EVENT, Target

KEYS = frozenset({
    "data", "id", "target", "time", "event", "task", "views", "group", "folds", "repeats", "seed", "time_budget_s",
    "columns", "candidates", "threshold", "halves", "title",
})  # fmt: skip
VIEW_KEYS = frozenset({"name", "data", "id", "exclude"})
FEWEST = 20
FEWEST_OF_A_CLASS = 3
MOST_CLASSES = 20
GUESSED_CLASSES = 10


@dataclass(frozen=True, slots=True)
class PreparedViews:
    """Patients with a known outcome and at least one view.

    groups: (n,) rows of one group never stand on both sides of a split; None when each row is its own.
    """

    config: Mapping[str, Any]
    views: Views
    target: Target
    ids: tuple[str, ...]
    groups: Rows | None
    checks: tuple[Check, ...]
    guesses: tuple[Wording, ...]
    inputs: tuple[InputFile, ...]
    seed: int
    budget_s: float | None


def prepare(config: Mapping[str, Any], around: Surroundings) -> PreparedViews:
    """Read the table of outcomes and every view, and align them by patient.

    Raises ConfigInvalid for a configuration that cannot be followed, LeakFound for a patient in two rows, TooFewData
    when what is left cannot answer the question, InputError for unreadable files.
    """
    known = _checked(config)
    id_column = known["id"]
    outcomes = around.read(known["data"], categorical=[id_column])
    for name in _roles(known):
        if name not in outcomes:
            raise _absent(name, known["data"], outcomes)
    ids = outcomes.column(id_column).labels()
    refuse_repeats([each for each in ids if each], known["data"])
    target, usable, guesses = _target(outcomes, known)
    views, files = _views(known, ids, around)
    seen = np.array([view.present for view in views]).any(axis=0)
    kept = np.flatnonzero(usable & seen & np.array([bool(each) for each in ids]))
    target, views = target.take(kept), take(views, kept)
    _refuse_too_few(target)
    _refuse_copies(views, target)
    checks = (
        _count("patients_without_outcome", int((~usable).sum()), len(ids)),
        _count("patients_without_view", int((usable & ~seen).sum()), len(ids)),
        *_alignment(views, len(ids)),
    )
    return PreparedViews(
        config=known,
        views=views,
        target=target,
        ids=tuple(ids[row] for row in kept),
        groups=_groups(outcomes, known, kept),
        checks=checks,
        guesses=guesses,
        inputs=(*outcomes.files, *files),
        seed=int(known["seed"]),
        budget_s=known.get("time_budget_s"),
    )


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(config) - KEYS):
        raise ConfigInvalid(f"unknown keys: {', '.join(unknown)}", where="configuration", todo=f"use {_list(KEYS)}")
    known = {"id": "id", "folds": 5, "repeats": 3, "seed": 0, "columns": 2000, "candidates": list(INTEGRATIONS),
             "threshold": 0.8, "halves": 50, **config}  # fmt: skip
    if not isinstance(known.get("data"), str):
        raise ConfigInvalid("`data` is missing", where="configuration", todo="name the table of patients and outcomes")
    _check_budget(known.get("time_budget_s"))
    survival = "time" in known or "event" in known or known.get("task") == Task.SURVIVAL
    if survival and not ("time" in known and "event" in known):
        raise ConfigInvalid("survival needs `time` and `event`", where="configuration", todo="name both columns")
    if not survival and not isinstance(known.get("target"), str):
        raise ConfigInvalid("`target` is missing", where="configuration", todo="name the column of the outcome")
    if known.get("task") not in (None, *Task):
        raise ConfigInvalid(f"task {known['task']!r} is unknown", where="`task`", todo=f"use {_list(Task)}")
    for key, least in (("folds", 2), ("repeats", 1), ("columns", 1), ("halves", 10), ("seed", 0)):
        if not isinstance(known[key], int) or isinstance(known[key], bool) or known[key] < least:
            raise ConfigInvalid(f"`{key}` is {known[key]!r}", where="configuration", todo=f"give at least {least}")
    if not isinstance(known["threshold"], float) or not 0.5 < known["threshold"] <= 1:
        raise ConfigInvalid(f"`threshold` is {known['threshold']!r}", where="configuration", todo="above 0.5, up to 1")
    named = known["candidates"]
    if not isinstance(named, list) or (strange := [each for each in named if each not in INTEGRATIONS]):
        shown = ", ".join(map(str, strange)) if isinstance(named, list) else repr(named)
        raise ConfigInvalid(f"unknown candidates: {shown}", where="`candidates`", todo=f"use {_list(INTEGRATIONS)}")
    known["views"] = _checked_views(known.get("views"))
    known["survival"] = survival
    return known


def _check_budget(budget: Any) -> None:
    if budget is not None and (not isinstance(budget, int | float) or isinstance(budget, bool) or not budget > 0):
        raise ConfigInvalid(f"`time_budget_s` is {budget!r}", where="configuration", todo="give seconds above 0")


def _checked_views(views: Any) -> list[dict[str, Any]]:
    if not isinstance(views, Sequence) or not views or not all(isinstance(view, Mapping) for view in views):
        raise ConfigInvalid("no views", where="configuration", todo="give one [[views]] with name and data per matrix")
    for view in views:
        where = f"[[views]] {view.get('name', '?')}"
        if not isinstance(view.get("name"), str) or not isinstance(view.get("data"), str):
            raise ConfigInvalid("a view needs `name` and `data`", where=where, todo="give both as text")
        if unknown := sorted(set(view) - VIEW_KEYS):
            raise ConfigInvalid(f"unknown keys: {', '.join(unknown)}", where=where, todo=f"use {_list(VIEW_KEYS)}")
    names = [view["name"] for view in views]
    if len(set(names)) < len(names):
        raise ConfigInvalid("two views share a name", where="[[views]]", todo="give each its own name")
    return [dict(view) for view in views]


def _roles(known: Mapping[str, Any]) -> list[str]:
    return [known[key] for key in ("id", "target", "time", "event", "group") if key in known]


def _absent(name: str, where: str, cohort: Cohort) -> ConfigInvalid:
    shown = ", ".join(cohort.names[:8]) + (" …" if len(cohort.names) > 8 else "")
    return ConfigInvalid(f"there is no column {name!r}", where=where, todo=f"choose one of {shown}")


def _target(cohort: Cohort, known: Mapping[str, Any]) -> tuple[Target, Any, tuple[Wording, ...]]:
    """The outcome of every row, which rows have one, and what was guessed."""
    if known["survival"]:
        return (*_survival(cohort, known), ())
    column = cohort.column(known["target"])
    task = known.get("task")
    guesses: tuple[Wording, ...] = ()
    if task is None:
        task = _guessed(column)
        guesses = (Wording(key=f"multiomics.guess.{task}", values={"column": column.name}),)
    if task == Task.REGRESSION:
        if column.kind is ColumnKind.CATEGORY:
            raise ConfigInvalid(f"column {column.name!r} is text", where="`target`", todo='use task = "classification"')
        return Target(Task.REGRESSION, np.asarray(column.values, dtype=np.float64)), ~column.missing, guesses
    labels = np.array(column.labels())
    classes = sorted({each for each in labels if each}, key=_natural)
    if len(classes) > MOST_CLASSES:
        raise ConfigInvalid(
            f"column {column.name!r} has {len(classes)} classes", where="`target`", todo='use task = "regression"'
        )
    index = {label: float(k) for k, label in enumerate(classes)}
    values = np.array([index.get(each, -1.0) for each in labels])
    return Target(Task.CLASSIFICATION, values, classes=tuple(classes)), values >= 0, guesses


def _guessed(column: Column) -> Task:
    if column.kind is ColumnKind.CATEGORY:
        return Task.CLASSIFICATION
    found = np.unique(column.values[~column.missing])
    whole = bool((found == np.round(found)).all())
    return Task.CLASSIFICATION if whole and len(found) <= GUESSED_CLASSES else Task.REGRESSION


def _natural(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def _survival(cohort: Cohort, known: Mapping[str, Any]) -> tuple[Target, Any]:
    times, event = cohort.column(known["time"]), cohort.column(known["event"])
    if times.kind is ColumnKind.CATEGORY:
        raise ConfigInvalid(f"column {times.name!r} is text", where="`time`", todo="name a column of numbers")
    flags = _flags(event)
    values = np.asarray(times.values, dtype=np.float64)
    usable = np.isfinite(values) & (values > 0) & (flags >= 0)
    events = np.where(flags > 0, EVENT, 0).astype(np.int8)
    return Target(Task.SURVIVAL, np.where(usable, values, 1.0), events, ("censored", event.name)), usable


def _flags(column: Column) -> Any:
    """1 event, 0 censored, -1 missing. Raises ConfigInvalid when the column says anything but two things."""
    words = {"0": 0, "1": 1, "no": 0, "yes": 1, "false": 0, "true": 1, "censored": 0, "alive": 0, "dead": 1,
             "event": 1, "": -1}  # fmt: skip
    labels = [label.lower() for label in column.labels()]
    if strange := sorted({label for label in labels if label not in words}):
        raise ConfigInvalid(
            f"column {column.name!r} has {', '.join(strange[:4])}", where="`event`", todo="use 1 for event, 0 for none"
        )
    return np.array([words[label] for label in labels])


def _views(known: Mapping[str, Any], ids: Sequence[str], around: Surroundings) -> tuple[Views, list[InputFile]]:
    views: list[View] = []
    files: list[InputFile] = []
    for entry in known["views"]:
        around.progress(f"reading {entry['name']}")
        id_column = entry.get("id", known["id"])
        cohort = around.read(entry["data"], categorical=[id_column])
        left_out = {*entry.get("exclude", ()), *(name for name in _roles(known) if name != id_column)}
        files += cohort.files
        views.append(align(entry["name"], cohort.without(sorted(left_out)), id_column, ids))
        if not views[-1].present.any():
            raise ConfigInvalid(
                "no patient of the view is in the table of outcomes",
                where=f"[[views]] {entry['name']}",
                todo=f"check that {id_column!r} holds the same identifiers in both",
            )
    return tuple(views), files


def _refuse_copies(views: Views, target: Target) -> None:
    for view in views:
        if found := copies(view, target):
            raise LeakFound(
                f"{', '.join(found[:3])} holds the outcome itself",
                where=f"[[views]] {view.name}",
                todo="name it in the view's `exclude`",
            )


def _alignment(views: Views, of: int) -> list[Check]:
    found = []
    for view in views:
        count = int(view.present.sum())
        detail, values = f"{count} of {of} patients have it", {"patients": count, "columns": len(view.columns)}
        found.append(
            Check(name="view_alignment", passed=count == of, severity="note", subject=view.name, detail=detail,
                  values=dict(values))
        )  # fmt: skip
    return found


def _count(name: str, count: int, of: int) -> Check:
    return Check(name=name, passed=count == 0, severity="note", detail=f"{count} of {of}", values={"count": count})


def _groups(cohort: Cohort, known: Mapping[str, Any], kept: Rows) -> Rows | None:
    if "group" not in known:
        return None
    labels = np.array(cohort.column(known["group"]).labels())[kept]
    alone = np.char.add("row:", np.array([str(row) for row in kept]))
    return np.unique(np.where(labels == "", alone, labels), return_inverse=True)[1].astype(np.int64)


def _refuse_too_few(target: Target) -> None:
    where = "table of outcomes"
    if len(target) < FEWEST:
        raise TooFewData(f"{len(target)} patients with outcome and a view", where=where, todo=f"give {FEWEST} or more")
    if target.task is Task.CLASSIFICATION:
        count = np.bincount(target.values.astype(np.int64), minlength=len(target.classes))
        if rare := [name for name, n in zip(target.classes, count, strict=True) if n < FEWEST_OF_A_CLASS]:
            raise TooFewData(
                f"fewer than {FEWEST_OF_A_CLASS} patients of {', '.join(rare)}",
                where=where,
                todo="join or drop classes",
            )
        if len(target.classes) < 2:
            raise TooFewData("all patients have the same outcome", where=where, todo="give patients with another one")
    if target.events is not None and int((target.events == EVENT).sum()) < FEWEST // 2:
        raise TooFewData("fewer than 10 events", where=where, todo="wait for more events")


def _list(names: Any) -> str:
    return ", ".join(sorted(str(name) for name in names))
