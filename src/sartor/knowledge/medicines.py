"""The list of drugs that Sartor knows, and the matching of a medicine's codes and words to them."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final, NamedTuple

from sartor.domain.code import ATC, RXNORM, SARTOR, Coded
from sartor.domain.record import DrugMatch
from sartor.domain.source import Source

_LONG_ENOUGH: Final = 6
_TOKEN: Final = re.compile(r"[a-z0-9]+")
_ATC_SYSTEMS: Final = (ATC, "https://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73")
_RXNORM_SYSTEMS: Final = (RXNORM, "urn:oid:2.16.840.1.113883.6.88")


class Drug(NamedTuple):
    """One drug.

    name:     generic name, lower case, as CPIC writes it (else USAN).
    rxnorm:   RxNorm concept of the ingredient; "" when it could not be established.
    atc:      ATC codes of products that have this active substance, alone.
    synonyms: other generic names (INN and USAN, salts with a name of their own).
    brands:   trade names, United States and Europe.
    """

    name: str
    rxnorm: str
    atc: tuple[str, ...]
    synonyms: tuple[str, ...]
    brands: tuple[str, ...]

    @property
    def coded(self) -> Coded:
        """By RxNorm where the code is known, else by ATC, else by our own name."""
        if self.rxnorm:
            return Coded(system=RXNORM, code=self.rxnorm, label=self.name)
        if self.atc:
            return Coded(system=ATC, code=self.atc[0], label=self.name)
        return _by_name(self.name)


class _Entry(NamedTuple):
    """What a code or a sequence of words stands for: its drugs, and how it names them."""

    drugs: tuple[str, ...]
    by: str


class _Token(NamedTuple):
    """One word of a text, and where it stands there."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Medicines:
    """The table, with its indexes: by code, and by the words of every name.

    longest:    first word of a name → the most words that a name beginning with it has.
    forms:      words, or a brand of local products → the place of the body that it is for.
    atc_forms:  beginning of an ATC code → the same.
    """

    drugs: dict[str, Drug]
    sources: tuple[Source, ...] = ()
    by_rxnorm: dict[str, _Entry] = field(default_factory=dict)
    by_atc: dict[str, _Entry] = field(default_factory=dict)
    by_words: dict[tuple[str, ...], _Entry] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)
    forms: dict[tuple[str, ...], str] = field(default_factory=dict)
    atc_forms: dict[str, str] = field(default_factory=dict)
    salts: frozenset[str] = frozenset()
    negations: frozenset[str] = frozenset()
    negation_bridges: frozenset[str] = frozenset()
    negating_after: frozenset[str] = frozenset()


@functools.cache
def medicines() -> Medicines:
    """The table that ships with Sartor, loaded once."""
    path = resources.files("sartor.knowledge").joinpath("data", "medicines.json")
    return _indexed(json.loads(path.read_text(encoding="utf-8")))


def drug(name: str) -> Coded:
    """The drug of that generic name, synonym or brand; a name that the table lacks is coded by itself."""
    entry = known(name)
    return _by_name(name) if entry is None else entry.coded


def known(name: str) -> Drug | None:
    """The whole entry of the drug of that name; None when the table has none, or it names several drugs."""
    entry = medicines().by_words.get(_words(name))
    return medicines().drugs[entry.drugs[0]] if entry is not None and len(entry.drugs) == 1 else None


def match(codes: Sequence[Coded], text: str) -> tuple[DrugMatch, ...]:
    """The drugs of a medicine, each with the code or the words that matched it.

    Codes come first (RxNorm ingredient or known product, then ATC), then whole words of the text, or of
    the codes' labels where the text names no drug. A product for the eye, skin, nose, airways … says so in
    `local` and in `matched`, as "timolol (eye)". Empty when no drug of the table was named.
    """
    found: dict[str, DrugMatch] = {}
    place = _place(text) or next((place for coded in codes if (place := _place(coded.label))), "")
    for coded in sorted(codes, key=lambda coded: coded.system not in _RXNORM_SYSTEMS):
        _match_code(coded, place, found)
    matched = _match_text(text)
    if not matched:
        matched = next((more for coded in codes if (more := _match_text(coded.label))), ())
    for each in matched:
        found.setdefault(each.drug.label, each)
    return tuple(found.values())


def _match_code(coded: Coded, place: str, found: dict[str, DrugMatch]) -> None:
    table = medicines()
    code = coded.code.strip().upper()
    if coded.system in _RXNORM_SYSTEMS:
        entry, by = table.by_rxnorm.get(code), "rxnorm"
    elif coded.system in _ATC_SYSTEMS:
        entry, by, place = table.by_atc.get(code), "atc", _place_of_atc(code) or place
    else:
        return
    for name in entry.drugs if entry is not None else ():
        found.setdefault(name, _matched(table, name, by, coded.code, place))


def _matched(table: Medicines, name: str, by: str, shown: str, place: str) -> DrugMatch:
    text = f"{shown} ({place})" if place else shown
    return DrugMatch(drug=table.drugs[name].coded, by=by, matched=text, local=place)


def _place_of_atc(code: str) -> str:
    """The place of the body that ATC's groups imply, by the longest beginning that is listed."""
    forms = medicines().atc_forms
    return next((forms[code[:length]] for length in (5, 4, 3, 1) if code[:length] in forms), "")


@functools.lru_cache(maxsize=4096)
def _match_text(text: str) -> tuple[DrugMatch, ...]:
    """Every drug that the text names, by the longest sequence of whole words at each place."""
    table, tokens = medicines(), _tokens(text)
    words = [token.word for token in tokens]
    place = _place(text)
    found: dict[str, DrugMatch] = {}
    at = 0
    while at < len(words):
        length, entry = _longest(table, words, at)
        if entry is None:
            at += 1
            continue
        end, by = at + length, entry.by
        while by in ("name", "salt") and end < len(words) and words[end] in table.salts:
            end, by = end + 1, "salt"
        if not _negated(table, words, at, end):
            shown = text[tokens[at].start : tokens[end - 1].end]
            for name in entry.drugs:
                found.setdefault(name, _matched(table, name, by, shown, place))
        at = end
    return tuple(found.values())


def _longest(table: Medicines, words: list[str], at: int) -> tuple[int, _Entry | None]:
    for length in range(min(table.longest.get(words[at], 0), len(words) - at), 0, -1):
        entry = table.by_words.get(tuple(words[at : at + length]))
        if entry is not None:
            return length, entry
    return 0, None


def _negated(table: Medicines, words: list[str], start: int, end: int) -> bool:
    """Whether the words say that the drug is not in it or not to be taken.

    "codeine-free", "without codeine", "do not take codeine", "codeine allergy"; but not "codeine free base".
    """
    at = start - 1
    while at >= 0 and words[at] in table.negation_bridges:
        at -= 1
    before = at >= 0 and words[at] in table.negations
    after = (
        end < len(words) and words[end] in table.negating_after and words[end + 1 : end + 2] not in (["base"], ["acid"])
    )
    return before or after


@functools.lru_cache(maxsize=4096)
def _place(text: str) -> str:
    """The place that a text says a product is applied to, when that is not the whole body."""
    forms = medicines().forms
    words = [token.word for token in _tokens(text)]
    for at in range(len(words)):
        for length in (2, 1):
            if place := forms.get(tuple(words[at : at + length])):
                return place
    return ""


def _tokens(text: str) -> list[_Token]:
    return [_Token(piece.group(), piece.start(), piece.end()) for piece in _TOKEN.finditer(_plain(text))]


def _plain(text: str) -> str:
    """Lower case without accents, character by character, so that places in the text stay the same."""
    plain = []
    for character in text:
        base = unicodedata.normalize("NFKD", character)[:1].lower()
        plain.append(base if len(base) == 1 else " ")
    return "".join(plain)


def _words(name: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(_plain(name)))


def _by_name(name: str) -> Coded:
    return Coded(system=SARTOR, code="-".join(_words(name)), label=name.lower())


def _indexed(table: dict[str, Any]) -> Medicines:
    drugs = {
        row["name"]: Drug(row["name"], row["rxnorm"], tuple(row["atc"]), tuple(row["synonyms"]), tuple(row["brands"]))
        for row in table["drugs"]
    }
    found = Medicines(
        drugs,
        sources=tuple(Source(**source) for source in table["sources"]),
        forms={
            _words(words): form
            for part in ("forms", "local_brands")
            for form, listed in table[part].items()
            for words in listed
        },
        atc_forms=dict(table["atc_forms"]),
        salts=frozenset(table["salts"]),
        negations=frozenset(table["negations"]),
        negation_bridges=frozenset(table["negation_bridges"]),
        negating_after=frozenset(table["negating_after"]),
    )
    for each in drugs.values():
        _index(found, each)
    for row in table["combinations"]:
        entry = _Entry(tuple(row["drugs"]), "combination")
        for name in row["names"]:
            _add(found, name, entry)
        for code in row["atc"]:
            found.by_atc.setdefault(code, entry)
    for code, names in table["products"].items():
        found.by_rxnorm.setdefault(code, _Entry(tuple(names), "rxnorm"))
    _index_variants(found, [(ending, other) for ending, other in table["endings"]])
    return found


def _index_variants(table: Medicines, endings: Sequence[tuple[str, str]]) -> None:
    """Add the spellings of other languages, unless a spelling is a known word or would name two drugs."""
    spelled: dict[str, set[str]] = {}
    for each in table.drugs.values():
        for name in (each.name, *each.synonyms):
            for variant in _variants(name.lower(), endings):
                spelled.setdefault(variant, set()).add(each.name)
    taken = {*(word for words in table.by_words for word in words), *table.salts, *table.negations}
    taken |= {*table.negating_after, *(word for words in table.forms for word in words)}
    for variant, names in spelled.items():
        if len(names) == 1 and variant not in taken:
            _add(table, variant, _Entry((*names,), "name"))


def _variants(name: str, endings: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The same name as other languages end it; only names of one word that are long enough to be told apart."""
    if name.isalpha() and name.isascii() and len(name) >= _LONG_ENOUGH:
        yield from (name.removesuffix(ending) + other for ending, other in endings if name.endswith(ending))


def _index(table: Medicines, each: Drug) -> None:
    only = (each.name,)
    if each.rxnorm:
        table.by_rxnorm[each.rxnorm] = _Entry(only, "rxnorm")
    for code in each.atc:
        table.by_atc.setdefault(code, _Entry(only, "atc"))
    for name in (each.name, *each.synonyms):
        _add(table, name, _Entry(only, "name"))
    for name in each.brands:
        _add(table, name, _Entry(only, "brand"))


def _add(table: Medicines, name: str, entry: _Entry) -> None:
    words = _words(name)
    table.by_words.setdefault(words, entry)
    table.longest[words[0]] = max(table.longest.get(words[0], 0), len(words))
