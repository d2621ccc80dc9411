"""Responses of cells to drugs as one table with gaps, and the splits that ask what is really wanted to be known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from sartor.errors import TooFewData

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Split(StrEnum):
    """What is new to the model in the test part."""

    NEW_CELL = "new cell"
    NEW_DRUG = "new drug"
    BOTH = "new cell and drug"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Responses:
    """c cells × d drugs.

    values:        (c, d) response, NaN where it was not measured.
    cell_features: (c, p) numbers, NaN where missing; (c, 0) without any. drug_features: (d, q) likewise.
    groups:        (c,) cells of one group (patient) never stand on both sides of a split that holds cells out.
    """

    cells: tuple[str, ...]
    drugs: tuple[str, ...]
    values: Floats
    cell_features: Floats
    cell_columns: tuple[str, ...]
    drug_features: Floats
    drug_columns: tuple[str, ...]
    groups: Ints

    @property
    def known(self) -> Flags:
        """(c, d) where a response was measured."""
        return np.asarray(~np.isnan(self.values))

    def hidden_but(self, mask: Flags) -> Responses:
        """The same with every response outside the mask taken away."""
        return replace(self, values=np.where(mask, self.values, np.nan))


def parts(responses: Responses, split: Split, folds: int, seed: int) -> Iterator[tuple[Flags, Flags]]:
    """(training mask, test mask) of each fold, (c, d) each; masks hold measured responses only.

    "new cell and drug": fold k tests its cells with its drugs, and learns from neither, so that a k-th of the table is
    tested. Raises TooFewData where there are not two cells or drugs per fold.
    """
    generator = np.random.default_rng(seed)
    cell_fold = _dealt(responses.groups, folds, generator, "cells", split is not Split.NEW_DRUG)
    drug_fold = _dealt(
        np.arange(len(responses.drugs)), folds, generator, "drugs", split in (Split.NEW_DRUG, Split.BOTH)
    )
    entry_fold = generator.integers(0, folds, size=responses.values.shape)
    known = responses.known
    for fold in range(folds):
        cell, drug = (cell_fold == fold)[:, None], (drug_fold == fold)[None, :]
        if split is Split.NEW_CELL:
            test, train = known & cell, known & ~cell
        elif split is Split.NEW_DRUG:
            test, train = known & drug, known & ~drug
        elif split is Split.BOTH:
            test, train = known & cell & drug, known & ~cell & ~drug
        else:
            test = known & (entry_fold == fold)
            train = known & ~test
        yield train, test


def _dealt(units: Ints, folds: int, generator: np.random.Generator, what: str, needed: bool) -> Ints:
    names, index = np.unique(units, return_inverse=True)
    if len(names) < 2 * folds and needed:
        raise TooFewData(
            f"{len(names)} {what} cannot be split into {folds} folds",
            where="cross-validation",
            todo="use fewer `folds`",
        )
    return (generator.permutation(len(names)) % folds)[index]
