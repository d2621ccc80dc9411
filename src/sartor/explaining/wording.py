"""Wording tables: every sentence that a reader sees, by key, with places that are filled or the sentence is refused."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from sartor.domain.explanation import Wording

_FORMATTER = string.Formatter()


class WordingIncomplete(LookupError):
    """A sentence is not in the table, or a place in it was not filled: a fault of the program, never shown half."""


@dataclass(frozen=True)
class WordingTable:
    """The sentences of one capability in one language, by key without the capability's name."""

    sentences: Mapping[str, str]

    @staticmethod
    def load(text: str) -> WordingTable:
        """Read a TOML table of [section] name = "sentence with {places}"; raises ValueError on a malformed one."""
        sentences = dict(_flatten(tomllib.loads(text)))
        for key, sentence in sentences.items():
            for place in _places(sentence, key):
                if not place.isidentifier():
                    raise ValueError(f"{key}: a place must be a plain name, not {{{place}}}")
        return WordingTable(sentences)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of this key (with or without the capability's name in front)."""
        return key in self.sentences or key.partition(".")[2] in self.sentences

    def places(self, key: str) -> tuple[str, ...]:
        """The names of the places in the sentence of this key, in order."""
        return tuple(_places(self._sentence(key), key))

    def say(self, wording: Wording) -> str:
        """The sentence with its places filled; raises WordingIncomplete for an unknown key or an empty place.

        A value may itself be a wording, {"key": …, "values": …}; a list is joined as "a, b and c",
        {"any": list} as "a, b or c".
        """
        sentence = self._sentence(wording.key)
        filled = {place: self._value(wording, place) for place in _places(sentence, wording.key)}
        said = sentence.format(**filled)
        return said[:1].upper() + said[1:] if said.endswith((".", "!", "?")) else said

    def _sentence(self, key: str) -> str:
        sentence = self.sentences.get(key, self.sentences.get(key.partition(".")[2]))
        if sentence is None:
            raise WordingIncomplete(f"no sentence for {key}")
        return sentence

    def _value(self, wording: Wording, place: str) -> str:
        if place not in wording.values:
            raise WordingIncomplete(f"{wording.key} has nothing for {{{place}}}")
        text = self._text(wording.values[place])
        if not text:
            raise WordingIncomplete(f"{wording.key} has an empty {{{place}}}")
        return text

    def _text(self, value: JsonValue) -> str:
        if isinstance(value, Mapping) and "any" in value:
            return self._enumeration(self._parts(value["any"]), "list.or")
        if isinstance(value, Mapping):
            return self.say(Wording.model_validate(value))
        if isinstance(value, str):
            return value
        if isinstance(value, Sequence):
            return self._enumeration(self._parts(value), "list.and")
        return f"{value:g}" if isinstance(value, float) else str(value if value is not None else "")

    def _parts(self, value: JsonValue) -> list[str]:
        each_value = value if isinstance(value, list) else [value]
        return [text for each in each_value if (text := self._text(each))]

    def _enumeration(self, parts: Sequence[str], how: str) -> str:
        if len(parts) < 2:
            return "".join(parts)
        last = self.sentences.get(how, "{first}, {last}")
        return last.format(first=", ".join(parts[:-1]), last=parts[-1])


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{key}.")
        elif isinstance(value, str):
            yield key, value
        else:
            raise ValueError(f"{key}: a sentence must be text")


def _places(sentence: str, key: str) -> Iterator[str]:
    try:
        for _, place, _, _ in _FORMATTER.parse(sentence):
            if place is not None:
                yield place
    except ValueError as problem:
        raise ValueError(f"{key}: {problem}") from problem
