"""An attention network over views: it weighs each patient's views and learns with some taken away at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from sartor.domain.model import Task
from sartor.errors import MissingExtra
from sartor.learning.multiomics.integrators import MOST_COLUMNS, Choices, FittedIntegrator
from sartor.learning.multiomics.penalised import nothing_known, softmax
from sartor.learning.multiomics.scaling import Scaling, fit_scaling
from sartor.learning.multiomics.views import Floats, Views
from sartor.learning.task import EVENT, Target


@dataclass(frozen=True, slots=True)
class Attention:
    """One small encoder per view, attention over the views that are there, a linear head; a mean of `members` networks.

    components: principal components per view that enter. dropout: chance that a view is taken away in a step
    (modality dropout, Neverova et al. 2016, doi:10.1109/TPAMI.2015.2461544), so that the network can do without it.
    """

    most: int = MOST_COLUMNS
    components: int = 60
    width: int = 32
    epochs: int = 120
    members: int = 2
    dropout: float = 0.25
    name: str = "attention"
    complexity: int = 6

    def fit_all(self, views: Views, target: Target, *, seed: int) -> Sequence[tuple[Choices, FittedIntegrator]]:
        """One network; raises MissingExtra without PyTorch."""
        if find_spec("torch") is None:
            raise MissingExtra(
                "PyTorch is not installed", where="attention network", todo="pip install 'sartor[networks]'"
            )
        scalings = tuple(fit_scaling(view, target, most=self.most) for view in views)
        turns = tuple(_components(s.apply(v)[v.present], self.components) for s, v in zip(scalings, views, strict=True))
        inputs = _inputs(views, scalings, turns)
        there = np.array([view.present for view in views]).T
        nets = tuple(self._member(inputs, there, target, seed + 1000 * k) for k in range(self.members))
        return [
            ({"networks": self.members}, FittedAttention(scalings, turns, nets, nothing_known(target), target.task))
        ]

    def _member(self, inputs: Sequence[Floats], there: Any, target: Target, seed: int) -> dict[str, Floats]:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._trained(inputs, there, target, seed)
        finally:
            torch.set_num_threads(threads)

    def _trained(self, inputs: Sequence[Floats], there: Any, target: Target, seed: int) -> dict[str, Floats]:
        import torch

        generator = torch.Generator().manual_seed(seed)
        width = len(target.classes) if target.task is Task.CLASSIFICATION else 1
        weights = _initial([part.shape[1] for part in inputs], self.width, width, generator)
        parts = [torch.tensor(part, dtype=torch.float32) for part in inputs]
        present = torch.tensor(there)
        loss_of = _loss(target)
        optimiser = torch.optim.AdamW(weights.values(), lr=5e-3, weight_decay=0.05)
        for _ in range(self.epochs):
            kept = present & (torch.rand(present.shape, generator=generator) > self.dropout)
            kept = torch.where(kept.any(dim=1, keepdim=True), kept, present)
            noisy = [part * (torch.rand(part.shape, generator=generator) > 0.2) / 0.8 for part in parts]
            optimiser.zero_grad()
            loss = loss_of(_forward(weights, noisy, kept))
            loss.backward()
            optimiser.step()
        found = {name: value.detach().numpy().astype(np.float64) for name, value in weights.items()}
        spread = float(target.values.std()) or 1.0
        return found | {"scale": np.array([spread if target.task is Task.REGRESSION else 1.0])}


@dataclass(frozen=True, slots=True)
class FittedAttention:
    """Scalings, rotations to components and the weights of each network."""

    scalings: tuple[Scaling, ...]
    turns: tuple[Floats, ...]
    networks: tuple[dict[str, Floats], ...]
    unknown: Floats
    task: Task

    def predict(self, views: Views) -> Floats:
        """Mean over the networks; what is known of everyone where no view is there."""
        import torch

        inputs = [torch.tensor(part) for part in _inputs(views, self.scalings, self.turns)]
        present = torch.tensor(np.array([view.present for view in views]).T)
        total: Any = 0.0
        for network in self.networks:
            weights = {name: torch.tensor(value) for name, value in network.items()}
            said = _forward(weights, inputs, present).numpy()
            total = total + (softmax(said) if self.task is Task.CLASSIFICATION else self._value(said))
        predicted = np.asarray(total / len(self.networks))
        predicted[~np.asarray(present).any(axis=1)] = self.unknown
        return predicted

    def _value(self, said: Floats) -> Floats:
        return said * self.networks[0]["scale"] + self.unknown


def _components(values: Floats, most: int) -> Floats:
    """(q, c) rotation to at most `most` principal components, each to SD 1 of the largest."""
    if not values.size:
        return np.zeros((values.shape[1], 0))
    _, size, right = np.linalg.svd(values, full_matrices=False)
    keep = min(most, int((size > 1e-9 * max(size[0], 1e-12)).sum()))
    return np.asarray(right[:keep].T * (np.sqrt(len(values)) / size[0]) * 3.0)


def _inputs(views: Views, scalings: Sequence[Scaling], turns: Sequence[Floats]) -> list[Floats]:
    return [scaling.apply(view) @ turn for scaling, view, turn in zip(scalings, views, turns, strict=True)]


def _initial(sizes: Sequence[int], width: int, outputs: int, generator: Any) -> dict[str, Any]:
    import torch

    def drawn(rows: int, columns: int) -> Any:
        value = torch.randn(rows, columns, generator=generator) / np.sqrt(max(rows, 1))
        return value.requires_grad_()

    weights = {f"encoder{i}": drawn(size, width) for i, size in enumerate(sizes)}
    weights |= {f"bias{i}": torch.zeros(width).requires_grad_() for i in range(len(sizes))}
    weights |= {"attend": drawn(width, width), "query": drawn(width, 1), "head": drawn(width, outputs)}
    return weights | {"offset": torch.zeros(outputs).requires_grad_()}


def _forward(weights: dict[str, Any], parts: Sequence[Any], present: Any) -> Any:
    """(n, outputs) from one (n, c) part per view and (n, views) which may be looked at."""
    import torch

    hidden = torch.stack(
        [torch.nn.functional.gelu(part @ weights[f"encoder{i}"] + weights[f"bias{i}"]) for i, part in enumerate(parts)],
        dim=1,
    )
    score = (torch.tanh(hidden @ weights["attend"]) @ weights["query"]).squeeze(-1)
    score = score.masked_fill(~present, -1e9)
    attention = torch.softmax(score, dim=1) * present
    pooled = (attention.unsqueeze(-1) * hidden).sum(dim=1)
    return pooled @ weights["head"] + weights["offset"]


def _loss(target: Target) -> Any:
    import torch

    if target.task is Task.CLASSIFICATION:
        classes = torch.tensor(target.values.astype(np.int64))
        return lambda said: torch.nn.functional.cross_entropy(said, classes)
    if target.task is Task.REGRESSION:
        centre, spread = target.values.mean(), target.values.std() or 1.0
        wanted = torch.tensor((target.values - centre) / spread, dtype=torch.float32)
        return lambda said: ((said[:, 0] - wanted) ** 2).mean()
    assert target.events is not None
    order = np.argsort(-target.values, kind="stable")
    event = torch.tensor((target.events[order] == EVENT).astype(np.float32))
    places = torch.tensor(order)

    def cox(said: Any) -> Any:
        risk = said[places, 0]
        return -((risk - torch.logcumsumexp(risk, dim=0)) * event).sum() / event.sum().clamp(min=1)

    return cox
