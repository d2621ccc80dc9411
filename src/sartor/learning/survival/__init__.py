"""Survival learners: Cox regression, forests, boosting, networks and their stack, by one contract."""

from __future__ import annotations

from sartor.learning.learner import Learner
from sartor.learning.survival.average import SurvivalAverage
from sartor.learning.survival.boosted_cox import BoostedCox
from sartor.learning.survival.competing import CauseSpecific, FineGray
from sartor.learning.survival.cox import Cox
from sartor.learning.survival.forest import SurvivalForest
from sartor.learning.survival.networks import DeepSurv, HazardNetwork
from sartor.learning.task import Target

LEARNERS: tuple[Learner, ...] = (
    CauseSpecific(Cox()),
    CauseSpecific(Cox("cox_splines", 3, True)),
    CauseSpecific(SurvivalForest()),
    CauseSpecific(BoostedCox()),
    CauseSpecific(DeepSurv()),
    HazardNetwork(),
    CauseSpecific(SurvivalAverage()),
)
"""Every survival learner, simplest first; beside competing events each models every cause."""

COMPETING: tuple[Learner, ...] = (FineGray(),)
"""Learners that make sense only beside competing events."""

STABLE: Learner = CauseSpecific(Cox("cox_stable"))
"""Cox regression on the stable features alone; a study offers it where the inputs are many."""


def for_target(target: Target) -> tuple[Learner, ...]:
    """The learners for this outcome, simplest first."""
    both = (*LEARNERS, *COMPETING) if target.has_competing_events else LEARNERS
    return tuple(sorted(both, key=lambda learner: learner.complexity))


def by_name(name: str) -> Learner:
    """The learner of that name; KeyError if there is none."""
    return {learner.name: learner for learner in (*LEARNERS, *COMPETING, STABLE)}[name]
