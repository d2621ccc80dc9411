"""`sartor report`: one patient's files to an explained, cited report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sartor.cli.options import existing, names_from, now, progress, settings_from
from sartor.errors import MalformedInput, OutputError

if TYPE_CHECKING:
    from sartor.domain.report import Report
    from sartor.reporting.changes import Changes


def report(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT…", help="A patient's folder, or files; recognised by content.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write the report to.")],
    only: Annotated[str | None, typer.Option(metavar="CAP,…", help="Only these capabilities.")] = None,
    sample: Annotated[str | None, typer.Option(metavar="ID", help="Sample of a multi-sample VCF.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Write report.pdf too.")] = False,
    knowledge: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DIR", help="Use this knowledge pack; may be repeated.")
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A model folder whose prediction to show; may be repeated.")
    ] = None,
    since: Annotated[
        Path | None, typer.Option(metavar="OLD", help="An earlier report.json: list what changed since, and why.")
    ] = None,
) -> None:
    """Read one patient, assess, explain, and write report.html, report.json and bundle.fhir.json."""
    from sartor.pipeline import run
    from sartor.reporting import text

    settings = settings_from(knowledge or [], model or [])
    old = _earlier(since) if since else None
    with progress("sartor report") as step:
        made = run(existing(inputs), settings=settings, now=now(), only=names_from(only), sample=sample, progress=step)
        changes = _changes(old, made)
        step("writing")
        written = write(made, out, changes=changes, pdf=pdf)
    typer.echo(text.render(made, changes=changes))
    typer.echo("\n".join(f"wrote {path}" for path in written))


def write(made: Report, out: Path, *, changes: Changes | None, pdf: bool) -> list[Path]:
    """Write every form of the report into a folder; returns the paths, the page first. Raises OutputError."""
    import json

    from sartor.reporting import fhir, html

    forms: dict[str, bytes] = {
        "report.html": html.render(made, changes=changes).encode(),
        "report.json": (made.model_dump_json(indent=1) + "\n").encode(),
        "bundle.fhir.json": (json.dumps(fhir.bundle(made), indent=1, ensure_ascii=False) + "\n").encode(),
    }
    if pdf:
        from sartor.reporting import pdf as pdf_form

        forms["report.pdf"] = pdf_form.render(made, changes=changes)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in forms.items():
            _replace(out / name, content)
    except OSError as error:
        raise OutputError(
            f"cannot write ({error.strerror})", where=str(out), todo="choose another --out folder"
        ) from error
    return [out / name for name in forms]


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)


def _earlier(path: Path) -> Report:
    from pydantic import ValidationError

    from sartor.domain.report import Report

    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MalformedInput(f"cannot be read ({error.strerror})", where=str(path), todo="check --since") from error
    except ValidationError as error:
        raise MalformedInput(
            f"is not a report.json of this schema ({error.error_count()} differences)",
            where=str(path),
            todo="give the report.json that `sartor report` wrote",
        ) from error


def _changes(old: Report | None, new: Report) -> Changes | None:
    if old is None:
        return None
    from sartor.reporting.changes import compare

    return compare(old, new)
