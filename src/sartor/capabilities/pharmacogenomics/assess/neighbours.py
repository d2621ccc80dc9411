"""What would change a recommendation: the same look-up with one gene another way."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from sartor.capabilities.pharmacogenomics.assess.lookup import State
from sartor.capabilities.pharmacogenomics.tables.guidelines import NO_RESULT, Recommendation

_UNINFORMATIVE = (NO_RESULT, "n/a", "Indeterminate", "xN combinations")


def neighbours(rows: Sequence[Recommendation], states: Sequence[State], chosen: Recommendation) -> list[JsonValue]:
    """For each gene, the other keys that lead to another action while the other genes stay: kind → keys."""
    found: list[JsonValue] = []
    for state in states:
        kinds: dict[str, list[JsonValue]] = {}
        for row in rows:
            key = row.keys.get(state.gene)
            if key is None or key in _UNINFORMATIVE or row.reading["kind"] == chosen.reading["kind"]:
                continue
            if all(row.keys.get(gene) == other for gene, other in chosen.keys.items() if gene != state.gene):
                kinds.setdefault(row.reading["kind"], []).append(key)
        for kind, keys in kinds.items():
            found.append({"gene": state.gene, "action": kind, "keys": list(dict.fromkeys(keys))})
    return found
