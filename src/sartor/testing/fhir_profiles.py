"""Checks FHIR resources against the profiles of the HL7 Genomics Reporting implementation guide.

Two checks in one: fhir.resources (R4B) for the base resources, and the compiled facts of
`data/fhir_profiles.json` for what the guide adds: cardinality, fixed and pattern values, choice types,
slicing, reference targets, bindings whose codes are known, extensions, and six of FHIR's invariants.
The engine is pure: it follows a reference only through the resources that it was given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from sartor.testing.fhir_elements import coded_in, contains, instances, invariants, listed, walk

Node = Mapping[str, Any]
Resource = Mapping[str, Any]


class Problem(NamedTuple):
    """One thing that is wrong: `path` where it stands, `rule` which kind of rule it breaks, `message` how."""

    path: str
    rule: str
    message: str


class Profiles(NamedTuple):
    """The compiled facts: profiles by url, value sets and code systems by url."""

    guide: str
    version: str
    profiles: Mapping[str, Node]
    value_sets: Mapping[str, Mapping[str, Sequence[str]]]
    code_systems: Mapping[str, Sequence[str]]


@cache
def load_profiles() -> Profiles:
    """The facts that ship with this package (Genomics Reporting 3.0.0)."""
    content = json.loads(files("sartor.testing").joinpath("data", "fhir_profiles.json").read_text("utf-8"))
    return Profiles(**content)


def check(
    resource: Resource,
    *,
    profiles: Profiles | None = None,
    others: Mapping[str, Resource] | None = None,
    declared: str = "",
) -> list[Problem]:
    """Everything that is wrong with one resource (a Bundle's and Parameters' entries included); empty when valid.

    others:   further resources that references may lead to, as `index` gives them.
    declared: url of a profile to check against although `meta.profile` does not name it.
    """
    found = base_problems(resource)
    checker = _Checker(profiles or load_profiles(), {**(others or {}), **index([resource])})
    for path, inner in _resources(resource, str(resource.get("resourceType", ""))):
        urls = [
            *map(str, listed(inner.get("meta"), "profile")),
            *([declared] if declared and inner is resource else []),
        ]
        found += checker.resource(inner, path, urls)
    return list(dict.fromkeys(found))


def base_problems(resource: Resource) -> list[Problem]:
    """What fhir.resources R4B says: unknown elements, wrong types, missing elements, doubled choices."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    kind = str(resource.get("resourceType", ""))
    try:
        model = get_fhir_model_class(kind)
    except (KeyError, ValueError):
        return [Problem(kind, "type", f"there is no resource type {kind!r}")]
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return [
            Problem(".".join([kind, *map(str, each["loc"])]), "base", f"{each['type']}: {each['msg']}")
            for each in error.errors(include_url=False, include_input=False)
        ]
    return []


def _resources(resource: Resource, path: str) -> Iterator[tuple[str, Resource]]:
    """This resource and every one inside it, with its path."""
    for where, value in walk(resource, path):
        if isinstance(value, Mapping) and "resourceType" in value:
            yield where, value


def index(resources: Sequence[Resource]) -> dict[str, Resource]:
    """What references can lead to: resources by Type/id and by the fullUrl of the bundle that holds them."""
    found: dict[str, Resource] = {}
    for outer in resources:
        for _, inner in _resources(outer, ""):
            if "id" in inner:
                found.setdefault(f"{inner['resourceType']}/{inner['id']}", inner)
            for entry in listed(inner, "entry") if inner["resourceType"] == "Bundle" else ():
                if isinstance(entry, Mapping) and "fullUrl" in entry and "resource" in entry:
                    found.setdefault(str(entry["fullUrl"]), entry["resource"])
    return found


class _Checker:
    """The rules, given the facts and the resources that references can lead to."""

    def __init__(self, facts: Profiles, index: Mapping[str, Resource]) -> None:
        self.facts = facts
        self.index = index
        self._conforming: dict[tuple[int, str], bool] = {}

    def resource(self, resource: Resource, path: str, urls: Sequence[str]) -> Iterator[Problem]:
        """The profiles that it declares, then what holds everywhere: codes, extensions, invariants."""
        for url in urls:
            yield from self.profile(resource, path, url.split("|")[0])
        for where, value in walk(resource, path, into_resources=False):
            yield from (Problem(where, rule, message) for rule, message in invariants(where, value))
            if isinstance(value, Mapping):
                yield from self.known_code(value, where)
                yield from self.extensions(value, where)

    def profile(self, value: Any, path: str, url: str) -> Iterator[Problem]:
        """One resource or data type against one profile; a profile of another guide is not judged."""
        known = self.facts.profiles.get(url)
        if known is None:
            if url.startswith(self.facts.guide):
                yield Problem(path, "profile", f"the guide has no profile {url}")
            return
        if isinstance(value, Mapping) and value.get("resourceType", known["type"]) != known["type"]:
            yield Problem(path, "profile", f"{url} is a profile of {known['type']}")
            return
        yield from self.children(value, path, known["root"])

    def children(self, value: Any, path: str, node: Node) -> Iterator[Problem]:
        """Every constrained child element of one value."""
        for name, child in node.get("children", {}).items():
            found = instances(value, name) if isinstance(value, Mapping) else []
            where = f"{path}.{name.removesuffix('[x]')}"
            yield from _counted(len(found), child, where)
            for key, item in found:
                yield from self.element(item, f"{path}.{key}", child)
                yield from _choice(name, key, child, where)
            if "slices" in child:
                yield from self.slices([item for _, item in found], where, child, keys=[key for key, _ in found])

    def element(self, value: Any, path: str, node: Node) -> Iterator[Problem]:
        """One value against one node: fixed, pattern, binding, profiles, targets, then its own children."""
        if "fixed" in node and value != node["fixed"]:
            yield Problem(path, "fixed", f"must be {json.dumps(node['fixed'])}")
        if "pattern" in node and not contains(value, node["pattern"]):
            yield Problem(path, "pattern", f"must contain {json.dumps(node['pattern'])}")
        if "binding" in node and not coded_in(value, self.facts.value_sets[node["binding"]]):
            yield Problem(path, "binding", f"needs a code of {node['binding']}")
        if "targets" in node and not self.leads_to(value, node["targets"]):
            yield Problem(path, "reference", f"must refer to {', '.join(node['targets'])}")
        for url in node.get("profiles", ()):
            if url in self.facts.profiles and self.facts.profiles[url]["type"] != "Extension":
                yield from self.profile(value, path, url)
        yield from self.children(value, path, node)

    def slices(self, items: Sequence[Any], path: str, node: Node, *, keys: Sequence[str]) -> Iterator[Problem]:
        """Sort the items into slices by the discriminators, then count and check each slice."""
        slicing = node.get("slicing", {"by": [["type", "$this"]], "rules": "open"})
        taken: set[int] = set()
        for name, piece in node["slices"].items():
            mine = [i for i, item in enumerate(items) if self.belongs(item, keys[i], piece, slicing["by"])]
            taken.update(mine)
            yield from _counted(len(mine), piece, f"{path}:{name}")
            for i in mine:
                yield from self.element(items[i], f"{path}:{name}", piece)
        if slicing["rules"] == "closed":
            for i in sorted(set(range(len(items))) - taken):
                yield Problem(f"{path}[{i}]", "slicing", "belongs to no slice, and no other is allowed")

    def belongs(self, item: Any, key: str, piece: Node, by: Sequence[Sequence[str]]) -> bool:
        """Whether an item is in this slice by every discriminator."""
        return all(self.discriminated(item, key, piece, kind, path) for kind, path in by)

    def discriminated(self, item: Any, key: str, piece: Node, kind: str, path: str) -> bool:
        """One discriminator: value, pattern, exists, type or profile."""
        if kind == "profile" or (kind == "type" and path.endswith("resolve()")):
            return self.leads_to(item, piece.get("targets", ()), strict=True)
        if kind == "type":
            return any(key.lower().endswith(name.lower()) for name in piece.get("types", ()))
        if path == "url" and "profiles" in piece:
            return isinstance(item, Mapping) and item.get("url") in piece["profiles"]
        node, values = piece, [item]
        for step in [] if path == "$this" else path.split("."):
            node = node.get("children", {}).get(step, {})
            values = [inner for value in values if isinstance(value, Mapping) for _, inner in instances(value, step)]
        if kind == "exists":
            return not values if node.get("max") == 0 else bool(values)
        wanted = node.get("fixed", node.get("pattern"))
        return any(value == wanted if "fixed" in node else contains(value, wanted) for value in values)

    def leads_to(self, reference: Any, targets: Sequence[str], *, strict: bool = False) -> bool:
        """Whether a reference leads to one of the targets; one that cannot be followed is judged by its type.

        strict: the target must be at hand, as a slice's discriminator needs.
        """
        if not isinstance(reference, Mapping):
            return False
        text = str(reference.get("reference", ""))
        resource = self.index.get(text)
        if resource is not None:
            return any(self.conforms(resource, url) for url in targets)
        if strict:
            return False
        kind = str(reference.get("type", "")) or (text.split("/")[-2] if "/" in text else "")
        allowed = {self.facts.profiles[url]["type"] if url in self.facts.profiles else url for url in targets}
        return not kind or ":" in kind or kind in allowed

    def conforms(self, resource: Resource, url: str) -> bool:
        """Whether a resource is of a type, or follows a profile (references in it judged as they stand)."""
        if url not in self.facts.profiles:
            return url in (resource["resourceType"], "Resource") or url.startswith("http")
        key = (id(resource), url)
        if key not in self._conforming:
            self._conforming[key] = True  # a circle of references speaks against nobody
            self._conforming[key] = not any(self.profile(resource, "", url))
        return self._conforming[key]

    def known_code(self, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
        """A coding from a code system that is here in full has to be in it."""
        codes = self.facts.code_systems.get(str(value.get("system", "")))
        if codes is not None and "code" in value and str(value["code"]) not in codes:
            yield Problem(path, "code", f"{value['system']} has no code {value['code']!r}")

    def extensions(self, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
        """Every extension of the guide against its own profile, its place included."""
        known = self.facts.profiles.get(str(value.get("url", "")))
        for item in listed(value, "extension"):
            url = str(item.get("url", "")) if isinstance(item, Mapping) else ""
            where = f"{path}.extension[{url.rsplit('/', 1)[-1]}]"
            if ":" not in url and known is not None and url not in _parts(known):
                yield Problem(where, "extension", f"no extension {url!r} is defined here")
            elif url in self.facts.profiles or url.startswith(self.facts.guide):
                yield from self.profile(item, where, url)
                yield from self.placed(url, path)

    def placed(self, url: str, path: str) -> Iterator[Problem]:
        """An extension may stand only where its definition says; data types are not traced."""
        context = self.facts.profiles.get(url, {}).get("context", ())
        at = re.sub(r"\[[^\]]*\]", "", re.sub(r"^.*\((\w+)\)", r"\1", path))
        if context and "Annotation" not in context and at not in context:
            yield Problem(path, "extension", f"{url} belongs on {', '.join(context)}")


def _counted(count: int, node: Node, path: str) -> Iterator[Problem]:
    least, most = node.get("min", 0), node.get("max")
    if count < least:
        yield Problem(path, "cardinality", f"at least {least}, found {count}")
    if most is not None and count > most:
        yield Problem(path, "cardinality", f"at most {most}, found {count}")


def _choice(name: str, key: str, node: Node, path: str) -> Iterator[Problem]:
    if name.endswith("[x]") and "types" in node:
        kind = key.split("[")[0].removeprefix(name.removesuffix("[x]"))
        if kind.lower() not in {each.lower() for each in node["types"]}:
            yield Problem(path, "type", f"{kind} is not one of {', '.join(node['types'])}")


def _parts(profile: Node) -> Mapping[str, Node]:
    """The parts of a complex extension, by their short url."""
    found: Mapping[str, Node] = profile["root"].get("children", {}).get("extension", {}).get("slices", {})
    return {piece.get("children", {}).get("url", {}).get("fixed", name): piece for name, piece in found.items()}
