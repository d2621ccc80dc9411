"""Every tabular learner: explanations that add up, state without pickle, the same bytes again, honest probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from tests.samples.tabular_sample import tabular

from sartor.errors import ModelRefused
from sartor.learning import metrics
from sartor.learning.learners import LEARNERS, by_name
from sartor.learning.search import encoder_for

QUICK = {"network": {"members": 1}, "explainable_boosting": {"bags": 2}, "random_forest": {"trees": 60}}


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda each: each.name)
@pytest.mark.parametrize("kind", ["two", "three", "value"])
def test_a_learner_learns_explains_itself_and_is_stored(learner, kind):
    cohort, target = tabular(kind)
    matrix = encoder_for(learner, cohort, target).apply(cohort)
    parameters = learner.defaults(target) | QUICK.get(learner.name, {})
    fitted = learner.fit(matrix, target, parameters, seed=3)
    base, contributions = fitted.contributions(matrix)
    margin = fitted.margin(matrix)
    assert contributions.shape[:2] == matrix.values.shape
    assert np.abs(base + contributions.sum(axis=1) - margin).max() < 1e-6
    predicted = fitted.predict(matrix)
    assert metrics.score(metrics.headline(target), target, predicted) > (0.4 if kind == "value" else 0.7)
    if kind != "value":
        assert np.allclose(predicted.sum(axis=1), 1)
    files = fitted.to_files()
    assert not any(content.startswith(b"\x80") for content in files.values())
    again = by_name(learner.name).from_files(files)
    assert np.array_equal(again.predict(matrix), predicted)
    assert again.to_files() == files
    if kind == "two":
        assert learner.fit(matrix, target, parameters, seed=3).to_files() == files


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda each: each.name)
def test_files_of_another_learner_are_refused(learner):
    with pytest.raises(ModelRefused):
        learner.from_files({"learner.json": b'{"kind": "other"}', "arrays.safetensors": b""})


@pytest.mark.parametrize("name", ["linear", "lightgbm", "xgboost", "explainable_boosting", "support_vector"])
def test_a_rare_outcome_keeps_its_frequency(name):
    cohort, target = tabular("two", 1_500, rare=2.5)
    new, truth = tabular("two", 1_500, seed=1, rare=2.5)
    share = truth.values.mean()
    assert share < 0.15
    learner = by_name(name)
    encoder = encoder_for(learner, cohort, target)
    parameters = learner.defaults(target) | QUICK.get(name, {})
    predicted = learner.fit(encoder.apply(cohort), target, parameters, seed=0).predict(encoder.apply(new))[:, 1]
    assert abs(predicted.mean() - share) < 0.03


@pytest.mark.parametrize("kind", ["two", "value"])
def test_a_forest_is_explained_from_its_average_over_trees(kind):
    cohort, target = tabular(kind)
    learner = by_name("random_forest")
    matrix = encoder_for(learner, cohort, target).apply(cohort)
    fitted = learner.fit(matrix, target, learner.defaults(target), seed=3)
    base, contributions = fitted.contributions(matrix)
    outcome = target.values.mean()
    middle = np.log(outcome / (1 - outcome)) if kind == "two" else outcome
    assert np.allclose(base, middle, atol=0.25 if kind == "two" else 1.0)
    raw = fitted.forests[0].predict(np.asarray(matrix.values, float), pred_contrib=True) / fitted.forests[0].num_trees()
    assert np.allclose(raw.sum(axis=1), fitted.forests[0].predict(np.asarray(matrix.values, float)), atol=1e-9)
    strongest = np.abs(contributions).mean(axis=0)
    assert strongest[list(matrix.columns).index("x0")] == strongest.max()
