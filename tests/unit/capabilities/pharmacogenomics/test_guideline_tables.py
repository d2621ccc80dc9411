import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from sartor.capabilities.pharmacogenomics.explain.sentences import code_key
from sartor.capabilities.pharmacogenomics.tables.guidelines import (
    TABLES,
    cpic,
    cpic_source,
    guideline_set,
    rules,
    split,
)
from sartor.domain.finding import ActionKind, SourceStrength
from sartor.explaining.wording import WordingTable

ROOT = Path(__file__).resolve().parents[4]
PACKAGE = files("sartor.capabilities.pharmacogenomics")
WORDS = WordingTable.load(PACKAGE.joinpath("wording/en.toml").read_text(encoding="utf-8"))
DPWG = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "packs/dpwg").glob("*.json")}
CPIC = json.loads(PACKAGE.joinpath("data/guidelines_cpic.json").read_text(encoding="utf-8"))
SETS = {"cpic": CPIC, "dpwg": DPWG}
QUALIFIED = {"kind": ("do",), "also": ("do", "also"), "alternative_class": ("instead",), "monitoring": ("monitoring",)}
QUALIFIED |= {"qualifiers": ("qualifier",), "factor_of": ("dose_of",)}


def codes(tables: dict[str, Any]) -> Iterator[str]:
    for reading in tables["readings"]:
        for name, sections in QUALIFIED.items():
            for code in split(reading.get(name, "")):
                yield from (f"{section}.{code_key(code)}" for section in sections)
        if reading["kind"] == ActionKind.NONE:
            yield f"none.{reading['reason']}"
    for row in tables["implications"]:
        yield from (f"effect.{code}" for code in split(row["codes"]))
    for row in tables["recommendations"]:
        if row["population"]:
            yield f"population.{row['population']}"


@pytest.mark.parametrize("name", SETS)
def test_every_code_has_its_words(name: str) -> None:
    missing = {code for code in codes(SETS[name]) if not WORDS.has(code)}
    assert not missing


def test_every_action_strength_and_population_has_its_words() -> None:
    kinds = [code_key(kind) for kind in ActionKind]
    wanted = [f"{section}.{kind}" for kind in kinds for section in ("headline", "do", "also")]
    wanted += [
        f"patient.{kind}-{now}" for kind in [*kinds, "depends", "not-assessable"] for now in ("current", "other")
    ]
    wanted += [f"strength.{code_key(each)}" for each in SourceStrength]
    wanted += [f"population.{each}" for each in rules()["populations"] if each]
    assert not [key for key in wanted if not WORDS.has(key)]


@pytest.mark.parametrize("name", SETS)
def test_kinds_are_actions_and_nothing_is_left_without_a_reason(name: str) -> None:
    for reading in SETS[name]["readings"]:
        kinds = [ActionKind(each) for each in (reading["kind"], *split(reading.get("also", "")))]
        assert len(kinds) == len(set(kinds)), reading
        assert bool(reading.get("reason")) >= (reading["kind"] == ActionKind.NONE)
        if "factor_low" in reading:
            assert 0 < reading["factor_low"] <= reading["factor_high"] <= 5


@pytest.mark.parametrize("name", SETS)
def test_no_sentence_of_a_guideline_is_kept(name: str) -> None:
    longest = max(
        len(re.findall(r"[A-Za-z]+", str(value)))
        for table in TABLES
        for row in SETS[name][table]
        for field, value in row.items()
        if field not in ("drugs", "url")
    )
    assert longest < 26


@pytest.mark.parametrize(("name", "rows"), [("cpic", 2054), ("dpwg", 529)])
def test_rows_join_and_are_complete(name: str, rows: int) -> None:
    joined = guideline_set(name, SETS[name])
    earlier = [row for row in joined.recommendations if row.reading.get("reason") != "see-guideline"]
    assert len(earlier) == rows
    assert all(row.keys and row.guideline.citation.url for row in joined.recommendations)


def test_dpwg_pack_keeps_its_manifest() -> None:
    manifest = tomllib.loads((ROOT / "packs/dpwg/pack.toml").read_text(encoding="utf-8"))
    assert manifest["pack"]["licence"] == "CC-BY-SA-4.0"
    for table in manifest["table"]:
        content = (ROOT / "packs/dpwg" / table["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == table["sha256"], table["name"]
        assert len(json.loads(content)) == table["rows"]


def test_dpwg_never_travels_in_the_package() -> None:
    text = json.dumps(CPIC)
    assert "DPWG" not in text
    assert len(cpic().guidelines) == len(CPIC["guidelines"])
    assert cpic_source().licence.startswith("CC0")


def test_urgency_knows_every_action_and_strength() -> None:
    current = rules()["urgency_current"]
    assert set(current) == {str(kind) for kind in ActionKind} == set(rules()["urgency_other"])
    assert all(set(row) == {str(each) for each in SourceStrength} for row in current.values())
