"""`sartor predict`: rows of a table, or patients, to predictions with interval and contribution per feature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sartor.cli.options import existing, now, progress
from sartor.errors import InputError, MalformedInput, UsageError

if TYPE_CHECKING:
    import numpy as np

    from sartor.domain.cohort_table import Cohort
    from sartor.domain.finding import Finding
    from sartor.domain.genome import Region
    from sartor.domain.model import ModelCard, Predictions
    from sartor.domain.record import Record
    from sartor.learning.model import Model

ROWS_AT_ONCE = 20_000
TABLES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz", ".csv.xz", ".tsv.xz", ".txt")
NAMED = 5
"""Missing inputs that are named, in each row and on stderr; of the others only their number is told."""
ID_COLUMNS = ("id", "patient", "patient_id", "ID", "PatientID", "subject_id")


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder that a study wrote.")],
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT…", help="A table (CSV, TSV, Parquet), or patients (folders, FHIR, NDJSON)."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="PRED.tsv", help="Table to write.")],
    identifier: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="Column that names the rows of a table.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain/--no-explain", help="Write a contribution for each feature.")
    ] = True,
) -> None:
    """Predict for rows or patients: id, prediction, low, high, status, and a contribution for each feature."""
    from sartor.io.model_folder import read_model
    from sartor.io.tsv import write_rows

    existing([model, *inputs])
    card, loaded = read_model(model)
    warned = _verdict(card)
    with progress("sartor predict") as step:
        parts = _parts(inputs, card, loaded, identifier, step)
        columns, rows = _table(parts, loaded, warned, explain=explain)
        count = write_rows(out, columns, rows)
    typer.echo(f"{count} predictions of {card.name} {card.version}: {out}")


def _verdict(card: ModelCard) -> str:
    """Tell the study's verdict on its model unless it is the best; gives back what every row has to say of it."""
    from sartor.capabilities.learned_risk.assess.verdict import NOT_READY, READY, in_words, verdict_of

    verdict = verdict_of(card)
    said = f"the study that made this model says: {in_words(verdict)}"
    if verdict != READY:
        typer.echo(f"note: {said}", err=True)
    return said if verdict in NOT_READY else ""


def _parts(
    inputs: list[Path], card: ModelCard, model: Model, identifier: str | None, step: Any
) -> Iterator[tuple[Cohort, tuple[str, ...], tuple[str, ...]]]:
    """Chunks of rows: the cohort, their ids, and for each the reason why it could not be read ("" if it could)."""
    if len(inputs) == 1 and inputs[0].is_file() and inputs[0].name.lower().endswith(TABLES):
        return _rows(inputs[0], card, model, identifier, step)
    if identifier:
        raise UsageError("--id names a column of a table", todo="leave it out for patients")
    return _patients(inputs, card, model, step)


def _rows(
    path: Path, card: ModelCard, model: Model, identifier: str | None, step: Any
) -> Iterator[tuple[Cohort, tuple[str, ...], tuple[str, ...]]]:
    import numpy as np

    from sartor.domain.cohort_table import ColumnKind
    from sartor.io.cohort_table import read_cohort

    step("reading")
    kinds = {feature.name: feature.kind for feature in card.features if feature.kind == ColumnKind.CATEGORY.value}
    cohort = read_cohort(path, kinds=kinds | ({identifier: ColumnKind.CATEGORY.value} if identifier else {}))
    known = {feature.name for feature in card.features} & set(cohort.names)
    if not known:
        names = ", ".join(feature.name for feature in card.features[:8])
        raise MalformedInput(
            "none of the model's columns is there", where=str(path), todo=f"give columns such as {names}"
        )
    _tell_missing([feature.name for feature in card.features if feature.name not in known], path)
    name = _id_column(cohort, card, identifier, path)
    labels = cohort.column(name).labels() if name else [str(row + 1) for row in range(len(cohort))]
    for start in range(0, len(cohort), ROWS_AT_ONCE):
        step(f"row {start + 1} of {len(cohort)}")
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(cohort)))
        yield cohort.take(rows), tuple(labels[start : start + ROWS_AT_ONCE]), ("",) * len(rows)


def _tell_missing(columns: list[str], path: Path) -> None:
    for name in columns[:NAMED]:
        typer.echo(f"note: column {name} is not in {path}: taken as missing for every row", err=True)
    if len(columns) > NAMED:
        typer.echo(f"note: nor are {len(columns) - NAMED} further columns that the model knows", err=True)


def _id_column(cohort: Cohort, card: ModelCard, stated: str | None, path: Path) -> str:
    if stated is not None:
        if stated not in cohort:
            raise UsageError(
                f"no column {stated}", where=str(path), todo=f"choose from: {', '.join(cohort.names[:12])}"
            )
        return stated
    features = {feature.name for feature in card.features}
    candidates = (str(card.facts.get("id") or ""), *ID_COLUMNS)
    return next((name for name in candidates if name and name in cohort and name not in features), "")


def _patients(
    inputs: list[Path], card: ModelCard, model: Model, step: Any
) -> Iterator[tuple[Cohort, tuple[str, ...], tuple[str, ...]]]:
    from sartor.batch.inputs import tasks
    from sartor.batch.work import records
    from sartor.capabilities.learned_risk import model as rows
    from sartor.capabilities.learned_risk.gather import facts_of

    today = now()[:10]
    regions, findings_of = _others(card)
    for task in tasks(inputs):
        names: list[str] = []
        found: list[dict[str, Any]] = []
        failed: list[str] = []
        for patient in task.patients:
            step(patient.name)
            try:
                for name, record in records(patient, regions):
                    dated = record if record.as_of else record.model_copy(update={"as_of": today})
                    found.append(rows.row(facts_of(dated, card, findings_of(dated)), card))
                    names.append(name)
                    failed.append("")
            except InputError as error:
                found.append({})
                names.append(patient.name)
                failed.append(str(error))
        yield rows.cohort(found, card), tuple(names), tuple(failed)


def _others(card: ModelCard) -> tuple[Sequence[Region], Callable[[Record], list[Finding]]]:
    """The regions that the capabilities read whose findings the model uses, and what they find in a record."""
    from sartor import pipeline, registry
    from sartor.cli.options import settings_from

    sources = (feature.drawn_from for feature in card.features if feature.drawn_from.startswith("finding:"))
    names = sorted({source.partition(":")[2] for source in sources})
    if not names:
        return (), lambda record: []
    found = registry.load(names)
    knowledge = pipeline.at_hand(settings_from([], []), found.packs())

    def findings(record: Record) -> list[Finding]:
        concluded = (pipeline.conclude(capability, record, knowledge)[1] for capability in found.capabilities)
        return [finding for each in concluded for finding, _ in each]

    return found.regions(), findings


def _table(
    parts: Iterator[tuple[Cohort, tuple[str, ...], tuple[str, ...]]], model: Model, warned: str, *, explain: bool
) -> tuple[list[str], Iterator[list[str]]]:
    """The columns, which the first chunk settles, and every row as text."""
    from itertools import chain

    said = (
        (_naming_missing(model.predict(cohort, ids, explain=explain), cohort, model), failed)
        for cohort, ids, failed in parts
    )
    first = next(said, None)
    if first is None:
        raise MalformedInput("no rows and no patients", todo="give a table with rows, or patients' files")
    further = list(first[0].further)
    columns = ["id", "prediction", "low", "high", "status", "reason", *further, "margin", "base"]
    columns += [f"contribution:{name}" for name in first[0].features]
    return columns, (row for found, failed in chain([first], said) for row in _cells(found, failed, further, warned))


def _naming_missing(found: Predictions, cohort: Cohort, model: Model) -> Predictions:
    """The reason of each predicted row names its missing inputs, beside those whose stand-in it tells already."""
    from dataclasses import replace

    import numpy as np

    from sartor.domain.model import PredictionStatus
    from sartor.learning.alignment import align

    aligned = align(cohort, model.features)
    untold = ~aligned.known & ~aligned.imputed
    for feature, rows in enumerate(aligned.unknown):
        untold[list(rows), feature] = False
    reasons = list(found.reasons)
    for row in np.flatnonzero(untold.any(axis=1)).tolist():
        if found.status[row] is not PredictionStatus.ABSTAINED:
            names = [model.features[k].name for k in np.flatnonzero(untold[row])]
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            said = f"missing, treated as in training: {', '.join(names[:NAMED])}{more}"
            reasons[row] = "; ".join(each for each in (reasons[row], said) if each)
    return replace(found, reasons=tuple(reasons))


def _cells(found: Predictions, failed: tuple[str, ...], further: list[str], warned: str) -> Iterator[list[str]]:
    from sartor.domain.model import PredictionStatus

    for row, name in enumerate(found.ids):
        refused = found.status[row] is PredictionStatus.ABSTAINED
        own = f"could not be read: {failed[row]}" if failed[row] else found.reasons[row]
        reason = "; ".join(each for each in (warned, own) if each)
        cells = [name, _number(found.value[row]), _number(found.low[row]), _number(found.high[row])]
        cells += [found.status[row].value, reason]
        cells += [_any(found.further[each][row]) for each in further]
        if refused:
            yield [*cells, *[""] * (2 + len(found.features))]
            continue
        numbers = [found.margin[row], found.base[row], *found.contributions[row]]
        yield [*cells, *(_number(each) for each in numbers)]


def _any(value: Any) -> str:
    return value if isinstance(value, str) else _number(value)


def _number(value: float | np.floating[Any]) -> str:
    """Every digit of a float64, so that contributions still add up; "" for NaN."""
    return "" if value != value else repr(float(value))
