"""Random forest of probabilities: LightGBM grows it without boosting, so categories and missing values stay native.

Breiman 2001 (doi:10.1023/A:1010933404324); trees of probabilities: Malley et al. 2012 (PMID 21915433). The forest's
own scale is the probability (one forest per class with more than two). Its contributions are TreeSHAP values there,
scaled row by row so that they add up on the log odds and keep their shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.lightgbm import grow
from sartor.learning.learners.scale import LEAST, checked, completed, margins
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.survival.trees import from_text, text_of, values_of
from sartor.learning.task import Matrix, Target


@dataclass(frozen=True, slots=True)
class FittedForest:
    """One forest for two classes or a value, one per class else."""

    name: str
    task: Task
    forests: tuple[Any, ...]

    def _raw(self, matrix: Matrix) -> FloatArray:
        values = values_of(matrix)
        return np.column_stack([np.asarray(each.predict(values, num_threads=1), float) for each in self.forests])

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        raw = self._raw(matrix)
        if self.task is not Task.CLASSIFICATION:
            return np.asarray(raw[:, 0])
        inside = np.clip(raw, LEAST, 1 - LEAST)
        if inside.shape[1] == 1:
            return np.column_stack([1 - inside[:, 0], inside[:, 0]])
        return np.asarray(inside / inside.sum(axis=1, keepdims=True))

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds, (n,), or the value; (n, classes): logarithms of the forests' averages (softmax: shares)."""
        if len(self.forests) > 1:
            return np.log(np.clip(self._raw(matrix), LEAST, 1 - LEAST))
        return margins(self.task, self.predict(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """TreeSHAP on the probability, scaled onto the margin."""
        margin = self.margin(matrix).reshape(len(matrix), -1)
        bases, each = [], []
        for k, forest in enumerate(self.forests):
            summed = np.asarray(forest.predict(values_of(matrix), pred_contrib=True, num_threads=1), float)
            found = summed / forest.num_trees()  # the library averages a forest's predictions, not its contributions
            base, shares = found[:, -1], found[:, :-1]
            if self.task is Task.CLASSIFICATION:
                base, shares = self._onto_margin(base, shares, margin[:, k])
            base, shares = completed(base, shares, margin[:, k])
            bases.append(base)
            each.append(shares)
        contributions = np.stack(each, axis=2)
        return checked(np.column_stack(bases)), contributions[:, :, 0] if len(each) == 1 else contributions

    def _onto_margin(self, base: FloatArray, shares: FloatArray, margin: FloatArray) -> tuple[FloatArray, FloatArray]:
        inside = np.clip(base, LEAST, 1 - LEAST)
        start = np.log(inside) - (np.log1p(-inside) if len(self.forests) == 1 else 0.0)
        step = shares.sum(axis=1)
        flat = np.abs(step) < 1e-9
        factor = np.where(flat, 1 / inside, (margin - start) / np.where(flat, 1.0, step))
        return start, shares * factor[:, None]

    def to_files(self) -> Files:
        """The library's own text, and JSON."""
        texts = {f"trees_{k}.txt": text_of(forest) for k, forest in enumerate(self.forests)}
        return pack(self.name, {"task": self.task.value, "forests": len(self.forests)}, {}) | texts


@dataclass(frozen=True)
class RandomForest:
    """Deep trees on subsamples of rows, a random part of the columns at every split."""

    name: str = "random_forest"
    complexity: int = 4
    encoding: Encoding = Encoding.NATIVE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Smallest leaf and share of columns and rows."""
        return {
            "trees": 200,
            "least_rows": trial.suggest_int("least_rows", 1, 50, log=True),
            "columns": trial.suggest_float("columns", 0.05, 0.8),
            "rows": trial.suggest_float("rows", 0.4, 0.9),
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """Leaves that can hold a probability."""
        few = len(target) < 5_000
        return {"trees": 200, "least_rows": 3 if few else 20, "columns": 0.4 if few else 0.25, "rows": 0.632}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedForest:
        """Grow the trees."""
        settings = {
            "objective": "regression",
            "boosting": "rf",
            "num_leaves": 512,
            "min_data_in_leaf": int(parameters["least_rows"]),
            "min_sum_hessian_in_leaf": 0.0,
            "feature_fraction_bynode": float(parameters["columns"]),
            "bagging_fraction": float(parameters["rows"]),
            "bagging_freq": 1,
            "cat_smooth": 10.0,
            "cat_l2": 10.0,
        }
        outcomes = [target.values]
        if target.task is Task.CLASSIFICATION:
            wanted = range(1, 2) if target.is_binary else range(len(target.classes))
            outcomes = [(target.values == k).astype(float) for k in wanted]
        trees = int(parameters["trees"])
        forests = tuple(grow(matrix, each, settings, trees, seed, weights, threads) for each in outcomes)
        return FittedForest(self.name, target.task, forests)

    def from_files(self, files: Mapping[str, bytes]) -> FittedForest:
        """The fitted state again."""
        facts, _ = unpack(self.name, files)
        forests = tuple(from_text(files.get(f"trees_{k}.txt", b"")) for k in range(int(facts["forests"])))
        return FittedForest(self.name, Task(facts["task"]), forests)
