"""Whatever the person: more risk alleles and amiodarone lower the dose, more weight and inducers raise it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.capabilities.pharmacogenomics.assess.dose_equations import predict
from sartor.capabilities.pharmacogenomics.tables.dosing import dosing_table

EQUATIONS = dosing_table().equations
people = st.fixed_dictionaries(
    {
        "age_years": st.floats(20, 75),
        "age_decades": st.integers(2, 7).map(float),
        "height_cm": st.floats(150, 200),
        "weight_kg": st.floats(50, 150),
        "body_surface": st.floats(1.4, 2.6),
        "vkorc1": st.sampled_from(["G/G", "A/G", "A/A", "unknown"]),
        "vkorc1_a": st.sampled_from([0.0, 1.0, 2.0]),
        "cyp2c9": st.sampled_from(["*1/*1", "*1/*2", "*1/*3", "*2/*2", "*2/*3", "*3/*3", "unknown"]),
        "cyp2c9_2": st.sampled_from([0.0, 1.0]),
        "cyp2c9_3": st.sampled_from([0.0, 1.0]),
        "ancestry": st.sampled_from(["White", "Asian", "Black", "Unknown"]),
        "african_american": st.sampled_from([0.0, 1.0]),
        "target_inr": st.floats(2.0, 3.5),
        "amiodarone": st.sampled_from([0.0, 1.0]),
        "inducer": st.sampled_from([0.0, 1.0]),
        "smoker": st.sampled_from([0.0, 1.0]),
        "thrombosis": st.sampled_from([0.0, 1.0]),
    }
)
FALLING = {
    "vkorc1": ["G/G", "A/G", "A/A"],
    "vkorc1_a": [0.0, 1.0, 2.0],
    "cyp2c9_2": [0.0, 1.0, 2.0],
    "cyp2c9_3": [0.0, 1.0, 2.0],
    "amiodarone": [0.0, 1.0],
    "age_years": [40.0, 60.0, 80.0],
    "age_decades": [4.0, 6.0, 8.0],
}
RISING = {
    "weight_kg": [50.0, 75.0, 100.0],
    "height_cm": [150.0, 170.0, 190.0],
    "body_surface": [1.5, 1.9, 2.3],
    "target_inr": [2.0, 2.5, 3.5],
    "inducer": [0.0, 1.0],
    "smoker": [0.0, 1.0],
}
STARS = [["*1/*1", "*1/*2", "*2/*2", "*2/*3", "*3/*3"], ["*1/*1", "*1/*3", "*2/*3", "*3/*3"]]


@pytest.mark.parametrize("name", sorted(EQUATIONS))
@given(person=people)
def test_doses_move_the_way_that_pharmacology_says(name: str, person: dict[str, float | str]) -> None:
    equation = EQUATIONS[name]
    orders = [(key, values, -1) for key, values in FALLING.items()] + [(k, v, 1) for k, v in RISING.items()]
    orders += [("cyp2c9", stars, -1) for stars in STARS]
    for key, values, sign in orders:
        if key in equation.inputs:
            doses = [sign * predict(equation, {**person, key: value}).dose for value in values]
            assert all(one < other or one == other == 0 for one, other in itertools.pairwise(doses)), key


@pytest.mark.parametrize("name", sorted(EQUATIONS))
@given(person=people)
def test_the_interval_holds_the_dose_and_effects_add_up(name: str, person: dict[str, float | str]) -> None:
    found = predict(EQUATIONS[name], person)
    assert 0 <= found.low <= found.dose <= found.high
    total = found.baseline + sum(each.effect for each in found.effects)
    assert total == pytest.approx(found.predictor, abs=1e-9)
