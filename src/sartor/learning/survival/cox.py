"""Cox regression as learners: elastic net on the columns, and with splines and products of two columns.

Cox 1972 (doi:10.1111/j.2517-6161.1972.tb00899.x). Splines are cubic with linear tails, knots at quantiles: Harrell,
Regression Modeling Strategies, 2nd ed. 2015, section 2.4.5 (doi:10.1007/978-3-319-19425-7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import ModelRefused, TooFewData
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.survival import storage
from sartor.learning.survival.cross_fitting import internal_folds
from sartor.learning.survival.partial_likelihood import Baseline, RiskSets
from sartor.learning.survival.penalised_cox import Scaled, choose, solve
from sartor.learning.task import Matrix, Target

KNOTS = (0.05, 0.35, 0.65, 0.95)
MOST_PRODUCTS = 12
"""Columns whose products are tried: the strongest by themselves."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How columns become terms: term k is column `first[k]`, its spline part, or its product with `second[k]`.

    kind: 0 linear, 1 spline (knots in `knots[k]`), 2 product of two standardised columns.
    """

    first: np.ndarray[Any, np.dtype[np.int32]]
    second: np.ndarray[Any, np.dtype[np.int32]]
    kind: np.ndarray[Any, np.dtype[np.int32]]
    knots: FloatArray
    centre: FloatArray
    scale: FloatArray

    def of(self, values: np.ndarray[Any, Any]) -> FloatArray:
        """(n, terms) from (n, columns)."""
        standard = (np.asarray(values, float) - self.centre) / self.scale
        found = np.empty((len(standard), len(self.kind)))
        for k, (first, second, kind) in enumerate(zip(self.first, self.second, self.kind, strict=True)):
            x = standard[:, first]
            if kind == 0:
                found[:, k] = x
            elif kind == 1:
                found[:, k] = _spline(x, self.knots[k])
            else:
                found[:, k] = x * standard[:, second]
        return found


def _spline(x: FloatArray, knots: FloatArray) -> FloatArray:
    """One restricted cubic spline term: knots are (own, last but one, last, first)."""
    own, before, last, first = knots
    cubes = [np.maximum(x - knot, 0.0) ** 3 for knot in (own, before, last)]
    bent = cubes[0] - cubes[1] * (last - own) / (last - before) + cubes[2] * (before - own) / (last - before)
    return np.asarray(bent / (last - first) ** 2)


def linear_terms(matrix: Matrix) -> Terms:
    """Every column by itself."""
    scaled = Scaled.of(matrix.values)
    count = matrix.values.shape[1]
    every = np.arange(count, dtype=np.int32)
    return Terms(every, every, np.zeros(count, np.int32), np.full((count, 4), np.nan), scaled.centre, scaled.scale)


def bent_terms(matrix: Matrix, strength: FloatArray, *, products: bool) -> Terms:
    """Every column, splines of those with many values, and products of the strongest (strength: (columns,))."""
    plain = linear_terms(matrix)
    standard = (np.asarray(matrix.values, float) - plain.centre) / plain.scale
    rows: list[tuple[int, int, int, list[float]]] = [(j, j, 0, [np.nan] * 4) for j in plain.first]
    for j in range(standard.shape[1]):
        knots = np.quantile(standard[:, j], KNOTS)
        if len(np.unique(standard[:, j])) >= 8 and (np.diff(knots) > 1e-3).all():
            rows += [(j, j, 1, [knots[k], knots[-2], knots[-1], knots[0]]) for k in range(len(knots) - 2)]
    if products:
        strongest = np.sort(np.argsort(-strength, kind="stable")[:MOST_PRODUCTS])
        feature = matrix.feature_of
        rows += [
            (int(a), int(b), 2, [np.nan] * 4)
            for i, a in enumerate(strongest)
            for b in strongest[i + 1 :]
            if feature[a] != feature[b]
        ]
    first, second, kind, knots_of = zip(*rows, strict=True)
    return Terms(
        np.array(first, np.int32),
        np.array(second, np.int32),
        np.array(kind, np.int32),
        np.array(knots_of, float),
        plain.centre,
        plain.scale,
    )


@dataclass(frozen=True, slots=True)
class FittedCox:
    """Coefficients per term, terms centred on the training mean, and Breslow's baseline hazard."""

    name: str
    terms: Terms
    coefficients: FloatArray
    means: FloatArray
    baseline: Baseline
    facts: Mapping[str, Any]

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard against the mean of the training rows, (n,)."""
        return np.asarray((self.terms.of(matrix.values) - self.means) @ self.coefficients)

    def predict(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        return self.margin(matrix)

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """P(no event by each time), (n, times)."""
        return self.baseline.survival(self.margin(matrix), times)

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Each term's share against the training mean; a product's goes to its two columns in halves."""
        parts = (self.terms.of(matrix.values) - self.means) * self.coefficients
        found = np.zeros((matrix.values.shape[1], len(matrix)))
        np.add.at(found, self.terms.first, 0.5 * parts.T)
        np.add.at(found, self.terms.second, 0.5 * parts.T)
        return np.zeros(len(matrix)), found.T

    def to_files(self) -> Files:
        """Arrays in safetensors, facts in JSON."""
        arrays: dict[str, Any] = {
            "first": self.terms.first,
            "second": self.terms.second,
            "kind": self.terms.kind,
            "knots": self.terms.knots,
            "centre": self.terms.centre,
            "scale": self.terms.scale,
            "coefficients": self.coefficients,
            "means": self.means,
            "times": self.baseline.times,
            "cumulative": self.baseline.cumulative,
        }
        return storage.pack(self.name, {"facts": dict(self.facts)}, arrays)


def cox_from_files(name: str, files: Mapping[str, bytes]) -> FittedCox:
    """The fitted regression again. Raises ModelRefused."""
    facts, arrays = storage.unpack(name, files)
    try:
        terms = Terms(*(arrays[key] for key in ("first", "second", "kind", "knots", "centre", "scale")))
        baseline = Baseline(arrays["times"], arrays["cumulative"])
        return FittedCox(name, terms, arrays["coefficients"], arrays["means"], baseline, facts["facts"])
    except KeyError as error:
        raise ModelRefused(f"the files of {name} lack {error}", todo="make the model folder anew") from error


@dataclass(frozen=True, slots=True)
class Cox:
    """Learner: Cox regression with an elastic-net penalty; `bent` adds splines and products."""

    name: str = "cox"
    complexity: int = 2
    bent: bool = False
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.SURVIVAL})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """The kind of penalty; its strength is chosen while fitting."""
        if self.bent:
            return {
                "l1_ratio": 0.0,
                "products": trial.suggest_categorical("products", [True, False]),
                "bend": trial.suggest_float("bend", 1.0, 10.0, log=True),
            }
        return {"l1_ratio": trial.suggest_categorical("l1_ratio", [0.0, 0.5, 1.0])}

    def defaults(self, target: Target) -> dict[str, Any]:
        """Ridge."""
        return {"l1_ratio": 0.0, "products": False, "bend": 3.0} if self.bent else {"l1_ratio": 0.0}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedCox:
        """Penalised partial likelihood. Raises TooFewData without two events."""
        return self._fit(matrix, target, parameters, weights)[0]

    def risk_sets(self, target: Target, weights: FloatArray | None) -> RiskSets:
        """Who is at risk when; competing events count as censoring."""
        return RiskSets.of(target, weights)

    def _fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, weights: FloatArray | None
    ) -> tuple[FittedCox, FloatArray, FloatArray]:
        sets = self.risk_sets(target, weights)
        if np.count_nonzero(sets.events) < 2:
            raise TooFewData("fewer than two events", todo="give more rows, or longer follow-up")
        terms = linear_terms(matrix)
        ratio = float(parameters["l1_ratio"])
        if self.bent:
            x = terms.of(matrix.values)[sets.order]
            strength = np.abs(choose(x, sets, factors=np.ones(x.shape[1])).coefficients)
            terms = bent_terms(matrix, strength, products=bool(parameters["products"]))
        scaled = Scaled.of(terms.of(matrix.values))
        factors = np.where(terms.kind == 0, 1.0, float(parameters.get("bend", 1.0)))
        x = scaled.values[sets.order]
        found = choose(x, sets, factors=factors, l1_ratio=ratio)
        coefficients = found.coefficients / scaled.scale
        log_hazard = np.asarray(scaled.values @ found.coefficients)
        facts = {"penalty": found.penalty, "degrees_of_freedom": found.degrees, "l1_ratio": ratio}
        baseline = sets.baseline(log_hazard)
        fitted = FittedCox(self.name, terms, coefficients, scaled.centre, baseline, facts)
        return fitted, scaled.values, found.penalty * factors

    def cross_fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int, weights: FloatArray | None = None
    ) -> tuple[FittedCox, FloatArray]:
        """The fitted learner, and log relative hazards for rows held out (terms and penalty of the whole)."""
        fitted, x, penalties = self._fit(matrix, target, parameters, weights)
        known = 0.5 * fitted.coefficients * Scaled.of(fitted.terms.of(matrix.values)).scale
        fold = internal_folds(target, seed=seed)
        out_of_fold = np.zeros(len(target))
        for k in range(int(fold.max()) + 1):
            train, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            sets = RiskSets.of(target.take(train), None if weights is None else weights[train])
            ratio = float(parameters["l1_ratio"])
            beta, _, _ = solve(x[train][sets.order], sets, penalties, l1_ratio=ratio, start=known)
            out_of_fold[held] = x[held] @ beta
        return fitted, out_of_fold

    def from_files(self, files: Mapping[str, bytes]) -> FittedCox:
        """The fitted learner again. Raises ModelRefused."""
        return cox_from_files(self.name, files)
