"""The study from end to end for outcomes that are not yes or no: competing events, values, more than two classes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from study_world import conduct

from sartor.domain.document import Document, Figure, Paragraph, TableBlock
from sartor.domain.model import Task
from sartor.explaining.wording import WordingTable
from sartor.learning.model import model_from_files
from sartor.studies.risk_model.publish import telling, verdict

ROWS = 320
Study = tuple[Any, Any, Any]


def rows_of(kind: str) -> list[str]:
    """A CSV whose outcome depends on age and lab."""
    generator = np.random.default_rng(11)
    age, lab = generator.normal(60, 10, ROWS).round(1), generator.normal(0, 1, ROWS).round(3)
    sex = generator.choice(["female", "male"], ROWS)
    signal = 0.06 * (age - 60) + 0.8 * lab + 0.4 * (sex == "male")
    if kind == "competing":
        first, other = generator.exponential(30 * np.exp(-signal)), generator.exponential(50, ROWS)
        free = generator.uniform(5, 60, ROWS)
        months = np.minimum(np.minimum(first, other), free)
        event = np.select([months == free, months == first], [0, 1], 2)
        columns = {"months": months.round(3) + 0.01, "event": event}
    elif kind == "value":
        columns = {"score": (20 + 5 * (signal + generator.normal(0, 0.8, ROWS))).round(2)}
    else:
        noisy = signal + generator.logistic(size=ROWS) * 0.6
        columns = {"disease": np.array(["none", "mild", "severe"])[np.digitize(noisy, [-0.4, 0.9])]}
    columns = {"age": age, "crp": lab, "sex": sex} | columns
    return [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]


@pytest.fixture(scope="module")
def conducted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    folder: Path = tmp_path_factory.mktemp("outcomes")
    asked: dict[str, dict[str, Any]] = {
        "competing": {"time": "months", "event": "event", "positive": 1, "learners": ["cox"]},
        "value": {"target": "score", "learners": ["linear"], "task": "regression"},
        "classes": {"target": "disease", "learners": ["linear"], "task": "classification"},
    }
    found = {}
    for kind, config in asked.items():
        (folder / f"{kind}.csv").write_text("\n".join(rows_of(kind)) + "\n", encoding="utf-8")
        least = {"subgroups": ["sex"], "folds": 3, "repeats": 1}
        found[kind] = conduct("risk_model", {"data": f"{kind}.csv", **least, **config}, folder)
    return found


def sentences(document: Document) -> str:
    """Everything that the page says in sentences and titles."""
    table: WordingTable = telling.wording()
    said = [table.say(each) for each in document.verdict] + [document.title]
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Paragraph):
                said += [table.say(each) for each in block.said]
            elif isinstance(block, TableBlock):
                said += [block.title, *(cell for row in block.rows for cell in row)]
            elif isinstance(block, Figure):
                said += [block.title, block.alt]
    return "\n".join(said)


def figure(document: Document, start: str) -> Figure:
    blocks = [block for section in document.sections for block in section.blocks if isinstance(block, Figure)]
    return next(block for block in blocks if block.title.startswith(start))


def test_a_risk_beside_competing_events_has_a_horizon_an_interval_and_a_use(conducted: dict[str, Study]) -> None:
    validation, page, fitted = conducted["competing"]
    (horizon,) = fitted.model.horizons
    assert validation.facts["horizons"] == [horizon]
    assert validation.find("net_benefit", at=validation.facts["thresholds"][0]) is not None
    assert {"decision", "decision:treat_all"} <= {curve.name for curve in validation.curves}
    assert validation.find("coverage", at=0.9).value == pytest.approx(0.9, abs=0.06)
    again = model_from_files(page.files, None)
    cohort = conducted_cohort("competing")
    found = again.predict(cohort, [str(row) for row in range(len(cohort))])
    told = np.isfinite(found.value)
    assert told.mean() > 0.9
    assert (found.low[told] <= found.value[told]).all()
    assert (found.value[told] <= found.high[told]).all()
    risk, low, high = (found.further[f"{name}:{horizon:g}"][told] for name in ("risk", "risk_low", "risk_high"))
    assert ((low < risk) & (risk < high)).all()
    assert np.corrcoef(found.further["event_free_until:90%"][told], -found.margin[told])[0, 1] > 0.8


def test_treating_everyone_is_judged_by_the_share_with_the_event_by_then(conducted: dict[str, Study]) -> None:
    """Of all rows twice as many had the event as by the horizon, which would make treating everyone look better."""
    validation, _, fitted = conducted["competing"]
    at = validation.facts["thresholds"][0]
    benefit = validation.find("net_benefit", at=at)
    assert benefit.low > 0
    assert benefit.n_events / benefit.n > 1.5 * at
    prepared: Any = SimpleNamespace(target=SimpleNamespace(task=Task.SURVIVAL), config={})
    assert verdict.helps(telling.Told(prepared, fitted, validation, prepared), benefit)


def conducted_cohort(kind: str) -> Any:
    from io import StringIO

    import pandas as pd

    from sartor.domain.cohort_table import Cohort, Column, ColumnKind

    table = pd.read_csv(StringIO("\n".join(rows_of(kind))))
    codes = (table["sex"] == "male").to_numpy().astype(np.int32)
    numbers = [Column(name, ColumnKind.NUMBER, table[name].to_numpy(float)) for name in ("age", "crp")]
    return Cohort((*numbers, Column("sex", ColumnKind.CATEGORY, codes, ("female", "male"))))


def test_competing_events_are_told_and_times_have_their_unit(conducted: dict[str, Study]) -> None:
    _, page, _ = conducted["competing"]
    said = sentences(page.document)
    assert "compet" in said
    assert "months" in said
    assert "[units]" not in said


def test_effects_on_many_classes_are_told_for_each_class(conducted: dict[str, Study]) -> None:
    validation, page, _ = conducted["classes"]
    curves = [curve for curve in validation.curves if curve.name == "ale:crp"]
    assert [curve.group for curve in curves] == ["outcome=mild", "outcome=none", "outcome=severe"]
    assert np.sum([curve.y for curve in curves], axis=0) == pytest.approx(0, abs=1e-6)
    by_class = {curve.group: np.array(curve.y) for curve in curves}
    assert (np.diff(by_class["outcome=severe"]) >= -1e-9).all()
    assert (np.diff(by_class["outcome=none"]) <= 1e-9).all()
    assert [series.name for series in figure(page.document, "Effect of crp").series] == ["mild", "none", "severe"]
    said = sentences(page.document)
    assert "Typical of severe, told severe" in said
    assert "low risk" not in said


def test_groups_are_judged_whatever_the_outcome(conducted: dict[str, Study]) -> None:
    for kind, name in (("classes", "accuracy"), ("value", "mae"), ("competing", "harrell_c")):
        validation, page, _ = conducted[kind]
        assert validation.find(name, group="sex=male") is not None, kind
        section = next(each for each in page.document.sections if each.anchor == "fairness")
        tables = [block for block in section.blocks if isinstance(block, TableBlock)]
        assert any(len(block.rows) == 2 for block in tables), kind


def test_a_value_is_not_called_a_risk(conducted: dict[str, Study]) -> None:
    for kind in ("value", "classes"):
        said = sentences(conducted[kind][1].document)
        assert "Risk of" not in said, kind
        assert "Risks are" not in said, kind
