"""What a study learned, as others use it: the model's card, and what it says of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import JsonValue

from sartor.domain.code import Coded, Frozen
from sartor.domain.provenance import InputFile
from sartor.domain.validation import Measure


class Task(StrEnum):
    """What kind of outcome is predicted."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    SURVIVAL = "survival"


class Feature(Frozen):
    """One input of a model.

    kind:       "number" or "category".
    categories: the labels seen in training; another one is unknown to the model, and said so.
    low, high:  1st and 99th percentile in training, for numbers.
    missing:    share missing in training.
    code, unit: where the patient flow finds it (LOINC, SNOMED CT, a finding's code), and in which UCUM unit.
    drawn_from: "column" (tables only), "demographics.age", "demographics.sex", "observation", "condition",
                "medication", "finding:<capability>".
    actionable: whether a person can change it (counterfactuals touch no other); `direction` "down", "up" or "" (either)
                is the way in which a change is sensible.
    typical:    median, or most frequent label, in training: stands in where a value is missing that never was in
                training (the prediction then says so).
    importance: share of this feature in the mean absolute contribution in training; 0 where it was not measured.
    absent:     what it means when a record does not mention it: "missing", or "no" where the training data were
                recorded in that way (a list of all diagnoses, say). Only the model's makers can know.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()
    unit: str = ""
    low: float | None = None
    high: float | None = None
    missing: float = 0.0
    code: Coded | None = None
    drawn_from: str = "column"
    actionable: bool = False
    direction: str = ""
    label: str = ""
    typical: float | str | None = None
    importance: float = 0.0
    absent: str = "missing"
    labels: dict[str, str] = {}

    @property
    def required(self) -> bool:
        """Never missing in training: a row without it is predicted with a stand-in, and says so."""
        return self.missing == 0.0


class ModelCard(Frozen):
    """Who a model is for, what it predicts, how well, for whom not; the content of card.json.

    outcome, classes, horizon: what is predicted ("readmitted within 30 days"; labels; for survival the time
                               unit and horizons of absolute risk).
    covers:     conditions a person must meet, as {"feature": …, "low": …, "high": …} or {"feature": …, "in": […]}.
    groups:     per group the headline measures; `not_for` are groups or uses for which it must not be used.
    facts:      everything else that the card's pages need, by TRIPOD+AI or PROBAST item.
    """

    format: int = 1
    name: str
    version: str
    title: str
    study: str
    task: Task
    learner: str
    outcome: str
    classes: tuple[str, ...] = ()
    time_unit: str = ""
    horizons: tuple[float, ...] = ()
    unit: str = ""
    intended_use: str = ""
    not_for: tuple[str, ...] = ()
    features: tuple[Feature, ...]
    covers: tuple[dict[str, JsonValue], ...] = ()
    n: int
    n_events: int | None = None
    measures: tuple[Measure, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    created: str = ""
    sartor_version: str = ""
    seed: int = 0
    licence: str = ""
    facts: dict[str, JsonValue] = {}


class PredictionStatus(StrEnum):
    """Whether a model speaks about a row at all."""

    PREDICTED = "predicted"
    UNUSUAL = "predicted, unlike the training data"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of n rows, explained over its p original features.

    value:         (n,) probability of the outcome, value, or for survival the relative risk; NaN where it abstains.
    low, high:     (n,) interval of `value`.
    margin:        (n,) on the additive scale (log odds, value, log relative hazard): base + contributions.sum(1).
    contributions: (n, p) on that scale; columns as `features`. base: (n,).
    status:        a PredictionStatus for each row; `reasons` says why where it is not plain.
    further:       more columns, (n,) each: "probability:<class>", "set" (prediction set as text), "risk:<horizon>" with
                   "risk_low:<horizon>" and "risk_high:<horizon>", "event_free_until:90%" (the time until which nine in
                   ten who are predicted alike stay free of the event) …

    With more than two classes `value` is the probability of the likeliest class (further["class"]), and the margin and
    its contributions are that class's.
    """

    ids: tuple[str, ...]
    features: tuple[str, ...]
    value: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    base: npt.NDArray[np.float64]
    contributions: npt.NDArray[np.float64]
    status: tuple[PredictionStatus, ...]
    reasons: tuple[str, ...]
    further: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
