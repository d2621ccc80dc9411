"""Rows like the training rows pass at the stated rate; rows from elsewhere do not."""

from __future__ import annotations

import numpy as np
import pytest

from sartor.errors import ModelRefused, TooFewData
from sartor.learning.novelty import Novelty
from sartor.learning.task import Matrix


def matrix_of(n: int, seed: int, *, shift: float = 0.0, native: bool = False, numbers: int = 8) -> Matrix:
    generator = np.random.default_rng(seed)
    common = generator.normal(size=(n, 1))
    values = 0.8 * common + 0.6 * generator.normal(size=(n, numbers))
    values[:, 0] += shift
    label = generator.choice(3, n, p=[0.6, 0.35, 0.05])
    if native:
        values[generator.random(values.shape) < 0.1] = np.nan
        table = np.column_stack([values, label.astype(float)])
        categorical = np.array([False] * numbers + [True])
    else:
        table = np.column_stack([values, label[:, None] == np.arange(3)]).astype(float)
        categorical = np.zeros(numbers + 3, bool)
    names = tuple(f"c{k}" for k in range(table.shape[1]))
    return Matrix(table, names, names, np.arange(len(names), dtype=np.int32), categorical)


@pytest.mark.parametrize("native", [False, True])
def test_false_alarms_stay_under_the_level_and_shifts_are_found(native: bool) -> None:
    novelty = Novelty.fit(matrix_of(4000, 1, native=native))
    like = novelty.p_value(matrix_of(4000, 2, native=native))
    assert (like < 0.05).mean() <= 0.06
    assert (like < 0.01).mean() <= 0.015
    assert (novelty.p_value(matrix_of(500, 3, shift=4, native=native)) < 0.05).mean() > 0.6


def test_a_combination_is_strange_though_each_value_is_usual() -> None:
    novelty = Novelty.fit(matrix_of(4000, 1))
    row = matrix_of(1, 5)
    row.values[0, :8] = [1.5, -1.5, 1.5, -1.5, 1.5, -1.5, 1.5, -1.5]
    assert novelty.p_value(row)[0] < 0.01


def test_a_label_that_training_never_saw_is_strange() -> None:
    novelty = Novelty.fit(matrix_of(4000, 1, native=True))
    rows = matrix_of(50, 6, native=True)
    rows.values[:, -1] = 9
    assert (novelty.p_value(rows) < 0.05).mean() > 0.9


def test_many_columns_are_handled_through_components() -> None:
    novelty = Novelty.fit(matrix_of(600, 1, numbers=300))
    assert (novelty.p_value(matrix_of(400, 2, numbers=300)) < 0.05).mean() <= 0.08
    strange = matrix_of(100, 3, numbers=300)
    strange.values[:, :300] *= 2
    assert (novelty.p_value(strange) < 0.05).mean() > 0.8


def test_stored_and_read_again_it_says_the_same() -> None:
    novelty = Novelty.fit(matrix_of(300, 1))
    again = Novelty.from_json(novelty.to_json())
    assert again.to_json() == novelty.to_json()
    assert again.p_value(matrix_of(50, 2)) == pytest.approx(novelty.p_value(matrix_of(50, 2)), abs=0.01)
    with pytest.raises(ModelRefused):
        Novelty.from_json(b"{}")
    with pytest.raises(ModelRefused):
        novelty.p_value(matrix_of(5, 1, numbers=3))
    with pytest.raises(TooFewData):
        Novelty.fit(matrix_of(5, 1))
