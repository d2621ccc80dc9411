"""Groups → a page that a clinician reads, tables, and the rule that places new patients."""

from __future__ import annotations

from typing import Any

import numpy as np

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Validation
from sartor.learning.clustering import DOUBTFUL, STABLE, Difference, differences
from sartor.studies.subgroups.card import say, worded
from sartor.studies.subgroups.fit import FittedSubgroups, all_described
from sartor.studies.subgroups.prepare import PreparedSubgroups
from sartor.studies.subgroups.validate import group_name, horizon

SHOWN = 8
MOST_POINTS = 2000
Block = Paragraph | TableBlock | Figure


def publish(
    prepared: PreparedSubgroups, fitted: FittedSubgroups, validation: Validation, around: Surroundings
) -> Publication:
    """The page, group per patient, differences, rules, and the files of the rule (JSON)."""
    found = differences(all_described(prepared), fitted.labels, fitted.k, used=frozenset(prepared.cohort.names))
    found = found if fitted.k > 1 else ()
    return Publication(
        validation=validation,
        document=Document(
            title=str(prepared.config.get("title") or say("title")),
            verdict=_verdict(prepared, fitted),
            sections=tuple(_sections(prepared, fitted, validation, found)),
        ),
        files={} if fitted.assignment is None else fitted.assignment.to_files(),
        predictions=_groups(prepared, fitted),
        tables=_tables(prepared, fitted, found),
    )


def _verdict(prepared: PreparedSubgroups, fitted: FittedSubgroups) -> tuple[Wording, ...]:
    p = _p(fitted.number.p_one_population)
    n = len(fitted.labels)
    if fitted.k == 1:
        return (worded(f"verdict.{fitted.number.reason}", p=p, n=n), worded("verdict.none"))
    held = fitted.stability
    assert held is not None
    stable = int((held.jaccard >= STABLE).sum())
    key = "verdict.fixed" if fitted.fixed else "verdict.groups"
    return worded(key, k=fitted.k, n=n, p=p), worded("verdict.stable", stable=stable, k=fitted.k)


def _sections(
    prepared: PreparedSubgroups, fitted: FittedSubgroups, validation: Validation, found: tuple[Difference, ...]
) -> list[Section]:
    sections = [_about(prepared, fitted), _number(fitted)]
    if fitted.k > 1:
        sections += [_map(fitted), _apart(fitted, found), _stable(fitted)]
        if prepared.target is not None:
            sections.append(_became(prepared, fitted, validation))
        sections += [_rules(fitted), _sensitive(fitted)]
    sections.append(_section("limits", Paragraph(said=tuple(worded(f"limits.{n}") for n in ("made", "other", "use")))))
    return sections


def _section(anchor: str, *blocks: Block) -> Section:
    return Section(anchor=anchor, heading=worded(f"heading.{anchor}"), blocks=blocks)


def _name(group: int) -> str:
    return say("group", number=group + 1)


def _about(prepared: PreparedSubgroups, fitted: FittedSubgroups) -> Section:
    r = fitted.representation
    kept = r.axes.shape[1]
    said = [
        worded("about.data", n=len(fitted.labels), names=list(prepared.cohort.names)),
        worded("about.axes", kept=kept, share=f"{100 * float(r.explained[:kept].sum()):.0f}", columns=len(r.columns)),
        worded("about.outcome") if prepared.target is not None else worded("about.no_outcome"),
        *prepared.guesses,
    ]
    blocks: list[Block] = [Paragraph(said=tuple(said))]
    if warnings := [worded("about.check", detail=check.detail) for check in prepared.checks if not check.passed]:
        blocks.append(Paragraph(said=tuple(warnings), tone="warning"))
    return _section("about", *blocks)


def _number(fitted: FittedSubgroups) -> Section:
    number = fitted.number
    rows = tuple(
        (
            str(of.k), _text(of.gap, 3, of.gap_error), _text(of.silhouette, 2), _text(of.prediction_strength, 2),
            _text(of.bic, 0), _text(of.agreement, 2),
        )
        for of in number.each
    )  # fmt: skip
    table = TableBlock(
        title=say("table.number"),
        headings=tuple(say(f"column.{name}") for name in ("k", "gap", "silhouette", "strength", "bic", "agreement")),
        rows=rows,
        emphasis=tuple(i for i, of in enumerate(number.each) if of.k == fitted.k),
        note=say("table.number_note"),
    )
    figure = Figure(
        kind="line",
        title=say("figure.gap"),
        alt=say("figure.gap_alt"),
        x_label=say("column.k"),
        y_label=say("column.gap"),
        series=(
            Series(
                name=say("column.gap"), x=tuple(float(of.k) for of in number.each),
                y=tuple(of.gap for of in number.each),
                low=tuple(of.gap - 1.96 * of.gap_error for of in number.each),
                high=tuple(of.gap + 1.96 * of.gap_error for of in number.each),
            ),
        ),
    )  # fmt: skip
    said = [worded("number.test", p=_p(number.p_one_population)), worded(f"number.{number.reason}", k=number.k)]
    if fitted.fixed:
        said.append(worded("number.fixed", k=fitted.k))
    return _section("number", Paragraph(said=tuple(said)), figure, table)


def _map(fitted: FittedSubgroups) -> Section:
    points = fitted.points
    second = points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
    step = max(len(points) // MOST_POINTS, 1)
    series = []
    for group in range(fitted.k):
        rows = np.flatnonzero(fitted.labels == group)[::step]
        x, y = (tuple(float(v) for v in np.round(values[rows], 4)) for values in (points[:, 0], second))
        series.append(Series(name=_name(group), x=x, y=y, style="points"))
    figure = Figure(
        kind="scatter",
        title=say("figure.map"),
        alt=say("figure.map_alt", k=fitted.k),
        x_label=say("axis.first"),
        y_label=say("axis.second"),
        series=tuple(series),
    )
    return _section("map", Paragraph(said=(worded("map.lead"),)), figure)


def _apart(fitted: FittedSubgroups, found: tuple[Difference, ...]) -> Section:
    blocks: list[Block] = [Paragraph(said=(worded("apart.lead"),))]
    for group in range(fitted.k):
        mine = sorted((d for d in found if d.group == group), key=lambda d: -abs(d.effect))[:SHOWN]
        n = int((fitted.labels == group).sum())
        rows = tuple(
            (
                f"{d.name}: {d.level}" if d.level else d.name, _of(d, d.inside), _of(d, d.outside),
                _range(d.effect, d.low, d.high), say("cell.used") if d.used else _p(d.p),
            )
            for d in mine
        )  # fmt: skip
        headings = tuple(say(f"column.{name}") for name in ("variable", "inside", "outside", "effect", "p"))
        title = say("table.apart", group=_name(group), n=n, share=f"{100 * n / len(fitted.labels):.0f}")
        blocks.append(TableBlock(title=title, headings=headings, rows=rows))
    blocks.append(Paragraph(said=(worded("apart.note"),)))
    return _section("apart", _heatmap(fitted, found), *blocks)


def _heatmap(fitted: FittedSubgroups, found: tuple[Difference, ...]) -> Figure:
    keys = list(dict.fromkeys((d.name, d.level) for d in sorted(found, key=lambda d: -abs(d.effect)) if d.used))[:12]
    effect = {(d.name, d.level, d.group): d.effect for d in found}
    rows = tuple(tuple(float(effect.get((*key, g), 0.0)) for g in range(fitted.k)) for key in keys)
    return Figure(
        kind="heatmap",
        title=say("figure.effects"),
        alt=say("figure.effects_alt"),
        series=(
            Series(
                name=say("column.effect"),
                labels=(*(f"{n}: {level}" if level else n for n, level in keys), *(_name(g) for g in range(fitted.k))),
                z=rows,
            ),
        ),
    )


def _stable(fitted: FittedSubgroups) -> Section:
    held = fitted.stability
    assert held is not None
    rows = []
    for group in range(fitted.k):
        mark = "stable" if held.jaccard[group] >= STABLE else "doubtful" if held.jaccard[group] >= DOUBTFUL else "weak"
        rows.append(
            (
                _name(group), str(int((fitted.labels == group).sum())),
                _range(held.jaccard[group], held.low[group], held.high[group]),
                f"{100 * held.dissolved[group]:.0f} %", say(f"cell.{mark}"),
            )
        )  # fmt: skip
    table = TableBlock(
        title=say("table.stable"),
        headings=tuple(say(f"column.{name}") for name in ("group", "n", "jaccard", "dissolved", "verdict")),
        rows=tuple(rows),
        note=say("table.stable_note", resamples=held.resamples),
    )
    said = (worded("stable.lead", agreement=f"{held.agreement:.2f}"),)
    return _section("stable", Paragraph(said=said), table)


def _became(prepared: PreparedSubgroups, fitted: FittedSubgroups, validation: Validation) -> Section:
    target = prepared.target
    assert target is not None
    kind = {Task.SURVIVAL: "survival", Task.CLASSIFICATION: "event_rate", Task.REGRESSION: "mean_outcome"}[target.task]
    at = horizon(prepared)
    blocks: list[Block] = [Paragraph(said=(worded("became.lead"),))]
    if curves := [curve for curve in validation.curves if curve.name == "survival"]:
        blocks.append(
            Figure(
                kind="line",
                title=say("figure.survival"),
                alt=say("figure.survival_alt", k=fitted.k),
                x_label=say("axis.time", unit=str(prepared.config.get("time_unit") or say("axis.no_unit"))),
                y_label=say("axis.survival"),
                series=tuple(
                    Series(name=_name(g), x=c.x, y=c.y, low=c.low, high=c.high, style="step")
                    for g, c in ((int(c.group.partition("=")[2]) - 1, c) for c in curves)
                ),
                y_range=(0.0, 1.0),
            )
        )
    rows = []
    for group in range(fitted.k):
        each = validation.find(kind, group=group_name(group), at=at)
        if each is not None and each.value is not None:
            events = say("cell.none") if each.n_events is None else str(each.n_events)
            rows.append((_name(group), str(each.n), events, _range(each.value, each.low, each.high)))
    where = f" ({at:g})" if at is not None else ""
    headings = (say("column.group"), say("column.n"), say("column.events"), say(f"column.{kind}") + where)
    tested = [m for m in validation.measures if m.name in ("p_logrank", "p_chi2", "p_kruskal") and m.value is not None]
    note = say(f"table.{tested[0].name}", p=_p(float(tested[0].value or 0))) if tested else ""
    blocks.append(TableBlock(title=say("table.became"), headings=headings, rows=tuple(rows), note=note))
    return _section("became", *blocks)


def _rules(fitted: FittedSubgroups) -> Section:
    found = fitted.rules
    assert found is not None
    table = TableBlock(
        title=say("table.rules"),
        headings=tuple(say(f"column.{name}") for name in ("conditions", "group", "n", "share")),
        rows=tuple(
            (say("and").join(rule.conditions) or say("cell.everyone"), _name(rule.group), str(rule.n),
             f"{100 * rule.share:.0f} %")
            for rule in found.rules
        ),
    )  # fmt: skip
    said = worded("rules.lead", agreement=f"{100 * found.agreement:.0f}", chance=f"{100 * found.chance:.0f}")
    return _section("rules", Paragraph(said=(said, worded("rules.stored"))), table)


def _sensitive(fitted: FittedSubgroups) -> Section:
    rows = tuple(
        (say(f"choice.{each.choice}", subject=each.subject or say("cell.none")), _text(each.agreement, 2))
        for each in fitted.sensitivity
    )
    table = TableBlock(
        title=say("table.sensitive"), headings=(say("column.choice"), say("column.rand")), rows=rows,
        note=say("table.sensitive_note"),
    )  # fmt: skip
    return _section("sensitive", Paragraph(said=(worded("sensitive.lead"),)), table)


def _groups(prepared: PreparedSubgroups, fitted: FittedSubgroups) -> dict[str, Any]:
    columns: dict[str, Any] = {"id": list(prepared.ids), "group": fitted.labels + 1}
    if fitted.assignment is not None:
        placed = fitted.assignment.place(prepared.cohort)
        columns |= {"share": placed.share, "distance": placed.distance, "clear": placed.clear}
    for axis in range(min(fitted.points.shape[1], 3)):
        columns[f"axis_{axis + 1}"] = fitted.points[:, axis]
    return columns


def _tables(
    prepared: PreparedSubgroups, fitted: FittedSubgroups, found: tuple[Difference, ...]
) -> dict[str, dict[str, Any]]:
    fields = ("k", "gap", "gap_error", "silhouette", "prediction_strength", "bic", "agreement")
    tables: dict[str, dict[str, Any]] = {
        "number": {field: [getattr(of, field) for of in fitted.number.each] for field in fields}
    }
    if found:
        names = ("name", "level", "inside", "outside", "effect", "low", "high", "p", "n", "used")
        tables["differences"] = {"group": [d.group + 1 for d in found]} | {
            name: [getattr(d, name) for d in found] for name in names
        }
    if fitted.rules is not None:
        listed = fitted.rules.rules
        tables["rules"] = {
            "conditions": [list(rule.conditions) for rule in listed], "group": [rule.group + 1 for rule in listed],
            "n": [rule.n for rule in listed], "share": [rule.share for rule in listed],
        }  # fmt: skip
    if fitted.assignment is not None and prepared.new is not None:
        placed = fitted.assignment.place(prepared.new)
        tables["placed"] = {
            "id": list(prepared.new_ids), "group": placed.group + 1, "share": placed.share,
            "distance": placed.distance, "unusual": placed.unusual, "clear": placed.clear,
        }  # fmt: skip
    return tables


def _text(value: float, digits: int, error: float | None = None) -> str:
    if not np.isfinite(value):
        return say("cell.none")
    text = f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error is not None else "")
    return text.replace("-", "−")


def _range(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None or not np.isfinite(value):
        return say("cell.none")
    return f"{value:.2f} ({low:.2f} to {high:.2f})".replace("-", "−")


def _of(difference: Difference, value: float) -> str:
    return f"{100 * value:.0f} %" if difference.level else f"{value:.3g}".replace("-", "−")


def _p(p: float) -> str:
    return say("cell.tiny") if p < 0.001 else say("cell.p", p=f"{p:.3f}")
