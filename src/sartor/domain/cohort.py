"""Many people at once: their genotypes as matrices, for batches and studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.genome import GenomeBuild
from sartor.domain.provenance import Quarantined


@dataclass(frozen=True, slots=True)
class CohortRecord:
    """One VCF record for all samples of a file, on GRCh38.

    alleles:   int8, shape (samples, ploidy): allele index, -1 not called, -2 no such copy (haploid).
    phased:    bool, shape (samples,).
    phase_set: int32, shape (samples,), -1 for none; None when the file has no PS.
    depth, genotype_quality: int32, shape (samples,), -1 for none; None when the file has none.
    read_share: float32, shape (samples,): share of the reads of the called alleles, of the rarer one where there
               are two; NaN where AD does not tell; None when the file has none.
    filtered:  bool, shape (samples,): a sample's own FT other than PASS; None when the file has none.
    """

    chromosome: str
    position: int
    reference: str
    alternates: tuple[str, ...]
    end: int
    alleles: npt.NDArray[np.int8]
    phased: npt.NDArray[np.bool_]
    phase_set: npt.NDArray[np.int32] | None = None
    depth: npt.NDArray[np.int32] | None = None
    genotype_quality: npt.NDArray[np.int32] | None = None
    read_share: npt.NDArray[np.float32] | None = None
    filtered: npt.NDArray[np.bool_] | None = None
    filters: tuple[str, ...] = ()
    file: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class CohortGenotypes:
    """The records of the regions asked for, sorted, for every sample of one file."""

    samples: tuple[str, ...]
    source_build: GenomeBuild
    kind: str
    records: Sequence[CohortRecord]
    quarantined: tuple[Quarantined, ...] = ()
