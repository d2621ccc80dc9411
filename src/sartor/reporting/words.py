"""The report's own words (titles, labels, badges, glossary) by dotted key, from wording/<language>.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Words:
    """One language's words; `language` is the tag that the page states."""

    language: str
    table: dict[str, Any]

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key with its places filled; KeyError when there is no such key."""
        found = self.section(key)
        if isinstance(found, dict):
            one_or_many = "one" if values.get("n") == 1 else "many"
            found = found[one_or_many]
        return str(found).format(**values)

    def section(self, key: str) -> Any:
        """Whatever stands under a dotted key: text or a table of texts."""
        found: Any = self.table
        for part in key.split("."):
            found = found[part]
        return found

    def code(self, section: str, code: str, prefix: str = "") -> str:
        """The words for a code, or the code itself where this version has none for it."""
        known = self.section(section)
        return str(known.get(f"{prefix}{code}", code))

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        try:
            self.section(key)
        except (KeyError, TypeError):
            return False
        return True


@cache
def load(language: str = "en") -> Words:
    """The words of one language, English where there is no such table."""
    folder = files("sartor.reporting") / "wording"
    chosen = language if (folder / f"{language}.toml").is_file() else "en"
    return Words(chosen, tomllib.loads((folder / f"{chosen}.toml").read_text(encoding="utf-8")))
