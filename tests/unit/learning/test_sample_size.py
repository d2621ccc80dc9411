"""Riley's criteria: the worked examples of the papers, and what must follow from the formulas."""

from __future__ import annotations

import pytest

from sartor.learning import sample_size


def test_binary_example_of_part_two() -> None:
    """Chagas disease, 24 parameters, prevalence 0.174, R² 0.288: 662 people, 4.8 events each (PMID 30357870)."""
    found = sample_size.binary(parameters=24, prevalence=0.174, r2=0.288, n=662)
    assert found.needed == 662
    assert found.events_per_parameter_needed == pytest.approx(4.80, abs=0.01)
    assert found.adequate
    assert not sample_size.binary(parameters=24, prevalence=0.174, r2=0.288, n=661).adequate


def test_survival_example_of_part_two() -> None:
    """Recurrent venous thrombosis, 30 parameters: 5,143 people, 23 events per parameter (PMID 30357870)."""
    found = sample_size.survival(parameters=30, rate=0.065, mean_follow_up=2.07, horizon=2, r2=0.051)
    assert found.needed == 5143
    assert found.events_per_parameter_needed == pytest.approx(23.07, abs=0.01)


def test_continuous_example() -> None:
    """25 parameters, R² 0.2, mean 1.9, spread 0.6: 918 people (PMID 30347470)."""
    assert sample_size.continuous(parameters=25, r2=0.2, mean=1.9, spread=0.6).needed == 918


def test_shrinkage_at_the_needed_size_is_what_was_asked_for() -> None:
    found = sample_size.survival(parameters=30, rate=0.065, mean_follow_up=2.07, horizon=2, r2=0.051, n=5143)
    assert found.shrinkage == pytest.approx(0.9, abs=1e-3)
    smaller = sample_size.survival(parameters=30, rate=0.065, mean_follow_up=2.07, horizon=2, r2=0.051, n=1000)
    assert smaller.shrinkage < 0.7


def test_more_parameters_need_more_people() -> None:
    few, many = (sample_size.binary(parameters=p, prevalence=0.2, r2=0.1).needed for p in (5, 50))
    assert many > 5 * few


def test_fit_from_a_reported_auroc_is_near_the_fit_itself() -> None:
    assert sample_size.cox_snell_from_auroc(0.89, 0.174) == pytest.approx(0.288, abs=0.01)
    assert sample_size.cox_snell_from_auroc(0.5, 0.3) == pytest.approx(0, abs=1e-6)
