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
_COUNT: Final = struct.Struct("<i")
_TBI_BIN: Final = struct.Struct("<Ii")
_CSI_BIN: Final = struct.Struct("<I8xi")


class BadIndex(ValueError):
    """The index cannot be read; the file is then read whole."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """One chromosome's part: bin → where its list of chunks stands in the index, and where each stretch begins."""

    bins: dict[int, int]
    linear: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An index: names as in the file → its part. `shift` and `depth` describe the tree of bins."""

    names: tuple[str, ...]
    references: dict[str, _Reference]
    shift: int
    depth: int
    raw: bytes

    def chunks(self, name: str, start: int, end: int) -> list[tuple[int, int]]:
        """Virtual offsets of the stretches that can hold records overlapping this region (1-based, inclusive)."""
        part = self.references.get(name)
        if part is None:
            return []
        begin = max(start - 1, 0)
        least = part.linear[min(begin >> 14, len(part.linear) - 1)] if part.linear else 0
        found = []
        for number in _bins_of(begin, end, self.shift, self.depth):
            if number in part.bins:
                found += [(max(first, least), last) for first, last in self._listed(part.bins[number]) if last > least]
        return sorted(found)

    def _listed(self, at: int) -> Iterator[tuple[int, int]]:
        (count,) = _COUNT.unpack_from(self.raw, at)
        flat = struct.unpack_from(f"<{2 * count}Q", self.raw, at + 4)
        return zip(flat[::2], flat[1::2], strict=True)


def find_index(path: Path) -> Path | None:
    """The index that lies beside a file, if any."""
    for ending in (".tbi", ".csi"):
        candidate = path.with_name(path.name + ending)
        if candidate.is_file():
            return candidate
    return None


def read_index(path: Path, regions: Sequence[Region]) -> Index:
    """Read what a .tbi or .csi says of the regions' chromosomes. Raises BadIndex when it is damaged."""
    wanted = frozenset(region.chromosome for region in regions)
    try:
        raw = _inflate_all(path.read_bytes())
        if raw[:4] == b"TBI\x01":
            return _parse_tbi(raw, wanted)
        if raw[:4] == b"CSI\x01":
            return _parse_csi(raw, wanted)
    except (struct.error, isal_zlib.error, UnicodeDecodeError, MemoryError) as error:  # type: ignore[misc]
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


def _parse_tbi(raw: bytes, wanted: frozenset[str]) -> Index:
    count, _, _, _, _, _, _, length = struct.unpack_from("<8i", raw, 4)
    names = _names(raw[36 : 36 + length])
    if len(names) != count:
        raise BadIndex("its names do not match its count")
    at = 36 + length
    references = {}
    for name in names:
        bins, at = _parse_bins(raw, at, _TBI_BIN)
        (intervals,) = _COUNT.unpack_from(raw, at)
        if chromosome_name(name) in wanted:
            references[name] = _Reference(bins, struct.unpack_from(f"<{intervals}Q", raw, at + 4))
        at += 4 + 8 * intervals
    return Index(tuple(names), references, 14, 5, raw)


def _parse_csi(raw: bytes, wanted: frozenset[str]) -> Index:
    shift, depth, length = struct.unpack_from("<3i", raw, 4)
    if length < 28:
        raise BadIndex("a CSI without names")
    (named,) = _COUNT.unpack_from(raw, 16 + 24)
    names = _names(raw[44 : 44 + named])
    at = 16 + length
    (count,) = _COUNT.unpack_from(raw, at)
    at += 4
    if count != len(names):
        raise BadIndex("its names do not match its count")
    references = {}
    for name in names:
        bins, at = _parse_bins(raw, at, _CSI_BIN)
        if chromosome_name(name) in wanted:
            references[name] = _Reference(bins, ())
    return Index(tuple(names), references, shift, depth, raw)


def _parse_bins(raw: bytes, at: int, form: struct.Struct) -> tuple[dict[int, int], int]:
    """Where each bin's chunks stand; the bin of statistics has a number that no region asks for."""
    (count,) = _COUNT.unpack_from(raw, at)
    at += 4
    bins: dict[int, int] = {}
    before_count = form.size - 4
    read, size = form.unpack_from, form.size
    for _ in range(count):
        number, chunks = read(raw, at)
        bins[number] = at + before_count
        at += size + 16 * chunks
    return bins, at


def _bins_of(begin: int, end: int, shift: int, depth: int) -> list[int]:
    """Numbers of the bins that can hold a record overlapping [begin, end), 0-based."""
    found: list[int] = []
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
