"""Whether the chosen learner, fitted anew in each fold, is driven by the same inputs each time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sartor.domain.validation import Check
from sartor.errors import SartorError
from sartor.explaining.sensitivity import stability
from sartor.learning.learner import Learner
from sartor.learning.learners import by_name
from sartor.learning.learners.stacking import NAME as STACK
from sartor.learning.search import encoder_for
from sartor.studies.risk_model.validate.setting import Found, Setting

MOST_ROWS, EXPLAINED_ROWS = 3_000, 200
LEAST_COMPLEXITY = 2
"""Below it nothing is learned but a level and a slope."""
STABLE = 0.7
"""Mean rank correlation under which the order of the inputs is called unstable: a convention."""


def of_stability(setting: Setting) -> Found:
    """The chosen learner in the folds of the first repeat: rank correlation of the mean absolute contributions.

    At most 3,000 rows of each fold's training part are learned from, with the parameters of the final model. Nothing
    for a stack or an equation.
    """
    each = list(_importances(setting))
    if len(each) < 2:
        return Found()
    measures = stability(each)
    value = measures[0].value
    if value is None:
        return Found()
    leading = next((m for m in measures if m.name == "top_feature_share"), None)
    first = f"; {leading.note} leads in {leading.value:.0%} of them" if leading and leading.value is not None else ""
    check = Check(
        name="stability_of_explanations", passed=value >= STABLE, severity="note",
        detail=f"rank correlation of the inputs' importance between fits in {len(each)} folds: {value:.2f}{first}",
        values={"correlation": value, "least": STABLE, "folds": len(each)},
    )  # fmt: skip
    return Found(measures, checks=(check,))


def _importances(setting: Setting) -> Iterator[dict[str, float]]:
    """For each fold the mean absolute contribution of each feature, in the rows that were left out."""
    prepared, fitted = setting.prepared, setting.fitted
    chosen = next((each for each in fitted.candidates if each.name == fitted.chosen), None)
    learner = _learner(fitted.chosen)
    if chosen is None or learner is None or prepared.target.task not in learner.tasks:
        return
    if learner.complexity < LEAST_COMPLEXITY:
        return
    folds = fitted.folds[0]
    generator = np.random.default_rng(prepared.seed)
    for k in np.unique(folds[folds >= 0]):
        train, test = np.flatnonzero(folds != k), np.flatnonzero(folds == k)[:EXPLAINED_ROWS]
        train = np.sort(generator.permutation(train)[:MOST_ROWS])
        cohort, target = prepared.cohort.take(train), prepared.target.take(train)
        try:
            encoder = encoder_for(learner, cohort, target)
            parameters = {**learner.defaults(target), **chosen.parameters}
            state = learner.fit(encoder.apply(cohort), target, parameters, seed=prepared.seed)
            matrix = encoder.apply(prepared.cohort.take(test))
            contributions = np.abs(state.contributions(matrix)[1])
        except (SartorError, ValueError):  # too few rows of a class in a fold, say: nothing to compare
            return
        size = contributions.mean(axis=0) if contributions.ndim == 2 else contributions.mean(axis=(0, 2))
        found = dict.fromkeys(matrix.features, 0.0)
        for source, each in zip(matrix.feature_of, size, strict=True):
            found[matrix.features[source]] += float(each)
        yield found


def _learner(name: str) -> Learner | None:
    """The learner of that name; None for one that cannot be fitted alone."""
    try:
        return None if name == STACK else by_name(name)
    except KeyError:
        return None
