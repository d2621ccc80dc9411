"""The command line, one file per command; heavy imports happen inside the commands, so `--help` stays fast."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from sartor import __version__
from sartor.cli import batch, knowledge, monitor, pgx, predict, report, selftest, study
from sartor.errors import Interrupted, MissingExtra, SartorError, Unexpected, UsageError, failing_place

INTERRUPTED = 130
EXTRA_OF = dict.fromkeys(
    ("sklearn", "scipy", "lightgbm", "xgboost", "interpret", "optuna", "shap", "fairlearn", "sksurv", "safetensors",
     "skops", "matplotlib", "pandas"),
    "learn",
) | {"torch": "networks", "distributed": "cluster", "dask": "cluster", "pysam": "bcf"}  # fmt: skip
"""The extra that brings each library which is not always installed."""

app = typer.Typer(
    name="sartor",
    help="Personalized medicine: from one patient's genome and record to an explained, cited report. "
    "Research and decision support; not a certified medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sartor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command("report", short_help="One patient: files in, explained and cited report out.")(report.report)
app.command("batch", short_help="Many patients: one row per finding.")(batch.batch)
app.command("pgx", short_help="Gene calls as a table, one or many samples.")(pgx.pgx)
app.command("study", short_help="A cohort to a validated, explained model or result.")(study.study)
app.command("predict", short_help="Rows or patients: a model's predictions, each explained.")(predict.predict)
app.command("monitor", short_help="Does a model still meet the people it was made for?")(monitor.monitor)
app.add_typer(knowledge.app, name="knowledge")
app.command("selftest", short_help="Run the shipped clinical cases here.")(selftest.selftest)


def main() -> None:
    """Run the command line: exit 0 on success, 2 on wrong usage, 1 on a reported error."""
    try:
        app()
    except SartorError as error:
        _stop(error, 2 if isinstance(error, UsageError) else 1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _stop(Interrupted("stopped by the user", todo="start it again"), INTERRUPTED)
        raise
    except ModuleNotFoundError as error:
        library = str(error.name or "").split(".")[0]
        if library not in EXTRA_OF:
            _crashed(error)
        extra = EXTRA_OF[library]
        _stop(MissingExtra(f"{library} is not installed", todo=f'pip install "sartor[{extra}]"'), 1)
    except Exception as error:
        _crashed(error)


def _crashed(error: Exception) -> NoReturn:
    if os.environ.get("SARTOR_TRACEBACK"):
        traceback.print_exception(error)
    what = f"{type(error).__name__} at {failing_place(error)}"
    _stop(Unexpected(what, todo="please report it; SARTOR_TRACEBACK=1 shows more, patient data included"), 1)


def _stop(error: SartorError, code: int) -> NoReturn:
    typer.echo(error.line().replace("\n", " "), err=True)
    sys.exit(code)
