"""Patients as points whose distances mean something: skewness and outliers tamed, labels weighed, noise left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.learning.encoding import MISSING
from sartor.learning.learner import FloatArray
from sartor.learning.task import Matrix

CUT = 3.0
SKEWED = 1.0
ALL_KEPT_UP_TO = 3
PARALLEL_DRAWS = 20


@dataclass(frozen=True, slots=True)
class Representation:
    """An affine view of encoded columns after a power transform of skewed ones.

    columns:   names of the encoded columns that are used, and their places in the matrix (`places`).
    powers:    (c,) Yeo–Johnson exponents, NaN where the column is left as it is.
    centre, scale: (c,) of the transformed columns. binary: (c,) columns of labels (0 or 1).
    axes:      (c, d) principal axes. explained: (c',) share of variance per component, all of them.
    absent:    (c,) place in the matrix of the column that says "is missing" of the same variable, -1 without one. A
               missing label stands at the mean of every label's column: a gap is no trait of a patient.
    """

    columns: tuple[str, ...]
    places: npt.NDArray[np.int64]
    powers: FloatArray
    centre: FloatArray
    scale: FloatArray
    binary: npt.NDArray[np.bool_]
    axes: FloatArray
    explained: FloatArray
    absent: npt.NDArray[np.int64]

    def standardised(self, matrix: Matrix) -> FloatArray:
        """(n, c): transformed, centred, scaled, numbers cut at ±3 standard deviations."""
        values = self._uncut(matrix)
        return np.where(self.binary, values, np.clip(values, -CUT, CUT))

    def farthest(self, matrix: Matrix) -> FloatArray:
        """(n,) the number farthest from the mean, in standard deviations before any cut; 0 without numbers."""
        numbers = np.abs(self._uncut(matrix)[:, ~self.binary])
        return np.asarray(numbers.max(axis=1, initial=0.0))

    def _uncut(self, matrix: Matrix) -> FloatArray:
        values = np.asarray(matrix.values, dtype=float)[:, self.places].copy()
        for column in np.flatnonzero(np.isfinite(self.powers)):
            values[:, column] = yeo_johnson(values[:, column], self.powers[column])
        found = (values - self.centre) / self.scale
        return np.where(self.gaps(matrix) & self.binary, 0.0, found)

    def gaps(self, matrix: Matrix) -> npt.NDArray[np.bool_]:
        """(n, c) where the value was missing, as far as the encoded columns say so."""
        said = np.asarray(matrix.values, dtype=float)[:, np.maximum(self.absent, 0)] > 0
        return np.asarray(said & (self.absent >= 0))

    def variables(self, matrix: Matrix) -> npt.NDArray[np.int64]:
        """(c,) the place of each column's variable among the features of the matrix."""
        return np.asarray(matrix.feature_of[self.places], dtype=np.int64)

    def points(self, matrix: Matrix) -> FloatArray:
        """(n, d): coordinates on the principal axes."""
        return np.asarray(self.standardised(matrix) @ self.axes)


def represent(matrix: Matrix, *, components: int | None = None, seed: int = 0) -> Representation:
    """Fit on encoded columns (dense). Columns that say "is missing" are left out: a gap is no trait of a patient.

    Numbers whose skewness exceeds 1 get a Yeo–Johnson transform (2000, doi:10.1093/biomet/87.4.954). A label's column
    is divided by √(share·(1−share)) and by √(labels) of its variable, so that a variable of many labels weighs as much
    as a number (as in factor analysis of mixed data, Pagès 2004). Components: Horn's parallel analysis (1965,
    doi:10.1007/BF02289447), at least two; all where there are up to three columns.
    """
    values = np.asarray(matrix.values, dtype=float)
    names = matrix.columns
    gap = np.array([name.endswith((" is missing", f"={MISSING}")) for name in names], dtype=bool)
    used = [i for i in range(len(names)) if not gap[i] and values[:, i].std() > 0]
    places = np.array(used, dtype=np.int64)
    gap_of = {int(matrix.feature_of[i]): int(i) for i in np.flatnonzero(gap)}
    absent = np.array([gap_of.get(int(matrix.feature_of[i]), -1) for i in used], dtype=np.int64)
    chosen = values[:, places]
    binary = np.array([set(np.unique(chosen[:, i])) <= {0.0, 1.0} for i in range(len(places))], dtype=bool)
    powers = np.array([np.nan if binary[i] else _power(chosen[:, i]) for i in range(len(places))])
    for i in np.flatnonzero(np.isfinite(powers)):
        chosen[:, i] = yeo_johnson(chosen[:, i], powers[i])
    scale = chosen.std(axis=0) * np.sqrt(_siblings(matrix, places, binary))
    bare = Representation(
        tuple(names[i] for i in used), places, powers, _means(chosen, values, binary, absent), scale, binary,
        np.eye(len(places)), np.empty(0), absent,
    )  # fmt: skip
    axes, explained = principal_axes(bare.standardised(matrix), components=components, seed=seed)
    return Representation(bare.columns, places, powers, bare.centre, scale, binary, axes, explained, absent)


def principal_axes(
    standardised: FloatArray, *, components: int | None = None, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """(axes (c, d), share of variance of every component)."""
    n, columns = standardised.shape
    centred = standardised - standardised.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    variances = lengths**2 / max(n - 1, 1)
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    directions = directions * np.where(signs == 0, 1, signs)[:, None]
    if components is None:
        components = columns if columns <= ALL_KEPT_UP_TO else _parallel(centred, variances, seed)
    kept = min(max(components, 1), len(variances))
    return directions[:kept].T.copy(), variances / max(float(variances.sum()), 1e-12)


def _parallel(centred: FloatArray, variances: FloatArray, seed: int) -> int:
    """How many components vary more than those of columns shuffled apart (95th percentile), at least two."""
    generator = np.random.default_rng([seed, 23])
    drawn = []
    for _ in range(PARALLEL_DRAWS):
        shuffled = generator.permuted(centred, axis=0)
        drawn.append(np.linalg.svd(shuffled, compute_uv=False) ** 2 / max(len(centred) - 1, 1))
    above = variances > np.quantile(drawn, 0.95, axis=0)
    first_below = int(np.argmin(above)) if not above.all() else len(above)
    return max(first_below, 2)


def yeo_johnson(values: FloatArray, power: float) -> FloatArray:
    """The power transform for values of either sign."""
    found = np.empty_like(values, dtype=float)
    up = values >= 0
    found[up] = np.log1p(values[up]) if abs(power) < 1e-9 else ((values[up] + 1) ** power - 1) / power
    other = 2 - power
    found[~up] = -np.log1p(-values[~up]) if abs(other) < 1e-9 else -((1 - values[~up]) ** other - 1) / other
    return found


def _power(values: FloatArray) -> float:
    """The exponent that makes skewed values most nearly Gaussian; NaN for values that are not skewed."""
    from scipy import stats

    if abs(float(stats.skew(values))) <= SKEWED:
        return float("nan")
    return float(np.clip(stats.yeojohnson_normmax(values), -3, 5))


def _means(
    chosen: FloatArray, values: FloatArray, binary: npt.NDArray[np.bool_], absent: npt.NDArray[np.int64]
) -> FloatArray:
    """(c,) mean of each column; of labels, over the rows that have one."""
    found = chosen.mean(axis=0)
    for i in np.flatnonzero(binary & (absent >= 0)):
        found[i] = chosen[values[:, absent[i]] == 0, i].mean()
    return np.asarray(found)


def _siblings(matrix: Matrix, places: npt.NDArray[np.int64], binary: npt.NDArray[np.bool_]) -> FloatArray:
    """For each used column the number of label columns of its variable, 1 for numbers."""
    features = matrix.feature_of[places]
    counts = np.array([float((binary & (features == feature)).sum()) for feature in features])
    return np.where(binary, np.maximum(counts, 1.0), 1.0)
