"""A published equation as data: intercept and coefficients over the cohort's own columns; as it stands or recalibrated.

Nothing is learned but, where wanted, the level (intercept) or level and slope of its margin on the training rows:
Steyerberg, Clinical Prediction Models, 2nd ed., ch. 20.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.errors import ConfigInvalid
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import probabilities
from sartor.learning.recalibration import Recalibration
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.task import Matrix, Target

TRANSFORMS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "identity": lambda x: x,
    "log": lambda x: np.log(np.maximum(x, 1e-12)),
    "log1p": lambda x: np.log1p(np.maximum(x, 0)),
    "square": np.square,
    "root": lambda x: np.sqrt(np.maximum(x, 0)),
    "inverse": lambda x: 1 / np.where(x == 0, np.nan, x),
}


class Term(BaseModel):
    """coefficient × transform(value − centre), or coefficient where the label is `level`.

    missing: the value that stands in where there is none; without it the training median (no label: 0).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    feature: str
    coefficient: float
    transform: str = "identity"
    centre: float = 0.0
    level: str | None = None
    missing: float | None = None


class Formula(BaseModel):
    """A published equation; `link` is "logit" for the probability of the outcome, "identity" for a value."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    intercept: float = 0.0
    terms: tuple[Term, ...]
    link: str = ""
    source: str = ""
    name: str = ""


def formula_of(config: Any, cohort: Cohort) -> Formula:
    """The formula of a configuration. Raises ConfigInvalid for one that is malformed or names an unknown column."""
    try:
        formula = Formula.model_validate(config)
    except ValidationError as error:
        raise ConfigInvalid(
            f"the equation is not understood ({error.errors()[0]['msg']})", where="equation",
            todo="give intercept and terms, each with feature and coefficient",
        ) from error  # fmt: skip
    unknown = [term.feature for term in formula.terms if term.feature not in cohort]
    strange = [term.transform for term in formula.terms if term.transform not in TRANSFORMS]
    if unknown or strange:
        raise ConfigInvalid(
            f"the equation names {', '.join(unknown + strange)}", where="equation",
            todo=f"use columns of the cohort, and transforms out of {', '.join(TRANSFORMS)}",
        )  # fmt: skip
    return formula


@dataclass(frozen=True, slots=True)
class EquationEncoder:
    """One column per term, transformed; what is missing is filled by the formula's or training's typical value."""

    terms: tuple[Mapping[str, Any], ...]
    fills: tuple[float, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that the equation reads."""
        return tuple(dict.fromkeys(str(term["feature"]) for term in self.terms))

    def apply(self, cohort: Cohort) -> Matrix:
        """(n, terms)."""
        columns = [
            _values(Term.model_validate(t), cohort, fill) for t, fill in zip(self.terms, self.fills, strict=True)
        ]
        place = {name: k for k, name in enumerate(self.features)}
        return Matrix(
            values=np.column_stack(columns) if columns else np.zeros((len(cohort), 0)),
            columns=tuple(f"{t['feature']} ({k + 1})" for k, t in enumerate(self.terms)),
            features=self.features,
            feature_of=np.array([place[str(t["feature"])] for t in self.terms], dtype=np.int32),
            categorical=np.zeros(len(self.terms), dtype=bool),
        )

    def to_json(self) -> bytes:
        """The rules as JSON."""
        state = {"format": 1, "equation": {"terms": [dict(t) for t in self.terms], "fills": list(self.fills)}}
        return (json.dumps(state, sort_keys=True) + "\n").encode()

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> EquationEncoder:
        """The rules again."""
        return cls(tuple(state["terms"]), tuple(float(each) for each in state["fills"]))


def _values(term: Term, cohort: Cohort, fill: float) -> FloatArray:
    column = cohort.column(term.feature)
    if term.level is not None:
        return np.array([label == term.level for label in column.labels()], dtype=float)
    x = _numbers(column)
    x = np.where(np.isnan(x), fill, x) - term.centre
    return np.asarray(TRANSFORMS[term.transform](x), dtype=float)


def _numbers(column: Column) -> FloatArray:
    if column.kind is not ColumnKind.CATEGORY:
        return np.asarray(column.values, float)
    table = []
    for label in column.categories:
        try:
            table.append(float(label))
        except ValueError:
            table.append(np.nan)
    found: FloatArray = np.array([*table, np.nan])[column.values]
    return found


@dataclass(frozen=True, slots=True)
class FittedEquation:
    """intercept + slope × (formula's intercept + Σ coefficient × term)."""

    name: str
    task: Task
    coefficients: FloatArray
    intercept: float
    slope: float
    shift: float
    centre: FloatArray

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,)."""
        return np.asarray(self.shift + self.slope * (self.intercept + matrix.values @ self.coefficients))

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, 2) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Coefficient × (term − its training mean)."""
        base = self.shift + self.slope * (self.intercept + float(self.centre @ self.coefficients))
        return np.full(len(matrix), base), self.slope * (matrix.values - self.centre) * self.coefficients

    def to_files(self) -> Files:
        """JSON and safetensors."""
        facts = {"task": self.task.value, "intercept": self.intercept, "slope": self.slope, "shift": self.shift}
        return pack(self.name, facts, {"coefficients": self.coefficients, "centre": self.centre})


@dataclass(frozen=True)
class PublishedEquation:
    """`update`: "" as published, "level", or "level and slope"."""

    formula: Formula = field(default_factory=lambda: Formula(terms=()))
    update: str = ""
    encoding: Encoding = Encoding.NATIVE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    @classmethod
    def kinds(cls, formula: Formula | None = None) -> tuple[PublishedEquation, ...]:
        """As published, its level recalibrated, its level and slope recalibrated."""
        given = formula or Formula(terms=())
        return tuple(cls(given, update) for update in ("", "level", "level and slope"))

    @property
    def name(self) -> str:
        """Which of the three."""
        return {"": "equation", "level": "equation_level", "level and slope": "equation_recalibrated"}[self.update]

    @property
    def complexity(self) -> int:
        """0 as published, 1 recalibrated."""
        return 1 if self.update else 0

    def fit_encoder(self, cohort: Cohort) -> EquationEncoder:
        """The formula's own columns."""
        fills = []
        for term in self.formula.terms:
            known = _numbers(cohort.column(term.feature)) if term.level is None else np.zeros(1)
            middle = float(np.nanmedian(known)) if not np.isnan(known).all() else 0.0
            fills.append(middle if term.missing is None else term.missing)
        return EquationEncoder(tuple(term.model_dump() for term in self.formula.terms), tuple(fills))

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Nothing to search."""
        return {}

    def defaults(self, target: Target) -> dict[str, Any]:
        """Nothing to set."""
        return {}

    def fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int,
        weights: FloatArray | None = None, threads: int = 1,
    ) -> FittedEquation:  # fmt: skip
        """The formula, its margin recalibrated where that is wanted."""
        coefficients = np.array([term.coefficient for term in self.formula.terms])
        margin = self.formula.intercept + matrix.values @ coefficients
        map_ = Recalibration()
        if self.update:
            map_ = Recalibration.fit(margin, target, intercept_only=self.update == "level")
        centre: npt.NDArray[np.float64] = np.asarray(matrix.values, float).mean(axis=0)
        return FittedEquation(
            self.name, target.task, coefficients, self.formula.intercept, map_.slope, map_.intercept, centre
        )

    def from_files(self, files: Mapping[str, bytes]) -> FittedEquation:
        """The fitted state again."""
        facts, arrays = unpack(self.name, files)
        return FittedEquation(
            self.name, Task(facts["task"]), arrays["coefficients"], facts["intercept"], facts["slope"],
            facts["shift"], arrays["centre"],
        )  # fmt: skip
