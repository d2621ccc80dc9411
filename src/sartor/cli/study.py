"""`sartor study`: a cohort to a validated, explained model or result."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from sartor.cli.options import existing, now, progress, settings_from
from sartor.errors import ConfigInvalid, UsageError


def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which study, such as risk_model.")],
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.toml", help="What to study.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")] = Path("study"),
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Without a configuration: the cohort.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Without a configuration: what to predict.")
    ] = None,
    time_budget: Annotated[float | None, typer.Option(metavar="SECONDS", help="Wall time to keep to.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is random.")] = None,
    knowledge: Annotated[list[str] | None, typer.Option(metavar="NAME=DIR", help="A knowledge pack to use.")] = None,
) -> None:
    """A cohort to a validated, explained, fair model: model/, validation.json, report.html, predictions.parquet."""
    begun = time.monotonic()
    from sartor.cohort_flow import run_study

    settings = settings_from(knowledge or [])
    values, folder = _configuration(config, data, target)
    values.update({key: value for key, value in (("time_budget_s", time_budget), ("seed", seed)) if value is not None})
    with progress(f"sartor study {name}") as step:
        publication = run_study(
            name,
            values,
            folder=folder,
            out=out,
            settings=settings,
            clock=lambda: time.monotonic() - begun,
            now=now(),
            progress=step,
        )
    typer.echo(f"{publication.document.title}: {out / 'report.html'}")


def _configuration(config: Path | None, data: Path | None, target: str | None) -> tuple[dict[str, Any], Path]:
    if config is not None:
        if data or target:
            raise UsageError("--data and --target stand in the configuration's place", todo="give one or the other")
        path = existing([config])[0]
        try:
            return tomllib.loads(path.read_text(encoding="utf-8")), path.resolve().parent
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigInvalid(f"not readable as TOML ({error})", where=str(path), todo="correct the file") from error
    if data is None:
        raise UsageError("nothing to study", todo="give CONFIG.toml, or --data FILE --target COLUMN")
    path = existing([data])[0].resolve()
    return {"data": path.name} | ({"target": target} if target else {}), path.parent
