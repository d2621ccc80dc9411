"""Genotypes at defining sites for every sample of a file at once; each distinct genotype pattern is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from sartor.genomics.genotype_merging import Row, combine

NOT_CALLED: Final = -1
NO_COPY: Final = -2


@dataclass(frozen=True, slots=True)
class CohortSiteCalls:
    """What a cohort's file says at each site.

    codes:     int16, shape (sites, samples, 2): index into `alleles` of that site, -1 not called, -2 no such copy.
    alleles:   per site the strings that the codes name: the site's own first, then unlisted ones.
    phased:    bool, shape (sites, samples).
    phase_set: int32, shape (sites, samples), -1 for none; None when the file has none.
    """

    sites: tuple[Site, ...]
    samples: tuple[str, ...]
    codes: npt.NDArray[np.int16]
    alleles: tuple[tuple[str, ...], ...]
    phased: npt.NDArray[np.bool_]
    phase_set: npt.NDArray[np.int32] | None = None


@dataclass(slots=True)
class _SiteArrays:
    codes: npt.NDArray[np.int16]
    phased: npt.NDArray[np.bool_]
    phase_set: npt.NDArray[np.int32]
    alleles: list[str]

    def code(self, allele: str | None) -> int:
        if allele is None or allele == SPANNED:
            return NOT_CALLED
        if allele not in self.alleles:
            self.alleles.append(allele)
        return self.alleles.index(allele)


def cohort_calls(cohort: CohortGenotypes, sites: Sequence[Site]) -> CohortSiteCalls:
    """Call every site for every sample by the rules of `call_sites`, in the order given."""
    n = len(cohort.samples)
    index = _Index(cohort.records)
    found = [_call_site(index, window_of(site), n) for site in sites]
    with_sets = any(record.phase_set is not None for record in cohort.records)
    return CohortSiteCalls(
        sites=tuple(sites),
        samples=cohort.samples,
        codes=np.stack([each.codes for each in found]) if found else np.empty((0, n, 2), np.int16),
        alleles=tuple(tuple(each.alleles) for each in found),
        phased=np.stack([each.phased for each in found]) if found else np.empty((0, n), np.bool_),
        phase_set=np.stack([each.phase_set for each in found]) if found and with_sets else None,
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


def _call_site(index: _Index, window: Window, n: int) -> _SiteArrays:
    site = window.site
    arrays = _SiteArrays(
        np.full((n, 2), NOT_CALLED, np.int16), np.zeros(n, np.bool_), np.full(n, -1, np.int32), list(site.alleles)
    )
    records, readings = [], []
    for record in index.overlapping(site.chromosome, site.position, window.end):
        if record.alleles.shape[1] and not contradicts_reference(window, record.position, record.reference):
            reading = read_alleles(window, record.position, record.reference, record.alternates, record.end)
            if reading.own or reading.covers is not None or reading.spans:
                records.append(record)
                readings.append(reading)
    if len(records) == 1 and readings[0].own:
        _fast(arrays, records[0], readings[0])
    elif records:
        _by_pattern(arrays, window, records, readings)
    return arrays


def _fast(arrays: _SiteArrays, record: CohortRecord, reading: Reading) -> None:
    """One record about the site: translate allele indices by a table."""
    table = np.array([arrays.code(outcome) for outcome in reading.outcomes] + [NO_COPY, NOT_CALLED], np.int16)
    genotypes = record.alleles
    if genotypes.shape[1] == 1:
        genotypes = np.concatenate([genotypes, np.full_like(genotypes, NO_COPY)], axis=1)
    if genotypes.shape[1] > 2:
        extra = (genotypes[:, 2:] != NO_COPY).any(axis=1)
        genotypes = np.where(extra[:, None], NOT_CALLED, genotypes[:, :2])
    codes = table[genotypes]
    unphased = ~record.phased & (codes[:, 0] > codes[:, 1]) & (codes[:, 1] >= 0)
    codes[unphased] = codes[unphased][:, ::-1]
    late = ~record.phased & (codes[:, 0] == NOT_CALLED) & (codes[:, 1] >= 0)
    codes[late] = codes[late][:, ::-1]
    arrays.codes[:] = codes
    arrays.phased[:] = record.phased
    if record.phase_set is not None:
        arrays.phase_set[:] = record.phase_set


def _by_pattern(arrays: _SiteArrays, window: Window, records: list[CohortRecord], readings: list[Reading]) -> None:
    """Several records at the site: bring each distinct combination of genotypes together once."""
    columns: list[npt.NDArray[np.int32]] = []
    widths = []
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
