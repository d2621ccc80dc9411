"""Several matrices per patient: alignment, integration without leaks, biomarkers, gene sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omics_sample import blocks

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.errors import ConfigInvalid, LeakFound, TooFewData
from sartor.learning.multiomics import biomarkers, enrichment, measures
from sartor.learning.multiomics.attention import Attention
from sartor.learning.multiomics.comparison import compare, contest, mean_loss, taken_away
from sartor.learning.multiomics.integrators import Early, Factors, Graph, OneView
from sartor.learning.multiomics.penalised import fit_linear
from sartor.learning.multiomics.scaling import fit_scaling
from sartor.learning.multiomics.views import View, align, take
from sartor.learning.splits import outer_folds
from sartor.learning.task import Target


def _views(n=90, widths=(20, 15, 12), missing=0.0, seed=0, strength=1.2):
    outcome, tables = blocks(n, widths, seed=seed, strength=strength)
    generator = np.random.default_rng(seed + 7)
    views = []
    for number, table in enumerate(tables):
        present = (generator.random(n) >= missing) if number else np.ones(n, bool)
        table = np.where(present[:, None], table, np.nan)
        views.append(View(f"v{number}", tuple(f"g{k}" for k in range(table.shape[1])), table, present))
    return tuple(views), Target(Task.CLASSIFICATION, outcome.astype(float), classes=("a", "b", "c"))


def _names(views):
    return [view.name for view in views]


def _numbers(name, values):
    return Column(name, ColumnKind.NUMBER, np.asarray(values, float))


def _labels(name, labels):
    categories = tuple(sorted(set(labels)))
    return Column(name, ColumnKind.CATEGORY, np.array([categories.index(x) for x in labels], np.int32), categories)


def test_a_view_is_aligned_by_id_and_absent_patients_stay_absent():
    cohort = Cohort((_labels("id", ["c", "a", "x"]), _numbers("g", [3.0, 1.0, 9.0]), _labels("t", ["u", "v", "u"])))
    view = align("rna", cohort, "id", ["a", "b", "c"])
    assert view.columns == ("g", "t=u", "t=v")
    assert view.present.tolist() == [True, False, True]
    assert view.values[0].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan(view.values[1]).all()


def test_a_patient_in_two_rows_is_refused():
    cohort = Cohort((_labels("id", ["a", "b", "a"]), _numbers("g", [1.0, 2.0, 3.0])))
    with pytest.raises(LeakFound, match="more than one row"):
        align("rna", cohort, "id", ["a", "b"])


def test_a_view_without_the_id_or_with_free_text_is_refused():
    with pytest.raises(ConfigInvalid, match="no column 'id'"):
        align("rna", Cohort((_numbers("g", [1.0]),)), "id", ["a"])
    texts = _labels("note", [f"text {k}" for k in range(100)])
    with pytest.raises(ConfigInvalid, match="100 different texts"):
        align("rna", Cohort((_labels("id", [f"p{k}" for k in range(100)]), texts)), "id", ["p1"])


def test_scaling_learns_from_those_who_have_the_view_and_leaves_absent_patients_neutral():
    views, target = _views(missing=0.3)
    scaling = fit_scaling(views[1], target, most=5)
    scaled = scaling.apply(views[1])
    assert scaled.shape == (90, 5)
    assert np.all(scaled[~views[1].present] == 0)
    assert scaled[views[1].present].var(axis=0).sum() == pytest.approx(1.0)
    assert set(scaling.kept) >= {0, 1, 2, 3}


def test_rotation_changes_nothing():
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(3)
    values = generator.normal(size=(40, 200)) / np.sqrt(200)
    outcome = np.arange(40) % 3
    ours = fit_linear(values, Target(Task.CLASSIFICATION, outcome.astype(float), classes=("a", "b", "c")), (10.0,))[0]
    plain = LogisticRegression(C=10.0, max_iter=2000, tol=1e-8).fit(values, outcome)
    assert np.abs(ours.predict(values) - plain.predict_proba(values)).max() < 2e-3


@pytest.mark.parametrize("integrator", [OneView("v1"), Early(), Factors(counts=(8,)), Graph(neighbours=(8,))])
def test_each_integration_speaks_of_patients_who_lack_views(integrator):
    views, target = _views(missing=0.3)
    fitted = integrator.fit_all(views, target, seed=0)[-1][1]
    nobody = views
    for view in views:
        nobody = taken_away(nobody, view.name)
    for some in (views, taken_away(views, "v0"), nobody):
        said = fitted.predict(some)
        assert said.shape == (90, 3)
        assert np.allclose(said.sum(axis=1), 1)
    assert np.allclose(fitted.predict(nobody), fitted.predict(nobody)[0])
    assert mean_loss(fitted.predict(views), target) < mean_loss(fitted.predict(nobody), target)


def test_attention_is_the_same_for_the_same_seed_and_bears_missing_views():
    views, target = _views(n=60, missing=0.3)
    network = Attention(epochs=15, members=1, components=5, width=8)
    one, two = (network.fit_all(views, target, seed=4)[0][1].predict(taken_away(views, "v0")) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.isfinite(one).all()
    assert not np.array_equal(one, network.fit_all(views, target, seed=5)[0][1].predict(taken_away(views, "v0")))


def test_together_the_views_tell_more_than_the_best_and_the_choice_sees_it():
    views, target = _views(n=120, missing=0.15)
    field = contest(_names(views), most=100, only=("late mean", "late stack"))
    folds = outer_folds(target, folds=4, repeats=1)
    found = compare(field, views, target, folds, None, seed=0)
    said = {each.name: each.out_of_fold.predicted for each in found.candidates}
    assert not np.isnan(found.pipeline.predicted).any()
    accuracy = {name: measures.measures(table, target, None, seed=0)["accuracy"][0] for name, table in said.items()}
    assert accuracy["late stack"] > max(accuracy[f"view:v{k}"] for k in range(3)) + 0.05
    assert found.chosen_in_fold.count("late stack") >= 3
    again = compare(field, views, target, folds, None, seed=0)
    assert np.array_equal(again.pipeline.predicted, found.pipeline.predicted)
    gain = measures.difference("accuracy", said["late stack"], said["view:v0"], target, None, seed=0)
    assert gain[1] > 0


def test_columns_picked_from_noise_do_not_leak():
    """3,000 columns of noise, 10 kept: picked before the split they seem to predict; picked inside they do not."""
    generator = np.random.default_rng(1)
    values = generator.normal(size=(60, 3000))
    target = Target(Task.CLASSIFICATION, (np.arange(60) % 2).astype(float), classes=("no", "yes"))
    view = View("noise", tuple(f"g{k}" for k in range(3000)), values, np.ones(60, bool))
    found = compare(contest(["noise"], most=10), (view,), target, outer_folds(target, folds=5, repeats=2), None, seed=0)
    value, low, high = measures.measures(found.pipeline.predicted, target, None, seed=0)["auroc"]
    assert low < 0.5 < high or value < 0.5
    outside = fit_scaling(view, target, most=10).apply(view)
    cheat = View("picked", tuple("0123456789"), outside, np.ones(60, bool))
    leaked = compare(
        contest(["picked"], most=10), (cheat,), target, outer_folds(target, folds=5, repeats=1), None, seed=0
    )
    assert measures.measures(leaked.pipeline.predicted, target, None, seed=0)["auroc"][0] > 0.8


def test_groups_are_never_split_and_too_few_are_refused():
    _, target = _views()
    groups = np.arange(90) // 3
    folds = outer_folds(target, groups=groups, folds=5)[0]
    assert all(len(np.unique(folds[groups == g])) == 1 for g in range(30))
    with pytest.raises(TooFewData, match="4 independent rows"):
        outer_folds(target.take(np.arange(4)), folds=5)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.SURVIVAL])
def test_values_and_survival(task):
    generator = np.random.default_rng(2)
    values = [generator.normal(size=(80, 10)) for _ in range(2)]
    signal = values[0][:, 0] + values[1][:, 0]
    views = tuple(View(f"v{k}", tuple("abcdefghij"), table, np.ones(80, bool)) for k, table in enumerate(values))
    if task is Task.REGRESSION:
        target, headline, floor = Target(task, signal + generator.normal(size=80) * 0.3), "r2", 0.5
    else:
        times = np.exp(-signal) * generator.exponential(size=80)
        events = (generator.random(80) < 0.8).astype(np.int8)
        target, headline, floor = Target(task, times + 0.01, events, ("censored", "event")), "harrell_c", 0.58
    only = ("late mean", "late stack", "graph")
    folds = outer_folds(target, folds=4)
    found = compare(contest(["v0", "v1"], most=50, only=only), views, target, folds, None, seed=0)
    assert measures.measures(found.pipeline.predicted, target, None, seed=0)[headline][0] > floor
    assert all(each.out_of_fold.predicted.shape == (1, 80, 1) for each in found.candidates)


def test_repeats_stop_when_the_budget_is_spent():
    views, target = _views(n=60)
    ticks = iter(range(10_000))
    folds = outer_folds(target, folds=3, repeats=4)
    field = contest(["v0"], most=10)
    found = compare(field, views[:1], target, folds, None, seed=0, clock=lambda: float(next(ticks)), budget_s=25.0)
    assert 1 <= found.complete < 4
    assert found.pipeline.predicted.shape[0] == found.complete
    assert not np.isnan(found.pipeline.predicted).any()


def test_stable_columns_are_those_that_carry_the_class():
    views, target = _views(n=120, strength=1.5)
    found = biomarkers.find(views[0], target, None, seed=0)
    assert set(found.stable[:4].tolist()) == {0, 1, 2, 3}
    assert {found.leaning[k] for k in range(4)} == {"a"}
    assert (found.effect[:4] > 0.5).all()
    noise = View("noise", views[0].columns, np.random.default_rng(0).normal(size=(120, 20)), views[0].present)
    assert biomarkers.find(noise, target, None, seed=0).stability < found.stability


def test_over_representation_by_hand():
    background = [f"G{k}" for k in range(20)]
    one = enrichment.GeneSet("S1", "one", frozenset(background[:5]))
    unmeasured = enrichment.GeneSet("S2", "two", frozenset(f"X{k}" for k in range(50)))
    found = enrichment.over_represented(background[:4], background, [one, unmeasured])
    assert [each.set_id for each in found] == ["S1"]
    # C(5,4) · C(15,0) / C(20,4) = 5 / 4845
    assert found[0].p_value == pytest.approx(5 / 4845)
    assert (found[0].measured, found[0].selected, found[0].background) == (5, 4, 20)
    assert found[0].ratio == pytest.approx(4.0)
    assert enrichment.over_represented([], background, [one]) == ()


def test_genes_are_read_out_of_column_names():
    known = frozenset({"FOXA1", "TP53"})
    synonyms = {"3169": "FOXA1", "P53": "TP53"}
    names = ("FOXA1_3169", "3169", "TP53_1_2486803_2487803", "ENSG1|TP53", "P53", "hsa_mir_18a")
    read = {name: enrichment.gene_of(name, known, synonyms) for name in names}
    assert read == {"FOXA1_3169": "FOXA1", "3169": "FOXA1", "TP53_1_2486803_2487803": "TP53", "ENSG1|TP53": "TP53",
                    "P53": "TP53", "hsa_mir_18a": None}  # fmt: skip


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_values_are_no_smaller_and_keep_the_order(values):
    p_value = np.array(values)
    q_value = biomarkers.adjusted(p_value)
    assert (q_value >= p_value - 1e-12).all()
    assert (q_value <= 1 + 1e-12).all()
    order = np.argsort(p_value, kind="stable")
    assert (np.diff(q_value[order]) >= -1e-12).all()


def test_taking_rows_keeps_views_aligned():
    views, _ = _views(missing=0.3)
    rows = np.array([5, 2, 80])
    for view, taken in zip(views, take(views, rows), strict=True):
        assert np.array_equal(taken.present, view.present[rows])
        assert np.array_equal(taken.values, view.values[rows], equal_nan=True)
