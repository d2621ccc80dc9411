"""How well it works: ranking, calibration, usefulness, risk groups over time, sure and unsure predictions."""

from __future__ import annotations

import numpy as np

from sartor.domain.document import Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.model import Task
from sartor.domain.validation import Curve, Measure
from sartor.learning.metrics.survival import cumulative_incidence
from sartor.studies.risk_model.publish.telling import (
    NOT_PERFORMANCE,
    Told,
    has,
    interval,
    lead,
    name_of,
    percent,
    say,
    shares,
    short,
    table,
    worded,
)

AT = ("net_benefit", "selection_rate", "sensitivity", "specificity", "ppv", "npv")
AT_HORIZON = ("auc_at", "brier_at", "scaled_brier_at", "observed_expected_at", "ici_at", "calibration_slope_at")
IN_SHARES = frozenset({"selection_rate", "sensitivity", "specificity", "ppv", "npv"})
THIRDS = ("low", "middle", "high")
BINS = 25
Blocks = list[Paragraph | TableBlock | Figure]


def accuracy(told: Told) -> Section:
    """Discrimination and calibration."""
    blocks: Blocks = [lead(worded("accuracy.lead", folds=_folds(told)))]
    blocks.append(_everything(told))
    blocks += _calibration(told)
    blocks += [figure for figure in (_roc(told), _risks(told), *_incidence(told), *_confusion(told)) if figure]
    return Section(anchor="accuracy", heading=worded("heading.accuracy"), blocks=tuple(blocks))


def _folds(told: Told) -> str:
    folds, repeats = int(told.fitted.folds.max()) + 1, len(told.fitted.folds)
    if told.where == "temporal":
        return say("scheme.temporal")
    return say("scheme.folds" if repeats > 1 else "scheme.once", folds=folds, repeats=repeats)


def _everything(told: Told) -> TableBlock:
    own = [m for m in told.validation.measures
           if m.candidate == "pipeline" and m.where == told.where and not m.group
           and m.name not in (*AT, *AT_HORIZON)
           and m.name not in NOT_PERFORMANCE and has(f"meaning.{m.name.partition(':')[0]}")]  # fmt: skip
    rows = [(_called(m), interval(m), say(f"meaning.{m.name.partition(':')[0]}"), f"{m.n:,}") for m in own]
    first = tuple(k for k, m in enumerate(own) if m.name == told.metric)
    return table("measures", ("measure", "value", "meaning", "rows"), rows, emphasis=first)


def _called(measure: Measure) -> str:
    named, _, part = measure.name.partition(":")
    said = name_of(named) + (f" ({part})" if part else "")
    return said if measure.at is None else f"{said}, {short(measure.at)}"


def _calibration(told: Told) -> Blocks:
    found = [each for each in told.validation.curves
             if each.name.partition(":")[0] == "calibration" and each.candidate == "pipeline"
             and each.where == told.where]  # fmt: skip
    blocks: Blocks = []
    for curve in found:
        at = curve.name.partition(":")[2]
        at = f"{at} {told.prepared.target.unit}".strip()
        title = say("figure.calibration_at", at=at) if at else say("figure.calibration")
        blocks.append(calibration_figure(curve, title, told))
    if found and (slope := told.measure("calibration_slope")) is not None and slope.value is not None:
        key = "even" if 0.9 <= slope.value <= 1.1 else "extreme" if slope.value < 0.9 else "timid"
        key = f"{key}_value" if told.task is Task.REGRESSION else key
        blocks.append(lead(worded(f"calibration.{key}", slope=interval(slope))))
    return blocks


def calibration_figure(curve: Curve, title: str, told: Told) -> Figure:
    """Observed over predicted with the diagonal."""
    low, high = float(min(curve.x, default=0)), float(max(curve.x, default=1))
    binary = told.task is not Task.REGRESSION
    span = (0.0, high) if binary else (low, high)
    observed = Series(name=say("observed"), x=curve.x, y=curve.y, low=curve.low, high=curve.high,
                      style="line" if len(curve.x) > 25 else "points")  # fmt: skip
    ideal = Series(name=say("ideal"), x=span, y=span, style="reference")
    middle = len(curve.x) // 2
    alt = say("alt.none")
    if curve.x:
        alt = say("alt.calibration", low=short(curve.x[0]), low_seen=short(curve.y[0]), middle=short(curve.x[middle]),
                  middle_seen=short(curve.y[middle]), high=short(curve.x[-1]),
                  high_seen=short(curve.y[-1]))  # fmt: skip
    return Figure(kind="line", title=title, alt=alt, x_label=say("axis.predicted"), y_label=say("axis.observed"),
                  series=(observed, ideal))  # fmt: skip


def _roc(told: Told) -> Figure | None:
    curve = told.curve("roc")
    if curve is None:
        return None
    series = (
        Series(name=say("candidate.pipeline"), x=curve.x, y=curve.y),
        Series(name=say("chance"), x=(0.0, 1.0), y=(0.0, 1.0), style="reference"),
    )
    return Figure(
        kind="line", title=say("figure.roc"), alt=say("alt.roc", auc=interval(told.measure("auroc"))),
        x_label=say("axis.false_positive"), y_label=say("axis.sensitivity"), series=series, x_range=(0, 1),
        y_range=(0, 1.01),
    )  # fmt: skip


def _risks(told: Told) -> Figure | None:
    """How the predictions of those with and without the outcome lie, as shares, so that no row can be read off."""
    target = told.prepared.target
    if not target.is_binary:
        return None
    known = np.isfinite(told.risk)
    edges = np.linspace(0, max(0.05, float(np.quantile(told.risk[known], 0.999))), BINS + 1)
    series = []
    for k, name in enumerate(target.classes):
        values = np.minimum(told.risk[known & (target.values == k)], edges[-1])
        share = np.histogram(values, edges)[0] / max(len(values), 1)
        middle = (edges[:-1] + edges[1:]) / 2
        series.append(Series(name=name, x=tuple(middle), y=tuple(share), style="line"))
    medians = [short(float(np.median(told.risk[known & (target.values == k)]))) for k in (0, 1)]
    return Figure(
        kind="histogram", title=say("figure.risks"),
        alt=say("alt.risks", without=medians[0], with_outcome=medians[1]),
        x_label=say("axis.predicted"), y_label=say("axis.share"), series=tuple(series),
    )  # fmt: skip


def _incidence(told: Told) -> list[Figure]:
    """Cumulative incidence by thirds of the predicted risk, as it was seen."""
    target = told.prepared.target
    if told.task is not Task.SURVIVAL:
        return []
    known = np.flatnonzero(np.isfinite(told.risk))
    ordered = known[np.argsort(told.risk[known], kind="stable")]
    series, said = [], []
    for name, part in zip(THIRDS, np.array_split(ordered, len(THIRDS)), strict=True):
        curve = cumulative_incidence(target.take(part))
        times = np.concatenate(([0.0], np.asarray(curve.times, float)))
        share = np.concatenate(([0.0], np.asarray(curve.values, float)))
        kept = np.unique(np.linspace(0, len(times) - 1, 150).astype(int))
        series.append(Series(name=say(f"third.{name}"), x=tuple(times[kept]), y=tuple(share[kept]), style="step"))
        at = told.horizons[0] if told.horizons else float(np.median(target.values))
        said.append(f"{say(f'third.{name}')} {percent(float(curve.at([at])[0]))}")
    return [
        Figure(
            kind="line", title=say("figure.incidence"), alt=say("alt.incidence", at=short(at), parts="; ".join(said)),
            x_label=told.time_axis, y_label=say("axis.incidence"),
            series=tuple(series), y_range=(0.0, 1.0),
        )
    ]  # fmt: skip


def _confusion(told: Told) -> list[Figure]:
    target = told.prepared.target
    if told.task is not Task.CLASSIFICATION or target.is_binary:
        return []
    predicted = np.asarray(told.fitted.pipeline.predicted[0], float)
    known = np.isfinite(predicted).all(axis=1)
    count = np.zeros((len(target.classes), len(target.classes)))
    np.add.at(count, (target.values[known].astype(int), predicted[known].argmax(axis=1)), 1)
    share = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    said = "; ".join(f"{name} {percent(share[k, k])}" for k, name in enumerate(target.classes))
    return [
        Figure(
            kind="heatmap", title=say("figure.confusion"), alt=say("alt.confusion", parts=said),
            x_label=say("axis.likeliest"), y_label=say("axis.true"),
            series=(Series(name="share", labels=target.classes, z=tuple(tuple(map(float, row)) for row in share)),),
        )
    ]  # fmt: skip


def usefulness(told: Told) -> Section:
    """Decision curve, thresholds, horizons, and a clinician on the same patients."""
    blocks: Blocks = []
    if figure := _decision(told):
        over_time = told.task is Task.SURVIVAL and bool(told.horizons)
        said = worded("useful.by", at=told.by(told.horizons[0])) if over_time else None
        blocks += [lead(*(each for each in (worded("useful.lead"), said) if each is not None)), figure]
    blocks += _thresholds(told) + _horizons(told) + _clinician(told)
    return Section(anchor="usefulness", heading=worded("heading.usefulness"), blocks=tuple(blocks))


def _decision(told: Told) -> Figure | None:
    curve = told.curve("decision")
    if curve is None:
        return None
    series = [Series(name=say("candidate.pipeline"), x=curve.x, y=curve.y, low=curve.low, high=curve.high)]
    for name in ("treat_all", "treat_none"):
        other = told.curve(f"decision:{name}")
        if other is not None:
            style = "reference" if name == "treat_none" else "line"
            series.append(Series(name=say(f"strategy.{name}"), x=other.x, y=other.y, style=style))
    everyone = told.curve("decision:treat_all")
    better = [x for x, y, e in zip(curve.x, curve.y, everyone.y if everyone else curve.y, strict=False)
              if y > max(e, 0.0)]  # fmt: skip
    alt = say("alt.decision", low=percent(min(better)), high=percent(max(better))) if better else say("alt.no_benefit")
    top = max(curve.y, default=0.1)
    return Figure(
        kind="line", title=say("figure.decision"), alt=alt, x_label=say("axis.threshold"),
        y_label=say("axis.net_benefit"), series=tuple(series), y_range=(-0.35 * max(top, 0.01), 1.25 * max(top, 0.01)),
    )  # fmt: skip


def _thresholds(told: Told) -> Blocks:
    places = sorted({m.at for m in told.validation.measures
                     if m.name in AT and m.at is not None and m.candidate == "pipeline" and m.where == told.where
                     and not m.group})  # fmt: skip
    rows = []
    for at in places:
        found = [told.measure(name, at=at) for name in AT]
        cells = [shares(m) if name in IN_SHARES else interval(m) for name, m in zip(AT, found, strict=True)]
        rows.append((f"{100 * at:g} %", *cells))
    if not rows:
        return []
    return [table("thresholds", ("threshold", *AT), rows)]


def _horizons(told: Told) -> Blocks:
    places = sorted({m.at for m in told.validation.measures
                     if m.name in AT_HORIZON and m.at is not None and m.candidate == "pipeline"
                     and m.where == told.where and not m.group})  # fmt: skip
    rows = [(short(at), *(interval(told.measure(name, at=at)) for name in AT_HORIZON)) for at in places]
    return [table("horizons", ("horizon", *AT_HORIZON), rows)] if rows else []


def _clinician(told: Told) -> Blocks:
    names = ("sensitivity", "specificity", "net_benefit")
    rows = []
    for candidate in ("clinician", "pipeline at the clinician's rate"):
        found = [told.measure(name, candidate=candidate) for name in names]
        if any(found):
            rows.append((say(f"clinician.{candidate.split()[0]}"), *map(interval, found)))
    return [lead(worded("clinician.lead")), table("clinician", ("who", *names), rows)] if rows else []


def certainty(told: Told) -> Section:
    """Whether intervals and sets cover as often as they say, and when the model stays silent."""
    found = {(m.name, m.group): m for m in told.validation.measures
             if m.name in ("coverage", "coverage_marginal") and m.where == told.where}  # fmt: skip
    parts = [group for name, group in found if name == "coverage" and group.count("&") == 0]
    rows = [
        (told.group_name(group) or told.everyone, f"{found['coverage', group].n:,}", shares(found["coverage", group]),
         shares(found.get(("coverage_marginal", group))))
        for group in parts
    ]  # fmt: skip
    if not rows:
        return Section(anchor="certainty", heading=worded("heading.certainty"), blocks=(lead(worded("certain.none")),))
    over_time = told.task is Task.SURVIVAL
    blocks: Blocks = [
        lead(worded("certain.lead_over_time" if over_time else "certain.lead")),
        table("coverage_over_time" if over_time else "coverage",
              ("part", "rows", "outlived", "by_itself") if over_time else ("part", "rows", "covered", "naive"), rows),
    ]  # fmt: skip
    if over_time:
        blocks.append(lead(worded("certain.over_time")))
    size = told.measure("mean_set_size") or told.measure("mean_interval_width")
    if size is not None and size.value is not None:
        blocks.append(lead(worded(f"certain.{size.name}", value=short(size.value))))
    blocks.append(lead(worded("certain.abstain")))
    return Section(anchor="certainty", heading=worded("heading.certainty"), blocks=tuple(blocks))
