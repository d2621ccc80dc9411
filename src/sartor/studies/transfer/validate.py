"""Out-of-fold margins → discrimination and calibration of every way, and what the guard cost or saved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sartor.domain.model import Task
from sartor.domain.study import Surroundings
from sartor.domain.validation import Check, Curve, Measure, Validation
from sartor.learning.task import EVENT, Target
from sartor.learning.transfer import GUARDED, WHOLE
from sartor.learning.transfer.candidates import LOCAL, SOURCE
from sartor.learning.transfer.measures import METRIC, Sampled, brier, calibration, discrimination, multiplicities
from sartor.studies.transfer.card import NAME
from sartor.studies.transfer.fit import ALLOWED, FittedTransfer
from sartor.studies.transfer.prepare import PreparedTransfer

PIPELINE = "pipeline"
BINS = 5


def validate(prepared: PreparedTransfer, fitted: FittedTransfer, around: Surroundings) -> Validation:
    """Every way at every size, paired with the better of source only and local; the checks of `prepare`."""
    target = prepared.sites.target
    metric = METRIC[target.task]
    drawn = multiplicities(len(target), seed=prepared.seed)
    measures: list[Measure] = []
    checks = list(prepared.checks)
    for size, ways in fitted.compared.margins.items():
        found = {name: discrimination(target, m, fitted.compared.parts, drawn) for name, m in ways.items()}
        at = None if size == WHOLE else float(size)
        measures += [_measure(metric, name, each, target, at) for name, each in found.items()]
        better = max((SOURCE, LOCAL), key=lambda name: found[name].value)
        difference = found[GUARDED].minus(found[better])
        measures.append(_measure(f"{metric}_minus_better", GUARDED, difference, target, at, note=better))
        if size == WHOLE:
            measures.append(_measure(metric, PIPELINE, found[fitted.handed_over], target, None))
            checks.append(_guard_check(difference, better))
    measures += _calibrations(prepared, fitted)
    return Validation(
        study=NAME,
        measures=tuple(measures),
        curves=_curves(target, fitted),
        checks=tuple(checks),
        facts={
            "metric": metric,
            "repeats": fitted.repeats_made,
            "folds": prepared.folds,
            "rows_learned_from": fitted.compared.trained,
            "n_source": prepared.sites.n_source,
            "n_target": len(target),
            "handed_over": fitted.handed_over,
            "weights": dict(fitted.weights),
            "effective_source_rows": fitted.effective,
        },
    )


def _measure(
    name: str, candidate: str, found: Sampled, target: Target, at: float | None = None, note: str = ""
) -> Measure:
    low, high = found.interval()
    return Measure(
        name=name,
        candidate=candidate,
        at=at,
        value=_number(found.value),
        low=_number(low),
        high=_number(high),
        n=len(target),
        n_events=events(target),
        note=note,
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def events(target: Target) -> int | None:
    """How many had the outcome; None for a number."""
    if target.task is Task.REGRESSION:
        return None
    happened = target.values == 1 if target.events is None else target.events == EVENT
    return int(happened.sum())


def _guard_check(difference: Sampled, better: str) -> Check:
    low, high = difference.interval()
    return Check(
        name="no_negative_transfer",
        passed=difference.value >= -ALLOWED,
        detail=f"guarded minus {better}: {difference.value:+.3f} ({low:+.3f} to {high:+.3f}); allowed: -{ALLOWED:g}",
        values={"difference": difference.value, "low": _number(low), "high": _number(high), "better": better},
    )


def _calibrations(prepared: PreparedTransfer, fitted: FittedTransfer) -> list[Measure]:
    """Slope, intercept (none for survival) and Brier score or mean squared error, learned from all training rows."""
    target = prepared.sites.target
    drawn = multiplicities(len(target), seed=prepared.seed)
    found = []
    for name, margins in fitted.compared.margins[WHOLE].items():
        slope, intercept = calibration(target, margins, seed=prepared.seed)
        candidates = (name, PIPELINE) if name == fitted.handed_over else (name,)
        for candidate in candidates:
            found.append(_measure("calibration_slope", candidate, slope, target))
            if target.task is not Task.SURVIVAL:
                found.append(_measure("calibration_intercept", candidate, intercept, target))
                error = "brier" if target.task is Task.CLASSIFICATION else "mean_squared_error"
                found.append(_measure(error, candidate, brier(target, margins, drawn), target))
    return found


def _curves(target: Target, fitted: FittedTransfer) -> tuple[Curve, ...]:
    if target.task is not Task.CLASSIFICATION:
        return ()
    whole = fitted.compared.margins[WHOLE]
    return tuple(_calibration_curve(target, whole, name) for name in (SOURCE, LOCAL, GUARDED))


def _calibration_curve(target: Target, ways: Mapping[str, object], name: str) -> Curve:
    """Observed share against mean prediction in fifths of the predicted risk, with Wilson's 95 % interval."""
    risk = (1 / (1 + np.exp(-np.asarray(ways[name], dtype=float)))).mean(axis=0)
    order = np.argsort(risk, kind="stable")
    rows = []
    for part in np.array_split(order, BINS):
        n, k = len(part), float(target.values[part].sum())
        rows.append((float(risk[part].mean()), k / n, *wilson(k, n)))
    x, y, low, high = (tuple(each) for each in zip(*rows, strict=True))
    return Curve(name="calibration", candidate=name, x=x, y=y, low=low, high=high)


def wilson(k: float, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    z = 1.959964
    middle = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * float(np.sqrt(k * (n - k) / n + z**2 / 4))
    return max(middle - half, 0.0), min(middle + half, 1.0)
