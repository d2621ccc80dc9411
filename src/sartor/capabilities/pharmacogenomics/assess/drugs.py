"""Findings per medicine, guideline and population: what is recommended for this person's genes as they act today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.assess import gaps, lookup
from sartor.capabilities.pharmacogenomics.assess.actions import action_of, actions_differ, strength_of, urgency
from sartor.capabilities.pharmacogenomics.assess.genes import (
    CAPABILITY,
    is_by_medicine_alone,
    left_out,
    outside_reasons,
    quality,
    slug,
)
from sartor.capabilities.pharmacogenomics.assess.lookup import Outcome, State
from sartor.capabilities.pharmacogenomics.assess.neighbours import neighbours
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.tables.guidelines import (
    Guideline,
    GuidelineSet,
    Recommendation,
    at_hand,
    official_text,
    rules,
)
from sartor.domain.code import SARTOR, Coded
from sartor.domain.finding import Action, ActionKind, Certainty, Finding, InputQuality, SourceStrength, Status, Urgency
from sartor.domain.genome import GeneCall
from sartor.domain.source import Knowledge
from sartor.knowledge import medicines

NO_FIT = "gene-read-no-allele-fits"
_NO_FIT_NOTES = frozenset(("unknown-variation", "no-diplotype-fits"))
SEE_GUIDELINE = "see-guideline"
"""The reason of an action NONE whose advice exists, in the cited guideline alone."""
_UNREAD = frozenset(f"{CAPABILITY}.certainty.{each}" for each in ("outside-not-read", "outside-name-not-known"))
_QUALITIES = tuple(InputQuality)
_CERTAINTY = f"{CAPABILITY}.certainty"
_TODAY = f"{CAPABILITY}.phenoconversion."
_FIRM = frozenset(f"{_TODAY}{name}" for name in ("weak-noted", "no-further-change", "no-change"))
"""Notes on other medicines that leave the phenotype as certain as it was."""


@dataclass(frozen=True)
class Question:
    """One medicine under one guideline for one population: what a finding answers.

    rows: the guideline's rows for it; tail: what distinguishes the finding's id from its siblings.
    """

    drug: str
    guidelines: GuidelineSet
    guideline: Guideline
    population: str
    rows: Sequence[Recommendation]
    tail: tuple[str, ...]

    @property
    def genes(self) -> tuple[str, ...]:
        """The genes that the guideline looks at, those of its rows where it has rows."""
        return tuple(dict.fromkeys(gene for row in self.rows for gene in row.keys)) or self.guideline.genes

    @property
    def id(self) -> str:
        """The finding's id."""
        parts = (CAPABILITY, "drug", slug(self.drug), self.guidelines.name, *self.tail)
        return "/".join(parts)


def drug_findings(person: Person, knowledge: Knowledge) -> tuple[Finding, ...]:
    """Every finding on a medicine: shipped guidelines and those of installed packs."""
    found: list[Finding] = []
    for guidelines in at_hand(knowledge):
        for question in questions(guidelines, person):
            found.extend(answer(question, person, knowledge))
    return _without_noise(found)


def coded(name: str) -> Coded:
    """A guideline's drug as a code; by its own name where the list of medicines does not have it."""
    return medicines.drug(name) or Coded(system=SARTOR, code=f"drug/{slug(name)}", label=name)


def questions(guidelines: GuidelineSet, person: Person) -> Iterator[Question]:
    """Every medicine × guideline × population that may concern this person."""
    several: dict[str, int] = {}
    for guideline in guidelines.guidelines:
        for drug in guideline.drugs:
            several[drug] = several.get(drug, 0) + 1
    for guideline in guidelines.guidelines:
        for drug in guideline.drugs:
            rows = guidelines.of(drug, guideline)
            own = (slug("-".join(guideline.genes)),) if several[drug] > 1 else ()
            for population in dict.fromkeys(row.population for row in rows) or ("",):
                if not person.may_belong_to(population):
                    continue
                chosen = [row for row in rows if row.population == population]
                tail = (*own, population) if population else own
                yield Question(drug, guidelines, guideline, population, chosen, tail)


def answer(question: Question, person: Person, knowledge: Knowledge) -> Iterator[Finding]:
    """The finding of one question; nothing when the guideline is silent on it and nobody takes the medicine."""
    about = coded(question.drug)
    calls = person.calls_for(about)
    if not any(lookup.is_determined(calls.get(gene)) for gene in question.genes):
        read = any(_without_fit(calls.get(gene)) for gene in question.genes)
        yield _unanswered(question, person, about, calls, NO_FIT if read else "genes-not-tested")
        return
    if not question.rows:
        yield _by_algorithm(question, person, about, calls)
        return
    found = _outcomes(question, calls)
    rows = [outcome.row for outcome in found if outcome.row is not None]
    if not rows:
        untested = any(not lookup.is_determined(calls.get(gene)) for gene in question.genes)
        unread = any(_is_unreadable(calls.get(gene)) for gene in question.genes)
        reason = "result-not-read" if unread else "other-gene-needed" if untested else "guideline-silent"
        yield _unanswered(question, person, about, calls, reason)
    elif len(rows) == len(found) and not actions_differ(rows):
        yield _answered(question, person, about, calls, found, rows[0], knowledge)
    else:
        yield _undecided(question, person, about, calls, found)


def _without_fit(call: GeneCall | None) -> bool:
    """Whether the gene was read, and no catalogued pair of alleles fits what was read."""
    return call is not None and call.status == "not-called" and bool(_NO_FIT_NOTES & set(call.notes))


def _is_unreadable(call: GeneCall | None) -> bool:
    """Whether a laboratory's result, or a name in it, is unknown to the tables here, so that no phenotype follows."""
    if call is None or any(call.phenotypes):
        return False
    return bool(_UNREAD & set(outside_reasons(call.notes)))


def _outcomes(question: Question, calls: Mapping[str, GeneCall]) -> tuple[Outcome, ...]:
    genes = [lookup.states(gene, calls.get(gene), question.guidelines, question.rows) for gene in question.genes]
    return lookup.outcomes(question.rows, genes)


def _without_others(question: Question, person: Person, about: Coded) -> str:
    """The action if no other medicine changed a phenotype; "" when none does, or candidates then differ."""
    if not any(person.causes(gene, about) for gene in question.genes):
        return ""
    kinds = {each.row.reading["kind"] if each.row else "" for each in _outcomes(question, person.calls)}
    return kinds.pop() if len(kinds) == 1 else ""


def _answered(
    question: Question,
    person: Person,
    about: Coded,
    calls: Mapping[str, GeneCall],
    found: Sequence[Outcome],
    row: Recommendation,
    knowledge: Knowledge,
) -> Finding:
    strength = max(
        (strength_of(each.row) for each in found if each.row), key=lambda each: tuple(SourceStrength).index(each)
    )
    untested = _gaps(question, calls, found, row)
    action = gaps.behind_test(action_of(row)) if untested else action_of(row)
    current = bool(person.medication_facts(about))
    details = _details(question, person, about, calls, found[0].states, row)
    details["untested_genes"] = list(untested)
    details["candidates"] = _candidates(found) if len(found) > 1 else []
    details["without_others"] = _without_others(question, person, about)
    details["neighbours"] = neighbours(question.rows, found[0].states, row)
    if text := official_text(knowledge, row):
        details["official_text"] = dict(text)
    return Finding(
        id=question.id,
        capability=CAPABILITY,
        kind="drug",
        about=about,
        context=_context(question),
        status=Status.ASSESSED,
        conclusion=_conclusion(row),
        certainty=_as_converted(
            _certainty(question, calls, strength, found, gap=bool(untested)), question, person, about
        ),
        urgency=_urgency(action, strength, current=current),
        action=action,
        concerns_current=current,
        because=person.because(question.genes, about),
        citations=(question.guideline.citation, *person.citations_today(question.genes, about)),
        details=details,
    )


def _urgency(action: Action, strength: SourceStrength, *, current: bool) -> Urgency:
    """The action's urgency; advice that is only pointed to still has to be looked up for a medicine taken now."""
    if current and action.kind is ActionKind.NONE and action.parameters.get("reason") == SEE_GUIDELINE:
        return Urgency.ROUTINE
    return urgency(action.kind, strength, current=current)


def _gaps(
    question: Question, calls: Mapping[str, GeneCall], found: Sequence[Outcome], row: Recommendation
) -> tuple[str, ...]:
    """The untested genes that could change what this row says."""
    own = gaps.untested(question.genes, calls)
    if own and not gaps.could_change(question.rows, found, row, own):
        own = ()
    return (*own, *gaps.siblings_untested(question.guidelines, question.drug, question.genes, calls))


def _undecided(
    question: Question, person: Person, about: Coded, calls: Mapping[str, GeneCall], found: Sequence[Outcome]
) -> Finding:
    """Candidates that would be treated differently: none is chosen, the missing test is asked for."""
    current = bool(person.medication_facts(about))
    strengths = [strength_of(each.row) for each in found if each.row]
    strength = min(strengths, key=lambda each: tuple(SourceStrength).index(each))
    details = _details(question, person, about, calls, found[0].states, None)
    details["candidates"] = _candidates(found)
    details["most_likely"] = _most_likely(found)
    certainty = _as_converted(_certainty(question, calls, strength, found, differing=True), question, person, about)
    return Finding(
        id=question.id,
        capability=CAPABILITY,
        kind="drug",
        about=about,
        context=_context(question),
        status=Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code="effect/depends-on-genotype", label="depends on genotype"),),
        certainty=certainty,
        urgency=urgency(ActionKind.TEST_FIRST, strength, current=current),
        action=Action(kind=ActionKind.TEST_FIRST),
        concerns_current=current,
        because=person.because(question.genes, about),
        citations=(question.guideline.citation, *person.citations_today(question.genes, about)),
        details=details,
    )


def _unanswered(
    question: Question, person: Person, about: Coded, calls: Mapping[str, GeneCall], reason: str
) -> Finding:
    current = bool(person.medication_facts(about))
    details = _details(question, person, about, calls, (), None)
    details["reason"] = reason
    untested = reason in ("genes-not-tested", "other-gene-needed", NO_FIT, "result-not-read")
    kind = ActionKind.TEST_FIRST if untested and current else ActionKind.NONE
    return Finding(
        id=question.id,
        capability=CAPABILITY,
        kind="drug",
        about=about,
        context=_context(question),
        status=Status.NOT_ASSESSABLE,
        certainty=_certainty(question, calls, SourceStrength.NONE),
        urgency=urgency(kind, SourceStrength.NONE, current=current),
        action=Action(kind=kind),
        concerns_current=current,
        because=person.because(question.genes, about),
        citations=(question.guideline.citation,),
        details=details,
    )


def _by_algorithm(question: Question, person: Person, about: Coded, calls: Mapping[str, GeneCall]) -> Finding:
    """A guideline without rows: it doses by an algorithm, or gives its advice in figures only."""
    computed = question.drug in rules()["by_algorithm"]
    if not computed:
        return _unanswered(question, person, about, calls, "no-computable-rows")
    current = bool(person.medication_facts(about))
    action = Action(kind=ActionKind.ADJUST_DOSE, parameters={"qualifiers": ["use-dose-algorithm"]})
    return Finding(
        id=question.id,
        capability=CAPABILITY,
        kind="drug",
        about=about,
        status=Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code="effect/dose-by-algorithm", label="dose by algorithm"),),
        certainty=_certainty(question, calls, SourceStrength.UNSTATED),
        urgency=urgency(action.kind, SourceStrength.OPTIONAL, current=current),
        action=action,
        concerns_current=current,
        because=person.because(question.genes, about),
        citations=(question.guideline.citation,),
        details=_details(question, person, about, calls, (), None),
    )


def _certainty(
    question: Question,
    calls: Mapping[str, GeneCall],
    strength: SourceStrength,
    found: Sequence[Outcome] = (),
    *,
    differing: bool = False,
    gap: bool = False,
) -> Certainty:
    tested = [gene for gene in question.genes if lookup.is_determined(calls.get(gene))]
    qualities = [quality(calls.get(gene)) for gene in tested or question.genes]
    reasons = []
    if tested and (gap or len(tested) < len(question.genes)):
        qualities.append(InputQuality.REDUCED)
        reasons.append("gene-missing")
    worst = max(qualities, key=_QUALITIES.index)
    if len(found) > 1:
        reasons.append("candidates-differ" if differing else "candidates-agree")
    if any(is_by_medicine_alone(calls.get(gene)) for gene in question.genes):
        reasons.append("medicine-alone")
    if any(left_out(calls.get(gene)) is not None for gene in question.genes):
        reasons.append("by-frequency")
    if any(state.borrowed for outcome in found for state in outcome.states):
        reasons.append("phenotype-borrowed")
    if any(call is not None and call.input_quality == "poor" for call in map(calls.get, question.genes)):
        reasons.append("quality-poor")
    today = (note for call in map(calls.get, question.genes) if call for note in call.notes if note.startswith(_TODAY))
    outside = (key for call in map(calls.get, question.genes) if call for key in outside_reasons(call.notes))
    keys = (*(f"{_CERTAINTY}.{each}" for each in reasons), *dict.fromkeys(outside), *dict.fromkeys(today))
    return Certainty(source_strength=strength, input_quality=worst, reasons=keys)


def _as_converted(certainty: Certainty, question: Question, person: Person, about: Coded) -> Certainty:
    """The certainty with what other medicines take from it: a phenotype that they change is inferred, not measured."""
    today = person.reasons_today(question.genes, about)
    changed = any(person.causes(gene, about) for gene in question.genes)
    own = (f"{_CERTAINTY}.converted",) if changed else ()
    worst = certainty.input_quality
    if changed and any(key not in _FIRM for key in today):
        worst = max(worst, InputQuality.REDUCED, key=_QUALITIES.index)
    reasons = tuple(dict.fromkeys((*certainty.reasons, *own, *today)))
    return certainty.model_copy(update={"input_quality": worst, "reasons": reasons})


def _context(question: Question) -> tuple[Coded, ...]:
    if not question.population:
        return ()
    return (
        Coded(
            system=SARTOR, code=f"population/{question.population}", label=question.population.replace("-", " ")
        ),
    )  # fmt: skip


def _conclusion(row: Recommendation) -> tuple[Coded, ...]:
    codes = dict.fromkeys(code for _, said in row.implications for code in said)
    return tuple(Coded(system=SARTOR, code=f"effect/{code}", label=code.replace("-", " ")) for code in codes)


def _details(
    question: Question,
    person: Person,
    about: Coded,
    calls: Mapping[str, GeneCall],
    states: Sequence[State],
    row: Recommendation | None,
) -> dict[str, JsonValue]:
    genes: dict[str, JsonValue] = {}
    labels = {state.gene: state for state in states}
    for gene in question.genes:
        state = labels.get(gene)
        genes[gene] = {
            "diplotype": state.label if state else "",
            "genetic": person.genetic_phenotypes(gene),
            "today": _text(calls.get(gene)),
            "causes": person.causes(gene, about),
            "tested": lookup.is_determined(calls.get(gene)),
            "left_out": left_out(calls.get(gene)),
        }
    return {
        "guideline": question.guidelines.name.upper(),
        "population": question.population,
        "genes": genes,
        "lookup": dict(row.keys) if row else {},
        "strength": row.strength if row else "",
        "reading": dict(row.reading) if row else {},
        "implications": [{"gene": gene, "codes": list(codes)} for gene, codes in row.implications] if row else [],
        "text_id": row.id if row else "",
    }


def _text(call: GeneCall | None) -> list[JsonValue]:
    return list(dict.fromkeys(each for each in call.phenotypes if each)) if call else []


def _candidates(found: Sequence[Outcome]) -> list[JsonValue]:
    return [
        {
            "genes": {
                state.gene: {"diplotype": state.label, "phenotype": state.phenotype} for state in outcome.states
            },
            "probability": outcome.probability,
            "action": outcome.row.reading["kind"] if outcome.row else "",
            "text_id": outcome.row.id if outcome.row else "",
            "reading": dict(outcome.row.reading) if outcome.row else {},
        }
        for outcome in found
    ]  # fmt: skip


def _most_likely(found: Sequence[Outcome]) -> JsonValue:
    """The advice that most of the probability falls on; None where candidates were not weighed."""
    shares: dict[str, float] = {}
    rows: dict[str, Recommendation | None] = {}
    for outcome in found:
        if outcome.probability is None:
            return None
        name = outcome.row.reading_id if outcome.row else ""
        shares[name] = shares.get(name, 0.0) + outcome.probability
        rows.setdefault(name, outcome.row)
    best = max(shares, key=lambda name: shares[name])
    row = rows[best]
    return {"probability": shares[best], "action": row.reading["kind"] if row else ""}


def _without_noise(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Drop what only repeats that a medicine nobody takes cannot be assessed: one such finding per medicine stays."""
    answered = {each.about.label for each in findings if each.status is Status.ASSESSED}
    kept: list[Finding] = []
    silent: set[str] = set()
    for each in findings:
        if each.status is Status.NOT_ASSESSABLE and not each.concerns_current:
            if each.about.label in answered or each.about.label in silent:
                continue
            silent.add(each.about.label)
        kept.append(each)
    return tuple(kept)
