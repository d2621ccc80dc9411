"""For whom it works: the audit by group, who is in the data, and what treating groups more alike would cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, ColumnKind
from sartor.domain.model import Task
from sartor.domain.validation import Check, Measure
from sartor.explaining.fairness import LEAST_EVENTS, TOO_FEW, Audit, audit, representation
from sartor.explaining.group_comparison import Comparison, miscalibrated, worse
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding
from sartor.learning.mitigation import mitigations
from sartor.studies.risk_model.validate.setting import Found, Setting
from sartor.studies.risk_model.validate.uncertainty import first_repeat

APART = 0.05
"""A group that does so much worse than the others, beyond what chance makes of so many groups, is pointed out."""


def of_people(setting: Setting) -> Found:
    """Measures by group and intersection with a check for each group that fares worse."""
    if not setting.groups:
        return Found()
    prepared = setting.prepared
    what = Audit(
        target=prepared.target,
        predicted=_predicted(setting),
        people=prepared.people,
        groups=setting.groups,
        thresholds=setting.thresholds,
        patients=prepared.groups,
        resamples=setting.resamples_by_group,
        seed=prepared.seed,
        where=setting.where,
        least_rows=int(prepared.config.get("minimum_group") or 100),
        least_events=LEAST_EVENTS,
    )
    measures = list(audit(what))
    single = [group for group in setting.groups if len(group.conditions) == 1]
    reference = prepared.config.get("reference")
    measures += representation(prepared.target, prepared.cohort, prepared.people, single, reference=reference)
    checks = _checks(setting, measures)
    return Found((*measures, *_mitigated(setting)), checks=tuple(checks))


def _predicted(setting: Setting) -> npt.NDArray[np.float64]:
    values = first_repeat(setting.fitted.pipeline)
    target = setting.prepared.target
    if target.task is not Task.CLASSIFICATION or values.ndim == 1:
        return values
    if target.is_binary:
        return values[:, 1]
    right = (values.argmax(axis=1) == target.values).astype(float)
    return np.where(np.isfinite(values).all(axis=1), right, np.nan)


def _checks(setting: Setting, measures: list[Measure]) -> list[Check]:
    name = setting.fitted.metric
    small = [m.group for m in measures if m.note.startswith(TOO_FEW)]
    checks = []
    if small:
        checks.append(
            Check(name="groups_too_few", passed=False, severity="note", values={"groups": list(small)},
                  detail=f"{len(small)} groups are too small to judge")
        )  # fmt: skip
    if not any(m.name == name and m.group and m.value is not None for m in measures):
        name = "accuracy"
    for found in worse(measures, name, apart=APART):
        checks += _behind(found, name)
    for found in miscalibrated(measures):
        if found.clear:
            m = found.measure
            detail = f"{m.value:.2f} times as many have the outcome as expected ({m.low:.2f} to {m.high:.2f})"
            checks.append(Check(name="group_miscalibrated", passed=False, subject=m.group, detail=detail))
    return checks


def _behind(found: Comparison, name: str) -> list[Check]:
    """A warning where the group is clearly worse off, a note where chance among so many groups explains it."""
    if not (found.clear or found.perhaps):
        return []
    m = found.measure
    detail = f"{name} {m.value:.3f} ({m.low:.3f} to {m.high:.3f}) where the others have {found.reference:.3f}"
    detail += f"; p {found.corrected:.2g} corrected for the number of groups"
    called, severity = ("group_behind", "warning") if found.clear else ("group_perhaps_behind", "note")
    return [Check(name=called, passed=False, severity=severity, subject=m.group, detail=detail)]


def _mitigated(setting: Setting) -> tuple[Measure, ...]:
    """The arms of mitigation for each column of groups (the first three), where the outcome is binary."""
    prepared = setting.prepared
    if not prepared.target.is_binary or not prepared.config.get("mitigation", True) or not setting.thresholds:
        return ()
    found: list[Measure] = []
    columns = list(dict.fromkeys(group.columns[0] for group in setting.groups if len(group.conditions) == 1))

    def encoded(learned: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        encoder = fit_encoder(prepared.cohort.take(learned), Encoding.DENSE)
        return np.asarray(np.nan_to_num(encoder.apply(prepared.cohort.take(rows)).values.astype(float)), dtype=float)

    for name in columns[:3]:
        found += mitigations(
            encoded,
            prepared.target.values.astype(np.int64),
            _codes(setting, name),
            column=name,
            threshold=setting.thresholds[0],
            patients=prepared.groups,
            resamples=setting.resamples_by_group,
            seed=prepared.seed,
        )
    return tuple(found)


def _codes(setting: Setting, name: str) -> npt.NDArray[np.int64]:
    """Group codes of one column, -1 where nothing was recorded."""
    people: Cohort = setting.prepared.people
    column = people.column(name)
    codes = np.full(len(people), -1, dtype=np.int64)
    members = [group for group in setting.groups if group.columns == (name,)]
    for k, group in enumerate(members):
        codes[group.members(people)] = k
    codes[column.missing] = -1
    return np.where(column.values < 0, -1, codes) if column.kind is ColumnKind.CATEGORY else codes
