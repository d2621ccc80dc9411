"""Compressed and plain text as chunks of bytes: bgzip, gzip or none, told apart by content, truncation noticed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from isal import isal_zlib

from sartor.errors import MalformedInput, TruncatedInput

CHUNK: Final = 4 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BLOCK_HEADER: Final = 18
_EMPTY_BLOCK: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_REPAIR: Final = "fetch or compress the file again"


def is_gzip(head: bytes) -> bool:
    """Whether the bytes begin a gzip (or bgzip) file."""
    return head.startswith(_GZIP_MAGIC)


def is_bgzip(head: bytes) -> bool:
    """Whether the bytes begin a bgzip file: gzip with the extra field BC that states the block's size."""
    return len(head) >= _BLOCK_HEADER and head[:4] == b"\x1f\x8b\x08\x04" and head[12:16] == b"BC\x02\x00"


def chunks(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """The text of a file, decompressed, in pieces of at least `size` bytes but the last.

    Raises TruncatedInput when the compressed stream ends early (for bgzip: also when its end mark is absent) and
    MalformedInput when it is damaged.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK_HEADER)
        file.seek(0)
        if is_bgzip(head):
            yield from _bgzip_chunks(file, path, size)
        elif is_gzip(head):
            yield from _gzip_chunks(file, path, size)
        else:
            while piece := file.read(size):
                yield piece


def first_bytes(path: Path, count: int) -> bytes:
    """The first decompressed bytes, or fewer where the file is shorter; damage is left for the reading itself."""
    try:
        return next(chunks(path, min(count, CHUNK)), b"")[:count]
    except (TruncatedInput, MalformedInput):
        return b""


def _bgzip_chunks(file: BinaryIO, path: Path, size: int) -> Iterator[bytes]:
    pieces: list[bytes] = []
    held = 0
    ended = False
    for block in _compressed_blocks(file, path):
        ended = block == _EMPTY_BLOCK
        piece = inflate_block(block, path)
        pieces.append(piece)
        held += len(piece)
        if held >= size:
            yield b"".join(pieces)
            pieces, held = [], 0
    if pieces:
        yield b"".join(pieces)
    if not ended:
        raise TruncatedInput("the bgzip end mark is missing, so the file was cut off", where=str(path), todo=_REPAIR)


def _compressed_blocks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The blocks of a bgzip file as they stand, read in large pieces."""
    rest = b""
    while True:
        fresh = file.read(1 << 20)
        data = rest + fresh
        place = 0
        while len(data) - place >= _BLOCK_HEADER:
            size = block_size(data, place, path)
            if len(data) - place < size:
                break
            yield data[place : place + size]
            place += size
        rest = data[place:]
        if not fresh:
            break
    if rest:
        raise TruncatedInput("the file ends inside a bgzip block", where=str(path), todo=_REPAIR)


def block_size(data: bytes, place: int, path: Path) -> int:
    """Bytes of the compressed block that begins at `place`."""
    if not is_bgzip(data[place : place + _BLOCK_HEADER]):
        raise MalformedInput("a bgzip block has no valid header", where=str(path), todo=_REPAIR)
    size: int = struct.unpack_from("<H", data, place + 16)[0] + 1
    return size


def inflate_block(block: bytes, path: Path) -> bytes:
    """Decompress one bgzip block and check its sum."""
    try:
        text: bytes = isal_zlib.decompress(block, 31, 1 << 16)
    except isal_zlib.error as error:  # type: ignore[misc]
        raise MalformedInput(f"a bgzip block is damaged ({error})", where=str(path), todo=_REPAIR) from error
    return text


def _gzip_chunks(file: BinaryIO, path: Path, size: int) -> Iterator[bytes]:
    """Plain gzip, possibly of several members."""
    pieces: list[bytes] = []
    held = 0
    inflater = isal_zlib.decompressobj(31)
    while data := file.read(1 << 18):
        while data:
            if inflater.eof:
                if not data.strip(b"\x00"):
                    break
                inflater = isal_zlib.decompressobj(31)
            try:
                piece = inflater.decompress(data)
            except isal_zlib.error as error:  # type: ignore[misc]
                raise MalformedInput(f"the gzip data are damaged ({error})", where=str(path), todo=_REPAIR) from error
            data = inflater.unused_data
            pieces.append(piece)
            held += len(piece)
        if held >= size:
            yield b"".join(pieces)
            pieces, held = [], 0
    if pieces:
        yield b"".join(pieces)
    if not inflater.eof:
        raise TruncatedInput("the gzip data end too early", where=str(path), todo=_REPAIR)


def blocks_from(path: Path, virtual_offset: int) -> Iterator[tuple[int, bytes]]:
    """Decompressed blocks from a virtual offset on: (offset in the file of the block's start, its text).

    The text of the first block begins at the offset within it.
    """
    start, within = virtual_offset >> 16, virtual_offset & 0xFFFF
    with path.open("rb") as file:
        file.seek(start)
        for block in _compressed_blocks(file, path):
            yield start, inflate_block(block, path)[within:]
            start += len(block)
            within = 0
