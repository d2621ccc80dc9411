"""Configuration and two cohorts → the same columns at source and target, outcomes read alike, overlaps found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, ColumnKind
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.provenance import InputFile
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.leaks import stop_at_leaks, stop_at_overlap
from sartor.learning.stages import Site
from sartor.learning.task import Target
from sartor.learning.transfer import TRUSTED, Sites, together
from sartor.studies.transfer.card import worded

KEYS = {
    "data", "source", "task", "target", "time", "event", "id", "exclude", "features", "positive", "site",
    "source_site", "target_site", "learners", "guard", "sizes", "folds", "repeats", "seed", "time_budget_s", "horizons",
    "name", "title", "categorical", "missing", "licence", "unit", "time_unit", "allow",
}  # fmt: skip
TEXTS = ("data", "source", "target", "time", "event", "id", "site")
LEARNERS = ("linear", "shift", "boosting", "network")
SIZES = (20, 50, 100, 200, 500, 1000)
GUARDABLE = (*TRUSTED, "source", "source_shifted", "pooled", "boosting_continued")
LEAST_ROWS = 20
LEAST_OF_CLASS = 4
LEAST_SOURCE = 40
MOST_CATEGORIES = 50


@dataclass(frozen=True, slots=True)
class PreparedTransfer:
    """Source and target, ready.

    sites:    both as one table of features, and both outcomes. ids: of the target's rows.
    learners: "linear", "shift" (covariate shift), "boosting", "network". sizes: rows to learn from, ascending.
    trusted:  what the guard averages.
    """

    config: Mapping[str, Any]
    sites: Sites
    ids: tuple[str, ...]
    learners: tuple[str, ...]
    sizes: tuple[int, ...]
    trusted: tuple[str, ...] = TRUSTED
    folds: int = 5
    repeats: int = 5
    seed: int = 0
    budget_s: float | None = None
    checks: tuple[Check, ...] = ()
    guesses: tuple[Wording, ...] = ()
    inputs: tuple[InputFile, ...] = field(default_factory=tuple)


def prepare(config: Mapping[str, Any], around: Surroundings) -> PreparedTransfer:
    """Read both cohorts and check that one can teach the other.

    Raises ConfigInvalid (every fault at once) or TooFewData.
    """
    _check_config(config)
    source, target, files = _read(config, around)
    guesses: list[Wording] = []
    _check_columns(config, source, target)
    task = _task(config, target, guesses)
    outcome_columns = _outcome_columns(config, task)
    source, source_dropped = _with_outcome(source, outcome_columns)
    target, target_dropped = _with_outcome(target, outcome_columns)
    outcomes = _outcomes(config, task, source, target)
    names = _features(config, source, target, outcome_columns, guesses)
    ids = _ids(config, target)
    checks = [
        _overlap(source.select(names), target.select([n for n in names if n in target])),
        _dropped(source_dropped, target_dropped),
    ]
    sites = Sites(together(source.select(names), target), *outcomes)
    _enough(sites, task)
    around.progress("looking for leaks")
    checks += _leaks(config, sites, ids)
    checks.append(_relative_size(sites))
    return PreparedTransfer(
        config=dict(config),
        sites=sites,
        ids=ids,
        learners=tuple(config.get("learners", ("linear", "shift", "boosting"))),
        sizes=tuple(sorted(int(size) for size in config.get("sizes", SIZES) if size < len(outcomes[1]))),
        trusted=tuple(config.get("guard", TRUSTED)),
        folds=int(config.get("folds", 5)),
        repeats=int(config.get("repeats", 5)),
        seed=int(config.get("seed", 0)),
        budget_s=config.get("time_budget_s"),
        checks=tuple(check for check in checks if check is not None),
        guesses=tuple(guesses),
        inputs=files,
    )


def _check_config(config: Mapping[str, Any]) -> None:
    faults = [f"unknown key {key}" for key in sorted(set(config) - KEYS)]
    if "data" not in config:
        faults.append("data (the target's cohort) is missing")
    if "source" not in config and "source_site" not in config:
        faults.append("source (the source's cohort) is missing")
    if "source_site" in config and "site" not in config:
        faults.append("source_site needs site, the column that names the site")
    if "target" not in config and not ("time" in config and "event" in config):
        faults.append("target, or time and event, is missing")
    faults += [
        f"{key} must be a list of names"
        for key in ("learners", "guard", "features", "exclude", "categorical")
        if not _names(config.get(key, []))
    ]
    faults += [f"{key} must name a column or file" for key in TEXTS if not isinstance(config.get(key, ""), str)]
    if not isinstance(config.get("allow", {}), Mapping):
        faults.append("allow must give a reason for each column or kind")
    if faults:
        raise ConfigInvalid("; ".join(faults), where="configuration", todo="see docs/howto/transfer.md")
    faults += [f"no learner named {name}" for name in config.get("learners", ()) if name not in LEARNERS]
    if "learners" in config and "linear" not in config["learners"]:
        faults.append("learners must hold linear: the guard averages linear models")
    if config.get("task") not in (None, *(task.value for task in Task)):
        faults.append(f"no task named {config['task']}")
    faults += [f"the guard cannot average {name}" for name in config.get("guard", ()) if name not in GUARDABLE]
    faults += _number_faults(config)
    if faults:
        raise ConfigInvalid("; ".join(faults), where="configuration", todo="see docs/howto/transfer.md")


def _names(given: Any) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)


def _number_faults(config: Mapping[str, Any]) -> list[str]:
    faults = []
    for key, least in (("folds", 2), ("repeats", 1), ("seed", 0)):
        value = config.get(key, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            faults.append(f"{key} must be a whole number of at least {least}")
    sizes = config.get("sizes", ())
    if (
        not isinstance(sizes, Sequence)
        or isinstance(sizes, str)
        or any(not isinstance(size, int) or size < 10 for size in sizes)
    ):
        faults.append("sizes must be a list of whole numbers of at least 10")
    horizons = config.get("horizons", ())
    if (
        not isinstance(horizons, list | tuple)
        or ("horizons" in config and not horizons)
        or any(not isinstance(each, int | float) or isinstance(each, bool) or not each > 0 for each in horizons)
    ):
        faults.append("horizons must be a list of positive times")
    budget = config.get("time_budget_s")
    if budget is not None and (not isinstance(budget, int | float) or isinstance(budget, bool) or not budget > 0):
        faults.append("time_budget_s must be a positive number of seconds")
    return faults


def _read(config: Mapping[str, Any], around: Surroundings) -> tuple[Cohort, Cohort, tuple[InputFile, ...]]:
    around.progress("reading")
    options = {key: config[key] for key in ("categorical", "missing") if key in config}
    data = around.read(str(config["data"]), **options)
    if "source_site" not in config:
        source = around.read(str(config["source"]), **options)
        return source, data, (*source.files, *data.files)
    name = str(config["site"])
    _need(data, name, "data")
    labels = np.array(data.column(name).labels(), dtype=object)
    source_rows = labels == str(config["source_site"])
    target_rows = labels == str(config["target_site"]) if "target_site" in config else ~source_rows & (labels != "")
    without = data.without([name])
    return without.take(source_rows), without.take(target_rows), data.files


def _need(cohort: Cohort, name: str, where: str) -> None:
    if name not in cohort:
        raise ConfigInvalid(
            f"there is no column {name}", where=where, todo=f"choose from: {', '.join(cohort.names[:40])}"
        )


def _check_columns(config: Mapping[str, Any], source: Cohort, target: Cohort) -> None:
    for key in ("target", "time", "event"):
        if key in config:
            _need(source, str(config[key]), str(config.get("source", "source")))
            _need(target, str(config[key]), str(config["data"]))
    if "id" in config:
        _need(target, str(config["id"]), str(config["data"]))
    for name in config.get("exclude", ()):
        if name not in source and name not in target:
            _need(target, str(name), "exclude")


def _task(config: Mapping[str, Any], target: Cohort, guesses: list[Wording]) -> Task:
    if "task" in config:
        task = Task(config["task"])
        if (task is Task.SURVIVAL) != ("time" in config and "event" in config):
            raise ConfigInvalid(
                f"task {task.value} and the outcome's columns disagree",
                where="configuration",
                todo="survival needs time and event; the other tasks need target",
            )
        return task
    if "time" in config and "event" in config:
        task = Task.SURVIVAL
    else:
        column = target.column(str(config["target"]))
        known = column.values[~column.missing]
        is_number = column.kind is ColumnKind.NUMBER and len(np.unique(known)) > 2
        task = Task.REGRESSION if is_number else Task.CLASSIFICATION
    guesses.append(worded("guess.task", task=task.value))
    return task


def _outcome_columns(config: Mapping[str, Any], task: Task) -> tuple[str, ...]:
    if task is Task.SURVIVAL:
        return str(config["time"]), str(config["event"])
    return (str(config["target"]),)


def _with_outcome(cohort: Cohort, names: Sequence[str]) -> tuple[Cohort, int]:
    """The rows whose outcome is known, and how many were left out."""
    known = np.ones(len(cohort), dtype=bool)
    for name in names:
        known &= ~cohort.column(name).missing
    return cohort.take(known), int((~known).sum())


def _outcomes(config: Mapping[str, Any], task: Task, source: Cohort, target: Cohort) -> tuple[Target, Target]:
    if task is Task.SURVIVAL:
        return _survival(config, source), _survival(config, target)
    name = str(config["target"])
    if task is Task.REGRESSION:
        for cohort in (source, target):
            if cohort.column(name).kind is not ColumnKind.NUMBER:
                raise ConfigInvalid(f"{name} is not a number", where="target", todo='set task = "classification"')
        unit = target.column(name).unit
        return (
            Target(task, source.column(name).values.astype(float), unit=unit),
            Target(task, target.column(name).values.astype(float), unit=unit),
        )
    labels = {label for cohort in (source, target) for label in cohort.column(name).labels()}
    if len(labels) != 2:
        raise ConfigInvalid(
            f"{name} has {len(labels)} values over both sites; two are needed",
            where="target",
            todo="make one outcome of yes and no, the same at both sites",
        )
    classes = _classes(labels, config.get("positive"))
    return tuple(  # type: ignore[return-value]
        Target(task, np.array([classes.index(label) for label in cohort.column(name).labels()], float), classes=classes)
        for cohort in (source, target)
    )


def _classes(labels: set[str], positive: Any) -> tuple[str, str]:
    """(other, outcome): the outcome is `positive`, else the greater number, else the later label."""
    if positive is not None:
        wanted = f"{positive:g}" if isinstance(positive, float) else str(positive)
        if wanted not in labels:
            raise ConfigInvalid(
                f"positive is {wanted}, which never occurs", where="positive", todo=f"choose from {sorted(labels)}"
            )
        return next(label for label in labels if label != wanted), wanted
    try:
        first, second = sorted(labels, key=float)
    except ValueError:
        first, second = sorted(labels)
    return first, second


def _survival(config: Mapping[str, Any], cohort: Cohort) -> Target:
    times = cohort.column(str(config["time"]))
    if times.kind is ColumnKind.CATEGORY:
        raise ConfigInvalid(f"{times.name} is not a number", where="time", todo="give the time under observation")
    if (times.values <= 0).any():
        raise ConfigInvalid(f"{times.name} has values that are not positive", where="time", todo="correct those rows")
    event = cohort.column(str(config["event"]))
    labels = event.labels()
    if not set(labels) <= {"0", "1", "2", "3", "False", "True", "false", "true", "no", "yes"}:
        raise ConfigInvalid(f"{event.name} must be 0 (censored) or 1 (event)", where="event", todo="recode the column")
    code = {"false": "0", "no": "0", "true": "1", "yes": "1"}
    values = np.array([int(code.get(label.lower(), label)) for label in labels], dtype=np.int8)
    return Target(Task.SURVIVAL, times.values.astype(float), values, ("censored", "event"))


def _features(
    config: Mapping[str, Any], source: Cohort, target: Cohort, outcome: Sequence[str], guesses: list[Wording]
) -> list[str]:
    if "features" in config:
        names = [str(name) for name in config["features"]]
        for name in names:
            _need(source, name, "source")
        return names
    left_out = {*outcome, *map(str, config.get("exclude", ())), str(config.get("id", "")), str(config.get("site", ""))}
    names = []
    dropped = []
    for column in source.columns:
        if column.name in left_out:
            continue
        too_many = column.kind is ColumnKind.CATEGORY and len(column.categories) > MOST_CATEGORIES
        if column.name not in target or column.kind is ColumnKind.DATE or too_many or column.missing.all():
            dropped.append(column.name)
        else:
            names.append(column.name)
    if dropped:
        guesses.append(worded("guess.dropped", names=dropped))
    if only := [name for name in target.names if name not in source and name not in left_out]:
        guesses.append(worded("guess.target_only", names=only))
    if not names:
        raise ConfigInvalid(
            "source and target have no column in common", where="data", todo="name the columns alike at both sites"
        )
    return names


def _ids(config: Mapping[str, Any], target: Cohort) -> tuple[str, ...]:
    if "id" in config:
        return tuple(target.column(str(config["id"])).labels())
    return tuple(str(row + 1) for row in range(len(target)))


def _leaks(config: Mapping[str, Any], sites: Sites, ids: Sequence[str]) -> list[Check]:
    """What stops at either site: columns from after the outcome, copies of it, rows or patients that repeat.

    Raises LeakFound with all that the configuration does not `allow` (column or kind = reason).
    """
    allow = dict(config.get("allow", {}))
    n = sites.n_source
    found: list[Check] = []
    for where, rows, outcome, own in (
        ("source", np.arange(n), sites.source, None),
        ("target", np.arange(n, len(sites.cohort)), sites.target, ids if "id" in config else None),
    ):
        cohort = sites.cohort.take(rows)
        checks = stop_at_leaks(cohort, outcome, ids=own, allow=allow, where=where, seed=int(config.get("seed", 0)))
        found += [check for check in checks if not check.passed]
    site = Site("the target", sites.cohort.take(np.arange(n, len(sites.cohort))), sites.target, tuple(ids))
    overlap = stop_at_overlap(sites.cohort.take(np.arange(n)), sites.source, site, allow=allow)
    return found + [check for check in overlap if not check.passed]


def _overlap(source: Cohort, target: Cohort) -> Check:
    """Rows of the target that stand in the source, value for value: the same patients, most likely."""
    names = target.names
    at_source = set(_fingerprints(source.select(names)))
    shared = [mark for mark in _fingerprints(target) if mark in at_source]
    share = len(shared) / max(len(target), 1)
    return Check(
        name="same_patients_at_both_sites",
        passed=share < 0.02 or len(names) < 4,
        severity="warning",
        detail=f"{len(shared)} of {len(target)} rows of the target are identical to a row of the source",
        values={"rows": len(shared), "share": share},
    )


def _fingerprints(cohort: Cohort) -> list[str]:
    columns = [column.labels() for column in cohort.columns]
    rows = zip(*columns, strict=True)
    return [hashlib.blake2b("\x1f".join(row).encode(), digest_size=12).hexdigest() for row in rows]


def _dropped(source: int, target: int) -> Check | None:
    if not source + target:
        return None
    return Check(
        name="outcome_known",
        passed=False,
        severity="note",
        detail=f"rows without an outcome were left out: {source} of the source, {target} of the target",
        values={"source": source, "target": target},
    )


def _enough(sites: Sites, task: Task) -> None:
    for name, target, least in (("source", sites.source, LEAST_SOURCE), ("target", sites.target, LEAST_ROWS)):
        if len(target) < least:
            raise TooFewData(
                f"the {name} has {len(target)} rows with an outcome; at least {least} are needed",
                where=name,
                todo="collect more, or use the source's model as it is and watch it",
            )
        if task is Task.REGRESSION:
            continue
        happened = target.values == 1 if target.events is None else target.events == 1
        fewest = int(min(happened.sum(), (~happened).sum())) if target.events is None else int(happened.sum())
        if fewest < LEAST_OF_CLASS:
            raise TooFewData(
                f"the {name} has {fewest} rows of the rarer outcome; at least {LEAST_OF_CLASS} are needed",
                where=name,
                todo="collect more outcomes",
            )


def _relative_size(sites: Sites) -> Check:
    return Check(
        name="source_is_larger",
        passed=len(sites.source) > len(sites.target),
        severity="note",
        detail=f"source {len(sites.source)} rows, target {len(sites.target)} rows",
        values={"source": len(sites.source), "target": len(sites.target)},
    )
