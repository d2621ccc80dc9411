"""Validation → report, out-of-fold predictions and tables per drug."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Measure, Validation
from sartor.learning.drug_response.biomarkers import DrugBiomarkers
from sartor.learning.drug_response.comparison import PIPELINE, Compared
from sartor.learning.drug_response.responses import Split
from sartor.studies.drug_response.fit import FittedResponses
from sartor.studies.drug_response.prepare import PreparedResponses
from sartor.studies.drug_response.validate import HEADLINE, NAIVE

LEVEL = 0.05
STABLE = 0.8
PER_DRUG = 5
SHOWN_DRUGS = 30
SHOWN_BIOMARKERS = 40
COLUMNS: Final = {
    HEADLINE: "Pearson within drugs",
    "per_drug_spearman": "Spearman within drugs",
    "pooled_per_drug_pearson": "Pearson within drugs, folds pooled",
    "per_cell_pearson": "Pearson within cells",
    f"{HEADLINE}_gain": "Gain over the best mean",
    "global_pearson": "Global Pearson (do not judge by it)",
}
LABELS: Final = {
    PIPELINE: "Pipeline (chosen in each fold)",
    "drug mean": "Naive: drug mean",
    "cell mean": "Naive: cell mean",
    "drug and cell mean": "Naive: drug and cell mean",
    "ridge per drug": "Ridge regression per drug",
    "low rank": "All drugs at once, low rank",
    "two-step kernel": "Kernel of cells and drugs",
    "boosted trees": "Boosted trees over pairs",
}


def publish(
    prepared: PreparedResponses, fitted: FittedResponses, validation: Validation, around: Surroundings
) -> Publication:
    """The study's results; it makes no model folder (see the study's README)."""
    sections = (
        _table_section(prepared, validation),
        *(_split(each, validation) for each in fitted.compared),
        _per_drug(prepared, fitted.compared[0]),
        _biomarkers(prepared, fitted),
        _how(prepared, validation),
    )
    document = Document(
        title=str(prepared.config.get("title") or "Drug response study"),
        verdict=_verdict(fitted, validation),
        sections=sections,
    )
    tables = {"per_drug": _per_drug_table(prepared, fitted), "choices": _choices(fitted)}
    if fitted.biomarkers is not None:
        tables["biomarkers"] = _biomarker_table(prepared, fitted.biomarkers)
    return Publication(
        validation=validation, document=document, predictions=_predictions(prepared, fitted), tables=tables
    )


def _say(key: str, **values: Any) -> Wording:
    return Wording(key=f"drug_response.{key}", values=values)


def shown(measure: Measure | None, digits: int = 3) -> str:
    """A value with its interval, as text."""
    if measure is None or measure.value is None:
        return "–"
    if measure.low is None or measure.high is None:
        return _signed(f"{measure.value:.{digits}f}")
    if measure.low == measure.high == 0:
        return "0"
    return _signed(f"{measure.value:.{digits}f} ({measure.low:.{digits}f} to {measure.high:.{digits}f})")


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _find(validation: Validation, name: str, candidate: str, split: Split) -> Measure | None:
    return validation.find(name, candidate=candidate, group=f"split={split}")


def _verdict(fitted: FittedResponses, validation: Validation) -> tuple[Wording, ...]:
    said = []
    naive = validation.facts["best_naive"]
    assert isinstance(naive, Mapping)
    for compared in fitted.compared:
        gain = _find(validation, f"{HEADLINE}_gain", PIPELINE, compared.split)
        found = gain is not None and gain.low is not None and gain.low > 0
        best = str(naive[str(compared.split)])
        said.append(
            _say(
                "verdict.better" if found else "verdict.open",
                what=_say(f"split.{compared.split.name.lower()}").model_dump(),
                value=shown(_find(validation, HEADLINE, PIPELINE, compared.split)),
                best=best,
                naive=shown(_find(validation, HEADLINE, best, compared.split)),
            )
        )
    return tuple(said)


def _table_section(prepared: PreparedResponses, validation: Validation) -> Section:
    facts = validation.facts
    share = int(facts["measured"]) / max(int(facts["cells"]) * int(facts["drugs"]), 1)  # type: ignore[arg-type]
    said = [_say("table.count", cells=facts["cells"], drugs=facts["drugs"], measured=facts["measured"],
                 share=f"{share:.0%}")]  # fmt: skip
    said.append(_say("table.features", cells=facts["cell_features"], drugs=facts["drug_features"]))
    for check in prepared.checks:
        if not check.passed:
            said.append(_say(f"table.{check.name}", count=check.values["count"]))
    return Section(anchor="table", heading=_say("heading.table"), blocks=(Paragraph(said=tuple(said)),))


def _split(compared: Compared, validation: Validation) -> Section:
    name = compared.split.name.lower()
    rows: list[tuple[str, ...]] = []
    emphasis: list[int] = []
    for candidate in compared.scores:
        cells = [shown(_find(validation, kind, candidate, compared.split)) for kind in COLUMNS]
        if candidate == PIPELINE:
            emphasis.append(len(rows))
        rows.append((LABELS[candidate], *cells))
    chosen = [
        f"{LABELS[each]} ({compared.chosen_in_fold.count(each)})" for each in dict.fromkeys(compared.chosen_in_fold)
    ]
    said = [_say(f"explain.{name}"), _say("explain.chosen", chosen=chosen)]
    said += [_say(f"skipped.{why}", candidate=LABELS[each]) for each, why in compared.skipped.items()]
    table = TableBlock(
        title="All candidates", headings=("Candidate", *COLUMNS.values()), rows=tuple(rows), emphasis=tuple(emphasis),
    )  # fmt: skip
    blocks: list[Any] = [Paragraph(said=tuple(said)), _forest(compared, validation), table]
    overall = _find(validation, "global_pearson", "drug and cell mean", compared.split)
    if overall is not None and overall.value is not None:
        warned = _say("explain.global", value=f"{overall.value:.2f}")
        blocks.append(Paragraph(said=(warned,), tone="warning"))
    return Section(anchor=name.replace("_", "-"), heading=_say(f"heading.{name}"), blocks=tuple(blocks))


def _forest(compared: Compared, validation: Validation) -> Figure:
    kept = [(each, _find(validation, HEADLINE, each, compared.split)) for each in compared.scores]
    drawn = [(each, m) for each, m in kept if m is not None and m.value is not None]
    return Figure(
        kind="forest",
        title="Correlation within drugs, mean over drugs",
        alt="; ".join(f"{LABELS[each]}: {shown(measure)}" for each, measure in drawn),
        x_label="Pearson correlation within drugs",
        series=(
            Series(
                name="Pearson within drugs",
                labels=tuple(LABELS[each] for each, _ in drawn),
                x=tuple(float(m.value or 0) for _, m in drawn),
                low=tuple(float(m.low if m.low is not None else m.value or 0) for _, m in drawn),
                high=tuple(float(m.high if m.high is not None else m.value or 0) for _, m in drawn),
            ),
        ),
    )


def _per_drug(prepared: PreparedResponses, compared: Compared) -> Section:
    scores = compared.scores[PIPELINE]
    values = scores.pearson
    order = np.argsort(-np.nan_to_num(values, nan=-2.0), kind="stable")
    known = [int(k) for k in order if np.isfinite(values[k])]
    count = (compared.fold >= 0).sum(axis=0)
    rows = tuple(
        (
            prepared.responses.drugs[k],
            str(int(count[k])),
            _signed(f"{values[k]:.2f}"),
            _signed(f"{scores.spearman[k]:.2f}"),
        )
        for k in known
    )
    counts, edges = (
        np.histogram(values[known], bins=np.linspace(-0.4, 1.0, 29)) if known else (np.zeros(0), np.zeros(0))
    )
    figure = Figure(
        kind="histogram",
        title="Correlation of each drug",
        alt=f"{sum(values[k] > 0.3 for k in known)} of {len(known)} drugs above 0.3; "
        f"{sum(values[k] <= 0 for k in known)} at or below 0",
        x_label="Pearson correlation within the drug",
        y_label="Drugs",
        series=(Series(name="drugs", x=tuple((edges[:-1] + 0.025).tolist()), y=tuple(counts.astype(float).tolist())),),
    )
    table = TableBlock(
        title="Every drug", headings=("Drug", "Cells tested", "Pearson", "Spearman"), rows=rows, folded=True
    )
    said = _say("per_drug.explain", what=_say(f"split.{compared.split.name.lower()}").model_dump())
    best = TableBlock(
        title="Best and worst", headings=table.headings, rows=(*rows[:8], *rows[-4:]) if len(rows) > 12 else rows
    )
    return Section(anchor="drugs", heading=_say("heading.drugs"), blocks=(Paragraph(said=(said,)), figure, best, table))


def _biomarkers(prepared: PreparedResponses, fitted: FittedResponses) -> Section:
    heading = _say("heading.biomarkers")
    if fitted.biomarkers is None:
        return Section(anchor="biomarkers", heading=heading, blocks=(Paragraph(said=(_say("biomarkers.none"),)),))
    found = fitted.biomarkers
    kept = _stable(found)
    rows = tuple(
        (
            prepared.responses.drugs[d], found.columns[p], _signed(f"{found.correlation[p, d]:+.2f}"),
            f"{found.frequency[p, d]:.0%}", f"{found.q_value[p, d]:.1e}", _direction(prepared, found.correlation[p, d]),
        )
        for p, d in kept[:SHOWN_BIOMARKERS]
    )  # fmt: skip
    said = _say(
        "biomarkers.explain", halves=found.halves, picked=found.picked, threshold=f"{STABLE:.0%}", found=len(kept),
        drugs=len({d for _, d in kept}),
    )  # fmt: skip
    headings = ("Drug", "Feature", "Correlation", "Selected in", "q value", "High value goes with")
    blocks: list[Any] = [Paragraph(said=(said,))]
    if rows:
        blocks.append(TableBlock(title="Strongest", headings=headings, rows=rows))
    return Section(anchor="biomarkers", heading=heading, blocks=tuple(blocks))


def _direction(prepared: PreparedResponses, correlation: float) -> str:
    lower = bool(prepared.config["lower_is_sensitive"])
    return "sensitivity" if (correlation < 0) == lower else "resistance"


def _stable(found: DrugBiomarkers) -> list[tuple[int, int]]:
    """(feature, drug) that are stable and significant, strongest first."""
    held = (found.frequency >= STABLE) & (np.nan_to_num(found.q_value, nan=1.0) <= LEVEL)
    places = np.argwhere(held)
    order = np.argsort(-np.abs(found.correlation[held]), kind="stable")
    return [(int(p), int(d)) for p, d in places[order]]


def _how(prepared: PreparedResponses, validation: Validation) -> Section:
    said = [_say("how.folds", folds=validation.facts["folds"], seed=prepared.seed)]
    if "group" in prepared.config:
        said.append(_say("how.groups"))
    budget = next(check for check in validation.checks if check.name == "time_budget")
    if not budget.passed:
        said.append(_say("how.budget", made=budget.values["made"], wanted=budget.values["wanted"]))
    said += [_say(f"how.{key}") for key in ("within", "inside", "rule", "intervals", "limits")]
    return Section(anchor="how", heading=_say("heading.how"), blocks=(Paragraph(said=tuple(said)),))


def _predictions(prepared: PreparedResponses, fitted: FittedResponses) -> dict[str, Any]:
    responses = prepared.responses
    parts: list[dict[str, Any]] = []
    for compared in fitted.compared:
        rows, columns = np.nonzero(compared.fold >= 0)
        part: dict[str, Any] = {
            "split": [str(compared.split)] * len(rows),
            "cell": [responses.cells[k] for k in rows],
            "drug": [responses.drugs[k] for k in columns],
            "fold": (compared.fold[rows, columns] + 1).tolist(),
            "observed": responses.values[rows, columns].tolist(),
        }
        names = (PIPELINE, *NAIVE, *prepared.config["candidates"])
        for name in names:
            table = compared.predicted.get(name)
            key = f"predicted:{name}"
            part[key] = [None] * len(rows) if table is None else table[rows, columns].tolist()
        parts.append(part)
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def _per_drug_table(prepared: PreparedResponses, fitted: FittedResponses) -> dict[str, Any]:
    found: dict[str, list[Any]] = {
        name: [] for name in ("split", "candidate", "drug", "tested", "pearson", "spearman", "mean_squared_error")
    }
    for compared in fitted.compared:
        count = (compared.fold >= 0).sum(axis=0)
        for name, scores in compared.scores.items():
            found["split"] += [str(compared.split)] * len(count)
            found["candidate"] += [name] * len(count)
            found["drug"] += list(prepared.responses.drugs)
            found["tested"] += count.tolist()
            found["pearson"] += scores.pearson.tolist()
            found["spearman"] += scores.spearman.tolist()
            found["mean_squared_error"] += scores.squared.tolist()
    return found


def _choices(fitted: FittedResponses) -> dict[str, Any]:
    made = [(str(compared.split), each) for compared in fitted.compared for each in compared.choices]
    return {
        "split": [split for split, _ in made],
        "fold": [(each.fold or 0) + 1 for _, each in made],
        "considered": [each.chosen for _, each in made],
        "instead_of": [each.over for _, each in made],
        "gain": [each.gain for _, each in made],
        "low": [each.low for _, each in made],
        "high": [each.high for _, each in made],
        "taken": [each.accepted for _, each in made],
    }


def _biomarker_table(prepared: PreparedResponses, found: DrugBiomarkers) -> dict[str, Any]:
    """The strongest few features of every drug, stable or not."""
    strength = np.nan_to_num(np.abs(found.correlation))
    best = np.argsort(-strength, axis=0, kind="stable")[:PER_DRUG]
    places = [(int(p), d) for d in range(best.shape[1]) for p in best[:, d] if np.isfinite(found.correlation[p, d])]
    return {
        "drug": [prepared.responses.drugs[d] for _, d in places],
        "feature": [found.columns[p] for p, _ in places],
        "correlation": [float(found.correlation[p, d]) for p, d in places],
        "p_value": [float(found.p_value[p, d]) for p, d in places],
        "q_value": [float(found.q_value[p, d]) for p, d in places],
        "frequency": [float(found.frequency[p, d]) for p, d in places],
        "stable": [bool(found.frequency[p, d] >= STABLE) for p, d in places],
    }
