"""Who is in the data, what the leak detector found, and what was guessed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Column, ColumnKind
from sartor.domain.document import Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.model import Task
from sartor.domain.validation import Measure
from sartor.learning.metrics.survival import kaplan_meier
from sartor.learning.stages import Prepared
from sartor.learning.task import EVENT
from sartor.studies.risk_model.publish.telling import Told, lead, percent, say, shares, short, table, worded

MOST_LABELS = 8
LEAST_SHOWN = 5
MOST_COLUMNS = 60
Mask = npt.NDArray[np.bool_]


def leaks_and_guesses(told: Told) -> Section:
    """What stands in the way of trust before anything is learned."""
    checks = told.prepared.checks
    open_ = [each for each in checks if not each.passed]
    blocks: list[Paragraph | TableBlock] = [
        lead(worded("leaks.warned" if open_ else "leaks.clean", n=len(open_)), tone="warning" if open_ else "good")
    ]
    rows = [
        (told.check_name(each.name), each.subject or "–", say("yes" if each.passed else "no"), each.detail or "–")
        for each in sorted(checks, key=lambda each: each.passed)
    ]
    if rows:
        emphasis = tuple(range(len(open_)))
        blocks.append(table("leaks", ("check", "of", "passed", "detail"), rows, emphasis=emphasis, folded=not open_))
    if told.prepared.guesses:
        blocks.append(lead(worded("guesses.lead"), *told.prepared.guesses, tone="warning"))
    else:
        blocks.append(lead(worded("guesses.none")))
    return Section(anchor="leaks", heading=worded("heading.leaks"), blocks=tuple(blocks))


def people(told: Told) -> Section:
    """Table 1 and the representation of groups."""
    blocks: list[Paragraph | TableBlock | Figure] = [lead(worded("people.lead", n=f"{len(told.prepared.target):,}"))]
    blocks.append(_table_one(told))
    blocks += _represented(told)
    if told.task is Task.SURVIVAL:
        blocks.append(_follow_up(told))
    return Section(anchor="people", heading=worded("heading.people"), blocks=tuple(blocks))


def _table_one(told: Told) -> TableBlock:
    prepared = told.prepared
    parts = _parts(prepared)
    shown = {column.name: column for column in (*prepared.people.columns, *prepared.cohort.columns)}
    rows = [row for column in list(shown.values())[:MOST_COLUMNS] for row in _rows(told, column, parts)]
    head = tuple(f"{name} (n = {int(mask.sum()):,})" for name, mask in parts)
    title = say("table.one")
    more = len(shown) - MOST_COLUMNS
    note = say("note.one") + (f" {say('note.one_more', n=more)}" if more > 0 else "")
    return TableBlock(
        title=title,
        headings=(say("column.characteristic"), *head, say("column.missing")),
        rows=tuple(rows),
        folded=True,
        note=note,
    )


def _parts(prepared: Prepared) -> list[tuple[str, Mask]]:
    target, everyone = prepared.target, np.ones(len(prepared.target), dtype=bool)
    parts = [(say("everyone"), everyone)]
    if target.task is Task.CLASSIFICATION and len(target.classes) <= 4:
        parts += [(name, target.values == k) for k, name in enumerate(target.classes)]
    elif target.events is not None:
        parts += [(say("with_event"), target.events == EVENT), (say("without_event"), target.events != EVENT)]
    return parts


def _rows(told: Told, column: Column, parts: list[tuple[str, Mask]]) -> list[tuple[str, ...]]:
    missing = percent(float(column.missing.mean()), 1)
    stated = told.unit_of(column)
    unit = f" [{stated}]" if stated else ""
    if column.kind is not ColumnKind.CATEGORY:
        cells = tuple(_middle(column, mask) for _, mask in parts)
        return [(f"{told.column_name(column.name)}{unit}", *cells, missing)]
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.categories))
    leading = np.argsort(-counts, kind="stable")[:MOST_LABELS]
    rows = []
    for place, code in enumerate(sorted(leading)):
        cells = tuple(_count(column, int(code), mask) for _, mask in parts)
        label = told.label_of(column.name, column.categories[code])
        rows.append((f"{told.column_name(column.name)}: {label}", *cells, missing if place == 0 else ""))
    return rows


def _middle(column: Column, mask: Mask) -> str:
    values = np.asarray(column.values, float)[mask & ~column.missing]
    if not len(values):
        return "–"
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{short(middle)} ({short(low)} to {short(high)})"


def _count(column: Column, code: int, mask: Mask) -> str:
    known = mask & ~column.missing
    hits = int((column.values[known] == code).sum())
    if 0 < hits < LEAST_SHOWN:
        return f"< {LEAST_SHOWN}"
    return f"{hits:,} ({percent(hits / max(int(known.sum()), 1))})"


def _represented(told: Told) -> list[TableBlock]:
    groups = [m.group for m in told.validation.measures if m.name == "share"]
    found = {(m.name, m.group): m for m in told.validation.measures
             if m.name in ("share", "outcome_share", "missing_share", "representation_ratio")}  # fmt: skip
    rows = []
    for group in groups:
        ratio = found.get(("representation_ratio", group))
        rows.append((told.group_name(group), *_represented_by(found, group), short(ratio.value if ratio else None)))
    if not rows:
        return []
    columns = ("group", "rows", "share", "outcome_share", "cells_missing", "represented")
    if not any(name == "representation_ratio" for name, _ in found):
        return [table("representation", columns[:-1], [row[:-1] for row in rows], note=say("note.representation"))]
    return [table("representation", columns, rows)]


def _represented_by(found: dict[tuple[str, str], Measure], group: str) -> tuple[str, ...]:
    """Rows, share, with the outcome, cells missing; nothing that tells of fewer than five people."""
    share = found["share", group]
    if share.n_events is not None and 0 < share.n_events < LEAST_SHOWN:
        return (f"< {LEAST_SHOWN}", "–", "–", "–")
    outcome = found.get(("outcome_share", group))
    few = outcome is not None and outcome.n_events is not None and 0 < outcome.n_events < LEAST_SHOWN
    with_outcome = f"< {LEAST_SHOWN} rows" if few else shares(outcome)
    rows = f"{share.n_events:,}" if share.n_events is not None else "–"
    return (rows, shares(share), with_outcome, shares(found.get(("missing_share", group))))


def _follow_up(told: Told) -> Figure:
    curve = kaplan_meier(told.prepared.target)
    times = np.concatenate(([0.0], np.asarray(curve.times, float)))
    alive = np.concatenate(([1.0], np.asarray(curve.values, float)))
    kept = np.unique(np.linspace(0, len(times) - 1, 200).astype(int))
    series = Series(name=say("everyone"), x=tuple(times[kept]), y=tuple(alive[kept]), style="step")
    return Figure(
        kind="line",
        title=say("figure.follow_up"),
        alt=say("alt.follow_up", last=short(float(times[-1])), alive=percent(float(alive[-1]))),
        x_label=told.time_axis,
        y_label=say("axis.event_free"),
        series=(series,),
        y_range=(0.0, 1.02),
    )
