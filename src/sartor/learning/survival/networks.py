"""Networks for survival: Cox's partial likelihood, or hazards in discrete time with competing events; cross-fitted.

DeepSurv: Katzman et al. 2018 (PMID 29482517). The network in discrete time has DeepHit's loss, likelihood and ranking
of the incidences of every cause (Lee et al. 2018, AAAI 32:2314), over one softmax per interval (hazards, as Gensheimer
and Narasimhan 2019, PMID 30701130) where DeepHit has one over all intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import TooFewData
from sartor.learning.learner import Encoding, Files, FloatArray, Parameters, Suggest
from sartor.learning.survival import storage
from sartor.learning.survival.cross_fitting import calibrated, internal_folds
from sartor.learning.survival.partial_likelihood import Baseline, RiskSets
from sartor.learning.survival.penalised_cox import Scaled
from sartor.learning.survival.perceptron import Perceptron, Training, train
from sartor.learning.survival.ranking import ranking
from sartor.learning.task import CENSORED, EVENT, Matrix, Target

INTERVALS = 20
MOST_ROWS = 4_000
"""Rows up to which networks are tried: beyond, boosted trees do as well in a tenth of the time."""
FAR = 5.0
"""Standardised inputs are held within this many standard deviations."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Networks on standardised columns whose weighted outputs average to a margin."""

    networks: tuple[Perceptron, ...]
    centre: FloatArray
    scale: FloatArray
    mixture: FloatArray

    def inputs(self, matrix: Matrix) -> FloatArray:
        """Standardised rows, (n, columns)."""
        return np.clip((np.asarray(matrix.values, float) - self.centre) / self.scale, -FAR, FAR)

    def outputs(self, matrix: Matrix) -> FloatArray:
        """(networks, n, outputs)."""
        x = self.inputs(matrix)
        return np.stack([network(x) for network in self.networks])

    def margin(self, matrix: Matrix) -> FloatArray:
        """The mean over networks of the weighted outputs, (n,)."""
        return np.asarray(self.outputs(matrix).mean(axis=0) @ self.mixture)

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """(base (n,), (n, columns)) against the mean row."""
        x = self.inputs(matrix)
        parts = [network.contributions(x, np.zeros(x.shape[1]), self.mixture) for network in self.networks]
        base = float(np.mean([part[0] for part in parts]))
        return np.full(len(x), base), np.mean([part[1] for part in parts], axis=0)

    def arrays(self) -> dict[str, Any]:
        """All weights, by name."""
        found: dict[str, Any] = {"centre": self.centre, "scale": self.scale, "mixture": self.mixture}
        for k, network in enumerate(self.networks):
            for layer, (weight, offset) in enumerate(zip(network.weights, network.offsets, strict=True)):
                found |= {f"weight_{k}_{layer}": weight, f"offset_{k}_{layer}": offset}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], networks: int, layers: int) -> Ensemble:
        """What `arrays` gave."""
        made = tuple(
            Perceptron(
                tuple(arrays[f"weight_{k}_{layer}"] for layer in range(layers)),
                tuple(arrays[f"offset_{k}_{layer}"] for layer in range(layers)),
            )
            for k in range(networks)
        )
        return cls(made, arrays["centre"], arrays["scale"], arrays["mixture"])


@dataclass(frozen=True, slots=True)
class FittedDeepSurv:
    """Networks for the log relative hazard, with slope and baseline hazard from held-out rows."""

    name: str
    ensemble: Ensemble
    slope: float
    shift: float
    baseline: Baseline

    def margin(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        return np.asarray(self.slope * (self.ensemble.margin(matrix) - self.shift))

    def predict(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        return self.margin(matrix)

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """P(no event by each time), (n, times)."""
        return self.baseline.survival(self.margin(matrix), times)

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """DeepLIFT against the mean of the training rows."""
        base, parts = self.ensemble.contributions(matrix)
        return self.slope * (base - self.shift), self.slope * parts

    def to_files(self) -> Files:
        """Arrays in safetensors, facts in JSON."""
        facts = {
            "networks": len(self.ensemble.networks),
            "layers": len(self.ensemble.networks[0].weights),
            "slope": self.slope,
            "shift": self.shift,
        }
        baseline = {"times": self.baseline.times, "cumulative": self.baseline.cumulative}
        return storage.pack(self.name, facts, self.ensemble.arrays() | baseline)


def _training(parameters: Parameters) -> Training:
    width = int(parameters["width"])
    return Training((width, width), float(parameters["step"]), float(parameters["decay"]), float(parameters["dropout"]))


def _suggest(trial: Suggest) -> dict[str, Any]:
    return {
        "width": trial.suggest_categorical("width", [16, 32, 64]),
        "step": trial.suggest_float("step", 0.003, 0.03, log=True),
        "decay": trial.suggest_float("decay", 0.001, 0.3, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.4),
    }


DEFAULTS = {"width": 32, "step": 0.01, "decay": 0.05, "dropout": 0.2}
RANK = 0.02
"""Weight of the ranking loss beside the likelihood: on NHANES I 0.02 ranks better, 0.2 bends probabilities."""


def _cox_gradient(target: Target, weights: FloatArray | None, outputs: FloatArray, rows: Any) -> FloatArray:
    if rows is not None:
        target, weights = target.take(rows), None if weights is None else weights[rows]
    sets = RiskSets.of(target, weights)
    return sets.derivatives(outputs[:, 0])[0][:, None] / max(float(sets.deaths.sum()), 1.0)


def _cox_loss(sets: RiskSets, outputs: FloatArray) -> float:
    return sets.loss(outputs[:, 0])


@dataclass(frozen=True, slots=True)
class DeepSurv:
    """Learner: a network on Cox's partial likelihood."""

    name: str = "deepsurv"
    complexity: int = 5
    most_rows: int = MOST_ROWS
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.SURVIVAL})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Width, step size, decay, dropout."""
        return _suggest(trial)

    def defaults(self, target: Target) -> dict[str, Any]:
        """Two layers of 32."""
        return dict(DEFAULTS)

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedDeepSurv:
        """Four networks, each stopped on its own quarter."""
        return self.cross_fit(matrix, target, parameters, seed=seed, weights=weights)[0]

    def cross_fit(
        self, matrix: Matrix, target: Target, parameters: Parameters, *, seed: int, weights: FloatArray | None = None
    ) -> tuple[FittedDeepSurv, FloatArray]:
        """The fitted learner, and its log relative hazards for rows held out."""
        scaled = Scaled.of(matrix.values)
        x = np.clip(scaled.values, -FAR, FAR)
        fold = internal_folds(target, seed=seed)
        held_out, networks = np.zeros(len(target)), []
        for k in range(int(fold.max()) + 1):
            inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            of_inside = None if weights is None else weights[inside]
            judge = RiskSets.of(target.take(outside), None if weights is None else weights[outside])
            network = train(
                x[inside],
                x[outside],
                partial(_cox_gradient, target.take(inside), of_inside),
                partial(_cox_loss, judge),
                how=_training(parameters),
                start=np.zeros(1),
                seed=seed * 10 + k,
            )
            networks.append(network)
            held_out[outside] = network(x[outside])[:, 0]
        slope, shift, baseline = calibrated(target, held_out, weights)
        ensemble = Ensemble(tuple(networks), scaled.centre, scaled.scale, np.ones(1))
        return FittedDeepSurv(self.name, ensemble, slope, shift, baseline), slope * (held_out - shift)

    def from_files(self, files: Mapping[str, bytes]) -> FittedDeepSurv:
        """The fitted learner again. Raises ModelRefused."""
        facts, arrays = storage.unpack(self.name, files)
        ensemble = Ensemble.from_arrays(arrays, facts["networks"], facts["layers"])
        baseline = Baseline(arrays["times"], arrays["cumulative"])
        return FittedDeepSurv(self.name, ensemble, facts["slope"], facts["shift"], baseline)


@dataclass(frozen=True, slots=True)
class FittedHazards:
    """Networks for the hazard of each cause in each interval; `edges` (k + 1,) begins with 0."""

    name: str
    ensemble: Ensemble
    edges: FloatArray
    causes: int

    def margin(self, matrix: Matrix) -> FloatArray:
        """The mean over intervals, weighted by their events, of the log odds of the event of interest's hazard, (n,).

        With short intervals these differ from log relative hazards by a constant.
        """
        return self.ensemble.margin(matrix)

    def predict(self, matrix: Matrix) -> FloatArray:
        """Log relative hazard, (n,)."""
        return self.margin(matrix)

    def survival(self, matrix: Matrix, times: FloatArray) -> FloatArray:
        """P(no event of interest by each time), (n, times); linear within an interval, constant after the last."""
        outputs = self.ensemble.outputs(matrix)
        hazards = np.mean([_hazards(one, self.causes) for one in outputs], axis=0)
        stay = np.cumprod(1 - hazards.sum(axis=2), axis=1)
        alive = np.concatenate([np.ones((len(stay), 1)), stay[:, :-1]], axis=1)
        incidence = np.concatenate([np.zeros((len(stay), 1)), np.cumsum(alive * hazards[:, :, 0], axis=1)], axis=1)
        at = np.clip(np.asarray(times, float), 0.0, self.edges[-1])
        where = np.clip(np.searchsorted(self.edges, at, side="right") - 1, 0, len(self.edges) - 2)
        part = (at - self.edges[where]) / (self.edges[where + 1] - self.edges[where])
        return np.asarray(1 - (incidence[:, where] * (1 - part) + incidence[:, where + 1] * part))

    def contributions(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """DeepLIFT against the mean of the training rows."""
        return self.ensemble.contributions(matrix)

    def to_files(self) -> Files:
        """Arrays in safetensors, facts in JSON."""
        facts = {
            "networks": len(self.ensemble.networks),
            "layers": len(self.ensemble.networks[0].weights),
            "causes": self.causes,
        }
        return storage.pack(self.name, facts, self.ensemble.arrays() | {"edges": self.edges})


def _hazards(outputs: FloatArray, causes: int) -> FloatArray:
    """(n, intervals, causes): softmax over the causes and none at all (score 0)."""
    scores = np.clip(outputs.reshape(len(outputs), -1, causes), -30, 30)
    parts = np.exp(scores)
    return np.asarray(parts / (1 + parts.sum(axis=2, keepdims=True)))


@dataclass(frozen=True, slots=True)
class Intervals:
    """Rows as intervals survived and the cause that ended the last one; `rank` weighs the ranking loss."""

    at_risk: FloatArray
    ended: FloatArray
    rank: float = 0.0

    @classmethod
    def of(cls, target: Target, edges: FloatArray, causes: int, rank: float = 0.0) -> Intervals:
        """at_risk (n, k): 1 in intervals begun (censored: in which most was seen); ended (n, k, causes)."""
        assert target.events is not None
        count = len(edges) - 1
        where = np.clip(np.searchsorted(edges, target.values, side="left") - 1, 0, count - 1)
        beyond = target.values > edges[-1]
        middle = (edges[where] + edges[where + 1]) / 2
        censored = target.events == CENSORED
        last = np.where(censored & (target.values < middle), where - 1, where)
        at_risk = (np.arange(count)[None, :] <= last[:, None]).astype(float)
        ended = np.zeros((len(target), count, causes))
        rows = np.flatnonzero(~censored & ~beyond)
        ended[rows, where[rows], target.events[rows] - 1] = 1.0
        return cls(at_risk, ended, rank)

    def take(self, rows: Any) -> Intervals:
        """The same for these rows."""
        return Intervals(self.at_risk[rows], self.ended[rows], self.rank)

    def gradient(self, outputs: FloatArray, rows: Any = None) -> FloatArray:
        """Of the loss in the outputs, (n, intervals × causes), for these rows."""
        if rows is not None:
            return self.take(rows).gradient(outputs)
        hazards = _hazards(outputs, self.ended.shape[2])
        slope = (self.at_risk[:, :, None] * hazards - self.ended) / max(float(self.ended.sum()), 1.0)
        if self.rank > 0:
            slope = slope + self.rank * ranking(hazards, self.ended, self._beyond())[1]
        return np.asarray(slope.reshape(len(outputs), -1))

    def loss(self, outputs: FloatArray) -> float:
        """Negative log likelihood per event, and the weighed ranking loss."""
        hazards = _hazards(outputs, self.ended.shape[2])
        stay = np.log1p(-np.minimum(hazards.sum(axis=2), 1 - 1e-12))
        happened = self.ended.sum(axis=2)
        events = float(np.sum(self.ended * np.log(np.maximum(hazards, 1e-300))))
        value = -(events + float(np.sum((self.at_risk - happened) * stay))) / max(float(happened.sum()), 1.0)
        return value + (self.rank * ranking(hazards, self.ended, self._beyond())[0] if self.rank > 0 else 0.0)

    def _beyond(self) -> FloatArray:
        return np.asarray(self.at_risk - self.ended.sum(axis=2))


def interval_edges(target: Target, count: int = INTERVALS) -> FloatArray:
    """Edges at quantiles of the event times, from 0; at most `count` intervals. Raises TooFewData without events."""
    assert target.events is not None
    happened = target.values[target.events != CENSORED]
    if np.count_nonzero(target.events == EVENT) < 2:
        raise TooFewData("fewer than two events", todo="give more rows, or longer follow-up")
    inner = np.quantile(happened, np.linspace(0, 1, min(count, len(happened)) + 1)[1:])
    return np.unique(np.concatenate(([0.0], inner)))


@dataclass(frozen=True, slots=True)
class HazardNetwork:
    """Learner: DeepHit-like, all causes in discrete time by likelihood and ranking, without proportional hazards."""

    name: str = "discrete_time_network"
    complexity: int = 5
    most_rows: int = MOST_ROWS
    encoding: Encoding = Encoding.DENSE
    tasks: frozenset[Task] = frozenset({Task.SURVIVAL})

    def suggest(self, trial: Suggest, target: Target) -> dict[str, Any]:
        """Width, step size, decay, dropout, weight of the ranking loss."""
        return _suggest(trial) | {"rank": trial.suggest_float("rank", 0.002, 0.2, log=True)}

    def defaults(self, target: Target) -> dict[str, Any]:
        """Two layers of 32."""
        return DEFAULTS | {"rank": RANK}

    def fit(
        self,
        matrix: Matrix,
        target: Target,
        parameters: Parameters,
        *,
        seed: int,
        weights: FloatArray | None = None,
        threads: int = 1,
    ) -> FittedHazards:
        """Four networks, each stopped on its own quarter. Row weights are not used."""
        assert target.events is not None
        causes = max(int(target.events.max()), 1)
        edges = interval_edges(target)
        scaled = Scaled.of(matrix.values)
        x = np.clip(scaled.values, -FAR, FAR)
        rows = Intervals.of(target, edges, causes, float(parameters.get("rank", RANK)))
        ended, begun = rows.ended.sum(axis=0), rows.at_risk.sum(axis=0)[:, None]
        rate = np.clip(ended / np.maximum(begun, 1.0), 1e-4, 0.9 / causes)
        start = np.log(rate / (1 - rate.sum(axis=1, keepdims=True))).ravel()
        fold = internal_folds(target, seed=seed)
        networks = []
        for k in range(int(fold.max()) + 1):
            inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            here, there = rows.take(inside), rows.take(outside)
            how = _training(parameters)
            networks.append(
                train(
                    x[inside], x[outside], here.gradient, there.loss,
                    how=how, start=start, seed=seed * 10 + k,
                )
            )  # fmt: skip
        mixture = np.zeros((len(edges) - 1, causes))
        mixture[:, 0] = ended[:, 0] / max(float(ended[:, 0].sum()), 1.0)
        ensemble = Ensemble(tuple(networks), scaled.centre, scaled.scale, mixture.ravel())
        return FittedHazards(self.name, ensemble, edges, causes)

    def from_files(self, files: Mapping[str, bytes]) -> FittedHazards:
        """The fitted learner again. Raises ModelRefused."""
        facts, arrays = storage.unpack(self.name, files)
        ensemble = Ensemble.from_arrays(arrays, facts["networks"], facts["layers"])
        return FittedHazards(self.name, ensemble, arrays["edges"], int(facts["causes"]))
