"""The cohort flow on one page: read → prepare → fit → validate → publish, and the folder that results."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from sartor import registry
from sartor._version import __version__
from sartor.domain.explanation import Wording
from sartor.domain.study import Publication, Study, Surroundings
from sartor.errors import MissingExtra
from sartor.explaining.wording import WordingTable
from sartor.io.bill_of_materials import bill_of_materials
from sartor.io.cohort_table import read_cohort
from sartor.io.study_folder import write_study
from sartor.knowledge import packs
from sartor.reporting.study import render_card, render_study
from sartor.settings import Settings

LIBRARIES: Final = {
    "sklearn": "scikit-learn", "lightgbm": "lightgbm", "xgboost": "xgboost", "optuna": "optuna", "scipy": "scipy",
    "interpret": "interpret-core", "sksurv": "scikit-survival", "safetensors": "safetensors", "pyarrow": "pyarrow",
}  # fmt: skip
"""What every study may come to need, by module."""


def run_study(
    name: str,
    config: Mapping[str, Any],
    *,
    folder: Path,
    out: Path,
    settings: Settings,
    clock: Callable[[], float],
    now: str,
    progress: Callable[[str], None] = lambda _: None,
    guessed: Callable[[str], None] = lambda _: None,
) -> Publication:
    """One configured study → its folder: model/, validation.json, report.html, predictions.parquet.

    config: the parsed configuration; paths in it are relative to `folder`.
    clock:  seconds since the study began; now: ISO time with zone. Both are taken at the edge.
    guessed: called with each sentence that tells what was guessed rather than stated.
    Raises StudyError (configuration, leaks, too few data), InputError or OutputError; nothing half-made is left.
    """
    study = registry.study(name)
    require_libraries()
    around = Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=clock,
        now=now,
        progress=progress,
        workers=settings.workers or os.cpu_count() or 1,
        knowledge=packs.at_hand(settings, study.card.packs),
    )
    progress("preparing")
    prepared = study.prepare(config, around)
    for sentence in getattr(prepared, "guesses", ()):
        guessed(wording(study, settings.language).say(sentence))
    progress("fitting")
    fitted = study.fit(prepared, around)
    progress("validating")
    validation = study.validate(prepared, fitted, around)
    progress("publishing")
    publication = study.publish(prepared, fitted, validation, around)
    say = wording(study, settings.language).say
    pages = {"report.html": render_study(publication.document, say=say, now=now, version=__version__)}
    for path, document in publication.documents.items():
        pages[path] = render_study(document, say=say, now=now, version=__version__)
    if publication.card is not None:
        pages["model/regulatory/sbom.cdx.json"] = bill_of_materials(publication.card)
        pages["model/card.html"] = render_card(publication.card, publication.validation, now=now, version=__version__)
    write_study(publication, pages, out)
    return publication


def require_libraries() -> None:
    """Raises MissingExtra with every library of the extra "learn" that is not there."""
    lost = [distribution for name, distribution in LIBRARIES.items() if find_spec(name) is None]
    if lost:
        raise MissingExtra(f"studies need {', '.join(lost)}", todo="run: pip install 'sartor[learn]'")


def wording(study: Study, language: str) -> WordingTable:
    """The wording table of the study's package (English when it has none in this language)."""
    return _wording(study.card.package, language)


@cache
def _wording(package: str, language: str) -> WordingTable:
    folder = files(sys.modules[package]) / "wording"
    table = folder / f"{language}.toml"
    return WordingTable.load((table if table.is_file() else folder / "en.toml").read_text(encoding="utf-8"))


def say(study: Study, sentence: Wording, language: str = "en") -> str:
    """One sentence of a study, worded."""
    return wording(study, language).say(sentence)
