"""The outcome as the configuration means it: classes, values, or times with events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.validation import Check
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.task import Target
from sartor.studies.risk_model.prepare.config import Range, RiskModelConfig, Wanted

FEW_VALUES: Final = 5
MOST_CLASSES: Final = 20
_POSITIVE: Final = re.compile(
    r"1|y|yes|true|t|pos|positive|present|case|event|dead|died|death|deceased|disease|sick|abnormal|relapse[d]?|"
    r"recur(red|rence)?|readmitted|malignant|progress(ed|ion)|respon(der|se|d)"
)
_CENSORED: Final = re.compile(r"0|n|no|none|false|f|cens(ored)?|alive|living|event-?free|no event|lost.*")


@dataclass(slots=True)
class Outcome:
    """The target, the rows that have one, and what was guessed or found on the way."""

    target: Target
    rows: npt.NDArray[np.int64]
    guesses: list[Wording] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def outcome(cohort: Cohort, config: RiskModelConfig, *, elsewhere: bool = False) -> Outcome:
    """The outcome of every row that has one. Raises ConfigInvalid or TooFewData.

    elsewhere: the cohort of another site, which may lack one of two classes.
    """
    task = Task.SURVIVAL if config.time else Task(config.task) if config.task else None
    guesses = []
    if task is None:
        task = _task(cohort.column(config.target), config)
        guesses.append(Wording(key="risk_model.prepare.task", values={"task": task.value, "column": config.target}))
    build = {Task.CLASSIFICATION: _classes, Task.REGRESSION: _values, Task.SURVIVAL: _times}[task]
    if elsewhere and task is Task.CLASSIFICATION and config.positive is not None:
        column = cohort.column(config.target)
        found = _one_against_rest(column, np.flatnonzero(~column.missing), config.positive, both=False)
    else:
        found = build(cohort, config)
    found.guesses[:0] = guesses
    lost = len(cohort) - len(found.rows)
    if lost:
        found.checks.append(
            Check(
                name="rows_without_outcome",
                passed=False,
                severity="note",
                detail=f"{lost} of {len(cohort)} rows have no usable outcome and were left out",
                values={"n": lost},
            )
        )
    if not len(found.rows):
        raise TooFewData("no row has an outcome", where=config.target or config.time, todo="check the column")
    return found


def matches(column: Column, wanted: Wanted) -> npt.NDArray[np.bool_]:
    """The rows whose value is the one, or one of those, or in the range asked for; missing values never are."""
    if isinstance(wanted, Range):
        found = ~column.missing
        if wanted.min is not None or wanted.max is not None:
            numbers = _numbers(column)
            low = -np.inf if wanted.min is None else wanted.min
            high = np.inf if wanted.max is None else wanted.max
            found &= (numbers >= low) & (numbers <= high)
        if wanted.other_than:
            found &= ~_any_of(column, wanted.other_than)
        return np.asarray(found)
    return _any_of(column, wanted if isinstance(wanted, tuple) else (wanted,))


def _any_of(column: Column, wanted: Sequence[Any]) -> npt.NDArray[np.bool_]:
    if column.kind is not ColumnKind.CATEGORY:
        try:
            return np.isin(column.values, [float(each) for each in wanted])
        except (TypeError, ValueError):
            return np.zeros(len(column.values), dtype=bool)
    labels = {_label(each) for each in wanted}
    codes = [code for code, label in enumerate(column.categories) if label in labels or _label(label) in labels]
    return np.isin(column.values, codes)


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    return text.lower() if text.lower() in ("true", "false") else text


def _numbers(column: Column) -> npt.NDArray[Any]:
    if column.kind is not ColumnKind.CATEGORY:
        return column.values
    raise ConfigInvalid(
        f"{column.name} holds text ({', '.join(column.categories[:3])} …), not numbers",
        where="the configuration",
        todo="name values instead of min and max",
    )


def _task(column: Column, config: RiskModelConfig) -> Task:
    if column.kind is ColumnKind.CATEGORY or config.positive is not None:
        return Task.CLASSIFICATION
    present = np.unique(column.values[~column.missing])
    whole = bool((present == np.floor(present)).all())
    return Task.CLASSIFICATION if len(present) <= 2 or (whole and len(present) <= FEW_VALUES) else Task.REGRESSION


def _classes(cohort: Cohort, config: RiskModelConfig) -> Outcome:
    column = cohort.column(config.target)
    rows = np.flatnonzero(~column.missing)
    if config.positive is not None:
        return _one_against_rest(column, rows, config.positive)
    labels = _labels(column, rows)
    classes = sorted(set(labels), key=_natural)
    if len(classes) < 2:
        raise TooFewData(
            f"every row of {column.name} has the same value ({', '.join(classes) or 'none'})",
            where=column.name,
            todo="choose another target",
        )
    if len(classes) > MOST_CLASSES:
        raise ConfigInvalid(
            f"{column.name} has {len(classes)} different values, too many for classes",
            where=column.name,
            todo='state task = "regression", or positive = [...]',
        )
    guesses = []
    if len(classes) == 2:
        classes = _positive_last(classes, labels)
        values = {"positive": classes[1], "column": column.name}
        guesses.append(Wording(key="risk_model.prepare.positive", values=values))
    position = {label: float(code) for code, label in enumerate(classes)}
    values_of = np.array([position[label] for label in labels], dtype=np.float64)
    return Outcome(Target(Task.CLASSIFICATION, values_of, classes=tuple(classes)), rows, guesses)


def _labels(column: Column, rows: npt.NDArray[np.int64]) -> list[str]:
    return column.take(rows).labels()


def _natural(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), "")
    except ValueError:
        return (1, 0.0, label)


def _one_against_rest(column: Column, rows: npt.NDArray[np.int64], positive: Wanted, *, both: bool = True) -> Outcome:
    hit = matches(column, positive)[rows]
    if both and (hit.all() or not hit.any()):
        word = "every" if hit.all() else "no"
        raise ConfigInvalid(
            f"{word} row of {column.name} has the positive value", where="positive", todo="check the values"
        )
    chosen = sorted(set(_labels(column, rows[hit])), key=_natural)
    rest = sorted(set(_labels(column, rows[~hit])), key=_natural)
    classes = (_joined(rest), _joined(chosen))
    return Outcome(Target(Task.CLASSIFICATION, hit.astype(np.float64), classes=classes), rows)


def _joined(labels: Sequence[str]) -> str:
    return " or ".join(labels) if len(labels) <= 4 else f"{labels[0]} to {labels[-1]}"


def _positive_last(classes: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The class that is meant as the outcome last: by its name, else the rarer one."""
    named = [label for label in classes if _POSITIVE.fullmatch(label.lower())]
    if len(named) != 1:
        named = [min(classes, key=lambda label: (labels.count(label), label))]
    return [label for label in classes if label not in named] + named


def _values(cohort: Cohort, config: RiskModelConfig) -> Outcome:
    column = cohort.column(config.target)
    if column.kind is ColumnKind.CATEGORY:
        raise ConfigInvalid(
            f"{column.name} holds text ({', '.join(column.categories[:3])} …)",
            where="target",
            todo='state task = "classification", or correct the values that are no numbers',
        )
    rows = np.flatnonzero(~column.missing)
    values = column.values[rows].astype(np.float64)
    if len(rows) and values.min() == values.max():
        raise TooFewData(f"every row of {column.name} has the same value", where=column.name, todo="choose another")
    return Outcome(Target(Task.REGRESSION, values, unit=config.unit or column.unit), rows)


def _times(cohort: Cohort, config: RiskModelConfig) -> Outcome:
    times, events = cohort.column(config.time), cohort.column(config.event)
    if times.kind is ColumnKind.CATEGORY:
        raise ConfigInvalid(
            f"{times.name} holds text ({', '.join(times.categories[:3])} …)", where="time", todo="give times as numbers"
        )
    codes, names, guesses = _events(events, config)
    values = times.values.astype(np.float64)
    usable = ~np.isnan(values) & (values >= 0) & (codes >= 0)
    rows = np.flatnonzero(usable)
    chosen = values[rows]
    checks = []
    at_zero = chosen == 0
    if at_zero.any() and not at_zero.all():
        chosen = np.where(at_zero, chosen[~at_zero].min() / 2, chosen)
        checks.append(
            Check(
                name="times_of_zero",
                passed=False,
                severity="note",
                detail=f"{int(at_zero.sum())} times of 0 were set to half the shortest time",
                subject=times.name,
                values={"n": int(at_zero.sum())},
            )
        )
    target = Target(Task.SURVIVAL, chosen, codes[rows].astype(np.int8), names, unit=config.time_unit)
    return Outcome(target, rows, guesses, checks)


def _events(column: Column, config: RiskModelConfig) -> tuple[npt.NDArray[np.int64], tuple[str, ...], list[Wording]]:
    """Codes (−1 missing, 0 censored, 1 the event of interest, 2 … competing ones) with their names."""
    labels = sorted(set(column.labels()) - {""}, key=_natural)
    censored = _censored(labels, config)
    rest = [label for label in labels if label != censored]
    if not rest:
        raise TooFewData(f"{column.name} knows no event", where=column.name, todo="check the column")
    guesses = []
    if config.positive is not None:
        hit = set(column.take(np.flatnonzero(matches(column, config.positive))).labels())
        first = [label for label in rest if label in hit]
        if not first:
            raise ConfigInvalid(
                f"no row of {column.name} has the positive value", where="positive", todo="check the values"
            )
    else:
        named = [label for label in rest if _POSITIVE.fullmatch(label.lower())]
        first = named[:1] or rest[:1]
        values = {"event": first[0], "column": column.name, "censored": censored}
        guesses.append(Wording(key="risk_model.prepare.event", values=values))
    others = [label for label in rest if label not in first]
    place = {"": -1, censored: 0} | dict.fromkeys(first, 1) | {label: 2 + at for at, label in enumerate(others)}
    codes = np.array([place[label] for label in column.labels()], dtype=np.int64)
    return codes, ("censored", _joined(first), *others), guesses


def _censored(labels: Sequence[str], config: RiskModelConfig) -> str:
    if config.censored is not None:
        return _label(config.censored)
    found = [label for label in labels if _CENSORED.fullmatch(label.lower())]
    if len(found) != 1 and len(labels) > 1:
        raise ConfigInvalid(
            f"which value of {config.event} means that nothing happened? ({', '.join(labels[:6])})",
            where="censored",
            todo="state censored = the value",
        )
    return found[0] if found else ""
