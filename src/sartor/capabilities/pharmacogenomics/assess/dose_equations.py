"""The engine of dosing equations: a dose with its prediction interval, and what each input adds, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from sartor.capabilities.pharmacogenomics.tables.dosing import Equation

Inputs = Mapping[str, float | str]


@dataclass(frozen=True)
class Effect:
    """What one input adds to the predictor, against the reference person; `value` is the input's."""

    input: str
    value: float | str
    effect: float


@dataclass(frozen=True)
class Prediction:
    """A predicted maintenance dose, mg per week, with the bounds of its prediction interval of coverage `level`.

    predictor = baseline + sum of effects, on the scale of the equation (square root or logarithm of the dose).
    """

    equation: str
    dose: float
    low: float
    high: float
    level: float
    predictor: float
    baseline: float
    effects: tuple[Effect, ...]


def predict(equation: Equation, inputs: Inputs) -> Prediction:
    """Evaluate an equation; raises KeyError with the name of an input that is not given."""
    baseline, predictor = equation.intercept, equation.intercept
    effects: dict[str, Effect] = {}
    for term in equation.terms:
        value = inputs[term.input]
        part, usual = _parts(term.coefficient, term.is_, term.reference, value)
        baseline += usual
        predictor += part
        before = effects[term.input].effect if term.input in effects else 0.0
        effects[term.input] = Effect(term.input, value, before + part - usual)
    margin = NormalDist().inv_cdf(0.5 + equation.level / 2) * equation.residual
    low, middle, high = (_dose(equation, predictor + shift) for shift in (-margin, 0.0, margin))
    return Prediction(equation.id, middle, low, high, equation.level, predictor, baseline, tuple(effects.values()))


def _parts(coefficient: float, category: str, reference: float, value: float | str) -> tuple[float, float]:
    """What a term adds for this person and for the reference person."""
    if category:
        return (coefficient if value == category else 0.0), 0.0
    return coefficient * float(value), coefficient * reference


def _dose(equation: Equation, predictor: float) -> float:
    if equation.inverse == "exponential":
        return math.exp(predictor) * equation.per_week
    return max(predictor, 0.0) ** 2 * equation.per_week
