"""The report: findings composed, ordered, worded; everything that the renderers need and nothing else."""

from __future__ import annotations

from sartor.domain.code import Coded, Frozen
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Explanation
from sartor.domain.finding import Finding
from sartor.domain.provenance import Provenance, Quarantined
from sartor.domain.record import Demographics, Medication, Unused

SCHEMA_VERSION = "1"


class Text(Frozen):
    """The sentences of one finding, made from its explanation and the wording table."""

    headline: str
    clinician: tuple[str, ...] = ()
    patient: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class ReportedFinding(Frozen):
    """A finding with its explanation and its sentences."""

    finding: Finding
    explanation: Explanation
    text: Text
    rank: int


class FailedSection(Frozen):
    """A capability that could not be loaded or crashed; shown in its place."""

    capability: str
    slug: str
    reason: str


class NotTested(Frozen):
    """Something that this report does not cover, and how it could be."""

    subject: str
    reason: str
    remedy: str = ""
    capability: str = ""


class Conflict(Frozen):
    """Two or more findings about one subject that recommend different things; shown, not hidden."""

    about: Coded
    findings: tuple[str, ...]
    note: str = ""


class Patient(Frozen):
    """Who the report is about, and what they take now (None for current: the record does not say)."""

    demographics: Demographics
    sample: str = ""
    medications: tuple[Medication, ...] = ()
    age_years: int | None = None


class Report(Frozen):
    """One person's explained, cited report.

    actions: ids of findings, most urgent first, at most five.
    unused:  what the inputs hold beside what is read, by kind, counted.
    """

    schema_version: str = SCHEMA_VERSION
    patient: Patient
    actions: tuple[str, ...] = ()
    findings: tuple[ReportedFinding, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    not_tested: tuple[NotTested, ...] = ()
    failed: tuple[FailedSection, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    unused: tuple[Unused, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    provenance: Provenance

    def finding(self, identifier: str) -> ReportedFinding | None:
        """The finding of that id, or None."""
        return next((each for each in self.findings if each.finding.id == identifier), None)
