"""A laboratory's own calls of a gene, taken over as a gene call: diplotype, phenotype or activity score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import OutsideCall
from sartor.genomics.star_alleles import hla, spellings
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.definition import natural_key
from sartor.genomics.star_alleles.phenotype import GenePhenotypes

Rules = Literal["sartor", "pharmcat"]
OPEN = hla.OPEN
"""Stands in a diplotype for the allele that a laboratory did not give, or gave by a name that is not known."""
NOTHING = {
    "", ".", "./.", "-", "unknown", "unknown/unknown", "n/a", "na", "no call", "no result", "not available",
    "not tested", "not done", "failed",
}  # fmt: skip
"""What laboratories write where they report nothing, in lower case."""
NOTHING_REPORTED = "outside.nothing-reported"
NOT_READ = "outside.not-read"
NAME_NOT_KNOWN = "outside.name-not-known"
ONE_ALLELE = "outside.one-allele-given"
LOW_RESOLUTION = "outside.low-resolution"
GROUP = "outside.group-of-alleles"
NOT_STATED = "outside.not-stated"
DIFFERS = "outside.phenotype-differs"
GENOME_DIFFERS = "outside.differs-from-genome"
GENOME_AGREES = "outside.agrees-with-genome"
DOUBTS = (NOT_READ, NAME_NOT_KNOWN, ONE_ALLELE, LOW_RESOLUTION, GROUP, DIFFERS)
"""Notes that make the input of a gene a reduced one."""
_ZYGOSITY = re.compile(r"[\s(\[]+(?P<kind>het|hom)(?:erozygous|ozygous)?[)\]]*$", re.IGNORECASE)
_DUPLICATED = re.compile(r"\((?P<pair>[^()]*/[^()]*)\)\s*[x×](?P<count>\d+|n)", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What one line leaves possible, and notes on what it does not say or says twice."""

    candidates: tuple[Diplotype, ...] = ()
    notes: tuple[str, ...] = ()


def outside_gene_call(
    gene: str,
    calls: Sequence[OutsideCall],
    table: GenePhenotypes | None,
    *,
    rules: Rules = "sartor",
    sex: str = "",
) -> GeneCall:
    """All outside calls of one gene as one gene call with source "outside".

    Several lines are several candidates; for a gene of which carrying an allele matters (HLA), lines that give one
    allele or one status each belong together. What a line leaves open stays open: an allele not given may be any.
    Without any usable line the status is "not-called".

    rules: "pharmcat" takes an HLA allele not given for none of those looked for, and an allele that the table does
           not list for one without phenotype, as that program does; for comparison with it only.
    """
    if table is not None and table.by == "presence":
        read = presence_readings(gene, calls, table, rules)
    else:
        read = tuple(_by_sex(line_reading(call, table, rules), sex) for call in calls)
    candidates = distinct(each for reading in read for each in reading.candidates)
    notes = tuple(dict.fromkeys(note for reading in read for note in reading.notes))
    if not candidates:
        return GeneCall(gene=gene, status="not-called", source="outside", notes=notes or (NOTHING_REPORTED,))
    doubtful = any(note.startswith(DOUBTS) for note in notes)
    return _call(gene, candidates, notes, table.version if table else "", "reduced" if doubtful else "good")


def _call(gene: str, candidates: tuple[Diplotype, ...], notes: tuple[str, ...], version: str, quality: str) -> GeneCall:
    phenotypes = tuple(dict.fromkeys(each.phenotype for each in candidates if each.phenotype))
    return GeneCall(
        gene=gene,
        status=status_of(candidates, phenotypes),
        source="outside",
        diplotypes=candidates,
        phenotypes=phenotypes,
        activity_scores=scores_of(candidates),
        notes=notes,
        input_quality=quality,
        definition_version=version,
    )


def status_of(candidates: Sequence[Diplotype], phenotypes: Sequence[str]) -> str:
    """The status of a gene call with these candidates."""
    if len(candidates) == 1:
        return "called"
    return "phenotype-certain" if len(phenotypes) == 1 else "ambiguous"


def scores_of(candidates: Iterable[Diplotype]) -> tuple[float | None, ...]:
    """The distinct activity scores."""
    return tuple(dict.fromkeys(each.activity_score for each in candidates if each.activity_score is not None))


def distinct(candidates: Iterable[Diplotype]) -> tuple[Diplotype, ...]:
    """Candidates without repeats, in order."""
    return tuple(dict.fromkeys(candidates))


def _by_sex(read: Reading, sex: str) -> Reading:
    """A reading without the candidates of one copy, or of two, where the sex excludes them."""
    alone = tuple(each for each in read.candidates if len(each.alleles) == 1)
    if not alone or len(alone) == len(read.candidates) or sex not in ("male", "female"):
        return read
    if sex == "male":
        return Reading(alone, tuple(note for note in read.notes if note != ONE_ALLELE))
    return Reading(tuple(each for each in read.candidates if each not in alone), read.notes)


def is_nothing(text: str) -> bool:
    """Whether a cell reports nothing."""
    return text.strip().lower() in NOTHING


# HLA: which alleles are carried


def presence_readings(
    gene: str, calls: Sequence[OutsideCall], table: GenePhenotypes, rules: Rules
) -> tuple[Reading, ...]:  # fmt: skip
    """What the lines of an HLA gene leave possible of the alleles that are looked for."""
    entries = [(_said(call.diplotype), _said(call.phenotype), _said(call.activity_score)) for call in calls]
    return tuple(presence_reading(each, table, rules) for each in hla.readings(gene, entries))


def _said(text: str) -> str:
    return "" if is_nothing(text) else text


def presence_reading(found: hla.HlaReading, table: GenePhenotypes, rules: Rules = "sartor") -> Reading:
    """Candidates of one reading: an allele is ruled out only by two alleles typed to the second field, or by words."""
    typed = found.is_typed or (rules == "pharmcat" and bool(found.alleles))
    notes = [f"{NOT_READ}:{each}" for each in found.unread]
    if found.is_empty:
        words = ("positive" if there else "negative" for there in found.bare)
        return Reading(notes=(*notes, *(f"{NOT_READ}:{word}" for word in words)))
    carried = any(found.carries(name) for name in table.presence)
    denied = any(there != carried for there in found.bare if found.alleles)
    status: dict[str, bool | None] = {}
    for name in table.presence:
        told = found.said(name) | ({True} if found.carries(name) else {False} if typed else set())
        told |= {True, False} if denied else set()
        status[name] = next(iter(told)) if len(told) == 1 else None
        if len(told) > 1:
            notes.append(f"{DIFFERS}:{name}")
    if None in status.values():
        notes += _why_open(found) or [f"{NOT_STATED}:{', '.join(name for name in status if status[name] is None)}"]
    if any(each is not None and each.is_group for each in found.alleles):
        notes.append(GROUP)
    others = [(each.label, there) for each, there in found.statuses if each.name and each.name not in status]
    contradicted = any(note.startswith(DIFFERS) for note in notes)
    labels = () if contradicted else _labels(found, rules)
    return Reading(tuple(_presence(labels, each, others) for each in _settled(status)), tuple(notes))


def _labels(found: hla.HlaReading, rules: Rules) -> tuple[str, ...]:
    """The alleles in the usual order of writing, what was not given last."""
    ordered = sorted(found.labels, key=lambda label: (label == OPEN, natural_key(label)))
    return tuple(label for label in ordered if label != OPEN or rules == "sartor")


def _why_open(found: hla.HlaReading) -> list[str]:
    """Notes on why an allele could not be ruled out."""
    given = [each for each in found.alleles if each is not None]
    notes = [ONE_ALLELE] if found.alleles and len(given) < 2 else []
    return notes + ([LOW_RESOLUTION] if any(not each.name for each in given) else [])


def _settled(status: dict[str, bool | None]) -> list[dict[str, bool]]:
    """Every way that matters to fill what is open: none of the open alleles is there, or one of them is."""
    base = {name: bool(there) for name, there in status.items()}
    return [base, *({**base, name: True} for name, there in status.items() if there is None)]


def _presence(labels: tuple[str, ...], status: dict[str, bool], others: Sequence[tuple[str, bool]]) -> Diplotype:
    text = ";".join(f"{name} {'positive' if there else 'negative'}" for name, there in (*status.items(), *others))
    return Diplotype(alleles=labels, phenotype=text, lookup_key=text)


# All other genes: a diplotype, a phenotype, a score


def line_reading(call: OutsideCall, table: GenePhenotypes | None, rules: Rules = "sartor") -> Reading:
    """What one line says; columns that contradict each other leave all that they say possible."""
    cells = [text.strip() for text in (call.diplotype, call.phenotype, call.activity_score) if not is_nothing(text)]
    if table is None:
        return _without_table(call)
    candidates: tuple[Diplotype, ...] = ()
    notes: list[str] = []
    for text in cells:
        read = cell_reading(text, table, rules)
        notes += read.notes
        agreeing = tuple(each for each in candidates if any(agree(each, other) for other in read.candidates))
        if not candidates or not read.candidates:
            candidates = candidates or read.candidates
        elif not agreeing:
            notes.append(f"{DIFFERS}:{text}")
            candidates = distinct((*candidates, *read.candidates))
        elif not any(note.startswith(DIFFERS) for note in notes):
            candidates = agreeing
    return Reading(candidates, tuple(notes))


def agree(one: Diplotype, other: Diplotype) -> bool:
    """Whether a candidate bears out another that was named by phenotype or by score."""
    if other.lookup_key.startswith("≥") and other.activity_score is not None and one.activity_score is not None:
        return one.activity_score >= other.activity_score
    if other.activity_score is not None and one.activity_score is not None:
        return abs(one.activity_score - other.activity_score) < 1e-9
    return one.phenotype.casefold() == other.phenotype.casefold()


def _without_table(call: OutsideCall) -> Reading:
    """A gene without a table is taken as it is written."""
    if not is_nothing(call.diplotype):
        given = [
            sorted((part.strip() for part in each.split("/")), key=natural_key)
            for each in re.split(r";|\bor\b", call.diplotype, flags=re.IGNORECASE)
        ]
        return Reading(distinct(meaning.diplotype(None, alleles) for alleles in given if any(alleles)))
    score = meaning.as_number(call.activity_score)
    phenotype = "" if is_nothing(call.phenotype) else call.phenotype.strip()
    if score is None and not phenotype:
        return Reading()
    return Reading((Diplotype(alleles=(), phenotype=phenotype, activity_score=score, lookup_key=phenotype),))


def cell_reading(text: str, table: GenePhenotypes, rules: Rules = "sartor") -> Reading:
    """What one column says, whichever it is: alleles, a phenotype or an activity score."""
    if phenotype := spellings.phenotype(table, text):
        return Reading(from_phenotype(phenotype, table))
    if key := spellings.score(table, text):
        return Reading((from_score(key, table),))
    return diplotypes_of(text, table, rules)


def from_score(key: str, table: GenePhenotypes) -> Diplotype:
    """A candidate known by its activity score alone; above the listed scores the highest bound reached names it."""
    number = meaning.as_number(key) or 0.0
    found = meaning.score_phenotype(table, key)
    if found == meaning.UNASSIGNED:
        bounds = {meaning.as_number(each) or 0.0: name for each, name in table.scores.items() if each.startswith("≥")}
        found = bounds[max(bound for bound in bounds if bound <= number)]
    return Diplotype(alleles=(), phenotype=found, activity_score=number, lookup_key=key)


def from_phenotype(name: str, table: GenePhenotypes) -> tuple[Diplotype, ...]:
    """Candidates known by phenotype alone: one per activity score that has it, where guidelines go by score."""
    keys = [key for key, phenotype in table.scores.items() if phenotype == name] if table.by == "score" else []
    if not keys:
        return (Diplotype(alleles=(), phenotype=name, lookup_key=name),)
    ordered = sorted(keys, key=lambda key: meaning.as_number(key) or 0.0)
    return tuple(
        Diplotype(alleles=(), phenotype=name, activity_score=meaning.as_number(key), lookup_key=key) for key in ordered
    )


def diplotypes_of(text: str, table: GenePhenotypes, rules: Rules = "sartor") -> Reading:
    """The candidates for "*1/*4", "*1/*2xN", "(*1/*2)xN", "*36+*10/*1", "1555A>G"; alternatives by " or " or ";"."""
    found: list[Diplotype] = []
    notes: list[str] = []
    for alternative in re.split(r";|\bor\b", text, flags=re.IGNORECASE):
        for spelled in _copies_shared_out(alternative.strip()):
            read = _pair(spelled, table, rules)
            found += read.candidates
            notes += read.notes
    return Reading(distinct(found), tuple(dict.fromkeys(notes)))


def _copies_shared_out(text: str) -> list[str]:
    """ "(*1/*2)xN" as "*1xN/*2" and "*1/*2xN": which of the two is there several times was not determined."""
    found = _DUPLICATED.fullmatch(text)
    if found is None:
        return [text]
    one, _, other = (part.strip() for part in found["pair"].partition("/"))
    if not found["count"].isdigit():
        return [f"{one}xN/{other}", f"{one}/{other}xN"]
    counts = {max(int(found["count"]) - 1, 1), max(int(found["count"]), 1)}
    copies = [f"x{count}" if count > 1 else "" for count in sorted(counts)]
    return [spelled for count in copies for spelled in (f"{one}{count}/{other}", f"{one}/{other}{count}")]


def _pair(text: str, table: GenePhenotypes, rules: Rules) -> Reading:
    """One pair of alleles, or what a single one leaves open."""
    zygosity = _ZYGOSITY.search(text)
    parts = _split(text[: zygosity.start()] if zygosity else text, table)
    kind = zygosity["kind"].lower() if zygosity else ""
    names = [None if is_nothing(part) or part == OPEN else spellings.allele(table, part) for part in parts]
    unknown = [part for part, name in zip(parts, names, strict=True) if name is None and not is_nothing(part)]
    notes = tuple(f"{NAME_NOT_KNOWN}:{part}" for part in unknown if part != OPEN)
    if rules == "pharmcat":
        return Reading((meaning.diplotype(table, in_order(parts)),))
    known = [name for name in names if name]
    if not known or len(names) > 2 or (kind and len(names) == 2 and (kind == "hom") != (len(set(known)) == 1)):
        return Reading(notes=notes or (f"{NOT_READ}:{text}",))
    if table.is_haploid and not unknown:
        return Reading(tuple(meaning.diplotype(table, (name,)) for name in dict.fromkeys(known)))
    if kind == "hom":
        known = [known[0], known[0]]
    if len(known) == 2:
        return Reading(distinct(_written(table, pair) for pair in product(*(_counted(table, name) for name in known))))
    candidates = [each for name in _counted(table, known[0]) for each in _opened(table, name, other_than=kind == "het")]
    return Reading(distinct(candidates), notes or (ONE_ALLELE,))


def _split(text: str, table: GenePhenotypes) -> list[str]:
    """The alleles of a pair; names that themselves hold a slash or a comma stay whole."""
    if spellings.allele(table, text):
        return [text]
    pieces = [each.strip() for each in text.split("/")]
    if len(pieces) == 1:
        pieces = [each.strip() for each in re.split(r"[|,]", text)]
    if len(pieces) == 3:
        joined = [["/".join(pieces[:2]), pieces[2]], [pieces[0], "/".join(pieces[1:])]]
        return next((pair for pair in joined if all(spellings.allele(table, each) for each in pair)), pieces)
    return pieces


def _counted(table: GenePhenotypes, name: str) -> tuple[str, ...]:
    return meaning.expanded(table, name) if "[" not in name else (name,)


def _written(table: GenePhenotypes, alleles: Sequence[str]) -> Diplotype:
    """The pair in the usual order, with the meaning of the variants of it that decide."""
    ordered = in_order(alleles)
    return meaning.diplotype(table, meaning.decisive(table, ordered)).model_copy(update={"alleles": ordered})


def _opened(table: GenePhenotypes, name: str, *, other_than: bool) -> tuple[Diplotype, ...]:
    """What an allele means with any second one, each meaning once; on the X chromosome also alone."""
    second = [other for other in table.functions if not (other_than and other == name)]
    opened = [
        _written(table, (name, other)).model_copy(update={"alleles": (name, OPEN), "functions": ()}) for other in second
    ]
    alone = [_written(table, (name,))] if any(len(functions) == 1 for functions in table.rules) else []
    return distinct((*alone, *opened))


def in_order(alleles: Sequence[str]) -> tuple[str, ...]:
    """The two alleles in the usual order of writing."""
    return tuple(sorted(alleles, key=natural_key))


# Beside a genome


def merged(outside: GeneCall, matched: GeneCall | None, shown: GeneCall | None = None) -> GeneCall:
    """The outside call, with what the genome shows of the same gene beside it.

    matched: the call from the genome with every candidate; shown: the same with the very unlikely ones left out.
    Where no candidate of the genome fits what the laboratory says, the candidates of both stay possible. Where the
    laboratory left an allele open, the genome's candidates that fit it are taken. An outside call that reports
    nothing leaves the matched call in force.
    """
    if matched is None or (matched.status in ("not-tested", "not-called") and not matched.positions):
        return outside
    shown = shown or matched
    if outside.status == "not-called":
        return shown.model_copy(update={"notes": (*shown.notes, *outside.notes)})
    fitting = [each for each in matched.diplotypes if any(_fits(each, said) for said in outside.diplotypes)]
    labels = ";".join(each.label for each in shown.diplotypes) or shown.status
    genome = {
        "positions": matched.positions,
        "n_positions": matched.n_positions,
        "n_missing": matched.n_missing,
        "missing": matched.missing,
    }
    if not fitting and (matched.diplotypes or matched.haplotypes or matched.unknown_variants):
        return _both(outside, shown, f"{GENOME_DIFFERS}:{labels}").model_copy(update=genome)
    if fitting and all(OPEN in each.alleles for each in outside.diplotypes):
        found = _call(outside.gene, _unweighed(fitting), outside.notes, outside.definition_version, "good")
        outside = found.model_copy(update={"notes": tuple(each for each in found.notes if each != ONE_ALLELE)})
    notes = (f"{GENOME_AGREES}:{labels}",) if fitting else matched.notes
    return outside.model_copy(update={**genome, "notes": (*outside.notes, *notes)})


def _fits(ours: Diplotype, said: Diplotype) -> bool:
    """Whether the genome's candidate is what the laboratory says: its alleles, else its phenotype or score."""
    if not said.alleles:
        return agree(ours, said)
    if OPEN in said.alleles:
        return any(name in ours.alleles for name in said.alleles if name != OPEN)
    return sorted(ours.alleles) == sorted(said.alleles)


def _unweighed(candidates: Iterable[Diplotype]) -> tuple[Diplotype, ...]:
    """Candidates without the probabilities that frequencies gave them: the laboratory's word changes these."""
    return distinct(
        each.model_copy(update={"probability": None, "prior": "", "score": None}) for each in candidates
    )  # fmt: skip


def _both(outside: GeneCall, matched: GeneCall, note: str) -> GeneCall:
    """The candidates of laboratory and genome together."""
    candidates = distinct((*outside.diplotypes, *_unweighed(matched.diplotypes)))
    same = len({(each.phenotype, each.lookup_key) for each in candidates}) == 1
    kept_out = [each for each in matched.notes if each.startswith("less-likely-left-out")]
    joined = _call(outside.gene, candidates, (*outside.notes, *kept_out, note), outside.definition_version, "reduced")
    alike = same and not matched.unknown_variants and bool(matched.diplotypes)
    quality = outside.input_quality if alike else "reduced"
    return joined.model_copy(update={"input_quality": "poor" if matched.input_quality == "poor" else quality})
