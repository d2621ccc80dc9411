"""What the sections of the report share: the study's stages side by side, and how numbers are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Column
from sartor.domain.document import Paragraph, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.domain.validation import INTERNAL, TEMPORAL, Curve, Measure, Validation
from sartor.explaining.wording import WordingTable
from sartor.learning.stages import Fitted, Prepared
from sartor.studies.risk_model.card import CARD, PACKAGE

PIPELINE: Final = "pipeline"
NO_SKILL: Final = {"auroc": 0.5, "harrell_c": 0.5, "uno_c": 0.5, "r2": 0.0}
"""What a model scores that knows nothing."""
HIGHER_IS_BETTER: Final = frozenset(
    {"auroc", "auprc", "harrell_c", "uno_c", "r2", "accuracy", "balanced_accuracy", "scaled_brier"}
)


NOT_PERFORMANCE: Final = frozenset(
    {"share", "outcome_share", "missing_share", "representation_ratio", "coverage", "coverage_marginal"}
)
"""Measures by group that tell nothing of how well it works there."""


@dataclass(frozen=True)
class Told:
    """The stages of one study, as every section reads them."""

    prepared: Prepared
    fitted: Fitted
    validation: Validation
    around: Surroundings

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration, guesses filled in."""
        return self.prepared.config

    @property
    def where(self) -> str:
        """Where the pipeline's own measures stand: later patients, or rows held out."""
        return TEMPORAL if self.config.get("scheme") == TEMPORAL else INTERNAL

    @property
    def task(self) -> Task:
        """What kind of outcome it is."""
        return self.prepared.target.task

    @property
    def title(self) -> str:
        """The title as stated, else the risk of the outcome, or the prediction of a value or of a class."""
        over_time = self.task is Task.SURVIVAL
        key = "title" if over_time or self.prepared.target.is_binary else "title_prediction"
        return str(self.config.get("title") or say(key, outcome=self.outcome))

    def by(self, horizon: float) -> str:
        """A horizon with its unit."""
        return f"{short(horizon)} {self.prepared.target.unit}".strip()

    @property
    def time_axis(self) -> str:
        """The label of an axis of time, with its unit where that is known."""
        unit = self.prepared.target.unit
        return say("axis.time", unit=unit) if unit else say("axis.time_without_unit")

    @property
    def outcome(self) -> str:
        """The outcome in words: as stated, else from the columns' names."""
        if stated := str(self.config.get("outcome") or ""):
            return stated
        target = self.prepared.target
        if self.task is Task.SURVIVAL:
            return str(self.config.get("event") or "the event")
        column = str(self.config.get("target") or "the outcome")
        return f"{column} = {target.classes[1]}" if target.is_binary else column

    @cached_property
    def horizons(self) -> tuple[float, ...]:
        """Times of absolute risk."""
        stated: Any = self.validation.facts.get("horizons") or getattr(self.fitted.model, "horizons", ()) or ()
        assert isinstance(stated, list | tuple)
        return tuple(float(each) for each in stated if isinstance(each, int | float))

    @cached_property
    def metric(self) -> str:
        """The measure that stands first."""
        found = str(self.validation.facts.get("headline") or self.fitted.metric)
        return "auroc" if found == "log_loss" and self.measure("auroc") else found

    def measure(self, name: str, *, candidate: str = PIPELINE, where: str | None = None, group: str = "",
                at: float | None = None) -> Measure | None:  # fmt: skip
        """The measure of that name; at any threshold where `at` is None and none stands without one."""
        place = where or self.where
        exact = self.validation.find(name, candidate=candidate, where=place, group=group, at=at)
        if exact is not None or at is not None:
            return exact
        fitting = (m for m in self.validation.measures
                   if (m.name, m.candidate, m.where, m.group) == (name, candidate, place, group))  # fmt: skip
        return next(fitting, None)

    def curve(self, name: str, *, where: str | None = None, candidate: str = PIPELINE) -> Curve | None:
        """The curve of that name."""
        place = where or self.where
        for each in self.validation.curves:
            if (each.name, each.candidate, each.where) == (name, candidate, place):
                return each
        return None

    @property
    def everyone(self) -> str:
        """What all rows together are called."""
        return say("everyone")

    @property
    def population(self) -> tuple[Measure, ...]:
        """Performance by group of people, as the pipeline has it."""
        return tuple(m for m in self.validation.measures
                     if m.group and m.candidate == PIPELINE and m.where == self.where
                     and m.name not in NOT_PERFORMANCE)  # fmt: skip

    @property
    def groups_judged(self) -> bool:
        """Whether any group of people was large enough to be judged."""
        return any(m.value is not None for m in self.population)

    @cached_property
    def group_metric(self) -> str:
        """The measure by which groups are compared: the first one, or the accuracy where it has no value by group."""
        known = {m.name for m in self.population if m.value is not None}
        return self.metric if self.metric in known or "accuracy" not in known else "accuracy"

    def subjects(self, check: str) -> list[str]:
        """The groups that a failed check names, in words."""
        failed = (each for each in self.validation.checks if each.name == check and not each.passed)
        return [self.group_name(each.subject) for each in failed]

    def _stated(self, column: str) -> Mapping[str, Any]:
        found = (self.config.get("features") or {}).get(column)
        return found if isinstance(found, Mapping) else {}

    def column_name(self, column: str) -> str:
        """A column as it is called in the configuration."""
        return str(self._stated(column).get("label") or column)

    def unit_of(self, column: Column) -> str:
        """A column's unit, as stated or as read."""
        return str(self._stated(column.name).get("unit") or column.unit)

    def label_of(self, column: str, label: str) -> str:
        """A code as it is called in the configuration: features.<column>.labels."""
        labels = self._stated(column).get("labels")
        return str(labels.get(label, label)) if isinstance(labels, Mapping) else label

    def group_name(self, group: str) -> str:
        """ "sex=0 & age=<60" as "sex female + age <60"."""
        said = []
        for part in filter(None, group.split(" & ")):
            column, _, label = part.partition("=")
            said.append(f"{self.column_name(column)} {self.label_of(column, label)}".strip())
        return " + ".join(said)

    @staticmethod
    def check_name(name: str) -> str:
        """A check's name in words."""
        return say(f"check.{name}") if has(f"check.{name}") else name.replace("_", " ")

    @cached_property
    def risk(self) -> npt.NDArray[np.float64]:
        """Out of fold in the first repeat, (n,): P(outcome), P(likeliest class), value or log hazard."""
        values = np.asarray(self.fitted.pipeline.predicted[0], float)
        if values.ndim == 1:
            return values
        return values[:, 1] if self.prepared.target.is_binary else values.max(axis=1)


def worded(key: str, /, **values: Any) -> Wording:
    """A sentence of the report, to be said later."""
    return Wording(key=f"{CARD.name}.report.{key}", values=values)


def say(key: str, /, **values: Any) -> str:
    """A title, label or cell of the report, said now."""
    return wording().say(worded(key, **values))


def has(key: str) -> bool:
    """Whether the report has a word for it."""
    return wording().has(f"report.{key}")


@cache
def wording() -> WordingTable:
    """Every sentence of the study."""
    return WordingTable.load((files(PACKAGE) / "wording" / "en.toml").read_text(encoding="utf-8"))


def name_of(measure: str) -> str:
    """A measure's name in words."""
    return say(f"measure.{measure}") if has(f"measure.{measure}") else measure.replace("_", " ")


def candidate_name(name: str) -> str:
    """A candidate's name in words."""
    return say(f"candidate.{name}") if has(f"candidate.{name}") else name.replace("_", " ")


def where_name(where: str) -> str:
    """Where a number was measured, in words."""
    return where.removeprefix("external:") if where.startswith("external:") else say(f"where.{where}")


def number(value: float | None, places: int = 3) -> str:
    """A number with a true minus; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:.{places}f}".replace("-", "−")


def short(value: float | None) -> str:
    """A number to three figures."""
    return "–" if value is None or not np.isfinite(value) else f"{value:.3g}".replace("-", "−")


def percent(value: float | None, places: int = 0) -> str:
    """A share in per cent."""
    return "–" if value is None or not np.isfinite(value) else f"{100 * value:.{places}f} %".replace("-", "−")


def interval(measure: Measure | None, places: int = 3) -> str:
    """Value (low to high), or why there is none."""
    if measure is None or measure.value is None:
        return (measure.note if measure else "") or "–"
    said = number(measure.value, places)
    if measure.low is None or measure.high is None:
        return said
    return f"{said} ({number(measure.low, places)} to {number(measure.high, places)})"


def shares(measure: Measure | None) -> str:
    """Value (low to high) in per cent."""
    if measure is None or measure.value is None:
        return (measure.note if measure else "") or "–"
    said = percent(measure.value, 1)
    if measure.low is None or measure.high is None:
        return said
    return f"{said} ({number(100 * measure.low, 1)} to {number(100 * measure.high, 1)})"


def table(key: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], **more: Any) -> TableBlock:
    """A table whose title and headings stand in the wording: table.<key>, column.<each>."""
    headings = tuple(say(f"column.{each}") if each else "" for each in columns)
    if has(f"note.{key}"):
        more.setdefault("note", say(f"note.{key}"))
    return TableBlock(title=more.pop("title", None) or say(f"table.{key}"), headings=headings, rows=tuple(rows), **more)


def lead(*said: Wording, tone: str = "plain") -> Paragraph:
    """Sentences under a heading."""
    return Paragraph(said=said, tone=tone)
