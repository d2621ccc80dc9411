"""Every survival learner: it learns, explains itself to 1e-6, is stored without loss, and repeats itself."""

from __future__ import annotations

import numpy as np
import pytest
from survival_sample import as_matrix, as_target, fine_gray, proportional, subdistribution

from sartor.errors import ModelRefused, TooFewData
from sartor.learning.metrics.survival import evaluation_times, harrell_c, integrated_brier, kaplan_meier
from sartor.learning.survival import LEARNERS, by_name, for_target

NAMES = [learner.name for learner in LEARNERS]
TRAIN, TEST = np.arange(0, 500), np.arange(500, 800)


@pytest.fixture(scope="module")
def fitted():
    matrix, target = proportional(800)
    made = {}
    for learner in LEARNERS:
        parameters = learner.defaults(target)
        made[learner.name] = learner.fit(matrix.take(TRAIN), target.take(TRAIN), parameters, seed=3)
    return matrix, target, made


@pytest.fixture(scope="module")
def competing():
    matrix, target = fine_gray(900)
    made = {}
    for learner in for_target(target):
        parameters = learner.defaults(target)
        made[learner.name] = learner.fit(matrix.take(TRAIN), target.take(TRAIN), parameters, seed=3)
    return matrix, target, made


@pytest.mark.parametrize("name", NAMES)
def test_it_ranks_people_it_has_not_seen(fitted, name):
    matrix, target, made = fitted
    assert harrell_c(target.take(TEST), made[name].predict(matrix.take(TEST))) > 0.68


@pytest.mark.parametrize("name", NAMES)
def test_its_probabilities_beat_those_without_predictors(fitted, name):
    matrix, target, made = fitted
    train, test = target.take(TRAIN), target.take(TEST)
    times = evaluation_times(train)
    survival = made[name].survival(matrix.take(TEST), times)
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    without = np.tile(kaplan_meier(train).at(times), (len(TEST), 1))
    assert integrated_brier(train, test, survival, times) < 0.93 * integrated_brier(train, test, without, times)


@pytest.mark.parametrize("which", ["fitted", "competing"])
def test_contributions_add_up(request, which):
    matrix, _, made = request.getfixturevalue(which)
    some = matrix.take(TEST[:40])
    for name, one in made.items():
        base, parts = one.contributions(some)
        assert base.shape == (40,), name
        assert parts.shape == some.values.shape, name
        assert base + parts.sum(axis=1) == pytest.approx(one.margin(some), abs=1e-6), name


@pytest.mark.parametrize("which", ["fitted", "competing"])
def test_stored_and_read_again_it_is_the_same(request, which):
    matrix, _, made = request.getfixturevalue(which)
    some = matrix.take(TEST[:40])
    times = np.array([0.5, 1.0, 2.0])
    for name, one in made.items():
        files = one.to_files()
        again = by_name(name).from_files(files)
        assert again.to_files() == files, name
        assert np.array_equal(again.predict(some), one.predict(some)), name
        assert np.array_equal(again.survival(some, times), one.survival(some, times)), name


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(fitted, name):
    matrix, target, made = fitted
    learner = by_name(name)
    again = learner.fit(matrix.take(TRAIN), target.take(TRAIN), learner.defaults(target), seed=3)
    assert again.to_files() == made[name].to_files()


@pytest.mark.parametrize("name", NAMES)
def test_files_of_another_learner_are_refused(fitted, name):
    _, _, made = fitted
    other = NAMES[(NAMES.index(name) + 1) % len(NAMES)]
    for files in (made[other].to_files(), {}, {"learner.json": b"{", "arrays.safetensors": b""}):
        with pytest.raises(ModelRefused):
            by_name(name).from_files(files)


def test_an_irrelevant_column_contributes_little(fitted):
    matrix, _, made = fitted
    for name, one in made.items():
        size = np.abs(one.contributions(matrix.take(TEST))[1]).mean(axis=0)
        assert size[2] < 0.35 * size[0], name


def test_cox_finds_scikit_survivals_coefficients():
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    from sartor.learning.survival.partial_likelihood import RiskSets
    from sartor.learning.survival.penalised_cox import solve

    matrix, target = proportional(400)
    rounded = as_target(np.ceil(target.values * 4) / 4, target.events)
    sets = RiskSets.of(rounded)
    found, _, _ = solve(matrix.values[sets.order], sets, np.zeros(3))
    theirs = CoxPHSurvivalAnalysis(alpha=0.0, ties="breslow", tol=1e-10)
    theirs.fit(matrix.values, Surv.from_arrays(rounded.events == 1, rounded.values))
    assert found == pytest.approx(theirs.coef_, abs=1e-5)
    baseline = sets.baseline(matrix.values @ found)
    assert baseline.cumulative == pytest.approx(theirs.cum_baseline_hazard_(baseline.times) * np.exp(-0.0), rel=1e-4)


def test_elastic_net_equals_coxnet():
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    from sartor.learning.survival.partial_likelihood import RiskSets
    from sartor.learning.survival.penalised_cox import Scaled, solve

    matrix, target = proportional(300, beta=(0.8, -0.4, 0.0, 0.0, 0.2))
    n, events = len(target), int((target.events == 1).sum())
    standard = Scaled.of(matrix.values).values
    theirs = CoxnetSurvivalAnalysis(alphas=[0.05], l1_ratio=0.5, tol=1e-12, max_iter=100000)
    theirs.fit(standard, Surv.from_arrays(target.events == 1, target.values))
    sets = RiskSets.of(target)
    found, _, _ = solve(standard[sets.order], sets, np.full(5, 0.05 * n / events), l1_ratio=0.5)
    assert found == pytest.approx(theirs.coef_[:, 0], abs=1e-4)
    assert (found == 0).any()


def test_fine_gray_maximises_the_likelihood_of_expanded_rows():
    from scipy.optimize import minimize

    from sartor.learning.metrics.survival import censoring
    from sartor.learning.survival.competing import SubdistributionSets
    from sartor.learning.survival.penalised_cox import solve

    matrix, exact = fine_gray(150)
    target = as_target(np.ceil(exact.values * 15) / 15, exact.events)
    free = censoring(target)
    sets = SubdistributionSets.with_censoring(target, None, free)
    found, _, _ = solve(matrix.values[sets.order], sets, np.zeros(2))
    x, times, events = matrix.values, target.values, target.events

    def negative(beta):
        total = 0.0
        for time in np.unique(times[events == 1]):
            stays = (events == 2) & (times < time)
            weight = np.where(times >= time, 1.0, 0.0)
            weight[stays] = free.at(time, before=True) / free.at(times[stays], before=True)
            at_time = (times == time) & (events == 1)
            total += at_time.sum() * np.log(weight @ np.exp(x @ beta)) - (x[at_time] @ beta).sum()
        return total

    assert found == pytest.approx(minimize(negative, np.zeros(2), method="BFGS").x, abs=1e-4)


def test_cumulative_incidence_is_recovered_beside_a_competing_event():
    people, times = as_matrix([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0.5, 1.0, 2.0])
    large, outcome = fine_gray(6000, seed=8)
    expected = subdistribution(people.values, times)
    for name, most in (("fine_gray", 0.03), ("cox", 0.06), ("boosted_cox", 0.1)):
        learner = by_name(name)
        fitted = learner.fit(large, outcome, learner.defaults(outcome), seed=1)
        found = 1 - fitted.survival(people, times)
        assert np.abs(found - expected).max() < most, name


def test_without_events_it_says_what_is_missing():
    matrix, target = proportional(60)
    none = as_target(target.values, np.zeros(60))
    for learner in LEARNERS:
        with pytest.raises(TooFewData):
            learner.fit(matrix, none, learner.defaults(none), seed=1)


def test_missing_values_and_categories_are_learned_from():
    matrix, target = proportional(600)
    values = matrix.values.copy()
    values[::7, 0] = np.nan
    codes = np.digitize(values[:, 1], [-0.5, 0.5]).astype(float)
    codes[::11] = -1
    values[:, 1] = codes
    from dataclasses import replace

    native = replace(matrix, values=values, categorical=np.array([False, True, False]))
    for name in ("survival_forest", "boosted_cox"):
        learner = by_name(name)
        one = learner.fit(native, target, learner.defaults(target), seed=1)
        assert harrell_c(target, one.predict(native)) > 0.68
        base, parts = one.contributions(native)
        assert base + parts.sum(axis=1) == pytest.approx(one.margin(native), abs=1e-6)


@pytest.mark.parametrize("causes", [1, 2])
def test_the_loss_of_the_discrete_time_network_is_likelihood_and_ranking(causes):
    from sartor.learning.survival.networks import Intervals, interval_edges
    from sartor.learning.survival.ranking import WIDTH, Incidences

    _, target = proportional(60) if causes == 1 else fine_gray(60)
    edges = interval_edges(target, 5)
    ranked = Intervals.of(target, edges, causes, rank=0.7)
    outputs = np.random.default_rng(1).normal(size=(60, (len(edges) - 1) * causes))
    step = 1e-6
    moved = [ranked.loss(outputs + step * np.eye(outputs.size)[k].reshape(outputs.shape)) for k in range(0, 300, 7)]
    numeric = (np.array(moved) - ranked.loss(outputs)) / step
    assert ranked.gradient(outputs).ravel()[0:300:7] == pytest.approx(numeric, abs=1e-4)

    scores = np.exp(outputs.reshape(60, -1, causes))
    reached = Incidences.of(scores / (1 + scores.sum(axis=2, keepdims=True))).reached
    expected = 0.0
    where = np.searchsorted(edges, target.values, side="left") - 1
    for cause in range(causes):
        pairs = [
            np.exp(-(reached[i, where[i], cause] - reached[j, where[i], cause]) / WIDTH)
            for i in np.flatnonzero(target.events == cause + 1)
            for j in range(60)
            if ranked.at_risk[j, where[i]] and not ranked.ended[j, where[i]].any()
        ]
        expected += np.mean(pairs) / causes
    plain = Intervals.of(target, edges, causes)
    assert ranked.loss(outputs) - plain.loss(outputs) == pytest.approx(0.7 * expected)


def test_the_stack_tells_who_is_in_it():
    learner = by_name("survival_average")
    _, small = proportional(100)
    _, large = proportional(4001)
    assert learner.defaults(small)["members"] == ["cox_splines", "survival_forest", "boosted_cox", "deepsurv"]
    assert learner.defaults(large)["members"] == ["cox_splines", "boosted_cox"]
    matrix, target = proportional(200)
    fitted = learner.fit(matrix, target, {"pull": 10.0, "members": ["cox_splines"]}, seed=1)
    assert [member.name for member in fitted.members] == ["cox_splines"]
