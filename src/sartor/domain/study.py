"""The protocol of a study: one question about a cohort, answered by a validated model or result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sartor.domain.code import Frozen
from sartor.domain.cohort_table import Cohort
from sartor.domain.document import Document
from sartor.domain.model import ModelCard
from sartor.domain.source import Knowledge, Source
from sartor.domain.validation import Validation


class StudyCard(Frozen):
    """What a study answers, for whom, and where its facts come from.

    package: the Python package that holds its wording/en.toml.
    packs:   knowledge packs that it can use.
    """

    name: str
    title: str
    question: str
    intended_use: str
    not_for: str
    version: str
    package: str
    sources: tuple[Source, ...] = ()
    packs: tuple[str, ...] = ()


class ReadCohort(Protocol):
    """Reads a file that the configuration names (relative to it) into columns."""

    def __call__(self, path: str, **options: Any) -> Cohort: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a study may use of the world, handed in by the edge so that the study itself stays pure.

    clock:    seconds since the study began (time budgets are kept by it).
    now:      ISO time with zone.
    progress: called with a short text when a step begins.
    workers:  threads or processes that may be used.
    """

    read: ReadCohort
    clock: Callable[[], float]
    now: str
    progress: Callable[[str], None]
    workers: int = 1
    knowledge: Knowledge = field(default_factory=Knowledge)


@dataclass(frozen=True, slots=True)
class Publication:
    """What a study hands over; the flow writes it.

    card:   None for a study that makes no model.
    files:  the model folder's files by relative path (weights, encoder), without card and manifest.
    predictions: out-of-fold predictions by column name, for predictions.parquet.
    tables: further results by file stem, each column name → values; written as Parquet and TSV.
    documents: further pages by path in the folder ("model/regulatory/index.html"), drawn like the report.
    """

    validation: Validation
    document: Document
    card: ModelCard | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    predictions: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)


class Study(Protocol):
    """A module (or object) with a card and four verbs, called in this order."""

    @property
    def card(self) -> StudyCard: ...  # noqa: D102

    def prepare(self, config: Mapping[str, Any], around: Surroundings) -> Any:
        """Configuration and cohort → what is known, checked: leaks and defects stop here with a reason."""
        ...

    def fit(self, prepared: Any, around: Surroundings) -> Any:
        """Prepared cohort → fitted candidates, every one of them."""
        ...

    def validate(self, prepared: Any, fitted: Any, around: Surroundings) -> Validation:
        """Discrimination, calibration and usefulness, each with an interval."""
        ...

    def publish(self, prepared: Any, fitted: Any, validation: Validation, around: Surroundings) -> Publication:
        """The model, its card and its report, ready to be written."""
        ...
