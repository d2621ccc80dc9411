"""Computed doses: warfarin by published equations, and dose factors where guidelines give a multiple of the usual."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.assess import warfarin
from sartor.capabilities.pharmacogenomics.assess.dose_equations import Inputs, Prediction, predict
from sartor.capabilities.pharmacogenomics.assess.dose_factors import factor_findings
from sartor.capabilities.pharmacogenomics.assess.genes import CAPABILITY, quality, worst_quality
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.assess.warfarin import WarfarinPerson
from sartor.capabilities.pharmacogenomics.tables.dosing import DosingTable, Equation, dosing_table
from sartor.domain.code import RXNORM, SARTOR, Coded
from sartor.domain.evidence import Evidence
from sartor.domain.finding import (
    Action,
    ActionKind,
    Certainty,
    Estimate,
    Finding,
    InputQuality,
    SourceStrength,
    Status,
    Urgency,
)

_WORDING = f"{CAPABILITY}.dosing"
_CURRENT, _GENES = "warfarin", ("VKORC1", "CYP2C9")
COMPUTED = Coded(system=SARTOR, code="computed-dose", label="computed dose")


def dose_findings(evidence: Evidence, person: Person | None = None) -> tuple[Finding, ...]:
    """Every dose that can be computed for this person, and for current warfarin what is missing to compute it.

    Warfarin: both published families when it is taken now; one estimate for the future when body size, age and a
    genotype are known. Other medicines: see `factor_findings`. `person` spares reading the facts twice.
    """
    person = person or Person.of(evidence)
    table = dosing_table()
    return (*_warfarin_findings(evidence, person, table), *factor_findings(person, table))


def _warfarin_findings(evidence: Evidence, person: Person, table: DosingTable) -> tuple[Finding, ...]:
    drug = Coded(system=RXNORM, code=table.rxnorm[_CURRENT], label=_CURRENT)
    taken = person.medication_facts(drug)
    if lacking := warfarin.missing(evidence):
        return (_not_assessable(drug, lacking, taken, table),) if taken else ()
    facts = warfarin.gathered(evidence, person, table.warfarin)
    if "age_years" in facts.outside:
        return (_not_assessable(drug, ("adult",), taken, table),) if taken else ()
    if not taken and len(facts.unknown) == len(_GENES):
        return ()
    chosen = _equations(facts, bool(taken), table)
    return tuple(_warfarin(drug, equation, facts, person, taken, table) for equation in chosen)


def _equations(facts: WarfarinPerson, taken: bool, table: DosingTable) -> list[Equation]:
    """IWPC with whatever genotype is known, else clinical; Gage beside it for current warfarin."""
    iwpc = "iwpc-clinical" if len(facts.unknown) == len(_GENES) else "iwpc-pharmacogenetic"
    names = [iwpc]
    if taken:
        names.append("gage-pharmacogenetic" if facts.counts_known else "gage-clinical")
    return [table.equations[name] for name in names]


def _not_assessable(drug: Coded, lacking: Sequence[str], taken: Sequence[str], table: DosingTable) -> Finding:
    equation = table.equations["iwpc-pharmacogenetic"]
    return Finding(
        id=f"{CAPABILITY}/dose/warfarin/{equation.id}",
        capability=CAPABILITY,
        kind="dose",
        about=drug,
        status=Status.NOT_ASSESSABLE,
        certainty=Certainty(input_quality=InputQuality.ABSENT, reasons=(f"{_WORDING}.input-missing",)),
        urgency=Urgency.ROUTINE,
        concerns_current=True,
        because=tuple(taken),
        citations=(table.citation(equation.source),),
        details={
            "guideline": table.sources[equation.source].publisher,
            "equation": equation.id,
            "missing": list(lacking),
        },
    )


def _warfarin(
    drug: Coded, equation: Equation, facts: WarfarinPerson, person: Person, taken: Sequence[str], table: DosingTable
) -> Finding:
    candidates = _candidates(equation, facts)
    predictions = [predict(equation, inputs) for inputs in candidates]
    best = predictions[0]
    low, high = min(each.low for each in predictions), max(each.high for each in predictions)
    per_day = round(best.dose / 7, 2)
    return Finding(
        id=f"{CAPABILITY}/dose/warfarin/{equation.id}",
        capability=CAPABILITY,
        kind="dose",
        about=drug,
        status=Status.ASSESSED,
        conclusion=(COMPUTED,),
        estimate=Estimate(
            name="maintenance dose", value=best.dose, unit="mg/wk", low=low, high=high, level=equation.level
        ),
        certainty=_certainty(equation, facts, person, len(predictions), table),
        urgency=Urgency.SOON if taken else Urgency.FOR_THE_FUTURE,
        action=Action(
            kind=ActionKind.ADJUST_DOSE,
            also=(ActionKind.MONITOR,),
            parameters={"dose_per_week_mg": round(best.dose, 2), "dose_per_day_mg": per_day},
        ),
        concerns_current=bool(taken),
        because=_because(equation, facts, person, taken),
        citations=tuple(table.citation(name) for name in (equation.source, table.warfarin.guideline)),
        details=_details(equation, facts, best, candidates, table),
    )


def _candidates(equation: Equation, facts: WarfarinPerson) -> list[Inputs]:
    """The inputs of every candidate genotype that the equation tells apart, best first."""
    candidates: list[Inputs] = []
    for genotype in facts.genotypes:
        inputs = {name: {**facts.body, **genotype}[name] for name in equation.inputs}
        if inputs not in candidates:
            candidates.append(inputs)
    return candidates


def _certainty(
    equation: Equation, facts: WarfarinPerson, person: Person, candidates: int, table: DosingTable
) -> Certainty:
    reasons = []
    if equation.genetic and facts.unknown:
        reasons.append("genotype-unknown")
    if facts.uncovered:
        reasons.append("allele-not-covered")
    if candidates > 1:
        reasons.append("several-genotypes")
    if any(name in equation.inputs for name in facts.assumed):
        reasons.append("assumed-inputs")
    if facts.outside:
        reasons.append("outside-range")
    found = [quality(person.calls.get(gene)) for gene in _GENES if gene not in facts.unknown and equation.genetic]
    found += [InputQuality.REDUCED] if reasons else []
    less_accurate = facts.body["ancestry"] in table.warfarin.less_accurate
    if less_accurate:
        reasons.append("ancestry-less-accurate")
    strength = SourceStrength.STRONG if equation.genetic else SourceStrength.MODERATE
    return Certainty(
        source_strength=SourceStrength.WEAK if less_accurate and equation.genetic else strength,
        input_quality=worst_quality(found),
        reasons=tuple(f"{_WORDING}.{name}" for name in reasons),
    )


def _because(equation: Equation, facts: WarfarinPerson, person: Person, taken: Sequence[str]) -> tuple[str, ...]:
    """The facts that the dose rests on: those of the equation's inputs that the evidence has, then the medicine."""
    used = [facts.facts[name] for name in equation.inputs if name in facts.facts]
    if "body_surface" in equation.inputs:
        used.append("person.height")
    return tuple(name for name in dict.fromkeys((*used, *taken)) if name in person.names)


def _details(
    equation: Equation, facts: WarfarinPerson, best: Prediction, candidates: Sequence[Inputs], table: DosingTable
) -> dict[str, JsonValue]:
    effects: list[JsonValue] = [
        {"input": each.input, "fact": facts.facts.get(each.input, ""), "value": each.value, "effect": each.effect}
        for each in best.effects
    ]
    return {
        "guideline": table.sources[equation.source].publisher,
        "equation": equation.id,
        "scale": equation.inverse,
        "predictor": best.predictor,
        "baseline": best.baseline,
        "effects": effects,
        "unknown": list(facts.unknown) if equation.genetic else [],
        "uncovered": list(facts.uncovered) if equation.genetic else [],
        "references": {term.input: term.reference for term in equation.terms if term.reference},
        "assumed": {name: facts.body[name] for name in facts.assumed if name in equation.inputs},
        "outside": list(facts.outside),
        "candidates": len(candidates),
        "alternatives": _alternatives(equation, facts, candidates[0], table),
    }


def _alternatives(equation: Equation, facts: WarfarinPerson, inputs: Inputs, table: DosingTable) -> list[JsonValue]:
    """The dose if an unknown genotype, an assumed input or an interacting medicine were otherwise."""
    found: list[JsonValue] = []
    for name, values in _other_values(equation, facts, inputs, table).items():
        doses = [predict(equation, {**inputs, name: value}).dose for value in values]
        found.append({"input": name, "low": min(doses), "high": max(doses)})
    return found


def _other_values(
    equation: Equation, facts: WarfarinPerson, inputs: Inputs, table: DosingTable
) -> dict[str, list[float | str]]:
    other: dict[str, list[float | str]] = {}
    for name in ("vkorc1", "cyp2c9"):
        if inputs.get(name) == warfarin.UNKNOWN:
            reference = {"vkorc1": "G/G", "cyp2c9": "*1/*1"}[name]
            known = [term.is_ for term in equation.terms if term.input == name and term.is_ != warfarin.UNKNOWN]
            other[name] = [reference, *known]
    for name in facts.assumed:
        if name in equation.inputs:
            other[name] = list(table.warfarin.alternatives[name])
    for name in ("amiodarone", "inducer"):
        if inputs.get(name):
            other[name] = [0.0]
    return other
