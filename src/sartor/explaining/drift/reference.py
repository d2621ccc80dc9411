"""What a model folder keeps of its training rows: quantiles, counts and the validated performance, no row of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.validation import INTERNAL, Validation
from sartor.errors import ModelRefused

Floats = npt.NDArray[np.float64]
POINTS = 101
FILE = "reference.json"
KEPT = ("auroc", "harrell_c", "r2", "brier", "observed_expected", "calibration_slope", "calibration_intercept", "ici",
        "mean_error", "mae")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Distribution:
    """One input, or the prediction. Numbers: `quantiles` at 0, 1, … 100 %. Labels: `shares` of the known values."""

    name: str
    n: int
    missing: float
    quantiles: tuple[float, ...] = ()
    shares: Mapping[str, float] | None = None

    @staticmethod
    def of(column: Column) -> Distribution:
        """Of a column of the training rows."""
        n = len(column.values)
        missing = float(column.missing.mean()) if n else 0.0
        if column.kind is ColumnKind.CATEGORY:
            known = column.values[column.values >= 0]
            counts = np.bincount(known, minlength=len(column.categories))
            shares = {
                name: float(c) / max(len(known), 1) for name, c in zip(column.categories, counts, strict=True) if c
            }
            return Distribution(column.name, n, missing, shares=shares)
        values = np.asarray(column.values, dtype=float)
        return Distribution(column.name, n, missing, quantiles=quantiles_of(values[np.isfinite(values)]))

    @property
    def is_number(self) -> bool:
        """Whether it has quantiles."""
        return self.shares is None


@dataclass(frozen=True, slots=True)
class Reference:
    """Of every input, of the (out-of-fold) predictions, and the measures that the model had when it was validated."""

    inputs: tuple[Distribution, ...]
    predicted: Distribution
    measures: Mapping[str, tuple[float, float | None, float | None]]

    @staticmethod
    def of(cohort: Cohort, predicted: npt.ArrayLike, validation: Validation | None = None) -> Reference:
        """From the training rows, their out-of-fold predictions (n,) and the validation."""
        values = np.asarray(predicted, dtype=float)
        known = values[np.isfinite(values)]
        measures = {}
        for name in KEPT:
            found = None if validation is None else _internal(validation, name)
            if found is not None:
                measures[name] = found
        return Reference(
            tuple(Distribution.of(column) for column in cohort.columns),
            Distribution("prediction", len(known), 0.0, quantiles_of(known)),
            measures,
        )

    def to_json(self) -> bytes:
        """As JSON; the content of reference.json in a model folder."""
        state = {
            "format": 1,
            "inputs": [_state(each) for each in self.inputs],
            "predicted": _state(self.predicted),
            "measures": {name: list(values) for name, values in sorted(self.measures.items())},
        }
        return (json.dumps(state, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @staticmethod
    def from_json(content: bytes) -> Reference:
        """The reference again. Raises ModelRefused for anything else."""
        try:
            state = json.loads(content)
            return Reference(
                tuple(_distribution(each) for each in state["inputs"]),
                _distribution(state["predicted"]),
                {str(name): (float(v[0]), v[1], v[2]) for name, v in state["measures"].items()},
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelRefused("cannot be read", where=FILE, todo="export the model again") from error


def quantiles_of(values: Floats) -> tuple[float, ...]:
    """0, 1, … 100 % quantiles to nine figures; none for no values."""
    if not len(values):
        return ()
    return tuple(float(f"{each:.9g}") for each in np.quantile(values, np.linspace(0, 1, POINTS)))


def _internal(validation: Validation, name: str) -> tuple[float, float | None, float | None] | None:
    for where in (INTERNAL, "temporal"):
        found = validation.find(name, where=where)
        if found is not None and found.value is not None:
            return found.value, found.low, found.high
    return None


def _state(each: Distribution) -> dict[str, Any]:
    return {
        "name": each.name,
        "n": each.n,
        "missing": each.missing,
        "quantiles": list(each.quantiles),
        "shares": None if each.shares is None else dict(each.shares),
    }


def _distribution(state: Mapping[str, Any]) -> Distribution:
    shares = state["shares"]
    return Distribution(
        name=str(state["name"]),
        n=int(state["n"]),
        missing=float(state["missing"]),
        quantiles=tuple(float(each) for each in state["quantiles"]),
        shares=None if shares is None else {str(k): float(v) for k, v in shares.items()},
    )
