"""The profile checker: each rule accepts what keeps it and names what breaks it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.testing.fhir_profiles import Profiles, check, index, load_profiles

GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/"
PROFILE = f"{GUIDE}StructureDefinition/"
LOINC = "http://loinc.org"


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def genotype() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "g1",
        "meta": {"profile": [f"{PROFILE}genotype"]},
        "status": "final",
        "category": [
            concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory"),
            concept("http://terminology.hl7.org/CodeSystem/v2-0074", "GE"),
        ],
        "code": concept(LOINC, "84413-4"),
        "valueCodeableConcept": {"text": "*1/*2"},
        "component": [
            {
                "code": concept(LOINC, "48018-6"),
                "valueCodeableConcept": concept("http://www.genenames.org", "HGNC:2621"),
            }
        ],
    }


def implication() -> dict[str, Any]:
    made = genotype()
    made["id"] = "i1"
    made["meta"] = {"profile": [f"{PROFILE}therapeutic-implication"]}
    made["code"] = concept(f"{GUIDE}CodeSystem/tbd-codes-cs", "therapeutic-implication")
    made["derivedFrom"] = [{"reference": "Observation/g1"}]
    del made["valueCodeableConcept"]
    return made


def rules(resource: dict[str, Any], **options: Any) -> set[str]:
    return {problem.rule for problem in check(resource, **options)}


def test_valid_resources_have_no_problem() -> None:
    assert check(genotype()) == []
    assert check(implication(), others=index([genotype()])) == []


def without(key: str) -> Any:
    return lambda made: made.pop(key)


def put(key: str, value: Any) -> Any:
    return lambda made: made.__setitem__(key, value)


def put_in_component(key: str, value: Any) -> Any:
    return lambda made: made["component"][0].__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (without("valueCodeableConcept"), "cardinality"),
        (lambda made: made["category"].pop(), "cardinality"),
        (lambda made: made["category"].append(made["category"][0]), "cardinality"),
        (put("code", concept(LOINC, "84414-2")), "pattern"),
        (put("status", "finished"), "binding"),
        (put("colour", "red"), "base"),
        (put("subject", {"reference": "Slot/1"}), "reference"),
        (put("subject", {}), "ele-1"),
        (put("dataAbsentReason", {"text": "unknown"}), "obs-6"),
        (put_in_component("code", concept(LOINC, "84413-4")), "obs-7"),
        (lambda made: made["component"][0].pop("valueCodeableConcept"), "cardinality"),
        (put("extension", [{"url": f"{PROFILE}no-such-extension", "valueString": "x"}]), "profile"),
        (put("extension", [{"url": f"{PROFILE}genomic-study-reference"}]), "ext-1"),
        (put("extension", [{"url": f"{PROFILE}genomic-report-note", "valueAnnotation": {"text": "x"}}]), "extension"),
        (put("meta", {"profile": [f"{PROFILE}nothing"]}), "profile"),
        (put("meta", {"profile": [f"{PROFILE}genomic-report"]}), "profile"),
        (put_in_component("interpretation", [concept(f"{GUIDE}CodeSystem/tbd-codes-cs", "none")]), "code"),
    ],
)
def test_a_broken_rule_is_named(change: Any, rule: str) -> None:
    made = genotype()
    change(made)
    assert rule in rules(made)


def test_a_choice_type_that_the_profile_leaves_out_is_refused() -> None:
    made = genotype()
    del made["valueCodeableConcept"]
    made["valueString"] = "*1/*2"
    assert "type" in rules(made)


def test_references_are_followed_through_what_is_given() -> None:
    task = {
        "resourceType": "Task",
        "meta": {"profile": [f"{PROFILE}medication-recommendation"]},
        "status": "requested",
        "intent": "proposal",
        "reasonReference": {"reference": "Observation/i1"},
    }
    around = index([genotype(), implication()])
    assert check(task, others=around) == []
    task["reasonReference"] = {"reference": "Observation/g1"}
    assert rules(task, others=around) == {"reference"}


def test_resources_in_a_bundle_are_checked_where_they_stand() -> None:
    broken = implication()
    broken["valueString"] = "no value is allowed here"
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": genotype()}, {"resource": broken}]}
    problems = check(bundle)
    assert [problem.rule for problem in problems] == ["cardinality"]
    assert problems[0].path.startswith("Bundle.entry[1].resource(Observation).value")


def toy(rules_of: str, by: list[list[str]], first: dict[str, Any]) -> Profiles:
    node = {"slicing": {"by": by, "rules": rules_of}, "slices": {"first": first}}
    root = {"children": {"name": node}}
    known = {"http://toy/patient": {"type": "Patient", "base": "Patient", "root": root}}
    return load_profiles()._replace(guide="http://toy/", profiles=known)


def patient(*names: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Patient", "meta": {"profile": ["http://toy/patient"]}, "name": list(names)}


def test_closed_slicing_refuses_what_is_in_no_slice() -> None:
    facts = toy("closed", [["value", "use"]], {"min": 1, "max": 1, "children": {"use": {"fixed": "official"}}})
    assert check(patient({"use": "official"}), profiles=facts) == []
    assert rules(patient({"use": "official"}, {"use": "nickname"}), profiles=facts) == {"slicing"}
    assert rules(patient({"use": "nickname"}), profiles=facts) == {"cardinality", "slicing"}


def test_the_exists_discriminator_counts_by_presence() -> None:
    facts = toy("open", [["exists", "family"]], {"min": 1, "children": {"family": {"min": 1}}})
    assert check(patient({"family": "Doe"}), profiles=facts) == []
    assert rules(patient({"given": ["Jo"]}), profiles=facts) == {"cardinality"}


def test_checking_leaves_the_resource_as_it_was() -> None:
    made = implication()
    before = copy.deepcopy(made)
    check(made)
    assert made == before


def test_an_unknown_resource_type_is_a_problem_and_no_crash() -> None:
    assert rules({"resourceType": "Nothing"}) == {"type"}


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_nonsense_anywhere_is_a_problem_and_no_crash(data: st.DataObject) -> None:
    made = implication()
    made["extension"] = [{"url": f"{PROFILE}genomic-study-reference", "valueReference": {"reference": "Procedure/1"}}]
    places = [(parent, key) for parent in inside(made) for key in parent if key != "resourceType"]
    parent, key = data.draw(st.sampled_from(places))
    parent[key] = data.draw(st.sampled_from([1, True, None, [], {}, [1], {"x": 1}, [[]], "\x00"]))
    check(made)


def inside(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(each for child in value.values() for each in inside(child))]
    return [each for child in value for each in inside(child)] if isinstance(value, list) else []
