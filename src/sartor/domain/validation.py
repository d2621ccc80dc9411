"""How well a model or result holds: measures with intervals, curves and checks, in one long form."""

from __future__ import annotations

from pydantic import JsonValue

from sartor.domain.code import Frozen

INTERNAL = "internal"
TEMPORAL = "temporal"


class Measure(Frozen):
    """One number with its interval.

    name:      standard term in lower case with underscores ("auroc", "harrell_c", "calibration_slope", "ici",
               "brier", "integrated_brier", "net_benefit", "coverage", "selection_rate" …).
    candidate: the model that it belongs to; "pipeline" is the study's own choice made inside each training part.
    where:     "internal" (out of fold), "temporal", "external:<site>", "apparent" (never reported as performance).
    group:     "" for everyone, else "sex=female" or an intersection "sex=female & age=65+".
    at:        threshold, horizon or nominal level that the measure depends on.
    low, high: interval of coverage `level`; None where none can be given (the note says why).
    n, n_events: rows and events that it rests on.
    """

    name: str
    candidate: str = "pipeline"
    where: str = INTERNAL
    group: str = ""
    at: float | None = None
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = 0
    n_events: int | None = None
    note: str = ""


class Curve(Frozen):
    """One line to plot: `x` and `y` of the same length, `low` and `high` its band (empty for none).

    name: "calibration", "decision", "roc", "survival", "ale:<feature>", "drift:<what>" …
    """

    name: str
    candidate: str = "pipeline"
    where: str = INTERNAL
    group: str = ""
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    x_label: str = ""
    y_label: str = ""


class Check(Frozen):
    """One yes-or-no question with its answer: leak checks, additivity, sample size, coverage, guards.

    severity: "stop" (a study must not go on), "warning", "note".
    """

    name: str
    passed: bool
    severity: str = "warning"
    detail: str = ""
    subject: str = ""
    values: dict[str, JsonValue] = {}


class Validation(Frozen):
    """Everything that is known about how well it works; the content of validation.json."""

    study: str
    measures: tuple[Measure, ...] = ()
    curves: tuple[Curve, ...] = ()
    checks: tuple[Check, ...] = ()
    facts: dict[str, JsonValue] = {}

    def find(
        self, name: str, *, candidate: str = "pipeline", where: str = INTERNAL, group: str = "", at: float | None = None
    ) -> Measure | None:
        """The measure of that name, or None."""
        for each in self.measures:
            if (each.name, each.candidate, each.where, each.group) == (name, candidate, where, group) and each.at == at:
                return each
        return None
