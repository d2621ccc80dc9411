"""What one record's alleles say at one defining site, whatever way the file chose to write them.

A file may write one indel at several places of a repeat, with more or fewer neighbouring bases, or several
variants in one row. Every allele is therefore reduced to its bare edit, applied to the reference bases around the
site, and recognised by the sequence that results.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sartor.knowledge.genome_builds import following_bases

SPANNED: Final = "*"
UNSPECIFIED: Final = frozenset({"<NON_REF>", "<*>"})
_BASES: Final = frozenset("ACGT")


@dataclass(frozen=True, slots=True)
class Site:
    """One defining position on GRCh38, written as in a VCF (indels with the base before them).

    position: 1-based place of the first base of `reference`; alternates in the order of the definition.
    """

    chromosome: str
    position: int
    reference: str
    alternates: tuple[str, ...]
    rsid: str = ""

    @property
    def end(self) -> int:
        """Last base of the reference allele."""
        return self.position + len(self.reference) - 1

    @property
    def alleles(self) -> tuple[str, ...]:
        """Reference first, then the alternates."""
        return (self.reference, *self.alternates)

    @property
    def is_indel(self) -> bool:
        """Whether an alternate changes the length."""
        return any(len(alternate) != len(self.reference) for alternate in self.alternates)


@dataclass(frozen=True, slots=True)
class Window:
    """A site with the reference bases that follow it as far as its indels can be shifted.

    following: reference bases after `site.end`; empty when nothing can shift.
    sequences: the sequence of the whole window under each of the site's alleles → that allele.
    """

    site: Site
    following: str = ""
    sequences: dict[str, str] = field(default_factory=dict, compare=False)

    @staticmethod
    def of(site: Site, following: str = "") -> Window:
        """The window of a site; `following` is ignored where no allele changes the length."""
        bases = following if site.is_indel else ""
        return Window(site, bases, {allele + bases: allele for allele in site.alleles})

    @property
    def end(self) -> int:
        """Last base of the window."""
        return self.site.end + len(self.following)

    @property
    def reference(self) -> str:
        """Reference bases of the whole window."""
        return self.site.reference + self.following


@dataclass(frozen=True, slots=True)
class Reading:
    """What each allele of a record means at a site.

    outcomes: per allele index (0 = REF): the site's allele as a string, "*" when the copy lacks the site,
              None when nothing can be said.
    own:      the record is about this very variant, so its REF means the site's reference allele.
    covers:   first and last base over which REF means "as the reference" for every kind of variant, or None.
    first_base: a plain record without ALT at the site's first base, shorter than the site.
    notes:    per allele index, a code of what is peculiar, or "".
    """

    outcomes: tuple[str | None, ...]
    own: bool
    covers: tuple[int, int] | None
    first_base: bool = False
    spans: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Meaning:
    outcome: str | None
    touched: bool
    note: str = ""


def window_of(site: Site) -> Window:
    """The window of a site, with the reference bases that are known to follow its indel."""
    if not site.is_indel:
        return Window.of(site)
    return Window.of(site, following_bases(site.chromosome, site.position, site.reference))


def contradicts_reference(window: Window, position: int, reference: str) -> bool:
    """Whether a record's REF differs from the known reference bases where the two overlap."""
    start = max(position, window.site.position)
    end = min(position + len(reference), window.end + 1)
    if start >= end:
        return False
    theirs = reference[start - position : end - position]
    ours = window.reference[start - window.site.position : end - window.site.position]
    return theirs != ours and "N" not in theirs


def read_alleles(window: Window, position: int, reference: str, alternates: tuple[str, ...], end: int) -> Reading:
    """Read every allele of one record at one site."""
    site = window.site
    meanings = [_read_alternate(window, position, reference, alternate, end) for alternate in alternates]
    own = any(each.touched and each.outcome not in (None, SPANNED) for each in meanings)
    at_site = position == site.position and SPANNED in alternates and (site.is_indel or len(reference) == 1)
    unspecified = not alternates or any(alternate in UNSPECIFIED for alternate in alternates)
    plain = not alternates and end == position + len(reference) - 1
    return Reading(
        outcomes=(site.reference, *(each.outcome for each in meanings)),
        own=own or at_site,
        covers=(position, end) if unspecified else None,
        first_base=plain and position == site.position and end < site.end and site.is_indel,
        spans=any(each.outcome in (None, SPANNED) and each.touched for each in meanings),
        notes=("", *(each.note for each in meanings)),
    )


def _read_alternate(window: Window, position: int, reference: str, alternate: str, end: int) -> _Meaning:
    if alternate in UNSPECIFIED:
        return _Meaning(None, False, "unspecified-allele")
    if alternate == SPANNED:
        return _star(window, position, end)
    if alternate.startswith("<"):
        return _symbolic(window, alternate, position, end)
    if not _BASES.issuperset(alternate):
        return _Meaning(None, _overlaps(window, position, end), "unreadable-allele")
    start, deleted, inserted = bare_edit(position, reference, alternate)
    if window.site.is_indel:
        return _at_indel(window, start, deleted, inserted)
    return _at_substitution(window, start, deleted, inserted)


def bare_edit(position: int, reference: str, alternate: str) -> tuple[int, str, str]:
    """Strip the bases that REF and ALT share: first from the end, then from the start.

    Returns the place of the first changed base, the bases taken out and the bases put in.
    """
    tail = 0
    while tail < min(len(reference), len(alternate)) and reference[-1 - tail] == alternate[-1 - tail]:
        tail += 1
    reference, alternate = reference[: len(reference) - tail], alternate[: len(alternate) - tail]
    head = 0
    while head < min(len(reference), len(alternate)) and reference[head] == alternate[head]:
        head += 1
    return position + head, reference[head:], alternate[head:]


def _overlaps(window: Window, start: int, end: int) -> bool:
    return start <= window.site.end and end >= window.site.position


def _star(window: Window, position: int, end: int) -> _Meaning:
    touched = position == window.site.position if window.site.is_indel else _overlaps(window, position, end)
    return _Meaning(SPANNED if touched else window.site.reference, touched, "spanning-deletion" if touched else "")


def _symbolic(window: Window, alternate: str, position: int, end: int) -> _Meaning:
    if not _overlaps(window, position + 1, end):
        return _Meaning(window.site.reference, False)
    if alternate.startswith("<DEL"):
        return _Meaning(SPANNED, True, "spanning-deletion")
    return _Meaning(None, True, "symbolic-allele")


def _at_substitution(window: Window, start: int, deleted: str, inserted: str) -> _Meaning:
    site = window.site
    if len(deleted) != len(inserted):
        if deleted and _overlaps(window, start, start + len(deleted) - 1):
            return _Meaning(SPANNED, True, "spanning-deletion")
        inside = not deleted and site.position < start <= site.end
        return _Meaning(None if inside else site.reference, inside, "insertion-in-span" if inside else "")
    spelled = list(site.reference)
    touched = False
    for offset, base in enumerate(inserted):
        place = start + offset - site.position
        if 0 <= place < len(spelled):
            spelled[place] = base
            touched = True
    return _Meaning("".join(spelled), touched)


def _at_indel(window: Window, start: int, deleted: str, inserted: str) -> _Meaning:
    site = window.site
    end = start + len(deleted) - 1
    if len(deleted) == len(inserted):
        return _Meaning(site.reference, False, "substitution-in-span" if _overlaps(window, start, end) else "")
    if deleted and (start < site.position or end > window.end):
        return _beyond_window(window, start, end)
    if not deleted and not site.position < start <= window.end + 1:
        return _Meaning(site.reference, False)
    cut = start - site.position
    return _recognise(window, window.reference[:cut] + inserted + window.reference[cut + len(deleted) :])


def _recognise(window: Window, sequence: str) -> _Meaning:
    """Name the allele that has this sequence; else spell it, if it changes the site itself and not a neighbour."""
    known = window.sequences.get(sequence)
    if known is not None:
        return _Meaning(known, True)
    anchored = window.sequences.get(window.reference[0] + sequence[1:])
    if anchored is not None:
        return _Meaning(anchored, True, "substitution-in-span")
    start, _, _ = bare_edit(window.site.position, window.reference, sequence)
    if start > window.site.position + 1:
        return _Meaning(window.site.reference, False, "other-indel-in-span")
    following = window.following
    if sequence.endswith(following) and len(sequence) > len(following):
        return _Meaning(sequence[: len(sequence) - len(following)], True)
    return _Meaning(f"{window.reference}>{sequence}", True)


def _beyond_window(window: Window, start: int, end: int) -> _Meaning:
    """A deletion that leaves the window: it lacks the site's own bases, or it is another variant nearby."""
    site = window.site
    first, last = site.position + 1, max(site.end, site.position + 1)
    lacks = start <= last and end >= first and start <= site.end
    return _Meaning(SPANNED if lacks else site.reference, lacks, "spanning-deletion" if lacks else "")
