"""What current medicines make of the genetic phenotype: the phenotype today, and which medicine did it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sartor.capabilities.pharmacogenomics.tables.interactions import ConversionRule, Interaction, InteractionTable
from sartor.domain.code import Coded, Frozen
from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.source import Citation
from sartor.genomics.star_alleles.phenotype import as_number, number_text

_WORDING = "pharmacogenomics.phenoconversion"


class Cause(Frozen):
    """One medicine that acts on the enzyme.

    changes: whether it has a part in the change; False for a medicine that is only noted (weak, or overruled).
    confirmed: whether published exposure bears out its class; None where nobody has looked.
    also_local: whether it is applied locally too; the record's route is not read, so the change is then uncertain.
    checked: whether its class was read in the present edition of the FDA's table; if not, the change is uncertain.
    """

    drug: Coded
    role: str
    strength: str
    changes: bool
    confirmed: bool | None = None
    also_local: bool = False
    checked: bool = True


class Converted(Frozen):
    """One candidate diplotype before and after; scores and keys are None or "" where the gene has none."""

    alleles: tuple[str, ...]
    genetic_phenotype: str
    phenotype: str
    genetic_score: float | None = None
    score: float | None = None
    lookup_key: str = ""
    probability: float | None = None


class PhenotypeToday(Frozen):
    """A gene's phenotype under the medicines that the patient takes now.

    genetic_phenotypes, phenotypes, activity_scores: distinct, best candidate first; one each when it is certain.
    `genotype_known` is False when nothing was called and the medicine alone decides (a strong inhibitor).
    certainty: "certain" or "uncertain"; `reasons` are wording keys that say why it is uncertain, and what was noted.
    """

    gene: str
    changed: bool
    genetic_phenotypes: tuple[str, ...]
    phenotypes: tuple[str, ...]
    activity_scores: tuple[float | None, ...] = ()
    lookup_keys: tuple[str, ...] = ()
    candidates: tuple[Converted, ...] = ()
    causes: tuple[Cause, ...]
    genotype_known: bool = True
    certainty: str = "certain"
    reasons: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()


def phenotypes_today(
    gene_calls: Iterable[GeneCall],
    current_drugs: Sequence[Coded],
    table: InteractionTable,
    *,
    besides: Coded | None = None,
) -> tuple[PhenotypeToday, ...]:
    """Every gene on whose enzyme a current medicine acts, with its phenotype before and after.

    current_drugs: one code per active ingredient. Every candidate of an ambiguous call is converted.
    besides:       the medicine whose own recommendation is looked up; what it does to its own metabolism is part of
                   that recommendation already and is left out here.
    """
    drugs = [drug for drug in _distinct(current_drugs) if besides is None or not _same(drug, besides)]
    acting = [(drug, found) for drug in drugs for found in table.of(drug)]
    results = []
    for call in gene_calls:
        here = [(drug, found) for drug, found in acting if found.gene == call.gene]
        if here and call.gene in table.ladders:
            results.append(_today(call, here, table))
    return tuple(results)


def gene_call_today(call: GeneCall, today: PhenotypeToday | None) -> GeneCall:
    """The call as it is to be looked up today: phenotypes, scores and keys of its diplotypes replaced.

    An uncertain conversion lowers a good input quality to reduced, and leaves its reasons (wording keys) in the notes.
    """
    if today is None or not today.changed:
        return call
    alike = [each.alleles for each in call.diplotypes] == [each.alleles for each in today.candidates]
    diplotypes = tuple(
        each.model_copy(
            update={"phenotype": now.phenotype, "activity_score": now.score, "lookup_key": now.lookup_key}
        )
        for each, now in zip(call.diplotypes, today.candidates if alike else (), strict=alike)
    )  # fmt: skip
    if not diplotypes:
        diplotypes = tuple(
            Diplotype(
                alleles=each.alleles,
                phenotype=each.phenotype,
                activity_score=each.score,
                lookup_key=each.lookup_key,
                probability=each.probability,
            )
            for each in today.candidates
        )
    update: dict[str, object] = {
        "diplotypes": diplotypes,
        "phenotypes": today.phenotypes,
        "activity_scores": today.activity_scores,
    }
    if today.certainty == "uncertain":
        update["notes"] = (*call.notes, *today.reasons)
        update["input_quality"] = "reduced" if call.input_quality == "good" else call.input_quality
    return call.model_copy(update=update)


def _distinct(drugs: Sequence[Coded]) -> list[Coded]:
    kept: list[Coded] = []
    for drug in drugs:
        if not any(_same(drug, other) for other in kept):
            kept.append(drug)
    return kept


def _same(one: Coded, other: Coded) -> bool:
    same_code = (one.system, one.code) == (other.system, other.code)
    return same_code or (bool(one.label) and one.label.lower() == other.label.lower())


def _today(call: GeneCall, here: Sequence[tuple[Coded, Interaction]], table: InteractionTable) -> PhenotypeToday:
    rules = _deciding(here, table)
    candidates = _candidates(call, rules, table)
    changed = any(
        (each.phenotype, each.score) != (each.genetic_phenotype, each.genetic_score) for each in candidates
    )  # fmt: skip
    causes = tuple(_cause(drug, found, rules, table, changed) for drug, found in here)
    reasons = _reasons(call, causes, rules, changed)
    sources = dict.fromkeys([found.source for _, found in here] + [rule.source for rule in rules])
    if any(cause.confirmed is not None for cause in causes):
        sources.setdefault("cicali-2020")
    certain = all(rule.certain for rule in rules) and all(
        cause.confirmed is not False and cause.checked and not cause.also_local for cause in causes if cause.changes
    )
    return PhenotypeToday(
        gene=call.gene,
        changed=changed,
        genetic_phenotypes=tuple(dict.fromkeys(each.genetic_phenotype for each in candidates)),
        phenotypes=tuple(dict.fromkeys(each.phenotype for each in candidates)),
        activity_scores=tuple(dict.fromkeys(each.score for each in candidates)),
        lookup_keys=tuple(dict.fromkeys(each.lookup_key for each in candidates)),
        candidates=candidates,
        causes=causes,
        genotype_known=bool(call.diplotypes or call.phenotypes),
        certainty="certain" if certain or not changed else "uncertain",
        reasons=reasons,
        citations=tuple(table.citation(source) for source in sources),
    )


def _deciding(here: Sequence[tuple[Coded, Interaction]], table: InteractionTable) -> tuple[ConversionRule, ...]:
    """The rules that decide: the strongest inhibitor, and the strongest inducer unless the enzyme is out anyway.

    Inhibitors of one enzyme do not multiply: the strongest rules, so that a further one never raises the score.
    """
    rules = [rule for _, found in here if (rule := table.rule(found)) is not None]
    inhibitors = sorted((rule for rule in rules if rule.role == "inhibitor"), key=_reach)
    inducers = sorted((rule for rule in rules if rule.role == "inducer"), key=_reach)
    if inhibitors and (inhibitors[0].to_lowest or inhibitors[0].score_factor == 0):
        return (inhibitors[0],)
    return tuple(inhibitors[:1] + inducers[-1:])


def _reach(rule: ConversionRule) -> float:
    """How far down a rule goes: lower is further."""
    if rule.to_lowest:
        return float("-inf")
    return rule.score_factor if rule.score_factor is not None else float(rule.steps)


def _candidates(call: GeneCall, rules: Sequence[ConversionRule], table: InteractionTable) -> tuple[Converted, ...]:
    before = call.diplotypes or tuple(
        Diplotype(alleles=(), phenotype=phenotype, activity_score=score)
        for phenotype, score in zip(call.phenotypes, _padded(call.activity_scores, len(call.phenotypes)), strict=True)
    )
    if not before:
        before = (Diplotype(alleles=()),)
    return tuple(_converted(call.gene, diplotype, rules, table) for diplotype in before)


def _padded(scores: Sequence[float | None], length: int) -> list[float | None]:
    return [*scores, *([None] * length)][:length]


def _converted(gene: str, before: Diplotype, rules: Sequence[ConversionRule], table: InteractionTable) -> Converted:
    phenotype, score, key = before.phenotype, before.activity_score, before.lookup_key
    steps = sum(rule.steps for rule in rules)
    factor = next((rule.score_factor for rule in rules if rule.score_factor is not None), None)
    lowest = any(rule.to_lowest for rule in rules)
    if factor == 0 or lowest:
        phenotype = table.ladders[gene][0][0]
        score = _lowest_score(gene, score, table)
        key = _key(gene, phenotype, score, table)
    elif factor is not None and score is not None:
        score = score * factor
        phenotype = _phenotype_of_score(gene, score, table)
        key = _key(gene, phenotype, score, table)
    elif steps and (rung := _rung(gene, phenotype, table)) is not None:
        moved = _moved(rung, steps, len(table.ladders[gene]))
        if moved != rung:
            phenotype = table.ladders[gene][moved][0]
            score = _rung_score(gene, moved, score, steps, table)
            key = _key(gene, phenotype, score, table)
    return Converted(
        alleles=before.alleles, genetic_phenotype=before.phenotype, genetic_score=before.activity_score,
        phenotype=phenotype, score=score, lookup_key=key, probability=before.probability,
    )  # fmt: skip


def _lowest_score(gene: str, score: float | None, table: InteractionTable) -> float | None:
    if gene in table.score_bounds:
        return 0.0
    return _rung_score(gene, 0, score, -1, table)


def _rung(gene: str, phenotype: str, table: InteractionTable) -> int | None:
    """The rung that a phenotype stands on; None for an indeterminate or unknown one, which cannot be moved."""
    rungs = table.ladders[gene]
    return next((place for place, names in enumerate(rungs) if phenotype in names), None)


def _moved(rung: int, steps: int, rungs: int) -> int:
    """The rung after induction or inhibition; an enzyme that is not made (lowest rung) cannot be induced."""
    if rung == 0 and steps > 0:
        return rung
    return min(max(rung + steps, 0), rungs - 1)


def _rung_score(gene: str, rung: int, score: float | None, steps: int, table: InteractionTable) -> float | None:
    scores = table.rung_scores.get(gene)
    if scores is None or score is None:
        return None if scores is None else scores[rung]
    return min(score, scores[rung]) if steps < 0 else max(score, scores[rung])


def _phenotype_of_score(gene: str, score: float, table: InteractionTable) -> str:
    return next(bound.phenotype for bound in table.score_bounds[gene] if bound.holds(score))


def _key(gene: str, phenotype: str, score: float | None, table: InteractionTable) -> str:
    """The key of guideline rows: the phenotype, or the listed score next below (else next above) with its phenotype."""
    listed = table.listed_scores.get(gene)
    if not listed or score is None:
        return phenotype
    exact = number_text(score)
    if exact in listed:
        return exact
    alike = {
        text: number for text, name in listed.items() if name == phenotype and (number := as_number(text)) is not None
    }
    below = {text: number for text, number in alike.items() if number <= score and not text.startswith("≥")}
    if below:
        return max(below, key=lambda text: below[text])
    return min(alike, key=lambda text: alike[text], default=exact)


def _cause(
    drug: Coded, found: Interaction, rules: Sequence[ConversionRule], table: InteractionTable, changed: bool
) -> Cause:
    changes = changed and table.rule(found) in rules
    return Cause(
        drug=drug,
        role=found.role,
        strength=found.strength,
        changes=changes,
        confirmed=found.confirmed,
        also_local=found.also_local,
        checked=found.checked,
    )


def _reasons(
    call: GeneCall, causes: Sequence[Cause], rules: Sequence[ConversionRule], changed: bool
) -> tuple[str, ...]:
    found = []
    if changed:
        found += [_rule_reason(rule) for rule in rules if not rule.certain]
        if any(cause.changes and cause.confirmed is False for cause in causes):
            found.append("class-not-confirmed")
        if any(cause.changes and not cause.checked for cause in causes):
            found.append("class-unchecked")
        if any(cause.changes and cause.also_local for cause in causes):
            found.append("route-not-read")
        if not (call.diplotypes or call.phenotypes):
            found.append("genotype-unknown")
    if any(not cause.changes and cause.strength == "weak" for cause in causes):
        found.append("weak-noted")
    if any(not cause.changes and cause.strength != "weak" for cause in causes):
        found.append("no-further-change" if changed else "no-change")
    if len({cause.role for cause in causes}) > 1:
        found.append("opposing")
    return tuple(f"{_WORDING}.{name}" for name in dict.fromkeys(found))


def _rule_reason(rule: ConversionRule) -> str:
    if rule.score_factor is not None:
        return "moderate-inhibitor-uncertain"
    if rule.role == "inducer":
        return "inducer-uncertain"
    return "step-uncertain" if rule.steps else "strong-inhibitor-uncertain"
