"""The report in a real Chromium: accessible, silent on the network, usable by keyboard, summary on one sheet."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import report_sample as sample

from sartor.domain.report import FailedSection
from sartor.reporting import html
from sartor.reporting.changes import compare

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FEW = {"amitriptyline", "clopidogrel", "codeine", "abacavir", "warfarin", "hydrocodone", "celecoxib", "efavirenz"}
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


def chromium() -> str:
    """Where Chromium is; skips loudly without it, except in continuous integration, where that is a failure."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        message = "no Chromium on this machine: THE REPORT PAGE IS NOT CHECKED IN A BROWSER (install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    older = sample.report(found=sample.pairs()[:-1])
    newer = sample.report(made=sample.provenance(sartor_version="0.2.0"))
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.render(newer, compare(older, newer)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every kind of element, but few of each: axe looks at every single one."""
    genes = [sample.gene_pair(gene) for gene in ("CYP2B6", "CYP2D6", "HLA-B", "NUDT15", "UGT2B15", "VKORC1")]
    few = [each for each in sample.DRUGS if each[0] in FEW]
    found = [*genes, *(each for each in sample.pairs(few) if each[0].kind != "gene")]
    report = sample.report(found=found, failed=(FailedSection(capability="x", slug="capability-crashed", reason="y"),))
    path: Path = tmp_path_factory.mktemp("short") / "report.html"
    path.write_text(html.render(report, compare(sample.report(found=found[:-1]), report)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def axe() -> str:
    from importlib.resources import files

    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def opened(browser: Any, address: str, **context: Any) -> Any:
    page = browser.new_context(**context).new_page()
    page.goto(address)
    return page


@pytest.mark.parametrize("unfolded", [False, True], ids=["folded", "unfolded"])
@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", WIDE), ("dark", WIDE), ("light", NARROW)], ids=["light", "dark", "narrow"]
)
def test_axe_finds_nothing(
    browser: Any, short: str, axe: str, scheme: str, viewport: dict[str, int], unfolded: bool
) -> None:
    page = opened(browser, short, color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
    if unfolded:
        page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in found["violations"]]
    page.context.close()
    assert told == []


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    page.click("#theme")
    page.fill("input[type=search]", "statin")
    context.close()
    assert asked == [address]
    assert said == []


def test_search_filter_and_expand_by_keyboard(browser: Any, address: str) -> None:
    page = opened(browser, address, viewport=WIDE)
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "search":
            break
    page.keyboard.type("voricon")
    assert page.inner_text("#shown") == "1 medicine shown"
    visible = page.locator("#drug-table tbody tr:visible")
    assert visible.count() == 1
    while page.evaluate("document.activeElement.tagName") != "SUMMARY":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert visible.locator("details").evaluate("box => box.open")
    assert visible.locator(".voices").is_visible()
    page.context.close()


def test_a_level_can_be_filtered_out(browser: Any, address: str) -> None:
    page = opened(browser, address, viewport=WIDE)
    before = page.locator("#drug-table tbody tr:visible").count()
    page.focus("input[type=checkbox][value=usual]")
    page.keyboard.press("Space")
    after = page.locator("#drug-table tbody tr:visible").count()
    assert 0 < after < before
    assert page.locator("#drug-table tbody tr.usual:visible").count() == 0
    page.fill("input[type=search]", "zzz")
    assert page.is_visible("#none-found")
    page.context.close()


def test_sorting_says_its_direction(browser: Any, address: str) -> None:
    page = opened(browser, address, viewport=WIDE)
    names = "[...document.querySelectorAll('#drug-table tbody th')].map(each => each.textContent.toLowerCase())"
    page.focus("th[data-sort=name] button")
    page.keyboard.press("Enter")
    assert page.get_attribute("th[data-sort=name]", "aria-sort") == "ascending"
    assert page.evaluate(names) == sorted(page.evaluate(names))
    page.keyboard.press("Enter")
    assert page.get_attribute("th[data-sort=name]", "aria-sort") == "descending"
    assert page.evaluate(names) == sorted(page.evaluate(names), reverse=True)
    page.context.close()


def test_the_theme_can_be_turned_and_stays(browser: Any, address: str) -> None:
    page = opened(browser, address, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.focus("#theme")
    page.keyboard.press("Enter")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.context.close()


def test_a_link_opens_what_it_points_to(browser: Any, address: str) -> None:
    page = opened(browser, address, viewport=WIDE)
    page.click("#summary a.gene[href='#gene-cyp2c19'] >> nth=0")
    assert page.locator("#gene-cyp2c19").evaluate("box => box.open")
    page.context.close()


def test_without_scripts_everything_is_there(browser: Any, address: str) -> None:
    page = opened(browser, address, java_script_enabled=False, viewport=WIDE)
    assert page.locator("#drug-table tbody tr:visible").count() > 70
    assert not page.is_visible("#filter")
    page.locator("#drug-voriconazole summary").click()
    assert page.locator("#drug-voriconazole .voices").is_visible()
    page.context.close()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_sticks_out_sideways(browser: Any, address: str, width: int) -> None:
    page = opened(browser, address, viewport={"width": width, "height": 800})
    page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_printed_summary_is_one_page_and_all_is_at_most_twenty(browser: Any, address: str) -> None:
    pypdf = pytest.importorskip("pypdf")
    page = opened(browser, address, color_scheme="dark")
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))
    page.context.close()
    first, second = (printed.pages[number].extract_text() for number in (0, 1))
    assert "If prescribed later" in first
    assert "Not tested" in first
    assert "Changes since the last report" in second
    assert len(printed.pages) <= 20
