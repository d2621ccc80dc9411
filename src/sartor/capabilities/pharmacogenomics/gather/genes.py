"""The call of every gene: from the genome, from a laboratory, or the statement that there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sartor.capabilities.pharmacogenomics.gather.reasons import say
from sartor.capabilities.pharmacogenomics.gather.unread import NOTE_OUTSIDE_ONLY, limits, unread_calls, variants_of
from sartor.capabilities.pharmacogenomics.tables.calling import called_by_position
from sartor.capabilities.pharmacogenomics.tables.frequencies import ancestry_groups
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.evidence import Fact, Missing
from sartor.domain.genome import GeneCall
from sartor.domain.provenance import Origin
from sartor.domain.record import OutsideCall, Record
from sartor.genomics.normalise import call_sites
from sartor.genomics.star_alleles.outside import (
    DIFFERS,
    GENOME_DIFFERS,
    LOW_RESOLUTION,
    NAME_NOT_KNOWN,
    NOT_READ,
    NOT_STATED,
    ONE_ALLELE,
    merged,
    outside_gene_call,
)
from sartor.genomics.star_alleles.possible import GeneTables, gene_call, likely

SHOWN_POSITIONS = 10
SAID_AS_MISSING = (GENOME_DIFFERS, DIFFERS, NOT_READ, NAME_NOT_KNOWN, LOW_RESOLUTION, ONE_ALLELE, NOT_STATED)
"""Doubts about a laboratory's call that are listed among what is missing."""


def gene_calls(record: Record) -> Iterator[GeneCall]:
    """One call per gene that is defined by position or that a laboratory called, in order of their names."""
    matched = [matched_call(record, tables) for tables in called_by_position()]
    ours = [*matched, *unread_calls(record.genome)]
    share = record_codes()["candidates"]["kept_share"]
    yield from with_outside(ours, record.outside_calls, kept_share=share, sex=record.demographics.sex)


def matched_call(record: Record, tables: GeneTables) -> GeneCall:
    """The call of one gene from the genome alone, with every candidate; "not-tested" without a genome."""
    sites = tables.definition.all_sites
    return gene_call(
        tables.definition,
        call_sites(record.genome, sites, limits=limits()) if record.genome is not None else (),
        tables.phenotypes,
        tables.frequencies,
        groups=ancestry_groups(record.demographics.ancestry),
        sex=record.demographics.sex,
    )


def with_outside(
    matched: Iterable[GeneCall],
    outside: Iterable[OutsideCall],
    *,
    kept_share: float | None = None,
    sex: str = "",
) -> Iterator[GeneCall]:
    """A laboratory's calls beside our own of the same gene, all in order of the genes' names.

    kept_share: of our candidates those are shown that reach this share of the probability; None shows all. Whether
                a laboratory's call fits the genome is asked of all.
    """
    ours = {call.gene: call for call in matched}
    theirs: dict[str, list[OutsideCall]] = {}
    for each in outside:
        theirs.setdefault(each.gene, []).append(each)
    for gene in sorted({*ours, *theirs}):
        own = ours.get(gene)
        shown = likely(own, kept_share) if own is not None and kept_share is not None else own
        if gene in theirs:
            said = outside_gene_call(gene, theirs[gene], phenotype_tables().get(gene), sex=sex)
            yield merged(said, own, shown)
        elif shown is not None:
            yield shown


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
    doubts = tuple(_doubts(call, record))
    yield from doubts
    if doubts:
        return
    if call.status in ("not-tested", "not-called"):
        key = _why(call, record)
        reason = say(key, gene=gene, found=variants_of(call))
        yield Missing(name=name, reason=reason, remedy=say(f"{key}_remedy", gene=gene))
    elif call.status == "ambiguous" and call.n_missing and call.source == "matched":
        shown = ", ".join(call.missing[:SHOWN_POSITIONS]) + (" …" if len(call.missing) > SHOWN_POSITIONS else "")
        reason = say("positions", gene=gene, n=call.n_missing, total=call.n_positions)
        yield Missing(name=f"gene.{gene}.positions", reason=reason, remedy=say("positions_remedy", positions=shown))


def _doubts(call: GeneCall, record: Record) -> Iterator[Missing]:
    """What a laboratory's call leaves open or contradicts, each with the lines that it stands in."""
    settled = call.status in ("called", "phenotype-certain") and call.input_quality == "good"
    name = f"gene.{call.gene}.{'call' if call.status in ('not-tested', 'not-called') else 'outside'}"
    lines = [str(each.origin.line) for each in record.outside_calls if each.gene == call.gene and each.origin.line]
    where = say("outside_where", lines=", ".join(lines)) if lines else ""
    said: dict[str, list[str]] = {}
    for note in call.notes:
        key, _, text = note.partition(":")
        if key in SAID_AS_MISSING and not (settled and key == GENOME_DIFFERS):
            said.setdefault(key, []).append(text)
    for number, (key, texts) in enumerate(said.items(), start=1):
        yield Missing(
            name=name if number == 1 else f"{name}.{number}",
            reason=say(key.replace("outside.", "outside_"), gene=call.gene, said=", ".join(texts), where=where),
            remedy=say("outside_remedy", gene=call.gene),
        )


def _why(call: GeneCall, record: Record) -> str:
    if call.status == "not-called":
        return "outside_empty" if call.source == "outside" else "not_called"
    if NOTE_OUTSIDE_ONLY in call.notes:
        return "present_not_interpreted" if variants_of(call) else "outside_only"
    return "no_genome" if record.genome is None else "not_tested"
