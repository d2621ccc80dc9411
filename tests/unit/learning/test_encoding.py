"""Encoders are fitted on training rows alone, never fail on what they have not seen, and survive as JSON."""

import numpy as np
import pytest
from cohort_sample import category, clinic, number
from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.domain.cohort_table import Cohort
from sartor.errors import ModelRefused
from sartor.learning.encoding import Options, encoder_from_json, fit_encoder, spline_terms
from sartor.learning.learner import Encoding


def dense(cohort, **options):
    return fit_encoder(cohort, Encoding.DENSE, options=options)


class TestDense:
    def test_numbers_are_imputed_and_standardised_by_the_training_rows(self):
        encoder = dense(Cohort((number("x", [1, 2, 3, np.nan]),)))
        matrix = encoder.apply(Cohort((number("x", [2, np.nan, 100]),)))
        assert matrix.columns == ("x", "x is missing")
        assert matrix.values[0, 0] == matrix.values[1, 0] == pytest.approx(0)
        assert matrix.values[:, 1].tolist() == [0, 1, 0]

    def test_nothing_of_other_rows_gets_in(self):
        cohort, _ = clinic(300)
        training = cohort.take(np.arange(200))
        changed = Cohort(tuple(column.take(np.r_[0:200, [0] * 100]) for column in cohort.columns))
        assert dense(training) == dense(changed.take(np.arange(200)))

    def test_rare_levels_are_pooled_and_an_unseen_one_goes_with_them_and_is_reported(self):
        training = Cohort((category("s", ["a"] * 20 + ["b"] * 20 + ["c", "d"]),))
        encoder = dense(training)
        new = Cohort((category("s", ["a", "c", "zebra", ""]),))
        matrix = encoder.apply(new)
        assert matrix.columns == ("s=a", "s=b", "s=(other)")
        assert matrix.values.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
        assert encoder.unseen(new) == {"s": {"zebra": 1}}

    def test_two_levels_are_one_column_and_a_constant_is_none(self):
        matrix = dense(Cohort((category("sex", ["f", "m"] * 20), number("one", [1] * 40)))).apply(
            Cohort((category("sex", ["m"]), number("one", [5])))
        )
        assert matrix.columns == ("sex=m",)
        assert matrix.features == ("sex", "one")
        assert matrix.values.tolist() == [[1]]

    def test_many_levels_keep_the_most_frequent(self):
        labels = [f"l{at}" for at in range(100) for _ in range(10 + at)]
        matrix = dense(Cohort((category("code", labels),)), max_levels=10).apply(Cohort((category("code", ["l99"]),)))
        assert len(matrix.columns) == 11
        assert matrix.values.sum() == 1

    def test_splines_are_straight_beyond_the_outer_knots(self):
        x = np.linspace(-10, 10, 401)
        terms = spline_terms(x, (-3.0, 0.0, 1.0, 3.0))
        for beyond in (x > 3.2, x < -3.2):
            assert np.abs(np.diff(terms[beyond], n=2, axis=0)).max() < 1e-9
        assert np.abs(np.diff(terms, n=2, axis=0)).max() > 1e-6

    def test_splines_fit_a_curve_that_a_line_cannot(self):
        x = np.random.default_rng(0).normal(size=500)
        cohort = Cohort((number("x", x),))
        errors = []
        for knots in (0, 5):
            values = np.column_stack([dense(cohort, splines=knots).apply(cohort).values, np.ones(500)])
            errors.append(np.linalg.lstsq(values, x**2, rcond=None)[1][0])
        assert errors[1] < 0.2 * errors[0]


class TestNative:
    def test_missing_stays_missing_and_categories_are_codes(self):
        training = Cohort((number("x", [1, np.nan]), category("s", ["a", ""])))
        matrix = fit_encoder(training, Encoding.NATIVE, options={"min_count": 1}).apply(training)
        assert np.isnan(matrix.values).tolist() == [[False, False], [True, True]]
        assert matrix.categorical.tolist() == [False, True]
        assert matrix.values.dtype == np.float32

    def test_labels_mean_the_same_whatever_the_codes(self):
        encoder = fit_encoder(Cohort((category("s", ["b"] * 20 + ["c"] * 20),)), Encoding.NATIVE)
        assert encoder.apply(Cohort((category("s", ["a", "b", "c"]),))).values[1:, 0].tolist() == [0, 1]


@pytest.mark.parametrize("encoding", list(Encoding))
class TestBoth:
    def test_json_gives_the_same_encoder_and_the_same_bytes(self, encoding):
        cohort, _ = clinic(200)
        encoder = fit_encoder(cohort, encoding, options=Options(splines=4))
        content = encoder.to_json()
        again = encoder_from_json(content)
        assert again == encoder
        assert again.to_json() == content
        assert np.array_equal(again.apply(cohort).values, encoder.apply(cohort).values, equal_nan=True)

    def test_one_row_is_encoded_as_among_many(self, encoding):
        cohort, _ = clinic(200)
        encoder = fit_encoder(cohort, encoding, options={"splines": 3})
        one = encoder.apply(cohort.take(np.array([7]))).values[0]
        assert np.array_equal(one, encoder.apply(cohort).values[7], equal_nan=True)

    def test_a_column_that_is_not_there_is_missing_for_everyone(self, encoding):
        cohort, _ = clinic(200)
        encoder = fit_encoder(cohort, encoding)
        matrix = encoder.apply(cohort.without(["marker", "smoking"]))
        assert matrix.values.shape == encoder.apply(cohort).values.shape

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.sampled_from(["", "a", "b", "c", "rare", "ünseen"]), min_size=1, max_size=30), st.integers(0, 9))
    def test_dense_is_always_finite_and_each_row_has_at_most_one_level(self, encoding, labels, seed):
        rng = np.random.default_rng(seed)
        training = Cohort((category("s", list(rng.choice(["", "a", "b", "c"], 60))), number("x", rng.normal(size=60))))
        encoder = fit_encoder(training, encoding)
        matrix = encoder.apply(Cohort((category("s", labels), number("x", rng.normal(size=len(labels))))))
        if encoding is Encoding.DENSE:
            assert np.isfinite(matrix.values).all()
            assert (matrix.values[:, matrix.feature_of == 0].sum(axis=1) <= 1).all()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 99}', b'{"format":1,"encoding":"odd","rules":[]}'])
def test_anything_else_is_refused(content):
    with pytest.raises(ModelRefused):
        encoder_from_json(content)


class TestOrderedCodes:
    def codes(self, n=60):
        return [f"{400 + at}.{at % 7}" for at in range(n - 2)] + ["V45", "E888"]

    def test_a_long_code_list_becomes_places_in_its_order(self):
        encoder = fit_encoder(Cohort((category("icd", self.codes() * 3),)), Encoding.NATIVE)
        matrix = encoder.apply(Cohort((category("icd", ["400.0", "401.1", "V45", "E888", ""]),)))
        assert not matrix.categorical.any()
        assert matrix.values[:4, 0].tolist() == [0, 1, 59, 58]
        assert np.isnan(matrix.values[4, 0])

    def test_a_code_never_seen_lies_between_its_neighbours_and_is_reported(self):
        encoder = fit_encoder(Cohort((category("icd", self.codes() * 3),)), Encoding.NATIVE)
        new = Cohort((category("icd", ["400.5", "9"]),))
        assert encoder.apply(new).values[:, 0].tolist() == [0.5, -0.5]
        assert encoder.unseen(new) == {"icd": {"400.5": 1, "9": 1}}
        again = encoder_from_json(encoder.to_json())
        assert again == encoder
        assert again.apply(new).values.tolist() == encoder.apply(new).values.tolist()

    def test_a_short_list_stays_a_category_and_is_still_written_as_before(self):
        encoder = fit_encoder(Cohort((category("icd", self.codes(49) * 12),)), Encoding.NATIVE)
        assert encoder.apply(Cohort((category("icd", ["400.0"]),))).categorical.all()
        assert b'"format": 1' in encoder.to_json()
