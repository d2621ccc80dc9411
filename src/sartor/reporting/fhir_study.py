"""The frame of a FHIR bundle: patient, software, genomic study, the report itself and its provenance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sartor.domain.code import SARTOR
from sartor.domain.provenance import InputFile, Provenance
from sartor.domain.report import Patient, Report
from sartor.reporting.fhir_drugs import Drug
from sartor.reporting.fhir_genes import Frame, Gene
from sartor.reporting.fhir_values import (
    GUIDE,
    Resource,
    citation,
    cleaned,
    coding,
    concept,
    extension,
    fhir_date,
    fhir_instant,
    gene,
    genetics,
    identifier,
    laboratory_genetics,
    loinc,
    narrative,
    notes,
    profile,
    reference,
    say,
    text,
)

_LONGEST_DIGEST = 64


def frame_of(report: Report) -> Frame:
    """Ids from the person and the digests of the inputs, so that the same inputs give the same ids."""
    person = report.patient.demographics
    digests = sorted(each.sha256 for each in report.provenance.inputs)
    seed = (person.identifier or person.name, report.patient.sample, *digests)

    def identify(*parts: str) -> str:
        return identifier((*seed, *parts))

    made = fhir_instant(report.provenance.created)
    subject = patient(report.patient, identify("patient"))
    software = device(report.provenance.sartor_version, identify("device"))
    return Frame(
        identify=identify,
        patient=subject,
        device=software,
        study={"id": identify("study")},
        made=made,
        day=made[:10] if made else None,
    )


def patient(person: Patient, resource_id: str) -> Resource:
    """The person, as far as the record tells."""
    known = person.demographics
    name = text(known.name)
    number = text(known.identifier) or text(person.sample)
    return cleaned(
        {
            "resourceType": "Patient",
            "id": resource_id,
            "identifier": [{"value": number}] if number else [],
            "name": [{"text": name}] if name else [],
            "gender": known.sex if known.sex in {"male", "female", "other"} else "unknown",
            "birthDate": fhir_date(known.birth_date),
            "deceasedDateTime": fhir_date(known.death_date),
        }
    )


def device(version: str, resource_id: str) -> Resource:
    """The software that made the report."""
    return cleaned(
        {
            "resourceType": "Device",
            "id": resource_id,
            "deviceName": [{"name": "Sartor", "type": "model-name"}],
            "version": [{"value": text(version)}] if text(version) else [],
        }
    )


def study(report: Report, genes: Iterable[Gene], frame: Frame) -> list[Resource]:
    """The genomic study and its analysis: which genes were looked at, called, not called; what was not tested."""
    analysis = {
        **procedure("genomic-study-analysis", frame.identify("analysis"), frame),
        "extension": [
            extension("genomic-study-analysis-genome-build", valueCodeableConcept=loinc("grch38", "answer")),
            regions(genes),
        ],
    }
    lines = [say("study.not_tested", subject=each.subject, reason=each.reason) for each in report.not_tested]
    lines += [say("study.failed", capability=each.capability, reason=each.reason) for each in report.failed]
    whole = {
        **procedure("genomic-study", frame.study["id"], frame),
        "extension": [extension("genomic-study-analysis-ext", valueReference=reference(analysis))],
        "code": concept(words=say("study.title")),
        "note": notes(lines),
    }
    return [cleaned(whole), cleaned(analysis)]


def procedure(name: str, resource_id: str, frame: Frame) -> Resource:
    """What a study and its analysis share."""
    return {
        "resourceType": "Procedure",
        "id": resource_id,
        "meta": profile(name),
        "status": "completed",
        "category": laboratory_genetics()[0],
        "subject": reference(frame.patient),
        "performedDateTime": frame.made,
    }


def regions(genes: Iterable[Gene]) -> Resource:
    """Genes studied, called and uncalled; a gene that was not tested is told apart from one that is reference."""
    parts: list[Resource] = [{"url": "description", "valueString": say("study.description")}]
    for each in genes:
        parts.append({"url": "studied", "valueCodeableConcept": gene(each.symbol)})
        parts.append({"url": "called" if each.tested else "uncalled", "valueCodeableConcept": gene(each.symbol)})
    return extension("genomic-study-analysis-regions", extension=parts)


def diagnostic_report(
    report: Report, observations: Sequence[Resource], drugs: Sequence[Drug], frame: Frame
) -> Resource:
    """The report: its results, its recommended actions, and the conclusion in a few sentences."""
    by_id = {each.finding.id: each.text.headline for each in report.findings}
    urgent = [by_id[each] for each in report.actions if each in by_id]
    conclusion = text("\n".join(urgent) or say("report.nothing"))
    tasks = [each.task for each in in_order(drugs, report.actions) if each.task]
    return cleaned(
        {
            "resourceType": "DiagnosticReport",
            "id": frame.identify("report"),
            "meta": profile("genomic-report"),
            "text": narrative(*urgent, say("report.disclaimer")),
            "extension": [
                *(extension("recommended-action", valueReference=reference(each)) for each in tasks),
                extension("genomic-report-note", valueAnnotation=disclaimer()),
                extension("genomic-study-reference", valueReference=reference(frame.study)),
                *cited(report),
            ],
            "status": "partial" if report.failed else "final",
            "category": [genetics()],
            "code": loinc("report"),
            "subject": reference(frame.patient),
            "effectiveDateTime": frame.made,
            "issued": frame.made,
            "result": [reference(each) for each in observations],
            "conclusion": conclusion,
        }
    )


def in_order(drugs: Sequence[Drug], actions: Sequence[str]) -> list[Drug]:
    """The drugs of the first page first, in its order, then the others as they come."""
    rank = {identifier: place for place, identifier in enumerate(actions)}
    return sorted(drugs, key=lambda each: rank.get(each.finding.id, len(rank)))


def disclaimer() -> Resource:
    """What the report is not, as a coded note."""
    kind = concept(coding(f"{GUIDE}CodeSystem/coded-annotation-types-cs", "test-disclaimer"))
    return {"extension": [extension("annotation-code", valueCodeableConcept=kind)], "text": say("report.disclaimer")}


def cited(report: Report) -> list[Resource]:
    """Every guideline that a finding rests on, once."""
    seen = {each.id: each for found in report.findings for each in found.finding.citations}
    return [citation(each) for _, each in sorted(seen.items())]


def provenance(made_from: Provenance, target: Resource, frame: Frame) -> Resource | None:
    """What made the report, and of which files (by digest); None when the time is not known."""
    if frame.made is None:
        return None
    return cleaned(
        {
            "resourceType": "Provenance",
            "id": frame.identify("provenance"),
            "target": [reference(target)],
            "recorded": frame.made,
            "agent": [{"who": reference(frame.device)}],
            "entity": [source_file(each) for each in made_from.inputs if text(each.sha256)],
        }
    )


def source_file(file: InputFile) -> Resource:
    """An input by its name and its SHA-256."""
    digest = cleaned({"system": f"{SARTOR}/sha256", "value": text(file.sha256)[:_LONGEST_DIGEST]})
    return {"role": "source", "what": cleaned({"identifier": digest, "display": text(file.path)})}
