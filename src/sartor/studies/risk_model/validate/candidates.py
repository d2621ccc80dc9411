"""Every candidate and the pipeline, out of fold: nothing is left out because it lost."""

from __future__ import annotations

from sartor.domain.validation import Check, Curve, Measure
from sartor.learning.performance import performance
from sartor.studies.risk_model.validate.setting import LEAST_RESAMPLES, Found, Setting

HEADLINE = frozenset(
    {
        "auroc",
        "auprc",
        "accuracy",
        "brier",
        "log_loss",
        "calibration_slope",
        "calibration_intercept",
        "ici",
        "ece",
        "net_benefit",
        "r2",
        "mae",
        "rmse",
        "harrell_c",
        "uno_c",
        "integrated_brier",
    }
)


def of_candidates(setting: Setting) -> Found:
    """The pipeline in full, and the headline measures of each candidate."""
    target = setting.prepared.target
    pipeline = performance(target, setting.fitted.pipeline, setting.plan())
    measures: list[Measure] = list(pipeline.measures)
    curves: list[Curve] = list(pipeline.curves)
    checks: list[Check] = []
    fewer = max(setting.resamples // 4, min(LEAST_RESAMPLES, setting.resamples))
    for candidate in setting.fitted.candidates:
        if candidate.out_of_fold is None or candidate.status != "fitted":
            name = f"candidate {candidate.status}"
            checks.append(
                Check(name="candidate", passed=candidate.status == "fitted", severity="note", subject=candidate.name,
                      detail=f"{name}: {candidate.reason}" if candidate.reason else name)
            )  # fmt: skip
            continue
        plan = setting.plan(candidate=candidate.name, brief=True, resamples=fewer)
        found = performance(target, candidate.out_of_fold, plan)
        measures += [each for each in found.measures if each.name in HEADLINE]
    return Found(tuple(measures), tuple(curves), tuple(checks))
