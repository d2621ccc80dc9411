"""Whether a row comes from where the training rows came from: a conformal p-value of two kinds of strangeness.

Numbers: squared Mahalanobis distance with a shrunk covariance (Ledoit and Wolf 2004,
doi:10.1016/S0047-259X(03)00096-4), in the leading principal components when there are many columns, plus what those
components leave unexplained.
Labels and gaps: surprisal, Σ −log frequency of each one-hot label and of each value being missing or present.
Each is ranked among training rows scored by a fit that had not seen them (Bates et al. 2023, arXiv:2104.08279), and the
two p-values are joined by Bonferroni. Fewer than 199 rows allow no p-value under 0.01: what is far stranger than any of
them is told by its distance (`far_beyond`). A p-value speaks of the whole row: it cannot call a prediction right.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.errors import ModelRefused, TooFewData
from sartor.learning.learner import FloatArray
from sartor.learning.task import Matrix

FOLDS = 5
CLIP = 10.0
MOST_COMPONENTS = 50
MOST_WHOLE = 120
MOST_KEPT = 2000
MOST_ROWS = 20_000
FAR = 2.0
WHERE = "novelty.json"
ARRAYS = ("centre", "scale", "axes", "variance", "logs_seen", "logs_unseen", "logs_missing", "logs_known")


@dataclass(frozen=True, slots=True)
class Strangeness:
    """A fitted description of the training rows.

    number, label: which encoded columns are numbers, and which are one-hot labels (or native codes).
    centre, scale: median and spread of the numbers. axes: (numbers, k). variance: (k,) along the axes, then that of
                   the rest per number. Native codes: `codes` has the log frequency of each code.
    """

    number: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    coded: npt.NDArray[np.int64]
    centre: FloatArray
    scale: FloatArray
    axes: FloatArray
    variance: FloatArray
    logs_seen: FloatArray
    logs_unseen: FloatArray
    logs_missing: FloatArray
    logs_known: FloatArray
    codes: tuple[tuple[float, ...], ...]

    @staticmethod
    def fit(matrix: Matrix) -> Strangeness:
        """Describe the rows of a matrix."""
        number, label, coded = _kinds(matrix)
        values = np.asarray(matrix.values[:, number], dtype=float)
        centre, scale = _robust(values)
        axes, variance = _axes(_standard(values, centre, scale))
        n = len(matrix)
        missing = np.isnan(matrix.values).mean(axis=0) if n else np.zeros(0)
        share_missing = (missing * n + 0.5) / (n + 1)
        ones = np.nan_to_num(np.asarray(matrix.values[:, label], dtype=float)).mean(axis=0)
        share = (ones * n + 0.5) / (n + 1)
        return Strangeness(
            number=number,
            label=label,
            coded=coded,
            centre=centre,
            scale=scale,
            axes=axes,
            variance=variance,
            logs_seen=-np.log(share),
            logs_unseen=-np.log1p(-share),
            logs_missing=-np.log(share_missing),
            logs_known=-np.log1p(-share_missing),
            codes=tuple(_code_logs(np.asarray(matrix.values[:, k], dtype=float)) for k in coded),
        )

    def scores(self, matrix: Matrix) -> tuple[FloatArray, FloatArray]:
        """(distance, surprisal) of each row, (n,) each; higher is stranger."""
        table = np.asarray(matrix.values)
        values = _standard(np.asarray(table[:, self.number], dtype=float), self.centre, self.scale)
        along = values @ self.axes
        rest = np.maximum(np.square(values).sum(axis=1) - np.square(along).sum(axis=1), 0.0)
        k = self.axes.shape[1]
        distance = (np.square(along) / self.variance[:k]).sum(axis=1) + rest / self.variance[k]
        there = np.nan_to_num(np.asarray(table[:, self.label], dtype=float))
        surprisal = there @ (self.logs_seen - self.logs_unseen) + self.logs_unseen.sum()
        gaps = np.isnan(table)
        surprisal = surprisal + gaps @ (self.logs_missing - self.logs_known)
        for logs, column in zip(self.codes, self.coded, strict=True):
            codes = np.nan_to_num(np.asarray(table[:, column], dtype=float), nan=-1.0).astype(np.int64)
            known = np.append(np.array(logs[:-1]), 0.0)
            inside = (codes >= 0) & (codes < len(logs) - 1)
            surprisal = surprisal + np.where(
                codes < 0, 0.0, np.where(inside, known[np.where(inside, codes, -1)], logs[-1])
            )
        return distance, surprisal


@dataclass(frozen=True, slots=True)
class Novelty:
    """A description of the training rows with the scores that training rows get when they are new to it."""

    strangeness: Strangeness
    distances: FloatArray
    surprisals: FloatArray
    columns: int

    @classmethod
    def fit(cls, matrix: Matrix, *, groups: npt.NDArray[np.int64] | None = None, seed: int = 0) -> Novelty:
        """Learn from the encoded training rows (at most 20,000, drawn by `seed`). Raises TooFewData below twenty."""
        n = len(matrix)
        if n < 20:
            raise TooFewData(f"{n} rows", todo="a measure of novelty needs at least twenty")
        generator = np.random.default_rng(seed)
        rows = np.sort(generator.permutation(n)[:MOST_ROWS])
        sample = matrix.take(rows)
        unit = np.arange(len(rows)) if groups is None else np.unique(groups[rows], return_inverse=True)[1]
        fold = generator.permutation(int(unit.max()) + 1)[unit] % FOLDS
        scores = np.empty((2, len(rows)))
        for k in range(FOLDS):
            held = fold == k
            if held.any():
                scores[:, held] = Strangeness.fit(sample.take(~held)).scores(sample.take(held))
        return cls(Strangeness.fit(sample), _thinned(scores[0]), _thinned(scores[1]), matrix.values.shape[1])

    def p_value(self, matrix: Matrix) -> FloatArray:
        """P(a training row is at least as strange), (n,): small for a row unlike them; uniform or larger otherwise."""
        if matrix.values.shape[1] != self.columns:
            raise ModelRefused(
                f"{matrix.values.shape[1]} columns where {self.columns} were learned", where=WHERE, todo="encode again"
            )
        distance, surprisal = self.strangeness.scores(matrix)
        both = np.minimum(_rank(self.distances, distance), _rank(self.surprisals, surprisal))
        return np.asarray(np.minimum(2 * both, 1.0))

    @property
    def least_p_value(self) -> float:
        """The smallest p-value that this many training rows allow."""
        return 2 / (min(len(self.distances), len(self.surprisals)) + 1)

    def far_beyond(self, matrix: Matrix) -> npt.NDArray[np.bool_]:
        """(n,), whether a row's distance is at least twice that of the strangest training row, new to the fit."""
        return np.asarray(self.strangeness.scores(matrix)[0] >= FAR * self.distances[-1])

    def to_json(self) -> bytes:
        """Its state as JSON; arrays as base64 of little-endian float32."""
        described = self.strangeness
        state: dict[str, Any] = {
            "format": 1,
            "columns": self.columns,
            "codes": [list(map(float, c)) for c in described.codes],
        }
        state |= {name: [int(each) for each in getattr(described, name)] for name in ("number", "label", "coded")}
        state |= {name: _packed(getattr(described, name)) for name in ARRAYS}
        state |= {name: _packed(getattr(self, name)) for name in ("distances", "surprisals")}
        return (json.dumps(state, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Novelty:
        """The state again. Raises ModelRefused for anything else."""
        try:
            state = json.loads(content)
            arrays = {name: _unpacked(state[name]) for name in ARRAYS}
            places = {name: np.array(state[name], dtype=np.int64) for name in ("number", "label", "coded")}
            codes = tuple(tuple(float(x) for x in each) for each in state["codes"])
            fields: dict[str, Any] = {**places, **arrays}
            described = Strangeness(**fields, codes=codes)
            scores = (_unpacked(state["distances"]), _unpacked(state["surprisals"]))
            return cls(described, *scores, int(state["columns"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelRefused("cannot be read", where=WHERE, todo="export the model again") from error


def _kinds(matrix: Matrix) -> tuple[npt.NDArray[np.int64], ...]:
    """Columns that are numbers, 0/1 labels, and native codes."""
    head = np.asarray(matrix.values[:5000], dtype=float)
    binary = np.all(np.isnan(head) | (head == 0) | (head == 1), axis=0)
    coded = np.asarray(matrix.categorical, dtype=bool)
    return np.flatnonzero(~binary & ~coded), np.flatnonzero(binary & ~coded), np.flatnonzero(coded)


def _robust(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    if not values.shape[1]:
        return np.zeros(0), np.ones(0)
    known = ~np.isnan(values).all(axis=0)
    filled = np.where(known, values, 0.0)
    low, centre, high = np.nanquantile(filled, [0.25, 0.5, 0.75], axis=0)
    spread = np.nanstd(filled, axis=0)
    scale = np.where(high > low, (high - low) / 1.349, np.where(spread > 0, spread, 1.0))
    return centre, scale


def _standard(values: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    return np.clip(np.nan_to_num((values - centre) / scale), -CLIP, CLIP)


def _axes(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Directions (columns, k) with the variance along each, and last the variance of the rest per column.

    The centre is the median, so second moments about it stand in for the covariance.
    """
    p = values.shape[1]
    if not p:
        return np.zeros((0, 0)), np.ones(1)
    if p > MOST_WHOLE:
        _, singular, right = np.linalg.svd(values[: 10 * MOST_WHOLE], full_matrices=False)
        k = min(MOST_COMPONENTS, len(singular) - 1)
        axes = right[:k].T
        variance = np.square(values @ axes).mean(axis=0)
        left = max(float(np.square(values).sum(axis=1).mean() - variance.sum()), 1e-6) / max(p - k, 1)
        return axes, np.append(np.maximum(variance, 1e-6), left * p)
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(values, assume_centered=True)
    found, axes = np.linalg.eigh(covariance)
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(p)])
    return axes, np.append(np.maximum(found, 1e-6), 1.0)


def _code_logs(values: FloatArray) -> tuple[float, ...]:
    """−log frequency of each code, and last that of one never seen."""
    known = values[values >= 0].astype(np.int64)
    counts = np.bincount(known) if len(known) else np.zeros(1)
    total = counts.sum() + 0.5 * (len(counts) + 1)
    return tuple(float(-np.log((count + 0.5) / total)) for count in (*counts, 0))


def _thinned(scores: FloatArray) -> FloatArray:
    """The scores in order, thinned evenly to 2,000: a p-value is exact to 1 in 2,000, and never under that."""
    ordered = np.sort(scores)
    if len(ordered) <= MOST_KEPT:
        return ordered
    return np.asarray(np.quantile(ordered, np.linspace(0, 1, MOST_KEPT), method="higher"))


def _rank(kept: FloatArray, scores: FloatArray) -> FloatArray:
    at_least = len(kept) - np.searchsorted(kept, scores - 1e-6 * np.abs(scores), side="left")
    return np.asarray((at_least + 1) / (len(kept) + 1))


def _packed(values: FloatArray) -> dict[str, Any]:
    small = np.ascontiguousarray(values, dtype="<f4")
    return {"shape": list(small.shape), "base64": base64.b64encode(small.tobytes()).decode("ascii")}


def _unpacked(state: Any) -> FloatArray:
    content = base64.b64decode(state["base64"], validate=True)
    return np.frombuffer(content, dtype="<f4").reshape(state["shape"]).astype(np.float64)
