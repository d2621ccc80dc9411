"""Gradient boosting that starts at the source's margin and goes on with the target's rows (LightGBM)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target
from sartor.learning.transfer.penalised import recalibrate

ROUNDS = 80
SOURCE_RATE, TARGET_RATE = 0.06, 0.04
FIXED = {
    "num_leaves": 6, "min_data_in_leaf": 8, "lambda_l2": 3.0, "feature_fraction": 0.8, "verbosity": -1,
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "max_bin": 63, "boost_from_average": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Booster:
    """Trees of the source and trees of the target on one margin: slope · source + intercept + target."""

    source: Any
    target: Any = None
    start: float = 0.0
    slope: float = 1.0
    intercept: float = 0.0

    def margin(self, values: FloatArray) -> FloatArray:
        """(n, c) → (n,)."""
        found = self.intercept + self.slope * (self.start + self.source.predict(values, raw_score=True))
        return np.asarray(found if self.target is None else found + self.target.predict(values, raw_score=True))

    def contributions(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(base (n,), contributions (n, c)): TreeSHAP of both sets of trees."""
        of_source = np.asarray(self.source.predict(values, pred_contrib=True))
        total = self.slope * of_source
        total[:, -1] += self.intercept + self.slope * self.start
        if self.target is not None:
            total = total + np.asarray(self.target.predict(values, pred_contrib=True))
        return total[:, -1], total[:, :-1]


def fit_booster(values: FloatArray, target: Target, *, seed: int) -> Booster:
    """The source's trees."""
    start = _start(target)
    trees = _train(values, target, np.full(len(values), start), rounds=ROUNDS, rate=SOURCE_RATE, seed=seed)
    return Booster(trees, start=start)


def continued(source: Booster, values: FloatArray, target: Target, *, rounds: int, seed: int) -> Booster:
    """The source's margin with its mean set right, then `rounds` trees from the target's rows."""
    margin = source.margin(values)
    slope, intercept = recalibrate(margin, target, slope=False)
    trees = None
    if rounds and len(values) >= 2 * FIXED["min_data_in_leaf"]:
        begun = slope * margin + intercept
        trees = _train(values, target, begun, rounds=rounds, rate=TARGET_RATE, seed=seed)
    return Booster(source.source, trees, source.start, slope, intercept)


def _start(target: Target) -> float:
    if target.task is Task.SURVIVAL:
        return 0.0
    mean = float(target.values.mean())
    return float(np.log(mean / (1 - mean))) if target.task is Task.CLASSIFICATION else mean


def _train(values: FloatArray, target: Target, begun: FloatArray, *, rounds: int, rate: float, seed: int) -> Any:
    """Trees on the gradient of the target's loss, beginning at the margin `begun`."""
    import lightgbm

    outcome = target.values if target.task is not Task.SURVIVAL else np.zeros(len(target))
    data = lightgbm.Dataset(values, outcome, init_score=begun, params={"verbosity": -1, "max_bin": FIXED["max_bin"]})
    parameters: dict[str, Any] = {**FIXED, "learning_rate": rate, "seed": seed}
    if target.task is Task.CLASSIFICATION:
        parameters["objective"] = "binary"
    elif target.task is Task.REGRESSION:
        parameters["objective"] = "regression"
    else:
        parameters["objective"] = lambda margin, _: cox_derivatives(target, margin)
        parameters["min_sum_hessian_in_leaf"] = 0.1
    return lightgbm.train(parameters, data, num_boost_round=rounds)


def cox_derivatives(target: Target, margin: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First and second derivative of Breslow's partial likelihood by each row's margin."""
    order = np.argsort(target.values, kind="stable")
    times = target.values[order]
    assert target.events is not None
    events = (target.events[order] == EVENT).astype(float)
    relative = np.exp(margin[order] - margin.max())
    at_risk = np.cumsum(relative[::-1])[::-1][np.searchsorted(times, times, side="left")]
    upto = np.searchsorted(times, times, side="right") - 1
    first = np.cumsum(events / at_risk)[upto]
    second = np.cumsum(events / at_risk**2)[upto]
    gradient, bend = np.empty(len(times)), np.empty(len(times))
    gradient[order] = relative * first - events
    bend[order] = np.maximum(relative * first - relative**2 * second, 1e-6)
    return gradient, bend
