"""Learners of drug response, from the means that any model must beat to kernels and trees over cells and drugs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sartor.learning.drug_response.responses import Floats, Responses

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
RANKS = (3, 8, 20, 50)
FEWEST = 8


class DrugLearner(Protocol):
    """Learns from the responses that are there and predicts the whole table (cells × drugs)."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def complexity(self) -> int: ...  # noqa: D102

    def lacks(self, responses: Responses, *, new_drugs: bool) -> str:
        """Why it cannot be used on this table, as a key of the wording; "" when it can."""
        ...

    def predict(self, training: Responses, *, seed: int) -> Floats:
        """(c, d) predictions; learns only from `training.values` that are not NaN, and from features."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """The means that explain most of any global correlation.

    kind: "drug mean" (how strong the drug is), "cell mean" (how sensitive the cell is), or both added. Where a drug or
    cell is new, its mean is unknown and the overall mean stands in.
    """

    kind: str
    complexity: int = 0

    @property
    def name(self) -> str:
        """The kind."""
        return self.kind

    def lacks(self, responses: Responses, *, new_drugs: bool) -> str:
        """Nothing."""
        return ""

    def predict(self, training: Responses, *, seed: int) -> Floats:
        """Means of the training part, a cell's and a drug's shrunk towards 0 by one observation."""
        overall, cell, drug = additive(training.values)
        if self.kind == "drug mean":
            cell, drug = np.zeros_like(cell), _centred_mean(training.values, axis=0) - overall
        elif self.kind == "cell mean":
            cell, drug = _centred_mean(training.values, axis=1) - overall, np.zeros_like(drug)
        return np.asarray(overall + cell[:, None] + drug[None, :])


def _centred_mean(values: Floats, axis: int) -> Floats:
    """Means along an axis; the overall mean where there is none."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    overall = total.sum() / max(int(count.sum()), 1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), overall))


def additive(values: Floats, rounds: int = 10) -> tuple[float, Floats, Floats]:
    """(overall mean, cell effects (c,), drug effects (d,)) of the two-way additive model; 0 for what is unknown."""
    known = ~np.isnan(values)
    overall = float(values[known].mean()) if known.any() else 0.0
    left = np.where(known, values - overall, 0.0)
    cells, drugs = known.sum(axis=1), known.sum(axis=0)
    cell, drug = np.zeros(len(values)), np.zeros(values.shape[1])
    for _ in range(rounds):
        drug = (left - np.where(known, cell[:, None], 0.0)).sum(axis=0) / (drugs + 1.0)
        cell = (left - np.where(known, drug[None, :], 0.0)).sum(axis=1) / (cells + 1.0)
    return overall, cell, drug


def scaled(features: Floats, rows: Any) -> Floats:
    """Columns filled with medians and standardised by these rows, over √columns (total variance 1); constants out."""
    if not features.shape[1]:
        return features
    inside = features[rows]
    usable = ~np.isnan(inside).all(axis=0)
    inside, values = inside[:, usable], features[:, usable]
    median = np.nanmedian(inside, axis=0) if usable.any() else np.empty(0)
    inside, values = np.where(np.isnan(inside), median, inside), np.where(np.isnan(values), median, values)
    spread = inside.std(axis=0)
    varied = spread > 1e-9
    values = (values - inside.mean(axis=0))[:, varied] / spread[varied]
    return np.asarray(values / np.sqrt(max(values.shape[1], 1)))


@dataclass(frozen=True, slots=True)
class RidgePerDrug:
    """One kernel ridge regression per drug on the features of cells, the penalty shared by all drugs.

    The penalty is the one with the least mean leave-one-out error in the training part, which a decomposition gives in
    closed form (Golub, Heath & Wahba 1979, doi:10.1080/00401706.1979.10489751).
    """

    name: str = "ridge per drug"
    complexity: int = 2

    def lacks(self, responses: Responses, *, new_drugs: bool) -> str:
        """Features of cells, and responses to each drug."""
        if new_drugs:
            return "new_drug"
        return "" if responses.cell_features.shape[1] else "cell_features"

    def predict(self, training: Responses, *, seed: int) -> Floats:
        """The drug's mean where it was measured in fewer than 8 training cells."""
        known = training.known
        features = scaled(training.cell_features, known.any(axis=1))
        kernel = features @ features.T
        predicted = Means("drug mean").predict(training, seed=seed)
        error = np.zeros(len(PENALTIES))
        each: list[tuple[int, Floats]] = []
        for drug in np.flatnonzero(known.sum(axis=0) >= FEWEST).tolist():
            rows = np.flatnonzero(known[:, drug])
            outcome = training.values[rows, drug]
            along, left_out = _ridge_path(kernel[np.ix_(rows, rows)], outcome - outcome.mean())
            error += left_out / max(float(outcome.var()), 1e-12)
            each.append((drug, kernel[:, rows] @ along + outcome.mean()))
        best = int(np.argmin(error))
        for place, path in each:
            predicted[:, place] = path[:, best]
        return predicted


def _ridge_path(kernel: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Dual weights (n, penalties) and mean squared leave-one-out error (penalties,)."""
    size, turn = np.linalg.eigh(kernel)
    along = turn.T @ outcome
    squared = turn**2
    weights, errors = [], []
    for penalty in PENALTIES:
        shrunk = 1 / (np.maximum(size, 0.0) + penalty)
        dual = turn @ (shrunk * along)
        errors.append(float(((dual / (squared @ shrunk)) ** 2).mean()))
        weights.append(dual)
    return np.array(weights).T, np.array(errors)


@dataclass(frozen=True, slots=True)
class LowRank:
    """All drugs at once: reduced-rank ridge regression on the features of cells (Izenman 1975, J Multivar
    Anal; Mukherjee & Zhu 2011, Stat Anal Data Min).

    Gaps are filled by a low-rank completion of the training responses; what features say is kept along the directions
    in which drugs answer together. Rank and penalty minimise the error in held-out training cells.
    """

    name: str = "low rank"
    complexity: int = 3

    def lacks(self, responses: Responses, *, new_drugs: bool) -> str:
        """As ridge per drug."""
        return RidgePerDrug().lacks(responses, new_drugs=new_drugs)

    def predict(self, training: Responses, *, seed: int) -> Floats:
        """Drug means plus what the features add."""
        known = training.known
        rows = np.flatnonzero(known.any(axis=1))
        features = scaled(training.cell_features, known.any(axis=1))
        mean = _centred_mean(training.values, axis=0)
        spread = _spread(training.values)
        residual = np.where(known, (training.values - mean) / spread, np.nan)[rows]
        order = np.random.default_rng(seed).permutation(len(rows)) % 4
        error = np.zeros((len(PENALTIES), len(RANKS)))
        for fold in range(4):
            inside, outside = order != fold, order == fold
            tables = _reduced_rank(features[rows], residual[inside], np.flatnonzero(inside))
            truth = residual[outside]
            for i, row in enumerate(tables):
                for j, table in enumerate(row):
                    error[i, j] += float(np.nansum((table[outside] - truth) ** 2))
        best_penalty, best_rank = divmod(int(np.argmin(error)), len(RANKS))
        found = _reduced_rank(np.concatenate([features[rows], features]), residual, np.arange(len(rows)))[best_penalty][
            best_rank
        ]
        return np.asarray(mean + spread * found[len(rows) :])


def _spread(values: Floats) -> Floats:
    """(d,) SD of each drug's responses, shrunk to the typical one where few are known."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    centred = np.where(known, values - _centred_mean(values, axis=0), 0.0)
    typical = float((centred**2).sum() / max(int(known.sum()), 1))
    return np.asarray(np.sqrt(((centred**2).sum(axis=0) + 5 * typical) / (count + 5)) + 1e-9)


def _reduced_rank(features: Floats, residual: Floats, rows: np.typing.NDArray[np.int64]) -> list[list[Floats]]:
    """Predictions for all rows of `features`, [penalty][rank], learned from residual (n, d) at `rows`."""
    filled = completed(residual)
    kernel = features[rows] @ features[rows].T
    size, turn = np.linalg.eigh(kernel)
    along = turn.T @ filled
    cross = features @ features[rows].T @ turn
    found = []
    for penalty in PENALTIES:
        shrunk = along / (np.maximum(size, 0.0) + penalty)[:, None]
        _, _, directions = np.linalg.svd(np.maximum(size, 0.0)[:, None] * shrunk, full_matrices=False)
        whole = cross @ shrunk
        found.append([whole @ directions[:rank].T @ directions[:rank] for rank in RANKS])
    return found


def completed(residual: Floats, rank: int = 10, rounds: int = 15) -> Floats:
    """(n, d) with gaps filled by iterated truncated decomposition (Mazumder et al. 2010, JMLR 11:2287)."""
    known = ~np.isnan(residual)
    filled = np.where(known, residual, 0.0)
    if known.all():
        return filled
    for _ in range(rounds):
        left, size, right = np.linalg.svd(filled, full_matrices=False)
        floor = size[min(rank, len(size) - 1)]
        kept = np.maximum(size - floor, 0.0)
        filled = np.where(known, residual, (left * kept) @ right)
    return filled


@dataclass(frozen=True, slots=True)
class TwoStep:
    """Kernel ridge over cells, then over drugs: it can speak of new drugs, from their features.

    Two-step kernel ridge regression (Stock et al. 2020, doi:10.1093/bib/bby095). Penalties minimise the error for
    training drugs held out, and for training cells held out.
    """

    name: str = "two-step kernel"
    complexity: int = 3

    def lacks(self, responses: Responses, *, new_drugs: bool) -> str:
        """Features of both."""
        if not responses.cell_features.shape[1]:
            return "cell_features"
        return "" if responses.drug_features.shape[1] else "drug_features"

    def predict(self, training: Responses, *, seed: int) -> Floats:
        """Means of known cells and drugs, what features say of new ones, and what both say together."""
        known = training.known
        cell_rows, drug_rows = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
        cells = scaled(training.cell_features, known.any(axis=1))
        drugs = scaled(training.drug_features, known.any(axis=0))
        overall, cell, drug = additive(training.values)
        table, mean, own = training.values[np.ix_(cell_rows, drug_rows)], drug[drug_rows], cell[cell_rows]
        filled = completed(table - overall - mean - own[:, None])
        strength = _drug_ridge(drugs, drug_rows, mean[None, :])[0]
        strength[drug_rows] = mean
        sensitivity = _cell_ridge(cells, cell_rows, own[:, None])[:, 0]
        sensitivity[cell_rows] = own
        both = _drug_ridge(drugs, drug_rows, _cell_ridge(cells, cell_rows, filled))
        return np.asarray(overall + sensitivity[:, None] + strength[None, :] + both)


def _drug_ridge(drugs: Floats, rows: np.typing.NDArray[np.int64], values: Floats) -> Floats:
    """(m, d) from (m, known drugs): ridge over drugs' features, penalty by leave-one-drug-out."""
    centre = values.mean(axis=1, keepdims=True)
    dual, error = _shared_path(drugs[rows] @ drugs[rows].T, (values - centre).T)
    return np.asarray((drugs @ drugs[rows].T @ dual[int(np.argmin(error))]).T + centre)


def _cell_ridge(cells: Floats, rows: np.typing.NDArray[np.int64], values: Floats) -> Floats:
    """(c, m) from (known cells, m): ridge over cells' features, penalty by leave-one-cell-out."""
    dual, error = _shared_path(cells[rows] @ cells[rows].T, values)
    return np.asarray(cells @ cells[rows].T @ dual[int(np.argmin(error))])


def _shared_path(kernel: Floats, outcomes: Floats) -> tuple[list[Floats], list[float]]:
    size, turn = np.linalg.eigh(kernel)
    along, squared = turn.T @ outcomes, turn**2
    duals, errors = [], []
    for penalty in PENALTIES:
        shrunk = 1 / (np.maximum(size, 0.0) + penalty)
        dual = turn @ (shrunk[:, None] * along)
        errors.append(float(((dual / (squared @ shrunk)[:, None]) ** 2).mean()))
        duals.append(dual)
    return duals, errors


@dataclass(frozen=True, slots=True)
class Boosting:
    """Gradient-boosted trees (LightGBM) over pairs: components of cells, features of drugs, how drugs act alike.

    It learns the residual from the additive means; a known drug is described by its means and by its place among the
    drugs' responses, a new one by its features alone.
    """

    components: int = 30
    trees: int = 200
    name: str = "boosted trees"
    complexity: int = 4

    def lacks(self, responses: Responses, *, new_drugs: bool) -> str:
        """Features of cells, and of drugs when these are new."""
        if not responses.cell_features.shape[1]:
            return "cell_features"
        return "drug_features" if new_drugs and not responses.drug_features.shape[1] else ""

    def predict(self, training: Responses, *, seed: int) -> Floats:
        """Additive drug effects plus the trees."""
        import lightgbm

        known = training.known
        features = scaled(training.cell_features, known.any(axis=1))
        cell = _leading(features, known.any(axis=1), self.components)
        overall, _, drug = additive(training.values)
        described = self._drugs(training, drug)
        rows, columns = np.nonzero(known)
        table = np.concatenate([cell[rows], described[columns]], axis=1)
        data = lightgbm.Dataset(table, training.values[rows, columns] - overall - drug[columns], free_raw_data=True)
        settings = {"objective": "l2", "learning_rate": 0.08, "num_leaves": 31, "min_data_in_leaf": 50, "max_bin": 63,
                    "feature_fraction": 0.7, "bagging_fraction": 0.5, "bagging_freq": 1, "seed": seed, "verbose": -1,
                    "deterministic": True, "force_row_wise": True, "num_threads": 1}  # fmt: skip
        model = lightgbm.train(settings, data, num_boost_round=self.trees)
        whole = np.concatenate([np.repeat(cell, len(described), axis=0), np.tile(described, (len(cell), 1))], axis=1)
        return np.asarray(overall + drug[None, :] + np.asarray(model.predict(whole)).reshape(len(cell), len(described)))

    def _drugs(self, training: Responses, drug: Floats) -> Floats:
        """(d, features): own features, and for drugs that were measured their effect and place among the responses."""
        known = training.known
        there = known.any(axis=0)
        rows = known.any(axis=1)
        mean, spread = _centred_mean(training.values, axis=0), _spread(training.values)
        residual = np.where(known, (training.values - mean) / spread, np.nan)[np.ix_(rows, there)]
        _, size, right = np.linalg.svd(completed(residual), full_matrices=False)
        keep = min(8, len(size))
        place = np.full((len(drug), keep + 1), np.nan)
        place[there, :keep], place[there, keep] = right[:keep].T, drug[there]
        own = training.drug_features
        return np.concatenate([own, place], axis=1) if not own.shape[1] or there.all() else np.asarray(own)


def _leading(features: Floats, rows: Any, most: int) -> Floats:
    _, _, right = np.linalg.svd(features[rows] - features[rows].mean(axis=0), full_matrices=False)
    return np.asarray(features @ right[:most].T)


def learners() -> tuple[DrugLearner, ...]:
    """All, simplest first."""
    return (
        Means("drug mean"), Means("cell mean"), Means("drug and cell mean", 1), RidgePerDrug(), LowRank(), TwoStep(),
        Boosting(),
    )  # fmt: skip
