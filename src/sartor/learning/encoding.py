"""Turns columns into the matrix that a learner wants; every rule is fitted on the training rows and kept as JSON."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.errors import ModelRefused
from sartor.learning.learner import Encoding
from sartor.learning.task import Matrix, Target

FORMAT: Final = 2
"""2 since long code lists may be ordered; an encoder without one is still written as 1."""
OTHER: Final = "(other)"
MISSING: Final = "(missing)"
KNOTS: Final[Mapping[int, tuple[float, ...]]] = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    7: (0.025, 0.1833, 0.3417, 0.50, 0.6583, 0.8167, 0.975),
}
"""Quantiles of the knots of a restricted cubic spline (Harrell, Regression Modeling Strategies, 2nd ed., table 2.3)."""


class Selector(Protocol):
    """Chooses features on training rows."""

    def kept(self, cohort: Cohort, target: Target) -> tuple[str, ...]:
        """The names of the features to keep, at least one."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How columns are encoded.

    min_count:   a level seen less often in training is pooled with the other rare ones.
    max_levels:  dense: no more columns than this for one category, the most frequent levels; the rest is pooled.
    indicator:   dense: a 0/1 column "is missing" where at least this share of the training rows is missing.
    splines:     dense: number of knots of restricted cubic splines (0 for straight lines).
    min_values:  a number with fewer distinct values gets no spline.
    ordered_from: native: a category with at least so many levels in training is taken as places in the order of its
                 codes, so that a tree may part whole chapters (ICD, ATC) and a rare code goes with its neighbours.
    selector:    chooses among the features by the rows and outcomes that the encoder is fitted on; None keeps all.
    """

    min_count: int = 10
    max_levels: int = 40
    indicator: float = 0.005
    splines: int = 0
    min_values: int = 10
    ordered_from: int = 50
    selector: Selector | None = None


@dataclass(frozen=True, slots=True)
class NumberRule:
    """How one number or date is encoded.

    fill:   training median. mean, scale: of the filled training values; scale 0 means constant (no column).
    knots:  of the spline, empty for none; term_means, term_scales: of its k − 2 non-linear terms.
    """

    name: str
    fill: float
    mean: float
    scale: float
    indicator: bool = False
    knots: tuple[float, ...] = ()
    term_means: tuple[float, ...] = ()
    term_scales: tuple[float, ...] = ()

    def columns(self, encoding: Encoding) -> tuple[str, ...]:
        """Names of the encoded columns."""
        if encoding is Encoding.NATIVE:
            return (self.name,)
        straight = (self.name,) if self.scale else ()
        curved = tuple(f"{self.name} (spline {place})" for place in range(1, len(self.term_means) + 1))
        return straight + curved + ((f"{self.name} is missing",) if self.indicator else ())

    def write(self, column: Column, out: npt.NDArray[Any], encoding: Encoding) -> None:
        """Fill the columns `out`, (n, width)."""
        values = _as_numbers(column)
        if encoding is Encoding.NATIVE:
            out[:, 0] = values
            return
        missing = np.isnan(values)
        filled = np.where(missing, self.fill, values)
        at = 0
        if self.scale:
            out[:, 0] = (filled - self.mean) / self.scale
            at = 1
        if self.knots:
            terms = spline_terms(filled, self.knots)
            width = terms.shape[1]
            out[:, at : at + width] = (terms - np.array(self.term_means)) / np.array(self.term_scales)
            at += width
        if self.indicator:
            out[:, at] = missing


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """How one category is encoded.

    levels:  labels with a column (dense) or code (native) of their own. pooled: rare ones, seen in training.
    other, missing: whether pooled labels, and missing values, have a column or code of their own. A label never seen
             in training goes with the rare ones where there are any, else with none (native: a missing value).
    """

    name: str
    levels: tuple[str, ...]
    pooled: tuple[str, ...] = ()
    other: bool = False
    missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Levels by code, pooled and missing ones last."""
        return self.levels + ((OTHER,) if self.other else ()) + ((MISSING,) if self.missing else ())

    def columns(self, encoding: Encoding) -> tuple[str, ...]:
        """Names of the encoded columns."""
        if encoding is Encoding.NATIVE:
            return (self.name,)
        names = self.names
        return tuple(f"{self.name}={each}" for each in (names[1:] if len(names) == 2 else names))

    def codes(self, column: Column) -> npt.NDArray[np.int32]:
        """(n,) places among `names`, -1 for what has none."""
        labels = column.categories if column.kind is ColumnKind.CATEGORY else None
        position = {label: code for code, label in enumerate(self.levels)}
        spare = len(self.levels) if self.other else -1
        lost = len(self.levels) + int(self.other) if self.missing else -1
        if labels is None:
            return np.array([lost if not label else position.get(label, spare) for label in column.labels()], np.int32)
        table = np.array([*(position.get(label, spare) for label in labels), lost], dtype=np.int32)
        return np.asarray(table[column.values])

    def write(self, column: Column, out: npt.NDArray[Any], encoding: Encoding) -> None:
        """Fill the columns `out`, (n, width)."""
        codes = self.codes(column)
        if encoding is Encoding.NATIVE:
            known = codes >= 0
            if self.missing:
                known &= codes != len(self.levels) + int(self.other)
            out[:, 0] = np.where(known, codes, np.nan)
            return
        first = 1 if len(self.names) == 2 else 0
        rows = np.flatnonzero(codes >= first)
        out[rows, codes[rows] - first] = 1.0


@dataclass(frozen=True, slots=True)
class OrderedRule:
    """A long list of codes as places in their order: numbers by size, then the rest letter by letter.

    levels: every label seen in training, in order. A label never seen lies half-way between its neighbours.
    """

    name: str
    levels: tuple[str, ...]

    def columns(self, encoding: Encoding) -> tuple[str, ...]:
        """Names of the encoded columns."""
        return (self.name,)

    def write(self, column: Column, out: npt.NDArray[Any], encoding: Encoding) -> None:
        """Fill the columns `out`, (n, 1), NaN where missing."""
        keys = [code_order(label) for label in self.levels]
        place = {label: float(at) for at, label in enumerate(self.levels)}

        def of(label: str) -> float:
            if not label:
                return np.nan
            return place[label] if label in place else bisect_left(keys, code_order(label)) - 0.5

        if column.kind is ColumnKind.CATEGORY:
            table = np.array([*(of(label) for label in column.categories), np.nan])
            out[:, 0] = table[column.values]
        else:
            out[:, 0] = [of(label) for label in column.labels()]


def code_order(label: str) -> tuple[int, float, str]:
    """The key by which codes are ordered."""
    value = _number(label)
    return (1, 0.0, label) if np.isnan(value) else (0, value, label)


Rule = NumberRule | CategoryRule | OrderedRule
KINDS: Final[Mapping[type, str]] = {NumberRule: "number", CategoryRule: "category", OrderedRule: "ordered"}


@dataclass(frozen=True, slots=True)
class Encoder:
    """Fitted rules, one per feature, in order."""

    encoding: Encoding
    rules: tuple[Rule, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the original features."""
        return tuple(rule.name for rule in self.rules)

    def apply(self, cohort: Cohort) -> Matrix:
        """The matrix of these rows: dense in float64 without NaN, native in float32 with NaN where missing.

        A feature that is no column of the cohort is missing for everyone.
        """
        by_name = {column.name: column for column in cohort.columns}
        widths = [rule.columns(self.encoding) for rule in self.rules]
        feature_of = np.repeat(np.arange(len(widths), dtype=np.int32), [len(each) for each in widths])
        out = np.zeros((len(cohort), len(feature_of)), np.float64 if self.encoding is Encoding.DENSE else np.float32)
        at = 0
        for rule, names in zip(self.rules, widths, strict=True):
            if names:
                column = by_name.get(rule.name) or _absent(rule.name, len(cohort))
                rule.write(column, out[:, at : at + len(names)], self.encoding)
            at += len(names)
        return Matrix(
            values=out,
            columns=tuple(name for names in widths for name in names),
            features=self.features,
            feature_of=feature_of,
            categorical=np.array(
                [isinstance(self.rules[at], CategoryRule) and self.encoding is Encoding.NATIVE for at in feature_of],
                dtype=bool,
            ),
        )

    def unseen(self, cohort: Cohort) -> dict[str, dict[str, int]]:
        """Labels that training never saw: per feature, how many rows have each."""
        found = {}
        for rule in self.rules:
            if not isinstance(rule, NumberRule) and rule.name in cohort:
                known = {*rule.levels, *getattr(rule, "pooled", ()), ""}
                counts = Counter(label for label in cohort.column(rule.name).labels() if label not in known)
                if counts:
                    found[rule.name] = dict(sorted(counts.items()))
        return found

    def to_json(self) -> bytes:
        """The rules as JSON; the same rules give the same bytes."""
        rules = [{"kind": KINDS[type(rule)], **asdict(rule)} for rule in self.rules]
        ordered = any(isinstance(rule, OrderedRule) for rule in self.rules)
        state = {"format": FORMAT if ordered else 1, "encoding": self.encoding.value, "rules": rules}
        return (json.dumps(state, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def fit_encoder(
    cohort: Cohort,
    encoding: Encoding,
    *,
    target: Target | None = None,
    options: Mapping[str, Any] | Options | None = None,
) -> Encoder:
    """Rules from these rows alone (the training rows).

    target:  the outcome of these rows; only a selector looks at it, no rule does.
    options: an `Options`, or its fields by name.
    """
    chosen = options if isinstance(options, Options) else Options(**dict(options or {}))
    if chosen.selector is not None and target is not None:
        cohort = cohort.select(chosen.selector.kept(cohort, target))
    return Encoder(encoding, tuple(_fit(column, encoding, chosen) for column in cohort.columns))


def encoder_from_json(content: bytes) -> Encoder:
    """The encoder again. Raises ModelRefused for anything that `to_json` did not write."""
    try:
        state = json.loads(content)
        if state["format"] > FORMAT:
            raise ModelRefused(
                f"encoder of format {state['format']}, newer than this release reads ({FORMAT})",
                where="encoder.json",
                todo="update Sartor",
            )
        if "joined" in state or "equation" in state:
            joined: Encoder = _of_learner(state)
            return joined
        return Encoder(Encoding(state["encoding"]), tuple(_rule(each) for each in state["rules"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefused(
            f"the encoder cannot be read ({error})", where="encoder.json", todo="export the model again"
        ) from error


def _of_learner(state: Mapping[str, Any]) -> Any:
    """The encoder of a learner with rules of its own: a stack's, or a published equation's."""
    from sartor.learning.learners.equation import EquationEncoder
    from sartor.learning.learners.stacking import JoinedEncoder

    if "joined" in state:
        return JoinedEncoder.from_state(state["joined"])
    return EquationEncoder.from_state(state["equation"])


def spline_terms(values: npt.NDArray[Any], knots: Sequence[float]) -> npt.NDArray[np.float64]:
    """The k − 2 non-linear terms of a restricted cubic spline, (n, k − 2), divided by (last − first knot)².

    Straight beyond the outer knots (Stone & Koo 1985; Harrell, Regression Modeling Strategies, 2nd ed., 2.4.5).
    """
    at = np.asarray(values, dtype=np.float64)[:, None]
    places = np.asarray(knots, dtype=np.float64)
    last, before, width = places[-1], places[-2], places[-1] - places[-2]
    inner = places[:-2]

    def cube(difference: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.maximum(difference, 0.0) ** 3)

    terms = cube(at - inner) - cube(at - before) * (last - inner) / width + cube(at - last) * (before - inner) / width
    return np.asarray(terms / (last - places[0]) ** 2)


def _rule(state: Mapping[str, Any]) -> Rule:
    content: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in state.items() if key != "kind"
    }
    if state["kind"] == "category":
        return CategoryRule(**content)
    if state["kind"] == "ordered":
        return OrderedRule(**content)
    if state["kind"] != "number":
        raise ValueError(f"no such rule: {state['kind']}")
    return NumberRule(**content)


def _fit(column: Column, encoding: Encoding, options: Options) -> Rule:
    if column.kind is ColumnKind.CATEGORY:
        return _fit_category(column, encoding, options)
    values = _as_numbers(column)
    missing = np.isnan(values)
    present = values[~missing].astype(np.float64)
    if encoding is Encoding.NATIVE or not len(present):
        return NumberRule(column.name, 0.0, 0.0, 0.0, indicator=False)
    fill = float(np.median(present))
    n = len(values)
    mean = (float(present.sum()) + fill * int(missing.sum())) / n
    square = float(((present - mean) ** 2).sum()) + int(missing.sum()) * (fill - mean) ** 2
    scale = float(np.sqrt(square / n))
    scale = scale if scale > 1e-9 * max(abs(mean), 1e-12) else 0.0
    indicator = bool(missing.mean() >= options.indicator and missing.any() and scale)
    knots = _knots(present, options) if scale else ()
    if not knots:
        return NumberRule(column.name, fill, mean, scale, indicator)
    terms = spline_terms(np.where(missing, fill, values.astype(np.float64)), knots)
    spread = terms.std(axis=0)
    return NumberRule(
        column.name,
        fill,
        mean,
        scale,
        indicator,
        knots,
        tuple(float(each) for each in terms.mean(axis=0)),
        tuple(float(each) if each > 0 else 1.0 for each in spread),
    )


def _knots(present: npt.NDArray[np.float64], options: Options) -> tuple[float, ...]:
    """At fixed quantiles; fewer where ties make two of them the same, none where fewer than three are left."""
    if not options.splines or len(np.unique(present)) < options.min_values:
        return ()
    for count in range(min(options.splines, max(KNOTS)), 2, -1):
        places = np.quantile(present, KNOTS[count])
        if (np.diff(places) > 0).all():
            return tuple(float(each) for each in places)
    return ()


def _fit_category(column: Column, encoding: Encoding, options: Options) -> Rule:
    n_levels = len(column.categories)
    counts = np.bincount(column.values[column.values >= 0], minlength=n_levels)
    seen = np.flatnonzero(counts)
    if encoding is Encoding.NATIVE and len(seen) >= options.ordered_from:
        return OrderedRule(column.name, tuple(sorted((column.categories[code] for code in seen), key=code_order)))
    kept = [int(code) for code in seen if counts[code] >= options.min_count]
    if encoding is Encoding.DENSE and len(kept) > options.max_levels:
        kept = sorted(sorted(kept, key=lambda code: (-counts[code], code))[: options.max_levels])
    if len(kept) < 2 <= len(seen):
        kept = [int(counts.argmax())] if len(seen) > 2 else [int(code) for code in seen]
    chosen = set(kept)
    pooled = tuple(column.categories[code] for code in seen if code not in chosen)
    missing = bool((column.values < 0).any())
    levels = tuple(column.categories[code] for code in kept)
    return CategoryRule(column.name, levels, pooled, bool(pooled), missing)


def _as_numbers(column: Column) -> npt.NDArray[Any]:
    if column.kind is not ColumnKind.CATEGORY:
        return column.values
    by_label = np.array([*(_number(label) for label in column.categories), np.nan])
    return np.asarray(by_label[column.values])


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")


def _absent(name: str, n: int) -> Column:
    return Column(name, ColumnKind.CATEGORY, np.full(n, -1, np.int32))
