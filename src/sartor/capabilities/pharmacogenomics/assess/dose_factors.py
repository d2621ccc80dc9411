"""Doses as a multiple of the usual one, by phenotype or activity score: tacrolimus, thiopurines, fluoropyrimidines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.assess.genes import CAPABILITY, quality, worst_quality
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.tables.dosing import Amount, DoseFactors, DosingTable, FactorRule
from sartor.domain.code import RXNORM, SARTOR, Coded
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
from sartor.domain.genome import GeneCall

_WORDING = f"{CAPABILITY}.dosing"
_MEANINGLESS = ("Indeterminate", "n/a")
_PER_KILOGRAM = "mg/kg/d"
_URGENCY = {"now": Urgency.NOW, "soon": Urgency.SOON}
_CAUTION = (
    ActionKind.AVOID,
    ActionKind.ALTERNATIVE,
    ActionKind.LOWER_DOSE,
    ActionKind.HIGHER_DOSE,
    ActionKind.STANDARD,
)


def factor_findings(person: Person, table: DosingTable) -> tuple[Finding, ...]:
    """One finding per medicine whose factor can be told; for medicines not taken now only where it is not one."""
    found = []
    for factors in table.factors:
        drug = Coded(system=RXNORM, code=factors.rxnorm, label=factors.drug)
        taken = person.medication_facts(drug)
        rules = _rules(factors, person.calls)
        if rules and (taken or any(rule.factor != (1.0, 1.0) for rule in rules)):
            found.append(_finding(drug, factors, rules, person, taken, table))
    return tuple(found)


def _rules(factors: DoseFactors, calls: Mapping[str, GeneCall]) -> tuple[FactorRule, ...]:
    """The rules that the candidates of all genes lead to; empty when one candidate leads nowhere (not assessable)."""
    found = [_rule(factors.rules, candidate) for candidate in _candidates(factors.genes, calls)]
    if any(rule is None for rule in found):
        return ()
    return tuple(rule for place, rule in enumerate(found) if rule is not None and rule not in found[:place])


def _candidates(genes: Sequence[str], calls: Mapping[str, GeneCall]) -> Iterator[dict[str, str]]:
    options = [_keys(calls.get(gene)) or [""] for gene in genes]
    for choice in itertools.product(*options):
        yield {gene: key for gene, key in zip(genes, choice, strict=True) if key}


def _keys(call: GeneCall | None) -> list[str]:
    """The look-up keys of every candidate: phenotype, or activity score where the gene goes by score."""
    if call is None:
        return []
    keys = [each.lookup_key or each.phenotype for each in call.diplotypes] or list(call.phenotypes)
    return list(dict.fromkeys(key for key in keys if key))


def _known(call: GeneCall | None) -> bool:
    """Whether any candidate means something."""
    return any(key not in _MEANINGLESS for key in _keys(call))


def _rule(rules: Sequence[FactorRule], candidate: Mapping[str, str]) -> FactorRule | None:
    fitting = (
        rule for rule in rules if all(candidate.get(gene) in names for gene, names in rule.genes.items())
    )  # fmt: skip
    return next(fitting, None)


def _finding(
    drug: Coded,
    factors: DoseFactors,
    rules: Sequence[FactorRule],
    person: Person,
    taken: Sequence[str],
    table: DosingTable,
) -> Finding:
    low = min(rule.factor[0] for rule in rules)
    high = max(rule.factor[1] for rule in rules)
    kinds = sorted((ActionKind(rule.action) for rule in rules), key=_CAUTION.index)
    changed = kinds[0] is not ActionKind.STANDARD
    urgency = _URGENCY[factors.urgency] if changed else Urgency.ROUTINE
    return Finding(
        id=f"{CAPABILITY}/dose/{factors.drug}/{factors.id}",
        capability=CAPABILITY,
        kind="dose",
        about=drug,
        status=Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code="dose-factor", label="multiple of the usual dose"),),
        estimate=Estimate(
            name="multiple of the usual starting dose", value=(low + high) / 2, unit="1", low=low, high=high
        ),
        certainty=_certainty(factors, rules, person),
        urgency=urgency if taken else Urgency.FOR_THE_FUTURE,
        action=Action(
            kind=kinds[0],
            also=(ActionKind.MONITOR,) if changed else (),
            dose_factor=(low, high),
            maximum_dose=_text(factors.maximum),
            parameters=_parameters(factors, rules, low, high, person.weight),
        ),
        concerns_current=bool(taken),
        because=person.because(factors.genes, drug),
        citations=(table.citation(factors.source),),
        details={
            "guideline": table.sources[factors.source].publisher,
            "factors": factors.id,
            "notes": {rule.note: rule.start for rule in rules if rule.note},
            "unknown": [gene for gene in factors.genes if not _known(person.calls.get(gene))],
            "keys": {gene: list(_keys(person.calls.get(gene))) for gene in factors.genes},
            "weight_known": person.weight is not None,
        },
    )


def _parameters(
    factors: DoseFactors, rules: Sequence[FactorRule], low: float, high: float, weight: float | None
) -> dict[str, JsonValue]:
    """Amounts in mg per day for this person's weight, where the guideline states the usual or the greatest dose."""
    found: dict[str, JsonValue] = {}
    if len({rule.days_per_week for rule in rules}) == 1 and rules[0].days_per_week:
        found["days_per_week"] = rules[0].days_per_week
    if weight is None:
        return found
    if (usual := factors.usual) and usual.unit == _PER_KILOGRAM and usual.low is not None and usual.high is not None:
        found["usual_dose_per_day_mg"] = [round(usual.low * weight, 1), round(usual.high * weight, 1)]
        found["dose_per_day_mg"] = [round(low * usual.low * weight, 1), round(high * usual.high * weight, 1)]
    if (maximum := factors.maximum) and maximum.unit == _PER_KILOGRAM and maximum.value is not None:
        found["maximum_dose_per_day_mg"] = round(maximum.value * weight, 1)
    return found


def _text(amount: Amount | None) -> str:
    return "" if amount is None or amount.value is None else f"{amount.value:g} {amount.unit}"


def _certainty(factors: DoseFactors, rules: Sequence[FactorRule], person: Person) -> Certainty:
    known = [gene for gene in factors.genes if _known(person.calls.get(gene))]
    reasons = []
    if len(known) < len(factors.genes):
        reasons.append("other-gene-unknown")
    if len(rules) > 1:
        reasons.append("several-genotypes")
    found = [quality(person.calls[gene]) for gene in known] + [InputQuality.REDUCED] * bool(reasons)
    strengths = [SourceStrength(rule.strength) for rule in rules]
    return Certainty(
        source_strength=max(strengths, key=list(SourceStrength).index),
        input_quality=worst_quality(found),
        reasons=tuple(f"{_WORDING}.{name}" for name in reasons),
    )
