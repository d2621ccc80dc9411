"""What every capability and study must keep to: checks walked over the registry and open to plug-in authors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from sartor import cohort_flow, pipeline
from sartor.domain.capability import Capability
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import ActionKind, Finding, Status
from sartor.domain.record import Record
from sartor.domain.source import Knowledge
from sartor.domain.study import Study, Surroundings
from sartor.errors import ConfigInvalid
from sartor.registry import STUDY_VERBS, VERBS


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a capability or study breaks, and where."""

    rule: str
    where: str


def check(capability: Capability, record: Record, knowledge: Knowledge | None = None) -> list[Problem]:
    """Run the whole flow of one capability on one record and list every rule that it breaks."""
    packs = knowledge or Knowledge()
    evidence = capability.gather(record, packs)
    findings = tuple(capability.assess(evidence, packs))
    explanations = tuple(capability.explain(evidence, finding) for finding in findings)
    problems = list(_card(capability))
    problems += _evidence(capability, evidence)
    problems += _findings(capability, evidence, findings)
    problems += _explanations(capability, findings, explanations)
    problems += _purity(capability, evidence, packs, findings, explanations)
    return problems


def _card(capability: Capability) -> Iterator[Problem]:
    card = capability.card
    for field in ("title", "question", "intended_use", "not_for", "version", "package"):
        if not getattr(card, field):
            yield Problem(f"the card states its {field}", card.name)
    for source in card.sources:
        if not (source.version and source.licence):
            yield Problem("every source has a version and a licence", f"{card.name}: {source.id}")
    exported = set(getattr(capability, "__all__", ("card", *VERBS)))
    if exported != {"card", *VERBS}:
        yield Problem("a capability exports exactly card, gather, assess and explain", card.name)
    say = pipeline.wording(capability, "en").say
    for key in card.not_tested:
        for each in (key, f"{key}_subject"):
            if not say(Wording(key=each)):
                yield Problem("what is never tested is worded", each)


def _evidence(capability: Capability, evidence: Evidence) -> Iterator[Problem]:
    name = capability.card.name
    if evidence.capability != name:
        yield Problem("evidence names its capability", name)
    names = [fact.name for fact in evidence.facts]
    for doubled in sorted({each for each in names if names.count(each) > 1}):
        yield Problem("names of facts are unique", doubled)
    if Evidence.model_validate_json(evidence.model_dump_json()) != evidence:
        yield Problem("evidence survives its JSON form", name)


def _findings(capability: Capability, evidence: Evidence, findings: tuple[Finding, ...]) -> Iterator[Problem]:
    known = {fact.name for fact in evidence.facts} | {each.name for each in evidence.missing}
    identifiers = [finding.id for finding in findings]
    for doubled in sorted({each for each in identifiers if identifiers.count(each) > 1}):
        yield Problem("ids of findings are unique", doubled)
    for finding in findings:
        if finding.capability != capability.card.name:
            yield Problem("a finding names its capability", finding.id)
        for fact in finding.because:
            if fact not in known:
                yield Problem("a finding rests on facts of the evidence", f"{finding.id}: {fact}")
        if finding.status is Status.ASSESSED and not finding.because:
            yield Problem("an assessed finding names the facts that it rests on", finding.id)
        acts = finding.action.kind is not ActionKind.NONE
        if finding.status is Status.NOT_ASSESSABLE and acts and finding.action.kind is not ActionKind.TEST_FIRST:
            yield Problem("what is not assessable recommends nothing but a test", finding.id)
        if acts and finding.status is Status.ASSESSED and not finding.citations:
            yield Problem("a recommended action is cited", finding.id)


def _explanations(
    capability: Capability, findings: tuple[Finding, ...], explanations: tuple[Explanation, ...]
) -> Iterator[Problem]:
    say = pipeline.wording(capability, "en").say
    for finding, explanation in zip(findings, explanations, strict=True):
        if explanation.finding != finding.id:
            yield Problem("an explanation names its finding", finding.id)
        if not explanation.clinician or not explanation.patient:
            yield Problem("a finding is explained to clinician and patient", finding.id)
        for wording in _wordings(explanation):
            if not wording.key.startswith(f"{capability.card.name}."):
                yield Problem("wording keys begin with the capability's name", wording.key)
            elif "{" in (sentence := say(wording)) or not sentence.strip():
                yield Problem("every place of a sentence is filled", f"{finding.id}: {wording.key}")


def _wordings(explanation: Explanation) -> Iterator[Wording]:
    yield explanation.headline
    yield from explanation.clinician + explanation.patient + explanation.would_change + explanation.limits
    yield from (each.wording for each in explanation.contributions if each.wording)


def _purity(
    capability: Capability,
    evidence: Evidence,
    knowledge: Knowledge,
    findings: tuple[Finding, ...],
    explanations: tuple[Explanation, ...],
) -> Iterator[Problem]:
    before = evidence.model_dump_json()
    again: Callable[[], tuple[Finding, ...]] = lambda: tuple(capability.assess(evidence, knowledge))  # noqa: E731
    if again() != findings:
        yield Problem("assess gives the same findings for the same evidence", capability.card.name)
    if tuple(capability.explain(evidence, finding) for finding in findings) != explanations:
        yield Problem("explain gives the same explanation for the same finding", capability.card.name)
    if evidence.model_dump_json() != before:
        yield Problem("assess and explain leave the evidence as it is", capability.card.name)


def check_study(study: Study) -> list[Problem]:
    """List every rule that a study breaks, without running it on data.

    Its package exports the card and four verbs and no more, its wording is whole, and faults of a configuration are
    refused before anything is read.
    """
    problems = list(_study_card(study))
    problems += _study_wording(study)
    problems += _study_refusals(study)
    return problems


def _study_card(study: Study) -> Iterator[Problem]:
    card = study.card
    for field in ("title", "question", "intended_use", "not_for", "version", "package"):
        if not getattr(card, field):
            yield Problem("the card states its " + field.replace("_", " "), card.name)
    for source in card.sources:
        if not (source.version and source.licence):
            yield Problem("every source has a version and a licence", f"{card.name}: {source.id}")
    exported = set(getattr(study, "__all__", ("card", *STUDY_VERBS)))
    if exported != {"card", *STUDY_VERBS}:
        yield Problem("a study exports exactly card, prepare, fit, validate and publish", card.name)


def _study_wording(study: Study) -> Iterator[Problem]:
    card = study.card
    table = files(sys.modules[card.package]) / "wording" / "en.toml"
    if not table.is_file():
        yield Problem("a study has a wording/en.toml", card.name)
        return
    wording = cohort_flow.wording(study, "en")
    if not wording.sentences:
        yield Problem("the wording has sentences", card.name)
    for key, sentence in wording.sentences.items():
        if not sentence.strip():
            yield Problem("a sentence is not empty", f"{card.name}.{key}")
        if key.partition(".")[0] == card.name:
            yield Problem("keys in the table go without the study's name", f"{card.name}.{key}")


def _study_refusals(study: Study) -> Iterator[Problem]:
    name = study.card.name
    reads: list[str] = []
    faults: dict[str, Mapping[str, Any]] = {
        "an empty configuration is refused as config-invalid": {},
        "an unknown key is refused as config-invalid": {"data": "cohort.csv", "no_such_key_at_all": 1},
    }
    for rule, config in faults.items():
        try:
            study.prepare(config, _nothing_to_read(reads))
        except ConfigInvalid as error:
            if "no_such_key_at_all" in config and "no_such_key_at_all" not in str(error):
                yield Problem("the refusal names the unknown key", name)
            if not error.todo:
                yield Problem("the refusal says what to do", name)
        except Exception as error:
            yield Problem(rule, f"{name}: {type(error).__name__}")
        else:
            yield Problem(rule, name)
    if reads:
        yield Problem("a faulty configuration is refused before files are read", f"{name}: {reads[0]}")


def _nothing_to_read(reads: list[str]) -> Surroundings:
    def read(path: str, **_: Any) -> Any:
        reads.append(path)
        raise FileNotFoundError(path)

    return Surroundings(read=read, clock=lambda: 0.0, now="2000-01-01T00:00:00+00:00", progress=lambda _: None)
