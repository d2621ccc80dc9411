"""The nested search: everything kept, failures told, the same seed the same bytes, simplest first, time kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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


@dataclass(frozen=True)
class Slow(Linear):
    """Takes `seconds` of a hand-driven clock at every fit, and `first` more at its very first."""

    name: str = "slow"
    clock: object = None
    seconds: float = 1.0
    first: float = 0.0
    done: list = field(default_factory=list)

    def fit(self, *arguments, **options):
        self.clock.now += self.seconds + (0.0 if self.done else self.first)
        self.done.append(1)
        return super().fit(*arguments, **options)


def test_loading_a_library_is_not_taken_for_the_price_of_a_fit():
    clock = Ticking(0.0)
    learners = [by_name("linear"), Slow(clock=clock, seconds=0.1, first=8.0)]
    found = nested(prepared("two", repeats=3), learners, clock=clock, budget_s=60.0, trials=0)
    assert not found.budget.skipped
    assert found.budget.refit_s < 1.0


def test_repeats_go_before_learners_and_the_reason_names_the_whole_price():
    clock = Ticking(0.0)
    found = nested(prepared("two", repeats=3), [by_name("linear"), Slow(clock=clock)], clock=clock, budget_s=45.0)
    assert found.budget.repeats == 1
    assert next(each for each in found.candidates if each.name == "slow").status == "fitted"
    assert clock.now <= 45.0
    clock = Ticking(0.0)
    found = nested(prepared("two", repeats=3), [by_name("linear"), Slow(clock=clock)], clock=clock, budget_s=12.0)
    reason = found.budget.skipped["slow"]
    assert float(reason.split("about ")[1].split(" s")[0]) > 12.0
    assert "0 s," not in reason


@dataclass(frozen=True)
class Slowing(Slow):
    """Ten times as dear once its price was measured."""

    name: str = "slowing"

    def fit(self, *arguments, **options):
        self.clock.now += self.seconds * (9.0 if len(self.done) > 1 else 0.0)
        return super().fit(*arguments, **options)


def test_a_budget_is_kept_when_fits_turn_out_dearer_than_measured():
    clock = Ticking(0.0)
    learners = [by_name("linear"), Slowing(clock=clock, seconds=0.3), Slow("slow", clock=clock, seconds=0.3)]
    found = nested(prepared("two", repeats=3), learners, clock=clock, budget_s=60.0)
    assert clock.now <= 63.0
    assert np.isfinite(found.pipeline.predicted).all()
    assert found.facts["repeats"] == len(found.folds) == 1


def test_probabilities_that_are_too_bold_are_mapped_in_every_fold_and_reported_as_shipped():
    @dataclass(frozen=True)
    class Bold(Linear):
        name: str = "bold"

        def fit(self, *arguments, **options):
            fitted = super().fit(*arguments, **options)
            return replace(fitted, coefficients=4 * fitted.coefficients, intercept=4 * fitted.intercept)

    found = nested(prepared("two", 500), [Bold()], clock=Ticking(0.0), trials=0)
    assert found.final.recalibration is not None
    assert 0.1 < found.final.recalibration.slope < 0.6
    truth = found.pipeline.predicted[0], found.candidates[0].out_of_fold.predicted[0]
    outcome = prepared("two", 500).target.values
    shipped, plain = (-np.mean(outcome * np.log(p) + (1 - outcome) * np.log(1 - p)) for p in truth)
    assert shipped < plain - 0.05
    ranks = [np.argsort(np.argsort(each[found.folds[0] == 0])) for each in truth]
    assert np.corrcoef(ranks)[0, 1] > 0.999
