import pytest

from sartor.domain.explanation import Wording
from sartor.explaining.wording import WordingIncomplete, WordingTable

TABLE = WordingTable.load(
    """
[list]
and = "{first} and {last}"
or = "{first} or {last}"
[a]
plain = "nothing to fill."
one = "take {what}"
nested = "{who}: {act}"
"""
)


def say(key: str, **values: object) -> str:
    return TABLE.say(Wording(key=f"capability.{key}", values=values))  # type: ignore[arg-type]


def test_fills_places_and_starts_a_sentence_with_a_capital() -> None:
    assert say("a.plain") == "Nothing to fill."
    assert say("a.one", what="half") == "take half"


def test_a_value_may_be_a_wording() -> None:
    inner = {"key": "capability.a.one", "values": {"what": ["a", "b", "c"]}}
    assert say("a.nested", who="X", act=inner) == "X: take a, b and c"


def test_a_choice_is_joined_with_or() -> None:
    assert say("a.one", what={"any": ["a", "b", "c"]}) == "take a, b or c"
    assert say("a.one", what={"any": ["a"]}) == "take a"


@pytest.mark.parametrize("values", [{}, {"what": ""}, {"what": []}, {"what": None}])
def test_an_empty_place_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(WordingIncomplete):
        say("a.one", **values)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(WordingIncomplete):
        say("a.unknown")
    assert not TABLE.has("capability.a.unknown")
    assert TABLE.has("capability.a.one")


@pytest.mark.parametrize("text", ["[a]\nb = 1", '[a]\nb = "{0}"', '[a]\nb = "{c"', '[a]\nb = "{c.d}"'])
def test_a_malformed_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        WordingTable.load(text)


def test_names_its_places() -> None:
    assert TABLE.places("capability.a.nested") == ("who", "act")
