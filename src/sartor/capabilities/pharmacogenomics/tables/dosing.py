"""Published dosing equations and dose factors, as the table of data/dosing.json; loaded once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from sartor.domain.code import Frozen
from sartor.domain.source import Citation


class Term(Frozen):
    """One addend of an equation.

    A number (`is_` empty): coefficient × value. A category: coefficient when the input equals `is_`, else nothing.
    reference: the value of the person that contributions are measured against (numbers only).
    """

    input: str
    coefficient: float
    is_: str = ""
    reference: float = 0.0


class Equation(Frozen):
    """A published equation of the maintenance dose.

    The sum of intercept and terms is the predictor; the dose is its square or exponential, times `per_week`, in mg/wk.
    residual: standard deviation of the predictor's error, which makes the prediction interval of coverage `level`.
    """

    id: str
    drug: str
    family: str
    genetic: bool
    inverse: str
    per_week: float
    intercept: float
    terms: tuple[Term, ...]
    source: str
    residual: float
    residual_source: str
    level: float

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, in order."""
        return tuple(dict.fromkeys(term.input for term in self.terms))


class WarfarinRules(Frozen):
    """How a person's facts become inputs of the warfarin equations; see data/dosing.json for sources."""

    covered_cyp2c9: tuple[str, ...]
    body_surface: dict[str, float | str]
    inducers: tuple[str, ...]
    amiodarone: tuple[str, ...]
    assumed: dict[str, float]
    alternatives: dict[str, tuple[float, ...]]
    limits: dict[str, tuple[float, float]]
    ancestry_words: dict[str, tuple[str, ...]]
    less_accurate: tuple[str, ...]
    thrombosis_codes: tuple[str, ...]
    thrombosis_words: tuple[str, ...]
    guideline: str


class FactorRule(Frozen):
    """The multiple of the usual dose for certain phenotypes (activity scores for genes that go by score).

    genes: gene → phenotypes that fit; a gene that is not named may be anything.   factor: (low, high).
    """

    genes: dict[str, tuple[str, ...]]
    factor: tuple[float, float]
    action: str
    strength: str
    note: str = ""
    days_per_week: int | None = None
    start: str = ""


class Amount(Frozen):
    """A dose or range of doses per body weight and day."""

    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


class DoseFactors(Frozen):
    """The rules of one medicine; the first that fits is the one that counts."""

    drug: str
    rxnorm: str
    id: str
    source: str
    genes: tuple[str, ...]
    urgency: str
    rules: tuple[FactorRule, ...]
    usual: Amount | None = None
    maximum: Amount | None = None


class DosingSource(Frozen):
    """A source of the table, with what a citation needs; `publisher` is its short name in a report."""

    id: str
    publisher: str = ""
    title: str
    version: str
    date: str = ""
    licence: str
    pmid: str = ""
    doi: str = ""
    url: str = ""


@dataclass(frozen=True)
class DosingTable:
    """Everything that data/dosing.json holds."""

    equations: Mapping[str, Equation]
    warfarin: WarfarinRules
    factors: tuple[DoseFactors, ...]
    sources: Mapping[str, DosingSource]
    rxnorm: Mapping[str, str]

    def citation(self, identifier: str) -> Citation:
        """A source as a reader would cite it."""
        source = self.sources[identifier]
        return Citation(**source.model_dump(exclude={"licence", "publisher"}))


@cache
def dosing_table() -> DosingTable:
    """The shipped table."""
    text = files("sartor.capabilities.pharmacogenomics").joinpath("data/dosing.json").read_text(encoding="utf-8")
    content = json.loads(text)
    equations = [_equation(entry) for entry in content["equations"]]
    sources = TypeAdapter(tuple[DosingSource, ...]).validate_python(content["sources"])
    return DosingTable(
        equations={each.id: each for each in equations},
        warfarin=WarfarinRules.model_validate(content["warfarin"]),
        factors=TypeAdapter(tuple[DoseFactors, ...]).validate_python(content["factors"]),
        sources={source.id: source for source in sources},
        rxnorm=content["rxnorm"],
    )


def _equation(entry: dict[str, object]) -> Equation:
    terms = [
        {("is_" if key == "is" else key): value for key, value in term.items()}
        for term in entry["terms"]  # type: ignore[attr-defined]
    ]
    return Equation.model_validate({**entry, "terms": terms})
