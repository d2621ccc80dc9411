"""What laboratories write of HLA genes: alleles of any resolution and statuses, read strictly; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OPEN = "?"
"""Stands for an allele that was not given."""

_SEPARATORS = re.compile(r"[/|,;]|\band\b", re.IGNORECASE)
_ALTERNATIVES = re.compile(r";|\bor\b", re.IGNORECASE)
_BLANKS = frozenset({"", "-", ".", "?", "x", "blank", "unknown", "n/a", "na", "none", "null"})
_MODERN = re.compile(
    r"(?P<family>\d\d)(?::(?P<field>\d\d|[1-9]\d{2,3}|[A-Z]{2,6})(?::\d{2,4}){0,2})?(?P<suffix>[A-Z])?"
)
_FAMILY_ALONE = re.compile(r"(?P<family>\d)(?P<field>)(?P<suffix>)")
_FAMILIES_A = "01 02 03 11 23 24 25 26 29 30 31 32 33 34 36 43 66 68 69 74 80"
_FAMILIES_B = (
    "07 08 13 14 15 18 27 35 37 38 39 40 41 42 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 67 73 78 81 82 83"
)
_FAMILIES = {"HLA-A": frozenset(_FAMILIES_A.split()), "HLA-B": frozenset(_FAMILIES_B.split())}
"""First fields that the nomenclature has (IPD-IMGT/HLA); a name with another one is a slip of writing."""
_OLD = re.compile(r"(?P<family>\d\d)(?P<field>\d\d)(?:\d\d){0,2}(?P<suffix>[A-Z])?")
_SUFFIXES = frozenset("NLSCAQGP")
_GROUPS = frozenset("GP")
_NEGATIVE = r"negative|neg|absent|undetected|not\s+detected|not\s+present|non-?\s?carrier"
_POSITIVE = r"positive|pos|present|detected|carrier"
_WORD = rf"(?:(?P<negative>{_NEGATIVE})|(?P<positive>{_POSITIVE}))"
_BARE = re.compile(_WORD, re.IGNORECASE)
_AFTER = re.compile(rf"(?P<allele>.+?)[\s:=]+{_WORD}", re.IGNORECASE)
_BEFORE = re.compile(rf"{_WORD}\s+(?:for\s+)?(?P<allele>.+)", re.IGNORECASE)


@dataclass(frozen=True)
class HlaAllele:
    """An allele as far as it was typed: family "*57", name "*57:01" ("" when only the family is known)."""

    family: str
    name: str = ""
    is_group: bool = False

    @property
    def label(self) -> str:
        """The name, or the family where that is all."""
        return self.name or self.family


@dataclass(frozen=True)
class HlaReading:
    """What one entry says of one HLA gene.

    alleles:  those given, in the order of writing; None for a place left blank.
    statuses: alleles said to be there (True) or not (False).
    unread:   pieces that are neither.
    bare:     "positive" or "negative" that names no allele.
    """

    alleles: tuple[HlaAllele | None, ...] = ()
    statuses: tuple[tuple[HlaAllele, bool], ...] = ()
    unread: tuple[str, ...] = ()
    bare: tuple[bool, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be concluded from it."""
        return not self.statuses and not any(self.alleles)

    @property
    def is_typed(self) -> bool:
        """Whether both alleles were given to the second field, so that others can be ruled out."""
        return len(self.alleles) == 2 and not self.unread and all(each and each.name for each in self.alleles)

    @property
    def labels(self) -> tuple[str, ...]:
        """The alleles, with "?" for one not given."""
        given = [each.label if each else OPEN for each in self.alleles]
        return tuple([*given, OPEN] if len(given) == 1 else given)

    def carries(self, name: str) -> bool:
        """Whether the alleles given include this one."""
        return any(each is not None and each.name == name for each in self.alleles)

    def said(self, name: str) -> frozenset[bool]:
        """What was said outright: a family said to be absent takes its alleles with it."""
        family = name.partition(":")[0]
        return frozenset(
            there
            for allele, there in self.statuses
            if allele.name == name or (not allele.name and allele.family == family and not there)
        )


def allele(gene: str, text: str) -> HlaAllele | None:
    """The allele that a text spells: "*57:01", "B*57:01:01:01", "HLA-B*5701", "*57:01G", "B57", "*57:XX"."""
    letter = re.escape(gene.removeprefix("HLA-"))
    bare = re.sub(rf"^(?:HLA[-_ ]?)?(?:{letter})?\s*\*?\s*", "", text.strip(), flags=re.IGNORECASE).upper()
    found = _OLD.fullmatch(bare) or _MODERN.fullmatch(bare) or _FAMILY_ALONE.fullmatch(bare)
    if found is None or (found["suffix"] or "N") not in _SUFFIXES:
        return None
    number = found["family"].zfill(2)
    if number not in _FAMILIES.get(gene, {number}):
        return None
    family = f"*{number}"
    field = found["field"] or ""
    return HlaAllele(family, f"{family}:{field}" if field.isdigit() else "", (found["suffix"] or "N") in _GROUPS)


def read(gene: str, texts: Iterable[str]) -> HlaReading:
    """All pieces of these texts as one reading."""
    alleles: list[HlaAllele | None] = []
    statuses: list[tuple[HlaAllele, bool]] = []
    unread: list[str] = []
    bare: list[bool] = []
    for piece in (part.strip() for text in texts if text.strip() for part in _SEPARATORS.split(text)):
        if piece.lower() in _BLANKS:
            alleles.append(None)
        elif (word := _BARE.fullmatch(piece)) is not None:
            bare.append(word["positive"] is not None)
        elif (status := _status(gene, piece)) is not None:
            statuses.append(status)
        elif (found := allele(gene, piece)) is not None:
            alleles.append(found)
        else:
            unread.append(piece)
    return HlaReading(tuple(alleles), tuple(statuses), tuple(unread), tuple(bare))


def _status(gene: str, piece: str) -> tuple[HlaAllele, bool] | None:
    """An allele and whether it is said to be there; None for anything else."""
    text = re.sub(r"[()\[\]]", " ", piece).strip()
    found = _AFTER.fullmatch(text) or _BEFORE.fullmatch(text)
    about = allele(gene, found["allele"]) if found is not None else None
    return None if found is None or about is None else (about, found["positive"] is not None)


def readings(gene: str, entries: Sequence[Sequence[str]]) -> tuple[HlaReading, ...]:
    """The entries (lines) of one gene: whole pairs stay apart, lines of one allele or one status belong together.

    An entry is its diplotype column and further columns; alleles of a further column count only where the first
    gives none, so that an allele written twice is never taken for two.
    """
    single: list[HlaReading] = []
    whole: list[HlaReading] = []
    for first, *further in entries:
        pairs = [part for part in _ALTERNATIVES.split(first) if "/" in part]
        rest = read(gene, further)
        if len(pairs) > 1:
            whole.extend(_with(read(gene, [part]), rest) for part in pairs)
            continue
        found = read(gene, [first])
        found = _with(_with_status(found, rest), rest) if any(found.alleles) else _joined([found, rest])
        (whole if len(found.alleles) > 1 else single).append(found)
    together = _joined(single)
    joined = tuple(_with(each, together) for each in whole)
    return joined if joined and not any(together.alleles) else (*joined, together)


def _with_status(one: HlaReading, other: HlaReading) -> HlaReading:
    """One allele with "positive" or "negative" in a column of its own says whether that allele is there."""
    if len(one.alleles) != 1 or one.alleles[0] is None or not other.bare:
        return one
    return HlaReading((), one.statuses + tuple((one.alleles[0], there) for there in other.bare), one.unread)


def _with(one: HlaReading, other: HlaReading) -> HlaReading:
    """A reading with the statuses of another; further text does not undo a pair that is fully typed."""
    unread = one.unread if one.is_typed else one.unread + other.unread
    return HlaReading(one.alleles, one.statuses + other.statuses, unread, one.bare + other.bare)


def _joined(several: Sequence[HlaReading]) -> HlaReading:
    """Readings of parts as one, every allele once."""
    return HlaReading(
        tuple(dict.fromkeys(allele for each in several for allele in each.alleles)),
        tuple(status for each in several for status in each.statuses),
        tuple(piece for each in several for piece in each.unread),
        tuple(there for each in several for there in each.bare),
    )
