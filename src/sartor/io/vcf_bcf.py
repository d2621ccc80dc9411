"""BCF through pysam, an optional extra: its records as lines of VCF text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sartor.domain.genome import Region
from sartor.errors import MalformedInput, MissingExtra, TruncatedInput
from sartor.io.bgzf import is_bgzip
from sartor.io.vcf_header import chromosome_name
from sartor.io.vcf_index import check_end


def as_text(path: Path, regions: Sequence[Region]) -> Iterator[bytes]:
    """The header and then the records that can touch these regions, as VCF text, piece by piece.

    Raises MissingExtra without pysam, TruncatedInput or MalformedInput for a damaged file.
    """
    try:
        import pysam
    except ImportError as error:
        raise MissingExtra("reading BCF needs pysam", where=str(path), todo="run: pip install 'sartor[bcf]'") from error
    with path.open("rb") as file:
        if is_bgzip(file.read(18)):
            check_end(path)
    pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(str(path)) as file:
            yield str(file.header).encode()
            for record in file:
                if _touches(record.chrom, record.start + 1, record.stop, regions):
                    yield str(record).encode()
    except (OSError, ValueError) as error:
        kind = TruncatedInput if "trunc" in str(error).lower() else MalformedInput
        raise kind(f"the BCF cannot be read ({error})", where=str(path), todo="fetch it again") from error


def _touches(name: str, start: int, end: int, regions: Sequence[Region]) -> bool:
    chromosome = chromosome_name(name) or name
    return any(chromosome == r.chromosome and start <= r.end and end >= r.start for r in regions)
