"""Whether a cohort is large enough to develop a model of so many parameters: the criteria of Riley et al.

Riley et al. 2019, Statistics in Medicine: part I (continuous, PMID 30347470), part II (binary, time-to-event,
PMID 30357870); Riley et al. 2020, BMJ 368:m441 (PMID 32188600). The expected fit is the user's, or the measured
out-of-fold fit; where a rank measure is all there is, Cox–Snell's R² comes from the AUROC (Riley et al. 2021,
PMID 33289101: outcomes simulated from a normal linear predictor).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, exp, log, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

from sartor.errors import TooFewData

Outcome = Literal["binary", "survival", "continuous"]

SHRINKAGE = 0.9
OPTIMISM = 0.05
MARGIN = 0.05
RESIDUAL_ROWS = 234
"""Rows beyond the parameters for a residual standard deviation within 10 % (part I, criterion iii)."""
MOST_ROWS = 10_000_000


@dataclass(frozen=True, slots=True)
class SampleSize:
    """What is needed, and what a cohort of `n` rows gives.

    criteria: rows needed by each criterion: shrinkage of at least 0.9; optimism in R² of at most 0.05; the overall risk
              (or mean) known well enough; and for a continuous outcome its residual spread.
    needed:   the largest of them. shrinkage: expected at `n` rows (1 is no overfitting).
    events_per_parameter: at `n` rows; rows per parameter for a continuous outcome.
    """

    outcome: str
    parameters: int
    r2: float
    criteria: tuple[tuple[str, int], ...]
    needed: int
    n: int = 0
    shrinkage: float = float("nan")
    events_per_parameter: float = float("nan")
    events_per_parameter_needed: float = float("nan")

    @property
    def adequate(self) -> bool:
        """Whether the rows at hand suffice."""
        return self.n >= self.needed


def binary(*, parameters: int, prevalence: float, r2: float, n: int = 0) -> SampleSize:
    """Rows to develop a model of a binary outcome. r2: Cox–Snell's R² expected of it."""
    if not 0 < prevalence < 1:
        raise TooFewData(f"an outcome share of {prevalence:g}", todo="both classes must be there")
    null = prevalence * log(prevalence) + (1 - prevalence) * log(1 - prevalence)
    overall = ceil((1.96 / MARGIN) ** 2 * prevalence * (1 - prevalence))
    criteria = (*_likelihood(parameters, r2, 1 - exp(2 * null)), ("overall risk", overall))
    return _with_rows(SampleSize("binary", parameters, r2, criteria, _most(criteria)), n, prevalence)


def survival(
    *, parameters: int, rate: float, mean_follow_up: float, horizon: float, r2: float, n: int = 0
) -> SampleSize:
    """Rows to develop a model of a time to event. rate: events per person and unit of time."""
    per_person = rate * mean_follow_up
    if not per_person > 0:
        raise TooFewData("no events", todo="a survival model needs events")
    most = 1 - exp(2 * (per_person * log(per_person) - per_person))
    criteria = (*_likelihood(parameters, r2, most), ("overall risk", _overall_risk(rate, mean_follow_up, horizon)))
    return _with_rows(SampleSize("survival", parameters, r2, criteria, _most(criteria)), n, per_person)


def continuous(*, parameters: int, r2: float, mean: float, spread: float, n: int = 0) -> SampleSize:
    """Rows to develop a model of a continuous outcome. r2: adjusted R² expected; mean and spread of the outcome."""
    low, high = parameters + 2, MOST_ROWS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _shrinkage_of_values(parameters, middle, r2) >= SHRINKAGE else (middle + 1, high)
    fit = ceil(1 + parameters * (1 - r2) / OPTIMISM)
    rest = RESIDUAL_ROWS + parameters
    largest = max(low, fit, rest)
    criteria = (
        ("shrinkage", low),
        ("optimism", fit),
        ("residual spread", rest),
        ("overall mean", _overall_mean(parameters, r2, mean, spread, largest)),
    )
    found = SampleSize("continuous", parameters, r2, criteria, _most(criteria))
    found = replace(found, events_per_parameter_needed=found.needed / parameters)
    if n <= parameters + 2:
        return replace(found, n=n)
    shrinkage = _shrinkage_of_values(parameters, n, r2)
    return replace(found, n=n, shrinkage=shrinkage, events_per_parameter=n / parameters)


def cox_snell_from_auroc(auroc: float, prevalence: float) -> float:
    """Cox–Snell's R² of a calibrated model with this AUROC at this outcome share, from quantiles of two normals."""
    distance = sqrt(2) * NormalDist().inv_cdf(min(max(auroc, 0.5), 0.9999))
    grid = (np.arange(4000) + 0.5) / 4000
    quantile = np.array([NormalDist().inv_cdf(each) for each in grid])
    offset = log(prevalence / (1 - prevalence)) - distance**2 / 2
    of_cases = _mean_log(offset + distance * (quantile + distance), 1)
    of_controls = _mean_log(offset + distance * quantile, 0)
    fitted = prevalence * of_cases + (1 - prevalence) * of_controls
    null = prevalence * log(prevalence) + (1 - prevalence) * log(1 - prevalence)
    return 1 - exp(2 * (null - fitted))


def cox_snell(gain_in_log_likelihood: float, n: int) -> float:
    """Cox–Snell's R² from the gain over the model without inputs, summed over n rows (0 when it is a loss)."""
    return max(0.0, 1 - exp(-2 * gain_in_log_likelihood / n))


def _mean_log(margin: np.ndarray[tuple[int], np.dtype[np.float64]], outcome: int) -> float:
    return float(-np.logaddexp(0, -margin if outcome else margin).mean())


def _likelihood(parameters: int, r2: float, most: float) -> tuple[tuple[str, int], ...]:
    bounded = min(max(r2, 1e-6), 0.999 * most, SHRINKAGE * 0.999)
    small = bounded / (bounded + OPTIMISM * most)
    return (("shrinkage", _rows(parameters, bounded, SHRINKAGE)), ("optimism", _rows(parameters, bounded, small)))


def _rows(parameters: int, r2: float, shrinkage: float) -> int:
    return ceil(parameters / ((shrinkage - 1) * log(1 - r2 / shrinkage)))


def _overall_risk(rate: float, mean_follow_up: float, horizon: float) -> int:
    """Rows after which the risk by the horizon, 1 − exp(−rate × horizon), is known to within 0.05."""

    def wide(rows: int) -> bool:
        error = sqrt(rate / (rows * mean_follow_up))
        risks = [1 - exp(-max(each, 0) * horizon) for each in (rate, rate - 1.96 * error, rate + 1.96 * error)]
        return max(risks[0] - risks[1], risks[2] - risks[0]) > MARGIN

    low, high = 1, MOST_ROWS
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if wide(middle) else (low, middle)
    return low


def _overall_mean(parameters: int, r2: float, mean: float, spread: float, n: int) -> int:
    """Rows after which the mean is known within a tenth; `n` where that suffices, or where the mean is 0."""
    if mean == 0:
        return n
    error = spread * sqrt(1 - r2)
    for rows in (n, *(int(n * 1.05**k) + 1 for k in range(1, 300))):
        if rows > parameters + 1 and (abs(mean) + 1.96 * error / sqrt(rows)) / abs(mean) <= 1.1:
            return rows
    return MOST_ROWS


def _shrinkage_of_values(parameters: int, n: int, r2: float) -> float:
    apparent = (r2 * (n - parameters - 1) + parameters) / (n - 1)
    return 1 + (parameters - 2) / (n * log(1 - apparent)) if 0 < apparent < 1 else float("-inf")


def _most(criteria: tuple[tuple[str, int], ...]) -> int:
    return max(rows for _, rows in criteria)


def _with_rows(found: SampleSize, n: int, events_per_row: float) -> SampleSize:
    found = replace(found, events_per_parameter_needed=found.needed * events_per_row / found.parameters)
    if n <= 0:
        return found
    shrinkage = _expected_shrinkage(found.parameters, n, found.r2)
    return replace(found, n=n, shrinkage=shrinkage, events_per_parameter=n * events_per_row / found.parameters)


def _expected_shrinkage(parameters: int, n: int, r2: float) -> float:
    """The shrinkage S for which n rows are what criterion (i) asks: n (S − 1) log(1 − R²/S) = parameters."""
    low, high = max(r2, 1e-9) * (1 + 1e-9), 1.0
    for _ in range(200):
        middle = (low + high) / 2
        needed = parameters / ((middle - 1) * log(1 - r2 / middle)) if 0 < r2 < middle < 1 else float("inf")
        low, high = (middle, high) if needed < n else (low, middle)
    return low if r2 > 0 else 0.0
