"""Matching by name: any name is found in any text, whatever stands around it, and never inside a word."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sartor.knowledge import medicines
from sartor.knowledge.medicines import match

TABLE = medicines.medicines()
NAMES = sorted(
    (name, entry.drugs)
    for each in TABLE.drugs.values()
    for name in (each.name, *each.synonyms, *each.brands)
    if (entry := TABLE.by_words.get(medicines._words(name))) is not None
)
LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from([str.lower, str.upper, str.title]), st.integers(1, 900))
def test_every_name_is_found_among_strengths_and_forms(
    named: tuple[str, tuple[str, ...]], spelled: object, strength: int
) -> None:
    assert callable(spelled)
    text = f"Rx: {spelled(named[0])} {strength} MG oral tablet"
    assert set(named[1]) <= {each.drug.label for each in match((), text)}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), LETTERS, st.booleans())
def test_a_name_inside_a_longer_word_is_not_found(named: tuple[str, tuple[str, ...]], more: str, before: bool) -> None:
    text = more + named[0] if before else named[0] + more
    words = medicines._words(text)
    assume(len(words) == 1 and words not in TABLE.by_words)
    assert match((), text) == ()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_matched_by_its_own_words_or_not_at_all(text: str) -> None:
    for each in match((), text):
        said = each.matched.removesuffix(f" ({each.local})") if each.local else each.matched
        assert said in text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))
def test_drugs_named_together_are_all_found(named: list[tuple[str, tuple[str, ...]]]) -> None:
    found = {each.drug.label for each in match((), " / ".join(name for name, _ in named))}
    assert found == {drug for _, drugs in named for drug in drugs}


ENDINGS = json.loads((Path(medicines.__file__).parent / "data" / "medicines.json").read_text("utf-8"))["endings"]
GENERIC = {name.lower(): each.name for each in TABLE.drugs.values() for name in (each.name, *each.synonyms)}


SPELLED = [
    (name, name.removesuffix(ending) + other)
    for name in sorted(GENERIC)
    for ending, other in ENDINGS
    if name.isalpha() and name.endswith(ending)
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SPELLED))
def test_a_national_spelling_names_its_own_drug_or_nothing(spelled: tuple[str, str]) -> None:
    name, variant = spelled
    found = {each.drug.label for each in match((), variant)}
    assert found <= {GENERIC[name]} or found == {GENERIC.get(variant)}


def test_no_spelling_is_another_drug_s_name() -> None:
    for each in TABLE.drugs.values():
        for name in (each.name, *each.synonyms, *each.brands):
            entry = TABLE.by_words[medicines._words(name)]
            assert each.name in entry.drugs or entry.by != "name", name
