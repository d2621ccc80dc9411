from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sksurv.linear_model import CoxPHSurvivalAnalysis

from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.task import Matrix, Target
from sartor.learning.transfer import (
    Linear,
    TransferredLearner,
    assess,
    fit_all,
    fit_source,
    fit_towards,
    methods,
    recalibrate,
    transferred,
    weigh,
)
from sartor.learning.transfer.boosting import cox_derivatives, fit_booster
from sartor.learning.transfer.candidates import adapted, effective_size, folds, shift_weights
from sartor.learning.transfer.guard import Assessed, source_shown
from sartor.learning.transfer.measures import discrimination, multiplicities
from sartor.learning.transfer.penalised import breslow, deviance, fit_sparsely_towards


def binary(n: int, effects: np.ndarray, seed: int, *, intercept: float = 0.0) -> tuple[np.ndarray, Target]:
    g = np.random.default_rng(seed)
    values = g.normal(size=(n, len(effects)))
    outcome = (g.random(n) < 1 / (1 + np.exp(-(values @ effects + intercept)))).astype(float)
    return values, Target(Task.CLASSIFICATION, outcome, classes=("no", "yes"))


def survival(n: int, effects: np.ndarray, seed: int) -> tuple[np.ndarray, Target]:
    g = np.random.default_rng(seed)
    values = g.normal(size=(n, len(effects)))
    death, end = g.exponential(np.exp(-values @ effects)), g.exponential(2, n)
    times = np.round(np.minimum(death, end), 2) + 0.01
    return values, Target(Task.SURVIVAL, times, (death <= end).astype(np.int8))


def matrix(values: np.ndarray) -> Matrix:
    names = tuple(f"x{i}" for i in range(values.shape[1]))
    return Matrix(values, names, names, np.arange(len(names), dtype=np.int32), np.zeros(len(names), bool))


EFFECTS = np.array([1.0, -0.8, 0.6, 0.0, 0.4])


def test_without_a_prior_it_is_ridge_regression_of_every_kind() -> None:
    values, target = binary(200, EFFECTS, 1)
    ours = fit_towards(values, target, penalty=3.0)
    theirs = LogisticRegression(C=1 / 3, tol=1e-10, max_iter=1000).fit(values, target.values)
    assert ours.coefficients == pytest.approx(theirs.coef_[0], abs=1e-5)
    numbers = Target(Task.REGRESSION, values @ EFFECTS + 5)
    assert fit_towards(values, numbers, penalty=3.0).coefficients == pytest.approx(
        Ridge(alpha=3).fit(values, numbers.values).coef_, abs=1e-8
    )
    rows, lived = survival(200, EFFECTS / 2, 2)
    assert lived.events is not None
    outcome = np.array(list(zip(lived.events == 1, lived.values, strict=True)), dtype=[("e", bool), ("t", float)])
    cox = CoxPHSurvivalAnalysis(alpha=3, tol=1e-12).fit(rows, outcome)
    found = fit_towards(rows, lived, penalty=3.0)
    assert found.coefficients == pytest.approx(cox.coef_, abs=1e-8)
    times, hazard = breslow(lived, found.margin(rows))
    baseline = cox.cum_baseline_hazard_
    assert hazard == pytest.approx(baseline.y[np.isin(baseline.x, times)], rel=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.3, 10.0, 1e6]))
def test_shrunk_towards_the_source_it_lies_nearer_to_it(seed: int, penalty: float) -> None:
    values, target = binary(60, EFFECTS, seed)
    prior = Linear(0.2, np.array([0.5, 0.5, 0.0, -0.5, 0.0]))
    near = fit_towards(values, target, penalty=penalty, prior=prior)
    away = np.linalg.norm(near.coefficients - prior.coefficients)
    free = fit_towards(values, target, penalty=1e-3)
    assert away <= np.linalg.norm(free.coefficients - prior.coefficients) + 1e-6
    if penalty == 1e6:
        assert away < 1e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_few_coefficients_leave_the_source(seed: int) -> None:
    values, target = binary(80, EFFECTS, seed)
    prior = Linear(0.0, EFFECTS.copy())
    kept = fit_sparsely_towards(values, target, penalty=50.0, prior=prior)
    assert np.array_equal(kept.coefficients, prior.coefficients)
    loose = fit_sparsely_towards(values, target, penalty=0.01, prior=prior)
    assert deviance(target, loose.margin(values)) <= deviance(target, kept.margin(values)) + 1e-9


def test_recalibration_undoes_a_stretched_and_shifted_margin() -> None:
    values, target = binary(4000, EFFECTS, 3)
    slope, intercept = recalibrate(2.5 * (values @ EFFECTS) + 1.0, target)
    assert slope == pytest.approx(0.4, abs=0.06)
    assert intercept == pytest.approx(-0.4, abs=0.15)
    shifted = recalibrate(values @ EFFECTS + 3.0, target, slope=False)
    assert shifted == (1.0, pytest.approx(-3.0, abs=0.15))


def test_derivatives_of_the_partial_likelihood_are_those_of_small_steps() -> None:
    _, target = survival(40, EFFECTS, 4)
    margin = np.random.default_rng(0).normal(size=40)
    events = max(int((target.events == 1).sum()), 1)  # type: ignore[union-attr]
    gradient, bend = cox_derivatives(target, margin)
    for row in range(0, 40, 7):
        step = np.zeros(40)
        step[row] = 1e-5
        up, down = (deviance(target, margin + s) * events for s in (step, -step))
        assert gradient[row] == pytest.approx((up - down) / 2e-5, abs=1e-4)
    assert (bend > 0).all()


def test_boosting_of_the_source_ranks_survival() -> None:
    values, target = survival(400, EFFECTS, 5)
    booster = fit_booster(values, target, seed=0)
    assert np.corrcoef(booster.margin(values), values @ EFFECTS)[0, 1] > 0.8
    base, parts = booster.contributions(values)
    assert base + parts.sum(axis=1) == pytest.approx(booster.margin(values), abs=1e-6)


def test_source_rows_that_look_like_the_target_weigh_more() -> None:
    g = np.random.default_rng(0)
    source, target = g.normal(size=(500, 3)), g.normal(size=(200, 3)) + np.array([1.5, 0, 0])
    weights = shift_weights(source, target)
    assert weights[source[:, 0] > 1].mean() > 3 * weights[source[:, 0] < -1].mean()
    assert effective_size(weights) < 350 < effective_size(shift_weights(source, g.normal(size=(200, 3))))


def test_folds_hold_every_class_or_are_refused() -> None:
    _, target = binary(40, EFFECTS, 6)
    for learn, left_out in folds(target, count=5, seed=1):
        assert set(learn) | set(left_out) == set(range(40))
        assert len(np.unique(target.values[learn])) == 2
    assert folds(Target(Task.CLASSIFICATION, np.r_[1.0, np.zeros(30)], classes=("a", "b")), count=5, seed=0) == []


def test_concordance_within_folds_is_the_area_under_the_curve() -> None:
    from sklearn.metrics import roc_auc_score

    values, target = binary(120, EFFECTS, 7)
    margin = np.round(values @ EFFECTS, 1)
    one = np.zeros((1, 120), dtype=np.int64)
    found = discrimination(target, margin[None], one, multiplicities(120, seed=0, resamples=200))
    assert found.value == pytest.approx(roc_auc_score(target.values, margin))
    low, high = found.interval()
    assert low < found.value < high
    two = np.repeat([[0, 1]], 60, axis=0).reshape(1, -1)
    halves = discrimination(target, (margin + 100 * two[0])[None], two, multiplicities(120, seed=0, resamples=5))
    assert halves.value == pytest.approx(found.value, abs=0.05)


@pytest.mark.parametrize(("likeness", "expected"), [(1.0, "source"), (-1.0, "local")])
def test_the_guard_leans_to_what_helps(likeness: float, expected: str) -> None:
    source_values, source_target = binary(400, 1.5 * EFFECTS, 8)
    values, target = binary(120, 1.5 * likeness * EFFECTS, 9)
    source = fit_source(source_values, source_target, seed=0)
    found = assess(source, values, target, methods(Task.CLASSIFICATION, ("linear",)), seed=0)
    shares = weigh(found, len(target), target.task)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
    from_source = sum(share for name, share in shares.items() if name.startswith("source"))
    assert (from_source > 0.15) if expected == "source" else (from_source < 0.02)


def test_a_harmful_source_costs_less_than_a_hundredth() -> None:
    short = []
    for seed in range(6):
        source_values, source_target = binary(300, 2 * EFFECTS, 100 + seed)
        values, target = binary(150, -2 * EFFECTS, 200 + seed)
        fresh, truth = binary(1500, -2 * EFFECTS, 300 + seed)
        source = fit_source(source_values, source_target, seed=seed)
        fitted, guarded, _ = fit_all(source, values, target, methods(Task.CLASSIFICATION, ("linear",)), seed=seed)
        once = np.ones((1, len(truth)))
        part = np.zeros((1, len(truth)), dtype=np.int64)
        of_guard, of_local = (
            discrimination(truth, each.margin(fresh)[None], part, once).value for each in (guarded, fitted["local"])
        )
        short.append(of_guard - of_local)
    assert np.mean(short) > -0.01


def test_with_a_handful_of_outcomes_the_recalibrated_source_is_used() -> None:
    source_values, source_target = binary(300, EFFECTS, 10)
    values = np.random.default_rng(1).normal(size=(25, 5))
    target = Target(Task.CLASSIFICATION, np.r_[1.0, np.zeros(24)], classes=("no", "yes"))
    source = fit_source(source_values, source_target, seed=0)
    _, guarded, assessed = fit_all(source, values, target, methods(Task.CLASSIFICATION, ("linear",)), seed=0)
    assert not assessed
    assert guarded.reason == "too-few"
    assert list(guarded.parts) == ["source_intercept"]
    risk = 1 / (1 + np.exp(-guarded.margin(values)))
    assert risk.mean() == pytest.approx(1.5 / 26, abs=1e-6)


@pytest.mark.parametrize("with_trees", [False, True])
def test_a_transferred_model_survives_its_files(with_trees: bool) -> None:
    values, target = binary(150, EFFECTS, 11)
    parts: dict[str, tuple[float, object]] = {"adapted": (0.6, Linear(0.3, EFFECTS))}
    if with_trees:
        parts["boosting_continued"] = (0.4, fit_booster(values, target, seed=0))
    model = transferred(parts, matrix(values), target, calibration=(0.9, -0.1))
    files = model.to_files()
    assert files == transferred(parts, matrix(values), target, calibration=(0.9, -0.1)).to_files()
    again = TransferredLearner().from_files(files)
    assert again.margin(matrix(values)) == pytest.approx(model.margin(matrix(values)), abs=1e-12)
    base, contributions = again.contributions(matrix(values))
    assert base + contributions.sum(axis=1) == pytest.approx(model.margin(matrix(values)), abs=1e-6)
    assert model.predict(matrix(values)).sum(axis=1) == pytest.approx(np.ones(150))


def test_a_transferred_survival_model_gives_falling_curves() -> None:
    values, target = survival(200, EFFECTS, 12)
    parts = {"local": (1.0, fit_towards(values, target, penalty=3.0))}
    model = transferred(parts, matrix(values), target, calibration=(1.0, 0.0))
    again = TransferredLearner().from_files(model.to_files())
    curves = again.survival(matrix(values), np.array([0.0, 0.1, 0.5, 2.0]))
    assert (np.diff(curves, axis=1) <= 0).all()
    assert curves[:, 0] == pytest.approx(np.ones(200))
    highest, lowest = np.argmax(model.margin(matrix(values))), np.argmin(model.margin(matrix(values)))
    assert curves[highest, 2] < curves[lowest, 2]


def test_foreign_files_are_refused() -> None:
    with pytest.raises(ModelRefused, match="transferred"):
        TransferredLearner().from_files({"transferred.json": b"{}"})


def test_the_network_stays_near_its_source() -> None:
    pytest.importorskip("torch")
    from sartor.learning.transfer.network import fit_network, tuned

    values, target = binary(200, 1.5 * EFFECTS, 13)
    source = fit_network(values, target, seed=1)
    assert np.array_equal(fit_network(values, target, seed=1).weights["input"], source.weights["input"])
    assert np.corrcoef(source.margin(values), values @ EFFECTS)[0, 1] > 0.8
    few, other = binary(30, -EFFECTS, 14)
    moved = tuned(source, few, other, epochs=10, seed=1)
    assert 0 < np.abs(moved.weights["linear"] - source.weights["linear"]).max() < 1.0
    assert deviance(other, moved.margin(few)) < deviance(other, source.margin(few))


def test_adapting_with_many_rows_forgets_a_wrong_source() -> None:
    source_values, source_target = binary(300, -EFFECTS, 15)
    values, target = binary(3000, EFFECTS, 16)
    found = adapted(fit_source(source_values, source_target, seed=0), values, target, 1.0)
    assert found.coefficients == pytest.approx(EFFECTS, abs=0.2)


@pytest.mark.parametrize("kind", ["binary", "number", "survival"])
def test_a_source_is_shown_only_where_it_ranks_the_target(kind: str) -> None:
    def site(n: int, effects: np.ndarray, seed: int) -> tuple[np.ndarray, Target]:
        if kind == "survival":
            return survival(n, effects, seed)
        values, target = binary(n, effects, seed)
        noise = np.random.default_rng(seed).normal(size=n)
        return values, target if kind == "binary" else Target(Task.REGRESSION, values @ effects + noise)

    source = fit_source(*site(400, EFFECTS, 1), seed=0)
    assert source_shown(source, *site(80, EFFECTS, 2))
    assert not source_shown(source, *site(80, -EFFECTS, 2))


def test_odds_lean_to_a_source_that_is_shown_and_away_from_one_that_is_not() -> None:
    ways = {way.name: Assessed(way, 1.0, 30.0) for way in methods(Task.CLASSIFICATION, ("linear",))}
    shares = {shown: weigh(ways, 60, Task.CLASSIFICATION, shown=shown) for shown in (True, None, False)}
    assert all(sum(each.values()) == pytest.approx(1) for each in shares.values())
    assert shares[True]["source_intercept"] > shares[None]["source_intercept"] > shares[False]["source_intercept"]
    assert shares[None]["local"] == pytest.approx(shares[None]["source_slope"])
