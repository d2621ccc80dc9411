"""Genotype, haplotype and variant observations of one gene, as the Genomics Reporting guide models them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sartor.domain.code import LOINC, SARTOR
from sartor.domain.finding import Finding
from sartor.domain.genome import CallState, Diplotype, GeneCall, PositionCall
from sartor.domain.report import Report, ReportedFinding
from sartor.genomics.star_alleles.outside import OPEN
from sartor.reporting.fhir_values import (
    DATA_ABSENT,
    GUIDE,
    TBD_CODES,
    Resource,
    citation,
    cleaned,
    codes,
    coding,
    component,
    concept,
    gene,
    laboratory_genetics,
    loinc,
    narrative,
    notes,
    ours,
    profile,
    quantity,
    reference,
    say,
    text,
)

_ALLELE = re.compile(r"[ACGTN]+", re.IGNORECASE)
_TESTED = frozenset({"called", "ambiguous", "phenotype-certain"})
_HLA = "http://www.ebi.ac.uk/ipd/imgt/hla"
_NAMED = 6  # candidates that the value's text names
_CANDIDATES = 20  # candidates with a component of their own, best first; their number is always told
_DBSNP = "http://www.ncbi.nlm.nih.gov/projects/SNP"


@dataclass(frozen=True, slots=True)
class Frame:
    """What every resource of one bundle shares: its ids, its subject, the device and the study that made it."""

    identify: Callable[..., str]
    patient: Resource
    device: Resource
    study: Resource
    made: str | None
    day: str | None

    def observation(self, kind: str, *key: str) -> Resource:
        """The beginning of an observation of the guide, with the code of its kind."""
        code = concept(coding(TBD_CODES, kind)) if kind == "therapeutic-implication" else loinc(kind.replace("-", "_"))
        return cleaned(
            {
                "resourceType": "Observation",
                "id": self.identify(kind, *key),
                "meta": profile(kind),
                "partOf": [reference(self.study)],
                "status": "final",
                "category": laboratory_genetics(),
                "code": code,
                "subject": reference(self.patient),
                "effectiveDateTime": self.day,
                "device": reference(self.device),
            }
        )


@dataclass(frozen=True, slots=True)
class Gene:
    """The resources of one gene; `tested` says whether anything was called."""

    symbol: str
    tested: bool
    genotype: Resource
    haplotypes: tuple[Resource, ...] = ()
    variants: tuple[Resource, ...] = ()
    resources: tuple[Resource, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "resources", (*self.variants, *self.haplotypes, self.genotype))


def gene_call(finding: Finding) -> GeneCall | None:
    """The call that a gene finding carries, if it carries one."""
    try:
        return GeneCall.model_validate(finding.details.get("gene_call"))
    except ValidationError:
        return None


def genes_of(report: Report, frame: Frame) -> dict[str, Gene]:
    """Every gene with a finding of its own or named by a drug's finding, by symbol."""
    found: dict[str, Gene] = {}
    for each in report.findings:
        call = gene_call(each.finding) if each.finding.kind == "gene" else None
        if call is not None and call.gene not in found:
            found[call.gene] = build(call, each, frame)
    for each in report.findings:
        for symbol in named_genes(each.finding):
            if symbol not in found:
                found[symbol] = build(GeneCall(gene=symbol, status="not-tested"), None, frame)
    return found


def named_genes(finding: Finding) -> tuple[str, ...]:
    """The genes that a drug's finding rests on: those it was looked up by, and those among its facts."""
    if finding.kind == "gene":
        return ()
    lookup = finding.details.get("lookup")
    looked_up = list(lookup) if isinstance(lookup, Mapping) else []
    facts = [fact.removeprefix("gene.").removesuffix(".call") for fact in finding.because if fact.startswith("gene.")]
    known = [symbol for symbol in (*looked_up, *facts) if text(symbol) and "." not in symbol]
    return tuple(dict.fromkeys(known))


def build(call: GeneCall, reported: ReportedFinding | None, frame: Frame) -> Gene:
    """All resources of one gene."""
    variants = tuple(variant for place in call.positions for variant in variants_at(place, call.gene, frame))
    haplotypes = tuple(haplotype(allele, call.gene, frame) for allele in certain_alleles(call))
    genotype = genotype_of(call, reported, frame)
    origins = [reference(each) for each in (*haplotypes, *variants)]
    return Gene(
        call.gene,
        call.status in _TESTED,
        {**genotype, **({"derivedFrom": origins} if origins else {})},
        haplotypes,
        variants,
    )


def certain_alleles(call: GeneCall) -> tuple[str, ...]:
    """The alleles that are on some chromosome in every candidate, each once; with none, those found singly."""
    if not call.diplotypes:
        return tuple(dict.fromkeys(allele for allele in call.haplotypes if text(allele)))
    first, *others = (Counter(diplotype.alleles) for diplotype in call.diplotypes)
    return tuple(
        allele for allele in first if text(allele) and allele != OPEN and all(allele in other for other in others)
    )


def haplotype(allele: str, symbol: str, frame: Frame) -> Resource:
    """One allele."""
    name = allele_name(symbol, text(allele))
    system = _HLA if symbol.startswith("HLA-") else f"{SARTOR}/allele"
    return {
        **frame.observation("haplotype", symbol, allele),
        "text": narrative(name),
        "valueCodeableConcept": concept(coding(system, name), words=name),
        "component": [component(loinc("gene_studied"), valueCodeableConcept=gene(symbol))],
    }


def allele_name(symbol: str, allele: str) -> str:
    """An allele with its gene, as it is usually written: CYP2C19*2, HLA-B*57:01, DPYD c.1905+1G>A."""
    return f"{symbol}{allele}" if allele.startswith("*") else f"{symbol} {allele}"


def genotype_of(call: GeneCall, reported: ReportedFinding | None, frame: Frame) -> Resource:
    """The gene's diplotype, or why there is none; candidates, phenotype and score as components."""
    headline = reported.text.headline if reported else ""
    value = genotype_value(call)
    parts = [component(loinc("gene_studied"), valueCodeableConcept=gene(call.gene))]
    if text(headline):
        parts.append(component(concept(coding(TBD_CODES, "conclusion-string")), valueString=text(headline)))
    parts += genotype_parts(call)
    parts += today_parts(reported.finding) if reported else ()
    citations = reported.finding.citations if reported else ()
    return cleaned(
        {
            **frame.observation("genotype", call.gene),
            "text": narrative(value["text"], headline),
            "extension": [citation(each) for each in citations],
            "valueCodeableConcept": value,
            "note": notes([*call.notes, *(reported.text.limits if reported else ())]),
            "component": [part for part in parts if len(part) > 1],
        }
    )


def genotype_value(call: GeneCall) -> Resource:
    """The diplotype; several when the data leave several; an absent value with its reason otherwise."""
    labels = list(dict.fromkeys(text(each.label) for each in call.diplotypes if text(each.label)))
    if len(labels) == 1:
        name = f"{call.gene} {labels[0]}"
        return concept(coding(f"{SARTOR}/diplotype", name), words=name)
    if labels:
        rest = len(labels) - _NAMED
        key = "genotype.one_of_many" if rest > 0 else "genotype.one_of"
        return concept(words=say(key, gene=call.gene, candidates=" | ".join(labels[:_NAMED]), rest=rest))
    tested = call.status != "not-tested"
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}
    reason["valueCode"] = "unknown" if tested else "not-performed"
    words = say("genotype.not_called" if tested else "genotype.not_tested", gene=call.gene)
    return {"extension": [reason], "text": text(words)}


def genotype_parts(call: GeneCall) -> Iterator[Resource]:
    """What the guide has no place for, in this project's own codes: status, phenotype, score, candidates, quality."""
    yield component(ours("call-status"), valueString=text(call.status))
    yield component(ours("call-source"), valueString=text(call.source) or "unknown")
    yield component(ours("input-quality"), valueString=text(call.input_quality) or "unknown")
    for phenotype in dict.fromkeys(text(each) for each in call.phenotypes if text(each)):
        yield component(ours("phenotype"), valueCodeableConcept=implied(phenotype))
    for score in dict.fromkeys(each for each in call.activity_scores if each is not None):
        yield component(ours("activity-score"), valueQuantity=quantity(score))
    if len(call.diplotypes) > 1:
        yield component(ours("candidate-count"), valueInteger=len(call.diplotypes))
        yield from (candidate(each) for each in call.diplotypes[:_CANDIDATES] if text(each.label))
    yield component(ours("positions-read"), valueInteger=max(0, call.n_positions - call.n_missing))
    yield component(ours("positions-missing"), valueInteger=call.n_missing)


def today_parts(finding: Finding) -> Iterator[Resource]:
    """The phenotype under today's medicines, when they change it, and the medicines that do."""
    today = finding.details.get("phenotype_today")
    if not isinstance(today, Mapping) or not today.get("changed"):
        return
    for phenotype in _strings(today.get("phenotypes")):
        yield component(ours("phenotype-today"), valueCodeableConcept=implied(phenotype))
    causes = today.get("causes")
    drugs = [each.get("drug") for each in causes if isinstance(each, Mapping)] if isinstance(causes, list) else []
    for drug in drugs:
        if isinstance(drug, Mapping) and (name := text(drug.get("label") or drug.get("code") or "")):
            coded = coding(str(drug.get("system", "")), str(drug.get("code", "")), name)
            yield component(ours("phenotype-changed-by"), valueCodeableConcept=concept(coded, words=name))


def _strings(value: Any) -> list[str]:
    return [text(each) for each in value if text(each)] if isinstance(value, list) else []


def candidate(diplotype: Diplotype) -> Resource:
    """One of several possible diplotypes, with its probability when it was weighed."""
    name = text(diplotype.label)
    code = concept(coding(SARTOR, "candidate-diplotype"), words=name)
    if diplotype.probability is None:
        return component(code, valueString=name)
    return component(code, valueQuantity=quantity(diplotype.probability))


def implied(phenotype: str) -> Resource:
    """A phenotype, with its LOINC answer where there is one."""
    known = codes()["implication"].get(phenotype.lower())
    return concept(coding(LOINC, *known) if known else None, words=phenotype)


def variants_at(place: PositionCall, symbol: str, frame: Frame) -> Iterator[Resource]:
    """One observation per alternate allele that was called; none where reference or nothing was called."""
    if place.state is not CallState.VARIANT:
        return
    copies = [each for each in re.split(r"[/|]", place.genotype) if each]
    for allele in dict.fromkeys(each for each in copies if each != place.reference):
        if _ALLELE.fullmatch(allele):
            yield variant(place, allele, copies, symbol, frame)


def variant(place: PositionCall, allele: str, copies: list[str], symbol: str, frame: Frame) -> Resource:
    """One alternate allele at one position of GRCh38."""
    name = text(place.rsid) or f"{place.chromosome}:{place.position}"
    made = {
        **frame.observation("variant", symbol, place.chromosome, str(place.position), allele),
        "text": narrative(say("variant.named", name=name, reference=place.reference, alternate=allele)),
        "valueCodeableConcept": loinc("present", "answer"),
        "note": notes([place.concern]),
    }
    return cleaned({**made, "component": list(variant_parts(place, allele, copies, symbol))})


def variant_parts(place: PositionCall, allele: str, copies: list[str], symbol: str) -> Iterator[Resource]:
    """Where it is, what it is, and on how many copies."""
    yield component(loinc("gene_studied"), valueCodeableConcept=gene(symbol))
    yield component(loinc("assembly"), valueCodeableConcept=loinc("grch38", "answer"))
    yield from placed(place)
    if _ALLELE.fullmatch(place.reference):
        yield component(loinc("reference_allele"), valueString=place.reference)
    yield component(loinc("alternate_allele"), valueString=allele)
    state = "hemizygous" if len(copies) == 1 else "homozygous" if len(set(copies)) == 1 else "heterozygous"
    yield component(loinc("allelic_state"), valueCodeableConcept=loinc(state, "answer"))
    yield component(loinc("source_class"), valueCodeableConcept=loinc("germline", "answer"))
    if text(place.rsid):
        yield component(loinc("variation_code"), valueCodeableConcept=concept(coding(_DBSNP, place.rsid)))
    if text(place.concern):
        status = coding("http://terminology.hl7.org/CodeSystem/variant-confidence-status-cs", "low")
        code = concept(coding(TBD_CODES, "variant-confidence-status"))
        yield component(code, valueCodeableConcept=concept(status))


def placed(place: PositionCall) -> Iterator[Resource]:
    """Chromosome, reference sequence and interval."""
    known: Any = codes()["chromosome"].get(place.chromosome)
    if known:
        answer, display, sequence = known
        if answer:
            yield component(loinc("chromosome"), valueCodeableConcept=concept(coding(LOINC, answer, display)))
        accession = coding("http://www.ncbi.nlm.nih.gov/refseq", sequence)
        yield component(loinc("reference_sequence"), valueCodeableConcept=concept(accession))
    yield component(loinc("coordinate_system"), valueCodeableConcept=loinc("one_based", "answer"))
    end = place.position + max(1, len(place.reference)) - 1
    interval = {"low": {"value": place.position}, "high": {"value": end}}
    yield component(loinc("start_end"), valueRange=interval)


__all__ = ["DATA_ABSENT", "GUIDE", "Frame", "Gene", "gene_call", "genes_of", "implied", "named_genes"]
