"""What treating groups more alike would cost: reweighing, thresholds by group and a constraint, side by side.

All arms learn the same penalised logistic regression on the same folds, so that their differences are the mitigation's.
Reweighing: Kamiran and Calders 2012 (doi:10.1007/s10115-011-0463-8). Thresholds for equalised odds: Hardt et al. 2016
(arXiv:1610.02413). Constraint: reductions, Agarwal et al. 2018 (arXiv:1803.02453). The last two are Fairlearn's.
Thresholds by group need the group when the model is used, which the law of a place may forbid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.validation import Measure
from sartor.errors import MissingExtra
from sartor.learning.metrics import bootstrap, discrimination, usefulness

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Encode = Callable[[Ints, Ints], Floats]
"""(rows learned from, rows wanted) → (wanted, c), by rules of the former alone."""

ARMS = ("none", "reweighing", "group_thresholds", "constraint")
NAMES = ("auroc", "brier", "net_benefit", "selection_rate_difference", "sensitivity_difference",
         "false_positive_rate_difference")  # fmt: skip
MOST_ROWS = 4000
FOLDS = 3
LEAST_IN_CELL = 10


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to mitigate: out-of-fold probabilities (NaN where it only decides) and decisions, (n,) each."""

    name: str
    probability: Floats
    decision: Floats


def mitigations(
    inputs: Floats | Encode,
    outcome: Ints,
    label: Ints,
    *,
    column: str,
    threshold: float,
    patients: Ints | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[Measure, ...]:
    """Every arm's ranking, accuracy, net benefit and differences between the groups of `column`, with intervals.

    inputs: (n, c) encoded, without NaN; or what encodes rows by rules learned from others. outcome: (n,) 0 or 1.
    label: (n,) group codes, -1 where unknown (left out).
    threshold: probability at which one would act. At most 4,000 rows are used, drawn by `seed`. Empty when fewer than
    two groups have ten rows of either outcome.
    """
    rows = _usable(outcome, label, seed)
    if len(np.unique(label[rows])) < 2:
        return ()
    y, group = outcome[rows], label[rows]
    encode = inputs if callable(inputs) else lambda learned, of: inputs[of]
    unit = np.arange(len(rows)) if patients is None else np.unique(patients[rows], return_inverse=True)[1]
    fold = np.random.default_rng(seed).permutation(int(unit.max()) + 1)[unit] % FOLDS
    found: list[Measure] = []
    for arm in _arms(lambda train: encode(rows[train], rows), y, group, unit, fold, threshold, seed):
        found += _of_arm(arm, y, group, unit, column, threshold, resamples, seed)
    return tuple(found)


def reweighing(outcome: Ints, label: Ints) -> Floats:
    """Weights under which outcome and group are independent, (n,): P(group) P(outcome) / P(group, outcome)."""
    weights = np.ones(len(outcome))
    for group in np.unique(label):
        for value in np.unique(outcome):
            cell = (label == group) & (outcome == value)
            if cell.any():
                weights[cell] = (label == group).mean() * (outcome == value).mean() / cell.mean()
    return weights


def _usable(outcome: Ints, label: Ints, seed: int) -> Ints:
    """Rows of groups with at least ten of either outcome, at most 4,000, in order."""
    large = [
        group
        for group in np.unique(label[label >= 0])
        if min(np.bincount(outcome[label == group], minlength=2)[:2]) >= LEAST_IN_CELL
    ]
    rows = np.flatnonzero(np.isin(label, large))
    drawn = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_ROWS])
    counts = {group: np.bincount(outcome[drawn][label[drawn] == group], minlength=2)[:2].min() for group in large}
    return np.asarray(drawn[np.isin(label[drawn], [g for g, least in counts.items() if least >= LEAST_IN_CELL])])


def _arms(
    encode: Callable[[Mask], Floats], y: Ints, group: Ints, unit: Ints, fold: Ints, threshold: float, seed: int
) -> list[Arm]:
    found = {name: (np.full(len(y), np.nan), np.zeros(len(y))) for name in ARMS}
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        x = encode(train)
        plain = _logistic(x[train], y[train], None)
        probability = plain.predict_proba(x[test])[:, 1]
        found["none"][0][test], found["none"][1][test] = probability, probability >= threshold
        again = _logistic(x[train], y[train], reweighing(y[train], group[train])).predict_proba(x[test])[:, 1]
        found["reweighing"][0][test], found["reweighing"][1][test] = again, again >= threshold
        inner = _inner(x[train], y[train], unit[train], seed)
        found["group_thresholds"][1][test] = _thresholds(inner, y[train], group[train], probability, group[test], seed)
        found["constraint"][1][test] = _constrained(x[train], y[train], group[train], x[test], threshold)
    found["group_thresholds"][0][:] = found["none"][0]
    return [Arm(name, *found[name]) for name in ARMS]


def _logistic(x: Floats, y: Ints, weights: Floats | None) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    return model.fit(x, y, logisticregression__sample_weight=weights)


def _inner(x: Floats, y: Ints, unit: Ints, seed: int) -> Floats:
    """Probabilities within the training rows that their own fit has not seen, so that thresholds are not optimistic.

    No patient (`unit`) stands on both sides.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    found = np.zeros(len(y))
    for train, test in StratifiedGroupKFold(3, shuffle=True, random_state=seed).split(x, y, unit):
        found[test] = _logistic(x[train], y[train], None).predict_proba(x[test])[:, 1]
    return found


def _given() -> Any:
    """An estimator that hands out probabilities that are already known (its input)."""
    from sklearn.base import BaseEstimator

    class Given(BaseEstimator):  # type: ignore[misc]
        def fit(self, x: Floats, y: Ints) -> Given:
            """Nothing to learn."""
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, x: Floats) -> Floats:
            """The probability itself."""
            return np.asarray(x)[:, 0]

    return Given()


def _thresholds(inner: Floats, y: Ints, group: Ints, probability: Floats, served: Ints, seed: int) -> Floats:
    optimizer = _fairlearn("fairlearn.postprocessing", "ThresholdOptimizer")
    chosen = optimizer(
        estimator=_given(), constraints="equalized_odds", objective="balanced_accuracy_score", prefit=True,
        predict_method="predict",
    )  # fmt: skip
    chosen.fit(inner[:, None], y, sensitive_features=group)
    return np.asarray(chosen.predict(probability[:, None], sensitive_features=served, random_state=seed), dtype=float)


def _constrained(x: Floats, y: Ints, group: Ints, served: Floats, threshold: float) -> Floats:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    reduction = _fairlearn("fairlearn.reductions", "ExponentiatedGradient")
    odds = _fairlearn("fairlearn.reductions", "EqualizedOdds")
    costs = _fairlearn("fairlearn.reductions", "ErrorRate")(costs={"fp": threshold, "fn": 1 - threshold})
    scaler = StandardScaler().fit(x)
    model = reduction(
        LogisticRegression(C=0.1, max_iter=200), odds(difference_bound=0.02), objective=costs, max_iter=10, nu=1e-3
    )
    model.fit(scaler.transform(x), y, sensitive_features=group)
    mixed = model._pmf_predict(scaler.transform(served))[:, 1]
    return np.asarray(mixed, dtype=float)


def _fairlearn(module: str, name: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise MissingExtra(
            "mitigation needs Fairlearn", where="fairness", todo="pip install 'sartor[learn]'"
        ) from error


def _of_arm(
    arm: Arm, y: Ints, group: Ints, unit: Ints, column: str, threshold: float, resamples: int, seed: int
) -> list[Measure]:
    scored = bool(np.isfinite(arm.probability).all())
    ranked = discrimination.Ranked.of(y, arm.probability) if scored else None
    outcome = y.astype(float)

    def statistic(weights: Floats) -> Floats:
        total = weights.sum()
        true, called = weights @ (arm.decision * outcome), weights @ arm.decision
        benefit = true / total - (called - true) / total * threshold / (1 - threshold)
        first = [np.nan, np.nan]
        if ranked is not None:
            first = [ranked.auroc(weights), usefulness.brier(outcome, arm.probability, weights)]
        rates = np.array([_rates(arm.decision, outcome, weights * (group == each)) for each in np.unique(group)])
        return np.array([*first, benefit, *np.ptp(rates, axis=0)])

    point = statistic(np.ones(len(y)))
    found = bootstrap.replicate(statistic, len(y), groups=unit, resamples=resamples, seed=seed)
    low, high = (np.atleast_1d(each) for each in bootstrap.percentiles(found))
    return [
        Measure(
            name=name, candidate=f"mitigation:{arm.name}", group=column, at=None if k < 2 else threshold,
            value=float(point[k]), low=float(low[k]), high=float(high[k]), n=len(y), n_events=int(y.sum()),
        )
        for k, name in enumerate(NAMES)
        if np.isfinite(point[k])
    ]  # fmt: skip


def _rates(decision: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Selection rate, sensitivity, false positive rate."""
    total, events = weights.sum(), weights @ outcome
    called, true = weights @ decision, weights @ (decision * outcome)
    parts = np.array([called, true, called - true])
    return np.asarray(parts / np.maximum([total, events, total - events], 1e-12))
