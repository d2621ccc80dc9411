"""Survival learners: Cox regression, forests, boosting, networks and their stack, by one contract."""

from __future__ import annotations

from sartor.learning.learner import Learner
from sartor.learning.survival.average import SurvivalAverage
from sartor.learning.survival.boosted_cox import BoostedCox
from sartor.learning.survival.cox import Cox
from sartor.learning.survival.forest import SurvivalForest
from sartor.learning.survival.networks import DeepSurv, HazardNetwork

LEARNERS: tuple[Learner, ...] = (
    Cox(),
    Cox("cox_splines", 3, True),
    SurvivalForest(),
    BoostedCox(),
    DeepSurv(),
    HazardNetwork(),
    SurvivalAverage(),
)
"""Every survival learner, simplest first."""
