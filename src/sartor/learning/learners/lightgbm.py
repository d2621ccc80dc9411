"""LightGBM: gradient-boosted histogram trees, missing values and categories taken natively.

Ke et al. 2017 (NeurIPS 30). Contributions are exact TreeSHAP (Lundberg 2020, PMID 32607472). Rare classes are not
weighted: log loss keeps the probabilities at the frequency of the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.scale import checked, completed, probabilities
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.survival.trees import from_text, text_of, values_of
from sartor.learning.task import Matrix, Target

SMALL, LARGE = 1_000, 20_000
FIXED = {
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "max_cat_to_onehot": 4,
    "feature_pre_filter": False,
}


@dataclass(frozen=True, slots=True)
class FittedLightGBM:
    """A booster; its raw score is the margin."""

    name: str
    task: Task
    booster: Any
    outputs: int

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,), or (n, classes)."""
        raw = self.booster.predict(values_of(matrix), raw_score=True, num_threads=1)
        return np.asarray(raw, float)

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """TreeSHAP of the sum of the trees."""
        found = np.asarray(self.booster.predict(values_of(matrix), pred_contrib=True, num_threads=1), float)
        margin = self.margin(matrix).reshape(len(matrix), -1)
        each = found.reshape(len(matrix), self.outputs, -1)
        parts = [completed(each[:, k, -1], each[:, k, :-1], margin[:, k]) for k in range(self.outputs)]
        base = np.column_stack([part[0] for part in parts])
        contributions = np.stack([part[1] for part in parts], axis=2)
        return checked(base), contributions[:, :, 0] if self.outputs == 1 else contributions

    def to_files(self) -> Files:
        """The library's own text, and JSON."""
        facts = {"task": self.task.value, "outputs": self.outputs}
        return pack(self.name, facts, {}) | {"trees.txt": text_of(self.booster)}


@dataclass(frozen=True)
class LightGBM:
    """Gradient boosting on binary, multinomial or squared loss."""

    name: str = "lightgbm"
    complexity: int = 4
    encoding: Encoding = Encoding.NATIVE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Size and number of trees, step, regularisation, sampling."""
        large = len(target) >= LARGE
        return {
            "step": trial.suggest_float("step", 0.02 if large else 0.01, 0.15, log=True),
            "trees": trial.suggest_int("trees", 100 if large else 50, 800 if large else 400, log=True),
            "leaves": trial.suggest_int("leaves", 3, 127 if large else 31, log=True),
            "least_rows": trial.suggest_int("least_rows", 5, 300 if large else 60, log=True),
            "ridge": trial.suggest_float("ridge", 0.01, 100.0, log=True),
            "columns": trial.suggest_float("columns", 0.2, 1.0),
            "rows": trial.suggest_float("rows", 0.5, 1.0),
            "category_ridge": trial.suggest_float("category_ridge", 5.0, 300.0, log=True),
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """Trees the smaller, the fewer the rows."""
        n = len(target)
        if n >= LARGE:
            shape = {"step": 0.05, "trees": 300, "leaves": 15, "least_rows": 100}
        elif n >= SMALL:
            shape = {"step": 0.04, "trees": 200, "leaves": 12, "least_rows": 20}
        else:
            shape = {"step": 0.04, "trees": 300, "leaves": 4, "least_rows": 10, "ridge": 1.0}
        return {"ridge": 5.0} | shape | {"columns": 0.4, "rows": 0.8, "category_ridge": 50.0}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedLightGBM:
        """Grow the trees; the same for any number of threads."""
        classes = len(target.classes)
        outputs = classes if target.task is Task.CLASSIFICATION and classes > 2 else 1
        settings: dict[str, Any] = {"objective": "regression"}
        if target.task is Task.CLASSIFICATION:
            settings = {"objective": "multiclass", "num_class": classes} if outputs > 1 else {"objective": "binary"}
        settings |= {
            "learning_rate": float(parameters["step"]),
            "num_leaves": int(parameters["leaves"]),
            "min_data_in_leaf": int(min(parameters["least_rows"], max(len(target) // 20, 2))),
            "lambda_l2": float(parameters["ridge"]),
            "feature_fraction": float(parameters["columns"]),
            "bagging_fraction": float(parameters["rows"]),
            "bagging_freq": 1,
            "cat_l2": float(parameters["category_ridge"]),
            "cat_smooth": float(parameters["category_ridge"]),
        }
        booster = grow(matrix, target.values, settings, int(parameters["trees"]), seed, weights, threads)
        return FittedLightGBM(self.name, target.task, booster, outputs)

    def from_files(self, files: Mapping[str, bytes]) -> FittedLightGBM:
        """The fitted state again."""
        facts, _ = unpack(self.name, files)
        booster = from_text(files.get("trees.txt", b""))
        return FittedLightGBM(self.name, Task(facts["task"]), booster, int(facts["outputs"]))


def grow(
    matrix: Matrix,
    outcome: FloatArray,
    settings: Mapping[str, Any],
    trees: int,
    seed: int,
    weights: FloatArray | None,
    threads: int,
) -> Any:
    """A booster of that many trees, free of its data and with a text that does not depend on the threads."""
    import lightgbm

    settled = {**FIXED, **settings, "seed": seed % 2**31, "num_threads": threads}
    names = [f"c{k}" for k in range(matrix.values.shape[1])]
    data = lightgbm.Dataset(
        values_of(matrix),
        outcome,
        weight=weights,
        feature_name=names,
        categorical_feature=np.flatnonzero(matrix.categorical).tolist(),
        params={**settled, "max_bin": 255},
        free_raw_data=True,
    )
    booster = lightgbm.train(settled, data, num_boost_round=trees)
    text = booster.model_to_string().split("\nparameters:")[0] + "\n"
    return lightgbm.Booster(model_str=text)
