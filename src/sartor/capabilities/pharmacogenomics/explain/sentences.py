"""The building blocks of sentences: wording keys with their places, dose factors, look-up keys and genes in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from sartor.domain.explanation import Wording

PREFIX: Final = "pharmacogenomics"
SHOWN: Final = 6
"""How many of a long list (positions, candidates) are named; the rest is counted."""


LEAST_SHOWN: Final = 1e-6
"""A left-out probability that was rounded to nothing is still not nothing."""


def wording(key: str, **values: Any) -> Wording:
    """A sentence of this capability; values may be wordings themselves, or lists of them."""
    return Wording(key=f"{PREFIX}.{key}", values={name: plain(value) for name, value in values.items()})


def plain(value: Any) -> JsonValue:
    """A value as the wording of a place stores it."""
    if isinstance(value, Wording):
        return {"key": value.key, "values": value.values}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return value  # type: ignore[no-any-return]


def either(values: Sequence[Any]) -> JsonValue:
    """A list that is read as a choice: "a, b or c"."""
    return {"any": plain(list(values))}


def reason_wordings(keys: Sequence[str], **values: Any) -> tuple[Wording, ...]:
    """The reasons of a certainty as sentences."""
    return tuple(Wording(key=key, values={name: plain(value) for name, value in values.items()}) for key in keys)


def code_key(text: str) -> str:
    """A code as it stands in the wording table."""
    return text.replace(" ", "-")


def percent(share: float) -> str:
    """A share as a percentage, such as "50 %"; what is neither certain nor impossible never looks it."""
    value = 100 * share
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.1f} %" if value < 1 or 99 < value < 100 else f"{value:.0f} %"


def left_out_text(shares: Sequence[float | None]) -> str:
    """How likely the candidates are together that were left out as too unlikely."""
    return percent(max(max((each for each in shares if each is not None), default=0.0), LEAST_SHOWN))


def factor_wording(factor: tuple[float, float]) -> Wording:
    """A dose factor in words: a percentage up to the usual dose, a multiple above it."""
    low, high = factor
    if high <= 1:
        return wording("dose.percent" if low == high else "dose.percents", low=percent(low), high=percent(high))
    return wording("dose.times" if low == high else "dose.times-range", low=f"{low:g}", high=f"{high:g}")


def key_wordings(keys: Sequence[str]) -> list[str | Wording]:
    """Look-up keys in words: phenotypes as they are, activity scores as one range."""
    scores = {key: float(key.lstrip("≥")) for key in keys if key.lstrip("≥").replace(".", "", 1).isdigit()}
    said: list[str | Wording] = [
        key.partition(" (")[0] if key[:1].isdigit() else key for key in keys if key not in scores
    ]
    if scores:
        low, high = min(scores, key=lambda key: scores[key]), max(scores, key=lambda key: scores[key])
        if scores[low] == scores[high]:
            said.insert(0, wording("key.score", score=low))
        else:
            said.insert(0, wording("key.scores", low=low, high=high))
    return said


def gene_sentence(gene: str, known: Mapping[str, Any]) -> Wording:
    """What was found of one gene, genetic and today."""
    if not known["tested"]:
        return wording("gene.not-tested", gene=gene)
    today, genetic = known["today"], known["genetic"]
    if known["causes"] and genetic and today != genetic:
        return wording("gene.converted", gene=gene, genetic=genetic, today=today, causes=known["causes"])
    if known["causes"] and not genetic:
        return wording("gene.converted-unknown", gene=gene, today=today, causes=known["causes"])
    shown = known["diplotype"]
    if len(genetic) > 1:
        return wording("gene.several", gene=gene, phenotypes=either(genetic))
    if not genetic and not shown:
        return wording("gene.read", gene=gene)
    if not genetic:
        return wording("gene.diplotype", gene=gene, diplotype=shown)
    if not shown:
        return wording("gene.phenotype", gene=gene, phenotype=genetic)
    return wording("gene.called", gene=gene, diplotype=shown, phenotype=genetic)
