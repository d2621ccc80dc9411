"""A laboratory's own calls of a gene, taken over as a gene call: diplotype, phenotype or activity score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import OutsideCall
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.definition import natural_key
from sartor.genomics.star_alleles.phenotype import GenePhenotypes

NOTHING = {
    "", ".", "./.", "-", "unknown", "unknown/unknown", "n/a", "na", "no call", "no result", "not available",
    "not tested", "not done", "failed",
}  # fmt: skip
"""What laboratories write where they report nothing, in lower case."""


def outside_gene_call(gene: str, calls: Sequence[OutsideCall], table: GenePhenotypes | None) -> GeneCall:
    """All outside calls of one gene as one gene call with source "outside".

    Several lines are several candidates; for a gene of which carrying an allele matters (HLA), lines that give one
    allele or one status each belong together. Without any usable line the status is "not-called".
    """
    read = together(calls) if table is not None and table.by == "presence" else calls
    candidates = distinct(each for call in read for each in candidates_of(call, table))
    if not candidates:
        return GeneCall(gene=gene, status="not-called", source="outside", notes=("outside.nothing-reported",))
    phenotypes = tuple(dict.fromkeys(each.phenotype for each in candidates if each.phenotype))
    scores = tuple(dict.fromkeys(each.activity_score for each in candidates if each.activity_score is not None))
    return GeneCall(
        gene=gene,
        status=status_of(candidates, phenotypes),
        source="outside",
        diplotypes=candidates,
        phenotypes=phenotypes,
        activity_scores=scores,
        notes=tuple(dict.fromkeys(note for call in calls for note in contradictions(call, candidates)))
        + one_allele_note(candidates, table),
        definition_version=table.version if table else "",
    )


def together(calls: Sequence[OutsideCall]) -> tuple[OutsideCall, ...]:
    """HLA lines of one allele or one status each as one line; whole diplotypes stay apart."""
    alleles = [each.diplotype.strip() for each in calls if each.diplotype.strip().lower() not in NOTHING]
    if alleles:
        if len(alleles) > 2 or any("/" in each for each in alleles):
            return tuple(calls)
        return (calls[0].model_copy(update={"diplotype": "/".join(dict.fromkeys(alleles))}),)
    said = [each.phenotype.strip() for each in calls if each.phenotype.strip().lower() not in NOTHING]
    return (calls[0].model_copy(update={"phenotype": ";".join(dict.fromkeys(said))}),)


def status_of(candidates: Sequence[Diplotype], phenotypes: Sequence[str]) -> str:
    """The status of a gene call with these candidates."""
    if len(candidates) == 1:
        return "called"
    return "phenotype-certain" if len(phenotypes) == 1 else "ambiguous"


def candidates_of(call: OutsideCall, table: GenePhenotypes | None) -> tuple[Diplotype, ...]:
    """What one line says: every diplotype that its spelling leaves open, or a phenotype or score without alleles."""
    if call.diplotype.strip().lower() not in NOTHING:
        return diplotypes_of(call.diplotype, table)
    if (text := call.activity_score.strip()) and text.lower() not in NOTHING:
        return (from_score(text, call.phenotype, table),)
    if (text := call.phenotype.strip()) and text.lower() not in NOTHING:
        if table is not None and meaning.canonical(table, text) in table.functions:
            return diplotypes_of(text, table)
        return from_phenotype(text, table)
    return ()


def diplotypes_of(text: str, table: GenePhenotypes | None) -> tuple[Diplotype, ...]:
    """The candidates for "*1/*4", "*1/*2xN", "*36+*10/*1", "m.1555A>G"; alternatives may be parted by " OR " or ";"."""
    found = []
    for alternative in text.replace(" or ", ";").replace(" OR ", ";").split(";"):
        alleles = [part.strip() for part in alternative.split("/") if part.strip() not in NOTHING]
        if not alleles:
            continue
        if table is None or table.by == "presence":
            found.append(meaning.diplotype(table, sorted(alleles, key=natural_key)))
            continue
        for choice in product(*(meaning.expanded(table, allele) for allele in alleles)):
            found.append(meaning.diplotype(table, in_order(choice)))
    return distinct(found)


def in_order(alleles: Sequence[str]) -> tuple[str, ...]:
    """The two alleles in the usual order of writing."""
    return tuple(sorted(alleles, key=natural_key))


def from_score(text: str, phenotype: str, table: GenePhenotypes | None) -> Diplotype:
    """A candidate known by its activity score alone."""
    number = meaning.as_number(text)
    bound = "≥" if text.startswith((">", "≥")) else ""
    key = bound + meaning.number_text(number) if number is not None else text
    found = meaning.score_phenotype(table, key) if table is not None else meaning.UNASSIGNED
    named = phenotype.strip() if found == meaning.UNASSIGNED else found
    return Diplotype(alleles=(), phenotype=named or found, activity_score=number, lookup_key=key)


def from_phenotype(text: str, table: GenePhenotypes | None) -> tuple[Diplotype, ...]:
    """Candidates known by phenotype alone: one per activity score that has it, where guidelines go by score."""
    if table is None or table.by != "score":
        return (Diplotype(alleles=(), phenotype=presence_text(text, table), lookup_key=presence_text(text, table)),)
    keys = [key for key, phenotype in table.scores.items() if phenotype.lower() == text.lower()]
    if not keys:
        return (Diplotype(alleles=(), phenotype=text),)
    ordered = sorted(keys, key=lambda key: meaning.as_number(key) or 0.0)
    return tuple(
        Diplotype(alleles=(), phenotype=table.scores[key], activity_score=meaning.as_number(key), lookup_key=key)
        for key in ordered
    )


def presence_text(text: str, table: GenePhenotypes | None) -> str:
    """A phenotype as tables spell it, whatever its capitals."""
    known = {name.lower(): name for name in table.rules.values()} if table is not None else {}
    return known.get(text.lower(), text)


def contradictions(call: OutsideCall, candidates: Sequence[Diplotype]) -> tuple[str, ...]:
    """Notes where the line's own phenotype or score is another than its diplotype's."""
    said = call.phenotype.strip()
    if not call.diplotype.strip() or not said or said.lower() in NOTHING:
        return ()
    if any(each.phenotype.lower() == said.lower() for each in candidates):
        return ()
    return (f"outside.phenotype-differs:{said}",)


def one_allele_note(candidates: Sequence[Diplotype], table: GenePhenotypes | None) -> tuple[str, ...]:
    """Of an HLA gene one allele alone was given: the alleles called negative rest on the other being none of them."""
    if table is None or table.by != "presence" or all(len(each.alleles) != 1 for each in candidates):
        return ()
    return ("outside.one-allele-given",)


def distinct(candidates: object) -> tuple[Diplotype, ...]:
    """Candidates without repeats, in order."""
    return tuple(dict.fromkeys(candidates))  # type: ignore[call-overload]


def merged(outside: GeneCall, matched: GeneCall | None) -> GeneCall:
    """The outside call, with what the genome shows of the same gene kept beside it in notes, positions and quality.

    An outside call that reports nothing leaves the matched call in force.
    """
    if matched is None or (matched.status in ("not-tested", "not-called") and not matched.positions):
        return outside
    if outside.status == "not-called":
        return matched.model_copy(update={"notes": (*matched.notes, *outside.notes)})
    labels = ";".join(each.label for each in matched.diplotypes) or matched.status
    agrees = {each.label for each in matched.diplotypes} & {each.label for each in outside.diplotypes}
    note = "outside.agrees-with-genome" if agrees else "outside.differs-from-genome"
    return outside.model_copy(
        update={
            "notes": (*outside.notes, f"{note}:{labels}"),
            "positions": matched.positions,
            "n_positions": matched.n_positions,
            "n_missing": matched.n_missing,
            "missing": matched.missing,
        }
    )
