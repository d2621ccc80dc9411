"""The nested search: everything kept, failures told, the same seed the same bytes, simplest first, time kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tests.samples.tabular_sample import prepared, tabular

from sartor.learning.choice import Contender, gain, simplest_first
from sartor.learning.learners import by_name
from sartor.learning.learners.equation import PublishedEquation, formula_of
from sartor.learning.learners.linear import Linear
from sartor.learning.nested import nested
from sartor.learning.search import beats
from sartor.learning.splits import outer_folds


@dataclass(frozen=True)
class Broken(Linear):
    name: str = "broken"

    def fit(self, *arguments, **options):
        raise ValueError("no luck")


class Ticking:
    """A clock that runs by itself."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_every_candidate_is_kept_and_a_broken_one_says_why():
    found = nested(prepared("two"), [by_name("linear"), Broken(), by_name("lightgbm")], clock=Ticking(0.0), trials=1)
    by = {each.name: each for each in found.candidates}
    assert set(by) == {"linear", "broken", "lightgbm", "stack"}
    assert by["broken"].status == "failed"
    assert "no luck" in by["broken"].reason
    assert by["linear"].scores.shape == (1, 3)
    assert np.isfinite(found.pipeline.predicted).all()
    assert len(found.chosen_in_fold) == 3
    assert found.facts["search_ended_by"] == "trials"
    assert {choice.fold for choice in found.choices} == {0, 1, 2, None}


def test_the_same_seed_gives_the_same_predictions_with_one_worker_or_two():
    study = prepared("two", 150)
    learners = [by_name("linear"), by_name("lightgbm")]
    first, second = (
        nested(study, learners, clock=Ticking(0.0), trials=1, workers=workers).pipeline.predicted for workers in (1, 2)
    )
    assert np.array_equal(first, second)


def test_a_time_budget_ends_the_search_and_is_said():
    clock = Ticking(0.01)
    found = nested(prepared("value"), [by_name("linear")], clock=clock, budget_s=20.0)
    assert found.facts["search_ended_by"] in ("time", "trials")
    assert clock.now < 21.0
    tight = nested(prepared("two"), [by_name("linear"), by_name("lightgbm")], clock=Ticking(0.2), budget_s=6.0)
    assert tight.budget.skipped.keys() <= {"lightgbm"}
    assert next(each for each in tight.candidates if each.name == "linear").status == "fitted"


def test_a_larger_model_needs_a_gain_with_an_interval():
    _, target = tabular("two", 600)
    generator = np.random.default_rng(0)
    folds = outer_folds(target, folds=5)
    weak = (target.values + generator.normal(size=600) * 2.0)[None]
    strong = (target.values + generator.normal(size=600) * 0.8)[None]
    accepted = 0
    for _ in range(12):
        same = weak + generator.normal(size=(1, 600)) * 0.3
        contenders = [Contender("small", 2, weak), Contender("large", 4, same)]
        accepted += simplest_first(contenders, "auroc", target, folds)[0] == "large"
    assert accepted <= 3
    name, choices = simplest_first([*contenders, Contender("stack", 6, strong)], "auroc", target, folds)
    assert name == "stack"
    assert choices[-1].accepted
    value, low, high = gain("auroc", target, strong, weak, folds)
    assert low < value < high
    assert low > 0


def test_a_published_equation_is_used_as_it_stands_or_recalibrated():
    study = prepared("two", 400)
    formula = formula_of(
        {
            "intercept": 2.0,
            "terms": [
                {"feature": "x0", "coefficient": 2.0},
                {"feature": "x1", "coefficient": 1.2},
                {"feature": "site", "level": "b", "coefficient": 1.5},
            ],
        },
        study.cohort,
    )
    found = nested(study, [*PublishedEquation.kinds(formula), by_name("linear")], clock=Ticking(0.0), trials=0)
    by = {each.name: each for each in found.candidates}
    assert by["equation"].complexity < by["equation_level"].complexity < by["linear"].complexity
    outcome = study.target.values.mean()
    off = {name: abs(by[name].out_of_fold.predicted.mean() - outcome) for name in ("equation", "equation_level")}
    assert off["equation"] > 0.1
    assert off["equation_level"] < 0.02


def test_the_search_leaves_the_defaults_only_for_more_than_luck():
    standing = np.array([0.60, 0.70, 0.65, 0.68, 0.62])
    lucky = standing + np.array([0.05, -0.04, 0.03, -0.03, 0.005])
    better = standing + np.array([0.010, 0.012, 0.008, 0.011, 0.009])
    assert not beats(lucky, standing)
    assert beats(better, standing)
    assert beats(np.array([0.7001]), np.array([0.7]))
    assert not beats(np.array([np.nan]), np.array([0.7]))
