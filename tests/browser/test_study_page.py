"""A study's report and a model's card in a real Chromium: accessible, silent on the network, no wider than a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import study_sample

from sartor.domain.model import Feature, ModelCard, Task
from sartor.domain.validation import Measure, Validation
from sartor.reporting.study import render_card, render_study

pytestmark = pytest.mark.browser
NOW = "2026-11-21T05:00:00+00:00"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        message = "no Chromium on this machine: THE STUDY PAGE IS NOT CHECKED IN A BROWSER (install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        yield opened
        opened.close()


def card() -> str:
    found = ModelCard(
        name="m", version="1", title="Risk", study="risk_model", task=Task.CLASSIFICATION, learner="linear",
        outcome="an event", features=(Feature(name="age", kind="number", low=20, high=90, importance=1.0),), n=100,
        measures=(Measure(name="auroc", value=0.8, low=0.7, high=0.9, n=100),),
    )  # fmt: skip
    return render_card(found, Validation(study="risk_model"), now=NOW, version="0.1.0")


@pytest.fixture(scope="module", params=["report", "card"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("study") / f"{request.param}.html"
    drawn = card()
    if request.param == "report":
        drawn = render_study(study_sample.document(), say=lambda each: each.key, now=NOW, version="0.1.0")
    path.write_text(drawn, encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_silent(browser: Any, address: str, scheme: str) -> None:
    page = browser.new_context(color_scheme=scheme).new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.on("console", lambda each: said.append(each.text))
    page.goto(address)
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == []
    assert asked == [address]
    assert said == []


def test_fits_a_phone(browser: Any, address: str) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
