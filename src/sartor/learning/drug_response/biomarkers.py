"""Biomarkers of response, per drug: features of cells that go with it again and again in halves of the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sartor.learning.drug_response.learners import scaled
from sartor.learning.drug_response.responses import Floats, Responses
from sartor.learning.multiomics.biomarkers import adjusted

FEWEST_CELLS = 20


@dataclass(frozen=True, slots=True)
class DrugBiomarkers:
    """All p features × d drugs.

    correlation: (p, d) Pearson with the response, cells' features filled with medians; NaN without 20 cells.
    p_value, q_value: (p, d); Benjamini–Hochberg over the whole table. frequency: (p, d) share of the halves in which
    the feature was among the `picked` strongest for the drug.
    """

    columns: tuple[str, ...]
    correlation: Floats
    p_value: Floats
    q_value: Floats
    frequency: Floats
    picked: int
    halves: int


def find(responses: Responses, *, seed: int, halves: int, picked: int = 10) -> DrugBiomarkers:
    """Correlations on all cells and selection frequencies on random halves of the cells (groups kept whole)."""
    from scipy import stats

    everyone = np.ones(len(responses.cells), dtype=bool)
    features, columns = _usable(responses)
    count = responses.known.sum(axis=0)
    whole = _correlation(features, responses.values)
    whole[:, count < FEWEST_CELLS] = np.nan
    freedom = np.maximum(count - 2, 1)
    safe = np.clip(whole, -1 + 1e-12, 1 - 1e-12)
    p_value = 2 * stats.t.sf(np.abs(safe) * np.sqrt(freedom / (1 - safe**2)), freedom)
    generator = np.random.default_rng(seed)
    groups = np.unique(responses.groups)
    picked = min(picked, len(columns))
    times = np.zeros(whole.shape)
    for _ in range(halves):
        half = generator.permutation(groups)[: (len(groups) + 1) // 2]
        rows = np.isin(responses.groups, half) & everyone
        strength = np.abs(np.nan_to_num(_correlation(features[rows], responses.values[rows])))
        best = np.argsort(-strength, axis=0, kind="stable")[:picked]
        np.put_along_axis(times, best, np.take_along_axis(times, best, 0) + 1, 0)
    q_value = adjusted(p_value.ravel()).reshape(p_value.shape)
    return DrugBiomarkers(columns, whole, p_value, q_value, times / halves, picked, halves)


def _usable(responses: Responses) -> tuple[Floats, tuple[str, ...]]:
    values = responses.cell_features
    kept = [k for k in range(values.shape[1]) if np.nanstd(values[:, k]) > 1e-9] if values.size else []
    names = tuple(responses.cell_columns[k] for k in kept)
    return scaled(values[:, kept], np.ones(len(values), dtype=bool)), names


def _correlation(features: Floats, values: Floats) -> Floats:
    """(p, d) over the cells in which each drug was measured, by sums with gaps."""
    known = (~np.isnan(values)).astype(np.float64)
    filled = np.nan_to_num(values)
    count = np.maximum(known.sum(axis=0), 1)
    sum_x, sum_y = features.T @ known, filled.sum(axis=0)
    between = features.T @ filled - sum_x * sum_y / count
    spread_x = (features**2).T @ known - sum_x**2 / count
    spread_y = (filled**2).sum(axis=0) - sum_y**2 / count
    scale = np.sqrt(np.maximum(spread_x, 0) * np.maximum(spread_y, 0))
    return np.asarray(np.clip(between / np.where(scale > 1e-12, scale, np.inf), -1, 1))
