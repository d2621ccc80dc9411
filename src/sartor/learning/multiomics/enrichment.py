"""Over-representation of gene sets among selected genes, against the genes that were measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sartor.learning.multiomics.biomarkers import adjusted

_SEPARATOR = re.compile(r"[|_.:;\s]+")
SMALLEST_SET = 5
LARGEST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class GeneSet:
    """One named set of gene symbols."""

    id: str
    name: str
    genes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Enriched:
    """One set tested: `hits` of `selected` genes lie in the set, which has `measured` of `background` measured genes.

    ratio: hits over what chance would give. p_value: hypergeometric, one-sided; q_value: Benjamini–Hochberg adjusted
    over all sets tested.
    """

    set_id: str
    name: str
    hits: tuple[str, ...]
    selected: int
    measured: int
    background: int
    ratio: float
    p_value: float
    q_value: float


def gene_of(column: str, known: frozenset[str], synonyms: Mapping[str, str]) -> str | None:
    """The gene that a column's name means, or None.

    Tried in turn: the whole name, its first part and its last part, parts being set apart by | _ . : ; or blanks
    ("FOXA1_3169", "ENSG…|TP53", "TNFRSF14_1_2486803_2487803"); each as a symbol, then as another identifier.
    """
    parts = [part for part in _SEPARATOR.split(column) if part]
    for text in dict.fromkeys((column, *parts[:1], *parts[-1:])):
        if text in known:
            return text
        if (symbol := synonyms.get(text)) is not None and symbol in known:
            return symbol
    return None


def over_represented(
    selected: Iterable[str], background: Iterable[str], sets: Sequence[GeneSet], *, smallest: int = SMALLEST_SET
) -> tuple[Enriched, ...]:
    """Every set of which at least `smallest` genes were measured, strongest first; empty when nothing was selected.

    The background is what was measured: a set that was never on the array cannot be missed, nor counted. Sets that
    hold more than half of the background are left out, since nothing can stand out against them.
    """
    from scipy.stats import hypergeom

    measured = frozenset(background)
    chosen = frozenset(selected) & measured
    if not chosen:
        return ()
    tested = []
    for each in sets:
        inside = each.genes & measured
        if smallest <= len(inside) <= LARGEST_SHARE * len(measured):
            tested.append((each, inside))
    p_values = np.array(
        [float(hypergeom.sf(len(inside & chosen) - 1, len(measured), len(inside), len(chosen))) for _, inside in tested]
    )
    q_values = adjusted(p_values)
    found = [
        Enriched(
            each.id, each.name, tuple(sorted(inside & chosen)), len(chosen), len(inside), len(measured),
            len(inside & chosen) * len(measured) / (len(inside) * len(chosen)), float(p), float(q),
        )
        for (each, inside), p, q in zip(tested, p_values, q_values, strict=True)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.p_value, one.set_id)))
