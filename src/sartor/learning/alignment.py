"""Brings any table into the columns that a model was trained on, and keeps what had to be done on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Feature

NUMBER = "number"
CATEGORY = "category"
BESIDE = 0.25
"""Widths of training's range (1st to 99th percentile) beyond it: the number is told of."""
FAR, FAR_LOGARITHM = 5.0, 2.0
"""Widths, as they are and of logarithms, beyond which a number cannot be that measurement in that unit."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """The table as the model's encoder wants it.

    cohort:   the features' columns in order; labels in training's order, numbers as float32.
    known:    (n, p) bool, where the input had a value that the model understands.
    imputed:  (n, p) bool, where training's typical value stands in for one that was never missing in training.
    unknown:  per feature the rows whose value the model does not understand, with the value.
    beyond:   per feature the rows whose number is outside what training saw, with the number.
    far:      (n,) bool, some number is so far outside that it cannot be that measurement in that unit.
    weights:  (p,), how much of what is usually known each feature carries.
    """

    cohort: Cohort
    features: tuple[Feature, ...]
    known: npt.NDArray[np.bool_]
    imputed: npt.NDArray[np.bool_]
    unknown: tuple[Mapping[int, str], ...]
    beyond: tuple[Mapping[int, float], ...]
    far: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]

    @property
    def share_known(self) -> npt.NDArray[np.float64]:
        """(n,), weight of what is known over the weight of what is usually known; may exceed 1."""
        return np.asarray(self.known @ self.weights)

    @property
    def has_notes(self) -> npt.NDArray[np.bool_]:
        """(n,), rows in which something was imputed, not understood, or outside what training saw."""
        found: npt.NDArray[np.bool_] = np.asarray(self.imputed.any(axis=1))
        for rows in (*self.unknown, *self.beyond):
            found[list(rows)] = True
        return found

    def missing_of(self, row: int) -> list[str]:
        """Names of the features that are not known in a row."""
        return [feature.name for feature, known in zip(self.features, self.known[row], strict=True) if not known]

    def notes_of(self, row: int, *, stand_ins: bool = True) -> list[str]:
        """What was done to a row, in words; without `stand_ins` only what is strange in it."""
        pairs = list(zip(self.features, self.unknown, strict=True))
        said = [f"{feature.name} {rows[row]!r} was not seen in training" for feature, rows in pairs if row in rows]
        said += [
            f"{f.name} {rows[row]:.4g} is outside what training saw ({f.low:.4g} to {f.high:.4g}): is the unit right?"
            for f, rows in zip(self.features, self.beyond, strict=True)
            if row in rows
        ]
        filled = [feature.name for feature, done in zip(self.features, self.imputed[row], strict=True) if done]
        if filled and stand_ins:
            said.append(f"typical value used for {', '.join(filled)}")
        return said


def align(cohort: Cohort, features: Sequence[Feature]) -> Aligned:
    """Columns by name; a column that is not there is missing for everyone; what training never saw is missing too.

    A feature that was never missing in training gets its typical value where it is missing (`imputed` says where); one
    that was is left missing, since the encoder learned what to do.
    """
    n = len(cohort)
    columns, known, imputed, unknown, beyond = [], [], [], [], []
    far = np.zeros(n, dtype=bool)
    for feature in features:
        found = cohort.column(feature.name) if feature.name in cohort else None
        values, strange = _read(found, feature, n)
        missing = np.isnan(values) if feature.kind == NUMBER else values < 0
        outside, too_far = _beyond(values, feature)
        far |= too_far
        far[[row for row, said in strange.items() if feature.kind == NUMBER and _endless(said)]] = True
        beyond.append({int(row): float(values[row]) for row in np.flatnonzero(outside)})
        fill = stand_in(feature) if feature.required else None
        if fill is not None and missing.any():
            values = np.where(missing, fill, values).astype(values.dtype)
        columns.append(_column(feature, values))
        known.append(~missing)
        imputed.append(missing & (fill is not None))
        unknown.append(strange)
    empty = np.empty((n, 0), dtype=bool)
    return Aligned(
        cohort=Cohort(tuple(columns), cohort.files),
        features=tuple(features),
        known=np.column_stack(known) if known else empty,
        imputed=np.column_stack(imputed) if imputed else empty,
        unknown=tuple(unknown),
        beyond=tuple(beyond),
        far=far,
        weights=_weights(features),
    )


def describe_features(
    cohort: Cohort,
    *,
    importance: Mapping[str, float] | None = None,
    stated: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Feature, ...]:
    """The features of a training cohort as a card lists them.

    importance: mean absolute contribution by feature; made into shares.
    stated:     what the configuration says of a feature (label, code, unit, drawn_from, actionable, direction, absent).
    """
    weights = importance or {}
    total = sum(weights.values()) or 1.0
    return tuple(
        _describe(column, float(weights.get(column.name, 0.0)) / total, _said(stated or {}, column.name))
        for column in cohort.columns
    )


def _said(stated: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    """What is stated of a feature; empty entries say nothing."""
    return {key: value for key, value in stated.get(name, {}).items() if value not in ("", None)}


def _describe(column: Column, importance: float, stated: dict[str, Any]) -> Feature:
    missing = column.missing
    share = float(missing.mean()) if len(missing) else 0.0
    plain = {"name": column.name, "unit": column.unit, "missing": share, "importance": importance}
    present = column.values[~missing]
    if column.kind is ColumnKind.CATEGORY:
        counts = np.bincount(present, minlength=len(column.categories)) if len(column.categories) else np.zeros(0)
        typical = column.categories[int(counts.argmax())] if counts.any() else None
        return Feature(**(plain | {"kind": CATEGORY, "categories": column.categories, "typical": typical} | stated))
    if not len(present):
        return Feature(**(plain | {"kind": NUMBER} | stated))
    low, middle, high = (float(each) for each in np.percentile(present.astype(np.float64), [1, 50, 99]))
    return Feature(**(plain | {"kind": NUMBER, "low": low, "high": high, "typical": middle} | stated))


def _read(column: Column | None, feature: Feature, n: int) -> tuple[npt.NDArray[Any], Mapping[int, str]]:
    """Values as the feature's kind, and the rows whose value cannot be understood."""
    if column is None:
        absent: npt.NDArray[Any] = (
            np.full(n, np.nan, np.float32) if feature.kind == NUMBER else np.full(n, -1, np.int32)
        )
        return absent, {}
    if feature.kind == NUMBER:
        return _numbers(column)
    return _codes(column, feature.categories)


def _numbers(column: Column) -> tuple[npt.NDArray[Any], Mapping[int, str]]:
    if column.kind is not ColumnKind.CATEGORY:
        with np.errstate(over="ignore"):
            values = np.asarray(column.values, dtype=np.float32)
        infinite = np.isinf(values)
        if not infinite.any():
            return values, {}
        strange = {int(row): str(column.values[row]) for row in np.flatnonzero(infinite)}
        return np.where(infinite, np.float32(np.nan), values), strange
    with np.errstate(over="ignore"):
        numbers = np.array([*(_number(label) for label in column.categories), np.nan], dtype=np.float32)
    numbers[np.isinf(numbers)] = np.nan
    values = numbers[column.values]
    lost = np.flatnonzero(np.isnan(values) & (column.values >= 0))
    return values, {int(row): column.categories[column.values[row]] for row in lost}


def _number(label: str) -> float:
    try:
        found = float(label)
    except ValueError:
        return float("nan")
    return found if np.isfinite(found) else float("nan")


def _beyond(values: npt.NDArray[Any], feature: Feature) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which numbers are outside training's range, and which are too far outside to be that measurement, (n,) each.

    Where training's numbers are positive, a factor counts as well: 5 mmol/L is near to 150–400 mg/dL by difference.
    """
    nowhere = np.zeros(len(values), dtype=bool)
    low, high = feature.low, feature.high
    if feature.kind != NUMBER or low is None or high is None or high <= low:
        return nowhere, nowhere
    numbers = np.asarray(values, dtype=np.float64)
    width = high - low
    outside = (numbers < low - BESIDE * width) | (numbers > high + BESIDE * width)
    too_far = (numbers < low - FAR * width) | (numbers > high + FAR * width)
    if low > 0:
        too_far |= (numbers < 0) | ((numbers > 0) & (numbers < low * (low / high) ** FAR_LOGARITHM))
    return outside | too_far, too_far


def _endless(label: str) -> bool:
    """Whether a label is a number, though one too large to hold."""
    try:
        return not np.isnan(float(label))
    except ValueError:
        return False


def _codes(column: Column, categories: Sequence[str]) -> tuple[npt.NDArray[Any], Mapping[int, str]]:
    position = {label: code for code, label in enumerate(categories)}
    if column.kind is ColumnKind.CATEGORY:
        codes = np.array([*(_place(label, position) for label in column.categories), -1], dtype=np.int32)
        values = codes[column.values]
        lost = np.flatnonzero((values < 0) & (column.values >= 0))
        return values, {int(row): column.categories[column.values[row]] for row in lost}
    labels = column.labels()
    values = np.array([_place(label, position) for label in labels], dtype=np.int32)
    return values, {row: label for row, label in enumerate(labels) if label and values[row] < 0}


def _place(label: str, position: Mapping[str, int]) -> int:
    """The code of a label; "1.0" is "1" and the other way about."""
    if label in position:
        return position[label]
    number = _number(label)
    if np.isnan(number):
        return -1
    return position.get(f"{number:.12g}", position.get(f"{number:.1f}", -1))


def stand_in(feature: Feature) -> float | int | None:
    """Training's typical value as a number or a code; None where there is none."""
    if feature.typical is None:
        return None
    if feature.kind == NUMBER:
        return float(feature.typical)
    label = str(feature.typical)
    return feature.categories.index(label) if label in feature.categories else None


def _column(feature: Feature, values: npt.NDArray[Any]) -> Column:
    if feature.kind == NUMBER:
        return Column(feature.name, ColumnKind.NUMBER, values, unit=feature.unit)
    return Column(feature.name, ColumnKind.CATEGORY, values, feature.categories, feature.unit)


def _weights(features: Sequence[Feature]) -> npt.NDArray[np.float64]:
    """Importance over the importance that is known of a training row on average; equal where none was measured."""
    importance = np.array([feature.importance for feature in features], dtype=float)
    if not importance.sum() > 0:
        importance = np.ones(len(features))
    usually = float(importance @ (1 - np.array([feature.missing for feature in features], dtype=float)))
    return importance / usually if usually > 0 else importance
