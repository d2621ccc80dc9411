"""The inner loop over the lines of a large VCF, compiled: which of them touch a target region.

The twin for small files, which spares loading the compiler, is `vcf_scan.scan_lines_simply`.
"""

from __future__ import annotations

from typing import Any

from numba import njit

TAB, DOT, SEMICOLON, LESS, ZERO, NINE, RETURN = 9, 46, 59, 60, 48, 57, 13
MOST_DIGITS = 15


@njit(cache=True, nogil=True, inline="always")
def _names_chromosome(text: Any, begin: int, end: int, name: Any) -> bool:
    length = len(name)
    if end - begin <= length or text[begin + length] != TAB:
        return False
    for k in range(length):  # noqa: SIM110 (compiled: a plain loop)
        if text[begin + k] != name[k]:
            return False
    return True


@njit(cache=True, nogil=True, inline="always")
def _number(text: Any, at: int, end: int) -> tuple[int, int]:
    """The digits from `at` on as a number (-1 when there are none or too many), and the place after them."""
    value = 0
    begin = at
    while at < end and ZERO <= text[at] <= NINE:
        value = value * 10 + (text[at] - ZERO)
        at += 1
    if at == begin or at - begin > MOST_DIGITS:
        value = -1
    return value, at


@njit(cache=True, nogil=True)
def _after_tabs(text: Any, at: int, end: int, tabs: int) -> int:
    """The place after this many further tabs."""
    while at < end and tabs > 0:
        if text[at] == TAB:
            tabs -= 1
        at += 1
    return at


@njit(cache=True, nogil=True)
def _block_end(text: Any, at: int, end: int) -> int:
    """The value of END= in the INFO column that begins at `at`; -1 when there is none."""
    fresh = True
    while at + 4 < end and text[at] != TAB:
        if fresh and text[at] == 69 and text[at + 1] == 78 and text[at + 2] == 68 and text[at + 3] == 61:
            value, _ = _number(text, at + 4, end)
            return value
        fresh = text[at] == SEMICOLON
        at += 1
    return -1


@njit(cache=True, nogil=True)
def _last_base(text: Any, at: int, end: int, position: int) -> int:
    """The last base that a line covers; `at` is the tab after POS."""
    reference = _after_tabs(text, at, end, 2)
    alternate = _after_tabs(text, reference, end, 1)
    last = position + (alternate - reference - 1) - 1
    if alternate < end and (text[alternate] == DOT or text[alternate] == LESS):
        last = max(last, _block_end(text, _after_tabs(text, alternate, end, 3), end))
    return last


@njit(cache=True, nogil=True)
def scan_lines(
    text: Any, starts: Any, first: int, name: Any, region_starts: Any, region_ends: Any, state: Any, hits: Any
) -> tuple[int, int]:
    """Walk over the lines of one chromosome, from line `first` on, and note those that touch a region.

    text: uint8; starts: int64, start of each line and, last, the end of all; name: uint8, the chromosome's name.
    region_starts, region_ends: int64, sorted, 1-based, both ends included. hits: int64, filled with line numbers.
    state: int64[5], kept between calls: last position, current region, first unsorted line, number of malformed
    lines, the first of them (-1 for none; lines counted within `starts`).
    Returns the line at which the chromosome changes (or the number of lines) and how many hits were found.
    """
    lines, regions = len(starts) - 1, len(region_starts)
    last, region, found, line = state[0], state[1], 0, first
    while line < lines:
        begin, end = starts[line], starts[line + 1] - 1
        if end <= begin or (end == begin + 1 and text[begin] == RETURN):
            line += 1
            continue
        if not _names_chromosome(text, begin, end, name):
            break
        position, at = _number(text, begin + len(name) + 1, end)
        if position < 0 or at >= end or text[at] != TAB:
            state[3] += 1
            if state[4] < 0:
                state[4] = line
            line += 1
            continue
        if position < last:
            region = 0
            if state[2] < 0:
                state[2] = line
        last = position
        while region < regions and region_ends[region] < position:
            region += 1
        if region < regions:
            start = region_starts[region]
            if position >= start or _last_base(text, at, end, position) >= start:
                hits[found] = line
                found += 1
        line += 1
    state[0], state[1] = last, region
    return line, found
