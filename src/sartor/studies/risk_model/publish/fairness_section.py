"""How it does by group of people, what sets them apart, and what treating them more alike would cost."""

from __future__ import annotations

from sartor.domain.document import Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.validation import Measure
from sartor.explaining.fairness import TOO_FEW
from sartor.studies.risk_model.publish.telling import (
    Told,
    candidate_name,
    group_name,
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
NOT_PERFORMANCE = ("share", "outcome_share", "missing_share", "representation_ratio", "coverage", "coverage_marginal")
Blocks = list[Paragraph | TableBlock | Figure]


def fairness(told: Told) -> Section:
    """The audit by group; without groups, that nothing is known."""
    found = [m for m in told.validation.measures
             if m.group and m.candidate == "pipeline" and m.where == told.where
             and m.name not in NOT_PERFORMANCE]  # fmt: skip
    if not found:
        blocks: Blocks = [lead(worded("fair.none"), tone="warning")]
        return Section(anchor="fairness", heading=worded("heading.fairness"), blocks=tuple(blocks))
    judged = [m for m in found if m.name == told.metric and m.value is not None]
    behind = [
        group_name(each.subject) for each in told.validation.checks if each.name == "group_behind" and not each.passed
    ]
    blocks = [lead(worded("fair.behind", groups=behind) if behind else worded("fair.level"),
                   tone="warning" if behind else "plain"), lead(worded("fair.lead"))]  # fmt: skip
    if judged:
        blocks.append(_forest(told, judged))
    blocks += [_table(told, found), *_apart(found), *_too_few(found), *_mitigation(told)]
    return Section(anchor="fairness", heading=worded("heading.fairness"), blocks=tuple(blocks))


def _forest(told: Told, judged: list[Measure]) -> Figure:
    single = [m for m in judged if " & " not in m.group]
    everyone = told.measure(told.metric)
    values = [float(m.value or 0) for m in single]
    series = Series(
        name=name_of(told.metric),
        labels=tuple(f"{group_name(m.group)} ({m.n:,})" for m in single),
        x=tuple(values),
        y=tuple(float(len(single) - k) for k in range(len(single))),
        low=tuple(v if m.low is None else m.low for m, v in zip(single, values, strict=True)),
        high=tuple(v if m.high is None else m.high for m, v in zip(single, values, strict=True)),
    )
    reference = []
    if everyone is not None and everyone.value is not None:
        reference = [Series(name=say("everyone"), x=(everyone.value,), style="reference")]
    return Figure(
        kind="forest", title=say("figure.groups", measure=name_of(told.metric)),
        alt="; ".join(f"{group_name(m.group)} {interval(m)}" for m in single) or say("alt.none"),
        x_label=name_of(told.metric),
        series=(series, *reference),
    )  # fmt: skip


def _table(told: Told, found: list[Measure]) -> TableBlock:
    by = {(m.name, m.group): m for m in reversed(found)}
    names = [name for name in IN_TABLE if any(m.name == name and m.value is not None for m in found)]
    groups = list(dict.fromkeys(m.group for m in found if (told.metric, m.group) in by and m.value is not None))
    rows = [
        (
            group_name(group),
            f"{by[told.metric, group].n:,}",
            *(interval(by.get((name, group))) for name in (told.metric, *names)),
        )
        for group in groups
    ]
    headings = (say("column.group"), say("column.rows"), *(name_of(name) for name in (told.metric, *names)))
    return TableBlock(title=say("table.groups"), headings=headings, rows=tuple(rows), note=say("note.groups"),
                      folded=len(rows) > 12)  # fmt: skip


def _apart(found: list[Measure]) -> Blocks:
    rows = [
        (m.group, name_of(m.name.removesuffix("_difference")), interval(m), m.note or "–")
        for m in found
        if m.name.endswith("_difference") and m.value is not None
    ]
    return [table("apart", ("column", "measure", "difference", "between"), rows, folded=True)] if rows else []


def _too_few(found: list[Measure]) -> Blocks:
    rows = [(group_name(m.group), f"{m.n:,}", m.note) for m in found if m.note.startswith(TOO_FEW)]
    return [table("too_few", ("group", "rows", "why"), rows, folded=True)] if rows else []


def _mitigation(told: Told) -> Blocks:
    found = [m for m in told.validation.measures if m.candidate.startswith("mitigation:")]
    rows = []
    for column in dict.fromkeys(m.group for m in found):
        for arm in dict.fromkeys(m.candidate for m in found if m.group == column):
            own = {m.name: m for m in found if (m.group, m.candidate) == (column, arm)}
            cells = (interval(own.get(name)) for name in COSTS)
            rows.append((column, candidate_name(arm.partition(":")[2]), *cells))
    if not rows:
        return []
    headings = (say("column.column"), say("column.arm"), *(name_of(name) for name in COSTS))
    block = TableBlock(title=say("table.mitigation"), headings=headings, rows=tuple(rows), note=say("note.mitigation"))
    return [lead(worded("fair.mitigation")), block]
