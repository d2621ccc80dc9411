"""`sartor batch`: many patients to one table, on all cores or a Dask cluster, resuming where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sartor.cli.options import existing, names_from, now, settings_from
from sartor.errors import BatchFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sartor.batch import Progress


def batch(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT…",
            help="Multi-sample VCF, folder of patients, NDJSON of FHIR bundles, or Parquet store.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Table to write: .parquet, .ndjson or .tsv.")],
    only: Annotated[str | None, typer.Option(metavar="CAP,…", help="Only these capabilities.")] = None,
    workers: Annotated[int, typer.Option(metavar="N", min=0, help="Processes; 0 means one per core.")] = 0,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on the Dask cluster with this scheduler address.")
    ] = None,
    knowledge: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DIR", help="Use this knowledge pack; may be repeated.")
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A model folder whose prediction to show; may be repeated.")
    ] = None,
) -> None:
    """Assess many patients: one row per finding; a patient that fails is one failed row, never the end."""
    from sartor.batch import run

    with _bar() as progress:
        summary = run(
            existing(inputs),
            out,
            settings=settings_from(knowledge or [], model or []),
            only=names_from(only),
            workers=workers,
            cluster=cluster,
            now=now(),
            progress=progress,
        )
    typer.echo(summary.line())
    if summary.failed and summary.failed < summary.patients:
        typer.echo(f"{summary.failed} of {summary.patients} patients failed", err=True)
    elif summary.failed:
        raise BatchFailed(
            f"every patient failed ({summary.patients} of {summary.patients})",
            where=str(out),
            todo="read the reasons in the column because of the table",
        )


def _bar() -> AbstractContextManager[Progress]:
    """A bar on stderr with patients done, failures and the time left; nothing when it is no terminal."""
    import sys
    from contextlib import contextmanager

    @contextmanager
    def silent() -> Iterator[Progress]:
        yield lambda done, total, failed: None

    return _drawn() if sys.stderr.isatty() else silent()


def _drawn() -> AbstractContextManager[Progress]:
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    failures = TextColumn("{task.fields[failed]} failed")
    columns = (TextColumn("sartor batch"), BarColumn(), MofNCompleteColumn(), failures, TimeRemainingColumn())

    @contextmanager
    def drawn() -> Iterator[Progress]:
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("patients", total=None, failed=0)

            def step(done: int, total: int | None, failed: int) -> None:
                bar.update(task, completed=done, total=total, failed=failed)

            yield step

    return drawn()
