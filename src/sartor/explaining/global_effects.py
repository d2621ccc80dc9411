"""How a prediction depends on one input over a whole cohort: accumulated local effects with bands.

Accumulated local effects (Apley and Zhu 2020, doi:10.1111/rssb.12377) compare each row with itself a small step
further, so that no row is moved to where nobody is. The curve is centred: 0 is the cohort's average. For `validate`
and the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.domain.validation import Curve
from sartor.learning.alignment import align
from sartor.learning.model import Model

BINS = 20
MOST_ROWS = 5000
Floats = npt.NDArray[np.float64]


def accumulated_local_effects(
    model: Model,
    cohort: Cohort,
    features: Sequence[str] | None = None,
    *,
    bins: int = BINS,
    most_rows: int = MOST_ROWS,
    seed: int = 0,
) -> tuple[Curve, ...]:
    """One curve per feature, "ale:<feature>", on the margin: (bins + 1) points for a number, one per label otherwise.

    With more than two classes one curve for each class (group "outcome=<class>"), on its probability.

    features: those to show; all of them when None. The band is ±1.96 standard errors from the spread of the rows.
    Labels have no order: their curve is the mean difference from a row's own label, x being the label's index, and its
    x_label lists them. At most `most_rows` rows, drawn by `seed`.
    """
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(len(cohort))[:most_rows])
    plain = align(cohort.take(rows), model.features).cohort
    wanted = [feature.name for feature in model.features] if features is None else list(features)
    made = (
        _of_number(model, plain, name, bins)
        if plain.column(name).kind is ColumnKind.NUMBER
        else _of_labels(model, plain, name)
        for name in wanted
    )
    return tuple(curve for curves in made for curve in curves)


def _of_number(model: Model, cohort: Cohort, name: str, bins: int) -> tuple[Curve, ...]:
    column = cohort.column(name)
    known = ~column.missing
    values = column.values[known].astype(np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1))) if known.any() else np.empty(0)
    if len(edges) < 2:
        return ()
    place = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
    inside = cohort.take(known)
    steps = _told(model, inside, name, edges[place + 1]) - _told(model, inside, name, edges[place])
    counts = np.bincount(place, minlength=len(edges) - 1)
    made = []
    for k, step in enumerate(steps.T):
        means = np.bincount(place, step, minlength=len(edges) - 1) / np.maximum(counts, 1)
        spread = np.bincount(place, np.square(step - means[place]), minlength=len(edges) - 1)
        variance = spread / np.maximum(counts - 1, 1) / np.maximum(counts, 1)
        effect = np.concatenate([[0.0], np.cumsum(means)])
        centre = float(np.average((effect[1:] + effect[:-1]) / 2, weights=counts))
        reach = 1.96 * np.sqrt(np.concatenate([[0.0], np.cumsum(variance)]))
        made.append(_curve(model, name, k, edges, effect - centre, reach, name))
    return tuple(made)


def _of_labels(model: Model, cohort: Cohort, name: str) -> tuple[Curve, ...]:
    column = cohort.column(name)
    known = ~column.missing
    if not known.any() or len(column.categories) < 2:
        return ()
    inside = cohort.take(known)
    told = np.stack(
        [_told(model, inside, name, np.full(len(inside), code)) for code in range(len(column.categories))], axis=1
    )
    own = told[np.arange(len(inside)), inside.column(name).values]
    differences = told - own[:, None, :]
    mean, reach = differences.mean(axis=0), 1.96 * differences.std(axis=0) / np.sqrt(len(inside))
    labels = np.arange(len(column.categories), dtype=float)
    label = f"{name}: {', '.join(column.categories)}"
    return tuple(_curve(model, name, k, labels, mean[:, k], reach[:, k], label) for k in range(mean.shape[1]))


def _told(model: Model, cohort: Cohort, name: str, values: npt.NDArray[np.generic]) -> Floats:
    """The margin, (n, 1); with more than two classes the probability of each, (n, classes)."""
    columns = tuple(_with(column, values) if column.name == name else column for column in cohort.columns)
    if _many(model):
        return np.asarray(model.values(Cohort(columns)), dtype=float)
    return model.predict(Cohort(columns), ("",) * len(cohort), explain=False).margin[:, None]


def _many(model: Model) -> bool:
    return model.task is Task.CLASSIFICATION and len(model.classes) > 2


def _with(column: Column, values: npt.NDArray[np.generic]) -> Column:
    return replace(column, values=values.astype(column.values.dtype))


def _curve(model: Model, name: str, k: int, x: Floats, y: Floats, reach: Floats, label: str) -> Curve:
    return Curve(
        name=f"ale:{name}",
        group=f"outcome={model.classes[k]}" if _many(model) else "",
        x=tuple(float(each) for each in x),
        y=tuple(float(each) for each in y),
        low=tuple(float(each) for each in y - reach),
        high=tuple(float(each) for each in y + reach),
        x_label=label,
        y_label="probability" if _many(model) else "margin",
    )
