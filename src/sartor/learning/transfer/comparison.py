"""Every way beside every other on the target's patients, over sizes of the training part, out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.learning.learner import Encoding, FloatArray
from sartor.learning.task import Matrix, Target
from sartor.learning.transfer.candidates import Method, fit_source, folds, stratum
from sartor.learning.transfer.guard import GUARDED, TRUSTED, fit_all

WHOLE = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """Out-of-fold margins of the target's n rows.

    margins: size → way → (repeats, n); size 0 is the whole training part. parts: (repeats, n) the fold of each row.
    weights: the guard's weights in each (repeat, fold) at the whole size.
    trained: rows in a whole training part, at the median.
    """

    margins: Mapping[int, Mapping[str, FloatArray]]
    parts: npt.NDArray[np.int64]
    weights: tuple[Mapping[str, float], ...]
    trained: int


@dataclass(frozen=True, slots=True)
class Sites:
    """Source and target as one table: the first `n_source` rows are the source's."""

    cohort: Cohort
    source: Target
    target: Target

    @property
    def n_source(self) -> int:
        """Rows of the source."""
        return len(self.source)


def together(source: Cohort, target: Cohort) -> Cohort:
    """The rows of both, by the columns of the source; a column that the target lacks is missing there."""
    return Cohort(columns=tuple(_joined(column, target) for column in source.columns))


def _joined(column: Column, target: Cohort) -> Column:
    if column.name not in target:
        kind = np.full(len(target), -1) if column.kind is ColumnKind.CATEGORY else np.full(len(target), np.nan)
        return Column(column.name, column.kind, np.concatenate([column.values, kind]), column.categories, column.unit)
    other = target.column(column.name)
    if column.kind is not ColumnKind.CATEGORY and other.kind is not ColumnKind.CATEGORY:
        values = np.concatenate([column.values.astype(float), other.values.astype(float)])
        return Column(column.name, column.kind, values, unit=column.unit)
    labels = column.labels() + other.labels()
    categories = tuple(sorted({label for label in labels if label}))
    code = {label: index for index, label in enumerate(categories)} | {"": -1}
    values = np.array([code[label] for label in labels], dtype=np.int32)
    return Column(column.name, ColumnKind.CATEGORY, values, categories, column.unit)


def compare(
    sites: Sites,
    methods: Sequence[Method],
    learners: tuple[str, ...],
    *,
    sizes: Sequence[int],
    outer_folds: int,
    repeats: int,
    seed: int,
    trusted: Sequence[str] = TRUSTED,
    in_time: Callable[[int], bool] = lambda _: True,
    progress: Callable[[str], None] = lambda _: None,
) -> Compared:
    """Repeated cross-validation of the target; in each training part draws of each size, and the whole of it.

    Encoder, source model, every grid point and the guard see the training part only. `in_time(repeat)` may end the
    repeats early (the first is always made).
    """
    names = [*(method.name for method in methods), GUARDED]
    n = len(sites.target)
    margins: dict[int, dict[str, list[FloatArray]]] = {}
    parts, weights, trained = [], [], []
    for repeat in range(repeats):
        if repeat and not in_time(repeat):
            break
        progress(f"repeat {repeat + 1} of {repeats}")
        part = np.full(n, -1, dtype=np.int64)
        drawn: dict[int, dict[str, FloatArray]] = {}
        for fold, (learn, left_out) in enumerate(folds(sites.target, count=outer_folds, seed=seed + 1000 * repeat)):
            part[left_out] = fold
            trained.append(len(learn))
            matrix, _ = encode(sites, learn)
            values = np.asarray(matrix.values, dtype=float)
            of_source, of_target = values[: sites.n_source], values[sites.n_source :]
            source = fit_source(of_source, sites.source, seed=seed, learners=learners)
            for size in (WHOLE, *(each for each in sizes if each < len(learn))):
                rows = learn if size == WHOLE else draw(sites.target, learn, size, seed=seed + 1000 * repeat + fold)
                fitted, guarded, _ = fit_all(
                    source, of_target[rows], sites.target.take(rows), methods, seed=seed, trusted=trusted
                )
                into = drawn.setdefault(size, {name: np.full(n, np.nan) for name in names})
                for name, model in {**fitted, GUARDED: guarded}.items():
                    into[name][left_out] = model.margin(of_target[left_out])
                if size == WHOLE:
                    weights.append({name: share for name, (share, _) in guarded.parts.items()})
        parts.append(part)
        for size, by_name in drawn.items():
            for name, margin in by_name.items():
                margins.setdefault(size, {}).setdefault(name, []).append(margin)
    stacked = {size: {name: np.array(found) for name, found in ways.items()} for size, ways in margins.items()}
    whole = {size: ways for size, ways in sorted(stacked.items()) if all(np.isfinite(m).all() for m in ways.values())}
    return Compared(whole, np.array(parts), tuple(weights), int(np.median(trained)) if trained else 0)


def encode(sites: Sites, learn: npt.NDArray[np.int64]) -> tuple[Matrix, object]:
    """All rows encoded by what source and the target's training rows show (outcomes apart), and the encoder."""
    from sartor.learning.encoding import fit_encoder

    rows = np.concatenate([np.arange(sites.n_source), sites.n_source + learn])
    encoder = fit_encoder(sites.cohort.take(rows), Encoding.DENSE)
    return encoder.apply(sites.cohort), encoder


def draw(target: Target, rows: npt.NDArray[np.int64], size: int, *, seed: int) -> npt.NDArray[np.int64]:
    """`size` of these rows at random, classes (or events) in proportion and at least two of each where there are."""
    generator = np.random.default_rng([seed, size, 3])
    strata = stratum(target.take(rows))
    chosen: list[int] = []
    labels, counts = np.unique(strata, return_counts=True)
    for label, count in zip(labels, counts, strict=True):
        wanted = min(max(round(size * count / len(rows)), 2), count)
        chosen += generator.choice(rows[strata == label], size=wanted, replace=False).tolist()
    return np.sort(np.array(chosen, dtype=np.int64))
