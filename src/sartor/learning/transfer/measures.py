"""Discrimination and calibration of several ways on the same patients, with paired intervals over patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target
from sartor.learning.transfer.penalised import fit_towards, recalibrate

RESAMPLES = 1000
CALIBRATION_RESAMPLES = 100
METRIC = {Task.CLASSIFICATION: "auroc", Task.SURVIVAL: "harrell_c", Task.REGRESSION: "r2"}


@dataclass(frozen=True, slots=True)
class Sampled:
    """A statistic on the patients at hand, and on bootstrap samples of them (the same samples for every way)."""

    value: float
    samples: FloatArray

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval; NaN where no sample gave a value."""
        usable = self.samples[np.isfinite(self.samples)]
        if not len(usable):
            return float("nan"), float("nan")
        low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def minus(self, other: Sampled) -> Sampled:
        """The paired difference."""
        return Sampled(self.value - other.value, self.samples - other.samples)


def multiplicities(n: int, *, seed: int, resamples: int = RESAMPLES) -> npt.NDArray[np.float64]:
    """How often each of n patients stands in each bootstrap sample, (resamples + 1, n); the first row is all once."""
    generator = np.random.default_rng([seed, n, 5])
    drawn = generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
    return np.vstack([np.ones(n), drawn])


def discrimination(
    target: Target, margins: FloatArray, parts: npt.NDArray[np.int64], times: npt.NDArray[np.float64]
) -> Sampled:
    """AUROC, Harrell's C or R², mean over repeats.

    margins: (repeats, n) out of fold. parts: (repeats, n) the fold of each row: ranks are compared within a fold only,
             since each fold has a model of its own. times: multiplicities (samples, n).
    """
    if target.task is Task.REGRESSION:
        return _r2(target, margins, times)
    right = np.zeros(len(times))
    pairs = np.zeros(len(times))
    for margin, part in zip(margins, parts, strict=True):
        for each in np.unique(part[part >= 0]):
            rows = np.flatnonzero((part == each) & np.isfinite(margin))
            higher = _should_be_higher(target.take(rows))
            ranks = margin[rows][:, None] - margin[rows][None, :]
            agree = higher * ((ranks > 0) + 0.5 * (ranks == 0))
            weights = times[:, rows]
            right += ((weights @ agree) * weights).sum(axis=1)
            pairs += ((weights @ higher) * weights).sum(axis=1)
    found = np.divide(right, pairs, out=np.full(len(times), np.nan), where=pairs > 0)
    return Sampled(float(found[0]), found[1:])


def _should_be_higher(target: Target) -> FloatArray:
    """(n, n): 1 where the row's patient should have the higher margin than the column's."""
    if target.events is None:
        return np.asarray((target.values[:, None] > target.values[None, :]).astype(float))
    earlier = target.values[:, None] < target.values[None, :]
    same_but_censored = (target.values[:, None] == target.values[None, :]) & (target.events[None, :] != EVENT)
    return np.asarray(((target.events == EVENT)[:, None] & (earlier | same_but_censored)).astype(float))


def _r2(target: Target, margins: FloatArray, times: FloatArray) -> Sampled:
    error = ((margins - target.values) ** 2).mean(axis=0)
    n = times.sum(axis=1)
    mean = times @ target.values / n
    total = times @ target.values**2 - n * mean**2
    found = 1 - times @ error / np.maximum(total, 1e-12)
    return Sampled(float(found[0]), found[1:])


def brier(target: Target, margins: FloatArray, times: FloatArray) -> Sampled:
    """Mean squared error of the probability (classification) or of the value (regression), mean over repeats."""
    predicted = margins
    if target.task is Task.CLASSIFICATION:
        predicted = 1 / (1 + np.exp(-np.clip(margins, -500, 500)))
    error = ((predicted - target.values) ** 2).mean(axis=0)
    found = times @ error / times.sum(axis=1)
    return Sampled(float(found[0]), found[1:])


def calibration(target: Target, margins: FloatArray, *, seed: int) -> tuple[Sampled, Sampled]:
    """(slope, intercept) of the target on the out-of-fold margin, mean over repeats; the intercept at slope 1."""
    times = multiplicities(len(target), seed=seed, resamples=CALIBRATION_RESAMPLES)
    slopes, intercepts = np.full(len(times), np.nan), np.full(len(times), np.nan)
    for index, weights in enumerate(times):
        rows = np.repeat(np.arange(len(target)), weights.astype(int))
        drawn = target.take(rows)
        if target.task is Task.CLASSIFICATION and len(np.unique(drawn.values)) < 2:
            continue
        slopes[index] = float(np.mean([_slope(margin[rows], drawn) for margin in margins]))
        intercepts[index] = float(np.mean([recalibrate(margin[rows], drawn, slope=False)[1] for margin in margins]))
    return Sampled(float(slopes[0]), slopes[1:]), Sampled(float(intercepts[0]), intercepts[1:])


def _slope(margin: FloatArray, target: Target) -> float:
    spread = float(margin.std())
    if spread < 1e-9:
        return float("nan")
    scaled = ((margin - margin.mean()) / spread)[:, None]
    return float(fit_towards(scaled, target, penalty=1e-3).coefficients[0]) / spread
