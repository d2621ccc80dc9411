"""Columns of a view that are the outcome itself under another name."""

from __future__ import annotations

import numpy as np

from sartor.domain.model import Task
from sartor.learning.multiomics.views import View
from sartor.learning.task import EVENT, Target

NEARLY_ALL = 0.999
FEWEST = 10


def copies(view: View, target: Target) -> tuple[str, ...]:
    """Names of columns of which the outcome explains at least 99.9 % of the variance, over patients who have both.

    Classes: between-class share of the variance. Values: squared correlation. Survival: with the time, and with the
    event. No measurement is that exact; a code of the outcome is.
    """
    rows = view.present
    if int(rows.sum()) < FEWEST:
        return ()
    values, own = view.values[rows], target.take(rows)
    known = ~np.isnan(values)
    enough = known.sum(axis=0) >= FEWEST
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, values - mean, 0.0)
    total = (centred**2).sum(axis=0)
    explained = np.zeros(values.shape[1])
    if own.task is Task.CLASSIFICATION:
        for label in np.unique(own.values):
            inside = own.values == label
            count = np.maximum(known[inside].sum(axis=0), 1)
            explained += centred[inside].sum(axis=0) ** 2 / count
    else:
        outcomes = [own.values] if own.events is None else [own.values, (own.events == EVENT).astype(np.float64)]
        for outcome in outcomes:
            apart = outcome - outcome.mean()
            spread = max(float((apart**2).sum()), 1e-12)
            explained = np.maximum(explained, (centred.T @ apart) ** 2 / spread)
    told = enough & (total > 0) & (explained >= NEARLY_ALL * total)
    return tuple(view.columns[k] for k in np.flatnonzero(told))
