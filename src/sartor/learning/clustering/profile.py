"""What sets a group apart from the others, with intervals and correction, and rules that place a patient by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.learning.clustering.methods import Labels
from sartor.learning.learner import FloatArray

Z = 1.959964
DEPTH = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """One variable (or label) in one group against all others.

    level:    "" for a number, else the label. inside, outside: mean, or share of the label.
    effect:   standardised mean difference; for labels the difference of arcsine-transformed shares (Cohen's h).
    low, high: 95 % interval of the effect. p: two-sided, corrected over all rows (Benjamini, Hochberg 1995).
    used:     whether the variable was used to form the groups: then p only orders, since the groups were made of it.
    """

    group: int
    name: str
    level: str
    inside: float
    outside: float
    effect: float
    low: float
    high: float
    p: float
    n: int
    used: bool


def differences(cohort: Cohort, labels: Labels, k: int, *, used: frozenset[str]) -> tuple[Difference, ...]:
    """Every variable and label in every group against the rest; missing values are left out of each comparison."""
    found = []
    for group in range(k):
        mine = labels == group
        for column in cohort.columns:
            if column.kind is ColumnKind.CATEGORY:
                found += _shares(column, mine, group, column.name in used)
            elif (each := _means(column, mine, group, column.name in used)) is not None:
                found.append(each)
    corrected = benjamini_hochberg(np.array([each.p for each in found]))
    return tuple(
        Difference(d.group, d.name, d.level, d.inside, d.outside, d.effect, d.low, d.high, float(p), d.n, d.used)
        for d, p in zip(found, corrected, strict=True)
    )


def _means(column: Column, mine: npt.NDArray[np.bool_], group: int, used: bool) -> Difference | None:
    """Hedges' standardised difference with its large-sample interval (Hedges, Olkin 1985)."""
    known = ~column.missing
    inside, outside = column.values[known & mine].astype(float), column.values[known & ~mine].astype(float)
    n, m = len(inside), len(outside)
    if n < 3 or m < 3:
        return None
    pooled = np.sqrt(((n - 1) * inside.var(ddof=1) + (m - 1) * outside.var(ddof=1)) / (n + m - 2))
    if pooled <= 0:
        return None
    effect = float((inside.mean() - outside.mean()) / pooled) * (1 - 3 / (4 * (n + m) - 9))
    error = float(np.sqrt((n + m) / (n * m) + effect**2 / (2 * (n + m))))
    return Difference(
        group,
        column.name,
        "",
        float(inside.mean()),
        float(outside.mean()),
        effect,
        effect - Z * error,
        effect + Z * error,
        _two_sided(effect / np.sqrt((n + m) / (n * m))),
        n,
        used,
    )


def _shares(column: Column, mine: npt.NDArray[np.bool_], group: int, used: bool) -> list[Difference]:
    known = ~column.missing
    n, m = int((known & mine).sum()), int((known & ~mine).sum())
    if n < 3 or m < 3:
        return []
    levels = range(1, 2) if len(column.categories) == 2 else range(len(column.categories))
    found = []
    for level in levels:
        inside = float((column.values[known & mine] == level).mean())
        outside = float((column.values[known & ~mine] == level).mean())
        effect = float(2 * np.arcsin(np.sqrt(inside)) - 2 * np.arcsin(np.sqrt(outside)))
        error = float(np.sqrt(1 / n + 1 / m))
        found.append(
            Difference(
                group,
                column.name,
                column.categories[level],
                inside,
                outside,
                effect,
                effect - Z * error,
                effect + Z * error,
                _two_sided(effect / error),
                n,
                used,
            )
        )
    return found


def _two_sided(z: float) -> float:
    from scipy import stats

    return float(2 * stats.norm.sf(abs(z)))


def benjamini_hochberg(p: FloatArray) -> FloatArray:
    """False-discovery-adjusted p-values, in the same order."""
    if not len(p):
        return p
    order = np.argsort(p)
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return found


@dataclass(frozen=True, slots=True)
class Rule:
    """One leaf of a small tree: its conditions in words ("age > 61.5"), the group that it gives, and how sure."""

    conditions: tuple[str, ...]
    group: int
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class Rules:
    """A tree of few questions that imitates the groups; agreement is out of fold (5 parts)."""

    rules: tuple[Rule, ...]
    agreement: float
    chance: float


def rules(cohort: Cohort, labels: Labels, *, seed: int = 0) -> Rules:
    """A decision tree of at most three questions, missing numbers at their median and missing labels as "no"."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    values, names = _plain(cohort)
    smallest = max(len(labels) // 50, 5)
    tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=smallest, random_state=seed)
    parts = min(5, int(np.bincount(labels).min()))
    held = labels
    if parts >= 2:
        splits = StratifiedKFold(parts, shuffle=True, random_state=seed)
        held = cross_val_predict(tree, values, labels, cv=splits)
    grown = tree.fit(values, labels).tree_
    found: list[Rule] = []

    def walk(node: int, conditions: tuple[str, ...]) -> None:
        if grown.children_left[node] < 0:
            counts = np.asarray(grown.value[node][0], dtype=float)
            share = float(counts.max() / counts.sum())
            found.append(Rule(conditions, int(counts.argmax()), int(grown.n_node_samples[node]), share))
            return
        name, cut = names[grown.feature[node]], float(grown.threshold[node])
        is_label = "=" in name
        yes, no = (name.replace("=", " is "), name.replace("=", " is not ")) if is_label else ("", "")
        walk(grown.children_left[node], (*conditions, no if is_label else f"{name} ≤ {cut:.4g}"))
        walk(grown.children_right[node], (*conditions, yes if is_label else f"{name} > {cut:.4g}"))

    walk(0, ())
    return Rules(
        tuple(found),
        float((held == labels).mean()) if parts >= 2 else float("nan"),
        float(np.bincount(labels).max() / len(labels)),
    )


def _plain(cohort: Cohort) -> tuple[FloatArray, list[str]]:
    columns, names = [], []
    for column in cohort.columns:
        if column.kind is ColumnKind.CATEGORY:
            for level, label in enumerate(column.categories):
                columns.append((column.values == level).astype(float))
                names.append(f"{column.name}={label}")
        else:
            known = column.values[~column.missing].astype(float)
            columns.append(np.where(column.missing, np.median(known) if len(known) else 0.0, column.values))
            names.append(column.name)
    return np.column_stack(columns), names
