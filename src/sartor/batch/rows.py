"""A report as rows of the batch table, one per finding, in the order that users' scripts rely on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sartor.domain.finding import Finding
from sartor.domain.report import Report, ReportedFinding
from sartor.errors import SartorError, Unexpected, WorkerDied, failing_place
from sartor.reporting.view import population

Row = dict[str, Any]

COLUMNS: Final = (
    "patient", "capability", "about_system", "about_code", "about_label", "status", "conclusion", "rank", "estimate",
    "low", "high", "source_strength", "input_quality", "action", "because", "sources",
)  # fmt: skip
NUMBERS: Final = frozenset({"estimate", "low", "high"})
FAILED: Final = "failed"
UNEXPECTED: Final = Unexpected.slug
WORKER_DIED: Final = WorkerDied.slug


def rows_of(patient: str, report: Report) -> list[Row]:
    """Every finding by its rank, then one failed row for each capability that could not be run.

    A patient without any finding and failure still has one row, with the status "no findings".
    """
    found = [_row(patient, each) for each in report.findings]
    found += [failed_row(patient, each.slug, each.reason, capability=each.capability) for each in report.failed]
    return found or [_blank(patient, status="no findings")]


def failed_row(patient: str, slug: str, reason: str, *, capability: str = "") -> Row:
    """The one row of a patient (or of a patient's capability) that failed: slug and reason."""
    return _blank(patient, status=FAILED, capability=capability or None, conclusion=slug, because=[reason])


def failure(patient: str, error: BaseException) -> Row:
    """The failed row of an exception."""
    if isinstance(error, SartorError):
        return failed_row(patient, error.slug, str(error))
    return failed_row(patient, UNEXPECTED, f"{type(error).__name__} at {failing_place(error)}")


def _blank(patient: str, **given: Any) -> Row:
    return {**dict.fromkeys(COLUMNS), "patient": patient, "because": [], "sources": [], **given}


def _row(patient: str, reported: ReportedFinding) -> Row:
    finding = reported.finding
    estimate = finding.estimate
    return {
        "patient": patient,
        "capability": finding.capability,
        "about_system": finding.about.system or None,
        "about_code": finding.about.code or None,
        "about_label": _about(reported),
        "status": finding.status.value,
        "conclusion": _joined(each.label or each.code for each in finding.conclusion),
        "rank": reported.rank,
        "estimate": None if estimate is None else estimate.value,
        "low": None if estimate is None else estimate.low,
        "high": None if estimate is None else estimate.high,
        "source_strength": finding.certainty.source_strength.value,
        "input_quality": finding.certainty.input_quality.value,
        "action": _action(finding),
        "because": list(finding.because),
        "sources": [each.id for each in finding.citations],
    }


def _about(reported: ReportedFinding) -> str | None:
    """The subject's label, with the population or indication that the finding is limited to in parentheses."""
    finding = reported.finding
    whom = population(reported) if finding.context else ""
    label = finding.about.label or (finding.about.code if whom else "")
    return (f"{label} ({whom})" if whom else label) or None


def _action(finding: Finding) -> str:
    return _joined([finding.action.kind.value, *(each.value for each in finding.action.also)]) or ""


def _joined(parts: Iterable[str]) -> str | None:
    return "|".join(part for part in parts if part) or None
