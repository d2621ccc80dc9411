"""Prepared cohort → the number of groups, the groups, their stability, and the rule that places others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sartor.domain.cohort_table import Cohort
from sartor.domain.study import Surroundings
from sartor.learning.clustering import (
    Assignment,
    Number,
    Partition,
    Representation,
    Rules,
    Sensitivity,
    Stability,
    assignment,
    choose,
    part,
    represent,
    rules,
    sensitivity,
    stability,
)
from sartor.learning.clustering.methods import Labels
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import Encoding, FloatArray
from sartor.studies.subgroups.prepare import PreparedSubgroups

LEFT_OUT_ONE_BY_ONE = 15


@dataclass(frozen=True, slots=True)
class FittedSubgroups:
    """What was found.

    number:  the choice of k with its test. k: that, or what the configuration fixed. labels: (n,) from 0.
    The parts after `points` are None or empty where there is one group only.
    """

    representation: Representation
    number: Number
    k: int
    fixed: bool
    partition: Partition
    labels: Labels
    points: FloatArray
    stability: Stability | None = None
    sensitivity: tuple[Sensitivity, ...] = ()
    rules: Rules | None = None
    assignment: Assignment | None = None


def fit(prepared: PreparedSubgroups, around: Surroundings) -> FittedSubgroups:
    """Encode, reduce, test for "one population", group, resample."""
    config = prepared.config
    method = config.get("method", "kmeans")
    encoder = fit_encoder(prepared.cohort, Encoding.DENSE)
    matrix = encoder.apply(prepared.cohort)
    representation = represent(matrix, components=config.get("components"), seed=prepared.seed)
    points = representation.points(matrix)
    number = choose(
        representation.standardised(matrix),
        representation.binary,
        points,
        variables=representation.variables(matrix),
        gaps=representation.gaps(matrix),
        k_max=int(config.get("k_max", 6)),
        method=method,
        seed=prepared.seed,
        draws=int(config.get("null_draws", 99)),
        progress=around.progress,
    )
    k = int(config.get("k", number.k))
    partition = part(points, k, method=method, seed=prepared.seed)
    labels = partition.place(points)
    found = FittedSubgroups(representation, number, k, "k" in config, partition, labels, points)
    if k == 1:
        return found
    around.progress("resampling")
    resamples = int(config.get("resamples", 100))
    names = prepared.cohort.names if len(prepared.cohort.names) <= LEFT_OUT_ONE_BY_ONE else ()
    return FittedSubgroups(
        representation,
        number,
        k,
        "k" in config,
        partition,
        labels,
        points,
        stability(points, partition, resamples=resamples, seed=prepared.seed),
        sensitivity(
            matrix,
            representation,
            labels,
            k,
            method=method,
            seed=prepared.seed,
            without=names,
            progress=around.progress,
        ),
        rules(prepared.cohort, labels, seed=prepared.seed),
        assignment(encoder, representation, partition, points),
    )


def all_described(prepared: PreparedSubgroups) -> Cohort:
    """The variables that formed the groups, then those that only describe them."""
    used = set(prepared.cohort.names)
    further = tuple(column for column in prepared.described.columns if column.name not in used)
    return Cohort(columns=(*prepared.cohort.columns, *further))


def with_outcome(prepared: PreparedSubgroups, labels: Labels) -> Labels:
    """The groups of the rows whose outcome is known."""
    known = prepared.outcome_known
    return labels if known is None else np.asarray(labels[known], dtype=np.int64)
