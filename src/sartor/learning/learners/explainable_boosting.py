"""Explainable boosting machine: one curve per input and a few pairs, learned in turns, added up exactly.

Lou et al. 2013 (doi:10.1145/2487575.2487579), grown by interpret-core; kept and evaluated as plain tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import checked, probabilities
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.survival.trees import values_of
from sartor.learning.task import Matrix, Target


@dataclass(frozen=True, slots=True)
class Term:
    """One curve or pair. edges: per column the cuts (numbers), or the known codes (categories).

    scores: (bins of the first column, …, k). Bin 0 is missing, the last one is unknown.
    """

    columns: tuple[int, ...]
    edges: tuple[FloatArray, ...]
    coded: tuple[bool, ...]
    scores: FloatArray

    def of(self, values: npt.NDArray[Any]) -> FloatArray:
        """(n, k)."""
        places = []
        for column, edges, coded in zip(self.columns, self.edges, self.coded, strict=True):
            x = np.asarray(values[:, column], float)
            missing = np.isnan(x)
            if coded:
                at = np.searchsorted(edges, np.where(missing, -1.0, x))
                found = np.clip(at, 0, max(len(edges) - 1, 0))
                known = edges[found] == x if len(edges) else np.zeros(len(x), bool)
                place = np.where(known, found + 1, len(edges) + 1)
            else:
                place = np.searchsorted(edges, x, side="right") + 1
            places.append(np.where(missing, 0, place))
        return np.asarray(self.scores[tuple(places)])


@dataclass(frozen=True, slots=True)
class FittedAdditive:
    """intercept: (k,)."""

    name: str
    task: Task
    terms: tuple[Term, ...]
    intercept: FloatArray

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,), or (n, classes)."""
        values = values_of(matrix)
        total = np.tile(self.intercept, (len(matrix), 1))
        for term in self.terms:
            total += term.of(values)
        return checked(total)

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """The terms; a pair's is halved between its columns."""
        values = values_of(matrix)
        each = np.zeros((*values.shape, len(self.intercept)))
        for term in self.terms:
            found = term.of(values) / len(term.columns)
            for column in term.columns:
                each[:, column] += found
        base = checked(np.tile(self.intercept, (len(matrix), 1)))
        return base, each[:, :, 0] if each.shape[2] == 1 else each

    def to_files(self) -> Files:
        """JSON and safetensors."""
        arrays: dict[str, npt.NDArray[Any]] = {"intercept": self.intercept}
        for k, term in enumerate(self.terms):
            arrays[f"scores_{k:04d}"] = term.scores
            arrays |= {f"edges_{k:04d}_{place}": edges for place, edges in enumerate(term.edges)}
        terms = [{"columns": list(term.columns), "coded": list(term.coded)} for term in self.terms]
        return pack(self.name, {"task": self.task.value, "terms": terms}, arrays)


@dataclass(frozen=True)
class ExplainableBoosting:
    """Curves, and pairs where there are two classes or a value."""

    name: str = "explainable_boosting"
    complexity: int = 3
    encoding: Encoding = Encoding.NATIVE
    costly: bool = True
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Step, pairs, smallest leaf."""
        return {
            "step": trial.suggest_float("step", 0.005, 0.05, log=True),
            "pairs": trial.suggest_int("pairs", 0, 10),
            "least_rows": trial.suggest_int("least_rows", 2, 30, log=True),
            "bags": 4,
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """Few pairs where rows are few."""
        n = len(target)
        return {"step": 0.015 if n < 20_000 else 0.04, "pairs": 2 if n < 1_000 else 10, "least_rows": 4, "bags": 4}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedAdditive:
        """Learn the curves in turns, and average over the bags."""
        from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

        classes = len(target.classes)
        several = target.task is Task.CLASSIFICATION and classes > 2
        settings = {
            "feature_types": ["nominal" if each else "continuous" for each in matrix.categorical],
            "interactions": 0 if several or matrix.values.shape[1] < 2 else int(parameters["pairs"]),
            "outer_bags": int(parameters["bags"]),
            "learning_rate": float(parameters["step"]),
            "min_samples_leaf": int(parameters["least_rows"]),
            "max_bins": 256,
            "n_jobs": 1,
            "random_state": seed % 2**31,
        }
        values = np.asarray(values_of(matrix), float)
        with _quietly():
            if target.task is Task.REGRESSION:
                model: Any = ExplainableBoostingRegressor(**settings)
                model.fit(values, target.values, sample_weight=weights)
            else:
                model = ExplainableBoostingClassifier(**settings)
                model.fit(values, target.values.astype(int), sample_weight=weights)
        return _plain(self.name, target, model)

    def from_files(self, files: Mapping[str, bytes]) -> FittedAdditive:
        """The fitted state again."""
        facts, arrays = unpack(self.name, files)
        terms = tuple(
            Term(
                tuple(each["columns"]),
                tuple(arrays[f"edges_{k:04d}_{place}"] for place in range(len(each["columns"]))),
                tuple(each["coded"]),
                arrays[f"scores_{k:04d}"],
            )
            for k, each in enumerate(facts["terms"])
        )
        return FittedAdditive(self.name, Task(facts["task"]), terms, arrays["intercept"])


def _plain(name: str, target: Target, model: Any) -> FittedAdditive:
    """The library's model as tables."""
    terms = []
    for columns, scores in zip(model.term_features_, model.term_scores_, strict=True):
        edges, coded, orders = [], [], []
        for column in columns:
            levels = model.bins_[column]
            found = levels[min(len(columns), len(levels)) - 1]
            coded.append(isinstance(found, dict))
            if isinstance(found, dict):
                labels = sorted((float(label), place) for label, place in found.items())
                edges.append(np.array([label for label, _ in labels], float))
                orders.append(np.array([0, *(place for _, place in labels), len(found) + 1]))
            else:
                edges.append(np.asarray(found, float))
                orders.append(np.arange(len(found) + 3))
        table = np.asarray(scores, float)[np.ix_(*orders)]
        if table.ndim == len(columns):
            table = table[..., None]
        terms.append(Term(tuple(int(c) for c in columns), tuple(edges), tuple(coded), table))
    intercept = np.atleast_1d(np.asarray(model.intercept_, float))
    if len(intercept) == 2 and target.is_binary:
        intercept = intercept[1:] - intercept[:1]
    return FittedAdditive(name, target.task, tuple(terms), intercept)


def _quietly() -> Any:
    import warnings

    return warnings.catch_warnings(action="ignore")
