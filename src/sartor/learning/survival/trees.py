"""Ensembles of regression trees that LightGBM grows: stored as its own text, explained by its exact TreeSHAP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.errors import MissingExtra, ModelRefused
from sartor.learning.task import Matrix

Floats = npt.NDArray[np.float64]
BINNING = {"max_bin": 63, "min_data_in_bin": 1, "feature_pre_filter": False, "num_threads": 1, "verbosity": -1}
Objective = Callable[[Floats, Any], tuple[Floats, Floats]]


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra("LightGBM is not installed", todo="pip install 'sartor[learn]'") from error
    return lightgbm


def dataset(matrix: Matrix) -> Any:
    """The matrix as LightGBM's binned data, kept for several boosters. NaN stays missing."""
    categorical = [int(j) for j in np.flatnonzero(matrix.categorical)]
    values = np.where(matrix.categorical & (matrix.values < 0), np.nan, matrix.values)
    return (
        _lightgbm()
        .Dataset(
            values,
            label=np.zeros(len(matrix)),
            params=BINNING,
            categorical_feature=categorical or "auto",
            free_raw_data=False,
        )
        .construct()
    )


def settings(seed: int, **more: Any) -> dict[str, Any]:
    """Parameters that make LightGBM deterministic, and quiet."""
    return {
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "boost_from_average": False,
        **BINNING,
        **more,
    }


def booster(data: Any, parameters: dict[str, Any]) -> Any:
    """An empty booster on these data; call `update(fobj=…)` for each tree."""
    return _lightgbm().Booster(parameters, data)


def text_of(model: Any) -> bytes:
    """The booster as LightGBM's text; the same trees give the same bytes."""
    return str(model.model_to_string()).encode()


def from_text(text: bytes) -> Any:
    """The booster again. Raises ModelRefused for text that LightGBM does not know."""
    library = _lightgbm()
    try:
        return library.Booster(model_str=text.decode())
    except (library.basic.LightGBMError, UnicodeDecodeError) as error:
        raise ModelRefused("LightGBM cannot read the trees", todo="make the model folder anew") from error


def values_of(matrix: Matrix) -> npt.NDArray[Any]:
    """What boosters predict from: category codes below 0 are missing."""
    if not matrix.categorical.any():
        return matrix.values
    return np.where(matrix.categorical & (matrix.values < 0), np.nan, matrix.values)


def raw(model: Any, matrix: Matrix) -> Floats:
    """Sum of the trees, (n,)."""
    return np.asarray(model.predict(values_of(matrix), raw_score=True, num_threads=1), float)


def shapley(model: Any, matrix: Matrix) -> tuple[Floats, Floats]:
    """(base (n,), contributions (n, columns)) of the sum of the trees: TreeSHAP (Lundberg 2020, PMID 32607472)."""
    found = np.asarray(model.predict(values_of(matrix), pred_contrib=True, num_threads=1), float)
    return found[:, -1], found[:, :-1]


def dataset_like(matrix: Matrix, reference: Any) -> Any:
    """Other rows, binned as `reference`."""
    return reference.create_valid(values_of(matrix), label=np.zeros(len(matrix)), params=BINNING).construct()


def held_scores(model: Any) -> Floats:
    """The booster's running sum for its held-out data, (n,)."""
    kept: list[Floats] = []

    def keep(predicted: Floats, _: Any) -> tuple[str, float, bool]:
        kept.append(np.array(predicted, float))
        return "kept", 0.0, False

    model.eval_valid(feval=keep)
    return kept[-1]


def first_trees(model: Any, count: int) -> Any:
    """A booster of the first `count` trees, free of its data (none: a constant 0)."""
    return from_text(model.model_to_string(num_iteration=max(count, 1)).encode()) if count else constant(model)


def constant(model: Any) -> Any:
    """A booster whose only tree adds nothing."""
    text = model.model_to_string(num_iteration=1)
    first = from_text(text.encode())
    for leaf in range(first.dump_model()["tree_info"][0]["num_leaves"]):
        first.set_leaf_output(0, leaf, 0.0)
    return from_text(first.model_to_string().encode())
