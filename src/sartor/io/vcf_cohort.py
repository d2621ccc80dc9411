"""The genotype columns of many samples as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort import CohortGenotypes, CohortRecord
from sartor.domain.provenance import Origin, Quarantined
from sartor.io.vcf_rows import BadRow, VcfRow, parse_genotype

if TYPE_CHECKING:
    from sartor.io.vcf import VcfRows

_PIPE, _SLASH, _DOT, _ZERO = ord("|"), ord("/"), ord("."), ord("0")


def cohort_of(found: VcfRows, samples: Sequence[str] | None, file: str) -> CohortGenotypes:
    """All rows with the genotypes of these samples (default: all), in the order of the file."""
    names = found.header.samples
    chosen = None if samples is None else np.array([names.index(name) for name in samples], np.int64)
    records: list[CohortRecord] = []
    quarantined = list(found.quarantined)
    for row, translation in found.rows:
        try:
            records.append(_record(row, translation, len(names), chosen, file))
        except BadRow as error:
            quarantined.append(
                Quarantined(origin=Origin(file=file, line=row.line or None), reason=str(error), kind="record")
            )
    return CohortGenotypes(tuple(samples or names), found.build, found.kind, tuple(records), tuple(quarantined))


def _record(
    row: VcfRow, translation: dict[int, int], n: int, chosen: npt.NDArray[np.int64] | None, file: str
) -> CohortRecord:
    alleles, phased, phase_set = _genotypes(row, n)
    if translation:
        table = np.array([translation[index] for index in range(len(translation))] + [-2, -1], np.int8)
        alleles = table[alleles]
    if chosen is not None:
        alleles, phased = alleles[chosen], phased[chosen]
        phase_set = None if phase_set is None else phase_set[chosen]
    return CohortRecord(
        chromosome=row.chromosome,
        position=row.position,
        reference=row.reference,
        alternates=row.alternates,
        end=row.end,
        alleles=alleles,
        phased=phased,
        phase_set=phase_set,
        filters=row.filters,
        file=file,
        line=row.line or None,
    )


Genotypes = tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_], npt.NDArray[np.int32] | None]


def _genotypes(row: VcfRow, n: int) -> Genotypes:
    if "GT" not in row.format_keys:
        return np.empty((n, 0), np.int8), np.zeros(n, np.bool_), None
    if row.format_keys[0] == "GT":
        fast = _of_three_letters(row, n)
        if fast is not None and "PS" not in row.format_keys:
            return (*fast, None)
        if fast is not None:
            return (*fast, _phase_sets(row, fast[1]))
    return _one_by_one(row, n)


def _phase_sets(row: VcfRow, phased: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """PS of the phased genotypes, -1 elsewhere."""
    found = np.full(len(phased), -1, np.int32)
    place = row.format_keys.index("PS")
    fields = row.genotypes.split(b"\t") if phased.any() else []
    for number in np.flatnonzero(phased).tolist():
        parts = fields[number].split(b":", place + 1)
        if place < len(parts) and parts[place].strip().isdigit():
            found[number] = int(parts[place])
    return found


def _of_three_letters(row: VcfRow, n: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]] | None:
    """Genotypes that all begin with digit, separator, digit; None when the row is of another shape."""
    text = np.frombuffer(row.genotypes, np.uint8)
    even = len(text) == 4 * n - 1
    starts = np.arange(0, 4 * n, 4) if even else np.concatenate([[0], np.flatnonzero(text == 9) + 1])
    if starts[-1] + 2 >= len(text):
        return None
    first, between, second = text[starts], text[starts + 1], text[starts + 2]
    after = text[np.minimum(starts + 3, len(text) - 1)][:-1]
    last = text[starts[-1] + 3 : starts[-1] + 4]
    if not (np.isin(after, (9, 58)).all() and (not len(last) or last[0] in (58, 13))):
        return None
    if not ((between == _PIPE) | (between == _SLASH)).all():
        return None
    alleles = np.stack([first, second], axis=1).astype(np.int16) - _ZERO
    alleles[alleles == _DOT - _ZERO] = -1
    if alleles.min() < -1 or alleles.max() > len(row.alternates):
        return None
    return alleles.astype(np.int8), between == _PIPE


def _one_by_one(row: VcfRow, n: int) -> Genotypes:
    """Any other shape: each distinct text is read once."""
    place = row.format_keys.index("GT")
    sets = row.format_keys.index("PS") if "PS" in row.format_keys else None
    fields = row.genotypes.split(b"\t")
    known: dict[bytes, tuple[tuple[int, ...], bool]] = {}
    genotypes, phase_sets = [], np.full(n, -1, np.int32)
    for number, field in enumerate(fields):
        parts = field.split(b":")
        text = parts[place] if place < len(parts) else b"."
        if text not in known:
            found, phased = parse_genotype(text.decode("utf-8", "replace").strip(), len(row.alternates))
            known[text] = tuple(-1 if index is None else index for index in found), phased
        genotypes.append(known[text])
        if sets is not None and sets < len(parts) and parts[sets].strip().isdigit():
            phase_sets[number] = int(parts[sets])
    ploidy = max(2, *(len(found) for found, _ in known.values()))
    alleles = np.array([found + (-2,) * (ploidy - len(found)) for found, _ in genotypes], np.int8)
    return alleles, np.array([phased for _, phased in genotypes], np.bool_), phase_sets if sets is not None else None
