"""The transferred model as a fitted learner: a weighted sum of linear and boosted margins, explained and stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.task import Matrix, Target
from sartor.learning.transfer.boosting import Booster
from sartor.learning.transfer.penalised import Linear, breslow, fit_towards

NAME = "transferred"
STATE = "transferred.json"
SOURCE_TREES, TARGET_TREES = "source_trees.txt", "target_trees.txt"


@dataclass(frozen=True, slots=True)
class Transferred:
    """margin = linear(x) + weight · booster(x).

    booster: None unless boosting takes part. times, hazard: survival only, the cumulative baseline hazard at margin 0.
    """

    task: Task
    columns: tuple[str, ...]
    linear: Linear
    booster: Booster | None = None
    weight: float = 0.0
    times: FloatArray | None = None
    hazard: FloatArray | None = None
    name: str = NAME

    def margin(self, matrix: Matrix) -> FloatArray:
        """(n,): log odds, value, or log relative hazard."""
        values = np.asarray(matrix.values, dtype=float)
        found = self.linear.margin(values)
        return found if self.booster is None else found + self.weight * self.booster.margin(values)

    def predict(self, matrix: Matrix) -> FloatArray:
        """Probabilities (n, 2), values (n,), or log relative hazards (n,)."""
        margin = self.margin(matrix)
        if self.task is not Task.CLASSIFICATION:
            return margin
        positive = 1 / (1 + np.exp(-np.clip(margin, -500, 500)))
        return np.column_stack([1 - positive, positive])

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """P(no event by each time), (n, times); the baseline is the target's own."""
        assert self.times is not None
        assert self.hazard is not None
        steps = np.concatenate([[0.0], self.hazard])
        base = steps[np.searchsorted(self.times, np.asarray(times, dtype=float), side="right")]
        return np.asarray(np.exp(-np.outer(np.exp(self.margin(matrix)), base)))

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """(base (n,), contributions (n, c)); linear terms exactly, trees by TreeSHAP."""
        values = np.asarray(matrix.values, dtype=float)
        base = np.full(len(values), self.linear.intercept)
        found = values * self.linear.coefficients
        if self.booster is not None:
            of_trees = self.booster.contributions(values)
            base, found = base + self.weight * of_trees[0], found + self.weight * of_trees[1]
        return base, found

    def to_files(self) -> Files:
        """JSON for the linear part, LightGBM's text for trees."""
        state: dict[str, Any] = {
            "task": self.task.value,
            "columns": list(self.columns),
            "intercept": self.linear.intercept,
            "coefficients": self.linear.coefficients.tolist(),
            "weight": self.weight,
            "times": None if self.times is None else self.times.tolist(),
            "hazard": None if self.hazard is None else self.hazard.tolist(),
        }
        files: Files = {}
        if self.booster is not None:
            state["booster"] = [self.booster.start, self.booster.slope, self.booster.intercept]
            files[SOURCE_TREES] = self.booster.source.model_to_string().encode()
            if self.booster.target is not None:
                files[TARGET_TREES] = self.booster.target.model_to_string().encode()
        files[STATE] = (json.dumps(state, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
        return files


def transferred(
    parts: Mapping[str, tuple[float, Any]], matrix: Matrix, target: Target, *, calibration: tuple[float, float]
) -> Transferred:
    """The weighted sum of fitted candidates after `calibration` (slope, intercept), with the target's baseline hazard.

    parts: name → (weight, Linear or Booster); at most one booster.
    """
    slope, intercept = calibration
    constant, coefficients = intercept, np.zeros(matrix.values.shape[1])
    booster, of_booster = None, 0.0
    for weight, model in parts.values():
        if isinstance(model, Linear):
            constant += slope * weight * model.intercept
            coefficients = coefficients + slope * weight * model.coefficients
        else:
            booster, of_booster = model, slope * weight
    found = Transferred(target.task, matrix.columns, Linear(float(constant), coefficients), booster, of_booster)
    if target.task is not Task.SURVIVAL:
        return found
    times, hazard = breslow(target, found.margin(matrix))
    return Transferred(target.task, matrix.columns, found.linear, booster, of_booster, times, hazard)


class TransferredLearner:
    """Reads a transferred model back; without a source it fits plain penalised regression."""

    name = NAME
    complexity = 3
    encoding = Encoding.DENSE
    tasks = frozenset(Task)

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """A penalty."""
        return {"penalty": trial.suggest_float("penalty", 0.1, 300.0, log=True)}

    def defaults(self, target: Target) -> dict[str, Any]:
        """A middling penalty."""
        return {"penalty": 10.0}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> Transferred:
        """Ridge regression (logistic, linear or Cox)."""
        values = np.asarray(matrix.values, dtype=float)
        linear = fit_towards(values, target, penalty=float(parameters["penalty"]), weights=weights)
        return transferred({"local": (1.0, linear)}, matrix, target, calibration=(1.0, 0.0))

    def from_files(self, files: Mapping[str, bytes]) -> Transferred:
        """The fitted state again. Raises ModelRefused for anything else."""
        try:
            state = json.loads(files[STATE])
            linear = Linear(float(state["intercept"]), np.array(state["coefficients"], dtype=float))
            times, hazard = (None if state[k] is None else np.array(state[k], dtype=float) for k in ("times", "hazard"))
            booster = _booster(files, state["booster"]) if "booster" in state else None
            return Transferred(
                Task(state["task"]), tuple(state["columns"]), linear, booster, float(state["weight"]), times, hazard
            )
        except (KeyError, ValueError, TypeError) as error:
            raise ModelRefused(
                f"the transferred model cannot be read ({error})", where=STATE, todo="export the model again"
            ) from error


def _booster(files: Mapping[str, bytes], numbers: list[float]) -> Booster:
    import lightgbm

    trees = lightgbm.Booster(model_str=files[SOURCE_TREES].decode())
    further = lightgbm.Booster(model_str=files[TARGET_TREES].decode()) if TARGET_TREES in files else None
    return Booster(trees, further, *(float(each) for each in numbers))


LEARNERS = (TransferredLearner(),)
