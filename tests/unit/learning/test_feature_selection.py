"""Stable features are those with an effect; noise alone gives none, and the bound is what the paper says."""

import numpy as np
import pytest

from sartor.domain.model import Task
from sartor.learning.feature_selection import stability_selection
from sartor.learning.task import Matrix, Target


def matrix(values):
    names = tuple(f"x{at}" for at in range(values.shape[1]))
    return Matrix(values, names, names, np.arange(len(names), dtype=np.int32), np.zeros(len(names), dtype=bool))


def outcome(task, margin, rng):
    n = len(margin)
    if task is Task.REGRESSION:
        return Target(task, margin + rng.normal(size=n))
    if task is Task.SURVIVAL:
        died, lost = rng.exponential(np.exp(-margin)), rng.exponential(2, n)
        return Target(task, np.minimum(died, lost), (died < lost).astype(np.int8), ("censored", "died"))
    return Target(task, (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float), classes=("no", "yes"))


@pytest.mark.parametrize("task", list(Task))
def test_effects_are_stable_and_noise_is_not(task):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(600, 30))
    found = stability_selection(matrix(values), outcome(task, values[:, :3] @ [1.0, -0.8, 0.7], rng), seed=1)
    assert set(found.stable) == {"x0", "x1", "x2"}
    assert found.n_halves == 100
    assert (found.both <= found.frequencies + 1e-9).all()


def test_noise_alone_gives_hardly_any_over_many_draws():
    finds = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(200, 40))
        found = stability_selection(matrix(values), outcome(Task.REGRESSION, np.zeros(200), rng), seed=seed, pairs=25)
        finds += len(found.stable)
    assert finds / 10 <= found.false_bound


def test_the_bound_is_q_squared_over_two_threshold_less_one_times_p():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(100, 20))
    target = outcome(Task.REGRESSION, values[:, 0], rng)
    found = stability_selection(matrix(values), target, seed=0, pairs=3, threshold=0.9, chosen_each=4)
    assert found.false_bound == pytest.approx(16 / (0.8 * 20))
    with pytest.raises(ValueError, match=r"above 0\.5"):
        stability_selection(matrix(values), target, seed=0, threshold=0.5)


def test_groups_are_never_on_both_sides():
    groups = np.repeat(np.arange(50), 4)
    seen = []

    def spy(part, target, q):
        seen.append(set(part.values[:, 0].astype(int)))
        return np.array([0])

    values = np.column_stack([groups, np.ones(200)]).astype(float)
    stability_selection(
        matrix(values), Target(Task.REGRESSION, values[:, 0]), seed=0, groups=groups, pairs=4, select=spy
    )
    assert all(not first & second for first, second in zip(seen[::2], seen[1::2], strict=True))


def test_the_same_seed_gives_the_same_frequencies():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(150, 10))
    target = outcome(Task.CLASSIFICATION, values[:, 0], rng)
    first, second = (stability_selection(matrix(values), target, seed=5, pairs=10) for _ in range(2))
    assert np.array_equal(first.frequencies, second.frequencies)
