"""`sartor monitor`: does a model still meet the people it was made for, and what does its update policy say?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sartor.cli.options import existing, now, progress
from sartor.errors import MalformedInput, ModelRefused, UsageError

if TYPE_CHECKING:
    from sartor.domain.cohort_table import Cohort
    from sartor.domain.model import ModelCard
    from sartor.explaining.drift import Decision, Drift, Period, Policy, Reference
    from sartor.learning.model import Model
    from sartor.learning.task import Target

SHOWN = 8


def monitor(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder that a study wrote.")],
    data: Annotated[Path, typer.Argument(metavar="NEWDATA", help="A table of new rows (CSV, TSV, Parquet).")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")] = Path("monitoring"),
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The outcome, where it is known.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="Survival: time under observation.")] = None,
    event: Annotated[str | None, typer.Option(metavar="COLUMN", help="Survival: 1 event, 0 censored.")] = None,
    date: Annotated[str | None, typer.Option(metavar="COLUMN", help="When a row was recorded.")] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Write a recalibrated version to DIR/model.")
    ] = False,
) -> None:
    """Drift of inputs, predictions, calibration and performance; monitor.json, monitor.html, inputs.tsv."""
    from sartor.explaining import drift
    from sartor.io.model_folder import read_files, read_model

    existing([model, data])
    if recalibrate and not (target or (time and event)):
        raise UsageError("--recalibrate needs outcomes", todo="name their column with --target")
    with progress("sartor monitor") as step:
        card, loaded = read_model(model)
        files = read_files(model)
        reference, policy = _kept(files, model)
        step("reading")
        cohort = _read(data, card, [name for name in (target, event) if name])
        outcome, rows = _target(cohort, card, target, time, event, data)
        step("comparing")
        found = _compare(loaded, reference, policy, cohort, outcome, rows, date)
        decision = drift.decide(found, reference, policy)
        step("writing")
        _write(out, card, found, decision, reference)
        if recalibrate:
            assert outcome is not None
            version = _recalibrated(files, card, loaded, policy, cohort.take(rows), outcome, model, out)
            typer.echo(f"{card.name} {version}: {out / 'model'}")
    for line in _lines(card, found, decision):
        typer.echo(line)
    if outcome is not None and not found.measures:
        typer.echo(f"  too few outcomes to judge: the policy asks for {policy.events_per_period} with and without")


def _kept(files: dict[str, bytes], model: Path) -> tuple[Reference, Policy]:
    """What the folder keeps of the training rows, and its policy (the default one if it has none)."""
    from sartor.explaining.drift import Policy, Reference, default_policy
    from sartor.explaining.drift.policy import FILE as POLICY
    from sartor.explaining.drift.reference import FILE as REFERENCE

    if REFERENCE not in files:
        raise ModelRefused(
            f"{REFERENCE} is missing, so there is nothing to compare with", where=str(model), todo="export it again"
        )
    policy = Policy.from_json(files[POLICY]) if POLICY in files else default_policy()
    return Reference.from_json(files[REFERENCE]), policy


def _read(path: Path, card: ModelCard, labels: list[str]) -> Cohort:
    from sartor.domain.cohort_table import ColumnKind
    from sartor.domain.model import Task
    from sartor.io.cohort_table import read_cohort

    kinds = {feature.name: feature.kind for feature in card.features}
    if card.task is Task.CLASSIFICATION:
        kinds |= dict.fromkeys(labels, ColumnKind.CATEGORY.value)
    cohort = read_cohort(path, kinds=kinds)
    if not {feature.name for feature in card.features} & set(cohort.names):
        names = ", ".join(feature.name for feature in card.features[:SHOWN])
        raise MalformedInput(
            "none of the model's columns is there", where=str(path), todo=f"give columns such as {names}"
        )
    return cohort


def _target(
    cohort: Cohort, card: ModelCard, target: str | None, time: str | None, event: str | None, path: Path
) -> tuple[Target | None, Any]:
    """The outcome of the rows where it is known, and which rows those are."""
    import numpy as np

    from sartor.domain.model import Task
    from sartor.learning.task import Target

    wanted = [name for name in (target, time, event) if name]
    if absent := [name for name in wanted if name not in cohort]:
        raise UsageError(
            f"no column {', '.join(absent)}", where=str(path), todo=f"choose from {', '.join(cohort.names)}"
        )
    if card.task is Task.SURVIVAL:
        if not (time and event):
            return None, np.arange(0)
        observed = np.asarray(cohort.column(time).values, dtype=float)
        happened = np.asarray(cohort.column(event).values, dtype=float)
        rows = np.flatnonzero(np.isfinite(observed) & np.isfinite(happened) & (observed > 0))
        return Target(card.task, observed[rows], happened[rows].astype(np.int8), card.classes, card.time_unit), rows
    if target is None:
        return None, np.arange(0)
    column = cohort.column(target)
    if card.task is Task.REGRESSION:
        values = np.asarray(column.values, dtype=float)
    else:
        values = np.array([card.classes.index(x) if x in card.classes else np.nan for x in column.labels()])
    rows = np.flatnonzero(np.isfinite(values))
    if not len(rows):
        todo = f"its labels must be {', '.join(card.classes)}" if card.classes else "give numbers"
        raise MalformedInput(f"no outcome in {target} can be read", where=str(path), todo=todo)
    return Target(card.task, values[rows], classes=card.classes, unit=card.unit), rows


def _compare(
    model: Model,
    reference: Reference,
    policy: Policy,
    cohort: Cohort,
    target: Target | None,
    rows: Any,
    date: str | None,
) -> Drift:
    from dataclasses import replace

    import numpy as np

    from sartor.explaining.drift import compare
    from sartor.explaining.drift.comparison import over_time
    from sartor.learning.performance import Plan, performance
    from sartor.learning.stages import OutOfFold
    from sartor.learning.updating import fewest

    if date is not None and date not in cohort:
        raise UsageError(f"no column {date}", todo=f"choose from {', '.join(cohort.names)}")
    values = _values(model, cohort)
    novelty = None if model.novelty is None else model.novelty.p_value(model.matrix(cohort))
    found = compare(reference, cohort, values if values.ndim == 1 else values.max(axis=1), policy, novelty=novelty)
    if target is None or fewest(target) < policy.events_per_period:
        return found
    own = values[rows]
    measures = performance(target, OutOfFold(own[None]), Plan(resamples=500, where="monitoring", brief=True)).measures
    periods: tuple[Period, ...] = ()
    if date is not None and own.ndim == 1:
        dates = np.asarray(cohort.column(date).values, dtype=float)[rows]
        periods = over_time(target, own, dates, policy)
    return replace(found, measures=measures, periods=periods)


def _values(model: Model, cohort: Cohort) -> Any:
    """Predictions on the scale of the reference: probability, value, or log relative hazard."""
    import numpy as np

    from sartor.domain.model import Task

    values = np.asarray(model.values(cohort), dtype=float)
    return np.log(np.maximum(values, 1e-300)) if model.task is Task.SURVIVAL else values


def _write(out: Path, card: ModelCard, found: Drift, decision: Decision, reference: Reference) -> None:
    import json
    from importlib.resources import files as package_files

    from sartor import __version__
    from sartor.errors import OutputError
    from sartor.explaining.drift import document
    from sartor.explaining.drift.page import INPUT_HEADINGS, input_rows
    from sartor.explaining.wording import WordingTable
    from sartor.reporting.study import render_study

    text = (package_files("sartor.explaining.drift") / "wording" / "en.toml").read_text(encoding="utf-8")
    page = document(found, decision, reference, title=f"Monitoring of {card.title or card.name} {card.version}")
    html = render_study(page, say=WordingTable.load(text).say, now=now(), version=__version__)
    lines = ["\t".join(INPUT_HEADINGS), *("\t".join(row) for row in input_rows(found))]
    contents = {
        "monitor.json": json.dumps(_state(card, found, decision), indent=1, ensure_ascii=False) + "\n",
        "monitor.html": html,
        "inputs.tsv": "\n".join(lines) + "\n",
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (out / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write ({error.strerror})", where=str(out), todo="choose another folder") from error


def _state(card: ModelCard, found: Drift, decision: Decision) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "format": 1,
        "model": card.name,
        "version": card.version,
        "n": found.n,
        "action": decision.action,
        "reasons": [{"key": key, **values} for key, values in decision.reasons],
        "prediction": asdict(found.prediction),
        "inputs": [asdict(each) for each in found.inputs],
        "unusual_share": found.unusual_share,
        "measures": [each.model_dump(mode="json") for each in found.measures],
        "periods": [asdict(each) for each in found.periods],
    }


def _recalibrated(
    files: dict[str, bytes],
    card: ModelCard,
    model: Model,
    policy: Policy,
    cohort: Cohort,
    target: Target,
    folder: Path,
    out: Path,
) -> str:
    """A new version in DIR/model with the old one's digest in its card and policy; the old folder stays as it is."""
    from dataclasses import replace

    from sartor.errors import OutputError
    from sartor.explaining.drift.policy import FILE as POLICY
    from sartor.io.model_folder import model_digest, model_root
    from sartor.io.study_folder import sealed
    from sartor.learning.updating import recalibrated

    fitted, gain = recalibrated(model, cohort, target, least_events=policy.events_to_recalibrate)
    version = _next(card.version)
    replaced = {"version": card.version, "manifest_sha256": model_digest(folder), "folder": str(model_root(folder))}
    entry = {
        "version": version,
        "date": now()[:10],
        "action": "recalibrate",
        "replaces": replaced,
        "n": len(target),
        **gain,
    }
    facts = {**card.facts, "replaces": replaced, "recalibrated": entry}
    made = {name: content for name, content in files.items() if name not in ("manifest.json", "card.html")}
    made |= fitted.to_files()
    changed = card.model_copy(update={"version": version, "facts": facts, "created": now()[:10]})
    made["card.json"] = (changed.model_dump_json(indent=1) + "\n").encode()
    made[POLICY] = replace(policy, history=(*policy.history, entry)).to_json()
    root = out / "model"
    if root.exists():
        raise OutputError("there is a model already", where=str(root), todo="choose another --out folder")
    try:
        for name, content in sealed(made).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    except OSError as error:
        raise OutputError(f"cannot write ({error.strerror})", where=str(root), todo="choose another folder") from error
    return version


def _next(version: str) -> str:
    """1 → 1.1, 1.1 → 1.2: a recalibration is a minor version."""
    major, _, minor = version.partition(".")
    return f"{major}.{int(minor) + 1 if minor.isdigit() else 1}"


def _lines(card: ModelCard, found: Drift, decision: Decision) -> list[str]:
    changed = [each for each in found.inputs if each.level != "none"]
    lines = [f"{card.name} {card.version} on {found.n} new rows: {decision.action}"]
    lines += [
        f"  {each.level}: {each.name} (stability index {each.psi:.2f}, p {each.p_value:.2g}, "
        f"missing {each.missing_before:.0%} before, {each.missing_now:.0%} now)"
        for each in changed[:SHOWN]
    ]
    if len(changed) > SHOWN:
        lines.append(f"  and {len(changed) - SHOWN} more, in inputs.tsv")
    lines.append(f"  predictions: {found.prediction.level} (stability index {found.prediction.psi:.2f})")
    for name in ("auroc", "harrell_c", "r2", "observed_expected", "calibration_slope"):
        shown = found.measure(name)
        if shown is not None and shown.value is not None and shown.low is not None and shown.high is not None:
            lines.append(f"  {name}: {shown.value:.3f} ({shown.low:.3f} to {shown.high:.3f})")
    if found.periods:
        lines.append(f"  periods off calibration: {sum(p.off for p in found.periods)} of {len(found.periods)}")
    return lines
