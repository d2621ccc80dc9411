"""What every renderer shows of a report: findings gathered by medicine and by gene, each with its verdict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from sartor.domain.finding import ActionKind, Finding, InputQuality, Status, Urgency
from sartor.domain.genome import CallState, GeneCall, PositionCall
from sartor.domain.provenance import Quarantined
from sartor.domain.record import Medication
from sartor.domain.report import Conflict, Report, ReportedFinding
from sartor.domain.source import Citation
from sartor.reporting.compose import source_of, subject

LEVELS = ("change", "dose", "watch", "usual", "none", "unknown")
LEVEL = {
    ActionKind.AVOID: "change",
    ActionKind.ALTERNATIVE: "change",
    ActionKind.LOWER_DOSE: "dose",
    ActionKind.HIGHER_DOSE: "dose",
    ActionKind.ADJUST_DOSE: "dose",
    ActionKind.MONITOR: "watch",
    ActionKind.TEST_FIRST: "watch",
    ActionKind.STANDARD: "usual",
    ActionKind.NONE: "none",
}
_SHARED_BY = 6
_SHORT = 11
_PREFIX = {"dose": "drug"}


@dataclass(frozen=True)
class Verdict:
    """What a finding says at a glance: `level` gives the colour, `kind` the word and the icon."""

    level: str
    kind: str

    @staticmethod
    def of(finding: Finding) -> Verdict:
        """The verdict of one finding."""
        if finding.status is Status.NOT_ASSESSABLE:
            return Verdict("unknown", "not assessable")
        if finding.action.kind is ActionKind.NONE and finding.action.parameters.get("reason") == "see-guideline":
            return Verdict("watch", "see guideline")
        return Verdict(LEVEL[finding.action.kind], finding.action.kind.value)

    @property
    def asks(self) -> bool:
        """Whether it asks for anything other than usual use."""
        return self.level in {"change", "dose", "watch"}


@dataclass(frozen=True)
class Advice:
    """What one source says about one medicine."""

    reported: ReportedFinding
    verdict: Verdict
    source: str

    @property
    def finding(self) -> Finding:
        """The finding itself."""
        return self.reported.finding

    @property
    def line(self) -> str:
        """The headline without its subject and population, which stand elsewhere on the page."""
        text = _parts(self.reported)[1]
        return text[:1].upper() + text[1:]

    @property
    def population(self) -> str:
        """Whom it applies to, in the headline's words where it names them; empty when to everyone."""
        return population(self.reported)


@dataclass(frozen=True)
class GeneToday:
    """One gene as a medicine sees it: its possible phenotypes today, and whether medicines changed them."""

    name: str
    phenotypes: tuple[str, ...] = ()
    changed: bool = False
    anchor: str = ""
    diplotype: str = ""


@dataclass(frozen=True)
class Drug:
    """One medicine with what every source says about it, the leading advice first."""

    name: str
    anchor: str
    advices: tuple[Advice, ...]
    genes: tuple[GeneToday, ...]
    medications: tuple[Medication, ...] = ()
    conflict: Conflict | None = None
    shared: frozenset[str] = frozenset()

    @property
    def leading(self) -> Advice:
        """The advice that speaks for the medicine on the first page."""
        return self.advices[0]

    @property
    def verdict(self) -> Verdict:
        """The leading advice's verdict."""
        return self.leading.verdict

    @property
    def urgency(self) -> Urgency:
        """How soon it asks for something: the most urgent of its sources."""
        return max(each.finding.urgency for each in self.advices)

    @property
    def kind(self) -> str:
        """What it is: "drug" for a medicine, else the kind that its capability names."""
        kind = self.leading.finding.kind
        return "drug" if kind == "dose" else kind

    @property
    def poor(self) -> bool:
        """Whether a conclusion about it rests on data of poor quality."""
        return any(each.finding.certainty.input_quality is InputQuality.POOR for each in self.advices)

    @property
    def in_part(self) -> bool:
        """Whether usual use rests on a part: another source could not be judged, or one of its genes is not known."""
        silent = any(each.verdict.level == "unknown" and each.finding.kind == "drug" for each in self.advices)
        unread = any(not each.phenotypes for each in self.genes)
        return self.verdict.level == "usual" and (silent or unread)

    @property
    def current(self) -> bool:
        """Whether the person takes it now."""
        return any(each.finding.concerns_current for each in self.advices)

    @property
    def headline(self) -> str:
        """The leading advice in one line, without the medicine's own name."""
        lead = self.leading
        if not lead.population or lead.population in lead.line:
            return lead.line
        return f"{lead.population[:1].upper()}{lead.population[1:]}: {lead.line[:1].lower()}{lead.line[1:]}"

    @property
    def estimates(self) -> tuple[Advice, ...]:
        """The advices that carry a computed number."""
        return tuple(each for each in self.advices if each.finding.estimate is not None)

    @property
    def why(self) -> tuple[str, ...]:
        """Every source's reasons, each sentence once."""
        return self._sentences("clinician")

    @property
    def would_change(self) -> tuple[str, ...]:
        """What would change the advice, each sentence once."""
        return self._sentences("would_change")

    @property
    def limits(self) -> tuple[str, ...]:
        """What the advice does not cover, each sentence once."""
        return self._sentences("limits")

    @property
    def patient(self) -> tuple[str, ...]:
        """The leading advice in plain language."""
        return self.leading.reported.text.patient

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation once."""
        return tuple(dict.fromkeys(each for advice in self.advices for each in advice.finding.citations))

    @property
    def search_text(self) -> str:
        """What the search box looks into."""
        brands = " ".join(each.text for each in self.medications)
        return f"{self.name} {' '.join(gene.name for gene in self.genes)} {brands}".lower()

    def _sentences(self, part: str) -> tuple[str, ...]:
        """One part of every source's text, each sentence once and without what its headline says already.

        A sentence that holds for some of a source's populations only is headed by them.
        """
        spoken: dict[str, list[Advice]] = {}
        for advice in self.advices:
            for sentence in getattr(advice.reported.text, part):
                if sentence not in self.shared and not self._repeats(sentence):
                    spoken.setdefault(sentence, []).append(advice)
        return tuple(self._headed(sentence, by) for sentence, by in spoken.items())

    def _repeats(self, sentence: str) -> bool:
        lines = tuple(f": {each.line.rstrip('.').lower()}" for each in self.advices)
        return sentence.rstrip(".").lower().endswith(lines)

    def _headed(self, sentence: str, by: Sequence[Advice]) -> str:
        all_of_source = [each for each in self.advices if each.source == by[0].source]
        populations = [each.population for each in by if each.population]
        if len(by) >= len(all_of_source) or len(populations) < len(by) or any(each in sentence for each in populations):
            return sentence
        named = "; ".join(dict.fromkeys(populations))
        return f"{named[:1].upper()}{named[1:]}: {sentence}"


@dataclass(frozen=True)
class Today:
    """What current medicines make of a gene: the phenotype today and the medicines that did it."""

    phenotypes: tuple[str, ...]
    changed: bool = True
    causes: tuple[str, ...] = ()
    score: str = ""
    certain: bool = True


@dataclass(frozen=True)
class Gene:
    """One gene: its call, what it means, and the medicines that it matters for."""

    name: str
    anchor: str
    reported: ReportedFinding
    call: GeneCall
    today: Today | None = None
    drugs: tuple[Drug, ...] = ()
    shared: frozenset[str] = frozenset()

    @property
    def state(self) -> str:
        """How the call came out: a key of the wording."""
        return self.call.status

    @property
    def diplotypes(self) -> str:
        """The diplotypes, best first; found alleles where no diplotype can be given."""
        labels = [each.label for each in self.call.diplotypes]
        shown = " or ".join(labels[:3]) + (f" +{len(labels) - 3}" if len(labels) > 3 else "")
        return shown or ", ".join(self.call.haplotypes)

    @property
    def shares(self) -> tuple[tuple[str, float | None], ...]:
        """The possible phenotypes, likeliest first, each with the probability of its diplotypes together."""
        found: dict[str, float | None] = dict.fromkeys(self.call.phenotypes)
        for each in self.call.diplotypes:
            if each.probability is not None and each.phenotype in found:
                found[each.phenotype] = (found[each.phenotype] or 0.0) + each.probability
        return tuple(sorted(found.items(), key=lambda each: -(each[1] or 0.0)))

    @property
    def poor(self) -> bool:
        """Whether it was read from data of poor quality."""
        return self.reported.finding.certainty.input_quality is InputQuality.POOR

    @property
    def changed(self) -> bool:
        """Whether current medicines change the phenotype."""
        return self.today is not None and self.today.changed

    @property
    def score(self) -> str:
        """The activity scores of the candidates."""
        scores = [each for each in self.call.activity_scores if each is not None]
        return " or ".join(number(each) for each in dict.fromkeys(scores))

    @property
    def tested(self) -> bool:
        """Whether anything is known of it."""
        return self.call.status != "not-tested"

    @property
    def informative(self) -> tuple[PositionCall, ...]:
        """The positions worth a line on paper: variant, not called, or of low quality."""
        return tuple(each for each in self.call.positions if each.state is not CallState.REFERENCE or each.concern)

    @property
    def telling(self) -> tuple[PositionCall, ...]:
        """The positions that were called and tell something: variants, and calls with a remark."""
        return tuple(each for each in self.informative if each.state is not CallState.NOT_CALLED)

    @property
    def n_reference(self) -> int:
        """How many positions agree with the reference and have nothing to remark."""
        return len(self.call.positions) - len(self.informative)

    def sentences(self, part: str) -> tuple[str, ...]:
        """One part of the finding's text without what holds for every gene."""
        return tuple(each for each in getattr(self.reported.text, part) if each not in self.shared)


@dataclass(frozen=True)
class View:
    """A report arranged for reading."""

    report: Report
    drugs: tuple[Drug, ...]
    genes: tuple[Gene, ...]
    further: tuple[Drug, ...]
    shared: tuple[str, ...]
    unmatched: tuple[Medication, ...]
    silent: tuple[Medication, ...]
    actions: tuple[Drug, ...]
    _by_finding: dict[str, Drug] = field(default_factory=dict, repr=False)

    @cached_property
    def current(self) -> tuple[Drug, ...]:
        """The medicines taken now, most urgent first."""
        return tuple(each for each in self.drugs if each.current)

    @cached_property
    def others(self) -> tuple[Drug, ...]:
        """Every other medicine, by level and name."""
        rest = (each for each in self.drugs if not each.current)
        return tuple(sorted(rest, key=lambda each: (LEVELS.index(each.verdict.level), each.name.lower())))

    @cached_property
    def levels(self) -> dict[str, tuple[Drug, ...]]:
        """The other medicines by level."""
        return {level: tuple(each for each in self.others if each.verdict.level == level) for level in LEVELS}

    @cached_property
    def asking(self) -> tuple[Drug, ...]:
        """The current medicines that ask for a decision."""
        return tuple(each for each in self.current if each.verdict.asks)

    def quiet(self, level: str) -> tuple[Drug, ...]:
        """The current medicines of one level that asks for nothing."""
        return tuple(each for each in self.current if each.verdict.level == level)

    def drug_of(self, finding: str) -> Drug | None:
        """The medicine that a finding belongs to."""
        return self._by_finding.get(finding)

    @cached_property
    def gaps(self) -> tuple[Gene, ...]:
        """Genes with positions that were not called."""
        return tuple(each for each in self.genes if each.tested and each.call.n_missing)

    @cached_property
    def partly(self) -> tuple[Gene, ...]:
        """Tested genes whose gaps leave more than one phenotype possible."""
        return tuple(each for each in self.gaps if len(each.call.phenotypes) > 1)

    @cached_property
    def untested(self) -> tuple[Gene, ...]:
        """Genes of which nothing is known."""
        return tuple(each for each in self.genes if not each.tested)

    @cached_property
    def n_current(self) -> int:
        """How many current medicines the record lists."""
        return sum(each.current is not False for each in self.report.patient.medications)

    @cached_property
    def unjudged(self) -> tuple[Medication, ...]:
        """The current medicines of which at least one active substance could not be judged."""
        found = [*self.unmatched, *(each for drug in self.quiet("unknown") for each in drug.medications)]
        found += self.silent if self.report.failed or not self.report.findings else ()
        return tuple(dict.fromkeys(found))

    @cached_property
    def in_part(self) -> tuple[Drug, ...]:
        """The current medicines for which usual use rests on a part of what matters."""
        return tuple(each for each in self.current if each.in_part)

    @cached_property
    def lost_files(self) -> tuple[Quarantined, ...]:
        """The inputs of which nothing could be used."""
        return tuple(each for each in self.report.quarantined if each.kind == "file")

    @cached_property
    def lost_data(self) -> tuple[Quarantined, ...]:
        """The data set aside from inputs that were used."""
        return tuple(each for each in self.report.quarantined if each.kind != "file")

    @cached_property
    def poor_genes(self) -> tuple[str, ...]:
        """Genes read from data of poor quality, those that matter for a current medicine first."""
        return tuple(dict.fromkeys((*self._poor_now, *(each.name for each in self.genes if each.poor))))

    @cached_property
    def alarmed(self) -> bool:
        """Whether the reader has to know at once that something handed in could not be used or not trusted."""
        return bool(self.report.failed or self.report.quarantined or self.poor_genes or self.in_part)

    @cached_property
    def all_clear(self) -> bool:
        """Whether "nothing asks for a decision" may be said: all current medicines judged, on sound and whole input."""
        poor = self._poor_now or any(each.poor for each in self.current)
        flawed = self.report.failed or self.report.quarantined or self.unjudged or self.in_part or poor
        return bool(self.current) and not self.asking and not flawed

    @property
    def _poor_now(self) -> tuple[str, ...]:
        poor = {each.name for each in self.genes if each.poor}
        return tuple(dict.fromkeys(gene.name for drug in self.current for gene in drug.genes if gene.name in poor))

    @cached_property
    def citations(self) -> tuple[tuple[Citation, tuple[str, ...]], ...]:
        """Every citation once, with the medicines that rest on it."""
        found: dict[Citation, list[str]] = {}
        for drug in self.drugs:
            for citation in drug.citations:
                found.setdefault(citation, []).append(drug.name)
        return tuple((citation, tuple(names)) for citation, names in found.items())


def view(report: Report) -> View:
    """Arrange a report for reading."""
    called = {each.finding.about.code: call for each in report.findings if (call := _gene_call(each)) is not None}
    drugs_shared, genes_shared = _shared(report, "drug"), _shared(report, "gene")
    calls = [each for each in report.findings if each.finding.kind == "gene" and "gene_call" in each.finding.details]
    bare = tuple(_gene(each, called, genes_shared) for each in calls)
    subjects = _subjects(report, {each.name: each for each in bare}, frozenset(drugs_shared))
    drugs = tuple(each for each in subjects if each.kind == "drug")
    genes = tuple(_with_drugs(gene, drugs) for gene in sorted(bare, key=lambda each: each.name))
    by_finding = {advice.finding.id: drug for drug in subjects for advice in drug.advices}
    led = {drug.anchor: drug for identifier in report.actions if (drug := by_finding.get(identifier)) is not None}
    current = [each for each in report.patient.medications if each.current is not False]
    known = {medication for drug in drugs if drug.current for medication in drug.medications}
    return View(
        report=report,
        drugs=drugs,
        genes=genes,
        further=tuple(each for each in subjects if each.kind != "drug"),
        shared=(*drugs_shared, *genes_shared),
        unmatched=tuple(each for each in current if not each.drugs),
        silent=tuple(each for each in current if each.drugs and each not in known),
        actions=tuple(led.values()),
        _by_finding=by_finding,
    )


def population(reported: ReportedFinding) -> str:
    """Whom a finding applies to, in its headline's words where it names them; empty when to everyone."""
    return _parts(reported)[0] or ", ".join(each.label or each.code for each in reported.finding.context)


def _parts(reported: ReportedFinding) -> tuple[str, str]:
    """The population and the rest of a headline, without its subject."""
    text = reported.text.headline
    name = re.escape(reported.finding.about.label or reported.finding.about.code)
    found = re.match(rf"{name}(?: \((?P<population>.+?)\))?: (?P<rest>.+)", text, re.IGNORECASE | re.DOTALL)
    return (found["population"] or "", found["rest"]) if found else ("", text)


def number(value: float) -> str:
    """A number without needless digits: 1.0 → 1, 0.25 → 0.25."""
    return f"{value:.3g}"


def slug(name: str) -> str:
    """Lower case, everything that is no letter or digit becomes one hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _subjects(report: Report, genes: dict[str, Gene], shared: frozenset[str]) -> tuple[Drug, ...]:
    groups: dict[tuple[str, str], list[ReportedFinding]] = {}
    for each in report.findings:
        if "gene_call" not in each.finding.details:
            groups.setdefault(subject(each.finding), []).append(each)
    conflicts = {identifier: each for each in report.conflicts for identifier in each.findings}
    made = (_drug(found, report, genes, conflicts, shared) for found in groups.values())
    return _apart(made)


def _apart(subjects: Iterable[Drug]) -> tuple[Drug, ...]:
    """Subjects of one name but two codes get anchors of their own."""
    seen: Counter[str] = Counter()
    kept = []
    for each in subjects:
        seen[each.anchor] += 1
        again = seen[each.anchor]
        kept.append(each if again == 1 else replace(each, anchor=f"{each.anchor}-{again}"))
    return tuple(kept)


def _drug(
    found: Sequence[ReportedFinding],
    report: Report,
    genes: dict[str, Gene],
    conflicts: dict[str, Conflict],
    shared: frozenset[str],
) -> Drug:
    about = found[0].finding.about
    ordered = sorted(found, key=lambda each: each.finding.kind == "dose")
    named = dict.fromkeys(gene for each in found for gene in _gene_names(each.finding))
    return Drug(
        name=about.label or about.code,
        anchor=f"{_PREFIX.get(found[0].finding.kind, found[0].finding.kind)}-{slug(about.label or about.code)}",
        advices=tuple(Advice(each, Verdict.of(each.finding), source_of(each.finding)) for each in ordered),
        genes=tuple(_gene_today(gene, genes.get(gene), found) for gene in named),
        medications=tuple(each for each in report.patient.medications if _is(each, about.code, about.label)),
        conflict=next((conflicts[each.finding.id] for each in found if each.finding.id in conflicts), None),
        shared=shared,
    )


def _is(medication: Medication, code: str, label: str) -> bool:
    if medication.current is False:
        return False
    whole = (each.drug for each in medication.drugs if not each.local)
    return any(each.code == code or each.label.lower() == label.lower() for each in whole)


def _gene_names(finding: Finding) -> tuple[str, ...]:
    lookup = finding.details.get("lookup")
    if isinstance(lookup, dict) and lookup:
        return tuple(lookup)
    parts = (name.split(".") for name in finding.because)
    return tuple(each[1] for each in parts if len(each) > 2 and each[0] == "gene")


def _gene_today(name: str, gene: Gene | None, found: Sequence[ReportedFinding]) -> GeneToday:
    """As the leading finding looked it up, else as the gene's own finding has it."""
    anchor = gene.anchor if gene is not None else ""
    labels = [each.label for each in gene.call.diplotypes] if gene is not None else []
    short = labels[0] if len(labels) == 1 and len(labels[0]) <= _SHORT else ""
    for each in found:
        told = each.finding.details.get("genes")
        here = told.get(name) if isinstance(told, dict) else None
        if isinstance(here, dict) and isinstance(today := here.get("today"), list):
            named = tuple(dict.fromkeys(str(phenotype) for phenotype in today))
            return GeneToday(name, named, today != here.get("genetic", today), anchor, short)
    if gene is not None:
        today_named = gene.today.phenotypes if gene.today is not None and gene.changed else gene.call.phenotypes
        return GeneToday(name, today_named, gene.changed, anchor, short)
    lookups = (each.finding.details.get("lookup") for each in found)
    return GeneToday(name, tuple(str(each[name]) for each in lookups if isinstance(each, dict) and each.get(name))[:1])


def _gene(each: ReportedFinding, called: dict[str, GeneCall], shared: Iterable[str]) -> Gene:
    name = each.finding.about.label or each.finding.about.code
    call = called.get(each.finding.about.code) or GeneCall(gene=name, status="not-tested")
    today = _today(each.finding.details.get("phenotype_today"))
    return Gene(name, f"gene-{slug(name)}", each, call, today, shared=frozenset(shared))


def _with_drugs(gene: Gene, drugs: Iterable[Drug]) -> Gene:
    matter = tuple(drug for drug in drugs if any(each.name == gene.name for each in drug.genes))
    return replace(gene, drugs=matter)


def _gene_call(each: ReportedFinding) -> GeneCall | None:
    told = each.finding.details.get("gene_call")
    try:
        return GeneCall.model_validate(told) if each.finding.kind == "gene" and told is not None else None
    except ValidationError:
        return None


def _today(told: Any) -> Today | None:
    """Read the `phenotype_today` detail of a gene finding; None when it has none or says nothing."""
    if not isinstance(told, dict) or not told.get("phenotypes"):
        return None
    scores = [each for each in told.get("activity_scores") or () if isinstance(each, int | float)]
    return Today(
        phenotypes=tuple(str(each) for each in told["phenotypes"]),
        changed=bool(told.get("changed", True)),
        causes=tuple(dict.fromkeys(_cause(each) for each in told.get("causes") or () if each.get("changes", True))),
        score=" or ".join(number(each) for each in scores),
        certain=told.get("certainty", "certain") == "certain",
    )


def _cause(told: dict[str, Any]) -> str:
    """A medicine that acts on a gene's product, with how, such as "paroxetine (strong inhibitor)"."""
    drug = told.get("drug")
    name = str(drug.get("label") or drug.get("code") or "") if isinstance(drug, dict) else str(drug or "")
    kind = " ".join(str(told[key]) for key in ("strength", "role") if told.get(key))
    return f"{name} ({kind})" if kind else name


def _shared(report: Report, kind: str) -> tuple[str, ...]:
    """Limits that (nearly) every assessed finding of a kind states, so that they can be said once for all."""
    found: dict[str, set[tuple[str, str]]] = {}
    every = {subject(each.finding) for each in report.findings if _assessed(each.finding, kind)}
    for each in report.findings:
        if _assessed(each.finding, kind):
            for sentence in each.text.limits:
                found.setdefault(sentence, set()).add(subject(each.finding))
    least = max(_SHARED_BY, round(len(every) * 0.9))
    return tuple(sentence for sentence, subjects in found.items() if len(subjects) >= least)


def _assessed(finding: Finding, kind: str) -> bool:
    return finding.kind == kind and finding.status is Status.ASSESSED
