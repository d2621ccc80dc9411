"""Pages of studies: every kind of figure draws, the same bytes each time, and nothing asks for anything."""

from __future__ import annotations

import re
from functools import cache

import pytest
import study_sample

from sartor.domain.document import Figure, Series
from sartor.domain.model import Feature, ModelCard, Task
from sartor.domain.validation import Check, Measure, Validation
from sartor.reporting import plots
from sartor.reporting.study import render_card, render_study

pytest.importorskip("matplotlib")
NOW = "2026-11-21T05:00:00+00:00"


@cache
def page() -> str:
    return render_study(study_sample.document(), say=lambda each: each.key, now=NOW, version="0.1.0")


def test_page_is_the_same_each_time() -> None:
    assert page() == render_study(study_sample.document(), say=lambda each: each.key, now=NOW, version="0.1.0")


def test_page_asks_for_nothing() -> None:
    assert not re.search(r'(src|href)="(https?:|data:|//)', page())
    assert "@import" not in page()
    assert 'style="' not in page()


def test_ids_are_unique() -> None:
    found = re.findall(r'\sid="([^"]+)"', page())
    assert len(found) == len(set(found))


@pytest.mark.parametrize("figure", study_sample.figures(), ids=lambda each: f"{each.kind} {each.title}")
def test_each_figure_draws_with_its_numbers_beside_it(figure: Figure) -> None:
    drawn = plots.draw(figure)
    headings, rows = plots.rows_of(figure)
    assert drawn.startswith("<svg viewBox=")
    assert "<image" not in drawn
    assert rows
    assert all(len(row) == len(headings) for row in rows)


def test_text_is_escaped() -> None:
    document = study_sample.document().model_copy(update={"title": "<script>alert(1)</script>"})
    drawn = render_study(document, say=lambda each: each.key, now=NOW, version="0.1.0")
    assert "<script>alert" not in drawn


def card(**changes: object) -> ModelCard:
    values = {
        "name": "m", "version": "1", "title": "Risk", "study": "risk_model", "task": Task.CLASSIFICATION,
        "learner": "linear", "outcome": "an event", "features": (Feature(name="age", kind="number", low=20, high=90),),
        "n": 100,
        "measures": (Measure(name="auroc", value=0.8, low=0.7, high=0.9, n=100),),
        "facts": {"tripod_ai": {"17": {"item": "Ethics", "answer": "", "status": "missing", "supply": "To supply."}}},
    }  # fmt: skip
    return ModelCard.model_validate(values | changes)


def test_card_shows_what_is_missing_and_what_was_not_measured() -> None:
    checks = (Check(name="sample_size", passed=False, detail="too small"),)
    drawn = render_card(card(), Validation(study="risk_model", checks=checks), now=NOW, version="0.1.0")
    for said in ("0.800 (0.700 to 0.900)", "To supply.", "0 of 1 items", "not passed", "No performance by group"):
        assert said in drawn


def test_the_numbers_of_a_forest_are_its_values_not_its_places():
    series = Series(
        name="AUC", labels=("linear", "stack"), x=(0.71, 0.72), y=(2.0, 1.0), low=(0.6, 0.7), high=(0.8, 0.9)
    )
    figure = Figure(kind="forest", title="t", alt="a", x_label="AUC", series=(series,))
    _, rows = plots.rows_of(figure)
    assert [row[1] for row in rows] == ["0.71", "0.72"]
