"""The strict lane finds what R4B does not allow."""

from __future__ import annotations

import pytest

from sartor.errors import MalformedInput
from sartor.io.fhir_strict import problems


def test_a_valid_resource_has_none() -> None:
    assert problems({"resourceType": "Patient", "gender": "female"}) == []


def test_each_problem_names_resource_and_element() -> None:
    entry = {
        "resource": {"resourceType": "Observation", "id": "o", "status": 3, "colour": "red", "code": {"text": "x"}}
    }
    found = problems({"resourceType": "Bundle", "type": "collection", "entry": [entry, {}]})
    assert {(each.resource, each.element) for each in found} == {
        ("Bundle.entry[0] Observation/o", "status"),
        ("Bundle.entry[0] Observation/o", "colour"),
        ("Bundle.entry[1]", "resource"),
    }


@pytest.mark.parametrize("kind", ["Zork", "Period", None])
def test_an_unknown_type_is_a_problem(kind: str | None) -> None:
    assert [each.element for each in problems({"resourceType": kind})] == ["resourceType"]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_what_is_no_object_is_an_error(text: str) -> None:
    with pytest.raises(MalformedInput):
        problems(text)
