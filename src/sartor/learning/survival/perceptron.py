"""Small fully connected networks: trained by torch, then plain arrays that NumPy evaluates and explains.

Contributions follow DeepLIFT's rescale rule against one reference row, which adds up exactly (Shrikumar et al. 2017,
arXiv:1704.02685).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.errors import MissingExtra

Floats = npt.NDArray[np.float64]
Gradient = Callable[[npt.NDArray[Any], npt.NDArray[Any] | None], npt.NDArray[Any]]
Loss = Callable[[npt.NDArray[Any]], float]


@dataclass(frozen=True, slots=True)
class Perceptron:
    """Layers of weights (inputs, outputs) and offsets (outputs,), rectified between; the last is linear."""

    weights: tuple[Floats, ...]
    offsets: tuple[Floats, ...]

    def __call__(self, x: Floats) -> Floats:
        """(n, outputs) from standardised rows (n, columns)."""
        for k, (weight, offset) in enumerate(zip(self.weights, self.offsets, strict=True)):
            x = x @ weight + offset
            if k < len(self.weights) - 1:
                x = np.maximum(x, 0.0)
        return x

    def contributions(self, x: Floats, reference: Floats, mixture: Floats) -> tuple[float, Floats]:
        """(output at the reference, (n, columns)) of the outputs weighted by `mixture` (outputs,)."""
        activations, at_reference = [x], [reference[None, :]]
        slopes: list[Floats] = []
        for k, (weight, offset) in enumerate(zip(self.weights[:-1], self.offsets[:-1], strict=True)):
            before, before_reference = activations[k] @ weight + offset, at_reference[k] @ weight + offset
            after, after_reference = np.maximum(before, 0.0), np.maximum(before_reference, 0.0)
            gap = before - before_reference
            steep = np.abs(gap) > 1e-9
            ratio = np.divide(after - after_reference, gap, out=(before > 0).astype(float), where=steep)
            slopes.append(ratio)
            activations.append(after)
            at_reference.append(after_reference)
        last = self.weights[-1] @ mixture
        base = float((at_reference[-1] @ last)[0] + self.offsets[-1] @ mixture)
        multiplier = np.broadcast_to(last, activations[-1].shape)
        for weight, ratio in zip(reversed(self.weights[:-1]), reversed(slopes), strict=True):
            multiplier = (multiplier * ratio) @ weight.T
        return base, multiplier * (x - reference)


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained: sizes of hidden layers, step size, decay, dropout, most passes, patience."""

    hidden: tuple[int, ...] = (32, 32)
    step: float = 0.01
    decay: float = 0.01
    dropout: float = 0.1
    passes: int = 150
    patience: int = 4
    every: int = 5
    batch: int = 1024


def train(
    x: Floats, held: Floats, gradient: Gradient, loss: Loss, *, how: Training, start: Floats, seed: int
) -> Perceptron:
    """AdamW on `gradient` (of the loss in the outputs), stopped where `loss` of the held rows was least.

    gradient: of these outputs, for the rows named (None: all). Many rows are drawn in batches, one per step.
    start: (outputs,) offsets of the last layer at the beginning. Deterministic for a seed.
    """
    torch = _torch()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _train(torch, x, held, gradient, loss, how, start, np.random.default_rng(seed))
    finally:
        torch.set_num_threads(threads)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("PyTorch is not installed", todo="pip install 'sartor[networks]'") from error
    return torch


def _train(
    torch: Any,
    x: Floats,
    held: Floats,
    gradient: Gradient,
    loss: Loss,
    how: Training,
    start: Floats,
    generator: np.random.Generator,
) -> Perceptron:
    sizes = (x.shape[1], *how.hidden, len(start))
    layers: list[Any] = []
    for k, (size, following) in enumerate(pairwise(sizes)):
        layers.append(torch.nn.Linear(size, following))
        if k < len(sizes) - 2:
            layers += [torch.nn.ReLU(), torch.nn.Dropout(how.dropout)]
    model = torch.nn.Sequential(*layers)
    with torch.no_grad():
        layers[-1].weight.mul_(0.1)
        layers[-1].bias.copy_(torch.as_tensor(start, dtype=torch.float32))
    steps = torch.optim.AdamW(model.parameters(), lr=how.step, weight_decay=how.decay)
    inside, outside = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(held, dtype=torch.float32)
    best, best_loss, since = _arrays(layers), np.inf, 0
    for turn in range(how.passes):
        if turn % how.every == 0:
            model.eval()
            with torch.no_grad():
                value = loss(model(outside).numpy().astype(float))
            if value < best_loss - 1e-5:
                best, best_loss, since = _arrays(layers), value, 0
            else:
                since += 1
                if since > how.patience:
                    break
            model.train()
        steps.zero_grad()
        rows = generator.choice(len(x), how.batch, replace=False) if len(x) > 2 * how.batch else None
        predicted = model(inside if rows is None else inside[rows])
        slope = gradient(predicted.detach().numpy().astype(float), rows)
        predicted.backward(torch.as_tensor(slope, dtype=torch.float32))
        steps.step()
    return best


def _arrays(layers: list[Any]) -> Perceptron:
    linear = [layer for layer in layers if hasattr(layer, "weight")]
    weights = tuple(layer.weight.detach().numpy().astype(float).T.copy() for layer in linear)
    return Perceptron(weights, tuple(layer.bias.detach().numpy().astype(float) for layer in linear))
