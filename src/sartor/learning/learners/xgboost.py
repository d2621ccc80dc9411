"""XGBoost: gradient-boosted trees on second-order gain, missing values and categories taken natively.

Chen and Guestrin 2016 (doi:10.1145/2939672.2939785). Contributions are exact TreeSHAP; the library sums in single
precision, and what rounding leaves over is shared out in proportion to size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.learners.lightgbm import LARGE, SMALL
from sartor.learning.learners.scale import checked, completed, probabilities
from sartor.learning.survival.storage import pack, unpack
from sartor.learning.survival.trees import values_of
from sartor.learning.task import Matrix, Target


def _data(matrix: Matrix, **more: Any) -> Any:
    import xgboost

    kinds = ["c" if each else "q" for each in matrix.categorical]
    return xgboost.DMatrix(
        np.asarray(values_of(matrix), np.float32), feature_types=kinds, enable_categorical=True, nthread=1, **more
    )


@dataclass(frozen=True, slots=True)
class FittedXGBoost:
    """A booster; its raw score is the margin."""

    name: str
    task: Task
    booster: Any
    outputs: int

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log odds or value, (n,), or (n, classes)."""
        return checked(np.asarray(self.booster.predict(_data(matrix), output_margin=True), float).reshape(
            len(matrix), -1
        ))  # fmt: skip

    def predict(self, matrix: Matrix) -> FloatArray:
        """(n, classes) or (n,)."""
        return probabilities(self.task, self.margin(matrix))

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """No such thing here."""
        raise NotImplementedError

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """TreeSHAP of the sum of the trees."""
        found = np.asarray(self.booster.predict(_data(matrix), pred_contribs=True), float)
        each = found.reshape(len(matrix), self.outputs, -1)
        margin = self.margin(matrix).reshape(len(matrix), -1)
        parts = [completed(each[:, k, -1], each[:, k, :-1], margin[:, k]) for k in range(self.outputs)]
        contributions = np.stack([part[1] for part in parts], axis=2)
        base = checked(np.column_stack([part[0] for part in parts]))
        return base, contributions[:, :, 0] if self.outputs == 1 else contributions

    def to_files(self) -> Files:
        """The library's JSON, and ours."""
        trees = bytes(self.booster.save_raw("json"))
        return pack(self.name, {"task": self.task.value, "outputs": self.outputs}, {}) | {"trees.json": trees}


@dataclass(frozen=True)
class XGBoost:
    """Gradient boosting on binary, multinomial or squared loss."""

    name: str = "xgboost"
    complexity: int = 4
    encoding: Encoding = Encoding.NATIVE
    tasks: frozenset[Task] = frozenset({Task.CLASSIFICATION, Task.REGRESSION})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Depth and number of trees, step, regularisation, sampling."""
        return {
            "step": trial.suggest_float("step", 0.01, 0.2, log=True),
            "trees": trial.suggest_int("trees", 50, 500, log=True),
            "depth": trial.suggest_int("depth", 1, 8),
            "least_weight": trial.suggest_float("least_weight", 0.5, 50.0, log=True),
            "ridge": trial.suggest_float("ridge", 0.1, 100.0, log=True),
            "columns": trial.suggest_float("columns", 0.2, 1.0),
            "rows": trial.suggest_float("rows", 0.5, 1.0),
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """Shallow trees where rows are few."""
        n = len(target)
        if n >= LARGE:
            shape = {"step": 0.07, "trees": 250, "depth": 5, "least_weight": 10.0}
        elif n >= SMALL:
            shape = {"step": 0.05, "trees": 200, "depth": 4, "least_weight": 4.0}
        else:
            shape = {"step": 0.05, "trees": 120, "depth": 2, "least_weight": 2.0}
        return shape | {"ridge": 3.0, "columns": 0.4, "rows": 0.8}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedXGBoost:
        """Grow the trees."""
        import xgboost

        classes = len(target.classes)
        outputs = classes if target.task is Task.CLASSIFICATION and classes > 2 else 1
        settings: dict[str, Any] = {"objective": "reg:squarederror"}
        if target.task is Task.CLASSIFICATION:
            settings = {"objective": "binary:logistic"}
            if outputs > 1:
                settings = {"objective": "multi:softprob", "num_class": classes}
        settings |= {
            "eta": float(parameters["step"]),
            "max_depth": int(parameters["depth"]),
            "min_child_weight": float(parameters["least_weight"]),
            "lambda": float(parameters["ridge"]),
            "colsample_bytree": float(parameters["columns"]),
            "subsample": float(parameters["rows"]),
            "tree_method": "hist",
            "max_cat_to_onehot": 8,
            "seed": seed % 2**31,
            "nthread": 1,
            "verbosity": 0,
        }
        booster = xgboost.train(settings, _data(matrix, label=target.values, weight=weights), int(parameters["trees"]))
        return FittedXGBoost(self.name, target.task, booster, outputs)

    def from_files(self, files: Mapping[str, bytes]) -> FittedXGBoost:
        """The fitted state again."""
        import xgboost

        facts, _ = unpack(self.name, files)
        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(files["trees.json"]))
        except (KeyError, xgboost.core.XGBoostError) as error:
            raise ModelRefused("XGBoost cannot read the trees", todo="make the model folder anew") from error
        booster.set_param({"nthread": 1})
        return FittedXGBoost(self.name, Task(facts["task"]), booster, int(facts["outputs"]))
