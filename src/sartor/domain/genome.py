"""What was read of a person's genome: called reference, called variant, and not called, told apart.

Coordinates are 1-based and inclusive, on the build that the object states. Chromosomes are named
"chr1" … "chr22", "chrX", "chrY", "chrM" whatever the file called them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from sartor.domain.code import Frozen
from sartor.domain.provenance import Origin, Quarantined


class GenomeBuild(StrEnum):
    """A human reference assembly."""

    GRCH37 = "GRCh37"
    GRCH38 = "GRCh38"


class Region(NamedTuple):
    """A stretch of a chromosome, 1-based, both ends included."""

    chromosome: str
    start: int
    end: int


class CallState(StrEnum):
    """The three things that a file can say about a position; never to be confused."""

    REFERENCE = "called reference"
    VARIANT = "called variant"
    NOT_CALLED = "not called"


@dataclass(frozen=True, slots=True)
class GenotypeRecord:
    """One record of a VCF, BCF, gVCF or array for one person, on GRCh38, as the file has it.

    chromosome, position: place of the first base of `reference`.
    reference, alternates: allele strings in capitals, not normalised; symbolic ones keep their brackets.
    alleles:    index per chromosome copy (0 reference, 1… alternates, None not called); empty when
                the record has no genotype for this person.
    end:        last base covered; beyond `position` + len(`reference`) - 1 for reference blocks.
    phased:     whether the order of `alleles` means the chromosome copies.
    phase_set:  PS of the file; records share a phase only within the same set (None: whole chromosome).
    depth:      reads (DP, or MIN_DP of a block); genotype_quality: Phred (GQ); allele_depths: AD.
    filters:    FILTER entries other than PASS.
    """

    chromosome: str
    position: int
    reference: str
    alternates: tuple[str, ...]
    alleles: tuple[int | None, ...]
    end: int
    phased: bool = False
    phase_set: int | None = None
    depth: int | None = None
    genotype_quality: int | None = None
    allele_depths: tuple[int, ...] = ()
    filters: tuple[str, ...] = ()
    file: str = ""
    line: int | None = None

    @property
    def state(self) -> CallState:
        """What this record says; a half call ("0/.") is not called."""
        if not self.alleles or any(index is None for index in self.alleles):
            return CallState.NOT_CALLED
        return CallState.VARIANT if any(self.alleles) else CallState.REFERENCE

    @property
    def is_block(self) -> bool:
        """Whether this is a reference block of a gVCF rather than a site."""
        return self.end > self.position + len(self.reference) - 1

    @property
    def origin(self) -> Origin:
        """File and line."""
        return Origin(file=self.file, line=self.line)


class Genome(Protocol):
    """Called genotypes by position, for one person, on GRCh38 coordinates.

    `source_build` is the build of the file that was read; `kind` is "vcf", "gvcf", "bcf" or "array".
    `silence_means` is always NOT_CALLED: what the file does not state is not known.
    """

    @property
    def sample(self) -> str: ...  # noqa: D102

    @property
    def source_build(self) -> GenomeBuild: ...  # noqa: D102

    @property
    def kind(self) -> str: ...  # noqa: D102

    @property
    def quarantined(self) -> Sequence[Quarantined]: ...  # noqa: D102

    def overlapping(self, chromosome: str, start: int, end: int) -> Sequence[GenotypeRecord]:
        """Every record (sites and blocks) that covers any base from start to end."""
        ...


@dataclass(frozen=True, slots=True)
class CalledGenome:
    """A genome held in memory: the records of the regions that were asked for, by chromosome."""

    sample: str
    source_build: GenomeBuild
    kind: str
    records: dict[str, tuple[GenotypeRecord, ...]]
    quarantined: tuple[Quarantined, ...] = ()
    regions: tuple[Region, ...] = ()
    _reach: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(
        records: Iterable[GenotypeRecord],
        *,
        sample: str,
        source_build: GenomeBuild = GenomeBuild.GRCH38,
        kind: str = "vcf",
        quarantined: Iterable[Quarantined] = (),
        regions: Iterable[Region] = (),
    ) -> CalledGenome:
        """Sort the records by chromosome and position and hold them."""
        by_chromosome: dict[str, list[GenotypeRecord]] = {}
        for record in records:
            by_chromosome.setdefault(record.chromosome, []).append(record)
        ordered = {
            chromosome: tuple(sorted(found, key=lambda record: record.position))
            for chromosome, found in by_chromosome.items()
        }
        reach = {
            chromosome: max(record.end - record.position for record in found) for chromosome, found in ordered.items()
        }
        return CalledGenome(sample, source_build, kind, ordered, tuple(quarantined), tuple(regions), reach)

    def overlapping(self, chromosome: str, start: int, end: int) -> Sequence[GenotypeRecord]:
        """Every record (sites and blocks) that covers any base from start to end."""
        found = self.records.get(chromosome, ())
        first = bisect_left(found, start - self._reach.get(chromosome, 0), key=lambda record: record.position)
        last = bisect_right(found, end, key=lambda record: record.position)
        return [record for record in found[first:last] if record.end >= start]


class Diplotype(Frozen):
    """Two alleles of one gene (one on a haploid chromosome), with what they mean together.

    `probability` is None unless candidates were weighed by population frequencies; `prior` then names
    the population and source that it comes from. `lookup_key` is what guideline rows are keyed by: the
    phenotype, or the activity score as text ("≥3.0", "n/a") where the guideline goes by score; several
    keys of one gene (HLA) are joined with ";".
    """

    alleles: tuple[str, ...]
    phenotype: str = ""
    activity_score: float | None = None
    functions: tuple[str, ...] = ()
    score: float | None = None
    probability: float | None = None
    prior: str = ""
    lookup_key: str = ""

    @property
    def label(self) -> str:
        """The usual way of writing it, such as *1/*2."""
        return "/".join(self.alleles)


class PositionCall(Frozen):
    """What the file said at one defining position, for the drill-down of a gene."""

    chromosome: str
    position: int
    rsid: str = ""
    reference: str = ""
    genotype: str = ""
    state: CallState
    phased: bool = False
    depth: int | None = None
    genotype_quality: int | None = None
    concern: str = ""
    origin: Origin = Origin()


class GeneCall(Frozen):
    """What is known of one gene of one person: every diplotype that the data leave possible, best first.

    status:          "called" (one diplotype), "ambiguous" (several), "phenotype-certain" (several, all
                     with one phenotype), "not-called" (none fits; see notes), "not-tested" (no position called)
    source:          "matched" from a genome, or "outside" when a laboratory's call was taken over
    phased:          "yes", "no", or "effectively" (unphased, yet only one arrangement is possible)
    phenotypes:      the distinct phenotypes of the candidates, best first
    phenotype_probabilities: one per phenotype where candidates were weighed by population frequencies, else empty
    missing:         defining positions that were not called, as "chr10:94781859 (rs4244285)"
    missing_alleles: alleles that the missing positions leave possible
    unknown_variants: variants at defining positions that no allele has
    haplotypes:      alleles found when no diplotype can be given (variant-list genes)
    """

    gene: str
    status: str
    source: str = "matched"
    diplotypes: tuple[Diplotype, ...] = ()
    phenotypes: tuple[str, ...] = ()
    phenotype_probabilities: tuple[float, ...] = ()
    activity_scores: tuple[float | None, ...] = ()
    haplotypes: tuple[str, ...] = ()
    phased: str = "no"
    n_positions: int = 0
    n_missing: int = 0
    missing: tuple[str, ...] = ()
    missing_alleles: tuple[str, ...] = ()
    unknown_variants: tuple[str, ...] = ()
    positions: tuple[PositionCall, ...] = ()
    input_quality: str = "good"
    notes: tuple[str, ...] = ()
    definition_version: str = ""
