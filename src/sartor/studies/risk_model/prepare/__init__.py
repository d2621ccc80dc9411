"""Configuration and cohort to what may be learned from: roles told apart, leaks looked for, guesses said."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.leaks import stop_at_leaks, stop_at_overlap
from sartor.learning.stages import Prepared, Site
from sartor.learning.task import EVENT, Target
from sartor.studies.risk_model.prepare.config import RiskModelConfig, Wanted, parse
from sartor.studies.risk_model.prepare.defects import defects, unread
from sartor.studies.risk_model.prepare.horizons import horizons, with_unit
from sartor.studies.risk_model.prepare.joining import joined
from sartor.studies.risk_model.prepare.roles import Roles, roles
from sartor.studies.risk_model.prepare.spelling import cleaned
from sartor.studies.risk_model.prepare.target import matches, may_mean_opposite, outcome

LEAST_ROWS: Final = 50
LEAST_EVENTS: Final = 20
FHIR_ID: Final = "patient"
"""The column of ids in a cohort made of FHIR resources."""


def prepare(config: Mapping[str, Any], around: Surroundings) -> Prepared:
    """Read, filter, tell roles apart, stop at leaks.

    Raises ConfigInvalid (every fault of the configuration at once), LeakFound (every leak at once) or TooFewData.
    """
    wanted = parse(config)
    if wanted.columns and wanted.id is None:
        wanted = wanted.model_copy(update={"id": FHIR_ID})
    around.progress("reading the cohort")
    everyone = _read(wanted, wanted.data, around)
    _known(wanted, everyone)
    cohort = everyone.take(_selected(everyone, wanted.where))
    found = outcome(cohort, wanted)
    found.target = with_unit(found.target, wanted)
    cohort = cohort.take(found.rows)
    _enough(found.target, wanted)
    at, guessed = horizons(found.target, wanted)
    wanted = wanted.model_copy(update={"horizons": at})
    told = roles(cohort, wanted, found.target)
    _any_input(told, wanted)
    around.progress("looking for leaks")
    checks = [
        *_filtered(len(everyone), len(cohort), wanted),
        *found.checks,
        *defects(everyone, cohort.select(told.features), wanted.data),
        *_leaks(cohort, found.target, told, wanted),
    ]
    learned = cohort.select(told.features)
    sites = tuple(_site(each, wanted, learned, found.target, around) for each in wanted.external)
    checks += [check for site in sites for check in unread(site.cohort.quarantined, site.name)]
    checks += _same_people(told, sites)
    return Prepared(
        config=_resolved(wanted, told, found.target),
        cohort=learned,
        people=cohort.select(list(dict.fromkeys([*told.people, *([wanted.clinician] if wanted.clinician else [])]))),
        target=found.target,
        ids=told.ids,
        groups=told.groups,
        dates=told.dates,
        sites=sites,
        checks=tuple(checks) + _overlap(learned, found.target, sites, wanted),
        guesses=(*found.guesses, *guessed, *told.guesses),
        inputs=everyone.files + tuple(file for site in sites for file in site.cohort.files),
        seed=wanted.seed,
        budget_s=wanted.time_budget_s,
    )


def _read(
    config: RiskModelConfig, data: str, around: Surroundings, like: Cohort | None = None, missing: Any = None
) -> Cohort:
    """The table with everything that is joined to it; kinds as in `like`, where there is one."""
    if config.columns:
        cohort = around.read(data, definitions=config.columns, index=config.index)
    else:
        kinds = {column.name: column.kind.value for column in like.columns} if like is not None else {}
        named = [name for name in (config.id, config.group) if name]
        cohort = around.read(
            data,
            kinds=kinds | dict.fromkeys(named, ColumnKind.CATEGORY.value),
            categorical=config.categorical,
            missing=[str(each) for each in (config.missing if missing is None else missing)],
            delimiter=config.delimiter,
        )
    for each in config.join:
        cohort = joined(cohort, each, config.id, around)
    return cohort


def _known(config: RiskModelConfig, cohort: Cohort) -> None:
    """Every column that the configuration names is there; raises ConfigInvalid with all that are not."""
    if faults := list(_unknown(config, cohort.names)):
        raise ConfigInvalid("; ".join(faults), where=config.data, todo="correct the names; they are case-sensitive")


def _unknown(config: RiskModelConfig, names: Sequence[str]) -> Iterator[str]:
    asked: dict[str, Sequence[str]] = {
        "target": [config.target],
        "time": [config.time],
        "event": [config.event],
        "id": [config.id or ""],
        "group": [config.group or ""],
        "date": [config.date],
        "site": [config.site],
        "clinician": [config.clinician],
        "inputs": config.inputs,
        "exclude": config.exclude,
        "categorical": config.categorical,
        "subgroups": config.subgroups or (),
        "genotype": config.genotype,
        "where": list(config.where),
        "features": list(config.features),
    }
    for key, columns in asked.items():
        for column in columns:
            if column and column not in names:
                by_fold = {name.casefold(): name for name in names}
                near = difflib.get_close_matches(column.casefold(), by_fold, n=1)
                hint = f", did you mean {by_fold[near[0]]}?" if near else f" (there are {_shown(names)})"
                yield f"{key}: there is no column {column}{hint}"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _any_input(told: Roles, config: RiskModelConfig) -> None:
    if not told.features:
        left_out = ", ".join(f"{name} ({reason})" for name, reason in list(told.excluded.items())[:10])
        raise TooFewData(
            f"no column is left to learn from{': ' + left_out if left_out else ''}",
            where=config.data,
            todo="give a table with inputs beside the outcome, or name some with inputs",
        )


def _selected(cohort: Cohort, where: Mapping[str, Wanted]) -> npt.NDArray[np.bool_]:
    rows = np.ones(len(cohort), dtype=bool)
    for name, wanted in where.items():
        rows &= matches(cohort.column(name), wanted)
    if not rows.any():
        raise TooFewData("no row meets the conditions of where", where="where", todo="check the conditions")
    return rows


def _filtered(before: int, after: int, config: RiskModelConfig) -> Iterator[Check]:
    if config.where:
        detail = f"{after} of {before} rows meet the conditions on {', '.join(config.where)} and have an outcome"
        yield Check(name="rows_selected", passed=True, severity="note", detail=detail, values={"n": after})


def _enough(target: Target, config: RiskModelConfig) -> None:
    """A floor under which no cross-validation says anything; adequacy is judged later."""
    n, todo = len(target), "gather more data, or use a published equation"
    if n < LEAST_ROWS:
        raise TooFewData(f"{n} rows; at least {LEAST_ROWS} are needed", where=config.data, todo=todo)
    if target.events is not None and (target.events == EVENT).sum() < LEAST_EVENTS:
        raise TooFewData(
            f"{int((target.events == EVENT).sum())} events; at least {LEAST_EVENTS} are needed",
            where=config.event,
            todo=todo,
        )
    if target.task is Task.CLASSIFICATION:
        counts = np.bincount(target.values.astype(int), minlength=len(target.classes))
        least = max(2 * config.folds, 10)
        if few := [f"{name} ({count})" for name, count in zip(target.classes, counts, strict=True) if count < least]:
            raise TooFewData(
                f"too few rows of {', '.join(few)}; at least {least} of each class are needed",
                where=config.target,
                todo="merge rare classes with positive = [...], or gather more data",
            )


def _leaks(cohort: Cohort, target: Target, told: Roles, config: RiskModelConfig) -> tuple[Check, ...]:
    return tuple(
        stop_at_leaks(
            cohort.select(told.features),
            target,
            ids=told.ids if told.has_ids else None,
            groups=told.groups,
            site=cohort.column(config.site) if config.site else None,
            allow=config.allowed(),
            where=config.data,
        )
    )


def _overlap(learned: Cohort, target: Target, sites: Sequence[Site], config: RiskModelConfig) -> tuple[Check, ...]:
    return tuple(check for site in sites for check in stop_at_overlap(learned, target, site, allow=config.allowed()))


def _same_people(told: Roles, sites: Sequence[Site]) -> Iterator[Check]:
    """Ids that stand in the cohort and at a site too; plain numbers start anew at every site and say nothing."""
    own = {each for each in told.ids if told.has_ids and not each.isdigit()}
    for site in sites:
        if both := sorted(own & set(site.ids)):
            shown = ", ".join(both[:3]) + (" …" if len(both) > 3 else "")
            detail = f"{len(both):,} ids of {site.name} also stand in the cohort ({shown}): the same people?"
            yield Check(name="train_test_overlap", passed=False, severity="warning", subject=site.name, detail=detail)


def _site(each: Any, config: RiskModelConfig, learned: Cohort, target: Target, around: Surroundings) -> Site:
    """Another cohort in the same columns; a column that it lacks is missing for everyone there."""
    around.progress(f"reading {each.name}")
    cohort = _read(config, each.data, around, like=learned, missing=each.missing)
    where = config.where if each.where is None else each.where
    cohort = cohort.take(_selected(cohort, {name: wanted for name, wanted in where.items() if name in cohort}))
    if lacking := [name for name in config.outcome_columns if name not in cohort]:
        raise ConfigInvalid(f"{each.name} has no column {', '.join(lacking)}", where=each.data, todo="name them alike")
    stated: dict[str, Any] = {"task": target.task.value}
    if (target.is_binary or target.task is Task.SURVIVAL) and config.positive is None:
        stated["positive"] = target.classes[1]
        _same_values(cleaned(cohort.column(config.outcome_columns[-1]), config)[0], target, each)
    found = outcome(cohort, config.model_copy(update=stated), elsewhere=True)
    cohort = cohort.take(found.rows)
    columns = tuple(
        cohort.column(column.name) if column.name in cohort else _absent(column, len(cohort))
        for column in learned.columns
    )
    return Site(
        each.name,
        Cohort(columns, cohort.files, cohort.quarantined),
        _alike(found.target, target, each.name),
        _ids(cohort, config),
    )


def _same_values(column: Column, target: Target, each: Any) -> None:
    """What the site calls its outcome is known: "Y" would else count as no "yes"."""
    if not target.is_binary:
        return
    known = {label.casefold() for label in target.classes}
    if strange := sorted({label for label in column.labels() if label and label.casefold() not in known}):
        raise ConfigInvalid(
            f"{each.name} has {', '.join(strange[:6])} in {column.name}, not {' or '.join(target.classes)}",
            where=each.data,
            todo="write them alike, or state positive = [...] with every spelling of the outcome",
        )


def _alike(found: Target, target: Target, name: str) -> Target:
    """The site's classes by the codes of the cohort that is learned from."""
    if target.task is not Task.CLASSIFICATION or found.classes == target.classes:
        return found
    if target.is_binary:
        return Target(found.task, found.values, classes=target.classes)
    if unknown := sorted(set(found.classes) - set(target.classes)):
        raise ConfigInvalid(
            f"{name} has classes that are not learned: {', '.join(unknown)}", where="external", todo="filter them"
        )
    place = np.array([target.classes.index(label) for label in found.classes], dtype=np.float64)
    return Target(found.task, place[found.values.astype(int)], classes=target.classes)


def _absent(column: Column, n: int) -> Column:
    if column.kind is ColumnKind.CATEGORY:
        return Column(column.name, column.kind, np.full(n, -1, np.int32), column.categories, column.unit)
    return Column(column.name, column.kind, np.full(n, np.nan, column.values.dtype), unit=column.unit)


def _ids(cohort: Cohort, config: RiskModelConfig) -> tuple[str, ...]:
    if config.id and config.id in cohort:
        return tuple(cohort.column(config.id).labels())
    return tuple(str(row) for row in range(1, len(cohort) + 1))


def _resolved(config: RiskModelConfig, told: Roles, target: Target) -> dict[str, Any]:
    """The configuration as plain values, with what was guessed filled in."""
    plain = config.model_dump(mode="json")
    plain["features"] = {
        name: stated.model_dump(mode="json", exclude_defaults=True) for name, stated in config.features.items()
    }
    if config.positive is None and target.is_binary:
        plain["positive"] = target.classes[1]
    if config.event and not config.outcome and may_mean_opposite(config.event):
        plain["outcome"] = f"{config.event} = {target.classes[1]}"
    return plain | {
        "task": target.task.value,
        "classes": list(target.classes),
        "id": told.id,
        "group": told.group,
        "subgroups": list(told.people),
        "excluded": dict(told.excluded),
        "allow": config.allowed(),
    }
