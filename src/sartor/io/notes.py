"""Clinical notes as plain text. A note's text is patient data: it is never logged and stands in no message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sartor.domain.provenance import Origin
from sartor.domain.record import Note
from sartor.errors import MalformedInput
from sartor.io.text import content_of, decoded

_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_DATE: Final = re.compile(r"\b(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))\b")
_FEWEST_WORDS: Final = 4


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` is prose: text, with words in a row, and not a table."""
    try:
        text = decoded(head)
    except MalformedInput:
        return False
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or text.lstrip().startswith(("{", "[", "<", "%PDF")):
        return False
    tabular = sum("\t" in line or line.count(",") > len(_WORD.findall(line)) for line in lines)
    printable = sum(character.isprintable() or character in "\n\t\f" for character in text)
    longest = max(len(_WORD.findall(line)) for line in lines)
    return longest >= _FEWEST_WORDS and tabular * 2 < len(lines) and printable >= 0.97 * len(text)


def read(path: Path) -> Note:
    """The note; its title is the file's name, its time the first ISO date in its first lines."""
    text = decoded(content_of(path), where=str(path))
    dated = _DATE.search("\n".join(text.split("\n")[:5]))
    return Note(text=text, title=path.name, time=dated[1] if dated else "", origin=Origin(file=str(path)))
