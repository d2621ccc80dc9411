"""Folds: balanced, whole groups, later rows last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.samples.tabular_sample import prepared

from sartor.domain.model import Task
from sartor.errors import ConfigInvalid, TooFewData
from sartor.learning.splits import outer_folds
from sartor.learning.survival.cross_fitting import internal_folds
from sartor.learning.task import Target


def classes(values: np.ndarray) -> Target:
    return Target(Task.CLASSIFICATION, values.astype(float), classes=("no", "yes"))


@settings(max_examples=40, deadline=None)
@given(n=st.integers(30, 200), folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_groups_stay_whole_and_every_row_is_tested_once_per_repeat(n, folds, seed):
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, max(n // 3, folds), n)
    groups[:folds] = np.arange(folds)
    found = outer_folds(classes(generator.random(n) < 0.3), groups=groups, folds=folds, repeats=2, seed=seed)
    assert found.shape == (2, n)
    assert set(np.unique(found)) <= set(range(folds))
    for repeat in found:
        for group in np.unique(groups):
            assert len(np.unique(repeat[groups == group])) == 1


def test_classes_events_and_values_are_balanced_over_folds():
    generator = np.random.default_rng(5)
    rare = generator.random(500) < 0.1
    times = generator.exponential(size=500)
    survival = Target(Task.SURVIVAL, times, rare.astype(np.int8))
    for target in (classes(rare), survival):
        fold = outer_folds(target, folds=5)[0]
        events = np.bincount(fold[rare], minlength=5)
        assert events.max() - events.min() <= 1
        assert np.array_equal(fold, outer_folds(target, folds=5)[0])
    value = Target(Task.REGRESSION, times)
    fold = outer_folds(value, folds=5)[0]
    assert np.ptp([np.median(times[fold == k]) for k in range(5)]) < 0.2


def test_a_temporal_split_tests_groups_first_seen_last():
    dates = np.arange(100.0)
    groups = np.arange(100) % 60
    fold = outer_folds(classes(dates % 2), groups=groups, dates=dates, scheme="temporal", folds=5)[0]
    first = np.array([dates[groups == group].min() for group in groups])
    assert set(fold) == {-1, 0}
    assert first[fold == 0].min() > first[fold == -1].max()
    assert 0 < (fold == 0).mean() <= 0.2


def test_what_cannot_be_split_is_refused():
    with pytest.raises(TooFewData):
        outer_folds(classes(np.zeros(3)), folds=5)
    with pytest.raises(ConfigInvalid):
        outer_folds(classes(np.zeros(30)), scheme="temporal")
    with pytest.raises(ConfigInvalid):
        outer_folds(classes(np.zeros(30)), scheme="by moon")


def test_a_learners_own_folds_keep_the_groups_of_the_target_whole():
    generator = np.random.default_rng(5)
    groups = generator.integers(0, 40, 160)
    times, events = generator.exponential(5.0, 160) + 0.1, (generator.random(160) < 0.5).astype(np.int8)
    survival = Target(Task.SURVIVAL, times, events, ("censored", "event"), groups=groups)
    two = Target(Task.CLASSIFICATION, (generator.random(160) < 0.4).astype(float), classes=("no", "yes"), groups=groups)
    for found in (internal_folds(survival, seed=2), internal_folds(survival.take(np.arange(120)), seed=2),
                  outer_folds(two, folds=5)[0]):  # fmt: skip
        parted = [group for group in np.unique(groups) if len(np.unique(found[groups[: len(found)] == group])) > 1]
        assert parted == []


def test_prepared_rows_tell_the_target_their_groups():
    study = prepared("two", 60)
    groups = np.repeat(np.arange(20), 3)
    assert study.target.units == 60
    assert replace(study, groups=groups).target.units == 20
