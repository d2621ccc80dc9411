"""Fast survival measures equal their definitions, and scikit-survival's, whatever the ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.metrics import (
    brier_score,
    concordance_index_censored,
    concordance_index_ipcw,
    cumulative_dynamic_auc,
    integrated_brier_score,
)
from sksurv.nonparametric import cumulative_incidence_competing_risks, kaplan_meier_estimator
from sksurv.util import Surv
from survival_sample import as_target

from sartor.learning.metrics.survival import (
    brier_at,
    cumulative_incidence,
    harrell_c,
    integrated_brier,
    kaplan_meier,
    mean_auc,
    time_dependent_auc,
    uno_c,
)
from sartor.learning.metrics.survival_calibration import pseudo_values

SETTINGS = settings(max_examples=60, deadline=None)
rows = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(-4, 4)), min_size=4, max_size=40)


def by_definition(times, events, risk):
    """Harrell's C by every pair, competing events as never ending."""
    ends = [np.inf if event > 1 else time for time, event in zip(times, events, strict=True)]
    good = pairs = 0.0
    for i in range(len(ends)):
        for j in range(len(ends)):
            later = ends[j] > ends[i] or (ends[j] == ends[i] and events[j] != 1)
            if events[i] == 1 and i != j and later:
                pairs += 1
                good += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    return good / pairs if pairs else float("nan")


def split(table):
    times, events, risk = (np.array(column) for column in zip(*table, strict=True))
    return times.astype(float), events, risk.astype(float) / 3


@SETTINGS
@given(rows)
def test_harrell_c_is_its_definition(table):
    times, events, risk = split(table)
    expected = by_definition(times, events, risk)
    assert harrell_c(as_target(times, events), risk) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@SETTINGS
@given(rows)
def test_harrell_c_is_scikit_survivals(table):
    times, events, risk = split(table)
    event = events == 1
    found = harrell_c(as_target(times, event), risk)
    if np.isnan(found):
        return
    assert found == pytest.approx(concordance_index_censored(event, times, risk)[0], abs=1e-12)


@SETTINGS
@given(rows, st.randoms(use_true_random=False))
def test_only_the_order_of_risk_and_not_of_rows_matters(table, random):
    times, events, risk = split(table)
    order = list(range(len(times)))
    random.shuffle(order)
    there = harrell_c(as_target(times[order], events[order]), np.exp(risk[order]))
    assert harrell_c(as_target(times, events), risk) == pytest.approx(there, nan_ok=True)


def cohort(seed, n=250):
    generator = np.random.default_rng(seed)
    times = np.ceil(generator.exponential(20, n))
    censored = np.ceil(generator.uniform(1, 60, n))
    event = times <= censored
    observed = np.minimum(times, censored)
    observed[0], event[0] = 61.0, True
    risk = np.round(-np.log(times) + generator.normal(size=n), 1)
    return observed, event, risk


@pytest.mark.parametrize("seed", range(4))
def test_weighted_measures_are_scikit_survivals(seed):
    times, event, risk = cohort(seed)
    target, theirs = as_target(times, event), Surv.from_arrays(event, times)
    horizon = float(np.quantile(times, 0.8))
    assert uno_c(target, target, risk, horizon) == pytest.approx(
        concordance_index_ipcw(theirs, theirs, risk, tau=horizon)[0], abs=1e-12
    )
    at = np.linspace(2, np.quantile(times, 0.9), 7)
    survival = np.exp(-np.outer(np.exp(risk), at))
    assert brier_at(target, target, survival, at) == pytest.approx(brier_score(theirs, theirs, survival, at)[1])
    expected = integrated_brier_score(theirs, theirs, survival, at)
    assert integrated_brier(target, target, survival, at) == pytest.approx(expected, abs=1e-12)
    areas, mean = cumulative_dynamic_auc(theirs, theirs, risk, at)
    found = time_dependent_auc(target, target, risk, at)
    assert found == pytest.approx(areas, abs=1e-12)
    assert mean_auc(target, found, at) == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_curves_are_scikit_survivals(seed):
    times, event, _ = cohort(seed)
    at, expected = kaplan_meier_estimator(event, times)
    assert kaplan_meier(as_target(times, event)).at(at) == pytest.approx(expected, abs=1e-12)
    codes = event * (1 + (np.arange(len(times)) % 2))
    at, incidences = cumulative_incidence_competing_risks(codes, times)
    assert cumulative_incidence(as_target(times, codes)).at(at) == pytest.approx(incidences[1], abs=1e-12)


@SETTINGS
@given(rows, st.integers(1, 12))
def test_pseudo_values_leave_each_row_out(table, horizon):
    times, events, _ = split(table)
    target, n = as_target(times, events), len(times)
    whole = float(cumulative_incidence(target).at(horizon))
    left_out = [float(cumulative_incidence(target.take(np.delete(np.arange(n), i))).at(horizon)) for i in range(n)]
    expected = n * whole - (n - 1) * np.array(left_out)
    assert pseudo_values(target, horizon) == pytest.approx(expected, abs=1e-9)
