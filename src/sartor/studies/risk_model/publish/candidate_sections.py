"""Every candidate with its scores, and why one was chosen: simplest first, nothing left out because it lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sartor.domain.document import Figure, Paragraph, Section, Series, TableBlock
from sartor.learning.stages import Candidate, Choice
from sartor.studies.risk_model.publish.telling import (
    PIPELINE,
    Told,
    candidate_name,
    interval,
    lead,
    name_of,
    number,
    percent,
    say,
    short,
    table,
    worded,
)

BESIDE = {
    "auroc": ("brier", "calibration_slope", "ici"),
    "harrell_c": ("integrated_brier", "calibration_slope"),
    "r2": ("mae", "rmse"),
}
MOST_PARAMETERS = 160
MOST_SELECTED = 40


def candidates(told: Told) -> Section:
    """Forest, table and choices."""
    fitted = [each for each in told.fitted.candidates if each.status == "fitted"]
    tried = len(told.fitted.candidates)
    said = [worded("candidates.lead" if tried > 1 else "candidates.one", n=tried, fitted=len(fitted))]
    said.append(worded("candidates.pipeline"))
    blocks: list[Paragraph | TableBlock | Figure] = [Paragraph(said=tuple(said))]
    names = [PIPELINE, *(each.name for each in fitted)]
    blocks += [_forest(told, names), _table(told), *_why(told), *_selection(told)]
    return Section(anchor="candidates", heading=worded("heading.candidates"), blocks=tuple(blocks))


def _selection(told: Told) -> list[Paragraph | TableBlock]:
    """How stable each input is, where inputs were selected."""
    found = told.fitted.facts.get("selection")
    if not found:
        return []
    values = {key: str(found[key]) for key in ("halves", "chosen_each", "false_bound", "parts")}
    said = [worded("selection.lead", threshold=percent(found["threshold"]), **values)]
    said.append(worded("selection.every" if found["every_learner"] else "selection.one"))
    rows = [
        (each["name"], percent(each["frequency"]), f"{each['kept_in_parts']}/{found['parts']}",
         say("yes" if each["kept"] else "no"))
        for each in found["features"][:MOST_SELECTED]
    ]  # fmt: skip
    columns = ("input", "found_in_halves", "kept_in_parts", "kept")
    return [Paragraph(said=tuple(said)), table("selection", columns, rows, folded=True)]


def _scores(candidate: Candidate) -> str:
    known = candidate.scores[np.isfinite(candidate.scores)] if candidate.scores.size else np.empty(0)
    if not len(known):
        return "–"
    return f"{number(float(known.mean()))} ± {number(float(known.std()))}"


def _forest(told: Told, names: list[str]) -> Figure:
    found = [(name, told.measure(told.metric, candidate=name)) for name in names]
    kept = [(name, m) for name, m in found if m is not None and m.value is not None]
    values = [float(m.value or 0) for _, m in kept]
    series = Series(
        name=name_of(told.metric),
        labels=tuple(candidate_name(name) for name, _ in kept),
        x=tuple(values),
        y=tuple(float(len(kept) - k) for k in range(len(kept))),
        low=tuple(v if m.low is None else m.low for (_, m), v in zip(kept, values, strict=True)),
        high=tuple(v if m.high is None else m.high for (_, m), v in zip(kept, values, strict=True)),
    )
    pipeline = told.measure(told.metric)
    references = []
    if pipeline is not None and pipeline.value is not None:
        references.append(Series(name=say("candidate.pipeline"), x=(pipeline.value,), style="reference"))
    return Figure(
        kind="forest",
        title=say("figure.candidates", measure=name_of(told.metric)),
        alt="; ".join(f"{candidate_name(name)} {interval(m)}" for name, m in kept) or say("alt.none"),
        x_label=name_of(told.metric),
        series=(series, *references),
    )


def _table(told: Told) -> TableBlock:
    beside = [name for name in BESIDE.get(told.metric, ("brier", "log_loss")) if told.measure(name)]
    rows = [_pipeline_row(told, beside)]
    rows += [_row(told, each, beside) for each in told.fitted.candidates]
    chosen = [k + 1 for k, each in enumerate(told.fitted.candidates) if each.name == told.fitted.chosen]
    headings = (say("column.candidate"), name_of(told.metric), *map(name_of, beside), say("column.folds"),
                say("column.cpu"), say("column.status"))  # fmt: skip
    return TableBlock(
        title=say("table.candidates"),
        headings=headings,
        rows=tuple(rows),
        emphasis=(0, *chosen),
        note=say("note.candidates"),
    )


def _pipeline_row(told: Told, beside: list[str]) -> tuple[str, ...]:
    cells = [interval(told.measure(name)) for name in (told.metric, *beside)]
    return (say("candidate.pipeline"), *cells, "–", "–", say("status.pipeline"))


def _row(told: Told, candidate: Candidate, beside: list[str]) -> tuple[str, ...]:
    cells = [interval(told.measure(name, candidate=candidate.name)) for name in (told.metric, *beside)]
    status = say("status.chosen") if candidate.name == told.fitted.chosen else say(f"status.{candidate.status}")
    if candidate.reason:
        status += f": {candidate.reason}"
    return (candidate_name(candidate.name), *cells, _scores(candidate), f"{candidate.cpu_s:.1f}", status)


def _why(told: Told) -> list[Paragraph | TableBlock]:
    chosen = told.fitted.chosen_in_fold
    said = [worded("choice.rule"), worded("choice.final", chosen=candidate_name(told.fitted.chosen))]
    if chosen:
        counted = [f"{candidate_name(name)} ({chosen.count(name)})" for name in dict.fromkeys(chosen)]
        said.append(worded("choice.folds", counted=counted, folds=len(chosen)))
    blocks: list[Paragraph | TableBlock] = [lead(*said)]
    if told.fitted.choices:
        ordered = sorted(told.fitted.choices, key=lambda each: (each.fold is not None, each.fold or 0))
        columns = ("training_part", "considered", "instead_of", "gain", "taken")
        final = tuple(k for k, each in enumerate(ordered) if each.fold is None)
        blocks.append(table("choices", columns, [_choice(each) for each in ordered], emphasis=final, folded=True))
    parameters = [
        (candidate_name(each.name), _parameters(each.parameters)) for each in told.fitted.candidates if each.parameters
    ]
    if parameters:
        blocks.append(table("parameters", ("candidate", "parameters"), parameters, folded=True))
    return blocks


def _choice(choice: Choice) -> tuple[str, ...]:
    part = say("all_rows") if choice.fold is None else say("fold", n=choice.fold + 1)
    gain = f"{number(choice.gain, 4)} ({number(choice.low, 4)} to {number(choice.high, 4)})"
    taken = say("yes" if choice.accepted else "no")
    return part, candidate_name(choice.chosen), candidate_name(choice.over), gain, taken


def _parameters(found: Any) -> str:
    shown = {key: short(value) if isinstance(value, float) else value for key, value in dict(found).items()}
    said = ", ".join(f"{key} {value if isinstance(value, str) else json.dumps(value, default=str)}"
                     for key, value in sorted(shown.items()))  # fmt: skip
    return said if len(said) <= MOST_PARAMETERS else f"{said[: MOST_PARAMETERS - 1]}…"
