from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.errors import ModelRefused
from sartor.learning.clustering import (
    assignment,
    assignment_from_files,
    choose,
    differ,
    differences,
    outcomes,
    part,
    represent,
    rules,
    stability,
)
from sartor.learning.clustering.methods import METHODS, MethodName
from sartor.learning.clustering.number import one_population
from sartor.learning.clustering.outcomes import kaplan_meier_band
from sartor.learning.clustering.profile import benjamini_hochberg
from sartor.learning.clustering.representation import yeo_johnson
from sartor.learning.clustering.stability import best_jaccard
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.task import Matrix, Target


def groups(n: int = 240, *, k: int = 3, apart: float = 5.0, seed: int = 0) -> tuple[Cohort, np.ndarray]:
    g = np.random.default_rng(seed)
    centres = np.zeros((k, 5))
    centres[np.arange(k), np.arange(k)] = apart
    truth = g.integers(0, k, n)
    values = centres[truth] + g.normal(size=(n, 5))
    columns = [Column(f"x{i}", ColumnKind.NUMBER, values[:, i]) for i in range(5)]
    label = np.where(g.random(n) < np.where(truth == 0, 0.8, 0.2), 1, 0).astype(np.int32)
    columns.append(Column("smoker", ColumnKind.CATEGORY, label, ("no", "yes")))
    return Cohort(tuple(columns)), truth


def encoded(cohort: Cohort) -> Matrix:
    return fit_encoder(cohort, Encoding.DENSE).apply(cohort)


@pytest.mark.parametrize("method", METHODS)
def test_true_groups_are_found_and_their_number(method: MethodName) -> None:
    cohort, truth = groups()
    matrix = encoded(cohort)
    r = represent(matrix)
    points = r.points(matrix)
    number = choose(r.standardised(matrix), r.binary, points, k_max=5, method=method, draws=39)
    assert number.k == 3
    assert number.p_one_population <= 0.05
    labels = part(points, 3, method=method).place(points)
    assert adjusted_rand_score(truth, labels) > 0.8
    assert np.all(np.diff(np.bincount(labels)) <= 0)


def test_one_population_is_one_group() -> None:
    hits = 0
    for seed in range(5):
        g = np.random.default_rng(seed)
        values = g.normal(size=(200, 6)) @ (np.eye(6) + 0.4 * g.normal(size=(6, 6)))
        values[:, 0] = np.exp(values[:, 0])
        table = Cohort(tuple(Column(f"x{i}", ColumnKind.NUMBER, values[:, i]) for i in range(6)))
        matrix = encoded(table)
        r = represent(matrix)
        hits += choose(r.standardised(matrix), r.binary, r.points(matrix), k_max=4, draws=39, seed=seed).k == 1
    assert hits >= 4


def test_a_draw_of_one_population_keeps_spread_correlation_and_shares() -> None:
    g = np.random.default_rng(0)
    values = g.normal(size=(2000, 4))
    values[:, 1] = 0.8 * values[:, 0] + 0.6 * values[:, 1]
    values[:, 3] = values[:, 3] + 1.5 * values[:, 0] > 0.8
    values[:, 2] = values[:, 2] + 1.5 * values[:, 0] > 1.6
    binary = np.array([False, False, True, True])
    drawn = one_population(values, binary).draw(2000, np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx(values.mean(axis=0), abs=0.06)
    assert np.corrcoef(drawn.T) == pytest.approx(np.corrcoef(values.T), abs=0.06)
    assert set(np.unique(np.round(drawn[:, 2], 9))) == {0.0, 1.0}


def test_labels_of_one_variable_exclude_each_other_in_a_draw() -> None:
    g = np.random.default_rng(0)
    x = g.normal(size=1500)
    label = np.where(x + g.normal(size=1500) > 0.8, 0, np.where(g.random(1500) < 0.3, 1, 2))
    values = np.column_stack([x, np.eye(3)[label]])
    drawn = one_population(values, np.array([False, True, True, True]), np.array([0, 1, 1, 1])).draw(1500, g)
    assert np.allclose(drawn[:, 1:].sum(axis=1), 1)
    assert drawn[:, 1:].mean(axis=0) == pytest.approx(values[:, 1:].mean(axis=0), abs=0.05)
    assert np.corrcoef(drawn.T)[0] == pytest.approx(np.corrcoef(values.T)[0], abs=0.08)


def test_a_missing_label_is_no_trait() -> None:
    g = np.random.default_rng(0)
    columns = [Column(f"x{i}", ColumnKind.NUMBER, g.normal(size=300)) for i in range(3)]
    gone = g.random((300, 3)) < 0.4
    for i in range(3):
        label = np.where(gone[:, 0], -1, g.integers(0, 3, 300)).astype(np.int32)
        columns.append(Column(f"label{i}", ColumnKind.CATEGORY, label, ("a", "b", "c")))
    matrix = encoded(Cohort(tuple(columns)))
    r = represent(matrix)
    assert not any("missing" in name for name in r.columns)
    standardised = r.standardised(matrix)
    labels = standardised[:, r.binary]
    assert np.allclose(labels[gone[:, 0]], 0)
    assert np.allclose(labels.mean(axis=0), 0)
    number = choose(
        standardised, r.binary, r.points(matrix), variables=r.variables(matrix), gaps=r.gaps(matrix), k_max=4, draws=39
    )
    assert number.k == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=3, max_size=20, unique=True), st.floats(-2, 4))
def test_the_power_transform_keeps_the_order(values: list[float], power: float) -> None:
    ordered = np.sort(np.array(values))
    found = yeo_johnson(ordered, power)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-9).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.permutations(range(4)))
def test_jaccard_of_renamed_groups_is_one(labels: list[int], names: list[int]) -> None:
    given_labels = np.unique(np.array(labels), return_inverse=True)[1]
    k = int(given_labels.max()) + 1
    assert best_jaccard(given_labels, np.array(names)[given_labels], k) == pytest.approx(np.ones(k))


def test_stable_groups_come_back_and_arbitrary_halves_do_not() -> None:
    cohort, _ = groups()
    matrix = encoded(cohort)
    points = represent(matrix).points(matrix)
    assert stability(points, part(points, 3), resamples=20).jaccard.min() > 0.9
    noise = np.random.default_rng(0).normal(size=(150, 5))
    assert stability(noise, part(noise, 5), resamples=20).jaccard.mean() < 0.75


def test_what_distinguishes_is_found_and_chance_is_not() -> None:
    cohort, truth = groups(600)
    noise = Column("noise", ColumnKind.NUMBER, np.random.default_rng(3).normal(size=600))
    found = differences(Cohort((*cohort.columns, noise)), truth, 3, used=frozenset(cohort.names))
    by = {(d.group, d.name): d for d in found}
    assert by[0, "x0"].effect > 2
    assert by[0, "x0"].low > 0
    assert by[0, "smoker"].level == "yes"
    assert by[0, "smoker"].inside == pytest.approx(0.8, abs=0.08)
    assert all(by[g, "noise"].p > 0.01 and not by[g, "noise"].used for g in range(3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrected_p_values_are_no_smaller_and_keep_the_order(values: list[float]) -> None:
    p = np.array(values)
    found = benjamini_hochberg(p)
    assert (found >= p - 1e-12).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(p)]) >= -1e-12).all()


def test_few_questions_place_most_patients() -> None:
    cohort, truth = groups(400)
    found = rules(cohort, truth)
    assert found.agreement > 0.9 > found.chance
    assert sum(rule.n for rule in found.rules) == 400
    assert all(1 <= len(rule.conditions) <= 3 for rule in found.rules)


@pytest.mark.parametrize("method", METHODS)
def test_the_stored_rule_places_as_the_study_did(method: MethodName) -> None:
    cohort, _ = groups()
    encoder = fit_encoder(cohort, Encoding.DENSE)
    matrix = encoder.apply(cohort)
    r = represent(matrix)
    points = r.points(matrix)
    partition = part(points, 3, method=method)
    made = assignment(encoder, r, partition, points)
    again = assignment_from_files(made.to_files())
    assert again.to_files() == made.to_files()
    placed = again.place(cohort)
    assert np.array_equal(placed.group, partition.place(points))
    assert ((placed.share >= 1 / 3 - 1e-9) & (placed.share <= 1 + 1e-9)).all()
    stranger = Cohort(tuple(Column(c.name, c.kind, c.values[:1] * 0 + 60, c.categories) for c in cohort.columns[:5]))
    far = again.place(stranger)
    assert far.unusual[0]
    assert not far.clear[0]
    assert placed.unusual.mean() < 0.05


def test_a_foreign_rule_is_refused() -> None:
    with pytest.raises(ModelRefused, match="groups"):
        assignment_from_files({"groups.json": b'{"format": 99}', "encoder.json": b"{}"})


def test_survival_of_groups_agrees_with_scikit_survival() -> None:
    from sksurv.nonparametric import kaplan_meier_estimator

    g = np.random.default_rng(0)
    times, events = np.round(g.exponential(3, 200), 1) + 0.1, (g.random(200) < 0.6).astype(np.int8)
    target = Target(Task.SURVIVAL, times, events)
    at, survival, low, high = kaplan_meier_band(target)
    x, y, interval = kaplan_meier_estimator(events == 1, times, conf_type="log-log")
    inside = np.isin(x, at) & (y > 0)
    assert survival[survival > 0] == pytest.approx(y[inside])
    assert low[survival > 0] == pytest.approx(interval[0][inside], abs=1e-6)
    assert high[survival > 0] == pytest.approx(interval[1][inside], abs=1e-6)
    found = outcomes(target, (times > 3).astype(int), 2, horizon=3.0)
    assert found[1].value == 1.0
    assert differ(target, (times > 3).astype(int)) == ("logrank", pytest.approx(0, abs=1e-6))


def test_event_rates_of_groups_carry_intervals() -> None:
    target = Target(Task.CLASSIFICATION, np.r_[np.ones(8), np.zeros(12), np.ones(2), np.zeros(18)], classes=("a", "b"))
    labels = np.r_[np.zeros(20, int), np.ones(20, int)]
    first, second = outcomes(target, labels, 2)
    assert (first.events, first.value) == (8, 0.4)
    assert first.value_low == pytest.approx(0.2188, abs=1e-3)
    assert first.value_high == pytest.approx(0.6134, abs=1e-3)
    assert second.value == pytest.approx(0.1)
    assert differ(target, labels)[0] == "chi2"
