"""What was found of a gene, in sentences for clinician and patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sartor.capabilities.pharmacogenomics.assess.genes import left_out
from sartor.capabilities.pharmacogenomics.explain.sentences import (
    SHOWN,
    either,
    left_out_text,
    reason_wordings,
    wording,
)
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import Finding
from sartor.domain.genome import GeneCall


def explain_gene(finding: Finding) -> Explanation:
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
        limits=(
            *reason_wordings(
                finding.certainty.reasons, genes=[gene], gene=gene, left_out=left_out_text([left_out(call)])
            ),
            *((wording("limits.only-listed", gene=gene),) if labels or phenotypes else ()),
        ),
    )


def _gene_headline(gene: str, labels: list[str], phenotypes: list[str]) -> Wording:
    if not labels and not phenotypes:
        return wording("gene_headline.unknown", gene=gene)
    if len(phenotypes) > 1:
        return wording("gene_headline.several", gene=gene, phenotypes=either(phenotypes))
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
    elif labels and left_out(call) is not None:
        yield wording("gene_detail.likely", gene=gene, diplotype=labels[0])
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
        groups = list(dict.fromkeys(phenotype_group(phenotype) for phenotype in phenotypes))
        yield wording(f"patient_gene.{groups[0] if len(groups) == 1 else 'unsettled'}", gene=gene)


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
