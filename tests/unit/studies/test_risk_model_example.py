"""The example of the tutorial, run with a small budget: what it writes, and that nobody can be found in its pages."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sartor.cohort_flow import run_study
from sartor.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "risk_model"
GOLDEN = ROOT / "tests" / "golden" / "risk_model" / "card_keys.json"
PAGES = ("report.html", "model/card.html", "model/regulatory/index.html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study's folder, with one learner and two folds."""
    config = tomllib.loads((EXAMPLE / "config.toml").read_text(encoding="utf-8"))
    config |= {"learners": ["linear"], "folds": 2, "mitigation": False, "time_budget_s": 10}
    out, ticks = tmp_path_factory.mktemp("example") / "study", count()
    run_study(
        "risk_model", config, folder=EXAMPLE, out=out, settings=Settings.from_environment({}),
        clock=lambda: next(ticks) / 4, now="2026-11-21T00:00:00Z",
    )  # fmt: skip
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def keys(content: Any, depth: int = 3) -> Any:
    """The names in a mapping, two levels down; the first entry stands for a list, values are left out."""
    if isinstance(content, dict) and depth:
        return {name: keys(value, depth - 1) for name, value in sorted(content.items())}
    if isinstance(content, list) and content and depth:
        return [keys(content[0], depth - 1)]
    return None


def shape(card: dict[str, Any]) -> Any:
    """The names of a card; what depends on the cohort (group names, labels) is left out."""
    found = keys(card)
    found["facts"]["group_names"] = None
    for feature in found["features"]:
        feature.update(labels=None, code=None)
    return found


def rows() -> list[dict[str, str]]:
    found = []
    for name in ("cohort.csv", "second_hospital.csv"):
        with (EXAMPLE / name).open(encoding="utf-8", newline="") as file:
            found += list(csv.DictReader(file))
    return found


def text(page: Path) -> str:
    """What a reader sees, without drawings and scripts."""
    plain = re.sub(r"<(script|style|svg).*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", plain))


def test_the_card_has_the_names_that_others_read(folder: Path) -> None:
    """After a wanted change: write `shape` of a new card to the golden file, and say so in the change log."""
    assert shape(read(folder / "model" / "card.json")) == read(GOLDEN)


@pytest.mark.parametrize("name", [*PAGES, "model/card.json", "validation.json", "model/reference.json"])
def test_nobody_can_be_found_in_it(folder: Path, name: str) -> None:
    content = (folder / name).read_text(encoding="utf-8")
    words = set(re.findall(r"[A-Za-z]+\d+|[A-Za-z0-9]+[-_]\d+", text(folder / name) if name in PAGES else content))
    named = {row[key] for row in rows() for key in ("patient", "stay")}
    assert not named & words
    whole = [",".join(list(row.values())[2:]) for row in rows()]
    plain = re.sub(r"[\s\"\[\]]+", "", content)
    assert not [row for row in whole if row.replace(" ", "") in plain]


def test_the_first_lines_tell_what_a_clinician_asks(folder: Path) -> None:
    said = " ".join(text(folder / "report.html").split())
    card = read(folder / "model" / "card.json")
    assert card["facts"]["summary"][0] in said
    for asked in ("Not yet for use in care", "Not for use in care", "Do not use"):
        if asked in card["facts"]["summary"][0]:
            break
    else:
        pytest.fail("the verdict does not say that it is not for care")
    assert "Of 100 pairs" in said
    assert "Of 100 people in the fifth told the highest risk" in said
    assert not re.search(r"\{\w+\}", said)
    for unexplained in ("deletion_area", "deletion area", "mean set size", "insertion gain"):
        assert unexplained not in said


def test_there_is_one_plan_of_updates(folder: Path) -> None:
    plan = read(folder / "model" / "regulatory" / "update_plan.json")
    assert plan["policy"] == read(folder / "model" / "update_policy.json")
    assert plan["policy_file"] == "model/update_policy.json"


def test_requirements_are_tied_to_what_ran(folder: Path) -> None:
    rows = {each["id"]: each for each in read(folder / "model" / "regulatory" / "traceability.json")}
    assert rows["Q1"]["result"] == "met"
    assert {"duplicate_rows", "train_test_overlap (second hospital)"} <= set(rows["Q1"]["shown_by"])
    assert rows["Q5"]["shown_by"] == ["additivity"]
    assert rows["Q10"]["result"] == "met"
    ran = {check["name"] for check in read(folder / "validation.json")["checks"]}
    for row in rows.values():
        named = {each.partition(" (")[0] for each in row["shown_by"] if not each.startswith("rule ")}
        assert named <= ran | {"headline", "calibration", "candidates", "groups", "external"}


def test_labels_of_the_configuration_are_shown(folder: Path) -> None:
    said = text(folder / "report.html")
    assert "sex female" in said
    assert re.search(r"creatinine \[mg/dL\]", said)
