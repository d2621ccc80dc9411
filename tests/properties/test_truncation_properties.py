"""A compressed VCF that was cut off anywhere is refused, never read as if it were whole."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sartor.domain.genome import Region
from sartor.errors import InputError
from sartor.io import vcf
from sartor.io.vcf_scan import scan

HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr10,length=133797422>\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
)
ROWS = [f"chr10\t{94781000 + 7 * n}\t.\tT\tC\t.\tPASS\tDP={n}\tGT\t0/1\n" for n in range(60)]
TEXT = (HEADER + "".join(ROWS)).encode()
REGIONS = [Region("chr10", 94780000, 94790000)]
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzip(text: bytes, block: int = 700) -> bytes:
    """Compress as bgzip does, in small blocks."""
    made = b""
    for start in range(0, len(text), block):
        piece = text[start : start + block]
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = deflate.compress(piece) + deflate.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
        made += head + body + struct.pack("<II", zlib.crc32(piece), len(piece))
    return made + END


BGZIP, GZIP = bgzip(TEXT), gzip.compress(TEXT, mtime=0)


def test_whole_files_are_read(tmp_path: Path) -> None:
    for data in (BGZIP, GZIP, TEXT):
        path = tmp_path / "whole.vcf.gz"
        path.write_bytes(data)
        found = vcf.read_genome(path, regions=REGIONS)
        assert len(found.records["chr10"]) == len(ROWS)
        assert not found.quarantined


@pytest.mark.parametrize("whole", [BGZIP, GZIP], ids=["bgzip", "gzip"])
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_off_anywhere(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path / "cut.vcf.gz"
    path.write_bytes(whole[:cut])
    with pytest.raises(InputError):
        vcf.read_genome(path, regions=REGIONS)


@given(place=st.integers(0, len(BGZIP) - 1), flip=st.integers(1, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_never_changes_a_genotype(tmp_path: Path, place: int, flip: int) -> None:
    damaged = bytearray(BGZIP)
    damaged[place] ^= flip
    path = tmp_path / "damaged.vcf.gz"
    path.write_bytes(bytes(damaged))
    try:
        found = vcf.read_genome(path, regions=REGIONS)
    except InputError:
        return
    assert [each.alleles for each in found.records["chr10"]] == [(0, 1)] * len(ROWS)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["chr1", "chr10", "10", "chrUn_KI1", ""]),
            st.one_of(st.integers(0, 400).map(str), st.sampled_from(["", "x", "12x", "9" * 20])),
            st.sampled_from(["A", "ACGT", "A" * 60]),
            st.sampled_from(["C", "<NON_REF>", ".", "<DEL>"]),
            st.sampled_from([".", "END=250", "DP=3;END=399;X", "XEND=300", "END=x"]),
            st.sampled_from(["\n", "\r\n", "\n\n", "\n# remark\n"]),
        ),
        max_size=25,
    ),
    st.lists(st.tuples(st.integers(1, 390), st.integers(0, 60)), min_size=1, max_size=4),
    st.integers(1, 400),
)
@settings(max_examples=200, deadline=None)
def test_both_inner_loops_find_the_same_lines(
    rows: list[tuple[str, ...]], regions: list[tuple[int, int]], size: int
) -> None:
    text = "".join(f"{c}\t{p}\t.\t{r}\t{a}\t.\t.\t{i}\tGT\t0/1{end}" for c, p, r, a, i, end in rows).encode()
    wanted = [Region("chr10", start, start + length) for start, length in regions]
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    compiled, simple = (scan(iter(pieces), b"", wanted, header_lines=3, large=large) for large in (True, False))
    assert compiled == simple
