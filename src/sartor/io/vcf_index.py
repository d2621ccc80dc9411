"""A small reader of tabix (.tbi) and CSI (.csi) indexes, and of the lines that they point at."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isal import isal_zlib

from sartor.domain.genome import Region
from sartor.errors import TruncatedInput
from sartor.io.bgzf import blocks_from
from sartor.io.vcf_header import chromosome_name

_END_MARK: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_GAP: Final = 1 << 16


class BadIndex(ValueError):
    """The index cannot be read; the file is then read whole."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """One chromosome's part: bin → chunks (pairs of virtual offsets), and where each bin or stretch begins."""

    bins: dict[int, list[tuple[int, int]]]
    first_offsets: dict[int, int]
    linear: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An index: names as in the file → its part. `shift` and `depth` describe the tree of bins."""

    references: dict[str, _Reference]
    shift: int
    depth: int

    def chunks(self, name: str, start: int, end: int) -> list[tuple[int, int]]:
        """Virtual offsets of the stretches that can hold records overlapping this region (1-based, inclusive)."""
        part = self.references.get(name)
        if part is None:
            return []
        begin = max(start - 1, 0)
        least = part.linear[min(begin >> 14, len(part.linear) - 1)] if part.linear else 0
        found = []
        for number in _bins_of(begin, end, self.shift, self.depth):
            for chunk in part.bins.get(number, ()):
                if chunk[1] > least:
                    found.append((max(chunk[0], least), chunk[1]))
        return sorted(found)


def find_index(path: Path) -> Path | None:
    """The index that lies beside a file, if any."""
    for ending in (".tbi", ".csi"):
        candidate = path.with_name(path.name + ending)
        if candidate.is_file():
            return candidate
    return None


def read_index(path: Path) -> Index:
    """Read a .tbi or .csi. Raises BadIndex when it is damaged or not for a VCF."""
    try:
        raw = isal_zlib.decompress(b"", 31) if not path.stat().st_size else _inflate_all(path.read_bytes())
        if raw[:4] == b"TBI\x01":
            return _parse_tbi(raw)
        if raw[:4] == b"CSI\x01":
            return _parse_csi(raw)
    except (struct.error, isal_zlib.error, UnicodeDecodeError, MemoryError) as error:
        raise BadIndex(str(error)) from error
    raise BadIndex("neither tabix nor CSI")


def _inflate_all(data: bytes) -> bytes:
    pieces = []
    while data:
        inflater = isal_zlib.decompressobj(31)
        pieces.append(inflater.decompress(data))
        if not inflater.eof:
            raise BadIndex("the index ends too early")
        data = inflater.unused_data
    return b"".join(pieces)


def _names(blob: bytes) -> list[str]:
    return [name.decode("utf-8") for name in blob.split(b"\x00")[:-1]]


def _parse_tbi(raw: bytes) -> Index:
    count, _, _, _, _, _, _, length = struct.unpack_from("<8i", raw, 4)
    names = _names(raw[36 : 36 + length])
    if len(names) != count:
        raise BadIndex("its names do not match its count")
    at = 36 + length
    references = {}
    for name in names:
        bins, _, at = _parse_bins(raw, at, with_offsets=False, pseudo=37450)
        (intervals,) = struct.unpack_from("<i", raw, at)
        linear = struct.unpack_from(f"<{intervals}Q", raw, at + 4)
        at += 4 + 8 * intervals
        references[name] = _Reference(bins, {}, linear)
    return Index(references, 14, 5)


def _parse_csi(raw: bytes) -> Index:
    shift, depth, length = struct.unpack_from("<3i", raw, 4)
    if length < 28:
        raise BadIndex("a CSI without names")
    (named,) = struct.unpack_from("<i", raw, 16 + 24)
    names = _names(raw[44 : 44 + named])
    at = 16 + length
    (count,) = struct.unpack_from("<i", raw, at)
    at += 4
    if count != len(names):
        raise BadIndex("its names do not match its count")
    pseudo = ((1 << ((depth + 1) * 3)) - 1) // 7 + 1
    references = {}
    for name in names:
        bins, offsets, at = _parse_bins(raw, at, with_offsets=True, pseudo=pseudo)
        references[name] = _Reference(bins, offsets, ())
    return Index(references, shift, depth)


def _parse_bins(
    raw: bytes, at: int, *, with_offsets: bool, pseudo: int
) -> tuple[dict[int, list[tuple[int, int]]], dict[int, int], int]:
    (count,) = struct.unpack_from("<i", raw, at)
    at += 4
    bins: dict[int, list[tuple[int, int]]] = {}
    offsets: dict[int, int] = {}
    for _ in range(count):
        (number,) = struct.unpack_from("<I", raw, at)
        at += 4
        if with_offsets:
            (offsets[number],) = struct.unpack_from("<Q", raw, at)
            at += 8
        (chunks,) = struct.unpack_from("<i", raw, at)
        flat = struct.unpack_from(f"<{2 * chunks}Q", raw, at + 4)
        at += 4 + 16 * chunks
        if number != pseudo:
            bins[number] = list(zip(flat[::2], flat[1::2], strict=True))
    return bins, offsets, at


def _bins_of(begin: int, end: int, shift: int, depth: int) -> list[int]:
    """Numbers of the bins that can hold a record overlapping [begin, end), 0-based."""
    found = []
    first, width = 0, shift + depth * 3
    for level in range(depth + 1):
        found += range(first + (begin >> width), first + ((max(end, begin + 1) - 1) >> width) + 1)
        first += 1 << (level * 3)
        width -= 3
    return found


def check_end(path: Path) -> None:
    """Raise TruncatedInput when the file lacks bgzip's end mark."""
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - len(_END_MARK)))
        if file.read() != _END_MARK:
            raise TruncatedInput(
                "the bgzip end mark is missing, so the file was cut off", where=str(path), todo="fetch it again"
            )


def indexed_lines(path: Path, index: Index, regions: Sequence[Region]) -> Iterator[bytes]:
    """Lines of the stretches that can hold records of these regions, each line once, in the file's order.

    Lines outside the regions come too: the caller looks at positions itself.
    """
    names = {chromosome_name(name) or name: name for name in index.references}
    stretches = []
    for chromosome, start, end in regions:
        stretches += index.chunks(names.get(chromosome, chromosome), start, end)
    for begin, end in _merged(stretches):
        yield from _lines_between(path, begin, end)


def _merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(stretches):
        if merged and (begin >> 16) <= (merged[-1][1] >> 16) + _GAP and begin <= merged[-1][1] + (_GAP << 16):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _lines_between(path: Path, begin: int, end: int) -> Iterator[bytes]:
    rest = b""
    for start, text in blocks_from(path, begin):
        within = (begin & 0xFFFF) if start == begin >> 16 else 0
        if start > end >> 16 or (start == end >> 16 and end & 0xFFFF == 0):
            break
        if start == end >> 16:
            text = text[: (end & 0xFFFF) - within]
        lines = (rest + text).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest
