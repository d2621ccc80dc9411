"""The card's reporting items are all there, statements fill them, and the bill of materials is CycloneDX."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest

from sartor.domain.model import Feature, ModelCard, Task
from sartor.io.bill_of_materials import bill_of_materials
from sartor.studies.risk_model.publish import checklist, telling, verdict

DATA = files("sartor.studies.risk_model.publish") / "data"
WORDING = tomllib.loads(
    (files("sartor.studies.risk_model") / "wording" / "en.toml").read_text(encoding="utf-8")
)["report"]  # fmt: skip


def items() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads((DATA / "tripod_ai.toml").read_text(encoding="utf-8"))["items"]
    return found


def test_tripod_has_27_items_of_52_parts() -> None:
    numbers = [re.match(r"\d+", each) for each in items()]
    assert len(items()) == 52
    assert [int(each[0]) for each in numbers if each] == sorted(int(each[0]) for each in numbers if each)
    assert {int(each[0]) for each in numbers if each} == set(range(1, 28))


def test_each_item_can_be_filled_or_says_what_to_supply() -> None:
    for number, each in items().items():
        assert each.get("fact") or each.get("state"), number
        assert each.get("fact") or each.get("supply"), number
    assert {"setting", "ethics", "funding"} <= checklist.statements()


def test_each_rule_and_verdict_has_its_words() -> None:
    for name, said in WORDING["rule"].items():
        assert said.endswith("?"), name
    assert set(WORDING["rule_failed"]) == set(WORDING["rule"])
    assert set(verdict.LEVELS) == set(WORDING["verdict"]) == set(WORDING["next"])
    assert not any(re.search(r"\bready for use\b", said) for said in WORDING["verdict"].values())


@pytest.mark.parametrize(
    ("group", "said"),
    [("sex=0 & age=<60", "sex female + age <60"), ("sex=1", "sex 1"), ("cp=3", "chest pain 3"), ("", "")],
)
def test_group_names_use_the_words_of_the_configuration(group: str, said: str) -> None:
    features = {"sex": {"labels": {"0": "female"}}, "cp": {"label": "chest pain"}}
    prepared: Any = SimpleNamespace(config={"features": features})
    nothing: Any = None
    told = telling.Told(prepared, nothing, nothing, nothing)
    assert told.group_name(group) == said


def test_bill_of_materials_names_what_is_installed() -> None:
    card = ModelCard(name="m", version="2", title="M", study="risk_model", task=Task.REGRESSION, learner="linear",
                     outcome="x", features=(Feature(name="age", kind="number"),), n=10)  # fmt: skip
    bom = json.loads(bill_of_materials(card))
    named = [each["name"] for each in bom["components"]]
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert named == sorted(set(named))
    assert {"numpy", "pydantic"} <= set(named)
    numpy = next(each for each in bom["components"] if each["name"] == "numpy")
    assert numpy["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
    assert numpy["licenses"]
