"""Groups are called worse only where the number of comparisons does not explain it."""

from __future__ import annotations

import numpy as np
import pytest

from sartor.domain.validation import Measure
from sartor.explaining.group_comparison import miscalibrated, worse


def measure(group: str, value: float, half: float, name: str = "auroc", n: int = 500) -> Measure:
    return Measure(name=name, group=group, value=value, low=value - half, high=value + half, n=n)


def test_a_clear_gap_is_clear_among_few_groups() -> None:
    found = worse([measure("sex=f", 0.70, 0.03), measure("sex=m", 0.82, 0.03)], "auroc", apart=0.05)
    assert [each.clear for each in found] == [True, False]
    assert found[0].reference == pytest.approx(0.82)


def test_the_same_gap_is_not_clear_among_many_intersections() -> None:
    striking = [measure("sex=f & age=<50", 0.70, 0.07), measure("sex=m & age=<50", 0.80, 0.02)]
    alone = worse(striking, "auroc", apart=0.05)[0]
    assert alone.clear
    others = [measure(f"a={k // 6} & b={k % 6}", 0.79, 0.05) for k in range(36)]
    among = worse([*striking, *others], "auroc", apart=0.05)[0]
    assert not among.clear
    assert among.perhaps


def test_chance_alone_names_a_group_in_at_most_one_audit_of_twenty() -> None:
    generator = np.random.default_rng(1)
    error, half = 0.05, 0.05 * 1.96
    named = 0
    for _ in range(400):
        values = 0.8 + error * generator.normal(size=12)
        measures = [measure(f"g={k}", float(v), half) for k, v in enumerate(values)]
        named += any(each.clear for each in worse(measures, "auroc", apart=0.05))
    assert named / 400 < 0.08


def test_a_small_gap_is_never_pointed_out_however_sure() -> None:
    found = worse([measure("sex=f", 0.78, 0.001), measure("sex=m", 0.81, 0.001)], "auroc", apart=0.05)
    assert not any(each.clear or each.perhaps for each in found)


def test_a_group_whose_risk_is_understated_is_named() -> None:
    level = Measure(name="observed_expected", group="sex=f", value=1.6, low=1.4, high=1.8, n=900)
    even = Measure(name="observed_expected", group="sex=m", value=1.05, low=0.95, high=1.15, n=900)
    assert [each.clear for each in miscalibrated([level, even])] == [True, False]


def test_groups_without_an_interval_are_left_out() -> None:
    few = Measure(name="auroc", group="sex=f", value=None, n=5, note="too few: 5 rows")
    assert worse([few], "auroc", apart=0.05) == ()
