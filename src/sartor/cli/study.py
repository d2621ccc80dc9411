"""`sartor study`: a cohort to a validated, explained model or result."""

from __future__ import annotations

import json
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sartor.cli.options import existing, now, settings_from
from sartor.errors import ConfigInvalid, UsageError

if TYPE_CHECKING:
    from sartor.domain.study import Publication
    from sartor.domain.validation import Measure

STAGES: Final = {
    "preparing": (0.0, 0.05),
    "fitting": (0.05, 0.85),
    "validating": (0.85, 0.97),
    "publishing": (0.97, 1.0),
}
"""Between which shares of the whole each stage usually lies."""
HEADLINES: Final = (
    "auroc", "harrell_c", "r2", "accuracy", "log_loss", "brier", "integrated_brier", "ece", "ici",
    "calibration_slope", "mae",
)  # fmt: skip
_PART: Final = re.compile(r"(\d+)\s*(?:/|of)\s*(\d+)")
SHOWN: Final = 4


def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which study, such as risk_model.")],
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.toml", help="What to study.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")] = Path("study"),
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Without a configuration: the cohort.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Without a configuration: what to predict.")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option("--time", metavar="COLUMN", help="Survival, with --event: time under observation.")
    ] = None,
    event: Annotated[str | None, typer.Option(metavar="COLUMN", help="Survival: what ended it.")] = None,
    positive: Annotated[
        list[str] | None, typer.Option(metavar="VALUE", help="The outcome, or the event; may be given several times.")
    ] = None,
    censored: Annotated[str | None, typer.Option(metavar="VALUE", help="Survival: no event was seen.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="No input; may be given several times.")
    ] = None,
    time_budget: Annotated[float | None, typer.Option(metavar="SECONDS", help="Wall time to keep to.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is random.")] = None,
    knowledge: Annotated[list[str] | None, typer.Option(metavar="NAME=DIR", help="A knowledge pack to use.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result's summary as JSON.")] = False,
) -> None:
    """A cohort to a validated, explained, fair model: model/, validation.json, report.html, predictions.parquet.

    With --data alone the rest is guessed, and every guess is stated in the report. Leaks stop the study, with reasons.
    """
    begun = time.monotonic()
    from sartor.cohort_flow import run_study

    settings = settings_from(knowledge or [])
    stated = {"target": target, "time": time_column, "event": event, "exclude": exclude}
    stated |= {"positive": positive, "censored": censored}
    values, folder = _configuration(config, data, {key: each for key, each in stated.items() if each})
    values.update({key: each for key, each in (("time_budget_s", time_budget), ("seed", seed)) if each is not None})
    budget = values.get("time_budget_s")
    with _progress(f"sartor study {name}", begun, float(budget) if isinstance(budget, (int, float)) else None) as step:
        publication = run_study(
            name,
            values,
            folder=folder,
            out=out,
            settings=settings,
            clock=lambda: time.monotonic() - begun,
            now=now(),
            progress=step,
            guessed=lambda sentence: typer.echo(f"guessed: {sentence}", err=True),
        )
    seconds = time.monotonic() - begun
    typer.echo(_as_json(publication, out, seconds) if as_json else _as_text(publication, out, seconds))


def _configuration(config: Path | None, data: Path | None, stated: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    if config is not None:
        if data or stated:
            options = ", ".join(f"--{each}" for each in (["data"] if data else []) + list(stated))
            raise UsageError(f"{options} stand in the configuration's place", todo="give one or the other")
        path = existing([config])[0]
        try:
            return tomllib.loads(path.read_text(encoding="utf-8-sig")), path.resolve().parent
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigInvalid(f"not readable as TOML ({error})", where=str(path), todo="correct the file") from error
        except OSError as error:
            raise ConfigInvalid(f"cannot be read ({error.strerror})", where=str(path), todo="name one file") from error
    if data is None:
        raise UsageError("nothing to study", todo="give CONFIG.toml, or --data FILE --target COLUMN")
    path = existing([data])[0].resolve()
    return {"data": path.name, **stated}, path.parent


@contextmanager
def _progress(title: str, begun: float, budget: float | None) -> Iterator[Callable[[str], None]]:
    """A bar with its percentage on a terminal; lines with the stage elsewhere, one per stage."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("[bold]{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    share = _Share(budget)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, visible=False)

        def step(text: str) -> None:
            elapsed = time.monotonic() - begun
            completed = share.after(text, elapsed)
            bar.update(task, description=f"{title}: {text}", completed=completed, visible=elapsed > 1)

        yield step


class _Share:
    """How much of the whole is done, as far as the steps' texts and the time budget tell; it never falls."""

    def __init__(self, budget: float | None) -> None:
        self.budget = budget
        self.low, self.high = STAGES["preparing"]
        self.done = 0.0

    def after(self, text: str, elapsed: float) -> float:
        """The share when the step of this text begins: its "3 of 5" or "3/5", else the budget's part that is spent."""
        self.low, self.high = STAGES.get(text, (self.low, self.high))
        part = 0.0
        if found := _PART.search(text):
            part = min(int(found[1]) / max(int(found[2]), 1), 1.0)
        elif self.budget and self.low == STAGES["fitting"][0]:
            part = min(elapsed / self.budget, 1.0)
        self.done = max(self.done, self.low + part * (self.high - self.low))
        return self.done


def _headlines(publication: Publication) -> list[Measure]:
    """The study's own measures for everyone, best known first."""
    measures = [
        each
        for each in publication.validation.measures
        if not each.group and each.candidate == "pipeline" and each.where != "apparent" and each.value is not None
    ]
    named = [each for name in HEADLINES for each in measures if each.name == name and each.at is None]
    return named or measures[:1]


def _as_text(publication: Publication, out: Path, seconds: float) -> str:
    lines = [publication.document.title]
    for each in _headlines(publication)[:SHOWN]:
        interval = "" if each.low is None or each.high is None else f" ({each.low:.3f} to {each.high:.3f})"
        rows = f", n = {each.n:,}" if each.n else ""
        lines.append(f"  {each.name.replace('_', ' ')}, {each.where}: {each.value:.3f}{interval}{rows}")
    warnings = [each for each in publication.validation.checks if not each.passed and each.severity == "warning"]
    if warnings:
        names = list(dict.fromkeys(f"{each.name.replace('_', ' ')}" for each in warnings))
        count = "1 warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
        lines.append(f"  {count}: {', '.join(names[:6])}{' …' if len(names) > 6 else ''}")
    lines.append(f"{out / 'report.html'} ({seconds:.0f} s)")
    return "\n".join(lines)


def _as_json(publication: Publication, out: Path, seconds: float) -> str:
    content = {
        "title": publication.document.title,
        "report": str(out / "report.html"),
        "model": str(out / "model") if publication.card is not None else None,
        "measures": [each.model_dump(mode="json") for each in _headlines(publication)],
        "failed_checks": [
            each.model_dump(mode="json")
            for each in publication.validation.checks
            if not each.passed and each.severity != "note"
        ],
        "seconds": round(seconds, 1),
    }
    return json.dumps(content, indent=1, ensure_ascii=False)
