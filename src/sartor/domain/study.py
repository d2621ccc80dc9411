"""The protocol of a study: one question about a cohort, answered by a validated model or result."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from sartor.domain.code import Frozen
from sartor.domain.source import Source


class StudyCard(Frozen):
    """What a study answers, for whom, and where its facts come from."""

    name: str
    title: str
    question: str
    intended_use: str
    not_for: str
    version: str
    sources: tuple[Source, ...] = ()


class Study(Protocol):
    """A module (or object) with a card and four verbs, called in this order."""

    @property
    def card(self) -> StudyCard: ...  # noqa: D102

    def prepare(self, config: Path) -> Any:
        """Cohort → what is known, checked: leaks and defects stop here with a reason."""
        ...

    def fit(self, prepared: Any) -> Any:
        """Prepared cohort → fitted candidates."""
        ...

    def validate(self, prepared: Any, fitted: Any) -> Any:
        """Discrimination, calibration and usefulness, each with an interval."""
        ...

    def publish(self, validated: Any, out: Path) -> None:
        """Write the model folder, its card and its report."""
        ...
