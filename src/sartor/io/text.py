"""Text files of unknown origin: UTF-8 with or without mark, UTF-16, else the Western European code page."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final

from sartor.errors import MalformedInput

_GZIP: Final = b"\x1f\x8b"


def head_of(path: Path, size: int = 1 << 16) -> bytes:
    """The first bytes of a file, unpacked when it is gzip."""
    with path.open("rb") as file:
        head = file.read(size)
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, size)
    except zlib.error:
        return b""


def content_of(path: Path) -> bytes:
    """The whole file, unpacked when it is gzip. Raises MalformedInput when it is a broken gzip."""
    data = path.read_bytes()
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedInput("the gzip file is broken", where=str(path), todo="fetch it again") from error


def decoded(data: bytes, *, where: str = "") -> str:
    """The text of these bytes, with LF line ends. Raises MalformedInput when they are no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return _lines(data.decode("utf-16"))
        except UnicodeError as error:
            raise MalformedInput(
                "the file begins as UTF-16 and is not", where=where, todo="save it as UTF-8"
            ) from error
    if b"\x00" in data:
        raise MalformedInput("the file is not text", where=where, todo="export it as UTF-8 text")
    try:
        return _lines(data.decode("utf-8-sig"))
    except UnicodeError:
        return _lines(data.decode("cp1252", "replace"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
