"""Rows that occur more than once: in one cohort, or in a cohort and in the site that is to test it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.learning.task import Target

Hashes = npt.NDArray[np.uint64]
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
CHANCE: Final = 20.0
"""How many times more duplicates than chance would make are taken to be copies."""
SHARE: Final = 0.005
LEAST: Final = 3
SAMPLED: Final = 100_000
PAIRED_AT_MOST: Final = 200_000
"""Copies in all but one column are looked for in cohorts of at most so many rows."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Rows that are there already.

    rows:      how many more rows than different rows.
    chance:    how many of them chance would make: by the columns' own distributions, or, where more, by how many rows
               are alike in the inputs and yet differ in the outcome (people who resemble each other, not copies).
    differing: the one column in which they differ, if one was left out.
    """

    rows: int
    chance: float
    differing: str = ""

    def beyond_chance(self, n: int) -> bool:
        """Whether so many rows cannot be alike by chance."""
        return self.rows >= max(LEAST, SHARE * n) and self.rows > CHANCE * self.chance


def copies(
    cohort: Cohort, target: Target, groups: npt.NDArray[np.int64] | None, *, ids: tuple[str, ...] | None = None
) -> Copies:
    """Rows alike in every column and in the outcome; rows of one group (or with one id) do not count.

    Where hardly any are, rows that differ in one column only are looked for.
    """
    parts = [_hashes(column) for column in cohort.columns]
    outcome = _outcome(target)
    with np.errstate(over="ignore"):
        whole = sum(parts, outcome.copy())
    keep = _one_per_group(groups, ids, len(cohort))
    collisions = [float(np.log(_collision(column.values))) for column in cohort.columns]
    pairs = _pairs(len(cohort), target)
    chance = float(np.exp(pairs + sum(collisions)))
    exact = Copies(_repeated(whole, keep), max(chance, _by_resemblance(whole, outcome, keep)))
    if exact.beyond_chance(len(cohort)) or len(parts) < 5 or len(cohort) > PAIRED_AT_MOST:
        return exact
    for column, part, collision in zip(cohort.columns, parts, collisions, strict=True):
        with np.errstate(over="ignore"):
            others = whole - part
        rows = _repeated(others, keep)
        if rows <= 2 * exact.rows + LEAST:
            continue
        chance = float(np.exp(pairs + sum(collisions) - collision))
        less = Copies(rows, max(chance, _by_resemblance(others, outcome, keep)), column.name)
        if less.beyond_chance(len(cohort)):
            return less
    return exact


def shared(cohort: Cohort, target: Target, other: Cohort, other_target: Target) -> Copies:
    """Rows of the other cohort that are in the first one too, with the same outcome."""
    names = [name for name in cohort.names if name in other]
    with np.errstate(over="ignore"):
        first = sum((_hashes(cohort.column(name)) for name in names), _outcome(target))
        second = sum((_hashes(other.column(name)) for name in names), _outcome(other_target))
    rows = int(np.isin(second, first).sum())
    pairs = 2.0 / max(len(cohort) ** 2, 1) * len(cohort) * len(other)
    return Copies(rows, _by_chance(cohort.select(names), target) * pairs)


def _mixed(bits: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195)."""
    with np.errstate(over="ignore"):
        mixed = (bits ^ (bits >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _named(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def _hashes(column: Column) -> Hashes:
    """(n,) one number per value, the same in every cohort; missing is a value."""
    if column.kind is ColumnKind.CATEGORY:
        labels = np.array([*(_named(f"={label}") for label in column.categories), np.uint64(1)], dtype=np.uint64)
        bits = labels[column.values]
    else:
        values = column.values.astype(np.float32) + np.float32(0)
        bits = np.where(np.isnan(values), np.float32(np.nan), values).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        return _mixed(bits + _named(column.name) * _GOLDEN)


def _outcome(target: Target) -> Hashes:
    bits = target.values.astype(np.float32).view(np.uint32).astype(np.uint64)
    if target.events is not None:
        bits = bits ^ (target.events.astype(np.uint64) << np.uint64(40))
    return _mixed(bits)


def _one_per_group(
    groups: npt.NDArray[np.int64] | None, ids: tuple[str, ...] | None, n: int
) -> npt.NDArray[np.int64] | None:
    if groups is not None:
        return groups
    if ids is not None and len(set(ids)) < n:
        return np.asarray(np.unique(np.array(ids), return_inverse=True)[1], dtype=np.int64)
    return None


def _repeated(hashes: Hashes, groups: npt.NDArray[np.int64] | None) -> int:
    """Rows less different rows; a row that repeats within its group counts once."""
    if groups is None:
        return len(hashes) - len(np.unique(hashes))
    with np.errstate(over="ignore"):
        pairs = hashes + _mixed(groups.astype(np.uint64) * _GOLDEN)
    return len(np.unique(pairs)) - len(np.unique(hashes))


def _by_resemblance(whole: Hashes, outcome: Hashes, groups: npt.NDArray[np.int64] | None) -> float:
    """Expected pairs with the same outcome among those alike in the inputs, from the pairs that differ in it.

    Copies never differ in it. With c the chance that two people have the same outcome: differing × c / (1 − c).
    """
    with np.errstate(over="ignore"):
        inputs = whole - outcome
        if groups is not None:
            own = _mixed(groups.astype(np.uint64) * _GOLDEN)
            _, first = np.unique(whole + own, return_index=True)
            whole, inputs, own = whole[first], inputs[first], own[first]
            differing = _alike(inputs) - _alike(whole) - (_alike(inputs + own) - _alike(whole + own))
        else:
            differing = _alike(inputs) - _alike(whole)
    same = min(_collision(outcome), 0.999)
    return max(differing, 0.0) * same / (1 - same)


def _alike(hashes: Hashes) -> float:
    """Pairs of equal numbers."""
    _, counts = np.unique(hashes, return_counts=True)
    return float((counts.astype(float) * (counts - 1) / 2).sum())


def _by_chance(cohort: Cohort, target: Target) -> float:
    """Expected pairs of like rows if the columns were independent: n²/2 × Π Σ p². Correlation is met by CHANCE."""
    collisions = sum(float(np.log(_collision(column.values))) for column in cohort.columns)
    return float(np.exp(_pairs(len(cohort), target) + collisions))


def _pairs(n: int, target: Target) -> float:
    """Logarithm of the number of pairs of rows with the same outcome."""
    return float(np.log(max(n, 2) * max(n - 1, 1) / 2) + np.log(_collision(target.values)))


def _collision(values: npt.NDArray[np.generic]) -> float:
    """The chance that two rows drawn without replacement have the same value, from at most SAMPLED rows."""
    values = values[:: max(1, -(-len(values) // SAMPLED))]
    _, counts = np.unique(values, return_counts=True)
    n = len(values)
    same = float((counts.astype(float) * (counts - 1)).sum()) / max(n * (n - 1), 1)
    return max(same, 1 / max(n, 2) ** 2)


def summary(found: Copies, n: int) -> Mapping[str, float | int | str]:
    """The figures, for a check."""
    return {"n": found.rows, "share": found.rows / max(n, 1), "by_chance": found.chance, "differing": found.differing}
