"""What passes between the verbs of a supervised study: the prepared cohort, every candidate with its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.explanation import Wording
from sartor.domain.provenance import InputFile
from sartor.domain.validation import Check
from sartor.learning.learner import FittedLearner, FloatArray
from sartor.learning.task import Target


@dataclass(frozen=True, slots=True)
class Site:
    """A cohort that no candidate learns from: another hospital, or later patients."""

    name: str
    cohort: Cohort
    target: Target
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cohort that may be learned from: roles told apart, leaks looked for.

    config:    the study's configuration, guesses filled in (plain JSON values).
    cohort:    features only, by `features`. `people` holds the columns that only describe groups (subgroups).
    groups:    (n,) int64, rows of one group never stand on both sides of a split; None when every row is its own.
    dates:     (n,) days, for temporal splits; None without.
    checks:    what the leak detector and the audits found and let pass; one with severity "stop" was raised instead.
    guesses:   what was guessed rather than stated, worded.
    """

    config: Mapping[str, Any]
    cohort: Cohort
    people: Cohort
    target: Target
    ids: tuple[str, ...]
    groups: npt.NDArray[np.int64] | None = None
    dates: FloatArray | None = None
    sites: tuple[Site, ...] = ()
    checks: tuple[Check, ...] = ()
    guesses: tuple[Wording, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    seed: int = 0
    budget_s: float | None = None

    def __post_init__(self) -> None:
        """The target knows the groups too, so that what a learner splits for itself does not part them either."""
        if self.groups is not None and self.target.groups is None:
            object.__setattr__(self, "target", replace(self.target, groups=self.groups))


@dataclass(frozen=True, slots=True)
class Reference:
    """What each of k models says of the same m rows: how far models that learned from other rows lie apart.

    predicted: (k, m) log relative hazards. survival: (k, m, times), as in OutOfFold.
    """

    predicted: FloatArray
    survival: FloatArray


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for rows that were not learned from, over r repeats of a cross-validation (or one temporal split).

    predicted: (r, n) or (r, n, classes): probabilities, values, or log relative hazards; NaN where never predicted.
    survival:  (r, n, times) P(no event of interest by `times`), survival only.
    reference: survival with one repeat: what the models of its folds say of the same rows.
    """

    predicted: FloatArray
    survival: FloatArray | None = None
    times: FloatArray | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to learn, as it did: nothing is left out of the report because it lost.

    status:     "fitted", "skipped" or "failed" (with `reason`).
    scores:     (r, folds) by the study's headline measure, outer folds; NaN where not scored.
    cpu_s, wall_s: what search and fitting took in all, by the study's clock, threads added up (the two are the same;
                a study has no clock of its own for the processor).
    parameters: of the final fit.
    """

    name: str
    complexity: int
    status: str = "fitted"
    reason: str = ""
    scores: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    out_of_fold: OutOfFold | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """Why a candidate was chosen over a simpler one: the paired gain with its interval, on training rows only."""

    chosen: str
    over: str
    gain: float
    low: float
    high: float
    accepted: bool
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """Every candidate, the choice, and the final model.

    folds:    (r, n) int, the outer test fold of each row in each repeat, -1 where it is only ever learned from.
    pipeline: out-of-fold predictions of the whole procedure: in each outer fold the candidate chosen inside it.
    choices:  every comparison that the simplest-first rule made; fold None for the final one.
    model:    the final model on all rows (learning.model.Model).
    metric:   name of the headline measure ("auroc", "harrell_c", "r2", "log_loss" …).
    """

    candidates: tuple[Candidate, ...]
    folds: npt.NDArray[np.int64]
    pipeline: OutOfFold
    choices: tuple[Choice, ...]
    chosen: str
    metric: str
    model: Any
    chosen_in_fold: tuple[str, ...] = ()
    simplest: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LearnerRun:
    """One fitted learner with the parameters that the search gave it."""

    fitted: FittedLearner
    parameters: Mapping[str, Any]
