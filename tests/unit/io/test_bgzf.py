"""Chunks of text from plain, gzip and bgzip files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sartor.errors import MalformedInput, TruncatedInput
from sartor.io.bgzf import chunks, first_bytes, is_bgzip, is_gzip

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def put(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "x"
    path.write_bytes(data)
    return path


def test_kinds() -> None:
    assert is_bgzip(END)
    assert is_gzip(gzip.compress(b"x"))
    assert not is_bgzip(gzip.compress(b"x"))
    assert not is_gzip(b"##fileformat")


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_pieces_make_the_whole(tmp_path: Path, size: int) -> None:
    text = b"".join(b"%d\n" % number for number in range(5000))
    for data in (text, gzip.compress(text)):
        assert b"".join(chunks(put(tmp_path, data), size)) == text


def test_zero_bytes_after_the_gzip_data_are_padding(tmp_path: Path) -> None:
    assert b"".join(chunks(put(tmp_path, gzip.compress(b"abc") + b"\0" * 512))) == b"abc"


def test_damage(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(b"abc" * 100))
    data[-6] ^= 1
    with pytest.raises(MalformedInput, match="damaged"):
        list(chunks(put(tmp_path, bytes(data))))
    with pytest.raises(TruncatedInput, match="inside a bgzip block"):
        list(chunks(put(tmp_path, END[:-3])))
    with pytest.raises(MalformedInput, match="no valid header"):
        list(chunks(put(tmp_path, END + b"x" * 40)))


def test_first_bytes_of_a_damaged_file_are_none(tmp_path: Path) -> None:
    assert first_bytes(put(tmp_path, END[:-3]), 10) == b""
    assert first_bytes(put(tmp_path, b"hello"), 3) == b"hel"
