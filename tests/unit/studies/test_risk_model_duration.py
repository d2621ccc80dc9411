"""What validation takes is measured before a budget is divided; a budget nearly spent means fewer resamples."""

from dataclasses import replace

from tests.samples.tabular_sample import prepared

from sartor.learning.stages import Fitted, OutOfFold
from sartor.studies.risk_model.validate.duration import affordable_resamples, expected_s
from sartor.studies.risk_model.validate.setting import LEAST_RESAMPLES, setting_of


class Machine:
    """A clock that goes by `step` at every look: a slow machine has a large one."""

    def __init__(self, step: float, now: float = 0.0) -> None:
        self.now, self.step, self.looks = now, step, 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += self.step * (4 if self.looks % 6 == 0 else 1)
        return self.now


def test_a_slow_machine_and_many_candidates_reserve_more():
    study = prepared("two", repeats=3)
    slow, fast = (expected_s(study, 5, Machine(step)) for step in (0.01, 0.001))
    assert slow > 2 * fast
    assert expected_s(study, 40, Machine(0.01)) > slow > 5.0


def test_time_that_is_nearly_spent_means_fewer_resamples_and_plenty_means_the_usual():
    study = replace(prepared("two", repeats=3), budget_s=100.0)
    assert affordable_resamples(study, 5, 1, Machine(1e-4)) is None
    few = affordable_resamples(study, 5, 1, Machine(0.01, now=95.0))
    assert few == LEAST_RESAMPLES
    empty = OutOfFold(study.target.values[None])
    fitted = Fitted((), study.target.values[None].astype(int), empty, (), "", "auroc", None, facts={"resamples": few})
    assert setting_of(study, fitted).resamples == few
    assert affordable_resamples(replace(study, budget_s=None), 5, 1, Machine(0.01)) is None
