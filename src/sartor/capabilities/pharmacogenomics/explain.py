"""Evidence and finding → explanation: why it is so, what would change it, what it does not cover, as wording keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Contribution, Explanation, Wording
from sartor.domain.finding import ActionKind, Finding, Status
from sartor.domain.genome import GeneCall

PREFIX: Final = "pharmacogenomics"
SHOWN: Final = 6
"""How many of a long list (positions, candidates) are named; the rest is counted."""


def explain(evidence: Evidence, finding: Finding) -> Explanation:
    """The reasons of one finding of this capability."""
    if finding.kind == "gene":
        return _gene(finding)
    if finding.kind == "dose":
        return _dose(finding)
    return _Drug(evidence, finding).explanation()


def wording(key: str, **values: Any) -> Wording:
    """A sentence of this capability; values may be wordings themselves, or lists of them."""
    return Wording(key=f"{PREFIX}.{key}", values={name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> JsonValue:
    if isinstance(value, Wording):
        return {"key": value.key, "values": value.values}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value  # type: ignore[no-any-return]


def code_key(text: str) -> str:
    """A code as it stands in the wording table."""
    return text.replace(" ", "-")


def percent(share: float) -> str:
    """A share as a whole percentage, such as "50 %"."""
    return f"{100 * share:.0f} %"


def factor_wording(factor: tuple[float, float]) -> Wording:
    """A dose factor in words: a percentage up to the usual dose, a multiple above it."""
    low, high = factor
    if high <= 1:
        return wording("dose.percent" if low == high else "dose.percents", low=percent(low), high=percent(high))
    return wording("dose.times" if low == high else "dose.times-range", low=f"{low:g}", high=f"{high:g}")


class _Drug:
    """Explains one finding on a medicine."""

    def __init__(self, evidence: Evidence, finding: Finding) -> None:
        self.evidence = evidence
        self.finding = finding
        self.action = finding.action
        self.details: Mapping[str, Any] = finding.details
        self.parameters: Mapping[str, Any] = finding.action.parameters
        self.drug = finding.about.label
        self.guideline = str(self.details["guideline"])
        self.genes: Mapping[str, Any] = self.details["genes"]

    def explanation(self) -> Explanation:
        """Headline, clinician, patient, what would change it, limits."""
        return Explanation(
            finding=self.finding.id,
            headline=self._headline(),
            clinician=tuple(self._clinician()),
            patient=tuple(self._patient()),
            contributions=tuple(self._contributions()),
            would_change=tuple(self._would_change()),
            limits=tuple(self._limits()),
        )

    @property
    def _assessed(self) -> bool:
        return self.finding.status is Status.ASSESSED

    def _named(self) -> str | Wording:
        population = self.details["population"]
        label = self.drug[:1].upper() + self.drug[1:]
        if not population:
            return label
        return wording("drug.in-population", drug=label, population=wording(f"population.{population}"))

    def _headline(self) -> Wording:
        if not self._assessed:
            return wording(f"headline.{self.details['reason']}", drug=self._named(), genes=self._gene_names())
        kind = code_key(self.action.kind)
        if self.details.get("candidates") and self.action.kind is ActionKind.TEST_FIRST and not self.details["lookup"]:
            return wording("headline.depends", drug=self._named(), genes=self._gene_names())
        return wording(f"headline.{kind}", drug=self._named(), instruction=self._instruction(short=True))

    def _instruction(self, *, short: bool) -> Wording:
        """What to do, in words: the action with its dose, maximum or alternatives."""
        action, kind = self.action, code_key(self.action.kind)
        if action.kind in (ActionKind.AVOID, ActionKind.ALTERNATIVE):
            if instead := self._instead():
                return wording(f"do.{kind}-instead", alternative=instead)
            return wording(f"do.{kind}")
        if action.dose_factor and action.kind in (
            ActionKind.LOWER_DOSE,
            ActionKind.HIGHER_DOSE,
            ActionKind.ADJUST_DOSE,
        ):
            of = wording(f"dose_of.{code_key(str(self.parameters.get('factor_of', 'dose')))}")
            return wording("do.dose-factor", factor=factor_wording(action.dose_factor), of=of)
        if action.maximum_dose and action.kind is ActionKind.LOWER_DOSE:
            return wording("do.dose-maximum", maximum=action.maximum_dose)
        if start := self.parameters.get("start"):
            return wording("do.dose-start", start=start)
        if action.kind is ActionKind.ADJUST_DOSE and "use-dose-algorithm" in self.parameters.get("qualifiers", ()):
            return wording("do.dose-algorithm")
        if action.kind is ActionKind.MONITOR and (watch := self._monitoring()):
            return wording("do.monitor-what", what=watch)
        return wording(f"do.{kind}")

    def _instead(self) -> list[Any] | Wording | None:
        if self.action.alternatives:
            return list(self.action.alternatives)
        named = self.parameters.get("alternative_class")
        return wording(f"instead.{named}") if named else None

    def _monitoring(self) -> list[Wording]:
        return [wording(f"monitoring.{code}") for code in self.parameters.get("monitoring", ())]

    def _gene_names(self) -> list[str]:
        return list(self.genes)

    # what the clinician reads

    def _clinician(self) -> Iterator[Wording]:
        for gene, known in self.genes.items():
            yield gene_sentence(gene, known)
        if not self._assessed:
            yield wording(f"not_assessable.{self.details['reason']}", drug=self.drug, guideline=self.guideline,
                          genes=self._gene_names())  # fmt: skip
            return
        yield from self._effects()
        if self._undecided:
            yield from self._candidates()
            return
        yield from self._advice()
        if self.details.get("candidates"):
            yield wording("candidates.agree", count=len(self.details["candidates"]), guideline=self.guideline)

    @property
    def _undecided(self) -> bool:
        return bool(self.details.get("candidates")) and not self.details["lookup"]

    def _effects(self) -> Iterator[Wording]:
        for said in self.details["implications"]:
            for code in said["codes"]:
                if code not in ("not-given", "not-described"):
                    yield wording(f"effect.{code}", gene=said["gene"], drug=self.drug)

    def _advice(self) -> Iterator[Wording]:
        strength = self.finding.certainty.source_strength
        if self.action.kind is ActionKind.NONE:
            yield wording(f"none.{self.parameters.get('reason') or 'not-given'}", guideline=self.guideline,
                          drug=self.drug)  # fmt: skip
            return
        yield wording("advice.main", guideline=self.guideline, drug=self.drug,
                      instruction=self._instruction(short=False))  # fmt: skip
        yield wording(f"strength.{code_key(strength)}", guideline=self.guideline)
        yield from self._doses()
        yield from self._further()

    def _doses(self) -> Iterator[Wording]:
        action = self.action
        dosed = action.kind in (ActionKind.LOWER_DOSE, ActionKind.HIGHER_DOSE, ActionKind.ADJUST_DOSE)
        if action.dose_factor and not dosed:
            of = wording(f"dose_of.{code_key(str(self.parameters.get('factor_of', 'dose')))}")
            yield wording("advice.dose-if-used", drug=self.drug, factor=factor_wording(action.dose_factor), of=of)
        if action.maximum_dose and (action.dose_factor or action.kind is not ActionKind.LOWER_DOSE):
            yield wording("advice.maximum", maximum=action.maximum_dose, drug=self.drug)
        if (start := self.parameters.get("start")) and action.dose_factor:
            yield wording("advice.start", start=start, drug=self.drug)

    def _further(self) -> Iterator[Wording]:
        action = self.action
        for kind in action.also:
            if kind is ActionKind.MONITOR and self._monitoring():
                yield wording("also.monitor-what", what=self._monitoring())
            elif kind is ActionKind.ALTERNATIVE and self._instead():
                if action.kind is not ActionKind.AVOID:
                    yield wording("also.alternative-instead", alternative=self._instead())
            elif not (action.dose_factor and kind in (ActionKind.LOWER_DOSE, ActionKind.HIGHER_DOSE)):
                yield wording(f"also.{code_key(kind)}", drug=self.drug)
        if other := self.parameters.get("not_instead"):
            yield wording("advice.not-instead", drugs=list(other))
        for code in self.parameters.get("qualifiers", ()):
            yield wording(f"qualifier.{code}", drug=self.drug, guideline=self.guideline)

    def _candidates(self) -> Iterator[Wording]:
        found: Sequence[Mapping[str, Any]] = self.details["candidates"]
        yield wording("candidates.differ", count=len(found), genes=self._gene_names(), guideline=self.guideline)
        for candidate in found[:SHOWN]:
            state = [
                wording("candidates.state", gene=gene, is_=each["phenotype"] or each["diplotype"])
                for gene, each in candidate["genes"].items()
                if each["phenotype"] or each["diplotype"]
            ]
            action = wording(f"do.{code_key(candidate['action'])}" if candidate["action"] else "do.no-row")
            if candidate["probability"] is None:
                yield wording("candidates.one", state=state, action=action)
            else:
                yield wording(
                    "candidates.one-likely", state=state, action=action, how=percent(candidate["probability"])
                )
        if len(found) > SHOWN:
            yield wording("candidates.more", count=len(found) - SHOWN)

    # what the patient reads

    def _patient(self) -> Iterator[Wording]:
        drug, now = self.drug, "current" if self.finding.concerns_current else "other"
        if not self._assessed:
            yield wording(f"patient.not-assessable-{now}", drug=drug)
            return
        kind = "depends" if self._undecided else code_key(self.action.kind)
        yield wording(f"patient.{kind}-{now}", drug=drug)
        for cause in self._causes():
            yield wording("patient.because-of-medicine", drug=drug, cause=cause)
        if self.action.kind not in (ActionKind.STANDARD, ActionKind.NONE):
            yield wording("patient.do-not-stop", drug=drug)

    def _causes(self) -> list[str]:
        return list(dict.fromkeys(cause for known in self.genes.values() for cause in known["causes"]))

    # what it rests on, what would change it, what it leaves out

    def _contributions(self) -> Iterator[Contribution]:
        for said in self.details["implications"]:
            name = f"gene.{said['gene']}.call"
            codes = [code for code in said["codes"] if code not in ("not-given", "not-described")]
            if name in self.finding.because and codes:
                yield Contribution(fact=name, wording=wording(f"effect.{codes[0]}", gene=said["gene"], drug=self.drug))

    def _would_change(self) -> Iterator[Wording]:
        for known in self.details.get("neighbours", ()):
            keys = [key_wording(key) for key in known["keys"][:SHOWN]]
            action = wording(f"do.{code_key(known['action'])}")
            yield wording("change.gene", gene=known["gene"], keys=keys, action=action, guideline=self.guideline)
        for gene, known in self.genes.items():
            if known["causes"] and known["genetic"]:
                yield wording("change.medicine", causes=known["causes"], gene=gene, genetic=known["genetic"])
            if not known["tested"]:
                yield wording("change.test-gene", gene=gene, drug=self.drug)
            yield from self._positions(gene)

    def _positions(self, gene: str) -> Iterator[Wording]:
        fact = self.evidence.get(f"gene.{gene}.call")
        if fact is None or not (self._undecided or self.details.get("candidates")):
            return
        call = GeneCall.model_validate(fact.value)
        if call.missing:
            yield wording("change.positions", gene=gene, count=call.n_missing, shown=list(call.missing[:SHOWN]))

    def _limits(self) -> Iterator[Wording]:
        yield wording("limits.genes-alone", genes=self._gene_names(), drug=self.drug)
        for key in self.finding.certainty.reasons:
            yield Wording(key=key, values={"genes": list(self._gene_names())})
        if population := self.details["population"]:
            yield wording("limits.population", population=wording(f"population.{population}"))


def key_wording(key: str) -> str | Wording:
    """A look-up key in words: a phenotype as it is, a score said to be one."""
    text = key.lstrip("≥").partition(" ")[0]
    return wording("key.score", score=key) if text.replace(".", "").isdigit() else key


def gene_sentence(gene: str, known: Mapping[str, Any]) -> Wording:
    """What was found of one gene, genetic and today."""
    if not known["tested"]:
        return wording("gene.not-tested", gene=gene)
    today, genetic = known["today"], known["genetic"]
    if known["causes"] and genetic and today != genetic:
        return wording("gene.converted", gene=gene, genetic=genetic, today=today, causes=known["causes"])
    if known["causes"] and not genetic:
        return wording("gene.converted-unknown", gene=gene, today=today, causes=known["causes"])
    shown = known["diplotype"]
    if len(genetic) > 1:
        return wording("gene.several", gene=gene, phenotypes=genetic)
    if not genetic:
        return wording("gene.diplotype", gene=gene, diplotype=shown or "?")
    if not shown:
        return wording("gene.phenotype", gene=gene, phenotype=genetic)
    return wording("gene.called", gene=gene, diplotype=shown, phenotype=genetic)


def _gene(finding: Finding) -> Explanation:
    """Explains one gene finding."""
    call = GeneCall.model_validate(finding.details["gene_call"])
    gene = call.gene
    labels = list(dict.fromkeys(each.label for each in call.diplotypes if each.label))
    phenotypes = [each for each in call.phenotypes if each]
    return Explanation(
        finding=finding.id,
        headline=_gene_headline(gene, labels, phenotypes),
        clinician=tuple(_gene_clinician(finding, call, labels, phenotypes)),
        patient=tuple(_gene_patient(gene, phenotypes, bool(labels or phenotypes))),
        would_change=tuple(_gene_change(call)),
        limits=tuple(
            Wording(key=key, values={"genes": [gene]}) for key in finding.certainty.reasons
        ) + ((wording("limits.only-listed", gene=gene),) if labels or phenotypes else ()),
    )  # fmt: skip


def _gene_headline(gene: str, labels: list[str], phenotypes: list[str]) -> Wording:
    if not labels and not phenotypes:
        return wording("gene_headline.unknown", gene=gene)
    if len(phenotypes) > 1:
        return wording("gene_headline.several", gene=gene, phenotypes=phenotypes)
    if len(labels) == 1 and phenotypes:
        return wording("gene_headline.called", gene=gene, diplotype=labels[0], phenotype=phenotypes[0])
    if phenotypes:
        return wording("gene_headline.phenotype", gene=gene, phenotype=phenotypes[0])
    return wording("gene_headline.diplotypes", gene=gene, diplotypes=labels[:SHOWN])


def _gene_clinician(
    finding: Finding, call: GeneCall, labels: list[str], phenotypes: list[str]
) -> Iterator[Wording]:  # fmt: skip
    gene = call.gene
    if not labels and not phenotypes:
        tested = "not-tested" if call.status == "not-tested" else "not-called"
        yield wording(f"gene_detail.{tested}", gene=gene)
    elif len(labels) > 1:
        yield wording("gene_detail.several", gene=gene, count=len(labels), diplotypes=labels[:SHOWN])
    elif labels:
        yield wording("gene_detail.one", gene=gene, diplotype=labels[0])
    if len(phenotypes) == 1 and len(labels) > 1:
        yield wording("gene_detail.same-phenotype", gene=gene, phenotype=phenotypes[0])
    elif phenotypes:
        yield wording("gene_detail.phenotype", gene=gene, phenotypes=phenotypes)
    for score in dict.fromkeys(score for score in call.activity_scores if score is not None):
        yield wording("gene_detail.score", gene=gene, score=f"{score:g}")
    today: Any = finding.details.get("phenotype_today")
    if today and today["changed"]:
        causes = [cause["drug"]["label"] for cause in today["causes"] if cause["changes"]]
        yield wording("gene_detail.today", gene=gene, today=today["phenotypes"], causes=list(dict.fromkeys(causes)))
        for reason in today["reasons"]:
            yield Wording(key=reason, values={"gene": gene})
    yield wording(f"gene_detail.source-{call.source}", gene=gene)


def _gene_patient(gene: str, phenotypes: list[str], known: bool) -> Iterator[Wording]:
    if not known:
        yield wording("patient_gene.unknown", gene=gene)
    elif not phenotypes:
        yield wording("patient_gene.no-phenotype", gene=gene)
    else:
        for phenotype in phenotypes:
            yield wording(f"patient_gene.{phenotype_group(phenotype)}", gene=gene)


GROUPS: Final = (
    ("poor", ("poor",)),
    ("intermediate", ("intermediate", "decreased")),
    ("fast", ("ultrarapid", "rapid", "increased function")),
    ("normal", ("normal",)),
    ("susceptible", ("malignant hyperthermia susc", "positive", "deficient", "increased risk")),
)


def phenotype_group(phenotype: str) -> str:
    """The plain-language group of a phenotype; "other" when none fits."""
    text = phenotype.lower()
    return next((group for group, words in GROUPS if any(word in text for word in words)), "other")


def _gene_change(call: GeneCall) -> Iterator[Wording]:
    if call.missing:
        shown = list(call.missing[:SHOWN])
        yield wording("change.positions", gene=call.gene, count=call.n_missing, shown=shown)
    if call.missing_alleles:
        alleles = list(call.missing_alleles[: 2 * SHOWN])
        yield wording("change.alleles", gene=call.gene, count=len(call.missing_alleles), alleles=alleles)
    if call.unknown_variants:
        yield wording("change.unknown-variants", gene=call.gene, variants=list(call.unknown_variants[:SHOWN]))


def _dose(finding: Finding) -> Explanation:
    """Explains a computed dose from the wordings that the finding brings along."""
    details: Mapping[str, Any] = finding.details
    explained: Mapping[str, Any] = details["explanation"]
    said = {name: tuple(Wording.model_validate(each) for each in explained.get(name, ())) for name in _PARTS}
    return Explanation(finding=finding.id, headline=Wording.model_validate(explained["headline"]), **said)


_PARTS: Final = ("clinician", "patient", "would_change", "limits")
