"""Public cohorts on which no threshold was ever looked at: how often is an honest one stopped?

The survival sets of PyPI's SurvSet (77) and the sets that scikit-learn brings along (5). Which stops are right was
judged after the first run, by what each column is; `RIGHT` says why. Without SurvSet its sets are left out.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import Task
from sartor.io.cohort_table import from_labels
from sartor.learning.leaks import find_leaks
from sartor.learning.task import Target

MOST_COLUMNS: Final = 1500
RIGHT: Final = {
    "mgus": "pctime is the time until the malignancy that comes afterwards",
    "flchain": "chapter is that of the cause of death",
}
"""Cohorts with a true leak among their columns: stopping is right."""
FIRST_RUN: Final = {"honest": 75, "stopped": 6, "names": ["Dialysis", "zinc", "dataDIVAT3", "csl", "heart", "oldmort"]}
"""SurvSet before anything was changed for it; since then people alike in inputs but not in outcome count as chance."""


def survset() -> Iterator[tuple[str, Cohort, Target, Any]]:
    """(name, inputs, outcome, groups) of every set that loads."""
    import pandas as pd
    from SurvSet.data import SurvLoader

    loader = SurvLoader()
    for name in loader.df_ds["ds"]:
        table = loader.load_dataset(ds_name=name)["df"].iloc[:, :MOST_COLUMNS]
        inputs = [each for each in table.columns if each not in ("pid", "event", "time", "time2")]
        columns = tuple(_column(re.sub(r"^(num|fac)_", "", each), table[each], pd) for each in inputs)
        events = table["event"].to_numpy().astype(np.int8)
        target = Target(Task.SURVIVAL, table["time"].to_numpy(float), events, ("censored", "event"))
        several = table["pid"].nunique() < len(table)
        groups = table["pid"].astype("category").cat.codes.to_numpy().astype(np.int64) if several else None
        yield name, Cohort(columns), target, groups


def _column(name: str, values: Any, pd: Any) -> Column:
    if pd.api.types.is_numeric_dtype(values):
        return Column(name, ColumnKind.NUMBER, values.to_numpy(dtype=np.float32, na_value=np.nan))
    return from_labels(name, ["" if pd.isna(each) else str(each) for each in values], ColumnKind.CATEGORY)


def bundled() -> Iterator[tuple[str, Cohort, Target, Any]]:
    """The sets of scikit-learn."""
    from sklearn import datasets

    for name in ("breast_cancer", "diabetes", "digits", "iris", "wine"):
        found = getattr(datasets, f"load_{name}")()
        columns = tuple(
            Column(str(each), ColumnKind.NUMBER, found.data[:, at].astype(np.float32))
            for at, each in enumerate(found.feature_names)
        )
        values = found.target.astype(float)
        if name == "diabetes":
            yield name, Cohort(columns), Target(Task.REGRESSION, values), None
        else:
            classes = tuple(str(each) for each in found.target_names)
            yield name, Cohort(columns), Target(Task.CLASSIFICATION, values, classes=classes), None


def held_out() -> dict[str, Any]:
    """Stops by collection, with reasons; right ones apart from false ones."""
    warnings.simplefilter("ignore", RuntimeWarning)
    sources = {"scikit-learn": bundled}
    if find_spec("SurvSet") is not None:
        sources["SurvSet"] = survset
    result: dict[str, Any] = {"first_run_survset": FIRST_RUN}
    for source, load in sources.items():
        stopped, right, n = {}, {}, 0
        for name, cohort, target, groups in load():
            stops = [each for each in find_leaks(cohort, target, groups=groups) if each.severity == "stop"]
            n += 1
            if stops:
                said = "; ".join(f"{each.subject or each.name}: {each.detail}" for each in stops[:4])
                (right if name in RIGHT else stopped)[name] = said
        result[source] = {"honest": n - len(right), "false_stops": stopped, "right_stops": right}
    return result
