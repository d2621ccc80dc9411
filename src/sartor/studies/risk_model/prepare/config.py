"""The configuration of the study, strictly: every fault is found before any of them is reported."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sartor.domain.code import LOINC, Coded
from sartor.errors import ConfigInvalid

Scalar = bool | int | float | str
DrawnFrom = Literal["column", "demographics.age", "demographics.sex", "observation", "condition", "medication"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Range(_Strict):
    """Which values of a column are meant: at least `min`, at most `max`, none of `not`."""

    min: float | None = None
    max: float | None = None
    other_than: tuple[Scalar, ...] = Field(default=(), alias="not")
    known: bool = False


Wanted = Scalar | tuple[Scalar, ...] | Range
UNIONS = ("where", "positive", "missing", "allow", "censored", "external")


class StatedFeature(_Strict):
    """What the cohort's owner knows of an input, and no table says.

    code:      "8480-6" (LOINC), "system|code", or {system, code, label}: how a patient's record names it.
    from:      where the patient flow finds it.
    labels:    what a code in the table means: { "0" = "female", "1" = "male" }.
    """

    label: str = ""
    labels: Mapping[str, str] = {}
    code: Coded | None = None
    unit: str = ""
    drawn_from: str = Field(default="", alias="from")
    actionable: bool = False
    direction: Literal["", "up", "down"] = ""
    absent: Literal["missing", "no"] = "missing"

    @model_validator(mode="before")
    @classmethod
    def _code(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("code"), str):
            system, bar, code = values["code"].rpartition("|")
            return {**values, "code": {"system": system if bar else LOINC, "code": code}}
        return values

    @model_validator(mode="after")
    def _place(self) -> StatedFeature:
        known = ("column", "demographics.age", "demographics.sex", "observation", "condition", "medication")
        if self.drawn_from and self.drawn_from not in known and not self.drawn_from.startswith("finding:"):
            raise ValueError(f"from must be one of {', '.join(known)} or finding:<capability>")
        return self


class External(_Strict):
    """Another cohort, from which nothing is learned."""

    name: str = Field(min_length=1)
    data: str
    missing: tuple[Scalar, ...] | None = None
    where: Mapping[str, Wanted] | None = None


class Joined(_Strict):
    """Another table with columns for the same people: `findings` for a table that `sartor batch` wrote."""

    data: str
    id: str = "patient"
    findings: bool = False
    columns: tuple[str, ...] = ()
    prefix: str = ""


class RiskModelConfig(_Strict):
    """CONFIG.toml of the study; docs/howto/run-a-study.md says what each key means."""

    data: str
    task: Literal["classification", "regression", "survival"] | None = None
    target: str = ""
    positive: Wanted | None = None
    time: str = ""
    event: str = ""
    censored: Scalar | None = None
    time_unit: str = ""
    horizons: tuple[float, ...] = ()
    unit: str = ""
    id: str | None = None
    group: str | None = None
    date: str = ""
    features: Mapping[str, StatedFeature] = {}
    inputs: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    missing: tuple[Scalar, ...] = ()
    delimiter: str = ""
    where: Mapping[str, Wanted] = {}
    columns: Mapping[str, Any] = {}
    index: Mapping[str, Any] = {}
    join: tuple[Joined, ...] = ()
    external: tuple[External, ...] = ()
    site: str = ""
    subgroups: tuple[str, ...] | None = None
    equation: Any = None
    clinician: str = ""
    genotype: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    select: Literal["auto", "none", "stability"] = "auto"
    scheme: Literal["auto", "stratified", "grouped", "temporal"] = "auto"
    folds: int = Field(default=5, ge=2, le=20)
    repeats: int = Field(default=3, ge=1, le=50)
    time_budget_s: float | None = Field(default=None, gt=0)
    trials: int | None = Field(default=None, ge=0, le=10_000)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    allow: Mapping[str, str] | tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    mitigation: bool = True
    bands: Mapping[str, tuple[float, ...]] = {}
    reference: Any = None
    minimum_group: int = Field(default=100, ge=10)
    name: str = ""
    version: str = "1"
    title: str = ""
    outcome: str = ""
    better: Literal["", "lower", "higher"] = ""
    intended_use: str = ""
    not_for: tuple[str, ...] = ()
    licence: str = ""
    statements: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _outcome(self) -> RiskModelConfig:
        survival = self.task == "survival" or bool(self.time or self.event)
        if survival and not (self.time and self.event):
            raise ValueError("survival needs both time and event")
        if survival and self.target:
            raise ValueError("survival has time and event, not target")
        if survival and self.task not in (None, "survival"):
            raise ValueError(f"time and event are for survival, not {self.task}")
        if not survival and not self.target:
            raise ValueError("target is not stated (or time and event, for survival)")
        if self.scheme == "temporal" and not self.date:
            raise ValueError("a temporal scheme needs date")
        return self

    @property
    def outcome_columns(self) -> tuple[str, ...]:
        """The columns that hold the outcome."""
        return (self.time, self.event) if self.time else (self.target,)

    def allowed(self) -> dict[str, str]:
        """Column or kind of leak → the reason why it may stay."""
        if isinstance(self.allow, Mapping):
            return dict(self.allow)
        return dict.fromkeys(self.allow, "allowed by the configuration")


def parse(config: Mapping[str, Any]) -> RiskModelConfig:
    """The configuration, or ConfigInvalid with every fault of it."""
    prepared = {key: _tuples(value) for key, value in config.items()}
    for key in ("exclude", "categorical", "subgroups", "learners", "not_for", "inputs", "missing", "horizons"):
        if isinstance(prepared.get(key), (str, int, float)):
            prepared[key] = (prepared[key],)
    try:
        return RiskModelConfig.model_validate(prepared)
    except ValidationError as error:
        faults = list(dict.fromkeys(_faults(error)))
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ConfigInvalid(
            f"{count}: {'; '.join(faults)}", where="the configuration", todo="see docs/howto/run-a-study.md"
        ) from error


def _tuples(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_tuples(each) for each in value)
    if isinstance(value, Mapping):
        return {key: _tuples(each) for key, each in value.items()}
    return value


def _faults(error: ValidationError) -> Iterator[str]:
    """One line per fault; the alternatives of one value count as one, and an unknown key in it tells most."""
    faults = [(_path(fault["loc"]), fault) for fault in error.errors()]
    told = {tuple(path[:-1]) for path, fault in faults if fault["type"] == "extra_forbidden"}
    said: set[str] = set()
    for path, fault in faults:
        where = ".".join(path)
        if where in said and path[0] in UNIONS:
            continue
        said.add(where)
        if fault["type"] == "extra_forbidden":
            yield f"{where}: no such key{_suggestion(path)}"
        elif tuple(path) in told or (path[:1] == ["where"] and len(path) > 2 and ".".join(path[:2]) in said):
            continue
        elif fault["type"] == "missing":
            yield f"{where}: is not stated"
        elif fault["type"] == "value_error":
            yield f"{where}: {fault['ctx']['error']}" if where else str(fault["ctx"]["error"])
        elif (path[:1] == ["where"] and len(path) == 2) or path == ["positive"]:
            yield f"{where}: must be a value, a list of values, or a range as {{ min = 1, max = 2 }}"
        else:
            message = str(fault["msg"]).replace("valid tuple", "list").replace("valid dictionary", "table")
            yield f"{where}: {message[:1].lower()}{message[1:]}"


def _path(place: tuple[Any, ...]) -> list[str]:
    """Where a fault lies, without the names of the alternatives that were tried."""
    path = [str(each) for each in place]
    tried = ("tuple[", "function-", "dict[", "Range")
    kept = [each for each in path if not each.startswith(tried)]
    return (
        [each for each in kept if each not in ("bool", "int", "float", "str")]
        if path[:1] and path[0] in UNIONS
        else kept
    )


def _suggestion(path: list[str]) -> str:
    models: dict[str, type[BaseModel]] = {"features": StatedFeature, "external": External, "join": Joined}
    model = models.get(path[0], RiskModelConfig) if len(path) > 1 else RiskModelConfig
    if path[0] in ("where", "positive"):
        model = Range
    known = [info.alias or name for name, info in model.model_fields.items()]
    near = difflib.get_close_matches(path[-1], known, n=1)
    return f", did you mean {near[0]}?" if near else ""
