"""The written, versioned plan for a model in use: what triggers which change, and what was decided when."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sartor.errors import ModelRefused

if TYPE_CHECKING:
    from sartor.explaining.drift.comparison import Drift
    from sartor.explaining.drift.reference import Reference

FILE = "update_policy.json"
CONTINUE, WATCH, RECALIBRATE, REFIT = "continue", "watch", "recalibrate", "refit"
ACTIONS = (CONTINUE, WATCH, RECALIBRATE, REFIT)


@dataclass(frozen=True, slots=True)
class Policy:
    """Triggers (see data/policy.toml for what each means and where it comes from) and the history of decisions."""

    version: int
    psi_watch: float
    psi_drift: float
    family_error: float
    missing_change: float
    observed_expected: float
    slope: float
    discrimination_loss: float
    unusual_share: float
    events_to_recalibrate: int
    rows_per_period: int
    events_per_period: int
    history: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> bytes:
        """As JSON; the content of update_policy.json in a model folder."""
        state = {name: getattr(self, name) for name in self.__slots__ if name != "history"}
        return (json.dumps({**state, "history": list(self.history)}, indent=1, ensure_ascii=False) + "\n").encode()

    @staticmethod
    def from_json(content: bytes) -> Policy:
        """The policy again. Raises ModelRefused for anything else."""
        try:
            state = dict(json.loads(content))
            return Policy(**{**state, "history": tuple(state.get("history", ()))})
        except (ValueError, TypeError) as error:
            raise ModelRefused("cannot be read", where=FILE, todo="correct it, or export the model again") from error


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows, with the reasons as (wording key, values)."""

    action: str
    reasons: tuple[tuple[str, dict[str, str]], ...]


@cache
def default_policy() -> Policy:
    """The policy that a model gets when its makers state none."""
    found = tomllib.loads((files("sartor.explaining.drift") / "data" / "policy.toml").read_text(encoding="utf-8"))
    return Policy(
        version=int(found["version"]),
        **found["triggers"],
        events_to_recalibrate=int(found["recalibrate"]["events"]),
        rows_per_period=int(found["periods"]["rows"]),
        events_per_period=int(found["periods"]["events"]),
    )


def decide(drift: Drift, reference: Reference, policy: Policy) -> Decision:
    """Refit when ranking was lost; recalibrate when only the level or spread of the predictions is off; watch when only
    inputs, predictions or single periods changed; else continue.
    """
    refit = list(_lost_ranking(drift, reference, policy))
    recalibrate = list(_off_calibration(drift, policy))
    watch = list(_changed(drift, policy))
    for action, reasons in ((REFIT, refit), (RECALIBRATE, recalibrate), (WATCH, watch)):
        if reasons:
            return Decision(action, tuple(refit + recalibrate + watch))
    key = "nothing" if drift.measures else "nothing_without_outcomes"
    return Decision(CONTINUE, ((key, {"n": str(drift.n)}),))


def _lost_ranking(drift: Drift, reference: Reference, policy: Policy) -> Any:
    for name in ("auroc", "harrell_c", "r2"):
        now, before = drift.measure(name), reference.measures.get(name)
        if now is None or before is None or now.value is None or now.high is None:
            continue
        if before[0] - now.value > policy.discrimination_loss and now.high < before[0]:
            yield "ranking_lost", {"measure": name, "before": f"{before[0]:.3f}", "now": f"{now.value:.3f}"}


def _off_calibration(drift: Drift, policy: Policy) -> Any:
    for name, width in (("observed_expected", policy.observed_expected), ("calibration_slope", policy.slope)):
        now = drift.measure(name)
        if now is None or now.value is None or now.low is None or now.high is None:
            continue
        if abs(now.value - 1) > width and not now.low <= 1 <= now.high:
            told = {"measure": name, "now": f"{now.value:.2f}", "low": f"{now.low:.2f}", "high": f"{now.high:.2f}"}
            yield "calibration_off", told


def _changed(drift: Drift, policy: Policy) -> Any:
    if names := [each.name for each in drift.inputs if each.level != "none"]:
        yield "inputs_changed", {"count": str(len(names)), "names": ", ".join(names[:8])}
    if drift.prediction.level != "none":
        yield "predictions_changed", {"psi": f"{drift.prediction.psi:.2f}"}
    if off := [each for each in drift.periods if each.off]:
        yield "periods_off", {"count": str(len(off)), "of": str(len(drift.periods))}
    if drift.unusual_share is not None and drift.unusual_share > policy.unusual_share:
        yield "unusual", {"share": f"{drift.unusual_share:.0%}"}
