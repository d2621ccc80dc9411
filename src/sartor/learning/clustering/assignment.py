"""The stored rule that places a new patient in a group, and says how clearly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sartor.domain.cohort_table import Cohort
from sartor.errors import ModelRefused
from sartor.learning.clustering.methods import METHODS, Labels, Partition
from sartor.learning.clustering.representation import Representation
from sartor.learning.learner import Files, FloatArray
from sartor.learning.task import Matrix

FORMAT = 1
STATE, ENCODER = "groups.json", "encoder.json"
CLEAR = 0.8
OUTLYING = 5.0


class FittedEncoder(Protocol):
    """Columns to the matrix that the groups were found in (learning.encoding.Encoder)."""

    def apply(self, cohort: Cohort) -> Matrix: ...  # noqa: D102
    def to_json(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Placed:
    """Where n patients belong.

    group:    (n,) counted from 0. distance: (n,) from its centre.
    share:    (n,) how much speaks for that group against the others, 1/k to 1: the posterior probability of Gaussian
              densities around the centres.
    unusual:  (n,) farther from the centre than 99 of 100 patients of that group, or with a number beyond 5 standard
              deviations. clear: (n,) share ≥ .8 and not unusual.
    """

    group: Labels
    share: FloatArray
    distance: FloatArray
    unusual: Any
    clear: Any


@dataclass(frozen=True, slots=True)
class Assignment:
    """Encoder, representation and partition; `limits` (k,) the 99th percentile of distance within each group."""

    encoder: FittedEncoder
    representation: Representation
    partition: Partition
    limits: FloatArray
    spread: float = 1.0

    def place(self, cohort: Cohort) -> Placed:
        """The group of each row; columns are taken by name, one that is not there is missing for everyone."""
        matrix = self.encoder.apply(cohort)
        points = self.representation.points(matrix)
        group = self.partition.place(points)
        scores = self.partition.scores(points) / (1.0 if self.partition.covariances is not None else self.spread)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        share = powers.max(axis=1) / powers.sum(axis=1)
        distance = self.partition.distances(points)[np.arange(len(points)), group]
        unusual = (distance > self.limits[group]) | (self.representation.farthest(matrix) > OUTLYING)
        return Placed(group, share, distance, unusual, (share >= CLEAR) & ~unusual)

    def to_files(self) -> Files:
        """JSON alone; the same groups give the same bytes."""
        r, p = self.representation, self.partition
        state = {
            "format": FORMAT, "columns": list(r.columns), "places": r.places.tolist(),
            "powers": [None if np.isnan(x) else x for x in r.powers.tolist()], "centre": r.centre.tolist(),
            "scale": r.scale.tolist(), "binary": r.binary.tolist(), "axes": r.axes.tolist(),
            "explained": r.explained.tolist(), "method": p.method, "centres": p.centres.tolist(),
            "shares": p.shares.tolist(), "covariances": None if p.covariances is None else p.covariances.tolist(),
            "limits": self.limits.tolist(), "spread": self.spread, "absent": r.absent.tolist(),
        }  # fmt: skip
        text = json.dumps(state, indent=1, sort_keys=True, allow_nan=False) + "\n"
        return {STATE: text.encode(), ENCODER: self.encoder.to_json()}


def assignment(
    encoder: FittedEncoder, representation: Representation, partition: Partition, points: FloatArray
) -> Assignment:
    """The rule of these groups; `points` are the patients they were found in."""
    group = partition.place(points)
    distance = partition.distances(points)[np.arange(len(points)), group]
    limits = np.array(
        [np.quantile(distance[group == g], 0.99) if (group == g).any() else 0.0 for g in range(len(partition))]
    )
    spread = float((distance**2).mean() / max(points.shape[1], 1))
    return Assignment(encoder, representation, partition, limits, max(spread, 1e-9))


def assignment_from_files(files: Mapping[str, bytes]) -> Assignment:
    """The rule again. Raises ModelRefused for anything that `to_files` did not give."""
    from sartor.learning.encoding import encoder_from_json

    try:
        state = json.loads(files[STATE])
        if state["format"] != FORMAT or state["method"] not in METHODS:
            raise ValueError("of another format")
        numbers = {name: np.array(state[name], dtype=float) for name in ("centre", "scale", "axes", "explained")}
        powers = np.array([np.nan if x is None else float(x) for x in state["powers"]])
        representation = Representation(
            tuple(state["columns"]), np.array(state["places"], dtype=np.int64), powers, numbers["centre"],
            numbers["scale"], np.array(state["binary"], dtype=bool), numbers["axes"], numbers["explained"],
            np.array(state.get("absent", [-1] * len(powers)), dtype=np.int64),
        )  # fmt: skip
        covariances = None if state["covariances"] is None else np.array(state["covariances"], dtype=float)
        partition = Partition(
            state["method"],
            np.array(state["centres"], dtype=float),
            np.array(state["shares"], dtype=float),
            covariances,
        )
        limits, spread = np.array(state["limits"], dtype=float), float(state["spread"])
        encoder = encoder_from_json(files[ENCODER])
    except (KeyError, ValueError, TypeError) as error:
        raise ModelRefused(f"the groups cannot be read ({error})", where=STATE, todo="run the study again") from error
    return Assignment(encoder, representation, partition, limits, spread)
