"""Validation → the page that a clinician reads, the model's card, predictions and tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import ModelCard, Task
from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Measure, Validation
from sartor.learning.transfer import GUARDED, WHOLE
from sartor.learning.transfer.candidates import LOCAL, SOURCE
from sartor.learning.transfer.learners import NAME as LEARNER
from sartor.studies.transfer.card import CARD, say, worded
from sartor.studies.transfer.fit import FittedTransfer
from sartor.studies.transfer.prepare import PreparedTransfer
from sartor.studies.transfer.validate import PIPELINE, events

IN_FIGURE = (SOURCE, LOCAL, "pooled", "adapted", GUARDED)
SHOWN_COEFFICIENTS = 12
MINUS = "−"


def publish(
    prepared: PreparedTransfer, fitted: FittedTransfer, validation: Validation, around: Surroundings
) -> Publication:
    """The guarded model with its card, and the comparison as a page."""
    return Publication(
        validation=validation,
        document=document(prepared, fitted, validation),
        card=_card(prepared, fitted, validation, around),
        files=fitted.model.to_files(),
        predictions=_predictions(prepared, fitted),
        tables={"comparison": _comparison(validation), "coefficients": _coefficients(fitted)},
    )


def document(prepared: PreparedTransfer, fitted: FittedTransfer, validation: Validation) -> Document:
    """Verdict, comparison, learning curve, guard, calibration, what moved, limits."""
    metric = str(validation.facts["metric"])
    return Document(
        title=str(prepared.config.get("title") or say("title")),
        verdict=_verdict(prepared, validation, metric),
        sections=(
            _about(prepared, fitted),
            _ways(validation, metric, fitted),
            _learning_curve(validation, metric, fitted),
            _guard(validation, metric, fitted),
            *_calibration(validation),
            _moved(fitted),
            _limits(prepared, validation),
        ),
    )


def _verdict(prepared: PreparedTransfer, validation: Validation, metric: str) -> tuple[Wording, ...]:
    values = {name: _found(validation, metric, name) for name in (SOURCE, LOCAL, GUARDED)}
    difference = _found(validation, f"{metric}_minus_better", GUARDED)
    said = [
        worded(
            "verdict.values",
            metric=say(f"metric.{metric}"),
            source=_interval(values[SOURCE]),
            local=_interval(values[LOCAL]),
            guarded=_interval(values[GUARDED]),
            n=len(prepared.sites.target),
        )
    ]
    gain = difference.low is not None and difference.low > 0
    handed = str(validation.facts["handed_over"])
    key = "verdict.harm" if handed != GUARDED else "verdict.gain" if gain else "verdict.even"
    given = {"better": say(f"way.{difference.note}"), "difference": _interval(difference, signed=True)}
    said.append(worded(key, **given, **({"handed": say(f"way.{handed}")} if handed != GUARDED else {})))
    return tuple(said)


def _about(prepared: PreparedTransfer, fitted: FittedTransfer) -> Section:
    sites = prepared.sites
    said = [
        worded(
            f"about.{sites.target.task.value}",
            n_source=sites.n_source,
            n_target=len(sites.target),
            events=events(sites.target) or 0,
            events_source=events(sites.source) or 0,
            features=len(sites.cohort.names),
        ),
        worded("about.method", folds=prepared.folds, repeats=fitted.repeats_made),
        worded("about.shift", effective=f"{fitted.effective:.0f}", n=sites.n_source),
        *prepared.guesses,
    ]
    warnings = [worded("about.check", detail=check.detail) for check in prepared.checks if not check.passed]
    blocks = [Paragraph(said=tuple(said))]
    if warnings:
        blocks.append(Paragraph(said=tuple(warnings), tone="warning"))
    return Section(anchor="about", heading=worded("heading.about"), blocks=tuple(blocks))


def _ways(validation: Validation, metric: str, fitted: FittedTransfer) -> Section:
    names = list(fitted.compared.margins[WHOLE])
    shown = [metric, "calibration_slope", "calibration_intercept", "brier", "mean_squared_error"]
    shown = [name for name in shown if validation.find(name, candidate=SOURCE)]
    rows = [
        (say(f"way.{name}"), *(_interval(_found(validation, measure, name)) for measure in shown)) for name in names
    ]
    table = TableBlock(
        title=say("table.ways"),
        headings=(say("column.way"), *(say(f"metric.{name}") for name in shown)),
        rows=tuple(rows),
        emphasis=(names.index(GUARDED),),
        note=say("table.ways_note", trained=fitted.compared.trained),
    )
    text = tuple(worded(f"explained.{name}") for name in names)
    blocks = (Paragraph(said=(worded("ways.lead"),)), table, Paragraph(said=text))
    return Section(anchor="ways", heading=worded("heading.ways"), blocks=blocks)


def _learning_curve(validation: Validation, metric: str, fitted: FittedTransfer) -> Section:
    sizes = sorted(size for size in fitted.compared.margins if size != WHOLE)
    places: list[tuple[float, float | None]] = [(float(size), float(size)) for size in sizes]
    places.append((float(fitted.compared.trained), None))
    names = [name for name in IN_FIGURE if name in fitted.compared.margins[WHOLE]]
    series = []
    for name in names:
        found = [_found(validation, metric, name, at) for _, at in places]
        drawn = [(x, m) for (x, _), m in zip(places, found, strict=True) if m.value is not None]
        banded = name == GUARDED
        series.append(
            Series(
                name=say(f"way.{name}"),
                x=tuple(x for x, _ in drawn),
                y=tuple(float(m.value or 0) for _, m in drawn),
                low=tuple(_or(m.low, m.value) for _, m in drawn) if banded else (),
                high=tuple(_or(m.high, m.value) for _, m in drawn) if banded else (),
                style="line",
            )
        )
    figure = Figure(
        kind="line",
        title=say("figure.curve"),
        alt=say("figure.curve_alt", metric=say(f"metric.{metric}")),
        x_label=say("axis.rows"),
        y_label=say(f"metric.{metric}"),
        series=tuple(series),
    )
    rows = []
    for x, at in places:
        cells = [_cell(_found(validation, metric, name, at), full=name == GUARDED) for name in names]
        rows.append((f"{x:.0f}", *cells))
    table = TableBlock(
        title=say("table.curve"),
        headings=(say("axis.rows"), *(say(f"way.{name}") for name in names)),
        rows=tuple(rows),
    )
    blocks = (Paragraph(said=(worded("curve.lead"),)), figure, table)
    return Section(anchor="learning-curve", heading=worded("heading.curve"), blocks=blocks)


def _guard(validation: Validation, metric: str, fitted: FittedTransfer) -> Section:
    rows = []
    for size in sorted(fitted.compared.margins, key=lambda s: s or 10**9):
        at = None if size == WHOLE else float(size)
        each = _found(validation, f"{metric}_minus_better", GUARDED, at)
        within = each.value is not None and each.value >= -0.01
        label = str(size or fitted.compared.trained)
        rows.append((label, say(f"way.{each.note}"), _interval(each, signed=True), say("yes" if within else "no")))
    table = TableBlock(
        title=say("table.guard"),
        headings=(say("axis.rows"), say("column.better"), say("column.difference"), say("column.within")),
        rows=tuple(rows),
        note=say("table.guard_note"),
    )
    weights = tuple((say(f"way.{name}"), f"{100 * share:.0f} %") for name, share in fitted.weights.items())
    parts = TableBlock(title=say("table.weights"), headings=(say("column.way"), say("column.weight")), rows=weights)
    said = [worded("guard.lead")]
    if fitted.reason:
        said.append(worded(f"guard.{fitted.reason}"))
    if fitted.handed_over != GUARDED:
        said.append(worded("guard.fallen_back", handed=say(f"way.{fitted.handed_over}")))
    blocks = (Paragraph(said=tuple(said)), table, parts)
    return Section(anchor="guard", heading=worded("heading.guard"), blocks=blocks)


def _calibration(validation: Validation) -> tuple[Section, ...]:
    curves = [curve for curve in validation.curves if curve.name == "calibration"]
    if not curves:
        return ()
    series = [Series(name=say("figure.ideal"), x=(0.0, 1.0), y=(0.0, 1.0), style="reference")]
    series += [
        Series(name=say(f"way.{c.candidate}"), x=c.x, y=c.y, low=c.low if c.candidate == GUARDED else (),
               high=c.high if c.candidate == GUARDED else ())
        for c in curves
    ]  # fmt: skip
    figure = Figure(
        kind="line",
        title=say("figure.calibration"),
        alt=say("figure.calibration_alt"),
        x_label=say("axis.predicted"),
        y_label=say("axis.observed"),
        series=tuple(series),
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
    )
    blocks = (Paragraph(said=(worded("calibration.lead"),)), figure)
    return (Section(anchor="calibration", heading=worded("heading.calibration"), blocks=blocks),)


def _moved(fitted: FittedTransfer) -> Section:
    """The coefficients that differ most between source and target, standardised."""
    source, target = fitted.linear[SOURCE].coefficients, fitted.linear[LOCAL].coefficients
    final = fitted.model.fitted.linear.coefficients if hasattr(fitted.model.fitted, "linear") else target
    order = np.argsort(-np.abs(source - target), kind="stable")[:SHOWN_COEFFICIENTS]
    rows = tuple(
        (fitted.columns[i], *(f"{each[i]:+.2f}".replace("-", MINUS) for each in (source, target, final))) for i in order
    )
    table = TableBlock(
        title=say("table.moved"),
        headings=(say("column.input"), say("way.source"), say("way.local"), say("way.guarded")),
        rows=rows,
        note=say("table.moved_note"),
    )
    return Section(
        anchor="what-moved", heading=worded("heading.moved"), blocks=(Paragraph(said=(worded("moved.lead"),)), table)
    )


def _limits(prepared: PreparedTransfer, validation: Validation) -> Section:
    said = [worded("limits.internal"), worded("limits.definitions"), worded("limits.small")]
    if "network" in prepared.learners:
        said.append(worded("limits.network"))
    return Section(anchor="limits", heading=worded("heading.limits"), blocks=(Paragraph(said=tuple(said)),))


def _card(
    prepared: PreparedTransfer, fitted: FittedTransfer, validation: Validation, around: Surroundings
) -> ModelCard:
    target = prepared.sites.target
    config = prepared.config
    outcome = str(config.get("target") or config.get("event"))
    name = str(config.get("name") or f"transfer-{outcome}".lower().replace(" ", "-"))
    from sartor._version import __version__

    return ModelCard(
        name=name,
        version="1",
        title=str(config.get("title") or say("card.title", outcome=outcome)),
        study=CARD.name,
        task=target.task,
        learner=LEARNER,
        outcome=outcome,
        classes=target.classes if target.task is Task.CLASSIFICATION else (),
        time_unit=str(config.get("time_unit", "")),
        horizons=fitted.model.horizons,
        unit=target.unit,
        intended_use=say("card.intended", outcome=outcome),
        not_for=(say("card.not_for_other_sites"),),
        features=fitted.model.features,
        n=len(target),
        n_events=events(target),
        measures=tuple(m for m in validation.measures if m.candidate == PIPELINE),
        inputs=prepared.inputs,
        created=around.now,
        sartor_version=__version__,
        seed=prepared.seed,
        licence=str(config.get("licence", "")),
        facts={
            "guard_weights": dict(fitted.weights),
            "handed_over": fitted.handed_over,
            "n_source": prepared.sites.n_source,
        },
    )


def _predictions(prepared: PreparedTransfer, fitted: FittedTransfer) -> dict[str, Any]:
    """Out-of-fold predictions, mean over repeats: probability, value, or log relative hazard."""
    target = prepared.sites.target
    columns: dict[str, Any] = {"id": list(prepared.ids), "outcome": target.values}
    if target.events is not None:
        columns["event"] = target.events
    for name, margins in fitted.compared.margins[WHOLE].items():
        is_risk = target.task is Task.CLASSIFICATION
        found = 1 / (1 + np.exp(-np.clip(margins, -500, 500))) if is_risk else margins
        columns[name] = found.mean(axis=0)
    columns["prediction"] = columns[fitted.handed_over]
    return columns


def _comparison(validation: Validation) -> dict[str, Any]:
    rows = [m for m in validation.measures if m.candidate != PIPELINE]
    fields = ("name", "candidate", "at", "value", "low", "high", "n", "n_events", "note")
    return {field: [getattr(row, field) for row in rows] for field in fields}


def _coefficients(fitted: FittedTransfer) -> dict[str, Any]:
    return {"column": list(fitted.columns)} | {name: each.coefficients for name, each in fitted.linear.items()}


def _found(validation: Validation, name: str, candidate: str, at: float | None = None) -> Measure:
    found = validation.find(name, candidate=candidate, at=at)
    return found if found is not None else Measure(name=name, candidate=candidate, value=None)


def _interval(measure: Measure, *, signed: bool = False) -> str:
    """The value with its interval as text; a dash where there is none."""
    if measure.value is None:
        return say("none")
    form = "{:+.3f}" if signed else "{:.3f}"
    text = form.format(measure.value)
    if measure.low is not None and measure.high is not None:
        text += f" ({form.format(measure.low)} to {form.format(measure.high)})"
    return text.replace("-", MINUS)


def _cell(measure: Measure, *, full: bool) -> str:
    """With interval, or the value alone where the table would grow too wide (the numbers stand in tables/)."""
    return _interval(measure if full else measure.model_copy(update={"low": None, "high": None}))


def _or(value: float | None, other: float | None) -> float:
    return float(value if value is not None else other or 0.0)
