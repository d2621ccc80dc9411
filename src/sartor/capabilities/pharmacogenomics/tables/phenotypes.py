"""The phenotype tables of every gene that this capability reads; loaded once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sartor.genomics.star_alleles.phenotype import GenePhenotypes, table_from_json


@cache
def phenotype_tables() -> Mapping[str, GenePhenotypes]:
    """Gene → its phenotype table (CPIC; see data/SOURCES.toml for releases and licences)."""
    text = files("sartor.capabilities.pharmacogenomics").joinpath("data/phenotypes.json").read_text(encoding="utf-8")
    return {gene: table_from_json(gene, entry) for gene, entry in json.loads(text)["genes"].items()}
