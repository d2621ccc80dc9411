"""Measures against scikit-learn, against published formulas, and against examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.domain.model import Task
from sartor.learning import metrics
from sartor.learning.metrics import bootstrap, calibration, discrimination, regression, usefulness
from sartor.learning.task import Target

GENERATOR = np.random.default_rng(7)
N = 3000
MARGIN = GENERATOR.normal(-1, 1.2, N)
PROBABILITY = 1 / (1 + np.exp(-MARGIN))
OUTCOME = (GENERATOR.random(N) < PROBABILITY).astype(float)
ROUNDED = np.round(PROBABILITY, 2)


def test_ranks_agree_with_scikit_learn_with_ties_and_weights() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    weights = GENERATOR.integers(0, 4, N).astype(float)
    assert discrimination.auroc(OUTCOME, ROUNDED) == pytest.approx(roc_auc_score(OUTCOME, ROUNDED), abs=1e-12)
    expected = roc_auc_score(OUTCOME, ROUNDED, sample_weight=weights)
    assert discrimination.auroc(OUTCOME, ROUNDED, weights) == pytest.approx(expected, abs=1e-12)
    expected = average_precision_score(OUTCOME, ROUNDED, sample_weight=weights)
    assert discrimination.auprc(OUTCOME, ROUNDED, weights) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
@settings(max_examples=60, deadline=None)
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    values, outcome = np.array([v for v, _ in rows], float), np.array([o for _, o in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in values[outcome] for b in values[~outcome]]
    found = discrimination.auroc(outcome, values)
    assert np.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_auroc_of_a_perfect_an_inverted_and_a_single_class() -> None:
    assert discrimination.auroc([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]) == 1.0
    assert discrimination.auroc([0, 0, 1, 1], [0.4, 0.3, 0.2, 0.1]) == 0.0
    assert np.isnan(discrimination.auroc([1, 1], [0.4, 0.3]))


def test_delong_gives_the_area_and_an_error_near_the_bootstraps() -> None:
    areas, covariance = discrimination.delong(OUTCOME, np.stack([PROBABILITY, ROUNDED]))
    assert areas[0] == pytest.approx(discrimination.auroc(OUTCOME, PROBABILITY))
    ranked = discrimination.Ranked.of(OUTCOME, PROBABILITY)
    spread = bootstrap.replicate(ranked.auroc, N, resamples=300).std()
    assert np.sqrt(covariance[0, 0]) == pytest.approx(spread, rel=0.15)
    assert covariance[0, 1] > 0.9 * covariance[0, 0]


def test_net_benefit_by_hand() -> None:
    outcome, probability = np.array([1.0, 0, 1, 0]), np.array([0.9, 0.6, 0.3, 0.1])
    at_half, at_fifth = usefulness.net_benefit(outcome, probability, [0.5, 0.2])
    assert at_half == pytest.approx(1 / 4 - 1 / 4 * 1)
    assert at_fifth == pytest.approx(2 / 4 - 1 / 4 * 0.25)
    assert usefulness.treat_all(0.5, [0.2])[0] == pytest.approx(0.5 - 0.5 * 0.25)


def test_proper_scores_agree_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, log_loss, r2_score

    assert usefulness.brier(OUTCOME, PROBABILITY) == pytest.approx(brier_score_loss(OUTCOME, PROBABILITY))
    both = np.column_stack([1 - PROBABILITY, PROBABILITY])
    assert usefulness.log_loss(OUTCOME, both) == pytest.approx(log_loss(OUTCOME, PROBABILITY))
    assert usefulness.scaled_brier(OUTCOME, np.full(N, OUTCOME.mean())) == pytest.approx(0)
    values = MARGIN + GENERATOR.normal(size=N)
    assert regression.r2(values, MARGIN) == pytest.approx(r2_score(values, MARGIN))
    assert regression.calibration(2 * MARGIN + 3, MARGIN) == pytest.approx((2.0, 3.0))


def test_a_calibrated_model_is_found_calibrated_and_a_distorted_one_is_not() -> None:
    good = calibration.measures(OUTCOME, PROBABILITY)
    assert good["calibration_slope"] == pytest.approx(1, abs=0.12)
    assert good["ici"] < 0.02
    flat = calibration.measures(OUTCOME, 1 / (1 + np.exp(-(2 * MARGIN + 1))))
    assert flat["calibration_slope"] == pytest.approx(0.5, abs=0.06)
    assert flat["ici"] > 0.05
    halved = calibration.measures(OUTCOME, PROBABILITY / 2)
    assert halved["observed_expected"] == pytest.approx(2 * OUTCOME.mean() / PROBABILITY.mean(), rel=1e-3)


def test_calibration_agrees_with_an_unbinned_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    binned = calibration.measures(OUTCOME, PROBABILITY)
    exact = LogisticRegression(C=1e9, tol=1e-10).fit(MARGIN[:, None], OUTCOME)
    assert binned["calibration_slope"] == pytest.approx(float(exact.coef_[0, 0]), abs=2e-3)


def test_the_smooth_curve_follows_a_curved_truth() -> None:
    generator = np.random.default_rng(3)
    given_ = generator.random(40_000)
    truth = given_**2
    outcome = (generator.random(len(given_)) < truth).astype(float)
    binned = calibration.Binned.of(outcome, given_)
    at = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert binned.curve(at) == pytest.approx(at**2, abs=0.03)
    ici = dict(zip(calibration.NAMES, binned.measures(), strict=True))["ici"]
    assert ici == pytest.approx(np.abs(truth - given_).mean(), abs=0.01)


def test_bootstrap_of_a_mean_has_the_textbook_width_and_grouping_widens_it() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap.interval(lambda rows: float(values[rows].mean()), 400, resamples=600)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.12)
    patients = np.arange(400) // 20
    shared = np.repeat(np.random.default_rng(2).normal(size=20), 20)
    alone = bootstrap.interval(lambda rows: float(shared[rows].mean()), 400, resamples=300)
    grouped = bootstrap.interval(lambda rows: float(shared[rows].mean()), 400, groups=patients, resamples=300)
    assert grouped[1] - grouped[0] > 3 * (alone[1] - alone[0])


def test_bootstrap_repeats_itself_draws_whole_groups_and_keeps_strata() -> None:
    groups, strata = np.arange(60) // 3, np.arange(60) < 30
    drawn = list(bootstrap.draws(60, groups=groups, strata=strata, resamples=5, seed=4))
    again = list(bootstrap.draws(60, groups=groups, strata=strata, resamples=5, seed=4))
    for counts, same in zip(drawn, again, strict=True):
        assert (counts == same).all()
        assert (counts.reshape(20, 3) == counts.reshape(20, 3)[:, :1]).all()
        assert counts[:30].sum() == 30


def test_scores_are_higher_for_better_whatever_the_measure() -> None:
    target = Target(Task.CLASSIFICATION, OUTCOME, classes=("no", "yes"))
    noise = GENERATOR.random(N)
    for metric in ("auroc", "auprc", "log_loss", "brier", "accuracy"):
        assert metrics.score(metric, target, PROBABILITY) > metrics.score(metric, target, noise)
    values = Target(Task.REGRESSION, MARGIN)
    for metric in ("r2", "mae", "rmse"):
        assert metrics.score(metric, values, MARGIN + 0.1) > metrics.score(metric, values, MARGIN + 1)
    assert metrics.headline(target) == "auroc"
    assert metrics.headline(values) == "r2"
