"""The list of drugs that Sartor knows, and the matching of a medicine's codes and words to them."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final, NamedTuple

from sartor.domain.code import ATC, RXNORM, SARTOR, Coded
from sartor.domain.record import DrugMatch

_TOKEN: Final = re.compile(r"[a-z0-9]+")
_ATC_SYSTEMS: Final = (ATC, "https://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73")
_RXNORM_SYSTEMS: Final = (RXNORM, "urn:oid:2.16.840.1.113883.6.88")


class Drug(NamedTuple):
    """One drug.

    name:    generic name, lower case, as CPIC writes it (else USAN).
    rxnorm:  RxNorm concept of the ingredient; "" when it could not be established.
    atc:     ATC codes of products with this active substance alone.
    """

    name: str
    rxnorm: str
    atc: tuple[str, ...]
    synonyms: tuple[str, ...]
    salts: tuple[str, ...]
    brands: tuple[str, ...]
    rxnorm_also: tuple[str, ...]

    @property
    def coded(self) -> Coded:
        """By RxNorm where the code is known, else by ATC, else by our own name."""
        if self.rxnorm:
            return Coded(system=RXNORM, code=self.rxnorm, label=self.name)
        if self.atc:
            return Coded(system=ATC, code=self.atc[0], label=self.name)
        return Coded(system=SARTOR, code=re.sub(r"[^a-z0-9]+", "-", self.name), label=self.name)


class _Entry(NamedTuple):
    """What a sequence of words stands for: its drugs, and how it names them."""

    drugs: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Medicines:
    """The table, with its indexes: by code, and by the words of every name."""

    drugs: dict[str, Drug]
    by_rxnorm: dict[str, _Entry] = field(default_factory=dict)
    by_atc: dict[str, _Entry] = field(default_factory=dict)
    by_words: dict[tuple[str, ...], _Entry] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)
    forms: dict[tuple[str, ...], str] = field(default_factory=dict)
    negations: frozenset[str] = frozenset()


@functools.cache
def medicines() -> Medicines:
    """The table that ships with Sartor, loaded once."""
    path = resources.files("sartor.knowledge").joinpath("data", "medicines.json")
    return _indexed(json.loads(path.read_text(encoding="utf-8")))


def drug(name: str) -> Coded | None:
    """The drug of that generic name, synonym, salt or brand; None when the table has no such name."""
    entry = medicines().by_words.get(_words(name))
    if entry is None or len(entry.drugs) != 1:
        return None
    return medicines().drugs[entry.drugs[0]].coded


def known(name: str) -> Drug | None:
    """The whole entry of the drug of that name; None when the table has no such name."""
    entry = medicines().by_words.get(_words(name))
    return medicines().drugs[entry.drugs[0]] if entry is not None and len(entry.drugs) == 1 else None


def match(codes: Sequence[Coded], text: str) -> tuple[DrugMatch, ...]:
    """The drugs of a medicine, each with the code or the words that matched it.

    Codes come first (RxNorm ingredient or known product, then ATC), then whole words of the text, or of
    the codes' labels where the text names no drug. A product for the skin, eye, ear, nose or airways is
    marked in `matched`, as "timolol (eye)". An empty result means that no drug of the table was named.
    """
    found: dict[str, DrugMatch] = {}
    for coded in codes:
        _match_code(coded, found)
    matched = _match_text(text)
    if not matched:
        matched = next((more for coded in codes if (more := _match_text(coded.label))), ())
    for each in matched:
        found.setdefault(each.drug.label, each)
    return tuple(found.values())


def _match_code(coded: Coded, found: dict[str, DrugMatch]) -> None:
    table = medicines()
    if coded.system in _RXNORM_SYSTEMS:
        entry, by, mark = table.by_rxnorm.get(coded.code), "rxnorm", ""
    elif coded.system in _ATC_SYSTEMS:
        entry, by, mark = table.by_atc.get(coded.code.upper()), "atc", _local(coded.code.upper())
    else:
        return
    for name in entry.drugs if entry is not None else ():
        found.setdefault(name, DrugMatch(drug=table.drugs[name].coded, by=by, matched=_marked(coded.code, mark)))


def _local(code: str) -> str:
    """The place that ATC's own main group says a product is for, when it is not the whole body."""
    return medicines().forms.get((code[:3].lower(),), "") or medicines().forms.get((code[:1].lower() + "*",), "")


def _marked(text: str, mark: str) -> str:
    return f"{text} ({mark})" if mark else text


@functools.lru_cache(maxsize=4096)
def _match_text(text: str) -> tuple[DrugMatch, ...]:
    """Every drug that the text names, by the longest sequence of whole words at each place."""
    if not text:
        return ()
    table = medicines()
    plain = _plain(text)
    tokens = [(piece.group(), piece.start(), piece.end()) for piece in _TOKEN.finditer(plain)]
    words = [token for token, _, _ in tokens]
    mark = _form(words)
    found: dict[str, DrugMatch] = {}
    place = 0
    while place < len(words):
        length, entry = _longest(table, words, place)
        if entry is None:
            place += 1
            continue
        if not _negated(table, words, place, place + length):
            shown = text[tokens[place][1] : tokens[place + length - 1][2]]
            for name in entry.drugs:
                matched = DrugMatch(drug=table.drugs[name].coded, by=entry.by, matched=_marked(shown, mark))
                found.setdefault(name, matched)
        place += length
    return tuple(found.values())


def _longest(table: Medicines, words: list[str], place: int) -> tuple[int, _Entry | None]:
    for length in range(min(table.longest.get(words[place], 0), len(words) - place), 0, -1):
        entry = table.by_words.get(tuple(words[place : place + length]))
        if entry is not None:
            return length, entry
    return 0, None


def _negated(table: Medicines, words: list[str], start: int, end: int) -> bool:
    """Whether the words say that the drug is not in it ("codeine-free", "without codeine")."""
    return (end < len(words) and words[end] == "free") or (start > 0 and words[start - 1] in table.negations)


def _form(words: Iterable[str]) -> str:
    """Where the product is applied, when the text says that it is not for the whole body."""
    table = medicines()
    listed = list(words)
    for place in range(len(listed)):
        for length in (3, 2, 1):
            if form := table.forms.get(tuple(listed[place : place + length])):
                return form
    return ""


def _plain(text: str) -> str:
    """Lower case without accents, character by character, so that places in the text stay the same."""
    plain = []
    for character in text:
        base = unicodedata.normalize("NFKD", character.lower())
        plain.append(base[0] if base else " ")
    return "".join(plain)


def _words(name: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(_plain(name)))


def _indexed(table: dict[str, Any]) -> Medicines:
    drugs = {
        row["name"]: Drug(
            name=row["name"],
            rxnorm=row.get("rxnorm", ""),
            atc=tuple(row.get("atc", ())),
            synonyms=tuple(row.get("synonyms", ())),
            salts=tuple(row.get("salts", ())),
            brands=tuple(row.get("brands", ())),
            rxnorm_also=tuple(row.get("rxnorm_also", ())),
        )
        for row in table["drugs"]
    }
    found = Medicines(
        drugs,
        forms={_words(words) or (words,): form for form, listed in table["forms"].items() for words in listed},
        negations=frozenset(table["negations"]),
    )
    for each in drugs.values():
        _index(found, each)
    for row in table["combinations"]:
        entry = _Entry(tuple(row["drugs"]), "combination")
        for name in row.get("names", ()):
            _add(found, name, entry)
        for code in row.get("atc", ()):
            found.by_atc[code] = entry
    for code, names in table["products"].items():
        found.by_rxnorm.setdefault(code, _Entry(tuple(names), "rxnorm"))
    return found


def _index(table: Medicines, each: Drug) -> None:
    only = (each.name,)
    for code in (each.rxnorm, *each.rxnorm_also):
        if code:
            table.by_rxnorm[code] = _Entry(only, "rxnorm")
    for code in each.atc:
        table.by_atc[code] = _Entry(only, "atc")
    for by, names in (
        ("name", (each.name, *each.synonyms)), ("salt", each.salts), ("brand", each.brands),
    ):  # fmt: skip
        for name in names:
            _add(table, name, _Entry(only, by))


def _add(table: Medicines, name: str, entry: _Entry) -> None:
    words = _words(name)
    table.by_words.setdefault(words, entry)
    table.longest[words[0]] = max(table.longest.get(words[0], 0), len(words))
