"""Drug response: splits that keep cells and drugs apart, means to beat, measures that means cannot please."""

import numpy as np
import pytest
from screen_sample import screen

from sartor.errors import TooFewData
from sartor.learning.drug_response import biomarkers
from sartor.learning.drug_response.comparison import PIPELINE, compare
from sartor.learning.drug_response.learners import Boosting, LowRank, Means, RidgePerDrug, TwoStep, additive, completed
from sartor.learning.drug_response.measures import mean_with_interval, scores
from sartor.learning.drug_response.responses import Split, parts


@pytest.mark.parametrize("split", list(Split))
def test_what_is_new_is_new(split):
    responses = screen()
    tested = np.zeros(responses.values.shape, bool)
    for train, test in parts(responses, split, 4, 0):
        assert test.any()
        assert train.any()
        assert not (train & test).any()
        assert not ((train | test) & ~responses.known).any()
        if split in (Split.NEW_CELL, Split.BOTH):
            assert not (train.any(axis=1) & test.any(axis=1)).any()
        if split in (Split.NEW_DRUG, Split.BOTH):
            assert not (train.any(axis=0) & test.any(axis=0)).any()
        tested |= test
    assert split is Split.BOTH or np.array_equal(tested, responses.known)


def test_cells_of_one_patient_stay_together():
    responses = screen(per_patient=3)
    for train, test in parts(responses, Split.NEW_CELL, 4, 0):
        inside, outside = set(responses.groups[train.any(axis=1)]), set(responses.groups[test.any(axis=1)])
        assert not inside & outside


def test_too_few_for_the_folds():
    with pytest.raises(TooFewData, match="cells cannot be split"):
        next(iter(parts(screen(cells=6), Split.NEW_CELL, 5, 0)))


def test_the_additive_model_finds_its_own_effects():
    generator = np.random.default_rng(0)
    cell, drug = generator.normal(size=80), generator.normal(size=60)
    values = 3 + cell[:, None] + drug
    values[generator.random(values.shape) < 0.2] = np.nan
    overall, of_cell, of_drug = additive(values)
    assert np.nanmax(np.abs(overall + of_cell[:, None] + of_drug - values)) < 0.2


def test_completion_fills_gaps_of_a_low_rank_table():
    generator = np.random.default_rng(1)
    table = generator.normal(size=(60, 3)) @ generator.normal(size=(3, 40))
    holes = generator.random(table.shape) < 0.2
    filled = completed(np.where(holes, np.nan, table), rank=3, rounds=60)
    assert np.array_equal(filled[~holes], table[~holes])
    assert ((filled - table)[holes] ** 2).mean() < 0.3 * (table[holes] ** 2).mean()


def test_means_look_splendid_globally_and_are_worth_nothing_within_drugs():
    responses = screen()
    found = compare(responses, Split.NEW_CELL, (Means("drug mean"), RidgePerDrug()), folds=4, seed=0)
    naive, ridge = found.scores["drug mean"], found.scores["ridge per drug"]
    assert naive.overall > 0.7
    assert np.nanmax(np.abs(naive.pearson)) == 0
    assert np.nanmean(ridge.pearson) > 0.3
    assert found.chosen_in_fold == ("ridge per drug",) * 4
    assert np.array_equal(found.predicted[PIPELINE], found.predicted["ridge per drug"], equal_nan=True)


def test_a_learner_that_cannot_answer_is_listed_with_the_reason():
    found = compare(screen(drug_features=False), Split.NEW_DRUG, (Means("cell mean"), RidgePerDrug(), TwoStep()),
                    folds=4, seed=0)  # fmt: skip
    assert found.skipped == {"ridge per drug": "new_drug", "two-step kernel": "drug_features"}


def test_features_of_drugs_tell_of_new_drugs():
    found = compare(screen(), Split.NEW_DRUG, (Means("cell mean"), TwoStep()), folds=4, seed=0)
    assert np.nanmean(found.scores["two-step kernel"].pearson) > np.nanmean(found.scores["cell mean"].pearson) + 0.05


@pytest.mark.parametrize("learner", [RidgePerDrug(), LowRank(), TwoStep(), Boosting(trees=30)])
def test_no_learner_sees_what_is_hidden(learner):
    """Changing responses of the test part changes no prediction; nor does the order of doing things."""
    responses = screen()
    train, test = next(iter(parts(responses, Split.NEW_CELL, 4, 0)))
    told = responses.hidden_but(train)
    first = learner.predict(told, seed=0)
    spoiled = np.where(test, 1e6, responses.values)
    assert np.array_equal(first, learner.predict(type(responses)(**{**_fields(responses), "values": spoiled})
                                                 .hidden_but(train), seed=0))  # fmt: skip
    assert np.isfinite(first).all()


def _fields(responses):
    return {name: getattr(responses, name) for name in responses.__slots__}


def test_scores_by_hand():
    values = np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 3.0], [4.0, 2.0]] * 3)
    predicted = np.column_stack([values[:, 0] * 10, np.full(12, 7.0)])
    found = scores(values, predicted, np.zeros(values.shape, np.int64))
    assert found.pearson == pytest.approx([1.0, 0.0])
    assert found.spearman == pytest.approx([1.0, 0.0])
    assert mean_with_interval(np.array([0.5, np.nan, 0.5]), seed=0) == pytest.approx((0.5, 0.5, 0.5))


def test_spearman_agrees_with_scipy_where_values_are_missing():
    from scipy.stats import spearmanr

    generator = np.random.default_rng(4)
    values, predicted = generator.normal(size=(30, 2)), generator.normal(size=(30, 2)).round(1)
    values[::4, 0] = np.nan
    found = scores(values, predicted, np.zeros(values.shape, np.int64)).spearman
    known = ~np.isnan(values[:, 0])
    assert found[0] == pytest.approx(spearmanr(values[known, 0], predicted[known, 0]).statistic)
    assert found[1] == pytest.approx(spearmanr(values[:, 1], predicted[:, 1]).statistic)


def test_biomarkers_agree_with_scipy_and_the_true_ones_are_stable():
    from scipy.stats import pearsonr

    responses = screen()
    found = biomarkers.find(responses, seed=0, halves=20, picked=3)
    known = responses.known[:, 0]
    by_hand = pearsonr(responses.cell_features[known, 5], responses.values[known, 0])
    assert found.correlation[5, 0] == pytest.approx(by_hand.statistic, abs=1e-6)
    assert found.p_value[5, 0] == pytest.approx(by_hand.pvalue, rel=1e-4)
    true = [found.frequency[drug % 3, drug] for drug in range(len(responses.drugs))]
    assert np.mean(true) > 0.8
    assert found.frequency.sum(axis=0) == pytest.approx(np.full(len(responses.drugs), 3.0))
