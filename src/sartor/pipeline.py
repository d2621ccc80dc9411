"""The patient flow on one page: read → gather → assess → explain → compose."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from sartor import __version__, registry
from sartor.domain.capability import Capability
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import Finding
from sartor.domain.provenance import Provenance
from sartor.domain.record import Record
from sartor.domain.report import FailedSection, NotTested, Report
from sartor.domain.source import Knowledge, LearnedModel, Source
from sartor.errors import CapabilityCrashed, failing_place
from sartor.explaining.wording import WordingTable
from sartor.io.folder import read_patient
from sartor.knowledge import packs
from sartor.reporting.compose import compose
from sartor.settings import Settings

Progress = Callable[[str], None]


def run(
    paths: Sequence[Path],
    *,
    settings: Settings,
    now: str,
    only: Iterable[str] | None = None,
    sample: str | None = None,
    strict: bool = True,
    progress: Progress = lambda _: None,
) -> Report:
    """One patient's files → one report.

    now:     ISO time with zone, taken at the edge; ages are computed for its date.
    strict:  a capability that cannot be loaded or crashes raises; otherwise its section is shown as failed.
    Raises InputError, KnowledgeError or CapabilityError, each with what, where and what to do.
    """
    found = registry.load(only, strict=strict)
    progress("reading")
    record = read_patient(paths, regions=found.regions(), sample=sample)
    knowledge = at_hand(settings, found.packs())
    return assess_record(record, found, knowledge, now=now, settings=settings, strict=strict, progress=progress)


def at_hand(settings: Settings, names: Iterable[str]) -> Knowledge:
    """The knowledge packs of these names that are there, and every model that was handed in.

    Raises PackNotFound or PackInvalid for a pack, ModelRefused for a model.
    """
    knowledge = packs.at_hand(settings, names)
    if not settings.models:
        return knowledge
    from sartor.io.model_folder import model_digest, read_model

    models = tuple(LearnedModel(*read_model(folder), model_digest(folder)) for folder in settings.models)
    return replace(knowledge, models=models)


def assess_record(
    record: Record,
    found: registry.Registry,
    knowledge: Knowledge,
    *,
    now: str,
    settings: Settings,
    strict: bool = True,
    progress: Progress = lambda _: None,
) -> Report:
    """A record that was already read → its report; ages are computed for the day of `now` unless the record says."""
    if not record.as_of:
        record = record.model_copy(update={"as_of": now[:10]})
    evidences: list[Evidence] = []
    reported: list[tuple[Finding, Explanation]] = []
    failed = list(found.failed)
    not_tested: list[NotTested] = []
    for capability in sorted(found.capabilities, key=lambda each: each.card.after_others):
        progress(capability.card.title)
        handed = (
            replace(knowledge, findings=tuple(each for each, _ in reported))
            if capability.card.after_others
            else knowledge
        )
        try:
            evidence, conclusions = conclude(capability, record, handed)
        except CapabilityCrashed as error:
            if strict:
                raise
            failed.append(FailedSection(capability=capability.card.name, slug=error.slug, reason=str(error)))
            continue
        if evidence.facts or evidence.missing:
            evidences.append(evidence)
        reported.extend(conclusions)
        not_tested.extend(_not_tested(capability, evidence, settings.language))
    tables = {each.card.name: wording(each, settings.language) for each in found.capabilities}
    return compose(
        record=record,
        evidence=evidences,
        reported=reported,
        wording=lambda key: tables[key.key.partition(".")[0]].say(key),
        not_tested=not_tested,
        failed=failed,
        provenance=_provenance(record, found, knowledge, now),
        today=now[:10],
    )


def conclude(
    capability: Capability, record: Record, knowledge: Knowledge
) -> tuple[Evidence, list[tuple[Finding, Explanation]]]:
    """What one capability gathers, finds and explains; anything that it raises becomes CapabilityCrashed."""
    name = capability.card.name
    stage = "gather"
    try:
        evidence = capability.gather(record, knowledge)
        stage = "assess"
        findings = capability.assess(evidence, knowledge)
        stage = "explain"
        return evidence, [(finding, capability.explain(evidence, finding)) for finding in findings]
    except Exception as error:
        raise CapabilityCrashed(
            f"{name} failed ({type(error).__name__})",
            where=f"{name}.{stage}, {failing_place(error)}",
            todo="report it with the input's kind; --only leaves this capability out",
        ) from error


def wording(capability: Capability, language: str) -> WordingTable:
    """The wording table that the capability's package ships for this language (English when it has none)."""
    return _wording(capability.card.package, language)


@cache
def _wording(package: str, language: str) -> WordingTable:
    folder = files(sys.modules[package]) / "wording"
    table = folder / f"{language}.toml"
    return WordingTable.load((table if table.is_file() else folder / "en.toml").read_text(encoding="utf-8"))


def _not_tested(capability: Capability, evidence: Evidence, language: str) -> list[NotTested]:
    name = capability.card.name
    say = wording(capability, language).say
    never = [
        NotTested(capability=name, subject=say(Wording(key=f"{key}_subject")), reason=say(Wording(key=key)))
        for key in capability.card.not_tested
    ]
    missing = [
        NotTested(capability=name, subject=each.name, reason=each.reason, remedy=each.remedy)
        for each in evidence.missing
    ]
    return never + missing


def _provenance(record: Record, found: registry.Registry, knowledge: Knowledge, now: str) -> Provenance:
    shipped = [source for capability in found.capabilities for source in capability.card.sources]
    installed = [pack.source for pack in knowledge.packs.values()]
    learned = [_source(each) for each in knowledge.models]
    sources = tuple(dict.fromkeys(shipped + installed + learned))
    return Provenance(sartor_version=__version__, created=now, inputs=record.inputs, sources=sources)


def _source(handed: LearnedModel) -> Source:
    """A model as a source of the report: its hash pins every weight."""
    card = handed.card
    return Source(
        id=f"model:{card.name}",
        title=card.title,
        version=card.version,
        licence=card.licence or "not stated",
        sha256=handed.digest,
        retrieved=card.created[:10],
    )
