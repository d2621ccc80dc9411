"""Why a medicine is recommended, changed or left open: the finding in sentences for clinician and patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.assess.drugs import SEE_GUIDELINE
from sartor.capabilities.pharmacogenomics.assess.genes import outside_reasons
from sartor.capabilities.pharmacogenomics.explain.sentences import (
    SHOWN,
    code_key,
    either,
    factor_wording,
    gene_sentence,
    key_wordings,
    left_out_text,
    percent,
    reason_wordings,
    wording,
)
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Contribution, Explanation, Wording
from sartor.domain.finding import ActionKind, Finding, Status
from sartor.domain.genome import GeneCall


class DrugExplainer:
    """Explains one finding on a medicine."""

    def __init__(self, evidence: Evidence, finding: Finding) -> None:
        self.evidence = evidence
        self.finding = finding
        self.action = finding.action
        self.details: Mapping[str, Any] = finding.details
        self.parameters: Mapping[str, Any] = finding.action.parameters
        self.drug = finding.about.label
        self.guideline = str(self.details["guideline"])
        genes: Any = finding.details["genes"]
        self.genes: Mapping[str, Any] = genes

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
            if likely := self.details.get("most_likely"):
                action = wording(f"do.{code_key(likely['action'])}" if likely["action"] else "do.no-row")
                how = percent(likely["probability"])
                return wording("headline.depends-likely", drug=self._named(), how=how, action=action)
            return wording("headline.depends", drug=self._named(), genes=self._gene_names())
        if self._waits:
            return wording("headline.untested", drug=self._named(), genes=self._untested,
                           known=self._tested, action=self._meanwhile())  # fmt: skip
        if self._pointed_to:
            return wording("headline.see-guideline", drug=self._named(), guideline=self.guideline)
        said = wording(f"headline.{kind}", drug=self._named(), instruction=self._instruction(short=True))
        return wording("headline.with-gap", said=said, genes=self._untested) if self._untested else said

    @property
    def _pointed_to(self) -> bool:
        """Whether advice exists, in the cited guideline alone."""
        return self.action.kind is ActionKind.NONE and self.parameters.get("reason") == SEE_GUIDELINE

    @property
    def _untested(self) -> list[str]:
        """The untested genes that could change the advice."""
        return list(self.details.get("untested_genes", ()))

    @property
    def _tested(self) -> list[str]:
        return [gene for gene, known in self.genes.items() if known["tested"]]

    @property
    def _waits(self) -> bool:
        """Whether the tested genes alone ask for nothing, and an untested one could."""
        return bool(self._untested) and self.action.kind is ActionKind.TEST_FIRST

    def _meanwhile(self) -> Wording:
        """What the tested genes alone would say."""
        return wording("do.standard" if ActionKind.STANDARD in self.action.also else "do.no-recommendation")

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

    def _instead(self) -> JsonValue | Wording:
        if self.action.alternatives:
            return either(self.action.alternatives)
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
        if official := self.details.get("official_text"):
            yield wording("advice.official", guideline=self.guideline, text=official["text"])
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
        if self._waits:
            yield wording("advice.untested", guideline=self.guideline, drug=self.drug, genes=self._untested,
                          known=self._tested, action=self._meanwhile())  # fmt: skip
            return
        yield wording("advice.main", guideline=self.guideline, drug=self.drug,
                      instruction=self._instruction(short=False))  # fmt: skip
        yield wording(f"strength.{code_key(strength)}", guideline=self.guideline)
        if causes := self._causes():
            yield wording("strength.for-phenotype", guideline=self.guideline, causes=causes)
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
            yield wording("advice.not-instead", drugs=either(list(other)))
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
        if self._waits:
            yield wording(f"patient.untested-{now}", drug=drug, genes=self._untested, known=self._tested)
        elif self._pointed_to:
            yield wording(f"patient.see-guideline-{now}", drug=drug)
        else:
            yield wording(f"patient.{kind}-{now}", drug=drug)
            if self._untested:
                yield wording("patient.also-untested", genes=self._untested, drug=drug)
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
            keys = either(key_wordings(known["keys"])[:SHOWN])
            action = wording(f"do.{code_key(known['action'])}")
            yield wording("change.gene", gene=known["gene"], keys=keys, action=action, guideline=self.guideline)
        yield from self._without_others()
        for gene, known in self.genes.items():
            if known["causes"] and known["genetic"]:
                yield wording("change.medicine", causes=known["causes"], gene=gene, genetic=either(known["genetic"]))
            if not known["tested"]:
                yield wording("change.test-gene", gene=gene, drug=self.drug)
            yield from self._positions(gene)

    def _without_others(self) -> Iterator[Wording]:
        kind = self.details.get("without_others")
        if kind and kind != self.action.kind:
            action = wording(f"do.{code_key(kind)}")
            yield wording("change.without", causes=self._causes(), guideline=self.guideline, action=action)

    def _genes_with(self, reason: str) -> list[str]:
        """The genes to which a reason about a laboratory's call belongs."""
        found = ((gene, self.evidence.get(f"gene.{gene}.call")) for gene in self.genes)
        notes: dict[str, Any] = {gene: fact.value for gene, fact in found if fact is not None}
        return [gene for gene, value in notes.items() if reason in outside_reasons(value["notes"])]

    def _positions(self, gene: str) -> Iterator[Wording]:
        fact = self.evidence.get(f"gene.{gene}.call")
        if fact is None or not (self._undecided or self.details.get("candidates")):
            return
        call = GeneCall.model_validate(fact.value)
        if call.missing:
            yield wording("change.positions", gene=gene, count=call.n_missing, shown=list(call.missing[:SHOWN]))

    def _limits(self) -> Iterator[Wording]:
        yield wording("limits.genes-alone", genes=self._gene_names(), drug=self.drug)
        if self._untested:
            yield wording("limits.untested", genes=self._untested, known=self._tested, drug=self.drug)
        shares = [known["left_out"] for known in self.genes.values()]
        for key in self.finding.certainty.reasons:
            genes = self._genes_with(key) or self._gene_names()
            yield from reason_wordings([key], genes=genes, left_out=left_out_text(shares))
        if population := self.details["population"]:
            yield wording("limits.population", population=wording(f"population.{population}"))
