"""How values lie in FHIR JSON: walking them, choice elements, patterns, codes, and the shared invariants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def walk(value: Any, path: str, *, into_resources: bool = True) -> Iterator[tuple[str, Any]]:
    """Every value inside a value with its path; entering a resource starts the path anew with its type."""
    yield path, value
    if isinstance(value, Mapping):
        for key, child in value.items():
            for i, item in enumerate(child) if isinstance(child, list) else [(None, child)]:
                where = f"{path}.{key}" if i is None else f"{path}.{key}[{i}]"
                if isinstance(item, Mapping) and "resourceType" in item:
                    if into_resources:
                        yield from walk(item, f"{where}({item['resourceType']})")
                else:
                    yield from walk(item, where, into_resources=into_resources)
            if isinstance(child, list) and not child:
                yield f"{path}.{key}", child


def instances(value: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    """The (key, item) pairs of one element; for a choice such as value[x] whatever its key's type is."""
    if name.endswith("[x]"):
        stem = name.removesuffix("[x]")
        keys = [key for key in value if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper()]
    else:
        keys = [name] if name in value else []
    found: list[tuple[str, Any]] = []
    for key in keys:
        content = value[key]
        if isinstance(content, list):
            found += [(f"{key}[{i}]", item) for i, item in enumerate(content)]
        else:
            found.append((key, content))
    return found


def listed(value: Any, name: str) -> list[Any]:
    """The items of a repeating element; none when it is missing or not even a list."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def contains(value: Any, pattern: Any) -> bool:
    """FHIR's pattern rule: everything in the pattern is in the value, which may hold more."""
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and contains(value[key], each) for key, each in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(contains(item, each) for item in value) for each in pattern)
    return bool(value == pattern)


def coded_in(value: Any, codes: Mapping[str, Sequence[str]]) -> bool:
    """Whether a code, a Coding or a CodeableConcept has a code of the value set (system → codes)."""
    if isinstance(value, str):
        return any(value in listed for listed in codes.values())
    if isinstance(value, Mapping) and "coding" in value:
        return any(coded_in(each, codes) for each in listed(value, "coding"))
    return isinstance(value, Mapping) and str(value.get("code")) in codes.get(str(value.get("system", "")), ())


def invariants(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """(rule, message) for what every FHIR element has to keep: ele-1, ext-1, obs-3, obs-6, obs-7, inv-1."""
    if value in ({}, [], ""):
        yield "ele-1", "an element must have a value or children"
    if not isinstance(value, Mapping):
        return
    if path.rsplit(".", 1)[-1].startswith("extension[") and "url" in value:
        has_value = bool(instances(value, "value[x]"))
        if has_value == ("extension" in value):
            yield "ext-1", "an extension has either a value or extensions"
    if path.rsplit(".", 1)[-1].startswith("referenceRange[") and not {"low", "high", "text"} & value.keys():
        yield "obs-3", "a reference range has low, high or text"
    if value.get("resourceType") == "Observation":
        yield from _observation(value)
    if value.get("resourceType") == "Task" and str(value.get("lastModified", "9")) < str(value.get("authoredOn", "")):
        yield "inv-1", "a task is modified after it was authored"


def _observation(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    has_value = bool(instances(value, "value[x]"))
    if has_value and "dataAbsentReason" in value:
        yield "obs-6", "a value and a reason for its absence exclude each other"
    own = _codes(value.get("code"))
    if has_value and any(
        own & _codes(part.get("code")) for part in listed(value, "component") if isinstance(part, Mapping)
    ):
        yield "obs-7", "a component may not have the code of an observation that has a value itself"


def _codes(concept: Any) -> set[tuple[str, str]]:
    coding = [each for each in listed(concept, "coding") if isinstance(each, Mapping)]
    return {(str(each.get("system", "")), str(each.get("code", ""))) for each in coding}
