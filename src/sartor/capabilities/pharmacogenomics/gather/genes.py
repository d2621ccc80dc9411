"""The call of every gene: from the genome, from a laboratory, or the statement that there is none."""

from __future__ import annotations

from collections.abc import Iterator

from sartor.capabilities.pharmacogenomics.gather.reasons import say
from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.frequencies import ancestry_groups, frequency_tables
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.evidence import Fact, Missing
from sartor.domain.genome import GeneCall
from sartor.domain.provenance import Origin
from sartor.domain.record import OutsideCall, Record
from sartor.genomics.normalise import Limits, call_sites
from sartor.genomics.star_alleles.outside import merged, outside_gene_call
from sartor.genomics.star_alleles.possible import gene_call

NOTE_OUTSIDE_ONLY = "not-read-from-sequence"
SHOWN_POSITIONS = 10


def gene_calls(record: Record) -> Iterator[GeneCall]:
    """One call per gene that is defined by position or that a laboratory called, in order of their names."""
    outside: dict[str, list[OutsideCall]] = {}
    for each in record.outside_calls:
        outside.setdefault(each.gene, []).append(each)
    genes = {*definitions(), *outside, *record_codes()["outside_only"]["genes"]}
    for gene in sorted(genes):
        matched = matched_call(record, gene)
        if gene in outside:
            yield merged(outside_gene_call(gene, outside[gene], phenotype_tables().get(gene)), matched)
        else:
            yield matched


def matched_call(record: Record, gene: str) -> GeneCall:
    """The call of one gene from the genome alone; "not-tested" where there is none or this kind cannot show it."""
    definition = definitions().get(gene)
    if definition is None or gene in record_codes()["outside_only"]["genes"]:
        return GeneCall(gene=gene, status="not-tested", input_quality="absent", notes=(NOTE_OUTSIDE_ONLY,))
    limits = Limits(**record_codes()["genotype_limits"])
    sites = call_sites(record.genome, definition.sites, limits=limits) if record.genome is not None else ()
    return gene_call(
        definition,
        sites,
        phenotype_tables().get(gene),
        frequency_tables().get(gene),
        groups=ancestry_groups(record.demographics.ancestry),
        sex=record.demographics.sex,
    )


def gene_fact(call: GeneCall, record: Record) -> Fact:
    """The call as a fact, drawn from the lines of the laboratory's file or from the genome's file."""
    if call.source == "outside":
        origins = [each.origin for each in record.outside_calls if each.gene == call.gene]
    else:
        origins = [Origin(file=file) for file in dict.fromkeys(each.origin.file for each in call.positions) if file]
    return Fact(
        name=f"gene.{call.gene}.call",
        kind="gene_call",
        value=call.model_dump(mode="json"),
        drawn_from=tuple(dict.fromkeys(origins)),
    )


def missing_of(call: GeneCall, record: Record) -> Iterator[Missing]:
    """What keeps this gene from being known, if anything."""
    name, gene = f"gene.{call.gene}.call", call.gene
    if call.status in ("not-tested", "not-called"):
        key = _why(call, record)
        yield Missing(name=name, reason=say(key, gene=gene), remedy=say(f"{key}_remedy", gene=gene))
    elif call.status == "ambiguous" and call.n_missing and call.source == "matched":
        shown = ", ".join(call.missing[:SHOWN_POSITIONS]) + (" …" if len(call.missing) > SHOWN_POSITIONS else "")
        reason = say("positions", gene=gene, n=call.n_missing, total=call.n_positions)
        yield Missing(name=f"gene.{gene}.positions", reason=reason, remedy=say("positions_remedy", positions=shown))


def _why(call: GeneCall, record: Record) -> str:
    if call.status == "not-called":
        return "outside_empty" if call.source == "outside" else "not_called"
    if NOTE_OUTSIDE_ONLY in call.notes:
        return "outside_only"
    return "no_genome" if record.genome is None else "not_tested"
