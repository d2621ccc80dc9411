"""Which groups fare worse than others beyond what chance makes of so many comparisons.

Each group is set against the other groups of the same columns (sex=female against sex=male), or against all groups
where no other was large enough. Standard errors are taken from the 95 % intervals; the p values of all groups, single
ones and intersections alike, are corrected together (Holm 1979, Scand J Statist 6:65), so that one group falsely called
worse is to be expected in at most one audit of twenty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sartor.domain.validation import Measure

ERROR: Final = 0.05
"""The chance with which any group at all may be named falsely."""
WIDTH: Final = 2 * 1.959964
"""Standard errors in a 95 % interval."""
CALIBRATED: Final = (0.8, 1.25)
"""Observed over expected outside is pointed out (the study's own limits)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One group set against others: the difference (or ratio), its p value alone and corrected for all of them."""

    measure: Measure
    reference: float
    p_value: float
    corrected: float
    relevant: bool

    @property
    def clear(self) -> bool:
        """Large enough to matter, and not explained by so many comparisons."""
        return self.relevant and self.corrected < ERROR

    @property
    def perhaps(self) -> bool:
        """Large enough to matter and striking alone, but chance among so many comparisons explains it."""
        return self.relevant and not self.clear and self.p_value < ERROR / 2


def worse(measures: Sequence[Measure], name: str, *, apart: float) -> tuple[Comparison, ...]:
    """Every judged group by a measure of which more is better; relevant when `apart` below the others."""
    judged = [m for m in measures if m.name == name and m.group and m.n > 0 and _error(m) is not None]
    tested = []
    for m in judged:
        others = [each for each in judged if each is not m and _columns(each) == _columns(m)]
        everyone = not others
        others = others or judged
        total = sum(each.n for each in others)
        reference = sum(each.n * (each.value or 0.0) for each in others) / total
        spread = 0.0 if everyone else sum((each.n / total * (_error(each) or 0.0)) ** 2 for each in others)
        gap = (m.value or 0.0) - reference
        p_value = _normal(gap / math.sqrt((_error(m) or 0.0) ** 2 + spread))
        tested.append((m, reference, p_value, gap <= -apart))
    return _corrected(tested)


def miscalibrated(measures: Sequence[Measure]) -> tuple[Comparison, ...]:
    """Every judged group by observed over expected; relevant outside 0.8 to 1.25."""
    tested = []
    for m in measures:
        if not (m.name == "observed_expected" and m.group and m.value and m.low and m.high) or m.high <= m.low:
            continue
        error = (math.log(m.high) - math.log(m.low)) / WIDTH
        off = not CALIBRATED[0] <= m.value <= CALIBRATED[1]
        tested.append((m, 1.0, 2 * _normal(-abs(math.log(m.value)) / error), off))
    return _corrected(tested)


def _corrected(tested: Sequence[tuple[Measure, float, float, bool]]) -> tuple[Comparison, ...]:
    """With Holm's step-down p values, in the order given."""
    order = sorted(range(len(tested)), key=lambda k: tested[k][2])
    corrected, so_far = [1.0] * len(tested), 0.0
    for rank, k in enumerate(order):
        so_far = max(so_far, min(1.0, (len(tested) - rank) * tested[k][2]))
        corrected[k] = so_far
    return tuple(
        Comparison(m, reference, p_value, corrected[k], relevant)
        for k, (m, reference, p_value, relevant) in enumerate(tested)
    )


def _columns(measure: Measure) -> tuple[str, ...]:
    return tuple(part.partition("=")[0] for part in measure.group.split(" & "))


def _error(measure: Measure) -> float | None:
    if measure.value is None or measure.low is None or measure.high is None or measure.high <= measure.low:
        return None
    return (measure.high - measure.low) / WIDTH


def _normal(z: float) -> float:
    """P(Z ≤ z)."""
    return 0.5 * math.erfc(-z / math.sqrt(2))
