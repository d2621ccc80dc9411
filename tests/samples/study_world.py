"""The surroundings of a study in a test: files from a folder, a clock that stands still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sartor import registry
from sartor.domain.cohort_table import Cohort
from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Validation
from sartor.io.cohort_table import read_cohort


def surroundings(folder: Path, *, seconds: float = 0.0) -> Surroundings:
    """Reads relative to `folder`; every look at the clock takes `seconds`."""
    passed = [0.0]

    def clock() -> float:
        passed[0] += seconds
        return passed[0]

    def read(path: str, **options: Any) -> Cohort:
        return read_cohort(folder / path, **options)

    return Surroundings(read=read, clock=clock, now="2026-11-21T00:00:00Z", progress=lambda _: None)


def conduct(name: str, config: dict[str, Any], folder: Path) -> tuple[Validation, Publication, Any]:
    """All four verbs of an installed study: validation, publication, and what was fitted."""
    study, around = registry.study(name), surroundings(folder)
    prepared = study.prepare(config, around)
    fitted = study.fit(prepared, around)
    validation = study.validate(prepared, fitted, around)
    return validation, study.publish(prepared, fitted, validation, around), fitted
