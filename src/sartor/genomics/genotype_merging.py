"""The records at one site brought together into one genotype: split rows, parts, blocks, repeats, contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from sartor.genomics.allele_reading import SPANNED, Reading, Site, Window

MAY_BE_HAPLOID: Final = frozenset({"chrX", "chrY", "chrM"})
"""Chromosomes of which a person may have one copy; elsewhere one allele alone leaves the other copy open."""
UNEXPECTED_PLOIDY: Final = "unexpected-ploidy"


@dataclass(frozen=True, slots=True)
class Row:
    """One record's reading at a site with one person's genotype in it."""

    reading: Reading
    alleles: tuple[int | None, ...]
    phased: bool
    phase_set: int | None
    line: int | None

    @property
    def outcomes(self) -> tuple[str | None, ...]:
        """Per copy what the genotype means at the site."""
        known = self.reading.outcomes
        return tuple(None if index is None or index >= len(known) else known[index] for index in self.alleles)

    @property
    def notes(self) -> set[str]:
        """What is peculiar about the alleles that this genotype has."""
        return {
            self.reading.notes[index] for index in self.alleles if index is not None and index < len(self.reading.notes)
        } - {""}


@dataclass(frozen=True, slots=True)
class Combined:
    """One genotype at a site: alleles per copy, phase, concerns, and which rows (by index) it rests on."""

    alleles: tuple[str | None, ...]
    phased: bool = False
    phase_set: int | None = None
    concerns: tuple[str, ...] = ()
    used: tuple[int, ...] = ()


def combine(window: Window, rows: Sequence[Row]) -> Combined:
    """Bring the records at one site together; the record about the site itself wins over what merely covers it."""
    stated = [index for index, row in enumerate(rows) if row.alleles]
    own = [index for index in stated if rows[index].reading.own]
    combined = _from_own(window, rows, own) if own else _from_cover(window, rows, stated)
    if len(combined.alleles) != 1 or window.site.chromosome in MAY_BE_HAPLOID:
        return combined
    concerns = (*combined.concerns, UNEXPECTED_PLOIDY)
    return replace(combined, alleles=(*combined.alleles, None), phased=False, phase_set=None, concerns=concerns)


def _from_own(window: Window, rows: Sequence[Row], own: list[int]) -> Combined:
    distinct = _without_repeats(rows, own)
    notes = sorted(set().union(*(rows[index].notes for index in distinct)))
    if any(len(rows[index].alleles) > 2 for index in distinct):
        return Combined((None, None), concerns=(UNEXPECTED_PLOIDY,), used=tuple(own))
    if len(distinct) == 1:
        row = rows[distinct[0]]
        return _finish(window, row.outcomes, row.phased, row.phase_set, notes, (distinct[0],))
    chosen = [rows[index] for index in distinct]
    if any(_contradict(window.site.reference, one, other) for one, other in combinations(chosen, 2)):
        return _contradiction(max(len(row.alleles) for row in chosen), notes, tuple(distinct))
    return _merge(window, chosen, notes, tuple(distinct))


def _contradict(reference: str, one: Row, other: Row) -> bool:
    """Whether two rows that both name a variant count its copies differently (or lay it on another phased copy)."""
    here, there = one.outcomes, other.outcomes
    if None in here or None in there or len(here) != len(there):
        return False
    in_order = one.phased and other.phased and one.phase_set == other.phase_set
    both = set(one.reading.outcomes) & set(other.reading.outcomes) - {None, SPANNED, reference}
    return any(
        here.count(allele) != there.count(allele)
        or (in_order and [each == allele for each in here] != [each == allele for each in there])
        for allele in both
    )


def _without_repeats(rows: Sequence[Row], indices: list[int]) -> list[int]:
    """Drop records that repeat another one word for word."""
    seen: dict[object, int] = {}
    for index in indices:
        row = rows[index]
        seen.setdefault((row.reading, row.alleles, row.phased), index)
    return list(seen.values())


def _finish(
    window: Window,
    outcomes: Sequence[str | None],
    phased: bool,
    phase_set: int | None,
    notes: Iterable[str],
    used: tuple[int, ...],
) -> Combined:
    concerns = [*notes]
    if SPANNED in outcomes:
        concerns.append("spanning-deletion")
    if None in outcomes and any(each not in (None, SPANNED) for each in outcomes):
        concerns.append("half-call")
    alleles = tuple(None if each == SPANNED else each for each in outcomes)
    if not phased:
        alleles = _in_order(window.site, alleles)
    return Combined(alleles, phased, phase_set, tuple(dict.fromkeys(concerns)), used)


def _in_order(site: Site, alleles: tuple[str | None, ...]) -> tuple[str | None, ...]:
    ranks = {allele: rank for rank, allele in enumerate(site.alleles)}
    return tuple(sorted(alleles, key=lambda each: (each is None, ranks.get(each or "", len(ranks)), each or "")))


def _merge(window: Window, rows: list[Row], notes: list[str], used: tuple[int, ...]) -> Combined:
    """Several records about one site: the rows of a split multi-allelic one, or the parts of a longer substitution."""
    ploidies = {len(row.alleles) for row in rows}
    ploidy = max(ploidies)
    reference = window.site.reference
    if len(ploidies) == 1:
        sets = {row.phase_set for row in rows}
        if len(sets) == 1 and all(row.phased for row in rows):
            copies = [_one_copy(reference, [row.outcomes[copy] for row in rows]) for copy in range(ploidy)]
            if all(copy is not _CONFLICT for copy in copies):
                return _finish(
                    window, [str(c) if c is not None else None for c in copies], True, sets.pop(), notes, used
                )
            return _contradiction(ploidy, notes, used)
        pieces = _pieces(reference, rows, ploidy)
        if pieces is not None:
            return _finish(window, pieces, False, None, notes, used)
    return _pooled(window, rows, ploidy, notes, used)


_CONFLICT: Final = "!"


def _one_copy(reference: str, outcomes: list[str | None]) -> str | None:
    """What one copy carries, given what each record says of it."""
    changed = [each for each in dict.fromkeys(outcomes) if each not in (reference, None)]
    if not changed:
        return None if None in outcomes else reference
    spelled = [each for each in changed if each is not None and each != SPANNED]
    if len(spelled) <= 1:
        return spelled[0] if spelled else SPANNED
    return _composed(reference, spelled) or _CONFLICT


def _composed(reference: str, spelled: list[str]) -> str | None:
    """Several substitutions on one copy, written as one; None when they contradict each other."""
    if len(reference) == 1 or any(len(each) != len(reference) for each in spelled):
        return None
    bases = list(reference)
    for each in spelled:
        for place, base in enumerate(each):
            if base == reference[place]:
                continue
            if bases[place] not in (reference[place], base):
                return None
            bases[place] = base
    return "".join(bases)


def _pieces(reference: str, rows: list[Row], ploidy: int) -> list[str | None] | None:
    """Unphased parts of a longer substitution: copies are certain when at most one part is heterozygous."""
    if len(reference) == 1 or any(len(each or reference) != len(reference) for row in rows for each in row.outcomes):
        return None
    mixed = [row for row in rows if len(set(row.outcomes)) > 1]
    if len(mixed) > 1:
        return None
    copies = [_one_copy(reference, [row.outcomes[copy] for row in rows]) for copy in range(ploidy)]
    return None if _CONFLICT in copies else copies


def _pooled(window: Window, rows: list[Row], ploidy: int, notes: list[str], used: tuple[int, ...]) -> Combined:
    """Unphased rows of one multi-allelic site: pool the copies that each says are changed."""
    reference = window.site.reference
    counts: dict[str, int] = {}
    missing = 0
    for row in rows:
        if len(row.alleles) != ploidy:
            return _contradiction(ploidy, notes, used)
        for outcome in {each for each in row.outcomes if each not in (None, reference)}:
            copies = row.outcomes.count(outcome)
            if counts.setdefault(str(outcome), copies) != copies:
                return _contradiction(ploidy, notes, used)
        missing = max(missing, row.outcomes.count(None))
    spanned = counts.pop(SPANNED, 0)
    changed = [allele for allele, copies in counts.items() for _ in range(copies)]
    if len(changed) > ploidy or (len(changed) == 2 and len(reference) > 1 and not window.site.is_indel):
        return _contradiction(ploidy, notes, used)
    room = ploidy - len(changed)
    filled: list[str | None] = [*changed, *[SPANNED] * min(spanned, room)]
    filled += [None] * min(missing, ploidy - len(filled))
    filled += [reference] * (ploidy - len(filled))
    return _finish(window, filled, False, None, notes, used)


def _contradiction(ploidy: int, notes: Iterable[str], used: tuple[int, ...]) -> Combined:
    return Combined((None,) * ploidy, concerns=("contradicting-records", *notes), used=used)


def _from_cover(window: Window, rows: Sequence[Row], stated: list[int]) -> Combined:
    """No record is about the site: reference blocks, rows without alternative, and deletions that reach over it."""
    covering = [index for index in stated if rows[index].reading.covers is not None]
    spanning = [index for index in stated if rows[index].reading.spans]
    if _covered(window.site, [rows[index].reading for index in covering]):
        return _from_pieces(window, rows, _needed(window.site, rows, covering))
    if any(SPANNED in rows[index].outcomes for index in spanning):
        ploidy = max(len(rows[index].alleles) for index in spanning)
        return Combined((None,) * ploidy, concerns=("spanning-deletion",), used=tuple(spanning))
    first = [index for index in covering if rows[index].reading.first_base]
    if first and all(set(rows[index].alleles) == {0} for index in covering):
        row = rows[first[0]]
        alleles = (window.site.reference,) * len(row.alleles)
        return Combined(alleles, row.phased, row.phase_set, ("reference-at-first-base-only",), (first[0],))
    if covering:
        ploidy = max(len(rows[index].alleles) for index in covering)
        return Combined((None,) * ploidy, concerns=("partly-covered",), used=tuple(covering))
    return Combined(())


def _covered(site: Site, readings: Iterable[Reading]) -> bool:
    """Whether the covering records together leave no base of the site out."""
    reached = site.position - 1
    for start, end in sorted(reading.covers for reading in readings if reading.covers is not None):
        if start > reached + 1 or reached >= site.end:
            break
        reached = max(reached, end)
    return reached >= site.end


def _needed(site: Site, rows: Sequence[Row], covering: list[int]) -> list[int]:
    def touches(index: int) -> bool:
        covers = rows[index].reading.covers
        return covers is not None and covers[0] <= site.end and covers[1] >= site.position

    return [index for index in covering if touches(index)]


def _from_pieces(window: Window, rows: Sequence[Row], pieces: list[int]) -> Combined:
    """The site under one or several covering records: worst piece first for every copy."""
    used = tuple(pieces)
    notes = sorted(set().union(*(rows[index].notes for index in pieces)))
    if len(pieces) == 1:
        row = rows[pieces[0]]
        return _finish(window, row.outcomes[:2], row.phased, row.phase_set, notes, used)
    ploidy = max(len(rows[index].alleles) for index in pieces)
    spanned = max(rows[index].outcomes.count(SPANNED) for index in pieces)
    missing = max(rows[index].outcomes.count(None) for index in pieces)
    copies: list[str | None] = [SPANNED] * min(spanned, ploidy)
    copies += [None] * min(missing, ploidy - len(copies))
    copies += [window.site.reference] * (ploidy - len(copies))
    return _finish(window, copies, False, None, notes, used)
