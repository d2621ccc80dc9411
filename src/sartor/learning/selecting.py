"""Feature selection with stability inside the folds: which learners see a selection, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sartor.domain.model import Task
from sartor.learning import learners as tabular
from sartor.learning import survival
from sartor.learning.feature_selection import StabilitySelector
from sartor.learning.learner import Learner
from sartor.learning.stages import Prepared

MANY: Final = 50
"""With more features than this a regression on the stable ones is tried beside the others."""
PAIRS: Final = 25


class Selecting:
    """Another learner in all things but its encoder, which selects before it encodes."""

    def __init__(self, learner: Learner, selector: StabilitySelector) -> None:
        self.learner, self.selector = learner, selector

    def __getattr__(self, name: str) -> Any:
        """Everything else is the other learner's."""
        if name in ("learner", "selector") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.learner, name)

    @property
    def encoding_options(self) -> dict[str, Any]:
        """What the other learner's encoder is told, and which features to keep."""
        return {**getattr(self.learner, "encoding_options", {}), "selector": self.selector}


def selecting(learner: Learner, selector: StabilitySelector) -> Learner:
    """The learner with its features selected; a published equation needs all of its own and stays as it is."""
    if hasattr(learner, "fit_encoder"):
        return learner
    found: Any = Selecting(learner, selector)
    return found  # type: ignore[no-any-return]


def selector_of(prepared: Prepared) -> StabilitySelector | None:
    """The selector that the study uses; None where it selects nothing."""
    wanted = prepared.config.get("select", "auto")
    if wanted == "stability" or (wanted == "auto" and len(prepared.cohort.columns) > MANY):
        return StabilitySelector(prepared.seed, PAIRS)
    return None


def with_selection(
    learners: Sequence[Learner], prepared: Prepared, selector: StabilitySelector | None
) -> tuple[Learner, ...]:
    """All learners on selected features where that is asked for; else one more learner, where features are many."""
    if selector is None:
        return tuple(learners)
    if prepared.config.get("select") == "stability":
        return tuple(selecting(learner, selector) for learner in learners)
    if not any(learner.complexity == tabular.STABLE.complexity for learner in learners):
        return tuple(learners)
    extra = survival.STABLE if prepared.target.task is Task.SURVIVAL else tabular.STABLE
    return (*learners, selecting(extra, selector))


def selection_facts(
    prepared: Prepared, selector: StabilitySelector | None, folds: np.ndarray[Any, np.dtype[np.int64]]
) -> dict[str, Any] | None:
    """How often each feature was found on halves of all rows, and in how many training parts it was kept."""
    if selector is None:
        return None
    cohort, target = prepared.cohort, prepared.target
    found = selector.stability(cohort, target)
    counts: dict[str, int] = dict.fromkeys(cohort.names, 0)
    parts = 0
    for repeat in folds:
        for fold in np.unique(repeat[repeat >= 0]):
            train = np.flatnonzero(repeat != fold)
            parts += 1
            for name in selector.kept(cohort.take(train), target.take(train)):
                counts[name] += 1
    order = np.lexsort((np.arange(len(found.features)), -found.frequencies))
    kept = set(selector.kept(cohort, target))
    return {
        "every_learner": prepared.config.get("select") == "stability",
        "threshold": found.threshold,
        "chosen_each": found.chosen_each,
        "false_bound": round(found.false_bound, 3),
        "halves": found.n_halves,
        "parts": parts,
        "features": [
            {
                "name": found.features[at],
                "frequency": round(float(found.frequencies[at]), 4),
                "kept_in_parts": counts[found.features[at]],
                "kept": found.features[at] in kept,
            }
            for at in order
        ],
    }
