"""Genotypes at defining sites for every sample of a file at once; each distinct genotype pattern is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort import CohortGenotypes, CohortRecord
from sartor.genomics.allele_reading import (
    SPANNED,
    Reading,
    Site,
    Window,
    contradicts_reference,
    read_alleles,
    window_of,
)
from sartor.genomics.call_quality import FEW_READS, Limits
from sartor.genomics.genotype_merging import MAY_BE_HAPLOID, UNEXPECTED_PLOIDY, Row, combine

_ROUNDING: Final = 1e-6
NOT_CALLED: Final = -1
NO_COPY: Final = -2
CONCERNS: Final = (
    "contradicting-records", UNEXPECTED_PLOIDY, "half-call", "spanning-deletion", "partly-covered",
    "reference-at-first-base-only", "symbolic-allele", "unspecified-allele", "unreadable-allele",
    "insertion-in-span", "substitution-in-span", "other-indel-in-span",
    "no-reads", "filtered", "low-depth", FEW_READS, "low-genotype-quality", "allele-balance",
)  # fmt: skip
"""What can be doubtful about a genotype of a cohort, in the order of the bits."""


@dataclass(frozen=True, slots=True)
class CohortSiteCalls:
    """What a cohort's file says at each site.

    codes:     int16, shape (sites, samples, 2): index into `alleles` of that site, -1 not called, -2 no such copy.
    alleles:   per site the strings that the codes name: the site's own first, then unlisted ones.
    phased:    bool, shape (sites, samples).
    phase_set: int32, shape (sites, samples), -1 for none; None when the file has none.
    concerns:  uint32, shape (sites, samples): bit i stands for `CONCERNS[i]`, as `SiteCall.concern`.
    """

    sites: tuple[Site, ...]
    samples: tuple[str, ...]
    codes: npt.NDArray[np.int16]
    alleles: tuple[tuple[str, ...], ...]
    phased: npt.NDArray[np.bool_]
    phase_set: npt.NDArray[np.int32] | None = None
    concerns: npt.NDArray[np.uint32] | None = None


@dataclass(slots=True)
class _SiteArrays:
    codes: npt.NDArray[np.int16]
    phased: npt.NDArray[np.bool_]
    phase_set: npt.NDArray[np.int32]
    alleles: list[str]
    concerns: npt.NDArray[np.uint32]

    def code(self, allele: str | None) -> int:
        if allele is None or allele == SPANNED:
            return NOT_CALLED
        if allele not in self.alleles:
            self.alleles.append(allele)
        return self.alleles.index(allele)


def cohort_calls(cohort: CohortGenotypes, sites: Sequence[Site], *, limits: Limits | None = None) -> CohortSiteCalls:
    """Call every site for every sample by the rules of `call_sites`, in the order given."""
    n = len(cohort.samples)
    index = _Index(cohort.records)
    bounds = limits or Limits()
    found = [_call_site(index, window_of(site), n, bounds) for site in sites]
    with_sets = any(record.phase_set is not None for record in cohort.records)
    return CohortSiteCalls(
        sites=tuple(sites),
        samples=cohort.samples,
        codes=np.stack([each.codes for each in found]) if found else np.empty((0, n, 2), np.int16),
        alleles=tuple(tuple(each.alleles) for each in found),
        phased=np.stack([each.phased for each in found]) if found else np.empty((0, n), np.bool_),
        phase_set=np.stack([each.phase_set for each in found]) if found and with_sets else None,
        concerns=np.stack([each.concerns for each in found]) if found else None,
    )


class _Index:
    """The records of a cohort by chromosome, for overlap look-ups."""

    def __init__(self, records: Sequence[CohortRecord]) -> None:
        self._by_chromosome: dict[str, list[CohortRecord]] = {}
        for record in records:
            self._by_chromosome.setdefault(record.chromosome, []).append(record)
        self._starts, self._reach = {}, {}
        for chromosome, found in self._by_chromosome.items():
            found.sort(key=lambda record: record.position)
            self._starts[chromosome] = np.array([record.position for record in found])
            self._reach[chromosome] = max(record.end - record.position for record in found)

    def overlapping(self, chromosome: str, start: int, end: int) -> list[CohortRecord]:
        if chromosome not in self._starts:
            return []
        starts = self._starts[chromosome]
        first = int(np.searchsorted(starts, start - self._reach[chromosome], "left"))
        last = int(np.searchsorted(starts, end, "right"))
        return [record for record in self._by_chromosome[chromosome][first:last] if record.end >= start]


def _call_site(index: _Index, window: Window, n: int, limits: Limits) -> _SiteArrays:
    site = window.site
    arrays = _SiteArrays(
        np.full((n, 2), NOT_CALLED, np.int16),
        np.zeros(n, np.bool_),
        np.full(n, -1, np.int32),
        list(site.alleles),
        np.zeros(n, np.uint32),
    )
    records, readings = [], []
    for record in index.overlapping(site.chromosome, site.position, window.end):
        if record.alleles.shape[1] and not contradicts_reference(window, record.position, record.reference):
            reading = read_alleles(window, record.position, record.reference, record.alternates, record.end)
            if reading.own or reading.covers is not None or reading.spans:
                records.append(_where_read(record))
                readings.append(reading)
    if len(records) == 1 and readings[0].own and not any(readings[0].notes):
        _fast(arrays, records[0], readings[0], site.chromosome in MAY_BE_HAPLOID)
        arrays.concerns |= _doubts(records[0], limits)
    elif records:
        _by_pattern(arrays, window, records, readings, limits)
    return arrays


def _where_read(record: CohortRecord) -> CohortRecord:
    """The record with the genotypes that no read speaks for taken out, by the rule of `without_reads`."""
    blank = _without_reads(record)
    if not blank.any():
        return record
    alleles = np.where(blank[:, None] & (record.alleles != NO_COPY), NOT_CALLED, record.alleles).astype(np.int8)
    return replace(record, alleles=alleles)


def _without_reads(record: CohortRecord) -> npt.NDArray[np.bool_]:
    blank = np.zeros(len(record.phased), np.bool_)
    if record.depth is not None:
        blank |= record.depth == 0
    if record.genotype_quality is not None:
        blank |= (record.genotype_quality == 0) & (record.alleles <= 0).all(axis=1)
    return blank


def _doubts(record: CohortRecord, limits: Limits) -> npt.NDArray[np.uint32]:
    """Bits of the concerns about the quality of each sample's genotype."""
    found = np.zeros(len(record.phased), np.uint32)
    if record.depth is not None:
        found[(record.depth >= 0) & (record.depth < limits.depth)] |= bit_of("low-depth")
        found[(record.depth >= 0) & (record.depth <= limits.few_reads)] |= bit_of(FEW_READS)
    if record.genotype_quality is not None:
        low = (record.genotype_quality >= 0) & (record.genotype_quality < limits.genotype_quality)
        found[low] |= bit_of("low-genotype-quality")
    if record.filters:
        found |= bit_of("filtered")
    if record.filtered is not None:
        found[record.filtered] |= bit_of("filtered")
    if record.read_share is not None:
        homozygous = (record.alleles[:, :1] == record.alleles).all(axis=1)
        least = np.where(homozygous, 1 - limits.allele_balance, limits.allele_balance)
        found[record.read_share < least - _ROUNDING] |= bit_of("allele-balance")
    found[_without_reads(record)] = bit_of("no-reads")
    return found


def bit_of(concern: str) -> np.uint32:
    """The bit that stands for a concern."""
    return np.uint32(1 << CONCERNS.index(concern))


def _fast(arrays: _SiteArrays, record: CohortRecord, reading: Reading, may_be_haploid: bool) -> None:
    """One record about the site: translate allele indices by a table."""
    table = np.array([arrays.code(outcome) for outcome in reading.outcomes] + [NO_COPY, NOT_CALLED], np.int16)
    genotypes = record.alleles
    if genotypes.shape[1] == 1:
        genotypes = np.concatenate([genotypes, np.full_like(genotypes, NO_COPY)], axis=1)
    if genotypes.shape[1] > 2:
        extra = (genotypes[:, 2:] != NO_COPY).any(axis=1)
        genotypes = np.where(extra[:, None], NOT_CALLED, genotypes[:, :2])
        arrays.concerns[extra] |= bit_of(UNEXPECTED_PLOIDY)
    alone = genotypes[:, 1] == NO_COPY
    if alone.any() and not may_be_haploid:
        genotypes = np.where(
            alone[:, None], np.stack([genotypes[:, 0], np.full_like(genotypes[:, 0], NOT_CALLED)], 1), genotypes
        )
        arrays.concerns[alone] |= bit_of(UNEXPECTED_PLOIDY)
    else:
        alone = np.zeros_like(alone)
    codes = table[genotypes]
    arrays.concerns[((codes[:, 0] == NOT_CALLED) != (codes[:, 1] == NOT_CALLED)) & ~alone] |= bit_of("half-call")
    unphased = ~record.phased & (codes[:, 0] > codes[:, 1]) & (codes[:, 1] >= 0)
    codes[unphased] = codes[unphased][:, ::-1]
    late = ~record.phased & (codes[:, 0] == NOT_CALLED) & (codes[:, 1] >= 0)
    codes[late] = codes[late][:, ::-1]
    arrays.codes[:] = codes
    arrays.phased[:] = record.phased & ~alone
    if record.phase_set is not None:
        arrays.phase_set[:] = record.phase_set


def _by_pattern(
    arrays: _SiteArrays, window: Window, records: list[CohortRecord], readings: list[Reading], limits: Limits
) -> None:
    """Several records at the site: bring each distinct combination of genotypes together once."""
    columns: list[npt.NDArray[np.int32]] = []
    widths = []
    doubts = [_doubts(record, limits) for record in records]
    for record in records:
        sets = record.phase_set if record.phase_set is not None else np.full(len(record.phased), -1, np.int32)
        columns += [record.alleles.astype(np.int32), record.phased[:, None].astype(np.int32), sets[:, None]]
        widths.append(record.alleles.shape[1])
    patterns, inverse = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    for number, pattern in enumerate(patterns):
        combined = combine(window, _rows(pattern.tolist(), widths, readings))
        codes = [arrays.code(allele) for allele in combined.alleles[:2]] or [NOT_CALLED, NOT_CALLED]
        who = inverse == number
        arrays.codes[who] = codes if len(codes) == 2 else [codes[0], NO_COPY]
        arrays.phased[who] = combined.phased
        arrays.concerns[who] |= np.uint32(sum(int(bit_of(each)) for each in combined.concerns if each in CONCERNS))
        for used in combined.used:
            arrays.concerns[who] |= doubts[used][who]
        arrays.phase_set[who] = -1 if combined.phase_set is None else combined.phase_set


def _rows(pattern: list[int], widths: list[int], readings: list[Reading]) -> list[Row]:
    rows, place = [], 0
    for width, reading in zip(widths, readings, strict=True):
        given = pattern[place : place + width]
        alleles = tuple(None if index == NOT_CALLED else index for index in given if index != NO_COPY)
        phased, phase_set = bool(pattern[place + width]), pattern[place + width + 1]
        rows.append(Row(reading, alleles, phased, None if phase_set < 0 else phase_set, None))
        place += width + 2
    return rows
