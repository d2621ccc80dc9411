"""Therapeutic implications, medication recommendations and medication statements of one report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sartor.domain.code import LOINC, Coded
from sartor.domain.finding import Action, ActionKind, Finding, Status
from sartor.domain.record import Medication
from sartor.domain.report import Report, ReportedFinding
from sartor.reporting.fhir_genes import Frame, Gene, implied, named_genes
from sartor.reporting.fhir_values import (
    TBD_CODES,
    Resource,
    absent,
    citation,
    cleaned,
    codes,
    coding,
    component,
    concept,
    fhir_date,
    loinc,
    narrative,
    notes,
    of,
    ours,
    profile,
    quantity,
    reference,
    say,
    text,
)

_UNCHANGED = frozenset({ActionKind.STANDARD, ActionKind.NONE})


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug's finding: what it implies, and what to do (None when nothing has to be done)."""

    finding: Finding
    implication: Resource
    task: Resource | None


def drugs_of(report: Report, genes: Mapping[str, Gene], statements: Mapping[str, Resource], frame: Frame) -> list[Drug]:
    """Every finding that is not about a gene, in the report's order."""
    found = []
    for each in report.findings:
        if each.finding.kind != "gene":
            made = implication(each, genes, frame)
            found.append(Drug(each.finding, made, task(each, made, statements, frame)))
    return found


def implication(reported: ReportedFinding, genes: Mapping[str, Gene], frame: Frame) -> Resource:
    """What the genes mean for one drug; a plain observation when the finding rests on no gene."""
    finding = reported.finding
    origins = [reference(genes[symbol].genotype) for symbol in named_genes(finding) if symbol in genes]
    made = frame.observation("therapeutic-implication", finding.id)
    if not origins:
        made = {**made, "code": ours("drug-finding"), "category": made["category"][:1]}
        del made["meta"]
    assessed = finding.status is Status.ASSESSED
    why = {**absent("unknown"), "text": say("because.missing")}
    limits = [*reported.text.limits, *reported.text.would_change]
    return cleaned(
        {
            **made,
            "text": narrative(reported.text.headline, *reported.text.clinician),
            "extension": [citation(each) for each in finding.citations],
            "dataAbsentReason": None if assessed else why,
            "note": notes(limits),
            "derivedFrom": origins,
            "component": [part for part in implication_parts(reported) if len(part) > 1],
        }
    )


def implication_parts(reported: ReportedFinding) -> Iterator[Resource]:
    """The drug, the conclusion, its context, how strong the source is and how good the input."""
    finding = reported.finding
    yield component(loinc("medication_assessed"), valueCodeableConcept=of(finding.about))
    for each in finding.conclusion:
        code = concept(coding(TBD_CODES, "therapeutic-implication"))
        yield component(code, valueCodeableConcept=concluded(each))
    for each in finding.context:
        yield component(loinc("treatment_context"), valueCodeableConcept=of(each))
    strength = ours(finding.certainty.source_strength, finding.certainty.source_strength)
    yield component(loinc("evidence_level"), valueCodeableConcept=strength)
    yield component(ours("input-quality"), valueString=finding.certainty.input_quality.value)
    yield from estimated(finding)
    sentences = told(reported)
    if sentences:
        yield component(concept(coding(TBD_CODES, "conclusion-string")), valueString=sentences)


def told(reported: ReportedFinding) -> str:
    """Headline and reasons as one text, each a sentence of its own."""
    lines = [text(line) for line in (reported.text.headline, *reported.text.clinician) if text(line)]
    return text(" ".join(line if line.endswith((".", "!", "?")) else f"{line}." for line in lines))


def concluded(coded: Coded) -> Resource:
    """A coded conclusion, with the LOINC answer beside it where its words have one."""
    own, answer = of(coded), implied(text(coded.label) or text(coded.code))
    both = [*answer.get("coding", []), *own.get("coding", [])]
    return cleaned({"coding": both, "text": own.get("text") or answer.get("text")})


def estimated(finding: Finding) -> Iterator[Resource]:
    """A computed number, such as a dose, and its interval."""
    number = finding.estimate
    if number is None:
        return
    code = concept(coding("https://sartor.health/code", "estimate"), words=number.name)
    unit = number.unit or "1"
    yield component(code, valueQuantity=quantity(number.value, unit))
    if number.low is not None and number.high is not None:
        interval = {"low": quantity(number.low, unit), "high": quantity(number.high, unit)}
        yield component(ours("estimate-interval"), valueRange=interval)


def task(
    reported: ReportedFinding, implied_by: Resource, statements: Mapping[str, Resource], frame: Frame
) -> Resource | None:
    """The recommendation, for whom, why, about which medicine, and what a computer needs to act on it."""
    finding = reported.finding
    action = finding.action
    if action.kind in _UNCHANGED and not set(action.also) - _UNCHANGED:
        return None
    answer = codes()["task"].get(action.kind.value)
    statement = statements.get(_key(finding.about))
    by_gene = "meta" in implied_by
    return cleaned(
        {
            "resourceType": "Task",
            "id": frame.identify("task", finding.id),
            "meta": profile("medication-recommendation"),
            "text": narrative(reported.text.headline),
            "basedOn": [] if by_gene else [reference(implied_by)],
            "status": "requested",
            "intent": "proposal",
            "priority": codes()["priority"].get(str(int(finding.urgency))),
            "code": concept(coding(LOINC, *answer)) if answer else None,
            "description": told(reported),
            "focus": reference(statement, finding.about.label) if statement else None,
            "for": reference(frame.patient),
            "authoredOn": frame.made,
            "requester": reference(frame.device),
            "reasonReference": reference(implied_by) if by_gene else None,
            "input": list(computable(action)),
        }
    )


def computable(action: Action) -> Iterator[Resource]:
    """The action as facts: its kinds, dose factor, maximum dose, alternatives."""
    for kind in (action.kind, *action.also):
        yield {"type": ours("action"), "valueCodeableConcept": ours(kind.value.replace(" ", "-"), kind.value)}
    if action.dose_factor is not None:
        low, high = action.dose_factor
        yield {"type": ours("dose-factor"), "valueRange": {"low": {"value": low}, "high": {"value": high}}}
    if text(action.maximum_dose):
        yield {"type": ours("maximum-dose"), "valueString": text(action.maximum_dose)}
    for each in action.alternatives:
        if text(each):
            yield {"type": ours("alternative"), "valueString": text(each)}


def statements_of(medications: Sequence[Medication], frame: Frame) -> tuple[list[Resource], dict[str, Resource]]:
    """MedicationStatements of what the record lists, and by drug those that are current."""
    made: list[Resource] = []
    current: dict[str, Resource] = {}
    for number, medication in enumerate(medications):
        statement = statement_of(medication, number, frame)
        if statement is None:
            continue
        made.append(statement)
        for match in medication.drugs if medication.current is not False else ():
            current.setdefault(_key(match.drug), statement)
    return made, current


def statement_of(medication: Medication, number: int, frame: Frame) -> Resource | None:
    """One medicine of the record; None when the record does not even name it."""
    own = [coding(each.system, each.code, each.label) for each in medication.code]
    drugs = [coding(each.drug.system, each.drug.code, each.drug.label) for each in medication.drugs]
    named = next((each.label for each in medication.code if text(each.label)), "")
    words = medication.text or named or ", ".join(each.drug.label for each in medication.drugs)
    several = len(drugs) > 1  # the ingredients of a combination do not each mean the whole of it
    value = concept(*own, *([] if several else _new(drugs, own)), words=words)
    if not value:
        return None
    status = {True: "active", False: "completed", None: "unknown"}[medication.current]
    period = cleaned({"start": fhir_date(medication.start), "end": fhir_date(medication.end)})
    ordered = "end" not in period or "start" not in period or period["start"] <= period["end"]
    return cleaned(
        {
            "resourceType": "MedicationStatement",
            "id": frame.identify("medication", str(number)),
            "status": status,
            "medicationCodeableConcept": value,
            "subject": reference(frame.patient),
            "effectivePeriod": period if ordered else None,
            "dosage": [{"text": text(medication.dose)}] if text(medication.dose) else [],
        }
    )


def _new(drugs: Sequence[Resource | None], own: Sequence[Resource | None]) -> list[Resource | None]:
    have = {(each.get("system"), each.get("code")) for each in own if each}
    return [each for each in drugs if each and (each.get("system"), each.get("code")) not in have]


def _key(drug: Coded) -> str:
    return (drug.label or drug.code).lower()
