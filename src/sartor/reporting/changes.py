"""What changed between two reports of one person, and why: definition, guideline, input, table or software."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sartor.domain.code import Frozen
from sartor.domain.evidence import Fact
from sartor.domain.finding import Finding, Status
from sartor.domain.report import Report
from sartor.errors import ConflictingInputs

Aspect = Literal["new", "gone", "status", "conclusion", "action", "urgency", "certainty", "estimate"]
Identity = Literal["identifier", "name", "birth date", "sample"]
Cause = Literal["definition", "guideline", "input", "fact", "source", "software", "unknown"]


class Reason(Frozen):
    """One thing that differs between the two runs and bears on the finding; `name` says which."""

    cause: Cause
    name: str = ""
    before: str = ""
    after: str = ""


class Change(Frozen):
    """What is different about one finding; `before` and `after` are short codes, empty when it is new or gone."""

    finding: str
    kind: str
    label: str
    aspect: Aspect
    before: str = ""
    after: str = ""
    reasons: tuple[Reason, ...] = ()


class Changes(Frozen):
    """Every change from the older to the newer report; `before` and `after` are when they were made.

    unproved: what of a person's identity only one report states, so that both being of one person is not shown.
    """

    before: str
    after: str
    unproved: tuple[Identity, ...] = ()
    changes: tuple[Change, ...] = ()


def compare(old: Report, new: Report) -> Changes:
    """List what changed from `old` to `new`, each with what differs between the two runs and bears on it.

    Raises ConflictingInputs when the two are of different people: another identifier, another name and birth
    date, or another sample.
    """
    unproved = _same_person(old, new)
    before = {each.finding.id: each.finding for each in old.findings}
    after = {each.finding.id: each.finding for each in new.findings}
    runs = _Runs(old, new)
    found: list[Change] = []
    for identifier in dict.fromkeys((*after, *before)):
        one, other = before.get(identifier), after.get(identifier)
        shown = other or one
        assert shown is not None
        found.extend(
            Change(
                finding=identifier,
                kind=shown.kind,
                label=shown.about.label or shown.about.code,
                aspect=aspect,
                before=was,
                after=now,
                reasons=runs.reasons(one, other),
            )
            for aspect, was, now in _aspects(one, other)
        )
    return Changes(before=old.provenance.created, after=new.provenance.created, unproved=unproved, changes=tuple(found))


def _same_person(old: Report, new: Report) -> tuple[Identity, ...]:
    """What only one of the two states of who they are about. Raises ConflictingInputs when they contradict."""
    was, now = _who(old), _who(new)
    differs = {each for each in was if was[each] and now[each] and not _agree(each, was[each], now[each])}
    named = {"name", "birth date"}
    if not named <= differs:
        differs -= named
    if differs:
        raise ConflictingInputs(
            f"the earlier report is of another person: {' and '.join(each for each in was if each in differs)} differ",
            where="--since",
            todo="give an earlier report of the same person",
        )
    return tuple(each for each in was if bool(was[each]) != bool(now[each]))


def _who(report: Report) -> dict[Identity, str]:
    who = report.patient.demographics
    return {
        "identifier": who.identifier,
        "name": who.name,
        "birth date": who.birth_date,
        "sample": report.patient.sample,
    }


def _agree(what: Identity, one: str, other: str) -> bool:
    """Dates as precisely as both say, names in any order of their words, the rest as it stands."""
    if what == "birth date":
        length = min(len(one), len(other))
        return one[:length] == other[:length]
    if what == "name":
        return set(one.casefold().split()) == set(other.casefold().split())
    return one == other


def _aspects(one: Finding | None, other: Finding | None) -> Iterable[tuple[Aspect, str, str]]:
    if one is None:
        if other is not None:
            yield "new", "", _summary(other)
        return
    if other is None:
        yield "gone", _summary(one), ""
        return
    parts: tuple[tuple[Aspect, str, str], ...] = (
        ("status", one.status.value, other.status.value),
        ("conclusion", _conclusion(one), _conclusion(other)),
        ("action", _action(one), _action(other)),
        ("urgency", one.urgency.name.lower(), other.urgency.name.lower()),
        ("certainty", _certainty(one), _certainty(other)),
        ("estimate", _estimate(one), _estimate(other)),
    )
    yield from (each for each in parts if each[1] != each[2])


def _summary(finding: Finding) -> str:
    if finding.status is Status.NOT_ASSESSABLE:
        return finding.status.value
    return _estimate(finding) or (_conclusion(finding) if finding.kind == "gene" else _action(finding))


def _conclusion(finding: Finding) -> str:
    return ", ".join(each.label or each.code for each in finding.conclusion)


def _action(finding: Finding) -> str:
    parts = [finding.action.kind.value, *(each.value for each in finding.action.also)]
    if finding.action.dose_factor is not None:
        low, high = finding.action.dose_factor
        parts.append(f"× {low:g}" if low == high else f"× {low:g}–{high:g}")
    return ", ".join([*parts, *([finding.action.maximum_dose] if finding.action.maximum_dose else [])])


def _certainty(finding: Finding) -> str:
    return f"{finding.certainty.source_strength.value} / {finding.certainty.input_quality.value}"


def _estimate(finding: Finding) -> str:
    found = finding.estimate
    return "" if found is None else f"{found.value:.3g} {found.unit}".strip()


class _Runs:
    """Two runs and what differs between them."""

    def __init__(self, old: Report, new: Report) -> None:
        self._facts = tuple(_facts(each) for each in (old, new))
        self._digests = tuple({each.path: each.sha256 for each in run.provenance.inputs} for run in (old, new))
        self._sources = tuple({each.id: each for each in run.provenance.sources} for run in (old, new))
        self._software = (old.provenance.sartor_version, new.provenance.sartor_version)

    def reasons(self, one: Finding | None, other: Finding | None) -> tuple[Reason, ...]:
        """What bears on this finding, the closest first; one of cause "unknown" when nothing differs."""
        names = tuple(dict.fromkeys((one.because if one else ()) + (other.because if other else ())))
        found = [*self._definitions(names), *_guidelines(one, other), *self._inputs(names)]
        found = found or [*self._changed_sources(), *self._changed_software()]
        return tuple(dict.fromkeys(found)) or (Reason(cause="unknown"),)

    def _definitions(self, names: Iterable[str]) -> Iterable[Reason]:
        for name in names:
            was, now = (_definition(facts.get(name)) for facts in self._facts)
            if was and now and was != now:
                yield Reason(cause="definition", name=name, before=was, after=now)

    def _inputs(self, names: Iterable[str]) -> Iterable[Reason]:
        for name in names:
            was, now = (facts.get(name) for facts in self._facts)
            files = {origin.file for fact in (was, now) if fact for origin in fact.drawn_from if origin.file}
            changed = [file for file in sorted(files) if self._digest(0, file) != self._digest(1, file)]
            yield from (Reason(cause="input", name=file) for file in changed)
            if not changed and _content(was) != _content(now):
                yield Reason(cause="fact", name=name)

    def _digest(self, run: int, file: str) -> str:
        exact = self._digests[run].get(file)
        ends = (digest for path, digest in self._digests[run].items() if path.rsplit("/", 1)[-1] == file)
        return exact or next(ends, "")

    def _changed_sources(self) -> Iterable[Reason]:
        was, now = self._sources
        for identifier in dict.fromkeys((*was, *now)):
            before, after = (each[identifier].version if identifier in each else "" for each in (was, now))
            if before != after:
                yield Reason(cause="source", name=identifier, before=before, after=after)

    def _changed_software(self) -> Iterable[Reason]:
        before, after = self._software
        if before != after:
            yield Reason(cause="software", before=before, after=after)


def _facts(report: Report) -> dict[str, Fact]:
    return {fact.name: fact for evidence in report.evidence for fact in evidence.facts}


def _definition(fact: Fact | None) -> str:
    value = fact.value if fact is not None else None
    return str(value.get("definition_version") or "") if isinstance(value, dict) else ""


def _content(fact: Fact | None) -> object:
    """What a fact says, leaving aside where it stood and by which definition."""
    if fact is None or not isinstance(fact.value, dict):
        return None if fact is None else fact.value
    return {key: value for key, value in fact.value.items() if key not in {"definition_version", "origin", "positions"}}


def _guidelines(one: Finding | None, other: Finding | None) -> Iterable[Reason]:
    was = {each.id: f"{each.version} {each.date}".strip() for each in one.citations} if one else {}
    now = {each.id: f"{each.version} {each.date}".strip() for each in other.citations} if other else {}
    titles = {each.id: each.title for finding in (one, other) if finding for each in finding.citations}
    for identifier in dict.fromkeys((*was, *now)):
        before, after = was.get(identifier, ""), now.get(identifier, "")
        if one and other and before != after:
            yield Reason(cause="guideline", name=titles[identifier] or identifier, before=before, after=after)
