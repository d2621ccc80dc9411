"""Makes invalid resources out of valid ones, each breaking one rule that the profile itself states.

The rules are read from the StructureDefinitions themselves, not from the compiled facts that are being
tested, so that a fact lost in compiling shows as a mutant that is let through.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Resource = dict[str, Any]
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/"


class Mutant(NamedTuple):
    """A resource that breaks one rule: which kind of rule, and where."""

    kind: str
    what: str
    resource: Resource


class Definition(NamedTuple):
    """One profile: its elements, those that are no slice nor inside one, by path below the root."""

    url: str
    elements: Sequence[Mapping[str, Any]]
    plain: Mapping[str, Mapping[str, Any]]


def definition(structure: Mapping[str, Any]) -> Definition:
    elements = structure["snapshot"]["element"][1:]
    plain = {each["path"].split(".", 1)[1]: each for each in elements if ":" not in each["id"]}
    return Definition(structure["url"], elements, plain)


def slices(profile: Definition, name: str) -> Iterator[tuple[Mapping[str, Any], dict[str, Mapping[str, Any]]]]:
    """The slices of a top-level element, each with its child elements by name."""
    for each in profile.elements:
        if each["id"].split(".", 1)[1] == f"{name}:{each.get('sliceName')}":
            start = each["id"] + "."
            children = {e["id"].removeprefix(start): e for e in profile.elements if e["id"].startswith(start)}
            yield each, children


def has(item: Any, pattern: Mapping[str, Any]) -> bool:
    """Whether a Coding or CodeableConcept carries the pattern's (system, code)."""
    wanted = [pattern] if "code" in pattern else pattern.get("coding", [])
    found = item.get("coding", [item]) if isinstance(item, Mapping) else []
    pairs = {(each.get("system"), each.get("code")) for each in found}
    return all((each.get("system"), each.get("code")) in pairs for each in wanted)


def sliced(resource: Resource, profile: Definition, name: str) -> Iterator[tuple[int, Mapping[str, Any], Any]]:
    """(position, slice, its children) for items of the resource that belong to a slice by code pattern."""
    for piece, children in slices(profile, name):
        for key in ("code", "coding"):
            pattern = next((v for k, v in children.get(key, {}).items() if k.startswith("pattern")), None)
            for i, item in enumerate(resource.get(name, [])) if pattern else ():
                if has(item.get("code") if key == "code" else item, pattern):
                    yield i, piece, children


def drop_required(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for name, element in profile.plain.items():
        key = key_of(resource, name)
        if element["min"] > 0 and "." not in name and key:
            yield name, {k: v for k, v in resource.items() if k != key}


def drop_slice(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for i, piece, _children in sliced(resource, profile, "category"):
        if piece["min"] > 0:
            changed = copy.deepcopy(resource)
            changed["category"][i] = {"text": "something else"}
            yield f"category:{piece['sliceName']}", changed


def double_slice(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for name in ("category", "component"):
        for i, piece, _children in sliced(resource, profile, name):
            if piece["max"] == "1":
                changed = copy.deepcopy(resource)
                changed[name].append(copy.deepcopy(changed[name][i]))
                yield f"{name}:{piece['sliceName']}", changed


def forbidden(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    samples: dict[str, Any] = {
        "CodeableConcept": {"text": "x"}, "Reference": {"display": "x"}, "string": "x", "Quantity": {"value": 1},
    }  # fmt: skip
    for name, element in profile.plain.items():
        code = next((t["code"] for t in element.get("type", []) if t["code"] in samples), None)
        if element["max"] == "0" and "." not in name and code and not key_of(resource, name):
            key = name.replace("[x]", code) if name.endswith("[x]") else name
            value = samples[code]
            many = element.get("base", {}).get("max") == "*"
            yield name, {**copy.deepcopy(resource), key: [value] if many else value}


def wrong_pattern(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for name, element in profile.plain.items():
        pattern = next((v for k, v in element.items() if k.startswith(("pattern", "fixed"))), None)
        if pattern is None or "." in name or name not in resource:
            continue
        other = "on-hold" if isinstance(pattern, str) else {"coding": [{"system": "http://loinc.org", "code": "0-0"}]}
        if isinstance(pattern, str) or "coding" in pattern:
            yield name, {**copy.deepcopy(resource), name: other}


def wrong_choice(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for name in ("value[x]", "effective[x]", "performed[x]"):
        element = profile.plain.get(name, {"max": "0"})
        allowed = {each["code"] for each in element.get("type", [])}
        key = key_of(resource, name)
        for kind, value in (("String", "x"), ("Period", {"start": "2020"})):
            if key and element["max"] != "0" and kind.lower() not in {each.lower() for each in allowed}:
                changed = {k: v for k, v in resource.items() if k != key}
                yield name, {**copy.deepcopy(changed), name.replace("[x]", kind): value}


def wrong_component_type(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for i, piece, children in sliced(resource, profile, "component"):
        value = children.get("value[x]", {})
        codes = {each["code"] for each in value.get("type", [])}
        key = key_of(resource["component"][i], "value[x]")
        if key and codes and "boolean" not in codes:
            changed = copy.deepcopy(resource)
            del changed["component"][i][key]
            changed["component"][i]["valueBoolean"] = True
            yield f"component:{piece['sliceName']}", changed


def drop_component_value(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for i, piece, children in sliced(resource, profile, "component"):
        key = key_of(resource["component"][i], "value[x]")
        if key and children.get("value[x]", {}).get("min", 0) > 0:
            changed = copy.deepcopy(resource)
            del changed["component"][i][key]
            yield f"component:{piece['sliceName']}", changed


def drop_component_code(resource: Resource, _: Definition, chance: random.Random) -> Iterator[tuple[str, Resource]]:
    if resource.get("component"):
        changed = copy.deepcopy(resource)
        del chance.choice(changed["component"])["code"]
        yield "component.code", changed


def wrong_status(resource: Resource, _: Definition, __: random.Random) -> Iterator[tuple[str, Resource]]:
    if "status" in resource:
        yield "status", {**copy.deepcopy(resource), "status": "finished"}


def wrong_code(resource: Resource, _: Definition, chance: random.Random) -> Iterator[tuple[str, Resource]]:
    changed = copy.deepcopy(resource)
    codings = [each for each in within(changed) if str(each.get("system", "")).startswith(GUIDE) and "code" in each]
    if codings:
        chance.choice(codings)["code"] = "no-such-code"
        yield "code of the guide's own system", changed


def wrong_type(resource: Resource, _: Definition, chance: random.Random) -> Iterator[tuple[str, Resource]]:
    for name, value in (("status", 5), ("code", "text"), ("subject", "Patient/1"), ("category", "laboratory")):
        if name in resource:
            yield name, {**copy.deepcopy(resource), name: value}


def wrong_shape(resource: Resource, _: Definition, chance: random.Random) -> Iterator[tuple[str, Resource]]:
    for name in ("status", "code", "subject"):
        if name in resource:
            yield f"{name} in a list", {**copy.deepcopy(resource), name: [resource[name]] * 2}
    for name in ("category", "component", "extension"):
        if name in resource and isinstance(resource[name], list):
            yield f"{name} without its list", {**copy.deepcopy(resource), name: 1}


def malformed(resource: Resource, _: Definition, __: random.Random) -> Iterator[tuple[str, Resource]]:
    yield "id", {**copy.deepcopy(resource), "id": "no blanks allowed"}
    for name in ("effectiveDateTime", "performedDateTime", "authoredOn", "issued"):
        if name in resource:
            yield name, {**copy.deepcopy(resource), name: "the day before yesterday"}


def unknown_element(resource: Resource, _: Definition, chance: random.Random) -> Iterator[tuple[str, Resource]]:
    yield "resource", {**copy.deepcopy(resource), "colour": "red"}
    changed = copy.deepcopy(resource)
    chance.choice([each for each in within(changed) if each is not changed])["colour"] = "red"
    yield "inner element", changed


def wrong_reference(resource: Resource, profile: Definition, _: random.Random) -> Iterator[tuple[str, Resource]]:
    for name, element in profile.plain.items():
        kinds = element.get("type", [])
        targets = [each for kind in kinds for each in kind.get("targetProfile", [])]
        if name not in resource or "." in name or any(each.endswith("/Resource") for each in targets) or not targets:
            continue
        value = {"reference": "Slot/17"}
        yield name, {**copy.deepcopy(resource), name: [value] if isinstance(resource[name], list) else value}


def absent_and_present(resource: Resource, _: Definition, __: random.Random) -> Iterator[tuple[str, Resource]]:
    if resource["resourceType"] == "Observation" and key_of(resource, "value[x]"):
        yield "obs-6", {**copy.deepcopy(resource), "dataAbsentReason": {"text": "unknown"}}
        part = {"code": copy.deepcopy(resource["code"]), "valueString": "x"}
        yield "obs-7", {**copy.deepcopy(resource), "component": [*copy.deepcopy(resource.get("component", [])), part]}


def other_profile(resource: Resource, _: Definition, __: random.Random) -> Iterator[tuple[str, Resource]]:
    for name in ("genotype", "haplotype", "variant", "therapeutic-implication"):
        url = f"{GUIDE}StructureDefinition/{name}"
        if resource["resourceType"] == "Observation" and url not in resource["meta"]["profile"]:
            yield name, {**copy.deepcopy(resource), "meta": {"profile": [url]}}
    yield "none", {**copy.deepcopy(resource), "meta": {"profile": [f"{GUIDE}StructureDefinition/no-such-profile"]}}


def wrong_extension(resource: Resource, _: Definition, __: random.Random) -> Iterator[tuple[str, Resource]]:
    for i, item in enumerate(resource.get("extension", [])):
        if not item["url"].startswith(GUIDE):
            continue
        for what, changed_item in (
            ("unknown url", {**item, "url": item["url"] + "-x"}),
            ("neither value nor parts", {"url": item["url"]}),
            ("wrong value", {"url": item["url"], "valueBoolean": True}),
            ("unknown part", {**without_value(item), "extension": [{"url": "no-such-part", "valueString": "x"}]}),
        ):
            changed = copy.deepcopy(resource)
            changed["extension"][i] = changed_item
            yield what, changed
        moved = copy.deepcopy(resource)
        target = moved.get("code") or moved.get("subject")
        if isinstance(target, dict):
            target["extension"] = [moved["extension"].pop(i)]
            yield "wrong place", {k: v for k, v in moved.items() if v}


def without_value(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if not key.startswith("value")}


def empty(resource: Resource, _: Definition, __: random.Random) -> Iterator[tuple[str, Resource]]:
    yield "empty object", {**copy.deepcopy(resource), "subject": {}}
    yield "empty list", {**copy.deepcopy(resource), "note": []}


KINDS: dict[str, Callable[[Resource, Definition, random.Random], Iterator[tuple[str, Resource]]]] = {
    "required element dropped": drop_required,
    "required slice missing": drop_slice,
    "slice once too often": double_slice,
    "forbidden element added": forbidden,
    "fixed or pattern value wrong": wrong_pattern,
    "choice type not allowed": wrong_choice,
    "component value of a wrong type": wrong_component_type,
    "component value dropped": drop_component_value,
    "component code dropped": drop_component_code,
    "code not in required value set": wrong_status,
    "code not in the guide's code system": wrong_code,
    "wrong data type": wrong_type,
    "single and repeated confused": wrong_shape,
    "primitive malformed": malformed,
    "unknown element": unknown_element,
    "reference to a wrong type": wrong_reference,
    "invariant of Observation broken": absent_and_present,
    "another profile declared": other_profile,
    "extension wrong": wrong_extension,
    "empty element": empty,
}


def key_of(value: Mapping[str, Any], name: str) -> str | None:
    """The key that an element has here: the name itself, or for value[x] its typed form."""
    stem = name.removesuffix("[x]")
    if stem == name:
        return name if name in value else None
    return next((key for key in value if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper()), None)


def within(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a value, itself included."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from within(child)
    elif isinstance(value, list):
        for child in value:
            yield from within(child)


def in_bundle(bundle: Resource, profiles: Mapping[str, Definition], seed: int, *, most: int) -> Iterator[Mutant]:
    """The same mutants inside a bundle: one entry of it is broken, by a kind that is drawn."""
    chance = random.Random(seed)
    entries = bundle.get("entry", [])
    for place, entry in chance.sample(list(enumerate(entries)), len(entries))[:most]:
        resource = entry.get("resource", {})
        urls = [url for url in resource.get("meta", {}).get("profile", []) if url in profiles]
        made = list(mutants(resource, profiles[urls[0]], seed + place, per_kind=1)) if urls else []
        if made:
            broken = chance.choice(made)
            changed = copy.deepcopy(bundle)
            changed["entry"][place]["resource"] = broken.resource
            yield Mutant("inside a bundle", f"entry {place}: {broken.kind}: {broken.what}", changed)


def mutants(resource: Resource, profile: Definition, seed: int, *, per_kind: int = 3) -> Iterator[Mutant]:
    """At most `per_kind` mutants of each kind, drawn by the seed."""
    chance = random.Random(seed)
    for kind, make in KINDS.items():
        made = list(make(resource, profile, chance))
        for what, changed in chance.sample(made, min(per_kind, len(made))):
            yield Mutant(kind, what, changed)
