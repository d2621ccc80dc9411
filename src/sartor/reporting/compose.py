"""From findings and their explanations to one report: ordered, worded, with its actions and conflicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import Action, ActionKind, Finding, InputQuality, SourceStrength, Status, Urgency
from sartor.domain.provenance import Provenance, Quarantined
from sartor.domain.record import Record, Unused
from sartor.domain.report import Conflict, FailedSection, NotTested, Patient, Report, ReportedFinding, Text

MOST_ACTIONS = 5

_STRENGTHS = tuple(SourceStrength)
_QUALITIES = tuple(InputQuality)
_SEVERITY = (
    ActionKind.AVOID, ActionKind.ALTERNATIVE, ActionKind.LOWER_DOSE, ActionKind.HIGHER_DOSE, ActionKind.ADJUST_DOSE,
    ActionKind.TEST_FIRST, ActionKind.MONITOR, ActionKind.STANDARD, ActionKind.NONE,
)  # fmt: skip
_UNCHANGED = frozenset({ActionKind.STANDARD, ActionKind.NONE})
_DIRECTION = {
    ActionKind.AVOID: "another medicine",
    ActionKind.ALTERNATIVE: "another medicine",
    ActionKind.LOWER_DOSE: "lower",
    ActionKind.HIGHER_DOSE: "higher",
    ActionKind.ADJUST_DOSE: "adjust",
    ActionKind.MONITOR: "watch",
    ActionKind.TEST_FIRST: "watch",
    ActionKind.STANDARD: "usual",
}
_OPPOSED = (frozenset({"lower", "higher"}),)
_DOSES = frozenset({"lower", "higher", "adjust"})


def compose(
    *,
    record: Record,
    evidence: Sequence[Evidence],
    reported: Sequence[tuple[Finding, Explanation]],
    wording: Callable[[Wording], str],
    provenance: Provenance,
    today: str,
    not_tested: Sequence[NotTested] = (),
    failed: Sequence[FailedSection] = (),
) -> Report:
    """Everything that was concluded about one person → the report that the renderers show.

    wording: says a sentence of the capability that the finding belongs to.
    today:   ISO date that the age is counted for.
    """
    findings = _ranked(reported, wording)
    return Report(
        patient=_patient(record, today),
        actions=actions(each.finding for each in findings),
        findings=findings,
        conflicts=conflicts([each.finding for each in findings]),
        not_tested=tuple(dict.fromkeys(not_tested)),
        failed=tuple(failed),
        quarantined=_quarantined(record),
        unused=tuple(each for each in record.other if isinstance(each, Unused)),
        evidence=tuple(evidence),
        provenance=provenance,
    )


def actions(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The ids of at most five findings that ask for something now, most urgent first, one per subject.

    `findings` come in order of rank, so the first of a subject speaks for all its sources.
    """
    leading: dict[tuple[str, str], str] = {}
    for finding in findings:
        asks = finding.action.kind not in _UNCHANGED and finding.urgency >= Urgency.ROUTINE
        if asks and finding.status is Status.ASSESSED and finding.kind != "gene":
            leading.setdefault(subject(finding), finding.id)
    return tuple(leading.values())[:MOST_ACTIONS]


def subject(finding: Finding) -> tuple[str, str]:
    """What several sources' findings about one thing have in common."""
    return finding.about.system, finding.about.code.lower()


def conflicts(findings: Sequence[Finding]) -> tuple[Conflict, ...]:
    """Subjects on which two sources disagree; `note` is the kind of disagreement, worst of all pairs.

    "opposite": one raises and the other lowers the dose; "change-or-not": one keeps the medicine and its dose
    and the other does not; "medicine-or-dose": one changes the medicine and the other its dose; "dose": dose
    factors that do not overlap. A source with several populations agrees as soon as one of them does.
    """
    groups: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for finding in findings:
        if finding.status is Status.ASSESSED and finding.kind == "drug" and finding.action.kind in _DIRECTION:
            groups.setdefault(subject(finding), {}).setdefault(source_of(finding), []).append(finding)
    return tuple(each for sources in groups.values() if (each := _conflict(sources)) is not None)


def source_of(finding: Finding) -> str:
    """Who says it: the guideline's publisher if the finding names one, else the capability."""
    named = finding.details.get("guideline")
    return named if isinstance(named, str) and named else finding.capability


def _conflict(sources: dict[str, list[Finding]]) -> Conflict | None:
    notes: list[str] = []
    involved: dict[str, None] = {}
    for left, right in combinations(sources.values(), 2):
        note = _disagreement(left, right)
        if note:
            notes.append(note)
            involved.update((each.id, None) for each in (*left, *right))
    if not notes:
        return None
    about = next(iter(sources.values()))[0].about
    order = ("opposite", "change-or-not", "medicine-or-dose", "dose")
    return Conflict(about=about, findings=tuple(involved), note=min(notes, key=order.index))


def _disagreement(left: Sequence[Finding], right: Sequence[Finding]) -> str:
    pairs = [_pair(one.action, other.action) for one in left for other in right]
    return "" if "" in pairs else pairs[0]


def _pair(one: Action, other: Action) -> str:
    ways = frozenset({_DIRECTION[one.kind], _DIRECTION[other.kind]})
    if ways in _OPPOSED:
        return "opposite"
    if len(ways) == 1 or (ways <= _DOSES and "adjust" in ways):
        return "dose" if _apart(one.dose_factor, other.dose_factor) else ""
    if _shared(one, other):
        return ""
    if ways == {"usual", "watch"}:
        return ""
    return "medicine-or-dose" if "another medicine" in ways and ways & _DOSES else "change-or-not"


def _shared(one: Action, other: Action) -> bool:
    """Whether each source's first choice is a further choice of the other's, so that both allow it."""
    return other.kind in one.also or one.kind in other.also


def _apart(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return one is not None and other is not None and (one[1] < other[0] or other[1] < one[0])


def _ranked(
    reported: Sequence[tuple[Finding, Explanation]], wording: Callable[[Wording], str]
) -> tuple[ReportedFinding, ...]:
    ordered = sorted(reported, key=lambda pair: order(pair[0]))
    return tuple(
        ReportedFinding(finding=finding, explanation=explanation, text=_text(explanation, wording), rank=rank)
        for rank, (finding, explanation) in enumerate(ordered, start=1)
    )


def order(finding: Finding) -> tuple[int | str, ...]:
    """Sort key: current medicines, urgency, what could be assessed, severity, strength, quality, then names."""
    return (
        0 if finding.concerns_current else 1,
        -int(finding.urgency),
        0 if finding.status is Status.ASSESSED else 1,
        _SEVERITY.index(finding.action.kind),
        _STRENGTHS.index(finding.certainty.source_strength),
        _QUALITIES.index(finding.certainty.input_quality),
        finding.about.label.lower(),
        finding.id,
    )


def _text(explanation: Explanation, wording: Callable[[Wording], str]) -> Text:
    def said(keys: Iterable[Wording]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(sentence for key in keys if (sentence := wording(key).strip())))

    return Text(
        headline=wording(explanation.headline),
        clinician=said(explanation.clinician),
        patient=said(explanation.patient),
        would_change=said(explanation.would_change),
        limits=said(explanation.limits),
    )


def _patient(record: Record, today: str) -> Patient:
    return Patient(
        demographics=record.demographics,
        sample=record.genome.sample if record.genome is not None else "",
        medications=record.medications,
        age_years=record.demographics.age_on(today),
    )


def _quarantined(record: Record) -> tuple[Quarantined, ...]:
    from_genome = record.genome.quarantined if record.genome is not None else ()
    return tuple(dict.fromkeys((*record.quarantined, *from_genome)))
