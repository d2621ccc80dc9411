"""One pass over a whole VCF, without an index: finds the lines that touch the regions asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartor.domain.genome import Region
from sartor.io.vcf_header import chromosome_name

_NO_REGIONS: Final = np.empty(0, np.int64)
Bounds = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(slots=True)
class Found:
    """What the pass found: lines in the regions with their numbers in the file, and what was odd on the way.

    unsorted_line, malformed_line: number of the first such line, or None; malformed: how many there are.
    """

    lines: list[tuple[int, bytes]] = field(default_factory=list)
    total: int = 0
    unsorted_line: int | None = None
    malformed: int = 0
    malformed_line: int | None = None
    unfinished: bytes = b""


def scan_lines_simply(
    text: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    first: int,
    name: npt.NDArray[np.uint8],
    region_starts: npt.NDArray[np.int64],
    region_ends: npt.NDArray[np.int64],
    state: npt.NDArray[np.int64],
    hits: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """The twin of `vcf_scan_kernel.scan_lines` without a compiler, for small files."""
    chromosome = name.tobytes()
    begins, stops = region_starts.tolist(), region_ends.tolist()
    last, found, lines = int(state[0]), 0, len(starts) - 1
    for line in range(first, lines):
        row = text[starts[line] : starts[line + 1] - 1].tobytes()
        if row in (b"", b"\r"):
            continue
        fields = row.split(b"\t", 8)
        if fields[0] != chromosome or len(fields) == 1:
            state[0] = last
            return line, found
        if len(fields) == 2 or not fields[1].isdigit() or len(fields[1]) > 15:
            state[3] += 1
            state[4] = line if state[4] < 0 else state[4]
            continue
        position = int(fields[1])
        if position < last and state[2] < 0:
            state[2] = line
        last = position
        at = bisect_left(stops, position)
        if at < len(stops) and begins[at] <= last_base(position, fields):
            hits[found] = line
            found += 1
    state[0] = last
    return lines, found


def last_base(position: int, fields: list[bytes]) -> int:
    """The last base that a line covers, END= of a block included; `fields` is the line cut at its first tabs."""
    if len(fields) < 5:
        return position
    end = position + len(fields[3]) - 1
    if fields[4][:1] in (b".", b"<") and len(fields) > 7:
        for entry in fields[7].partition(b"\t")[0].split(b";"):
            if entry.startswith(b"END=") and entry[4:].isdigit():
                return max(end, int(entry[4:]))
    return end


class _Pass:
    """The state of one pass, carried from chunk to chunk."""

    def __init__(self, bounds: Mapping[str, Bounds], header_lines: int) -> None:
        self.found = Found(total=header_lines)
        self._bounds = bounds
        # Read-only like every later name, so that one compiled variant of the inner loop serves all.
        self._name: npt.NDArray[np.uint8] = np.frombuffer(b"\x00", np.uint8)
        self._regions: Bounds = (_NO_REGIONS, _NO_REGIONS)
        self._state = np.array([0, 0, -1, 0, -1], np.int64)
        self._seen: set[bytes] = set()

    def lines_of(self, data: bytes, scan: Callable[..., tuple[int, int]]) -> int:
        """Scan the whole lines of a chunk; returns how many bytes they take."""
        text = np.frombuffer(data, np.uint8)
        newlines = np.flatnonzero(text == 10)
        if not len(newlines):
            return 0
        starts = np.empty(len(newlines) + 1, np.int64)
        starts[0] = 0
        np.add(newlines, 1, out=starts[1:])
        hits = np.empty(len(newlines), np.int64)
        line, lines = 0, len(newlines)
        while line < lines:
            line, count = scan(text, starts, line, self._name, *self._regions, self._state, hits)
            for hit in hits[:count].tolist():
                self.found.lines.append((self.found.total + hit + 1, data[starts[hit] : starts[hit + 1] - 1]))
            if line < lines:
                line = self._next_chromosome(data[starts[line] : starts[line + 1] - 1], line)
        self._note_oddities(lines)
        return int(starts[-1])

    def _next_chromosome(self, text: bytes, line: int) -> int:
        """Turn to the chromosome of this line; returns the line to go on from."""
        name, tab, _ = text.partition(b"\t")
        if name.startswith(b"#"):
            return line + 1
        if not tab or not name:
            self._state[3] += 1
            if self._state[4] < 0:
                self._state[4] = line
            return line + 1
        if name in self._seen and self._state[2] < 0:
            self._state[2] = line
        self._seen.add(name)
        self._name = np.frombuffer(name, np.uint8)
        chromosome = chromosome_name(name.decode("utf-8", "replace"))
        self._regions = self._bounds.get(chromosome or "", (_NO_REGIONS, _NO_REGIONS))
        self._state[:2] = 0
        return line

    def _note_oddities(self, lines: int) -> None:
        found, state = self.found, self._state
        if state[2] >= 0 and found.unsorted_line is None:
            found.unsorted_line = found.total + int(state[2]) + 1
        if state[4] >= 0 and found.malformed_line is None:
            found.malformed_line = found.total + int(state[4]) + 1
        found.malformed = int(state[3])
        state[2] = state[4] = -1
        found.total += lines


def scan(chunks: Iterator[bytes], rest: bytes, regions: Sequence[Region], *, header_lines: int, large: bool) -> Found:
    """Go through every line after the header once.

    rest: what followed the header in its chunk; large: whether to compile the inner loop (pays from some megabytes on).
    """
    one = _Pass(bounds_of(regions), header_lines)
    inner: Callable[..., Any] = scan_lines_simply
    if large:
        from sartor.io.vcf_scan_kernel import scan_lines as inner
    data = rest
    for chunk in _and_none(chunks):
        taken = one.lines_of(data, inner) if data else 0
        data = data[taken:] if chunk is None else data[taken:] + chunk
    one.found.unfinished = data
    if data:
        one.lines_of(data + b"\n", inner)
    return one.found


def _and_none(chunks: Iterator[bytes]) -> Iterator[bytes | None]:
    yield from chunks
    yield None


def bounds_of(regions: Sequence[Region]) -> dict[str, Bounds]:
    """Regions by chromosome as two arrays, sorted and merged where they touch."""
    merged: dict[str, list[list[int]]] = {}
    for chromosome, start, end in sorted(regions):
        held = merged.setdefault(chromosome, [])
        if held and start <= held[-1][1] + 1:
            held[-1][1] = max(held[-1][1], end)
        else:
            held.append([start, end])
    return {
        chromosome: (np.array([each[0] for each in held], np.int64), np.array([each[1] for each in held], np.int64))
        for chromosome, held in merged.items()
    }


def touching(lines: Iterable[bytes], regions: Sequence[Region]) -> Iterator[bytes]:
    """Of some lines of a file, those that touch a region, that cannot be read, or that stand out of order."""
    bounds = {name: (begins.tolist(), stops.tolist()) for name, (begins, stops) in bounds_of(regions).items()}
    chromosome, position, previous = b"", 0, b""
    begins: list[int] = []
    stops: list[int] = []
    for line in lines:
        fields = line.split(b"\t", 8)
        if len(fields) < 5 or not fields[1].isdigit():
            yield line
            continue
        if fields[0] != chromosome:
            chromosome, position = fields[0], 0
            begins, stops = bounds.get(chromosome_name(chromosome.decode("utf-8", "replace")) or "", ([], []))
        place = int(fields[1])
        disordered = place < position
        at = bisect_left(stops, place)
        if disordered:
            yield previous
        if disordered or (at < len(stops) and begins[at] <= last_base(place, fields)):
            yield line
        position, previous = place, line
