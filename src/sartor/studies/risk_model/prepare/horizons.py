"""By when the risk is told, and in which unit of time, where the configuration does not say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np

from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.learning.task import EVENT, Target
from sartor.studies.risk_model.prepare.config import RiskModelConfig

_UNIT: Final = re.compile(r"(?:^|[\W_])(day|week|month|year)s?(?:$|[\W_])", re.IGNORECASE)


def with_unit(target: Target, config: RiskModelConfig) -> Target:
    """The outcome, its unit of time as stated, or else as the column of times is named ("months", "time_days")."""
    if target.task is not Task.SURVIVAL or target.unit:
        return target
    found = _UNIT.search(config.time)
    return target if found is None else replace(target, unit=f"{found[1].lower()}s")


def horizons(target: Target, config: RiskModelConfig) -> tuple[tuple[float, ...], tuple[Wording, ...]]:
    """Times by which the risk is told: as stated, or else the median time of those with the event, and that guess."""
    if target.task is not Task.SURVIVAL or config.horizons:
        return config.horizons, ()
    assert target.events is not None
    middle = float(f"{np.median(target.values[target.events == EVENT]):.2g}")
    if not target.unit:
        return (middle,), (Wording(key="risk_model.prepare.horizon_plain", values={"at": f"{middle:g}"}),)
    values = {"at": f"{middle:g}", "unit": target.unit}
    return (middle,), (Wording(key="risk_model.prepare.horizon", values=dict(values)),)
