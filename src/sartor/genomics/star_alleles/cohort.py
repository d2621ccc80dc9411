"""Match a whole cohort's genotypes at one gene: each distinct genotype pattern is matched once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sartor.genomics.call_quality import DECISIVE
from sartor.genomics.cohort_sites import CONCERNS, bit_of
from sartor.genomics.normalise import CohortSiteCalls
from sartor.genomics.star_alleles.definition import GeneDefinition
from sartor.genomics.star_alleles.matching import GeneMatch, Rules, match_pattern, reads_undocumented_as_reference
from sartor.genomics.star_alleles.pattern import ABSENT, MISSING, UNDOCUMENTED, Pattern, UnknownBase, as_one_copy

Codes = npt.NDArray[np.int16]

_UNPHASED: Final = -1


@dataclass(frozen=True, slots=True)
class CohortPatterns:
    """The distinct genotype patterns of a cohort at one gene.

    patterns:  each distinct pattern once.
    of_sample: int64, shape (samples,): index of each sample's pattern.
    """

    samples: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    of_sample: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CohortMatch:
    """The matches of a cohort at one gene, one per distinct pattern.

    of_sample: int64, shape (samples,): index of each sample's match in `matches`.
    """

    gene: str
    samples: tuple[str, ...]
    matches: tuple[GeneMatch, ...]
    of_sample: npt.NDArray[np.int64]

    def by_sample(self) -> Iterator[tuple[str, GeneMatch]]:
        """Every sample with its match, in the order of the file."""
        for sample, index in zip(self.samples, self.of_sample.tolist(), strict=True):
            yield sample, self.matches[index]


def match_cohort(
    definition: GeneDefinition,
    calls: CohortSiteCalls,
    *,
    rules: Rules = "sartor",
    all_matches: bool = False,
    combinations: bool = False,
) -> CohortMatch:
    """Match every sample's calls at the gene's sites; sites of other genes in `calls` are ignored."""
    as_reference = reads_undocumented_as_reference(definition, rules, combinations)
    found = cohort_patterns(definition, calls, undocumented_as_reference=as_reference)
    matches = tuple(
        match_pattern(definition, each, rules=rules, all_matches=all_matches, combinations=combinations)
        for each in found.patterns
    )
    return CohortMatch(definition.gene, found.samples, matches, found.of_sample)


def cohort_patterns(
    definition: GeneDefinition, calls: CohortSiteCalls, *, undocumented_as_reference: bool = False
) -> CohortPatterns:
    """The distinct patterns at the gene's sites; sites that `calls` does not hold are missing."""
    n = len(calls.samples)
    places = {(site.chromosome, site.position, site.reference): row for row, site in enumerate(calls.sites)}
    rows = [places.get((site.chromosome, site.position, site.reference), -1) for site in definition.sites]
    codes = np.full((len(rows), n, 2), MISSING, np.int16)
    blocks = np.full((len(rows), n), _UNPHASED, np.int32)
    for index, row in enumerate(rows):
        if row < 0:
            continue
        codes[index] = calls.codes[row]
        blocks[index] = _blocks(calls, row)
    same = (codes[:, :, 0] == codes[:, :, 1]) | (codes[:, :, 1] == ABSENT)
    silent = (codes[:, :, 0] == MISSING) & same
    phased = ((blocks >= 0) | silent | (codes[:, :, 1] == ABSENT)).all(axis=0)
    blocks[same] = 0
    key = np.concatenate((codes[:, :, 0], codes[:, :, 1], blocks, phased[None, :]), axis=0, dtype=np.int32)
    found, of_sample = distinct(np.ascontiguousarray(key.T))
    patterns = tuple(_pattern(definition, calls, rows, each, undocumented_as_reference) for each in found)
    return CohortPatterns(calls.samples, patterns, of_sample)


@dataclass(frozen=True, slots=True)
class CohortDoubts:
    """How many of a gene's positions are doubtful in each sample.

    counts: int32, shape (samples, concerns), in the order of `CONCERNS`; positions: int32, shape (samples,).
    variant: bool, shape (samples,): whether a variant is among them, called or shown by reads against the call.
    """

    counts: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]
    variant: npt.NDArray[np.bool_]


def cohort_doubts(definition: GeneDefinition, calls: CohortSiteCalls) -> CohortDoubts | None:
    """The concerns at the gene's sites, counted; None when nobody has any."""
    places = {(site.chromosome, site.position, site.reference): row for row, site in enumerate(calls.sites)}
    rows = [places.get((site.chromosome, site.position, site.reference), -1) for site in definition.sites]
    rows = [row for row in rows if row >= 0]
    if calls.concerns is None or not calls.concerns[rows].any():
        return None
    found, codes = calls.concerns[rows], calls.codes[rows]
    doubtful = found != 0
    variant = (codes > 0).any(axis=2) & (codes != MISSING).all(axis=2)
    contradicted = (found & np.bitwise_or.reduce([bit_of(code) for code in DECISIVE])) != 0
    counts = [((found >> np.uint32(bit)) & 1).sum(axis=0) for bit in range(len(CONCERNS))]
    return CohortDoubts(
        np.stack(counts, axis=1).astype(np.int32),
        doubtful.sum(axis=0).astype(np.int32),
        ((doubtful & variant) | contradicted).any(axis=0),
    )


def _blocks(calls: CohortSiteCalls, row: int) -> npt.NDArray[np.int32]:
    sets = calls.phase_set[row] + 1 if calls.phase_set is not None else np.zeros(len(calls.samples), np.int32)
    return np.where(calls.phased[row], sets, _UNPHASED).astype(np.int32)


def distinct(rows: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Distinct rows and, for each row, the index of its like."""
    seen: dict[bytes, int] = {}
    of_row = np.empty(len(rows), np.int64)
    first: list[int] = []
    for index, row in enumerate(rows):
        content = row.tobytes()
        known = seen.get(content)
        if known is None:
            known = seen[content] = len(first)
            first.append(index)
        of_row[index] = known
    return rows[first], of_row


def _pattern(
    definition: GeneDefinition,
    calls: CohortSiteCalls,
    rows: list[int],
    row: npt.NDArray[np.int32],
    undocumented_as_reference: bool,
) -> Pattern:
    n = len(rows)
    values = row.tolist()
    copies = [values[:n], values[n : 2 * n]]
    block = values[2 * n : 3 * n]
    unknown = []
    for index, site in enumerate(definition.sites):
        known = 1 + len(site.alternates)
        for copy, codes in enumerate(copies):
            if codes[index] >= known:
                unknown.append(UnknownBase(index, copy, calls.alleles[rows[index]][codes[index]]))
                codes[index] = 0 if undocumented_as_reference else UNDOCUMENTED
    pattern = Pattern(tuple(copies[0]), tuple(copies[1]), tuple(block), bool(values[3 * n]), tuple(unknown))
    return as_one_copy(pattern) if ABSENT in pattern.second else pattern
