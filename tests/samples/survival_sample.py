"""Made-up cohorts with times to event, with or without a competing event, whose truth is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.learning.task import Matrix, Target

Floats = npt.NDArray[np.float64]


def as_matrix(values: npt.ArrayLike) -> Matrix:
    """Plain columns x0, x1 …"""
    array = np.asarray(values, float)
    names = tuple(f"x{k}" for k in range(array.shape[1]))
    return Matrix(array, names, names, np.arange(len(names), dtype=np.int32), np.zeros(len(names), bool))


def as_target(times: npt.ArrayLike, events: npt.ArrayLike) -> Target:
    """Times and event codes as a target."""
    codes = np.asarray(events).astype(np.int8)
    names = ("censored", "event", "other")[: max(int(codes.max(initial=0)) + 1, 2)]
    return Target(Task.SURVIVAL, np.asarray(times, float), codes, names)


def proportional(n: int, *, seed: int = 0, beta: tuple[float, ...] = (0.9, -0.6, 0.0)) -> tuple[Matrix, Target]:
    """Exponential times whose log hazard is linear; uniform censoring."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, len(beta)))
    event = generator.exponential(5 * np.exp(-(x @ np.array(beta))))
    censored = generator.uniform(0.5, 12, n)
    return as_matrix(x), as_target(np.minimum(event, censored), event <= censored)


def fine_gray(n: int, *, seed: int = 0, plateau: float = 0.4) -> tuple[Matrix, Target]:
    """Two causes; the first's subdistribution hazard is proportional with log ratios .8 and −.5.

    The design of Fine and Gray 1999: F(t | x) = 1 − (1 − plateau·(1 − exp(−t)))^exp(x·beta).
    """
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 2))
    ratio = np.exp(x @ np.array([0.8, -0.5]))
    ever = 1 - (1 - plateau) ** ratio
    first = generator.uniform(size=n) < ever
    u = generator.uniform(size=n) * ever
    own = -np.log(1 - (1 - (1 - u) ** (1 / ratio)) / plateau)
    other = generator.exponential(np.exp(-(x @ np.array([-0.5, 0.3]))))
    event = np.where(first, own, other)
    censored = generator.uniform(0.2, 3.0, n)
    code = np.where(event <= censored, np.where(first, 1, 2), 0)
    return as_matrix(x), as_target(np.minimum(event, censored), code)


def subdistribution(x: npt.ArrayLike, times: npt.ArrayLike, plateau: float = 0.4) -> Floats:
    """The true cumulative incidence of `fine_gray`, (n, times)."""
    ratio = np.exp(np.asarray(x, float) @ np.array([0.8, -0.5]))
    free = 1 - plateau * (1 - np.exp(-np.asarray(times, float)))
    return np.asarray(1 - free[None, :] ** ratio[:, None])
