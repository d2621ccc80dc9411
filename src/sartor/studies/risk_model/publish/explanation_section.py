"""What drives the predictions: importance, effects, and composed people explained from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.document import Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.model import Feature, Predictions, Task
from sartor.domain.validation import Curve
from sartor.studies.risk_model.publish.telling import Told, lead, number, percent, say, short, table, worded

EXPLAINED = 500
LEADING = 15
EFFECTS = 6
SHOWN_CONTRIBUTIONS = 6
PLACES = (("low", 0.0, 0.1), ("middle", 0.45, 0.55), ("high", 0.9, 1.0))
Blocks = list[Paragraph | TableBlock | Figure]


def weighed(told: Told) -> tuple[Feature, ...]:
    """The model's inputs with their share in the mean absolute contribution, measured here where the model has none."""
    model = told.fitted.model
    features: tuple[Feature, ...] = tuple(model.features)
    if any(each.importance > 0 for each in features):
        return features
    n = len(told.prepared.cohort)
    rows = np.random.default_rng(told.prepared.seed).permutation(n)[:EXPLAINED]
    rows.sort()
    found: Predictions = model.predict(told.prepared.cohort.take(rows), [str(row) for row in rows])
    mean = np.nan_to_num(np.abs(found.contributions)).mean(axis=0)
    share = mean / mean.sum() if mean.sum() > 0 else mean
    return tuple(
        each.model_copy(update={"importance": round(float(s), 6)}) for each, s in zip(features, share, strict=True)
    )


def explanations(told: Told, features: Sequence[Feature]) -> Section:
    """Importance, effects, example people, and whether the explanations hold."""
    blocks: Blocks = [lead(worded("why.lead"))]
    blocks += _importance(features)
    blocks += _effects(told, features)
    blocks += _checked(told)
    blocks += examples(told)
    return Section(anchor="why", heading=worded("heading.why"), blocks=tuple(blocks))


def _importance(features: Sequence[Feature]) -> Blocks:
    leading = [each for each in sorted(features, key=lambda each: (-each.importance, each.name)) if each.importance > 0]
    shown = leading[:LEADING]
    if not shown:
        return []
    names = tuple(each.label or each.name for each in shown)
    series = Series(name=say("importance"), labels=names, y=tuple(each.importance for each in shown))
    alt = "; ".join(f"{name} {percent(each.importance)}" for name, each in zip(names, shown, strict=True))
    return [
        Figure(kind="bar", title=say("figure.importance"), alt=alt, y_label=say("axis.importance"), series=(series,))
    ]


def _effects(told: Told, features: Sequence[Feature]) -> Blocks:
    """Accumulated local effects of the leading inputs, where the validation has them."""
    curves: dict[str, list[Curve]] = {}
    for each in told.validation.curves:
        if each.name.startswith("ale:"):
            curves.setdefault(each.name.removeprefix("ale:"), []).append(each)
    leading = sorted((each for each in features if each.name in curves), key=lambda each: -each.importance)[:EFFECTS]
    if not leading:
        return []
    return [lead(worded("why.effects")), *(_effect(told, each, curves[each.name]) for each in leading)]


def _effect(told: Told, feature: Feature, curves: Sequence[Curve]) -> Figure:
    if len(curves) > 1:
        return _effect_by_class(told, feature, curves)
    curve = curves[0]
    name = feature.label or feature.name
    least, most = float(min(curve.y)), float(max(curve.y))
    alt = say("alt.effect", name=name, low=short(least), high=short(most))
    label = f"{name} [{feature.unit}]" if feature.unit else name
    series = Series(name=name, x=curve.x, y=curve.y, low=curve.low, high=curve.high)
    title = say("figure.effect", name=name)
    y_label = say(f"axis.effect_{told.task.value}") if curve.y_label in ("", "margin") else curve.y_label
    if feature.kind == "category" and len(feature.categories) == len(curve.x):
        labels = tuple(told.label_of(feature.name, each) for each in feature.categories)
        bars = Series(name=name, labels=labels, y=curve.y, low=curve.low, high=curve.high)
        return Figure(kind="bar", title=title, alt=alt, y_label=y_label, series=(bars,))
    return Figure(kind="line", title=title, alt=alt, x_label=curve.x_label or label, y_label=y_label, series=(series,))


def _effect_by_class(told: Told, feature: Feature, curves: Sequence[Curve]) -> Figure:
    """One line or set of bars for each class, on its probability."""
    name = feature.label or feature.name
    classes = [curve.group.partition("=")[2] for curve in curves]
    moved = [
        f"{each} {short(min(curve.y))} to {short(max(curve.y))}" for each, curve in zip(classes, curves, strict=True)
    ]
    labels = feature.categories if feature.kind == "category" and len(feature.categories) == len(curves[0].x) else ()
    series = tuple(
        Series(name=each, labels=tuple(told.label_of(feature.name, one) for one in labels), x=() if labels else curve.x,
               y=curve.y, low=curve.low, high=curve.high)
        for each, curve in zip(classes, curves, strict=True)
    )  # fmt: skip
    return Figure(
        kind="bar" if labels else "line", title=say("figure.effect", name=name),
        alt=say("alt.effect_classes", name=name, parts="; ".join(moved)),
        x_label="" if labels else (f"{name} [{feature.unit}]" if feature.unit else name),
        y_label=say("axis.effect_classes"), series=series,
    )  # fmt: skip


def _checked(told: Told) -> Blocks:
    wanted = ("additivity", "deletion", "stability")
    found = [each for each in told.validation.checks if each.name.partition("_")[0] in wanted]
    rows = [(told.check_name(each.name), say("yes" if each.passed else "no"), each.detail or "–") for each in found]
    return [table("explained", ("check", "passed", "detail"), rows)] if rows else []


def examples(told: Told) -> Blocks:
    """Three composed people (medians of those told a low, middling and high risk), explained; none of them lives."""
    if len(told.prepared.target.classes) > 2 and told.task is Task.CLASSIFICATION:
        return _typical_of_classes(told)
    model, cohort = told.fitted.model, told.prepared.cohort
    known = np.flatnonzero(np.isfinite(told.risk))
    ordered = known[np.argsort(told.risk[known], kind="stable")]
    parts = [ordered[int(low * len(ordered)) : max(int(high * len(ordered)), 1)] for _, low, high in PLACES]
    if min(map(len, parts)) < 5:
        return []
    people = Cohort(tuple(_composed(column, parts) for column in cohort.columns))
    found: Predictions = model.predict(people, [name for name, _, _ in PLACES])
    blocks: Blocks = [lead(worded("example.lead"))]
    for k, (name, _, _) in enumerate(PLACES):
        if np.isfinite(found.value[k]):
            blocks.append(_example(told, name, k, people, found))
    return blocks


def _typical_of_classes(told: Told) -> Blocks:
    """One composed person for each class: the median of those of whom it was thought likeliest."""
    likeliest = np.asarray(told.fitted.pipeline.predicted[0], float)
    known = np.isfinite(likeliest).all(axis=1)
    named = [(name, np.flatnonzero(known & (likeliest.argmax(axis=1) == k)))
             for k, name in enumerate(told.prepared.target.classes)]  # fmt: skip
    named = [(name, rows) for name, rows in named if len(rows) >= 5]
    if not named:
        return []
    people = Cohort(tuple(_composed(column, [rows for _, rows in named]) for column in told.prepared.cohort.columns))
    found: Predictions = told.fitted.model.predict(people, [name for name, _ in named])
    blocks: Blocks = [lead(worded("example.lead_classes"))]
    for k, (name, _) in enumerate(named):
        if np.isfinite(found.value[k]):
            said = f"{found.further['class'][k]} {percent(float(found.value[k]), 1)}"
            blocks.append(_example(told, "class", k, people, found, said=say("example.told", name=name, said=said)))
    return blocks


def _composed(column: Column, parts: Sequence[npt.NDArray[np.int64]]) -> Column:
    values = [_typical(column, rows) for rows in parts]
    return replace(column, values=np.asarray(values, dtype=column.values.dtype))


def _typical(column: Column, rows: npt.NDArray[np.int64]) -> float:
    known = column.values[rows][~column.missing[rows]]
    if column.kind is ColumnKind.CATEGORY:
        return float(np.bincount(known).argmax()) if len(known) else -1.0
    return float(np.sort(known)[len(known) // 2]) if len(known) else float("nan")


def _example(told: Told, name: str, k: int, people: Cohort, found: Predictions, said: str = "") -> TableBlock:
    order = np.argsort(-np.abs(found.contributions[k]), kind="stable")[:SHOWN_CONTRIBUTIONS]
    labels = {each.name: each.label or each.name for each in told.fitted.model.features}
    rows = []
    for place in order:
        feature = found.features[place]
        shown = _shown(told, people.column(feature), k) if feature in people else "–"
        weight = float(found.contributions[k, place])
        rows.append((labels[feature], shown, number(weight, 2), say("raises" if weight > 0 else "lowers")))
    title = said or say(f"example.{name}", said=_said(told, k, found))
    return table("example", ("input", "entered", "contribution", "effect"), rows, title=title)


def _said(told: Told, k: int, found: Predictions) -> str:
    value, low, high = float(found.value[k]), float(found.low[k]), float(found.high[k])
    if told.task is Task.CLASSIFICATION:
        said = percent(value, 1)
        known = np.isfinite(low) and np.isfinite(high)
        return f"{said} ({percent(low, 1)} to {percent(high, 1)})" if known else said
    if told.task is Task.SURVIVAL:
        return _absolute(told, found, k) or say("relative", value=number(value, 2))
    return f"{short(value)} ({short(low)} to {short(high)})" if np.isfinite(low) else short(value)


def _absolute(told: Told, found: Predictions, k: int) -> str:
    risks = {at: values for name, values in found.further.items() if (at := name.removeprefix("risk:")) != name}
    return ", ".join(_risk_by(told, found, k, at) for at in risks)


def _risk_by(told: Told, found: Predictions, k: int, at: str) -> str:
    risk, low, high = (found.further.get(f"{name}:{at}") for name in ("risk", "risk_low", "risk_high"))
    assert risk is not None
    said = percent(float(risk[k]))
    if low is not None and high is not None and np.isfinite(low[k]):
        said += f" ({percent(float(low[k]))} to {percent(float(high[k]))})"
    return say("risk_by", risk=said, at=told.by(float(at)))


def _shown(told: Told, column: Column, k: int) -> str:
    if column.kind is ColumnKind.CATEGORY:
        return told.label_of(column.name, column.labels()[k]) or "–"
    value = float(column.values[k])
    return "–" if not np.isfinite(value) else f"{short(value)} {column.unit}".strip()
