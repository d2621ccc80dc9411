"""The outcome as the configuration means it: classes, values, or times with events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from sartor.studies.risk_model.prepare.spelling import cleaned

FEW_VALUES: Final = 5
MOST_CLASSES: Final = 20
_POSITIVE: Final = re.compile(
    r"1|y|yes|true|t|pos|positive|present|case|event|dead|died|death|deceased|disease|sick|abnormal|relapse[d]?|"
    r"recur(red|rence)?|readmitted|malignant|progress(ed|ion)|respon(der|se|d)"
)
_CENSORED: Final = re.compile(r"0|n|no|none|false|f|cens(ored)?|alive|living|event-?free|no event|lost.*")
_PLAIN: Final = frozenset({"0", "1", "y", "n", "yes", "no", "true", "false", "t", "f"})
"""Labels that say nothing without the column's name."""
_OPPOSITE: Final = re.compile(
    r"(.*[\W_])?(cens\w*|alive|living|surviv\w*|vital|lost|(event|relapse|disease|progression)[\W_]?free|no[\W_]event)"
    r"([\W_].*)?",
    re.IGNORECASE,
)
"""Names of event columns whose 1 may mean that nothing happened."""


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
    checks: list[Check] = []
    if task is not Task.REGRESSION:
        name = config.event if task is Task.SURVIVAL else config.target
        column, checks = cleaned(cohort.column(name), config)
        cohort = replace(cohort, columns=tuple(column if each.name == name else each for each in cohort.columns))
    if elsewhere and task is Task.CLASSIFICATION and config.positive is not None:
        column = cohort.column(config.target)
        found = _one_against_rest(column, np.flatnonzero(~column.missing), config.positive, both=False)
    else:
        found = build(cohort, config)
    found.guesses[:0] = guesses
    found.checks[:0] = checks
    lost = len(cohort) - len(found.rows)
    if lost:
        found.checks.append(
            Check(
                name="rows_without_outcome",
                passed=False,
                severity="note",
                detail=f"{lost:,} of {len(cohort):,} rows have no usable outcome and were left out",
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
    labels = {_label(each).casefold() for each in wanted}
    codes = [code for code, label in enumerate(column.categories) if label.casefold() in labels]
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
    else:
        values = {"column": column.name, "classes": ", ".join(classes)}
        guesses.append(Wording(key="risk_model.prepare.classes", values=values))
    checks = []
    if set(classes) == {"1", "2"}:
        detail = f"1 or 2 may be the outcome; {classes[1]} was taken: state positive to be sure"
        checks.append(_warning("outcome_guessed", column.name, detail))
    position = {label: float(code) for code, label in enumerate(classes)}
    values_of = np.array([position[label] for label in labels], dtype=np.float64)
    return Outcome(Target(Task.CLASSIFICATION, values_of, classes=tuple(classes)), rows, guesses, checks)


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
    if times.kind is not ColumnKind.NUMBER:
        held = f"text ({', '.join(times.categories[:3])} …)" if times.categories else "dates"
        raise ConfigInvalid(
            f"{times.name} holds {held}", where="time", todo="give the time under observation as a number"
        )
    codes, names, guesses, checks = _events(events, config)
    values = times.values.astype(np.float64)
    usable = ~np.isnan(values) & (values >= 0) & (codes >= 0)
    rows = np.flatnonzero(usable)
    chosen = values[rows]
    if negative := int((values < 0).sum()):
        detail = f"{negative} rows have a time below 0 and were left out: is it measured from the right day?"
        checks.append(_warning("times_negative", times.name, detail, n=negative))
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


def _events(
    column: Column, config: RiskModelConfig
) -> tuple[npt.NDArray[np.int64], tuple[str, ...], list[Wording], list[Check]]:
    """Codes (−1 missing, 0 censored, 1 the event of interest, 2 … competing ones) with their names."""
    labels = sorted(set(column.labels()) - {""}, key=_natural)
    _refuse_opposite(column.name, labels, config)
    censored = _censored(labels, config)
    rest = [label for label in labels if label != censored]
    if not rest:
        raise TooFewData(f"{column.name} knows no event", where=column.name, todo="check the column")
    guesses: list[Wording] = []
    checks: list[Check] = []
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
        guesses, checks = _guessed_event(column.name, first[0], censored, rest)
    others = [label for label in rest if label not in first]
    place = {label: 2 + at for at, label in enumerate(others)} | dict.fromkeys(first, 1)
    place |= {censored: 0} if censored else {}
    place[""] = -1
    codes = np.array([place[label] for label in column.labels()], dtype=np.int64)
    return codes, ("censored", _joined(first), *others), guesses, checks


def _guessed_event(name: str, event: str, censored: str, rest: Sequence[str]) -> tuple[list[Wording], list[Check]]:
    """What was guessed, and a warning where several values could be the event."""
    key, values = "event", {"event": event, "column": name, "censored": censored}
    if not censored:
        key, values = "event_always", {"event": event, "column": name}
    guesses, checks = [Wording(key=f"risk_model.prepare.{key}", values=dict(values))], []
    if others := [label for label in rest if label != event]:
        said = ", ".join(others)
        guesses.append(Wording(key="risk_model.prepare.competing", values={"column": name, "others": said}))
        detail = f"{event} was taken to be the event and {said} to compete with it: state positive to be sure"
        checks.append(_warning("outcome_guessed", name, detail))
    return guesses, checks


def _refuse_opposite(name: str, labels: Sequence[str], config: RiskModelConfig) -> None:
    """Of a column such as "censored" or "alive", 1 may mean that nothing happened: that is not guessed."""
    plain = {label.lower() for label in labels} <= _PLAIN
    if plain and may_mean_opposite(name) and config.positive is None and config.censored is None:
        raise ConfigInvalid(
            f"which value of {name} means that the event happened? ({', '.join(labels[:6])}; by its name, perhaps 0)",
            where="positive",
            todo="state positive = the value of the event, or censored = the value for none (--positive, --censored)",
        )


def may_mean_opposite(name: str) -> bool:
    """Whether an event column of this name may say that nothing happened: "Risk of censored" would be read wrongly."""
    return bool(_OPPOSITE.fullmatch(name))


def _censored(labels: Sequence[str], config: RiskModelConfig) -> str:
    if config.censored is not None:
        wanted = _label(config.censored).casefold()
        stated = [label for label in labels if label.casefold() == wanted]
        if not stated:
            raise ConfigInvalid(
                f"no row of {config.event} is {_label(config.censored)}; it has {', '.join(labels[:6])}",
                where="censored",
                todo="state the value that means that nothing happened",
            )
        return stated[0]
    if config.positive is not None and len(labels) == 2:
        wanted_labels = _wanted_labels(config.positive)
        rest = [label for label in labels if label.casefold() not in wanted_labels]
        if len(rest) == 1:
            return rest[0]
    found = [label for label in labels if _CENSORED.fullmatch(label.lower())]
    if len(found) != 1 and len(labels) > 1:
        raise ConfigInvalid(
            f"which value of {config.event} means that nothing happened? ({', '.join(labels[:6])})",
            where="censored",
            todo="state censored = the value (--censored VALUE)",
        )
    return found[0] if found else ""


def _wanted_labels(positive: Wanted) -> frozenset[str]:
    if isinstance(positive, Range):
        return frozenset()
    each = positive if isinstance(positive, tuple) else (positive,)
    return frozenset(_label(one).casefold() for one in each)


def _warning(name: str, subject: str, detail: str, **values: Any) -> Check:
    return Check(name=name, passed=False, severity="warning", subject=subject, detail=detail, values=values)
