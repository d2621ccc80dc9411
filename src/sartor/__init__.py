"""Sartor: from whatever is known of a person to one explained, cited report.

>>> import sartor
>>> report = sartor.run(["examples/patient"])      # doctest: +SKIP
>>> print(sartor.render(report, "text"))           # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sartor._version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from sartor.domain.record import Record
    from sartor.domain.report import Report

_TYPES = {
    "Evidence": "sartor.domain.evidence",
    "Finding": "sartor.domain.finding",
    "Explanation": "sartor.domain.explanation",
    "Record": "sartor.domain.record",
    "Report": "sartor.domain.report",
    "Settings": "sartor.settings",
    "SartorError": "sartor.errors",
}

__all__ = [  # noqa: RUF022
    "__version__", "read", "run", "render",
    "Evidence", "Explanation", "Finding", "Record", "Report", "SartorError", "Settings",
]  # fmt: skip


def read(paths: Sequence[str | PathLike[str]], *, sample: str | None = None) -> Record:
    """Read one patient's files (recognised by content) into a Record.

    Genotypes are kept for the regions that the installed capabilities use. Raises InputError.
    """
    from pathlib import Path

    from sartor import registry
    from sartor.io.folder import read_patient

    return read_patient([Path(path) for path in paths], regions=registry.load().regions(), sample=sample)


def run(
    paths: Sequence[str | PathLike[str]], *, only: Iterable[str] | None = None, sample: str | None = None
) -> Report:
    """One patient's files → one report, with settings from the environment. Raises SartorError."""
    from datetime import UTC, datetime
    from pathlib import Path

    from sartor.pipeline import run as run_pipeline
    from sartor.settings import Settings

    now = datetime.now(UTC).isoformat(timespec="seconds")
    settings = Settings.from_environment()
    return run_pipeline([Path(path) for path in paths], settings=settings, now=now, only=only, sample=sample)


def render(report: Report, form: str = "html") -> str:
    """A report as "html", "text", "json" or "fhir" (JSON of a Bundle). Raises UsageError for other forms."""
    import json

    from sartor.errors import UsageError
    from sartor.reporting import fhir, html, text

    forms = {
        "html": lambda: html.render(report),
        "text": lambda: text.render(report),
        "json": lambda: report.model_dump_json(indent=1),
        "fhir": lambda: json.dumps(fhir.bundle(report), indent=1),
    }
    if form not in forms:
        raise UsageError(f"no form named {form}", where="render", todo=f"choose from: {', '.join(forms)}")
    return forms[form]()


def __getattr__(name: str) -> Any:
    """Import the domain types only when they are asked for, so that `import sartor` stays fast."""
    if name in _TYPES:
        from importlib import import_module

        return getattr(import_module(_TYPES[name]), name)
    raise AttributeError(f"module 'sartor' has no attribute {name!r}")
