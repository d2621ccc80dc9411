"""The examples of studies of wide data: their data are what their scripts make, their configurations run."""

import runpy
import tomllib
from pathlib import Path

import pytest

from sartor import registry
from sartor.domain.study import Surroundings
from sartor.io.cohort_table import read_cohort

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", ["multiomics", "drug_response"])
def test_data_are_what_the_script_makes(name, tmp_path):
    runpy.run_path(str(EXAMPLES / name / "make_data.py"))["main"](tmp_path)
    made = sorted(tmp_path.glob("*.csv"))
    assert made
    for path in made:
        assert path.read_bytes() == (EXAMPLES / name / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", ["multiomics", "drug_response"])
def test_configurations_are_followed(name):
    around = Surroundings(
        read=lambda path, **options: read_cohort(EXAMPLES / name / path, **options),
        clock=lambda: 0.0, now="", progress=lambda _: None,
    )  # fmt: skip
    config = tomllib.loads((EXAMPLES / name / "config.toml").read_text(encoding="utf-8"))
    assert registry.study(name).prepare(config, around).inputs
