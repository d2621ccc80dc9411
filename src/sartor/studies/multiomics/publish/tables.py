"""The study's results as columns: out-of-fold predictions, biomarkers, gene sets."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sartor.domain.model import Task
from sartor.learning.multiomics.biomarkers import Biomarkers
from sartor.learning.multiomics.views import Floats
from sartor.learning.task import Target
from sartor.studies.multiomics.fit import FittedViews, PathwayTest
from sartor.studies.multiomics.prepare import PreparedViews
from sartor.studies.multiomics.validate import out_of_fold

Columns = dict[str, Any]

LABELS: Final = {
    "pipeline": "Pipeline (chosen in each fold)",
    "late mean": "Late: mean of the views",
    "late stack": "Late: stack of the views",
    "early": "Early: columns side by side",
    "factors": "Intermediate: shared factors",
    "graph": "Intermediate: fused patient graph",
    "attention": "Intermediate: attention network",
}
MEASURES: Final = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "auroc": "AUROC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "r2": "R²",
    "mae": "Mean absolute error",
    "harrell_c": "Harrell's C",
}


def label(name: str) -> str:
    """A candidate's name as the report shows it."""
    return LABELS.get(name) or (f"{name.removeprefix('view:')} alone" if name.startswith("view:") else name)


def signed(text: str) -> str:
    """The same with the minus sign that printers use."""
    return text.replace("-", "−")


def predictions(prepared: PreparedViews, fitted: FittedViews) -> Columns:
    """One row per patient, repeat and candidate: fold, observed, predicted, and each class's probability."""
    target = prepared.target
    parts: list[Columns] = []
    for name, said in out_of_fold(fitted.compared).items():
        for repeat, table in enumerate(said):
            part = {
                "id": list(prepared.ids),
                "candidate": [name] * len(target),
                "repeat": [repeat + 1] * len(target),
                "fold": (fitted.compared.folds[repeat] + 1).tolist(),
            }
            parts.append(part | _observed(target) | _predicted(table, target))
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def _observed(target: Target) -> Columns:
    if target.task is Task.CLASSIFICATION:
        return {"observed": [target.classes[int(k)] for k in target.values]}
    if target.events is not None:
        return {"time": target.values.tolist(), "event": target.events.astype(int).tolist()}
    return {"observed": target.values.tolist()}


def _predicted(table: Floats, target: Target) -> Columns:
    if target.task is not Task.CLASSIFICATION:
        return {"predicted": table[:, 0].tolist()}
    likeliest = np.nan_to_num(table, nan=-1.0).argmax(axis=1)
    found: Columns = {"predicted": [target.classes[k] for k in likeliest]}
    return found | {f"probability:{name}": table[:, k].tolist() for k, name in enumerate(target.classes)}


def all_tables(fitted: FittedViews) -> dict[str, Columns]:
    """`biomarkers`, `choices`, and with a pack of gene sets `gene_sets`."""
    found = {"biomarkers": _joined([_biomarkers(each) for each in fitted.biomarkers]), "choices": _choices(fitted)}
    sets = [_sets(each) for each in fitted.pathways if each.found]
    return found | ({"gene_sets": _joined(sets)} if sets else {})


def _joined(parts: list[Columns]) -> Columns:
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def _biomarkers(found: Biomarkers) -> Columns:
    order = np.lexsort((np.nan_to_num(found.p_value, nan=1.0), -found.frequency))
    return {
        "view": [found.view] * len(order),
        "column": [found.columns[k] for k in order],
        "frequency": found.frequency[order].tolist(),
        "stable": [bool(found.frequency[k] >= found.threshold) for k in order],
        "effect": found.effect[order].tolist(),
        "differs_most_in": [found.leaning[k] for k in order],
        "p_value": found.p_value[order].tolist(),
        "q_value": found.q_value[order].tolist(),
    }


def _choices(fitted: FittedViews) -> Columns:
    made = fitted.compared.choices
    return {
        "training_part": ["all" if each.fold is None else str(each.fold + 1) for each in made],
        "considered": [each.chosen for each in made],
        "instead_of": [each.over for each in made],
        "gain": [each.gain for each in made],
        "low": [each.low for each in made],
        "high": [each.high for each in made],
        "taken": [each.accepted for each in made],
    }


def _sets(test: PathwayTest) -> Columns:
    return {
        "view": [test.view] * len(test.found),
        "set": [each.set_id for each in test.found],
        "name": [each.name for each in test.found],
        "hits": [len(each.hits) for each in test.found],
        "selected": [each.selected for each in test.found],
        "measured": [each.measured for each in test.found],
        "background": [each.background for each in test.found],
        "times_chance": [each.ratio for each in test.found],
        "p_value": [each.p_value for each in test.found],
        "q_value": [each.q_value for each in test.found],
        "genes": ["|".join(each.hits) for each in test.found],
    }
