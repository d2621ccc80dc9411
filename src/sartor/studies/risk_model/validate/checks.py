"""Questions with a yes or a no: enough patients, explanations that add up and that point at what matters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sartor.domain.model import Task
from sartor.domain.validation import Check, Curve, Measure
from sartor.explaining.global_effects import accumulated_local_effects
from sartor.explaining.sensitivity import deletion, deletion_check
from sartor.learning import sample_size
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.task import EVENT
from sartor.studies.risk_model.validate.setting import Found, Setting
from sartor.studies.risk_model.validate.stability import of_stability
from sartor.studies.risk_model.validate.uncertainty import first_repeat

ADDITIVE = 1e-6
EXPLAINED_ROWS = 200
EFFECT_ROWS = 1000
SHOWN_EFFECTS = 10


def checks_of(setting: Setting) -> Found:
    """Sample size by Riley's criteria; additivity, deletion tests and stability of the explanations; global effects."""
    deleted, effects, stable = _deleted(setting), _effects(setting), of_stability(setting)
    tested = (deletion_check(deleted),) if deleted else ()
    checks = (*_sample_size(setting), *_explanations(setting), *tested, *stable.checks)
    return Found((*deleted, *stable.measures), effects, checks)


def _deleted(setting: Setting) -> tuple[Measure, ...]:
    """What deleting the named inputs first moves, against random orders; nothing with fewer than two inputs."""
    model = setting.fitted.model
    if len(getattr(model, "features", ())) < 2:
        return ()
    return deletion(model, setting.prepared.cohort, seed=setting.prepared.seed, most_rows=EXPLAINED_ROWS)


def _effects(setting: Setting) -> tuple[Curve, ...]:
    """Accumulated local effects of the ten inputs that contribute most."""
    model = setting.fitted.model
    features = [feature.name for feature in getattr(model, "features", ())]
    if not features:
        return ()
    cohort = setting.prepared.cohort.take(np.arange(min(EXPLAINED_ROWS, len(setting.prepared.cohort))))
    contributions = model.predict(cohort, [str(row) for row in range(len(cohort))]).contributions
    weight = np.nan_to_num(np.abs(contributions)).mean(axis=0)
    shown = [features[k] for k in np.argsort(-weight, kind="stable")[:SHOWN_EFFECTS] if weight[k] > 0]
    return accumulated_local_effects(
        model, setting.prepared.cohort, shown, most_rows=EFFECT_ROWS, seed=setting.prepared.seed
    )


def _sample_size(setting: Setting) -> Iterator[Check]:
    found = _needed(setting)
    if found is None:
        return
    said = "; ".join(f"{name} {rows}" for name, rows in found.criteria)
    yield Check(
        name="sample_size",
        passed=found.adequate,
        detail=f"{found.n} rows, {found.needed} needed for {found.parameters} parameters ({said}); "
        f"expected shrinkage {found.shrinkage:.3f}, {found.events_per_parameter:.1f} events per parameter",
        values={
            "n": found.n,
            "needed": found.needed,
            "parameters": found.parameters,
            "r2": found.r2,
            "shrinkage": found.shrinkage if np.isfinite(found.shrinkage) else None,
            "events_per_parameter": found.events_per_parameter,
            "events_per_parameter_needed": found.events_per_parameter_needed,
            "criteria": dict(found.criteria),
        },
    )


def _needed(setting: Setting) -> sample_size.SampleSize | None:
    """By the fit that the pipeline showed out of fold; None where it showed none (more than two classes, a loss)."""
    prepared = setting.prepared
    target = prepared.target
    n = len(target)
    head = prepared.cohort.take(np.arange(min(n, 20_000)))
    encoder = fit_encoder(head, Encoding.DENSE, target=target.take(np.arange(len(head))))
    parameters = max(encoder.apply(head.take(np.arange(1))).values.shape[1], 1)
    predicted = first_repeat(setting.fitted.pipeline)
    known = np.flatnonzero(np.isfinite(predicted.reshape(n, -1)).all(axis=1))
    if target.is_binary:
        probability = predicted if predicted.ndim == 1 else predicted[:, 1]
        outcome, share = target.values[known], float((target.values == 1).mean())
        inside = np.clip(probability[known], 1e-9, 1 - 1e-9)
        gain = np.log(np.where(outcome == 1, inside, 1 - inside)) - np.log(np.where(outcome == 1, share, 1 - share))
        r2 = sample_size.cox_snell(float(gain.sum()), len(known))
        return sample_size.binary(parameters=parameters, prevalence=share, r2=max(r2, 1e-3), n=n)
    if target.task is Task.REGRESSION:
        outcome = target.values[known]
        r2 = 1 - np.square(outcome - predicted[known]).sum() / np.square(outcome - outcome.mean()).sum()
        one_sign = bool(np.sign(target.values.min()) == np.sign(target.values.max()))
        mean, spread = float(target.values.mean()) if one_sign else 0.0, float(target.values.std())
        return sample_size.continuous(
            parameters=parameters, r2=float(np.clip(r2, 1e-3, 0.99)), mean=mean, spread=spread, n=n
        )
    if target.task is Task.SURVIVAL:
        return _needed_over_time(setting, predicted, known, parameters)
    return None


def _needed_over_time(
    setting: Setting, predicted: npt.NDArray[np.float64], known: npt.NDArray[np.int64], parameters: int
) -> sample_size.SampleSize:
    target = setting.prepared.target
    assert target.events is not None
    order = known[np.argsort(-target.values[known], kind="stable")]
    margin, happened = predicted[order], target.events[order] == EVENT
    at_risk = np.log(np.arange(1, len(order) + 1))
    gain = (margin - np.logaddexp.accumulate(margin) + at_risk)[happened].sum()
    follow_up = float(target.values.mean())
    horizon = setting.horizons[0] if setting.horizons else float(np.median(target.values))
    return sample_size.survival(
        parameters=parameters,
        rate=float((target.events == EVENT).sum() / target.values.sum()),
        mean_follow_up=follow_up,
        horizon=horizon,
        r2=max(sample_size.cox_snell(float(gain), len(order)), 1e-3),
        n=len(target),
    )


def _explanations(setting: Setting) -> Iterator[Check]:
    model = setting.fitted.model
    if model is None:
        return
    rows = np.arange(min(EXPLAINED_ROWS, len(setting.prepared.cohort)))
    some = setting.prepared.cohort.take(rows)
    predictions = model.predict(some, [setting.prepared.ids[row] for row in rows])
    explained = model.predict(some, [setting.prepared.ids[row] for row in rows], explain=False)
    off = float(np.abs(predictions.base + predictions.contributions.sum(axis=1) - explained.margin).max())
    yield Check(
        name="additivity",
        passed=off <= ADDITIVE,
        detail=f"base + contributions differ from the model's own margin by at most {off:.2g} in {len(rows)} rows",
        values={"greatest": off, "n": len(rows)},
    )
