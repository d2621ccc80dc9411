"""Compiles the Genomics Reporting implementation guide's profiles into the compact facts that the checker reads.

    python curation/fhir_profiles/compile.py ../shared/data/fhir/genomics_reporting_stu3.tar.gz

Only facts are kept: paths, cardinality, types, fixed and pattern values, slicing and enumerable bindings.
Cardinalities and types that equal the base resource's are left out, because fhir.resources checks them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "src" / "sartor" / "testing" / "data"
CORE = "http://hl7.org/fhir/StructureDefinition/"
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/"
OPEN_CHOICE = 20  # a choice of more types than this is FHIR's "any type": it restricts nothing


def definitions(archive: Path) -> dict[str, list[dict[str, Any]]]:
    """Every StructureDefinition, ValueSet and CodeSystem of the archive, by resource type, sorted by url."""
    found: dict[str, list[dict[str, Any]]] = {"StructureDefinition": [], "ValueSet": [], "CodeSystem": []}
    with tarfile.open(archive) as tar:
        for member in tar:
            kind = Path(member.name).name.split("-")[0]
            if kind in found and (handle := tar.extractfile(member)):
                found[kind].append(json.load(handle))
    return {kind: sorted(each, key=lambda item: item["url"]) for kind, each in found.items()}


def target(url: str) -> str:
    """A core type by its bare name, a profile by its url."""
    return url.removeprefix(CORE) if url.startswith(CORE) and "-" not in url.removeprefix(CORE) else url


def typed(element: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Choice types, profiles on data types, and reference targets."""
    types = element.get("type", [])
    codes = [each["code"] for each in types]
    if element["path"].endswith("[x]") and len(codes) <= OPEN_CHOICE:
        yield "types", codes
    profiles = [url for each in types for url in each.get("profile", [])]
    if profiles and any("SimpleQuantity" not in url for url in profiles):
        yield "profiles", profiles
    targets = [target(url) for each in types for url in each.get("targetProfile", []) if each["code"] == "Reference"]
    if targets and "Resource" not in targets:
        yield "targets", targets


def valued(element: Mapping[str, Any], enumerable: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Fixed and pattern values, and a required binding whose codes are known."""
    for key, value in element.items():
        if key.startswith("fixed"):
            yield "fixed", value
        elif key.startswith("pattern"):
            yield "pattern", value
    binding = element.get("binding", {})
    url = binding.get("valueSet", "").split("|")[0]
    if binding.get("strength") == "required" and url in enumerable:
        yield "binding", url


def facts(element: Mapping[str, Any], enumerable: Iterable[str]) -> dict[str, Any]:
    """What one element states beyond its base."""
    found: dict[str, Any] = {}
    base = element.get("base", {})
    if (element["min"], element["max"]) != (base.get("min"), base.get("max")) or "sliceName" in element:
        found["min"] = element["min"]
        if element["max"] != "*":
            found["max"] = int(element["max"])
    if slicing := element.get("slicing"):
        by = [[each["type"], each["path"]] for each in slicing.get("discriminator", [])]
        found["slicing"] = {"by": by, "rules": slicing["rules"]}
    found.update(typed(element))
    found.update(valued(element, enumerable))
    return found


def place(root: dict[str, Any], identifier: str) -> dict[str, Any]:
    """The node of an element's id such as Observation.component:gene-studied.code, made if need be."""
    node = root
    for part in identifier.split(".")[1:]:
        name, _, piece = part.partition(":")
        node = node.setdefault("children", {}).setdefault(name, {})
        if piece:
            node = node.setdefault("slices", {}).setdefault(piece, {})
    return node


def pruned(node: dict[str, Any], *, sliced: bool = False) -> dict[str, Any]:
    """The tree without nodes that state nothing; a slice stays, even if it states nothing."""
    for key in ("children", "slices"):
        if key in node:
            kept = {name: pruned(child, sliced=key == "slices") for name, child in node[key].items()}
            node[key] = {name: child for name, child in kept.items() if child or key == "slices"}
            if not node[key]:
                del node[key]
    if "slicing" in node and "slices" not in node and node["slicing"]["rules"] != "closed":
        del node["slicing"]
    if not sliced and node.get("min") == 0 and "max" not in node:
        del node["min"]
    return node


def profile(definition: Mapping[str, Any], enumerable: Iterable[str]) -> dict[str, Any]:
    """One StructureDefinition in our own schema."""
    root: dict[str, Any] = {}
    for element in definition["snapshot"]["element"][1:]:
        place(root, element["id"]).update(facts(element, enumerable))
    found: dict[str, Any] = {"type": definition["type"], "base": target(definition["baseDefinition"])}
    if context := [each["expression"] for each in definition.get("context", []) if each["type"] == "element"]:
        found["context"] = context
    return {**found, "root": pruned(root)}


def codes_of(system: Mapping[str, Any]) -> list[str]:
    """Every code of a code system, nested ones included."""

    def walk(concepts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for concept in concepts:
            yield concept["code"]
            yield from walk(concept.get("concept", []))

    return sorted(walk(system.get("concept", [])))


def value_set(definition: Mapping[str, Any], systems: Mapping[str, list[str]]) -> dict[str, list[str]] | None:
    """System → codes; None when it is not enumerable from what is here."""
    found: dict[str, list[str]] = {}
    for part in definition["compose"]["include"]:
        system = part.get("system", "")
        listed = [concept["code"] for concept in part.get("concept", [])] or systems.get(system)
        if part.get("filter") or part.get("valueSet") or not listed:
            return None
        found[system] = sorted({*found.get(system, []), *listed})
    return found


def compiled(archive: Path) -> dict[str, Any]:
    """The whole fact file."""
    source = definitions(archive)
    systems = {each["url"]: codes_of(each) for each in source["CodeSystem"] if each["content"] == "complete"}
    sets = {each["url"]: value_set(each, systems) for each in source["ValueSet"]}
    sets.update(json.loads((HERE / "base_value_sets.json").read_text("utf-8")))
    known = {url: content for url, content in sets.items() if content is not None}
    profiles = {each["url"]: profile(each, known) for each in source["StructureDefinition"]}
    used = {url for url in known if url in json.dumps(profiles)}
    return {
        "guide": GUIDE,
        "version": "3.0.0",
        "code_systems": dict(sorted(systems.items())),
        "value_sets": {url: known[url] for url in sorted(used)},
        "profiles": profiles,
    }


def main() -> None:
    """Write the fact file and print its size and the archive's hash for SOURCES.toml."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    archive = parser.parse_args().archive
    content = json.dumps(compiled(archive), separators=(",", ":"), sort_keys=True) + "\n"
    (TARGET / "fhir_profiles.json").write_text(content, "utf-8")
    print(len(content), "bytes; archive sha256", hashlib.sha256(archive.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
