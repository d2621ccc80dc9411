"""One finding per gene: what was called, what it means, how certain that is, and what medicines make of it today."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sartor.capabilities.pharmacogenomics.assess.phenoconversion import PhenotypeToday
from sartor.domain.code import HGNC, SARTOR, Coded
from sartor.domain.evidence import Evidence
from sartor.domain.finding import Certainty, Finding, InputQuality, Status
from sartor.domain.genome import GeneCall
from sartor.genomics.star_alleles.outside import DOUBTS, GENOME_DIFFERS, NOT_STATED

CAPABILITY = "pharmacogenomics"
_CERTAINTY = f"{CAPABILITY}.certainty"
_LEFT_OUT = "less-likely-left-out"
_WORSE_AND_WORSE = (
    InputQuality.GOOD, InputQuality.REDUCED, InputQuality.INFERRED, InputQuality.POOR, InputQuality.ABSENT,
)  # fmt: skip


def slug(text: str) -> str:
    """Lower case, everything else a hyphen: the form of names in ids."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def gene_calls(evidence: Evidence) -> dict[str, GeneCall]:
    """Gene → what was called, from the facts."""
    calls = (GeneCall.model_validate(fact.value) for fact in evidence.of_kind("gene_call"))
    return {call.gene: call for call in calls}


def fact_name(gene: str) -> str:
    """The name of the fact that holds a gene's call."""
    return f"gene.{gene}.call"


def gene_findings(calls: Iterable[GeneCall], today: Mapping[str, PhenotypeToday]) -> tuple[Finding, ...]:
    """A finding for every gene that was looked at."""
    return tuple(_finding(call, today.get(call.gene)) for call in calls)


def _finding(call: GeneCall, today: PhenotypeToday | None) -> Finding:
    known = bool(call.diplotypes or call.phenotypes or call.haplotypes)
    return Finding(
        id=f"{CAPABILITY}/gene/{call.gene}",
        capability=CAPABILITY,
        kind="gene",
        about=Coded(system=HGNC, code=call.gene, label=call.gene),
        status=Status.ASSESSED if known else Status.NOT_ASSESSABLE,
        conclusion=_conclusion(call),
        certainty=Certainty(input_quality=quality(call), reasons=reasons(call)),
        because=(fact_name(call.gene),),
        citations=today.citations if today and today.changed else (),
        details={
            "gene_call": call.model_dump(mode="json"),
            "phenotype_today": today.model_dump(mode="json") if today else None,
        },
    )


def _conclusion(call: GeneCall) -> tuple[Coded, ...]:
    if phenotypes := [each for each in call.phenotypes if each]:
        return tuple(Coded(system=SARTOR, code=f"phenotype/{slug(each)}", label=each) for each in phenotypes)
    labels = dict.fromkeys(each.label for each in call.diplotypes)
    return tuple(Coded(system=SARTOR, code=f"diplotype/{call.gene}", label=label) for label in labels)


def quality(call: GeneCall | None) -> InputQuality:
    """How good the input is for this gene; ABSENT when nothing was called."""
    if call is None or not (call.diplotypes or call.phenotypes or call.haplotypes):
        return InputQuality.ABSENT
    if call.status == "ambiguous" and any(each.probability is not None for each in call.diplotypes):
        return InputQuality.INFERRED
    if is_by_medicine_alone(call):
        return InputQuality.INFERRED
    return InputQuality(call.input_quality)


def worst_quality(found: Iterable[InputQuality]) -> InputQuality:
    """The worst of several inputs of one computed dose; GOOD when there is none."""
    return max(found, key=_WORSE_AND_WORSE.index, default=InputQuality.GOOD)


def is_by_medicine_alone(call: GeneCall | None) -> bool:
    """Whether nothing was called and the phenotype comes from a medicine that switches the enzyme off."""
    return call is not None and call.status in ("not-tested", "not-called") and bool(call.diplotypes)


def left_out(call: GeneCall | None) -> float | None:
    """The probability of the candidates that were left out as too unlikely; None where none was left out so."""
    notes = (note.partition(f"{_LEFT_OUT}:")[2] for note in call.notes if note.startswith(_LEFT_OUT)) if call else ()
    return next((float(each) for each in notes), None)


def reasons(call: GeneCall) -> tuple[str, ...]:
    """Wording keys for what lowers the certainty of a call."""
    found = []
    if left_out(call) is not None:
        found.append("by-frequency")
    if call.status == "ambiguous" and len(call.diplotypes) > 1:
        found.append("several-phenotypes" if len(set(call.phenotypes)) > 1 else "several-diplotypes")
    if call.status == "phenotype-certain":
        found.append("phenotype-certain")
    if call.n_missing:
        found.append("positions-missing")
    if call.unknown_variants:
        found.append("unknown-variants")
    if call.input_quality == "poor" or (call.input_quality == "reduced" and call.source != "outside"):
        found.append(f"quality-{call.input_quality}")
    if call.source == "outside":
        found.append("outside-call")
    return (*(f"{_CERTAINTY}.{name}" for name in found), *outside_reasons(call.notes))


def outside_reasons(notes: Iterable[str]) -> tuple[str, ...]:
    """Wording keys for what a laboratory's call leaves open or contradicts, from the notes of the gene's call."""
    names = (note.partition(":")[0] for note in notes)
    doubts = dict.fromkeys(name for name in names if name in (*DOUBTS, NOT_STATED, GENOME_DIFFERS))
    return tuple(f"{_CERTAINTY}.{name.replace('.', '-')}" for name in doubts)
