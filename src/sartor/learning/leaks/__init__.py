"""Looks for what would teach a model what it cannot know when it is used, and stops with every reason.

Kinds (Kapoor & Narayanan 2023, doi:10.1016/j.patter.2023.100804): duplicate rows, one person on both sides of a split,
columns recorded after the outcome, identifiers, near-copies of the outcome, values missing because of the outcome,
marks of the place of collection, and rows of a test site that were learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.domain.validation import Check
from sartor.errors import LeakFound
from sartor.learning.leaks import association, duplicates, names
from sartor.learning.leaks.association import Association
from sartor.learning.stages import Site
from sartor.learning.task import EVENT, Target

KINDS: Final = (
    "duplicate_rows", "repeated_person", "after_outcome", "identifier", "target_proxy", "telling_missingness",
    "site_artefact", "train_test_overlap",
)  # fmt: skip
SPELLINGS: Final = {"duplicates": "duplicate_rows", "repeated_id": "repeated_person", "proxy": "target_proxy"}
"""Other names under which the configuration may allow a kind."""
PROXY: Final = {"AUC": 0.95, "R2": 0.95, "concordance": 0.90, "rank correlation with time": 0.75}
SUSPECT: Final = {"AUC": 0.90, "R2": 0.90, "concordance": 0.85, "rank correlation with time": 0.60}
NAMED: Final = {"AUC": 0.75, "R2": 0.50, "concordance": 0.75, "rank correlation with time": 0.50}
"""Enough for a column whose name says that it may come after the outcome."""
NAMED_TIME: Final = {"AUC": 0.65, "R2": 0.50, "rank correlation with time": 0.50}
"""Enough for one whose name tells a time."""
MISSING: Final = 0.85
MISSING_SUSPECT: Final = 0.75
SITE_STRENGTH: Final = 0.30
ROWS: Final = 100_000
"""Associations are measured on at most so many rows."""


def stop_at_leaks(
    cohort: Cohort,
    target: Target,
    *,
    ids: Sequence[str] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    site: Column | None = None,
    allow: Mapping[str, str] | None = None,
    where: str = "",
    seed: int = 0,
) -> tuple[Check, ...]:
    """Every check, passed or allowed. Raises LeakFound with all that is neither.

    allow: column or kind → the reason why it is no leak here.
    """
    return _judged(find_leaks(cohort, target, ids=ids, groups=groups, site=site, seed=seed), allow or {}, where)


def stop_at_overlap(cohort: Cohort, target: Target, site: Site, *, allow: Mapping[str, str]) -> tuple[Check, ...]:
    """Whether rows that the site is to test were learned from. Raises LeakFound."""
    found = duplicates.shared(cohort, target, site.cohort, site.target)
    n = len(site.target)
    values = dict(duplicates.summary(found, n))
    if not found.beyond_chance(n):
        return (_passed("train_test_overlap", f"{found.rows} rows of {site.name} are also learned from", site.name),)
    detail = f"{found.rows} of the {n} rows of {site.name} are also learned from, outcome included"
    return _judged([_stop("train_test_overlap", site.name, detail, values)], allow, site.name)


def find_leaks(
    cohort: Cohort,
    target: Target,
    *,
    ids: Sequence[str] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    site: Column | None = None,
    seed: int = 0,
) -> list[Check]:
    """Every check of the cohort, with severity "stop" where it must not be learned from as it is.

    cohort: the inputs alone. ids, groups: as in `Prepared`; ids None where no column names the rows.
    """
    found = [*_duplicates(cohort, target, groups, ids), *_persons(ids, groups)]
    few, few_target, few_groups = _sampled(cohort, target, groups)
    folds = association.folds_of(len(few), few_groups, seed)
    for column, whole in zip(few.columns, cohort.columns, strict=True):
        found += _of_column(column, whole, few_target, folds)
    if site is not None:
        found += _stated_site(cohort, target, site)
    seen = {check.name for check in found}
    found += [_passed(kind, "nothing of the kind was found") for kind in KINDS[:-1] if kind not in seen]
    return found


def _sampled(
    cohort: Cohort, target: Target, groups: npt.NDArray[np.int64] | None
) -> tuple[Cohort, Target, npt.NDArray[np.int64] | None]:
    step = -(-len(cohort) // ROWS)
    if step <= 1:
        return cohort, target, groups
    rows = np.arange(0, len(cohort), step)
    return cohort.take(rows), target.take(rows), None if groups is None else groups[rows]


def _duplicates(
    cohort: Cohort, target: Target, groups: npt.NDArray[np.int64] | None, ids: Sequence[str] | None
) -> Iterator[Check]:
    if len(cohort.columns) < 2:
        return
    found = duplicates.copies(cohort, target, groups, ids=tuple(ids) if ids is not None else None)
    values = dict(duplicates.summary(found, len(cohort)))
    if not found.beyond_chance(len(cohort)):
        yield _passed("duplicate_rows", f"{found.rows} rows are like another one", values=values)
        return
    but = f" in all but {found.differing}" if found.differing else ""
    whose = " of other groups or ids" if groups is not None or ids is not None else ""
    detail = (
        f"{found.rows} of {len(cohort)} rows repeat rows{whose}{but}, outcome included "
        f"(about {found.chance:.1g} would by chance); copies would stand on both sides of every split"
    )
    yield _stop("duplicate_rows", "", detail, values)


def _persons(ids: Sequence[str] | None, groups: npt.NDArray[np.int64] | None) -> Iterator[Check]:
    if ids is None or groups is not None:
        return
    repeated = len(ids) - len(set(ids))
    if repeated:
        detail = (
            f"{repeated} rows have the id of an earlier row and no group is stated: "
            "the same person would stand on both sides of a split"
        )
        yield _stop("repeated_person", "id", detail, {"n": repeated, "share": repeated / len(ids)})


def _of_column(column: Column, whole: Column, target: Target, folds: npt.NDArray[np.int64]) -> Iterator[Check]:
    if reason := _identifier(whole):
        yield _stop("identifier", column.name, reason, {})
        return
    found = association.associations(column, target, folds)
    after = _after_outcome(column, target, found)
    if after is not None:
        yield after
        return
    strongest = max(found, key=lambda each: each.value - PROXY[each.measure])
    figures = {"measure": strongest.measure, "value": strongest.value}
    said = f"alone it tells the outcome ({strongest.measure} {strongest.value:.3f})"
    if strongest.value >= PROXY[strongest.measure]:
        yield _stop("target_proxy", column.name, f"{said}; is it a copy of it, or recorded after it?", figures)
        return
    if strongest.value >= SUSPECT[strongest.measure]:
        yield _warning("target_proxy", column.name, f"{said}; make sure that it is known beforehand", figures)
    yield from _missing(column, target)
    if names.is_site(column.name):
        yield from _site_like(column, target)


def _identifier(column: Column) -> str:
    """Why the column numbers rows rather than describing them; "" when it does not."""
    present = column.values[~column.missing]
    n = len(present)
    if n < 30 or n < 0.5 * len(column.values):
        return ""
    part = present[:ROWS]
    if len(np.unique(part)) < 0.99 * len(part):
        return ""
    distinct = len(np.unique(present))
    if distinct < 0.99 * n:
        return ""
    if column.kind is ColumnKind.CATEGORY:
        return f"{distinct} different labels in {n} rows: it names rows"
    if column.kind is ColumnKind.DATE or not bool((present == np.floor(present)).all()):
        steps = np.diff(present)
        if names.is_identifier(column.name) and (bool((steps > 0).all()) or bool((steps < 0).all())):
            return "it rises from row to row: it numbers rows"
        return ""
    order = abs(association.auc(np.arange(n), present > np.median(present)) - 0.5) * 2
    dense = float(present.max() - present.min()) < 3 * n
    if names.is_identifier(column.name) or order > 0.95 or (dense and distinct == n and n >= 200):
        return f"{distinct} different whole numbers in {n} rows: it numbers rows"
    return ""


def _after_outcome(column: Column, target: Target, found: Sequence[Association]) -> Check | None:
    strongest = max(found, key=lambda each: each.value - NAMED[each.measure])
    figures: dict[str, Any] = {"measure": strongest.measure, "value": strongest.value}
    figure = f"{strongest.measure} {strongest.value:.3f} alone"
    if names.is_follow_up(column.name):
        return _stop(
            "after_outcome", column.name, f"its name says that it is known only afterwards ({figure})", figures
        )
    if names.tells_time(column.name) and _as_follow_up_would(target, found):
        return _stop(
            "after_outcome", column.name, f"a time that tells the outcome ({figure}): follow-up time?", figures
        )
    if names.may_tell_outcome(column.name) and strongest.value >= NAMED[strongest.measure]:
        return _stop("after_outcome", column.name, f"by its name and values it tells the outcome ({figure})", figures)
    if target.is_binary and _shaped_like_follow_up(column, target, found[0]):
        return _stop(
            "after_outcome", column.name, f"its values are shaped like a time of follow-up ({figure})", figures
        )
    return None


def _as_follow_up_would(target: Target, found: Sequence[Association]) -> bool:
    """Two classes: shorter where the outcome came. Survival: in step with the time to the event."""
    if target.task is Task.CLASSIFICATION:
        return any(each.shorter >= NAMED_TIME["AUC"] for each in found)
    return any(each.value >= NAMED_TIME.get(each.measure, 2.0) for each in found)


def _shaped_like_follow_up(column: Column, target: Target, found: Association) -> bool:
    """Never negative; among the shortest tenth nearly everyone had the outcome, among the longest half hardly anyone.

    Those without the outcome are only seen for a short time when they were lost, so short times mean events.
    """
    present = ~column.missing
    if column.kind is ColumnKind.CATEGORY or present.mean() < 0.9 or found.shorter < 0.75:
        return False
    values, positive = column.values[present], target.values[present] == 1
    if values.min() < 0 or len(np.unique(values)) < 20 or positive.mean() > 0.4:
        return False
    shortest, longest = values <= np.quantile(values, 0.1), values >= np.median(values)
    share = positive.mean()
    early, late = positive[shortest].mean(), positive[longest].mean()
    return bool(early >= max(0.85, 2.5 * share) and late <= 0.5 * share)


def _missing(column: Column, target: Target) -> Iterator[Check]:
    value = association.missing_association(column, target)
    detail = f"whether it is missing tells the outcome (AUC {value:.3f}): is it measured because of it?"
    if value >= MISSING:
        yield _stop("telling_missingness", column.name, detail, {"measure": "AUC", "value": value})
    elif value >= MISSING_SUSPECT:
        yield _warning("telling_missingness", column.name, detail, {"measure": "AUC", "value": value})


def _site_like(column: Column, target: Target) -> Iterator[Check]:
    levels, n_levels = _as_levels(column)
    strength = _strength(levels, n_levels, target)
    if strength >= SITE_STRENGTH:
        detail = f"it tells where or when rows were collected, and the outcome differs by it (V {strength:.2f})"
        yield _stop("site_artefact", column.name, detail, {"measure": "Cramér's V", "value": strength})


def _stated_site(cohort: Cohort, target: Target, site: Column) -> Iterator[Check]:
    """Columns that give the stated site away, where the outcome differs by site."""
    sites, n_sites = _as_levels(site)
    by_site = _strength(sites, n_sites, target)
    if by_site < SITE_STRENGTH:
        return
    for column in cohort.columns:
        levels, n_levels = _as_levels(column)
        strength = _cramers_v(levels, n_levels, sites, n_sites)
        if strength >= 0.9:
            detail = f"it gives {site.name} away (V {strength:.2f}), by which the outcome differs (V {by_site:.2f})"
            yield _stop("site_artefact", column.name, detail, {"measure": "Cramér's V", "value": strength})


def _as_levels(column: Column) -> tuple[npt.NDArray[np.int64], int]:
    levels = association.levels_of(column)
    _, codes = np.unique(levels, return_inverse=True)
    return np.asarray(codes, dtype=np.int64), int(codes.max(initial=0)) + 1


def _strength(levels: npt.NDArray[np.int64], n_levels: int, target: Target) -> float:
    if target.task is Task.CLASSIFICATION:
        outcome = target.values.astype(np.int64)
    elif target.events is not None:
        outcome = (target.events == EVENT).astype(np.int64)
    else:
        edges = np.quantile(target.values, [0.25, 0.5, 0.75])
        outcome = np.searchsorted(edges, target.values).astype(np.int64)
    return _cramers_v(levels, n_levels, outcome, int(outcome.max()) + 1)


def _cramers_v(first: npt.NDArray[np.int64], n_first: int, second: npt.NDArray[np.int64], n_second: int) -> float:
    """Cramér's V with Bergsma's correction for small tables (2013, doi:10.1016/j.jkss.2012.10.002)."""
    n = len(first)
    table = np.bincount(first * n_second + second, minlength=n_first * n_second).reshape(n_first, n_second)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0].astype(float)
    rows, columns = table.shape
    if rows < 2 or columns < 2:
        return 0.0
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    squared = float(((table - expected) ** 2 / expected).sum()) / n
    squared = max(0.0, squared - (rows - 1) * (columns - 1) / (n - 1))
    width = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(squared / width)) if width > 0 else 0.0


def _judged(checks: Sequence[Check], allow: Mapping[str, str], where: str) -> tuple[Check, ...]:
    reasons = {SPELLINGS.get(key, key): reason for key, reason in allow.items()}
    kept = []
    for check in checks:
        reason = reasons.get(check.subject) if check.subject else None
        reason = reason or reasons.get(check.name) or reasons.get("all")
        if check.severity == "stop" and reason:
            detail = f"{check.detail}; allowed: {reason}"
            values = {**check.values, "allowed": reason}
            check = check.model_copy(update={"severity": "warning", "detail": detail, "values": values})
        kept.append(check)
    if stops := [check for check in kept if check.severity == "stop"]:
        said = "; ".join(f"{check.subject or check.name.replace('_', ' ')}: {check.detail}" for check in stops)
        count = "one leak" if len(stops) == 1 else f"{len(stops)} leaks"
        subject = stops[0].subject or stops[0].name
        raise LeakFound(
            f"{count}: {said}",
            where=where,
            todo=f'exclude what is not known beforehand, state group, or allow = {{{subject} = "why it is no leak"}}',
        )
    return tuple(kept)


def _stop(name: str, subject: str, detail: str, values: Mapping[str, Any]) -> Check:
    return Check(name=name, passed=False, severity="stop", subject=subject, detail=detail, values=dict(values))


def _warning(name: str, subject: str, detail: str, values: Mapping[str, Any]) -> Check:
    return Check(name=name, passed=False, severity="warning", subject=subject, detail=detail, values=dict(values))


def _passed(name: str, detail: str, subject: str = "", values: Mapping[str, Any] | None = None) -> Check:
    return Check(name=name, passed=True, severity="note", subject=subject, detail=detail, values=dict(values or {}))
