"""Which column is what: identifiers, groups, dates, inputs, and columns that describe groups of people."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.explanation import Wording
from sartor.errors import ConfigInvalid
from sartor.learning.learner import FloatArray
from sartor.learning.task import Target
from sartor.studies.risk_model.prepare.config import RiskModelConfig

_ROW_ID: Final = re.compile(
    r"(.*[_\s.-])?(id|uid|uuid|guid|ident(ifier)?|nr|nbr|no|number|key|index|idx|accession)|unnamed_\d+|row(_?(id|nr|names))?|"
    r"(encounter|visit|admission|record|sample|study|case|patient|subject)[_\s.-]?(id|no|nr|nbr|number|key)|mrn|eid",
    re.IGNORECASE,
)
_PERSON: Final = re.compile(
    r"(patient|subject|person|pat|participant|individual|family|twin)"
    r"([_\s.-]?(id|no|nr|nbr|num|number|key|identifier|hash|code|pseudonym|token))?|"
    r"(mrn|pid|empi|nhs[_\s.-]?(no|number)|ssn)([_\s.-]?(hash|code|pseudonym|token))?",
    re.IGNORECASE,
)
_PEOPLE: Final = re.compile(
    r"sex|gender|age(_?(years|yrs|at_\w+|group|band))?|race|ethnic(ity)?|ethnic[_\s.-]?group|ancestry|payer([_\s.-]?code)?|"
    r"insurance(_type)?",
    re.IGNORECASE,
)
_SPELLED_DATE: Final = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}([T ]\d.*)?")
"""Also where day and month are in doubt."""
MOSTLY_DISTINCT: Final = 0.5
NEARLY_EMPTY: Final = 0.999


@dataclass(slots=True)
class Roles:
    """Names of columns by role; `excluded` with the reason why each is no input."""

    id: str = ""
    group: str = ""
    features: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    excluded: dict[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    has_ids: bool = False
    groups: npt.NDArray[np.int64] | None = None
    dates: FloatArray | None = None
    guesses: list[Wording] = field(default_factory=list)

    def guess(self, key: str, **values: str) -> None:
        """Keep in mind what was guessed."""
        self.guesses.append(Wording(key=f"risk_model.prepare.{key}", values=dict(values)))


def roles(cohort: Cohort, config: RiskModelConfig, target: Target) -> Roles:
    """Stated roles first; what is not stated is guessed from names and values, and said."""
    found = Roles(id=config.id or "", group=config.group or "")
    taken = {*config.outcome_columns, config.date, config.clinician, config.site}
    inputs = [column for column in cohort.columns if column.name not in taken]
    if config.group is None and not found.group:
        _guess_group(found, inputs, config)
    if config.id is None:
        _guess_id(found, inputs, config)
    _people(found, cohort, config, taken)
    for column in inputs:
        if reason := _why_not(column, found, config):
            found.excluded[column.name] = reason
        else:
            found.features.append(column.name)
    _say_excluded(found)
    found.has_ids = bool(found.id)
    found.ids = tuple(cohort.column(found.id).labels()) if found.id else _numbered(len(cohort))
    found.groups = _groups(cohort.column(found.group)) if found.group else None
    found.dates = _dates(cohort.column(config.date)) if config.date else None
    return found


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(str(row) for row in range(1, n + 1))


def _guess_group(found: Roles, inputs: list[Column], config: RiskModelConfig) -> None:
    """A column named after a person whose values repeat: the same person must not stand on both sides of a split."""
    for column in inputs:
        if column.name == config.id or column.name in config.exclude or not _PERSON.fullmatch(column.name):
            continue
        distinct, n = _distinct(column), len(column.values)
        if 1 < distinct < n and distinct > min(20, n / 50):
            found.group = column.name
            found.guess("group", column=column.name)
            return


def _guess_id(found: Roles, inputs: list[Column], config: RiskModelConfig) -> None:
    for column in inputs:
        named = _ROW_ID.fullmatch(column.name) or _PERSON.fullmatch(column.name)
        if named and column.name not in config.inputs and _distinct(column) == len(column.values):
            found.id = column.name
            found.guess("id", column=column.name)
            return


def _distinct(column: Column) -> int:
    """How many different values; missing ones do not count."""
    return len(np.unique(column.values[~column.missing]))


def _people(found: Roles, cohort: Cohort, config: RiskModelConfig, taken: set[str]) -> None:
    if config.subgroups is not None:
        found.people = list(config.subgroups)
        return
    found.people = [column.name for column in cohort.columns if column.name not in taken and _describes(column)]
    if found.people:
        found.guess("subgroups", columns=", ".join(found.people))


def _describes(column: Column) -> bool:
    if not _PEOPLE.fullmatch(column.name):
        return False
    distinct = _distinct(column)
    return 1 < distinct <= 30 or (column.kind is ColumnKind.NUMBER and column.name.lower().startswith("age"))


def _why_not(column: Column, found: Roles, config: RiskModelConfig) -> str:
    """Why a column is no input; "" for one that is."""
    name = column.name
    if name in (found.id, found.group):
        return "identifier"
    if name in config.exclude or (config.inputs and name not in config.inputs):
        return "stated"
    if name in config.inputs:
        return ""
    if column.kind is ColumnKind.DATE or _spelled_dates(column):
        return "date"
    if column.missing.mean() >= NEARLY_EMPTY:
        return "empty"
    present = column.values[~column.missing]
    if not len(present) or (present.min() == present.max() and not column.missing.any()):
        return "constant"
    if re.fullmatch(r"unnamed_\d+", name) and _distinct(column) == len(column.values):
        return "row number"
    if column.kind is ColumnKind.CATEGORY and _distinct(column) > max(100, MOSTLY_DISTINCT * len(present)):
        return "free text"
    return ""


def _spelled_dates(column: Column) -> bool:
    labels = column.categories
    return bool(labels) and all(_SPELLED_DATE.fullmatch(label) for label in labels)


def _say_excluded(found: Roles) -> None:
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.excluded.items():
        if reason not in ("stated", "identifier"):
            by_reason.setdefault(reason, []).append(name)
    for reason, names in sorted(by_reason.items()):
        found.guess(f"excluded_{reason.replace(' ', '_')}", columns=", ".join(names))


def _dates(column: Column) -> FloatArray:
    """Days, or any number that grows with time. Raises ConfigInvalid for text or where some are missing."""
    if column.kind is ColumnKind.CATEGORY:
        raise ConfigInvalid(
            f"{column.name} holds text ({', '.join(column.categories[:3])} …), not dates",
            where="date",
            todo="write dates as 2020-01-31",
        )
    if lost := int(column.missing.sum()):
        raise ConfigInvalid(
            f"{lost} rows have no {column.name}",
            where="date",
            todo=f"leave them out: where.{column.name} = {{known = true}}",
        )
    return column.values.astype(np.float64)


def _groups(column: Column) -> npt.NDArray[np.int64]:
    """One number per group; a row without one is a group of its own."""
    missing = column.missing
    _, codes = np.unique(column.values, return_inverse=True)
    codes = codes.astype(np.int64)
    codes[missing] = codes.max(initial=0) + 1 + np.arange(int(missing.sum()))
    return codes
