"""A study's report and a model's card as self-contained pages: no request leaves them, and they print as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sartor.domain.document import Document, Figure, Paragraph, Section, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import ModelCard
from sartor.domain.validation import Validation
from sartor.reporting import card as card_page
from sartor.reporting import plots
from sartor.reporting.html import content_policy, css_string, day, environment, static_text
from sartor.reporting.words import Words, load

Say = Callable[[Wording], str]
LONGEST_NUMBERS = 200
WIDE_COLUMNS = 3


def render_study(document: Document, *, say: Say, now: str, version: str, language: str = "en") -> str:
    """The study's report as one page. `say` words its sentences; now: ISO time."""
    words = load(language)
    page = {
        "title": document.title,
        "kind": words("study.kind"),
        "identity": [(words("identity.date"), day(now))],
        "verdict": [say(each) for each in document.verdict],
        "sections": [_section(each, say, words) for each in document.sections],
    }
    return _page(page, words, now, version)


def render_card(card: ModelCard, validation: Validation, *, now: str, version: str, language: str = "en") -> str:
    """The model's card as one page: what it is for, how well it does for whom, what is not known of it."""
    words = load(language)
    document = card_page.document(card, validation, words)
    page = {
        "title": card.title,
        "kind": words("card.kind"),
        "identity": card_page.identity(card, words),
        "verdict": [_plain(each) for each in document.verdict],
        "sections": [_section(each, _plain, words) for each in document.sections],
    }
    return _page(page, words, now, version)


def _plain(said: Wording) -> str:
    """A sentence that is worded already: its key is the text."""
    return said.key


def _page(page: dict[str, Any], words: Words, now: str, version: str) -> str:
    running = f"{page['title']} · {day(now)}"
    css = (static_text("report.css") + static_text("study.css")).replace("var-running", css_string(running))
    css = css.replace("var-footer", css_string(words("page.footer_short")))
    script = static_text("report.js")
    table = environment().get_template("study_table.html.j2").module
    return (
        environment()
        .get_template("study.html.j2")
        .render(
            page=page,
            w=words,
            css=css,
            script=script,
            policy=content_policy(css, script),
            table=table.table,  # type: ignore[attr-defined]
            day=day,
            now=now,
            version=version,
        )
    )


def _section(section: Section, say: Say, words: Words) -> dict[str, Any]:
    return {
        "anchor": section.anchor,
        "heading": say(section.heading),
        "blocks": [_block(each, say, words) for each in section.blocks],
    }


def _block(block: Paragraph | TableBlock | Figure, say: Say, words: Words) -> dict[str, Any]:
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "said": [say(each) for each in block.said], "tone": block.tone}
    if isinstance(block, TableBlock):
        wide = len(block.headings) > WIDE_COLUMNS
        return {"kind": "table", **block.model_dump(), "wide": wide}
    headings, rows = plots.rows_of(block)
    return {
        "kind": "figure",
        "title": block.title,
        "alt": block.alt,
        "svg": plots.draw(block),
        "headings": headings,
        "rows": _thinned(rows),
    }


def _thinned(rows: list[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    """At most two hundred rows, evenly spread: the whole is in validation.json."""
    if len(rows) <= LONGEST_NUMBERS:
        return rows
    step = (len(rows) - 1) / (LONGEST_NUMBERS - 1)
    return [rows[round(k * step)] for k in range(LONGEST_NUMBERS)]
