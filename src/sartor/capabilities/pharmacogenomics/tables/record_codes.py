"""Which coded entries of a record tell body size, smoking and the like; loaded once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def record_codes() -> Mapping[str, Any]:
    """The table data/record_codes.toml as it is."""
    path = files("sartor.capabilities.pharmacogenomics").joinpath("data/record_codes.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
