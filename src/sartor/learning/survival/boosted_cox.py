"""Gradient-boosted Cox regression: histogram trees on the partial likelihood, cross-fitted.

Each of four models learns from three quarters of the rows and stops by the partial likelihood of the last quarter;
their mean predicts, and the rows' own held-out predictions set the slope and the baseline hazard. Ridgeway 1999
(Computing Science and Statistics 31:172); LightGBM: Ke et al. 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.survival import storage, trees
from sartor.learning.survival.cross_fitting import calibrated, internal_folds
from sartor.learning.survival.partial_likelihood import Baseline, RiskSets
from sartor.learning.task import Matrix, Target

NAME = "boosted_cox"
STEP, PATIENCE, CHECK_EVERY = 0.1, 3, 10


@dataclass(frozen=True, slots=True)
class FittedTrees:
    """Boosters whose mean, shifted and scaled, is the log relative hazard; `name` tells how they were grown."""

    name: str
    boosters: tuple[Any, ...]
    scale: float
    shift: float
    baseline: Baseline
    columns: int

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        total = np.mean([trees.raw(model, matrix) for model in self.boosters], axis=0)
        return np.asarray(self.scale * (total - self.shift))

    def predict(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        return self.margin(matrix)

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """P(no event by each time), (n, times)."""
        return self.baseline.survival(self.margin(matrix), times)

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """Exact TreeSHAP of the mean of the boosters, on the log relative hazard."""
        parts = [trees.shapley(model, matrix) for model in self.boosters]
        base = np.mean([part[0] for part in parts], axis=0)
        each = np.mean([part[1] for part in parts], axis=0)
        return self.scale * (base - self.shift), self.scale * each

    def to_files(self) -> Files:
        """The trees as LightGBM's text, the rest as JSON and safetensors."""
        facts = {"boosters": len(self.boosters), "scale": self.scale, "shift": self.shift, "columns": self.columns}
        arrays = {"times": self.baseline.times, "cumulative": self.baseline.cumulative}
        texts = {f"trees_{k}.txt": trees.text_of(model) for k, model in enumerate(self.boosters)}
        return storage.pack(self.name, facts, arrays) | texts


def trees_from_files(name: str, files: Mapping[str, bytes]) -> FittedTrees:
    """The fitted trees again. Raises ModelRefused."""
    facts, arrays = storage.unpack(name, files)
    boosters = tuple(trees.from_text(files.get(f"trees_{k}.txt", b"")) for k in range(int(facts["boosters"])))
    baseline = Baseline(arrays["times"], arrays["cumulative"])
    return FittedTrees(name, boosters, facts["scale"], facts["shift"], baseline, int(facts["columns"]))


def _grow(
    matrix: Matrix, target: Target, train: Any, held: Any, parameters: Parameters, weights: FloatArray | None, seed: int
) -> tuple[Any, FloatArray]:
    """(booster, its predictions for the held rows), stopped where their partial likelihood was best."""
    inside, outside = matrix.take(train), matrix.take(held)
    sets = RiskSets.of(target.take(train), None if weights is None else weights[train])
    judge = RiskSets.of(target.take(held), None if weights is None else weights[held])
    events = float(sets.deaths.sum())
    options = trees.settings(
        seed,
        objective="none",
        learning_rate=STEP,
        num_leaves=2 ** int(parameters["depth"]),
        max_depth=int(parameters["depth"]),
        min_data_in_leaf=max(int(0.01 * len(inside)), 10),
        min_sum_hessian_in_leaf=min(3.0, events / 20),
        lambda_l2=float(parameters["ridge"]),
        feature_fraction=float(parameters["columns"]),
        bagging_fraction=float(parameters["rows"]),
        bagging_freq=1,
    )
    data = trees.dataset(inside)
    check = trees.dataset_like(outside, data)
    model = trees.booster(data, options)
    model.add_valid(check, "held")

    def gradient(predicted: FloatArray, _: Any) -> tuple[FloatArray, FloatArray]:
        first, second, _value = sets.derivatives(predicted)
        return first, np.maximum(second, 1e-6)

    best, best_round, best_held, since = judge.loss(np.zeros(len(outside))), 0, np.zeros(len(outside)), 0
    for turn in range(1, int(parameters["rounds"]) + 1):
        if model.update(fobj=gradient):
            break
        if turn % CHECK_EVERY == 0:
            held_now = trees.held_scores(model)
            loss = judge.loss(held_now)
            if loss < best - 1e-5:
                best, best_round, best_held, since = loss, turn, held_now.copy(), 0
            else:
                since += 1
                if since >= PATIENCE:
                    break
    final = trees.first_trees(model, best_round)
    return final, best_held


@dataclass(frozen=True, slots=True)
class BoostedCox:
    """Learner: boosted trees on Cox's partial likelihood."""

    name: str = NAME
    complexity: int = 4
    encoding: Encoding = Encoding.NATIVE
    tasks: frozenset[Task] = frozenset({Task.SURVIVAL})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Depth, shrinkage of leaves and sampling."""
        return {
            "depth": trial.suggest_int("depth", 1, 4),
            "ridge": trial.suggest_float("ridge", 1.0, 30.0, log=True),
            "columns": trial.suggest_float("columns", 0.4, 1.0),
            "rows": trial.suggest_float("rows", 0.5, 0.9),
            "rounds": 300,
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """Shallow trees."""
        return {"depth": 3, "ridge": 10.0, "columns": 0.6, "rows": 0.7, "rounds": 300}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedTrees:
        """Four boosters, each stopped on its own quarter."""
        return self.cross_fit(matrix, target, parameters, seed=seed, weights=weights)[0]

    def cross_fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int, weights: FloatArray | None = None
    ) -> tuple[FittedTrees, FloatArray]:
        """The fitted learner, and its log relative hazards for rows held out."""
        fold = internal_folds(target, seed=seed)
        out_of_fold = np.zeros(len(target))
        boosters = []
        for k in range(int(fold.max()) + 1):
            train, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            model, out_of_fold[held] = _grow(matrix, target, train, held, parameters, weights, seed + k)
            boosters.append(model)
        scale, shift, baseline = calibrated(target, out_of_fold, weights)
        fitted = FittedTrees(self.name, tuple(boosters), scale, shift, baseline, len(matrix.columns))
        return fitted, scale * (out_of_fold - shift)

    def from_files(self, files: Mapping[str, bytes]) -> FittedTrees:
        """The fitted learner again. Raises ModelRefused."""
        return trees_from_files(self.name, files)
