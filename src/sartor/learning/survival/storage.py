"""Fitted survival learners as files: arrays in safetensors, the rest as JSON; the same state gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.errors import ModelRefused

Arrays = Mapping[str, npt.NDArray[Any]]
FACTS, ARRAYS = "learner.json", "arrays.safetensors"


def pack(kind: str, facts: Mapping[str, Any], arrays: Arrays) -> dict[str, bytes]:
    """One fitted learner as two files. `kind` is its name, checked when it is read."""
    from safetensors.numpy import save

    text = json.dumps({"kind": kind, **facts}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return {FACTS: text.encode(), ARRAYS: save(ordered)}


def unpack(kind: str, files: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What `pack` was given. Raises ModelRefused for other files or another learner's."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        facts = json.loads(files[FACTS])
        arrays = load(files[ARRAYS])
    except (KeyError, ValueError, SafetensorError) as error:
        raise ModelRefused(f"the files of {kind} cannot be read", todo="make the model folder anew") from error
    if not isinstance(facts, dict) or facts.get("kind") != kind:
        raise ModelRefused(f"the files are not those of {kind}", where=FACTS, todo="make the model folder anew")
    return facts, arrays


def nest(prefix: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files of a member learner under a folder."""
    return {f"{prefix}/{name}": content for name, content in files.items()}


def nested(prefix: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that `nest` put under that folder."""
    start = prefix + "/"
    return {name[len(start) :]: content for name, content in files.items() if name.startswith(start)}
