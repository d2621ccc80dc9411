"""Whether a model still meets the people it was made for: drift of inputs, predictions, calibration and performance.

`Reference` is what the model folder keeps of its training rows (quantiles and counts, no rows). `compare` sets new rows
against it, `decide` says by the written policy what follows: nothing, watch, recalibrate or refit.
"""

from __future__ import annotations

from sartor.explaining.drift.comparison import Drift, InputDrift, Period, compare
from sartor.explaining.drift.keeping import monitoring_files
from sartor.explaining.drift.page import document
from sartor.explaining.drift.policy import Decision, Policy, decide, default_policy
from sartor.explaining.drift.reference import Reference

__all__ = [
    "Decision",
    "Drift",
    "InputDrift",
    "Period",
    "Policy",
    "Reference",
    "compare",
    "decide",
    "default_policy",
    "document",
    "monitoring_files",
]
