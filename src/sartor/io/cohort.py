"""Reads many people's genotypes from one or several files; files of the same people are parts of one cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sartor.domain.cohort import CohortGenotypes
from sartor.domain.genome import Region
from sartor.errors import ConflictingInputs
from sartor.io import vcf


def read_cohorts(paths: Sequence[Path], *, regions: Sequence[Region]) -> tuple[CohortGenotypes, ...]:
    """Read VCFs (any number of samples each); those with the very same samples, one per chromosome say, are joined.

    Raises InputError as `io.vcf.read_cohort` does, and ConflictingInputs when two files of the same people
    disagree on the genome build.
    """
    joined: dict[tuple[str, ...], CohortGenotypes] = {}
    for path in paths:
        cohort = vcf.read_cohort(path, regions=regions)
        known = joined.get(cohort.samples)
        joined[cohort.samples] = cohort if known is None else _join(known, cohort, path)
    return tuple(joined.values())


def _join(one: CohortGenotypes, other: CohortGenotypes, path: Path) -> CohortGenotypes:
    if one.source_build != other.source_build:
        raise ConflictingInputs(
            f"is on {other.source_build} and another file of the same people on {one.source_build}",
            where=str(path),
            todo="hand in files of one genome build",
        )
    records = sorted((*one.records, *other.records), key=lambda record: (record.chromosome, record.position))
    return replace(one, records=records, quarantined=one.quarantined + other.quarantined)
