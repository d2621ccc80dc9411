"""Configuration and cohort → the variables that may form groups, and those that only describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.cohort_table import Cohort, ColumnKind
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.provenance import InputFile
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.clustering import METHODS
from sartor.learning.task import Target
from sartor.studies.subgroups.card import worded

KEYS = {
    "data", "id", "features", "exclude", "describe", "time", "event", "target", "positive", "horizon", "method", "k",
    "k_max", "components", "resamples", "null_draws", "new", "seed", "time_budget_s", "categorical", "missing", "title",
    "name", "time_unit",
}  # fmt: skip
LEAST_ROWS = 50
LEAST_OF_GROUP = 10
LEAST_FEATURES = 2
MOST_MISSING = 0.5
MOST_CATEGORIES = 30


@dataclass(frozen=True, slots=True)
class PreparedSubgroups:
    """A cohort to be grouped.

    cohort:    the variables that form groups. described: others, compared afterwards.
    target:    an outcome, looked at afterwards only; `outcome_known` (n,) marks rows that have it. None without.
    new:       further patients to place by the finished rule, with `new_ids`; None without.
    """

    config: Mapping[str, Any]
    cohort: Cohort
    described: Cohort
    ids: tuple[str, ...]
    target: Target | None = None
    outcome_known: np.ndarray | None = None
    new: Cohort | None = None
    new_ids: tuple[str, ...] = ()
    seed: int = 0
    checks: tuple[Check, ...] = ()
    guesses: tuple[Wording, ...] = ()
    inputs: tuple[InputFile, ...] = ()


def prepare(config: Mapping[str, Any], around: Surroundings) -> PreparedSubgroups:
    """Read and check. Raises ConfigInvalid (every fault at once) or TooFewData."""
    _check_config(config)
    options = {key: config[key] for key in ("categorical", "missing") if key in config}
    around.progress("reading")
    table = around.read(str(config["data"]), **options)
    for name in _named(config):
        _need(table, name)
    guesses: list[Wording] = []
    names = _features(config, table, guesses)
    cohort = table.select(names)
    known = np.mean([~column.missing for column in cohort.columns], axis=0) >= 1 - MOST_MISSING
    checks = [_left_out(known), _missing(cohort)]
    table, cohort = table.take(known), cohort.take(known)
    if len(cohort) < LEAST_ROWS:
        raise TooFewData(
            f"{len(cohort)} rows have at least half of the variables; at least {LEAST_ROWS} are needed",
            where=str(config["data"]),
            todo="collect more, or name fewer variables in features",
        )
    if (wanted := int(config.get("k", 1))) * LEAST_OF_GROUP > len(cohort):
        raise TooFewData(
            f"{wanted} groups of {len(cohort)} patients; each needs {LEAST_OF_GROUP}", where="k", todo="ask for fewer"
        )
    target, outcome_known = _outcome(config, table)
    new = around.read(str(config["new"]), **options) if "new" in config else None
    return PreparedSubgroups(
        config=dict(config),
        cohort=cohort,
        described=table.select([str(name) for name in config.get("describe", ())]),
        ids=_ids(config, table),
        target=target,
        outcome_known=outcome_known,
        new=new,
        new_ids=() if new is None else _ids(config, new),
        seed=int(config.get("seed", 0)),
        checks=tuple(check for check in checks if check is not None),
        guesses=tuple(guesses),
        inputs=(*table.files, *(() if new is None else new.files)),
    )


def _check_config(config: Mapping[str, Any]) -> None:
    faults = [f"unknown key {key}" for key in sorted(set(config) - KEYS)]
    if "data" not in config:
        faults.append("data is missing")
    if config.get("method", METHODS[0]) not in METHODS:
        faults.append(f"no method named {config['method']}; choose from {', '.join(METHODS)}")
    if ("time" in config) != ("event" in config):
        faults.append("time and event go together")
    if "target" in config and "time" in config:
        faults.append("give target, or time and event, not both")
    for key, least in (("k", 2), ("k_max", 2), ("components", 1), ("resamples", 10), ("null_draws", 19), ("seed", 0)):
        value = config.get(key, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            faults.append(f"{key} must be a whole number of at least {least}")
    for key in ("features", "describe", "exclude", "categorical"):
        given = config.get(key, [])
        if not isinstance(given, list | tuple) or any(not isinstance(name, str) for name in given):
            faults.append(f"{key} must be a list of names")
    for key in ("horizon", "time_budget_s"):
        given = config.get(key, 1)
        if not isinstance(given, int | float) or isinstance(given, bool) or not given > 0:
            faults.append(f"{key} must be a positive number")
    faults += [f"{key} must be a name" for key in ("data", "id", "time", "event", "target") if _no_text(config, key)]
    if faults:
        raise ConfigInvalid("; ".join(faults), where="configuration", todo="see docs/howto/subgroups.md")


def _no_text(config: Mapping[str, Any], key: str) -> bool:
    return key in config and not isinstance(config[key], str)


def _named(config: Mapping[str, Any]) -> list[str]:
    names = [str(config[key]) for key in ("id", "time", "event", "target") if key in config]
    return names + [str(name) for key in ("features", "describe", "exclude") for name in config.get(key, ())]


def _need(table: Cohort, name: str) -> None:
    if name not in table:
        raise ConfigInvalid(
            f"there is no column {name}", where="data", todo=f"choose from: {', '.join(table.names[:40])}"
        )


def _features(config: Mapping[str, Any], table: Cohort, guesses: list[Wording]) -> list[str]:
    """The named variables; else every number and category that is no id, outcome, description or nearly empty."""
    outcome = {str(config[key]) for key in ("time", "event", "target") if key in config}
    if "features" in config:
        names = [str(name) for name in config["features"]]
        if both := sorted(outcome & set(names)):
            raise ConfigInvalid(
                f"{', '.join(both)} is the outcome and may not form groups", where="features", todo="take it out"
            )
    else:
        left_out = outcome | {str(config.get("id", ""))}
        left_out |= {str(name) for key in ("exclude", "describe") for name in config.get(key, ())}
        candidates = [column for column in table.columns if column.name not in left_out]
        names = [column.name for column in candidates if _usable(column)]
        if dropped := [column.name for column in candidates if not _usable(column)]:
            guesses.append(worded("guess.dropped", names=dropped))
        guesses.append(worded("guess.features", names=names or ["none"]))
    if len(names) < LEAST_FEATURES:
        raise ConfigInvalid(
            f"{len(names)} variables could form groups; at least {LEAST_FEATURES} are needed",
            where="features",
            todo="name numbers or categories that describe the patients",
        )
    return names


def _usable(column: Any) -> bool:
    if column.kind is ColumnKind.DATE or float(column.missing.mean()) > MOST_MISSING:
        return False
    if column.kind is ColumnKind.CATEGORY:
        return 2 <= len(column.categories) <= MOST_CATEGORIES
    known = column.values[~column.missing]
    is_counter = len(known) > LEAST_ROWS and len(np.unique(known)) == len(known) and bool((np.diff(known) == 1).all())
    return len(np.unique(known)) > 1 and not is_counter


def _left_out(known: Any) -> Check | None:
    if known.all():
        return None
    n = int((~known).sum())
    return Check(
        name="rows_with_half_of_the_variables", passed=False, severity="note",
        detail=f"{n} rows with less than half of the variables were left out", values={"rows": n},
    )  # fmt: skip


def _missing(cohort: Cohort) -> Check:
    shares = {column.name: float(column.missing.mean()) for column in cohort.columns}
    often = [name for name, share in shares.items() if share > 0.2]
    return Check(
        name="few_missing_values", passed=not often,
        detail=f"over a fifth of the values are missing, and were imputed, in: {', '.join(often) or 'none'}",
        values=dict(shares),
    )  # fmt: skip


def _outcome(config: Mapping[str, Any], table: Cohort) -> tuple[Target | None, np.ndarray | None]:
    if "time" in config:
        time, event = table.column(str(config["time"])), table.column(str(config["event"]))
        known = ~time.missing & ~event.missing
        code = {"0": 0, "1": 1, "2": 2, "false": 0, "true": 1, "no": 0, "yes": 1}
        labels = [label.lower() for label in event.take(known).labels()]
        if time.kind is ColumnKind.CATEGORY or not set(labels) <= set(code):
            raise ConfigInvalid(
                "time must be a number and event 0 (censored) or 1", where="event", todo="recode the columns"
            )
        values = time.values[known].astype(float)
        if (values <= 0).any():
            raise ConfigInvalid(f"{time.name} has values that are not positive", where="time", todo="correct the rows")
        events = np.array([code[label] for label in labels], dtype=np.int8)
        return Target(Task.SURVIVAL, values, events, ("censored", "event")), known
    if "target" not in config:
        return None, None
    column = table.column(str(config["target"]))
    known = ~column.missing
    labels = column.take(known).labels()
    distinct = sorted(set(labels))
    if column.kind is ColumnKind.NUMBER and len(distinct) > 2:
        return Target(Task.REGRESSION, column.values[known].astype(float), unit=column.unit), known
    if len(distinct) != 2:
        raise ConfigInvalid(
            f"{column.name} has {len(distinct)} values; an outcome is a number or has two",
            where="target",
            todo="put it under describe instead",
        )
    positive = str(config.get("positive", distinct[1]))
    if positive not in distinct:
        raise ConfigInvalid(f"positive is {positive}, which never occurs", where="positive", todo=f"one of {distinct}")
    values = np.array([label == positive for label in labels], dtype=float)
    other = next(label for label in distinct if label != positive)
    return Target(Task.CLASSIFICATION, values, classes=(other, positive)), known


def _ids(config: Mapping[str, Any], table: Cohort) -> tuple[str, ...]:
    if "id" in config and str(config["id"]) in table:
        return tuple(table.column(str(config["id"])).labels())
    return tuple(str(row + 1) for row in range(len(table)))
