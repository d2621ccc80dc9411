"""How it does by group of people, what sets them apart, and what treating them more alike would cost."""

from __future__ import annotations

from sartor.domain.document import Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.validation import Measure
from sartor.explaining.fairness import TOO_FEW
from sartor.studies.risk_model.publish.telling import (
    Told,
    candidate_name,
    interval,
    lead,
    name_of,
    say,
    table,
    worded,
)

IN_TABLE = (
    "calibration_slope",
    "ici",
    "observed_expected",
    "selection_rate",
    "sensitivity",
    "false_positive_rate",
    "ppv",
    "mae",
    "integrated_brier",
)
COSTS = ("auroc", "brier", "net_benefit", "selection_rate_difference", "sensitivity_difference",
         "false_positive_rate_difference")  # fmt: skip
Blocks = list[Paragraph | TableBlock | Figure]


def fairness(told: Told) -> Section:
    """The audit by group; without groups, that nothing is known."""
    found = list(told.population)
    if not found:
        blocks: Blocks = [lead(worded("fair.none"), tone="warning")]
        return Section(anchor="fairness", heading=worded("heading.fairness"), blocks=tuple(blocks))
    judged = [m for m in found if m.name == told.group_metric and m.value is not None]
    blocks = [*_said(told), lead(worded("fair.lead"))]
    if judged:
        blocks += [_forest(told, judged), *_tables(told, found)]
    blocks += [*_apart(told, found), *_too_few(told, found), *_mitigation(told)]
    return Section(anchor="fairness", heading=worded("heading.fairness"), blocks=tuple(blocks))


def _said(told: Told) -> Blocks:
    """Who fares clearly worse, who perhaps, and that silence is no proof."""
    if not told.groups_judged:
        return [lead(worded("fair.all_small"), tone="warning")]
    said = [
        worded(f"fair.{key}", groups=groups)
        for key, check in (("behind", "group_behind"), ("misstated", "group_miscalibrated"))
        if (groups := told.subjects(check))
    ]
    blocks: Blocks = [lead(*said, tone="warning") if said else lead(worded("fair.level"))]
    if perhaps := told.subjects("group_perhaps_behind"):
        blocks.append(lead(worded("fair.perhaps", groups=perhaps)))
    return blocks


def _forest(told: Told, judged: list[Measure]) -> Figure:
    single = [m for m in judged if " & " not in m.group]
    everyone = told.measure(told.group_metric)
    values = [float(m.value or 0) for m in single]
    series = Series(
        name=name_of(told.group_metric),
        labels=tuple(f"{told.group_name(m.group)} ({m.n:,})" for m in single),
        x=tuple(values),
        y=tuple(float(len(single) - k) for k in range(len(single))),
        low=tuple(v if m.low is None else m.low for m, v in zip(single, values, strict=True)),
        high=tuple(v if m.high is None else m.high for m, v in zip(single, values, strict=True)),
    )
    reference = []
    if everyone is not None and everyone.value is not None:
        reference = [Series(name=say("everyone"), x=(everyone.value,), style="reference")]
    return Figure(
        kind="forest", title=say("figure.groups", measure=name_of(told.group_metric)),
        alt="; ".join(f"{told.group_name(m.group)} {interval(m)}" for m in single) or say("alt.none"),
        x_label=name_of(told.group_metric),
        series=(series, *reference),
    )  # fmt: skip


def _tables(told: Told, found: list[Measure]) -> list[TableBlock]:
    """Groups by one column, and folded their intersections."""
    single = [m for m in found if " & " not in m.group]
    crossed = [m for m in found if " & " in m.group]
    both = [_table(told, single, "groups"), _table(told, crossed, "intersections")]
    return [each for each in both if each.rows]


def _table(told: Told, found: list[Measure], key: str) -> TableBlock:
    by = {(m.name, m.group): m for m in reversed(found)}
    names = [
        name
        for name in IN_TABLE
        if name != told.group_metric and any(m.name == name and m.value is not None for m in found)
    ]
    groups = list(dict.fromkeys(m.group for m in found if (told.group_metric, m.group) in by and m.value is not None))
    rows = [
        (
            told.group_name(group),
            f"{by[told.group_metric, group].n:,}",
            *(interval(by.get((name, group)), 2) for name in (told.group_metric, *names)),
        )
        for group in groups
    ]
    headings = (say("column.group"), say("column.rows"), *(name_of(name) for name in (told.group_metric, *names)))
    return TableBlock(title=say(f"table.{key}"), headings=headings, rows=tuple(rows), note=say("note.groups"),
                      folded=key == "intersections" or len(rows) > 12)  # fmt: skip


def _apart(told: Told, found: list[Measure]) -> Blocks:
    rows = [
        (_columns(told, m.group), name_of(m.name.removesuffix("_difference")), interval(m), _between(told, m.note))
        for m in found
        if m.name.endswith("_difference") and m.value is not None
    ]
    return [table("apart", ("column", "measure", "difference", "between"), rows, folded=True)] if rows else []


def _columns(told: Told, columns: str) -> str:
    return " + ".join(told.column_name(each) for each in columns.split(" & "))


def _between(told: Told, note: str) -> str:
    """ "sex=1 against sex=0" in the words of the configuration."""
    most, against, least = note.partition(" against ")
    return f"{told.group_name(most)}{against}{told.group_name(least)}" if against else note or "–"


def _too_few(told: Told, found: list[Measure]) -> Blocks:
    rows = [(told.group_name(m.group), f"{m.n:,}", m.note) for m in found if m.note.startswith(TOO_FEW)]
    return [table("too_few", ("group", "rows", "why"), rows, folded=True)] if rows else []


def _mitigation(told: Told) -> Blocks:
    found = [m for m in told.validation.measures if m.candidate.startswith("mitigation:")]
    rows = []
    for column in dict.fromkeys(m.group for m in found):
        for arm in dict.fromkeys(m.candidate for m in found if m.group == column):
            own = {m.name: m for m in found if (m.group, m.candidate) == (column, arm)}
            cells = (interval(own.get(name)) for name in COSTS)
            rows.append((told.column_name(column), candidate_name(arm.partition(":")[2]), *cells))
    if not rows:
        return []
    headings = (say("column.column"), say("column.arm"), *(name_of(name) for name in COSTS))
    block = TableBlock(title=say("table.mitigation"), headings=headings, rows=tuple(rows), note=say("note.mitigation"))
    return [lead(worded("fair.mitigation")), block]
