"""The software bill of materials: every installed package with version and licence, as CycloneDX 1.6 JSON."""

from __future__ import annotations

import json
import re
from importlib.metadata import Distribution, distributions
from typing import Any

from sartor.domain.model import ModelCard

SPECIFICATION = "1.6"


def bill_of_materials(card: ModelCard) -> str:
    """CycloneDX 1.6 (cyclonedx.org/docs/1.6/json): the model as subject, what is installed as components, by name."""
    found = {name: each for each in distributions() if (name := _name(each))}
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {
            **({"timestamp": card.created} if card.created else {}),
            "component": {"type": "machine-learning-model", "name": card.name, "version": card.version},
        },
        "components": [_component(name, found[name]) for name in sorted(found)],
    }
    return json.dumps(bom, indent=1, ensure_ascii=False) + "\n"


def _name(each: Distribution) -> str:
    """The normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", each.metadata["Name"] or "").lower()


def _component(name: str, each: Distribution) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": each.version,
        "purl": f"pkg:pypi/{name}@{each.version}",
    }
    metadata: Any = each.metadata
    expression, stated = metadata.get("License-Expression"), (metadata.get("License") or "").strip()
    classifiers = [line.rsplit("::", 1)[-1].strip() for line in metadata.get_all("Classifier") or []
                   if line.startswith("License ::")]  # fmt: skip
    if expression:
        component["licenses"] = [{"expression": expression}]
    elif named := classifiers or ([stated.splitlines()[0][:80]] if stated else []):
        component["licenses"] = [{"license": {"name": each_name}} for each_name in dict.fromkeys(named)]
    return component
