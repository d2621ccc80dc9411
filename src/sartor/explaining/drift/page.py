"""What monitoring found as a document: verdict, table of inputs, performance, calibration over time."""

from __future__ import annotations

from datetime import date, timedelta

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording
from sartor.explaining.drift.comparison import Drift, InputDrift, Period
from sartor.explaining.drift.policy import CONTINUE, Decision
from sartor.explaining.drift.reference import Reference

NAME = "drift"
EPOCH = date(1970, 1, 1)


def document(drift: Drift, decision: Decision, reference: Reference, *, title: str) -> Document:
    """The page of one monitoring run; its sentences are in wording/en.toml."""
    tone = "good" if decision.action == CONTINUE else "warning"
    said = tuple(_say(f"reason.{key}", **values) for key, values in decision.reasons)
    verdict = (_say(f"action.{decision.action}"),)
    sections = [
        Section(
            anchor="verdict", heading=_say("heading.verdict"), blocks=(Paragraph(said=(*verdict, *said), tone=tone),)
        ),
        Section(anchor="inputs", heading=_say("heading.inputs"), blocks=(_intro("inputs"), _inputs(drift))),
    ]
    if drift.measures:
        blocks = (_intro("performance"), _performance(drift, reference))
        sections.append(Section(anchor="performance", heading=_say("heading.performance"), blocks=blocks))
    if drift.periods:
        blocks_over_time = (_intro("periods"), _figure(drift.periods), _periods(drift.periods))
        sections.append(Section(anchor="periods", heading=_say("heading.periods"), blocks=blocks_over_time))
    return Document(title=title, verdict=verdict, sections=tuple(sections))


def input_rows(drift: Drift) -> list[tuple[str, ...]]:
    """One row per input, the most changed first, as text; the prediction leads."""
    order = {"drift": 0, "watch": 1, "none": 2}
    ranked = sorted(drift.inputs, key=lambda each: (order[each.level], -each.psi, each.name))
    return [_row(each) for each in (drift.prediction, *ranked)]


INPUT_HEADINGS = ("input", "level", "stability index", "p", "missing before", "missing now", "p missing", "new labels")


def _row(each: InputDrift) -> tuple[str, ...]:
    new = ", ".join(each.new_labels[:5]) + ("…" if len(each.new_labels) > 5 else "")
    name = f"{each.name} (column not there)" if each.absent else each.name
    return (
        name, each.level, f"{each.psi:.3f}", f"{each.p_value:.2g}", f"{each.missing_before:.1%}",
        f"{each.missing_now:.1%}", f"{each.p_missing:.2g}", new,
    )  # fmt: skip


def _inputs(drift: Drift) -> TableBlock:
    rows = tuple(input_rows(drift))
    strong = tuple(k for k, row in enumerate(rows) if row[1] == "drift")
    return TableBlock(title="Inputs", headings=INPUT_HEADINGS, rows=rows, emphasis=strong)


def _performance(drift: Drift, reference: Reference) -> TableBlock:
    rows = []
    for each in drift.measures:
        if each.value is None:
            continue
        before = reference.measures.get(each.name)
        rows.append(
            (
                each.name,
                f"{each.value:.3f}",
                _interval(each.low, each.high),
                "" if before is None else f"{before[0]:.3f}",
            )
        )
    return TableBlock(title="Performance", headings=("measure", "now", "interval", "validation"), rows=tuple(rows))


def _periods(periods: tuple[Period, ...]) -> TableBlock:
    rows = tuple(
        (_day(p.start), _day(p.end), str(p.n), "" if p.n_events is None else str(p.n_events),
         "" if p.value is None else f"{p.value:.2f}", _interval(p.low, p.high), "off" if p.off else "")
        for p in periods
    )  # fmt: skip
    headings = ("from", "to", "rows", "events", periods[0].measure.replace("_", " "), "interval", "")
    return TableBlock(
        title="Periods", headings=headings, rows=rows, emphasis=tuple(k for k, p in enumerate(periods) if p.off)
    )


def _figure(periods: tuple[Period, ...]) -> Figure:
    label = periods[0].measure.replace("_", " ")
    x = tuple(float(k + 1) for k in range(len(periods)))
    values, low, high = (tuple(float(getattr(p, name) or 0) for p in periods) for name in ("value", "low", "high"))
    even = 1.0 if periods[0].measure == "observed_expected" else 0.0
    reference = Series(name=f"{even:g}", x=(x[0], x[-1]), y=(even, even), style="reference")
    shown = Series(name=label, x=x, y=values, low=low, high=high, style="points")
    alt = f"{label} in {len(periods)} stretches of time, from {values[0]:.2f} to {values[-1]:.2f}"
    return Figure(
        kind="line", title=label, alt=alt, x_label="stretch of time", y_label=label, series=(shown, reference)
    )


def _intro(name: str) -> Paragraph:
    return Paragraph(said=(_say(f"intro.{name}"),))


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _day(value: float) -> str:
    return (EPOCH + timedelta(days=round(value))).isoformat()


def _say(key: str, **values: str) -> Wording:
    return Wording(key=f"{NAME}.{key}", values=dict(values))
