"""One person's genotype at one gene's sites as small integers, and the bit tables that alleles are matched with.

A genotype pattern holds an allele code per site and chromosome copy: 0 is the reference, 1… the alternates in the
order of the definition, and three negative codes tell missing, no such copy and undocumented apart. Alleles are
bits of an integer: for each site and code the table says which alleles permit it, so that the alleles that fit a
chromosome copy are the intersection of a few integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from sartor.genomics.normalise import Site, SiteCall
from sartor.genomics.star_alleles.definition import GeneDefinition

MISSING: Final = -1
"""Not called on this copy."""
ABSENT: Final = -2
"""There is no such copy (one X chromosome)."""
UNDOCUMENTED: Final = -3
"""Called, but the definition knows no such base at the site."""

_AMBIGUITY: Final = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}


@dataclass(frozen=True, slots=True)
class UnknownBase:
    """A base at a site that no allele of the gene has; `copy` is 0 or 1."""

    site: int
    copy: int
    base: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A genotype at the sites of one gene; two people with equal patterns have equal matches.

    first, second: codes per site for the two copies (`second` is all ABSENT when there is one copy).
    block:   per site the phase block that its order belongs to: 0 the whole chromosome, above 0 a phase
             set of the file, -1 unphased (only ever read at heterozygous sites).
    phased:  whether every called genotype was written as phased.
    unknown: bases that the definition does not know.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    block: tuple[int, ...]
    phased: bool
    unknown: tuple[UnknownBase, ...] = ()

    @property
    def haploid(self) -> bool:
        """Whether the gene has one copy."""
        return ABSENT in self.second and all(code < 0 for code in self.second)

    @property
    def missing(self) -> tuple[int, ...]:
        """Sites where neither copy was called."""
        return tuple(
            index
            for index, (first, second) in enumerate(zip(self.first, self.second, strict=True))
            if first in (MISSING, ABSENT) and second in (MISSING, ABSENT)
        )

    @property
    def half_called(self) -> tuple[int, ...]:
        """Sites where one copy of two was called."""
        return tuple(
            index
            for index, (first, second) in enumerate(zip(self.first, self.second, strict=True))
            if (first == MISSING) != (second == MISSING) and ABSENT not in (first, second)
        )

    def blocks(self) -> list[list[int]]:
        """Heterozygous (or half-called) sites, grouped by what is known to lie on one copy."""
        grouped: dict[int, list[int]] = {}
        alone = -1
        for index, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            if first == second or second == ABSENT:
                continue
            key = self.block[index]
            if key < 0:
                key, alone = alone, alone - 1
            grouped.setdefault(key, []).append(index)
        return list(grouped.values())

    @property
    def effectively_phased(self) -> bool:
        """Whether only one arrangement of the two copies is possible."""
        return len(self.blocks()) <= 1


@dataclass(frozen=True, slots=True, eq=False)
class AlleleTable:
    """Bit tables of one gene: bit i stands for `definition.alleles[i]`.

    codes:   per site, base → code.
    strict:  per site, alleles that permit each code when a site that does not define an allele must be reference;
             indexed by code (the negative codes included, as the last three entries).
    loose:   the same when such a site may be anything.
    defined: per allele, bits of the sites that define it; departs: bits of those where it cannot be reference.
    ambiguous: per allele, bits of the sites that it defines by an ambiguity code.
    everything: all alleles; reference: bit of the reference allele.
    """

    definition: GeneDefinition
    codes: tuple[dict[str, int], ...]
    strict: tuple[tuple[int, ...], ...]
    loose: tuple[tuple[int, ...], ...]
    defined: tuple[int, ...]
    departs: tuple[int, ...]
    ambiguous: tuple[int, ...]
    everything: int
    reference: int


@lru_cache(maxsize=256)
def allele_table(definition: GeneDefinition) -> AlleleTable:
    """The bit tables of one gene; built once per definition."""
    codes = tuple(_site_codes(site) for site in definition.sites)
    everything = sum(1 << index for index, allele in enumerate(definition.alleles) if not allele.structural)
    strict, loose = [], []
    for index, known in enumerate(codes):
        strict_row, loose_row = _permitted(definition, index, known, everything)
        strict.append(strict_row)
        loose.append(loose_row)
    return AlleleTable(
        definition,
        codes,
        tuple(strict),
        tuple(loose),
        tuple(sum(1 << site for site in allele.defined) for allele in definition.alleles),
        tuple(
            sum(1 << site for site in allele.defined if 0 not in _base_codes(allele.bases[site], codes[site]))
            for allele in definition.alleles
        ),
        tuple(
            sum(1 << site for site in allele.defined if len(_base_codes(allele.bases[site], codes[site])) > 1)
            for allele in definition.alleles
        ),
        everything,
        next(1 << index for index, allele in enumerate(definition.alleles) if allele.reference),
    )


def _site_codes(site: Site) -> dict[str, int]:
    return {base: code for code, base in enumerate((site.reference, *site.alternates))}


def _base_codes(base: str | None, known: dict[str, int]) -> tuple[int, ...]:
    if base is None:
        return ()
    if base in known:
        return (known[base],)
    return tuple(known[each] for each in _AMBIGUITY.get(base, "") if each in known)


def _permitted(
    definition: GeneDefinition, site: int, known: dict[str, int], everything: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    strict = [0] * len(known)
    loose = [0] * len(known)
    reference = _base_codes(definition.reference_bases[site], known)
    for index, allele in enumerate(definition.alleles):
        bit = (1 << index) & everything
        base = allele.bases[site]
        for code in _base_codes(base, known) if base is not None else reference:
            strict[code] |= bit
        for code in _base_codes(base, known) if base is not None else range(len(known)):
            loose[code] |= bit
    ends = (0, everything, everything)  # UNDOCUMENTED, ABSENT, MISSING
    return (*strict, *ends), (*loose, *ends)


def bits(mask: int) -> Iterator[int]:
    """Indexes of the bits that are set, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def encode(
    definition: GeneDefinition,
    calls: Sequence[SiteCall],
    *,
    undocumented_as_reference: bool = False,
    one_copy: bool = False,
) -> Pattern:
    """The pattern of one person's calls; calls may come in any order and sites without a call are missing.

    Extra sites are ignored. `one_copy`: the person has one chromosome, so homozygous calls are one copy;
    the same holds as soon as one site was called on one copy only.
    """
    by_place = {(call.site.chromosome, call.site.position, call.site.reference): call for call in calls}
    table = allele_table(definition)
    copies: tuple[list[int], list[int]] = ([], [])
    block, unknown = [], []
    phased = True
    for index, site in enumerate(definition.sites):
        call = by_place.get((site.chromosome, site.position, site.reference))
        bases = call.alleles[:2] if call is not None else ()
        if call is None or all(base is None for base in bases):
            codes = [MISSING, MISSING]
            block.append(-1)
        else:
            codes = [MISSING if base is None else table.codes[index].get(base, UNDOCUMENTED) for base in bases]
            phased = phased and (call.phased or len(codes) == 1)
            block.append(_block(call))
        for copy, code in enumerate((*codes, ABSENT)[:2]):
            if code == UNDOCUMENTED:
                unknown.append(UnknownBase(index, copy, bases[copy] or ""))
                code = 0 if undocumented_as_reference else code
            copies[copy].append(code)
    pattern = Pattern(tuple(copies[0]), tuple(copies[1]), tuple(block), phased, tuple(unknown))
    return as_one_copy(pattern) if one_copy or ABSENT in pattern.second else pattern


def _block(call: SiteCall) -> int:
    if not call.phased:
        return -1
    return 0 if call.phase_set is None else 1 + call.phase_set


def as_one_copy(pattern: Pattern) -> Pattern:
    """The pattern as of one copy, where no site is heterozygous; else the pattern itself."""
    pairs = zip(pattern.first, pattern.second, strict=True)
    if any(second not in (first, MISSING, ABSENT) for first, second in pairs):
        return pattern
    return Pattern(pattern.first, (ABSENT,) * len(pattern.first), pattern.block, True, pattern.unknown)


class Copy(NamedTuple):
    """One chromosome copy in one arrangement: the alleles that fit it, and the sites where it is not reference."""

    alleles: int
    departs: int


def arrangements(pattern: Pattern, fits: Sequence[Sequence[int]], alive: int) -> Iterator[tuple[Copy, Copy]]:
    """Every way in which the phase blocks can lie on two copies that both fit some allele.

    `fits` is `AlleleTable.strict` or `.loose`, `alive` the alleles to consider. The order of the copies carries no
    meaning. A missing base fits every allele.
    """
    blocks = pattern.blocks()
    heterozygous = {site for block in blocks for site in block}
    shared, departs = alive, 0
    for site, code in enumerate(pattern.first):
        if site not in heterozygous and code != MISSING:
            shared &= fits[site][code]
            departs |= (code > 0) << site
    sides = [tuple(_side(block, codes, fits) for codes in (pattern.first, pattern.second)) for block in blocks]
    start = Copy(shared, departs)
    yield from _lay_out(sides, 0, start, start)


def _side(block: Sequence[int], codes: Sequence[int], fits: Sequence[Sequence[int]]) -> Copy:
    fitting, departs = -1, 0
    for site in block:
        fitting &= fits[site][codes[site]]
        departs |= (codes[site] > 0) << site
    return Copy(fitting, departs)


def _lay_out(sides: Sequence[tuple[Copy, ...]], depth: int, first: Copy, second: Copy) -> Iterator[tuple[Copy, Copy]]:
    if not (first.alleles and second.alleles):
        return
    if depth == len(sides):
        yield first, second
        return
    here, there = sides[depth]
    yield from _lay_out(sides, depth + 1, _joined(first, here), _joined(second, there))
    if depth:
        yield from _lay_out(sides, depth + 1, _joined(first, there), _joined(second, here))


def _joined(one: Copy, other: Copy) -> Copy:
    return Copy(one.alleles & other.alleles, one.departs | other.departs)


class Strand(NamedTuple):
    """One chromosome copy spelled out: the code per site, and which copy of the pattern (0 or 1) it was taken from."""

    codes: tuple[int, ...]
    copies: tuple[int, ...]


def strands(pattern: Pattern, *, most_blocks: int) -> Iterator[tuple[Strand, ...]]:
    """Every arrangement with both copies spelled out (one copy when haploid); none beyond `most_blocks` blocks."""
    blocks = pattern.blocks()
    if len(blocks) > most_blocks:
        return
    both = (pattern.first, pattern.second)
    for flips in range(1 << max(0, len(blocks) - 1)):
        flipped = {site for order, block in enumerate(blocks) if flips << 1 >> order & 1 for site in block}
        sources = tuple(int(site in flipped) for site in range(len(pattern.first)))
        one = Strand(tuple(both[copy][site] for site, copy in enumerate(sources)), sources)
        if pattern.haploid:
            yield (one,)
            continue
        others = tuple(1 - copy for copy in sources)
        yield one, Strand(tuple(both[copy][site] for site, copy in enumerate(others)), others)
