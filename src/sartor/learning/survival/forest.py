"""A random forest for survival: trees that split by relative risk, grown by LightGBM, judged out of bag.

A split is the best step of the exponential likelihood with each row's cumulative hazard as its exposure, which LeBlanc
and Crowley 1992 use for relative-risk trees (Biometrics 48:411);
rows are drawn with replacement and columns per split as in
random survival forests (Ishwaran et al. 2008, doi:10.1214/08-AOAS169). A leaf's value is the log of its events over its
expected events, both shrunk towards 1, so that the mean over trees is a log relative hazard to which TreeSHAP adds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import Encoding, FloatArray, Parameters, Suggest
from sartor.learning.survival import trees
from sartor.learning.survival.boosted_cox import FittedTrees, trees_from_files
from sartor.learning.survival.cross_fitting import calibrated, require_events
from sartor.learning.survival.partial_likelihood import breslow
from sartor.learning.task import EVENT, Matrix, Target

SHRINKAGE = 1.0
"""Events, and expected events, added to every leaf."""


@dataclass(frozen=True, slots=True)
class SurvivalForest:
    """Learner: a forest of relative-risk trees."""

    name: str = "survival_forest"
    complexity: int = 4
    encoding: Encoding = Encoding.NATIVE
    tasks: frozenset[Task] = frozenset({Task.SURVIVAL})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Size of leaves and columns per split."""
        return {
            "leaf_events": trial.suggest_float("leaf_events", 3.0, 30.0, log=True),
            "columns": trial.suggest_float("columns", 0.2, 0.8),
            "trees": 100,
        }

    def defaults(self, target: Target) -> dict[str, Any]:
        """A third of the columns per split, about eight expected events per leaf."""
        return {"leaf_events": 8.0, "columns": 0.4, "trees": 100 if len(target) <= 4_000 else 30}

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
        """Grow the trees; slope and baseline hazard come from rows out of bag."""
        return self.cross_fit(matrix, target, parameters, seed=seed, weights=weights)[0]

    def cross_fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int, weights: FloatArray | None = None
    ) -> tuple[FittedTrees, FloatArray]:
        """The fitted learner, and its log relative hazards out of bag."""
        require_events(target)
        assert target.events is not None
        generator = np.random.default_rng([seed, len(target)])
        count, n = int(parameters["trees"]), len(target)
        base = np.ones(n) if weights is None else np.asarray(weights, float)
        exposure = breslow(target, np.zeros(n), weights).at(target.values)
        happened = (target.events == EVENT).astype(float)
        unit = np.arange(n) if target.groups is None else np.unique(target.groups, return_inverse=True)[1]
        units = target.units
        drawn = generator.multinomial(units, np.full(units, 1 / units), size=count)[:, unit] * base
        model = self._grow(matrix, happened, exposure, drawn, parameters, seed)
        leaves = np.asarray(model.predict(trees.values_of(matrix), pred_leaf=True, num_threads=1)).reshape(n, -1)
        out_of_bag = np.zeros((2, n))
        for k in range(leaves.shape[1]):
            size = int(leaves[:, k].max()) + 1
            events = np.bincount(leaves[:, k], weights=drawn[k] * happened, minlength=size)
            expected = np.bincount(leaves[:, k], weights=drawn[k] * exposure, minlength=size)
            value = np.log((events + SHRINKAGE) / (expected + SHRINKAGE))
            for leaf, log_ratio in enumerate(value):
                model.set_leaf_output(k, leaf, float(log_ratio) / leaves.shape[1])
            outside = drawn[k] == 0
            out_of_bag[0, outside] += value[leaves[outside, k]]
            out_of_bag[1, outside] += 1
        held = np.divide(out_of_bag[0], out_of_bag[1], out=np.zeros(n), where=out_of_bag[1] > 0)
        scale, shift, baseline = calibrated(target, held, weights)
        kept = trees.from_text(trees.text_of(model))
        fitted = FittedTrees(self.name, (kept,), scale, shift, baseline, len(matrix.columns))
        return fitted, scale * (held - shift)

    @staticmethod
    def _grow(
        matrix: Matrix, happened: FloatArray, exposure: FloatArray, drawn: FloatArray, parameters: Parameters, seed: int
    ) -> Any:
        leaf = min(float(parameters["leaf_events"]), max(float(happened.sum()) / 10, 1.0))
        options = trees.settings(
            seed,
            objective="none",
            learning_rate=1.0,
            num_leaves=int(np.clip(happened.sum() / leaf, 4, 256)),
            min_data_in_leaf=1,
            min_sum_hessian_in_leaf=leaf,
            lambda_l2=SHRINKAGE,
            feature_fraction_bynode=float(parameters["columns"]),
        )
        model = trees.booster(trees.dataset(matrix), options)
        for drawn_here in drawn:
            first, second = drawn_here * (exposure - happened), drawn_here * exposure
            model.update(fobj=lambda _, __, first=first, second=second: (first, second))
        return model

    def from_files(self, files: Mapping[str, bytes]) -> FittedTrees:
        """The fitted learner again. Raises ModelRefused."""
        return trees_from_files(self.name, files)
