"""Whether explanations say what the model does: deleting what they name, inserting it, and repeating the fit.

Deletion and insertion follow Petsiuk et al. 2018 (arXiv:1806.07421), with the features of a table in place of pixels
and training's typical value in place of a blurred one. All functions are for a study's `validate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column
from sartor.domain.validation import Check, Measure
from sartor.explaining.attribution import rank_correlation
from sartor.learning.alignment import align, stand_in
from sartor.learning.model import Model

MOST_ROWS = 200
RANDOM_ORDERS = 5
Floats = npt.NDArray[np.float64]


def deletion(model: Model, cohort: Cohort, *, seed: int = 0, most_rows: int = MOST_ROWS) -> tuple[Measure, ...]:
    """How far the margin moves when inputs are deleted by falling contribution, against random orders.

    Returns deletion_area (mean distance of the margin from the full row's, over the steps; larger is better),
    deletion_area_random, and deletion_gain: their difference, each with an interval over rows. `insertion_gain` is the
    same from the other end: how much nearer to the full margin the named inputs bring an empty row than random ones do.
    At most `most_rows` rows (drawn by `seed`). Only features with a typical value in training can be deleted.
    """
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(len(cohort))[:most_rows])
    plain = align(cohort.take(rows), model.features).cohort
    ids = tuple(str(row) for row in rows)
    found = model.predict(plain, ids)
    deletable = [k for k, feature in enumerate(model.features) if stand_in(feature) is not None]
    named = np.argsort(-np.abs(found.contributions[:, deletable]), axis=1, kind="stable")
    by_name = _path(model, plain, deletable, named)
    by_chance = [_path(model, plain, deletable, generator.permuted(named, axis=1)) for _ in range(RANDOM_ORDERS)]
    full, empty = by_name[:, :1], by_name[:, -1:]
    area = np.abs(by_name - full)[:, 1:-1].mean(axis=1)
    random = np.mean([np.abs(each - full)[:, 1:-1].mean(axis=1) for each in by_chance], axis=0)
    # Inserting in the named order passes through the rows that deleting in the reverse order does.
    inserted = _path(model, plain, deletable, named[:, ::-1])
    nearer = np.abs(inserted - empty)[:, 1:-1].mean(axis=1)
    shown = (
        ("deletion_area", area),
        ("deletion_area_random", random),
        ("deletion_gain", area - random),
        ("insertion_gain", nearer - np.mean([np.abs(e - empty)[:, 1:-1].mean(axis=1) for e in by_chance], axis=0)),
    )
    return tuple(_measure(name, values) for name, values in shown)


def deletion_check(measures: Sequence[Measure]) -> Check:
    """Whether the named order beats random ones with an interval, as a check."""
    gain = next(each for each in measures if each.name == "deletion_gain")
    passed = gain.low is not None and gain.low > 0
    said = "cannot be told" if gain.value is None else f"gain {gain.value:.3g} ({gain.low:.3g} to {gain.high:.3g})"
    return Check(name="deletion", passed=passed, detail=f"deleting what is named first against random orders: {said}")


def stability(importances: Sequence[Mapping[str, float]]) -> tuple[Measure, ...]:
    """How alike importances are across resamples or fold models: one mapping per model, feature → mean |contribution|.

    importance_stability: mean Spearman correlation of all pairs, with the 2.5th and 97.5th percentile of the pairs;
    top_feature_share: in what share of the models the most important feature over all is the first. A feature that a
    model does not have counts 0.
    """
    names = sorted({name for each in importances for name in each})
    table = np.array([[float(each.get(name, 0.0)) for name in names] for each in importances])
    pairs = [
        rank_correlation(list(table[i]), list(table[j])) for i in range(len(table)) for j in range(i + 1, len(table))
    ]
    known = [each for each in pairs if not np.isnan(each)]
    if not known:
        return (Measure(name="importance_stability", value=None, note="fewer than two models or three features"),)
    low, high = np.quantile(known, [0.025, 0.975])
    leading = int(table.mean(axis=0).argmax())
    share = float((table.argmax(axis=1) == leading).mean())
    return (
        Measure(
            name="importance_stability", value=float(np.mean(known)), low=float(low), high=float(high), n=len(table)
        ),
        Measure(name="top_feature_share", value=share, n=len(table), note=names[leading]),
    )


def _path(model: Model, cohort: Cohort, deletable: Sequence[int], order: npt.NDArray[np.int64]) -> Floats:
    """Margins (n, steps + 1) as the features are deleted in each row's order."""
    columns = list(cohort.columns)
    ids = tuple(str(row) for row in range(len(cohort)))
    margins = [model.predict(cohort, ids, explain=False).margin]
    for step in range(order.shape[1]):
        for place, k in enumerate(deletable):
            rows = order[:, step] == place
            if rows.any():
                columns[k] = _deleted(columns[k], rows, stand_in(model.features[k]))
        margins.append(model.predict(Cohort(tuple(columns)), ids, explain=False).margin)
    return np.column_stack(margins)


def _deleted(column: Column, rows: npt.NDArray[np.bool_], value: float | int | None) -> Column:
    values = column.values.copy()
    values[rows] = value
    return replace(column, values=values)


def _measure(name: str, values: Floats) -> Measure:
    """Mean over rows with a normal interval of the mean."""
    n = len(values)
    mean = float(values.mean())
    reach = 1.96 * float(values.std(ddof=1)) / np.sqrt(n) if n > 1 else float("nan")
    low, high = (mean - reach, mean + reach) if n > 1 else (None, None)
    return Measure(name=name, value=mean, low=low, high=high, n=n)
