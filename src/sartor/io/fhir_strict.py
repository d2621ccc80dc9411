"""The strict lane: what Sartor writes as FHIR is checked against the whole of R4B by fhir.resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sartor.errors import MalformedInput


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that R4B does not allow: the resource (by its place in the bundle), the element, and why."""

    resource: str
    element: str
    reason: str

    def __str__(self) -> str:
        """As one line."""
        return f"{self.resource}: {self.element}: {self.reason}"


def problems(document: Mapping[str, Any] | bytes | str) -> list[Problem]:
    """Everything in a resource, or in a bundle entry by entry, that R4B does not allow; empty when it is valid.

    The package's top level is FHIR R5, which calls the same elements valid or not by other rules: only
    `fhir.resources.R4B` is asked. Raises MalformedInput when bytes or text are not a JSON object.
    """
    resource = document if isinstance(document, Mapping) else _decoded(document)
    if resource.get("resourceType") != "Bundle":
        return _of_resource(resource, str(resource.get("resourceType", "resource")))
    found = _of_resource({**resource, "entry": None}, "Bundle")
    for index, entry in enumerate(resource.get("entry") or ()):
        inner = entry.get("resource") if isinstance(entry, Mapping) else None
        place = f"Bundle.entry[{index}]"
        if not isinstance(inner, Mapping):
            found.append(Problem(place, "resource", "there is none"))
            continue
        name = f"{place} {inner.get('resourceType', '')}/{inner.get('id', '')}"
        found += problems(inner) if inner.get("resourceType") == "Bundle" else _of_resource(inner, name)
    return found


def _decoded(document: bytes | str) -> Mapping[str, Any]:
    try:
        found = json.loads(document)
    except ValueError as error:
        raise MalformedInput("the document is not JSON", todo="write it again") from error
    if not isinstance(found, dict):
        raise MalformedInput("the document is not a JSON object", todo="write it again")
    return found


def _of_resource(resource: Mapping[str, Any], name: str) -> list[Problem]:
    """What one resource has wrong."""
    from fhir.resources.R4B import get_fhir_model_class
    from fhir.resources.R4B.resource import Resource
    from pydantic import ValidationError

    kind = resource.get("resourceType")
    try:
        model = get_fhir_model_class(str(kind))
        known = issubclass(model, Resource)
    except (KeyError, ValueError, AttributeError, TypeError):
        known = False
    if not known:
        return [Problem(name, "resourceType", f"R4B has no resource type {kind!r}")]
    content = {key: value for key, value in resource.items() if value is not None}
    try:
        model.model_validate(content)
    except ValidationError as error:
        return [Problem(name, ".".join(str(part) for part in each["loc"]), each["msg"]) for each in error.errors()]
    return []
