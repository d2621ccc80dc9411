"""Validation → report, out-of-fold predictions and tables of biomarkers and gene sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import Task
from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Measure, Validation
from sartor.learning.multiomics import measures as engine
from sartor.learning.multiomics.biomarkers import Biomarkers
from sartor.learning.multiomics.enrichment import Enriched
from sartor.studies.multiomics.fit import FittedViews
from sartor.studies.multiomics.prepare import PreparedViews
from sartor.studies.multiomics.publish import tables
from sartor.studies.multiomics.validate import PIPELINE

SHOWN_BIOMARKERS = 20
SHOWN_SETS = 15
FEWEST_HITS = 2
LEVEL = 0.05


def publish(prepared: PreparedViews, fitted: FittedViews, validation: Validation, around: Surroundings) -> Publication:
    """The study's results; it makes no model folder (see the study's README)."""
    document = Document(
        title=str(prepared.config.get("title") or "Multi-omics study"),
        verdict=_verdict(validation),
        sections=(
            _patients(prepared, validation),
            _candidates(prepared, fitted, validation),
            *_classes(prepared, fitted),
            *_missing_views(validation),
            _biomarkers(fitted),
            _pathways(fitted),
            _how(prepared, fitted, validation),
        ),
    )
    return Publication(
        validation=validation,
        document=document,
        predictions=tables.predictions(prepared, fitted),
        tables=tables.all_tables(fitted),
    )


def _say(key: str, **values: Any) -> Wording:
    return Wording(key=f"multiomics.{key}", values=values)


def shown(measure: Measure | None, digits: int = 3) -> str:
    """A value with its interval, as text."""
    if measure is None or measure.value is None:
        return "–"
    if measure.low is None or measure.high is None:
        return tables.signed(f"{measure.value:.{digits}f}")
    return tables.signed(f"{measure.value:.{digits}f} ({measure.low:.{digits}f} to {measure.high:.{digits}f})")


def _verdict(validation: Validation) -> tuple[Wording, ...]:
    facts = validation.facts
    headline, best = str(facts["headline"]), str(facts["best_single"])
    measure = {"measure": _say(f"measure.{headline}").model_dump()}
    pipeline, single = validation.find(headline), validation.find(headline, candidate=best)
    said = [_say("verdict.pipeline", value=shown(pipeline), patients=facts["patients"], **measure)]
    if best == facts["chosen"] and len(facts["views"]) < 2:  # type: ignore[arg-type]
        return tuple(said)
    gain = validation.find(f"{headline}_gain")
    values = {"view": best.partition(":")[2], "single": shown(single), "gain": shown(gain)}
    better = gain is not None and gain.low is not None and gain.low > 0
    worse = gain is not None and gain.high is not None and gain.high < 0
    said.append(_say("verdict.better" if better else "verdict.worse" if worse else "verdict.open", **values, **measure))
    return tuple(said)


def _patients(prepared: PreparedViews, validation: Validation) -> Section:
    n = len(prepared.target)
    rows = tuple(
        (
            view.name,
            str(int(view.present.sum())),
            f"{view.present.mean():.0%}",
            str(len(view.columns)),
            f"{np.isnan(view.values[view.present]).mean() if view.present.any() else 0:.1%}",
        )
        for view in prepared.views
    )
    complete = int(np.array([view.present for view in prepared.views]).all(axis=0).sum())
    said = [_say("patients.count", patients=n, views=len(prepared.views), complete=complete)]
    for check in prepared.checks:
        if check.name in ("patients_without_outcome", "patients_without_view") and not check.passed:
            said.append(_say(f"patients.{check.name}", count=check.values["count"]))
    said += list(prepared.guesses)
    blocks: list[Any] = [
        Paragraph(said=tuple(said)),
        TableBlock(title="Views", headings=("View", "Patients", "Share", "Columns", "Cells missing"), rows=rows),
    ]
    target = prepared.target
    if target.task is Task.CLASSIFICATION:
        count = np.bincount(target.values.astype(np.int64), minlength=len(target.classes))
        table = tuple((name, str(int(k)), f"{k / n:.0%}") for name, k in zip(target.classes, count, strict=True))
        blocks.append(TableBlock(title="Outcome", headings=("Class", "Patients", "Share"), rows=table))
    return Section(anchor="patients", heading=_say("heading.patients"), blocks=tuple(blocks))


def _candidates(prepared: PreparedViews, fitted: FittedViews, validation: Validation) -> Section:
    headline = str(validation.facts["headline"])
    names = [PIPELINE, *(each.name for each in fitted.compared.candidates if each.status == "fitted")]
    kinds = list(dict.fromkeys(each.name for each in validation.measures if not each.name.endswith("_gain")))
    rows = []
    for name in names:
        gain = validation.find(f"{headline}_gain", candidate=name)
        cells = [shown(validation.find(kind, candidate=name)) for kind in kinds]
        rows.append((tables.label(name), *cells, shown(gain)))
    rows += [
        (each.name, *("–" for _ in kinds), f"{each.status}: {each.reason}")
        for each in fitted.compared.candidates
        if each.status != "fitted"
    ]
    headings = ("Candidate", *(tables.MEASURES.get(kind, kind) for kind in kinds), "Gain over best single view")
    chosen = validation.facts["chosen_in_folds"]
    assert isinstance(chosen, Mapping)
    said = (
        _say("candidates.explain", view=str(validation.facts["best_single"]).partition(":")[2]),
        _say(
            "candidates.chosen",
            folds=[f"{tables.label(name)} ({count})" for name, count in chosen.items()],
            final=tables.label(str(validation.facts["chosen"])),
        ),
    )
    table = TableBlock(title="All candidates", headings=headings, rows=tuple(rows), emphasis=(0,))
    figure = _forest(names, headline, validation)
    return Section(
        anchor="candidates",
        heading=_say("heading.candidates"),
        blocks=(Paragraph(said=said), figure, table, _choices(fitted)),
    )


def _forest(names: list[str], headline: str, validation: Validation) -> Figure:
    found = [(name, validation.find(headline, candidate=name)) for name in names]
    kept = [(name, each) for name, each in found if each is not None and each.value is not None]
    title = f"{tables.MEASURES.get(headline, headline)} by candidate"
    return Figure(
        kind="forest",
        title=title,
        alt="; ".join(f"{tables.label(name)}: {shown(each)}" for name, each in kept),
        x_label=tables.MEASURES.get(headline, headline),
        series=(
            Series(
                name=tables.MEASURES.get(headline, headline),
                labels=tuple(tables.label(name) for name, _ in kept),
                x=tuple(float(each.value or 0) for _, each in kept),
                low=tuple(float(each.low if each.low is not None else each.value or 0) for _, each in kept),
                high=tuple(float(each.high if each.high is not None else each.value or 0) for _, each in kept),
            ),
        ),
    )


def _choices(fitted: FittedViews) -> TableBlock:
    rows = tuple(
        (
            "all patients" if each.fold is None else str(each.fold + 1),
            tables.label(each.chosen),
            tables.label(each.over),
            tables.signed(f"{each.gain:+.4f} ({each.low:+.4f} to {each.high:+.4f})"),
            "yes" if each.accepted else "no",
        )
        for each in fitted.compared.choices
    )
    headings = ("Training part", "Considered", "Instead of", "Gain in inner folds (± 1 SE)", "Taken")
    return TableBlock(title="Every choice that was made", headings=headings, rows=rows, folded=True)


def _classes(prepared: PreparedViews, fitted: FittedViews) -> tuple[Section, ...]:
    if prepared.target.task is not Task.CLASSIFICATION:
        return ()
    said = fitted.compared.pipeline.predicted
    share = engine.confusion(said, prepared.target)
    classes = prepared.target.classes
    heat = Figure(
        kind="heatmap",
        title="Where patients of each class end up",
        alt="; ".join(f"{name}: {share[k, k]:.0%} recognised" for k, name in enumerate(classes)),
        x_label="Predicted class",
        y_label="True class",
        series=(Series(name="share", labels=classes, z=tuple(tuple(map(float, row)) for row in share)),),
    )
    sure, right = engine.reliability(said, prepared.target)
    low, high = float(min(sure.min(), right.min())), 1.0
    line = Figure(
        kind="line",
        title="How often the likeliest class is right",
        alt="; ".join(f"{x:.2f} said, {y:.2f} right" for x, y in zip(sure, right, strict=True)),
        x_label="Probability of the likeliest class",
        y_label="Share right",
        series=(
            Series(name="pipeline", x=tuple(map(float, sure)), y=tuple(map(float, right)), style="points"),
            Series(name="ideal", x=(low, high), y=(low, high), style="reference"),
        ),
    )
    return (Section(anchor="classes", heading=_say("heading.classes"), blocks=(heat, line)),)


def _missing_views(validation: Validation) -> tuple[Section, ...]:
    headline = str(validation.facts["headline"])
    names = [each.subject for each in validation.checks if each.name == "view_alignment"]
    rows = []
    for each in validation.measures:
        situation, _, what = each.group.partition("=")
        if each.name != headline or situation not in ("without", "views"):
            continue
        whole = situation == "views" and what.split("+") == names
        label = f"without {what}" if situation == "without" else "patients who have " + what.replace("+", " and ")
        rows.append(("patients who have every view" if whole else label, str(each.n), shown(each)))
    if not rows:
        return ()
    everyone = validation.find(headline)
    rows.insert(0, ("everyone, all views that there are", str(everyone.n if everyone else 0), shown(everyone)))
    block = TableBlock(
        title="Missing views", headings=("Situation", "Patients", tables.MEASURES.get(headline, headline)),
        rows=tuple(rows), emphasis=(0,),
    )  # fmt: skip
    said = Paragraph(said=(_say("missing.explain"),))
    return (Section(anchor="missing", heading=_say("heading.missing"), blocks=(said, block)),)


def _biomarkers(fitted: FittedViews) -> Section:
    blocks: list[Any] = [Paragraph(said=(_say("biomarkers.explain", halves=fitted.biomarkers[0].halves),))]
    for found in fitted.biomarkers:
        values = {
            "view": found.view, "stable": len(found.stable), "columns": len(found.columns), "picked": found.picked,
            "threshold": f"{found.threshold:.0%}", "stability": f"{found.stability:.2f}",
            "false": f"{found.expected_false:.1f}",
        }  # fmt: skip
        blocks.append(Paragraph(said=(_say("biomarkers.view", **values),)))
        blocks += _strongest(found)
    return Section(anchor="biomarkers", heading=_say("heading.biomarkers"), blocks=tuple(blocks))


def _strongest(found: Biomarkers) -> list[Any]:
    order = np.lexsort((np.nan_to_num(found.p_value, nan=1.0), -found.frequency))[:SHOWN_BIOMARKERS]
    rows = tuple(
        (
            found.columns[k],
            f"{found.frequency[k]:.0%}",
            tables.signed(f"{found.effect[k]:+.2f}"),
            found.leaning[k] or "–",
            f"{found.q_value[k]:.1e}" if np.isfinite(found.q_value[k]) else "–",
        )
        for k in order
    )
    headings = ("Column", "Selected in", "Effect", "Differs most in", "q value")
    bars = Figure(
        kind="bar",
        title=f"{found.view}: how often each column is selected",
        alt="; ".join(f"{found.columns[k]} {found.frequency[k]:.0%}" for k in order),
        x_label="Share of half-samples",
        series=(
            Series(
                name="selected",
                labels=tuple(found.columns[k] for k in order),
                y=tuple(float(found.frequency[k]) for k in order),
            ),
        ),
    )
    return [bars, TableBlock(title=f"{found.view}: strongest columns", headings=headings, rows=rows, folded=True)]


def _pathways(fitted: FittedViews) -> Section:
    heading = _say("heading.pathways")
    if fitted.gene_sets is None:
        return Section(anchor="pathways", heading=heading, blocks=(Paragraph(said=(_say("pathways.none"),)),))
    source = fitted.gene_sets
    blocks: list[Any] = [
        Paragraph(said=(_say("pathways.explain", title=source.title, version=source.version, licence=source.licence),))
    ]
    for test in fitted.pathways:
        values = {"view": test.view, "mapped": test.mapped, "selected": test.selected}
        found = [each for each in test.found if len(each.hits) >= FEWEST_HITS]
        if not found:
            blocks.append(Paragraph(said=(_say("pathways.nothing", **values),)))
            continue
        strong = sum(each.q_value <= LEVEL for each in found)
        blocks.append(Paragraph(said=(_say("pathways.view", tested=len(test.found), found=strong, **values),)))
        blocks.append(_sets(test.view, found[:SHOWN_SETS]))
    return Section(anchor="pathways", heading=heading, blocks=tuple(blocks))


def _sets(view: str, found: list[Enriched]) -> TableBlock:
    rows = tuple(
        (
            each.name, each.set_id, f"{len(each.hits)} of {each.measured}", f"{each.ratio:.1f}",
            f"{each.p_value:.1e}", f"{each.q_value:.2g}", _some(each.hits),
        )
        for each in found
    )  # fmt: skip
    headings = ("Gene set", "Id", "Genes", "Times chance", "p", "q", "Which")
    strong = tuple(k for k, each in enumerate(found) if each.q_value <= LEVEL)
    return TableBlock(
        title=f"{view}: gene sets with two or more stable genes", headings=headings, rows=rows, emphasis=strong
    )


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def _how(prepared: PreparedViews, fitted: FittedViews, validation: Validation) -> Section:
    facts = validation.facts
    said = [
        _say("how.folds", folds=facts["folds"], repeats=facts["repeats"], seed=prepared.seed),
        _say("how.inside"),
        _say("how.rule"),
        _say("how.intervals"),
        _say("how.limits"),
    ]
    if prepared.groups is not None:
        said.insert(1, _say("how.groups"))
    budget = next(check for check in validation.checks if check.name == "time_budget")
    if not budget.passed:
        said.append(_say("how.budget", detail=budget.detail))
    return Section(anchor="how", heading=_say("heading.how"), blocks=(Paragraph(said=tuple(said)),))
