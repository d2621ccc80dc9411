"""Records that state the same variant twice with different genotypes: said with their lines, one entry each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sartor.domain.cohort import CohortRecord
from sartor.domain.genome import GenotypeRecord
from sartor.domain.provenance import Origin, Quarantined


def contradictions(records: Iterable[GenotypeRecord], *, kind: str = "record") -> list[Quarantined]:
    """One person's records that contradict an earlier one at the same place with the same alleles.

    kind: of the file, as in `Quarantined`; an array's records name only the alleles found, so those are not compared.
    """
    first: dict[tuple[object, ...], GenotypeRecord] = {}
    found = []
    for each in records:
        if not each.alleles or None in each.alleles:
            continue
        alternates = each.alternates if kind != "array" else ()
        earlier = first.setdefault((each.chromosome, each.position, each.reference, each.end, alternates), each)
        if _spelled(earlier) != _spelled(each):
            found.append(_entry(each, earlier, kind, "genotype"))
    return found


def cohort_contradictions(records: Iterable[CohortRecord], samples: tuple[str, ...]) -> list[Quarantined]:
    """The same for all samples of a file; the first sample concerned is named."""
    first: dict[tuple[object, ...], CohortRecord] = {}
    found = []
    for each in records:
        key = (each.chromosome, each.position, each.reference, each.end, each.alternates)
        earlier = first.setdefault(key, each)
        if earlier is each or earlier.alleles.shape != each.alleles.shape:
            continue
        differ = (np.sort(earlier.alleles, axis=1) != np.sort(each.alleles, axis=1)).any(axis=1)
        differ &= ~((earlier.alleles == -1) | (each.alleles == -1)).any(axis=1)
        if differ.any():
            whose = f"genotype of {int(differ.sum())} samples (first {samples[int(np.argmax(differ))]})"
            found.append(_entry(each, earlier, "record", whose))
    return found


def _spelled(record: GenotypeRecord) -> list[str]:
    names = (record.reference, *record.alternates)
    return sorted(names[index] for index in record.alleles if index is not None)


def _entry(
    later: GenotypeRecord | CohortRecord, earlier: GenotypeRecord | CohortRecord, kind: str, whose: str
) -> Quarantined:
    place = f"{later.chromosome}:{later.position} (GRCh38)"
    where = f"line {earlier.line}" if earlier.line else "an earlier record"
    return Quarantined(
        origin=Origin(file=later.file, line=later.line),
        reason=f"it states another {whose} at {place} than {where}, so the position is not called",
        kind=kind,
        todo="find out which of the two is right",
    )
