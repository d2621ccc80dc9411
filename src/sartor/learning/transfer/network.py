"""A small network pretrained at the source and trained further on the target, its weights held near the source's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.learning.learner import FloatArray
from sartor.learning.task import EVENT, Target

HIDDEN = 16
SOURCE_EPOCHS = 120
SOURCE_RATE, TARGET_RATE = 0.01, 0.003
WEIGHT_DECAY = 1.0
NEAR_SOURCE = 10.0


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer beside a linear path: margin = b + w·x + v·tanh(Ux + u), in units of `scale`.

    weights: "linear" (c,), "input" (h, c), "bias" (h,), "output" (h,), "intercept" (1,).
    """

    weights: dict[str, FloatArray]
    centre: float = 0.0
    scale: float = 1.0

    def margin(self, values: FloatArray) -> FloatArray:
        """(n, c) → (n,)."""
        hidden = np.tanh(values @ self.weights["input"].T + self.weights["bias"])
        raw = values @ self.weights["linear"] + hidden @ self.weights["output"] + self.weights["intercept"]
        return np.asarray(self.centre + self.scale * raw)


def fit_network(values: FloatArray, target: Target, *, seed: int) -> Network:
    """Pretrain: full-batch Adam with weight decay, the same seed gives the same weights."""
    generator = np.random.default_rng([seed, 17])
    columns = values.shape[1]
    start = {
        "linear": np.zeros(columns),
        "input": generator.normal(scale=1 / np.sqrt(max(columns, 1)), size=(HIDDEN, columns)),
        "bias": np.zeros(HIDDEN),
        "output": generator.normal(scale=0.1, size=HIDDEN),
        "intercept": np.zeros(1),
    }
    centre, scale = 0.0, 1.0
    if target.task is Task.REGRESSION:
        centre, scale = float(target.values.mean()), float(target.values.std()) or 1.0
    zero = {name: np.zeros_like(each) for name, each in start.items()}
    weights = _train(values, target, start, zero, (centre, scale), SOURCE_EPOCHS, SOURCE_RATE, WEIGHT_DECAY)
    return Network(weights, centre, scale)


def tuned(source: Network, values: FloatArray, target: Target, *, epochs: int, seed: int) -> Network:
    """Fine-tune with a penalty on the distance from the source's weights (L2-SP: Li, Grandvalet, Davoine 2018,
    arXiv:1802.01483); the intercept is free."""
    weights = _train(
        values,
        target,
        source.weights,
        source.weights,
        (source.centre, source.scale),
        epochs,
        TARGET_RATE * 10,
        NEAR_SOURCE,
    )
    return Network(weights, source.centre, source.scale)


def _train(
    values: FloatArray,
    target: Target,
    start: dict[str, FloatArray],
    anchor: dict[str, FloatArray],
    units: tuple[float, float],
    epochs: int,
    rate: float,
    decay: float,
) -> dict[str, FloatArray]:
    """Full-batch Adam on loss + decay/2 · ‖weights − anchor‖² / n."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        inputs = torch.tensor(values, dtype=torch.float64)
        weights = {name: torch.tensor(each, dtype=torch.float64, requires_grad=True) for name, each in start.items()}
        fixed = {name: torch.tensor(each, dtype=torch.float64) for name, each in anchor.items()}
        loss_of = _loss(target, units)
        optimiser = torch.optim.Adam(list(weights.values()), lr=rate)
        for _ in range(epochs):
            optimiser.zero_grad()
            hidden = torch.tanh(inputs @ weights["input"].T + weights["bias"])
            margin = inputs @ weights["linear"] + hidden @ weights["output"] + weights["intercept"]
            away = sum(((weights[n] - fixed[n]) ** 2).sum() for n in weights if n != "intercept")
            loss = loss_of(margin) + decay / 2 * away / len(values)
            loss.backward()
            optimiser.step()
        return {name: each.detach().numpy().copy() for name, each in weights.items()}
    finally:
        torch.set_num_threads(threads)


def _loss(target: Target, units: tuple[float, float]) -> Any:
    import torch

    if target.task is Task.CLASSIFICATION:
        outcome = torch.tensor(target.values, dtype=torch.float64)
        return lambda margin: torch.nn.functional.binary_cross_entropy_with_logits(margin, outcome)
    if target.task is Task.REGRESSION:
        scaled = torch.tensor((target.values - units[0]) / units[1], dtype=torch.float64)
        return lambda margin: ((margin - scaled) ** 2).mean() / 2
    assert target.events is not None
    order = np.argsort(-target.values, kind="stable")
    times = target.values[order]
    last = torch.tensor(np.searchsorted(-times, -times, side="right") - 1)
    died = torch.tensor((target.events[order] == EVENT).astype(float))
    rows = torch.tensor(order)

    def partial_likelihood(margin: Any) -> Any:
        sorted_margin = margin[rows]
        at_risk = torch.logcumsumexp(sorted_margin, 0)[last]
        return (died * (at_risk - sorted_margin)).sum() / died.sum().clamp(min=1)

    return partial_likelihood
