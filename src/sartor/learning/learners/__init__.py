"""Learners for classes and values: from a published equation to a stack, by one contract."""

from __future__ import annotations

from typing import Any

from sartor.domain.model import Task
from sartor.learning.learner import Learner
from sartor.learning.learners.equation import PublishedEquation
from sartor.learning.learners.explainable_boosting import ExplainableBoosting
from sartor.learning.learners.lightgbm import LightGBM
from sartor.learning.learners.linear import Linear
from sartor.learning.learners.network import Network
from sartor.learning.learners.random_forest import RandomForest
from sartor.learning.learners.stacking import Stack
from sartor.learning.learners.support_vector import SupportVector
from sartor.learning.learners.xgboost import XGBoost
from sartor.learning.task import Target

LEARNERS: tuple[Learner, ...] = (
    Linear(),
    Linear("linear_splines", 3, 4),
    ExplainableBoosting(),
    SupportVector(),
    RandomForest(),
    LightGBM(),
    XGBoost(),
    Network(),
)
"""Every tabular learner that is fitted on its own, simplest first."""
STABLE = Linear("linear_stable")
"""Penalised regression on the stable features alone; a study offers it where the inputs are many."""


def for_target(target: Target) -> tuple[Learner, ...]:
    """The learners for this outcome, simplest first; survival's own for survival."""
    if target.task is Task.SURVIVAL:
        from sartor.learning import survival

        return survival.for_target(target)
    return tuple(learner for learner in LEARNERS if target.task in learner.tasks)


def by_name(name: str) -> Learner:
    """The learner of that name, survival's included; KeyError if there is none."""
    from sartor.learning import survival

    own: tuple[Any, ...] = (*LEARNERS, STABLE, Stack(), *PublishedEquation.kinds())
    found: dict[str, Learner] = {learner.name: learner for learner in own}
    return found[name] if name in found else survival.by_name(name)
