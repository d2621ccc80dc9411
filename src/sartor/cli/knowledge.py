"""The command `sartor knowledge`: which knowledge packs there are, installing, checking and showing them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sartor.errors import PackInvalid, PackNotFound
from sartor.settings import Settings

app = typer.Typer(help="List, install, verify and show knowledge packs.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Name = Annotated[str, typer.Argument(help="Name of the pack, as `sartor knowledge list` gives it.")]


@app.command("list")
def list_packs(as_json: AsJson = False) -> None:
    """List the packs that are known, and which of them are installed."""
    from sartor.knowledge import packs

    settings = Settings.from_environment()
    found = {folder.name: folder for folder in packs.installed(settings)}
    rows = [{**asdict(entry), "installed": _version(found.pop(entry.name, None))} for entry in packs.catalogue()]
    for name, folder in found.items():
        source = packs.read_manifest(folder).source
        rows.append(
            {"name": name, "title": source.title, "what": "", "licence": source.licence, "url": source.url,
             "form": "pack", "install": "", "installed": source.version}
        )  # fmt: skip
    _print(rows, ("name", "installed", "licence", "title"), as_json)


def _version(folder: Any) -> str:
    from sartor.knowledge import packs

    return "" if folder is None else packs.read_manifest(folder).source.version


@app.command()
def install(
    name: Name,
    origin: Annotated[
        str | None, typer.Option("--from", help="Folder, file or address; the publisher's own when left out.")
    ] = None,
) -> None:
    """Install one pack, whole or not at all; an installed one is replaced."""
    from sartor.io import knowledge_service

    settings = Settings.from_environment()
    today = datetime.now(UTC).date().isoformat()
    pack = knowledge_service.install(
        name, home=settings.knowledge_home, origin=origin, retrieved=today,
        progress=lambda line: print(line, file=sys.stderr),
    )  # fmt: skip
    counts = ", ".join(f"{table}: {len(rows)} rows" for table, rows in pack.tables.items())
    print(f"installed {pack.name} {pack.source.version} ({pack.source.licence}; {counts})", file=sys.stderr)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Check every installed pack against the hashes of its manifest; exit status 1 when one is damaged."""
    from sartor.knowledge import packs

    settings = Settings.from_environment()
    rows, bad = [], 0
    for folder in packs.installed(settings):
        problems = packs.problems(folder)
        bad += bool(problems)
        rows.append({"name": folder.name, "state": "damaged" if problems else "good",
                     "problems": " | ".join(problem.what for problem in problems)})  # fmt: skip
    _print(rows, ("name", "state", "problems"), as_json)
    if bad:
        where, todo = str(settings.knowledge_home), "install what is damaged again"
        raise PackInvalid(f"{bad} of {len(rows)} packs damaged", where=where, todo=todo)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show what an installed pack says of itself and which tables it has."""
    from sartor.knowledge import packs

    settings = Settings.from_environment()
    folder = packs.folder_of(settings, name)
    if folder is None:
        entry = packs.known(name)
        raise PackNotFound(f"pack {name!r} is not installed", todo=f"run {entry.install}")
    pack = packs.load(folder)
    rows: list[dict[str, Any]] = [
        {"field": key, "value": value} for key, value in pack.source.model_dump().items() if value
    ]
    rows.append({"field": "folder", "value": str(folder)})
    rows += [{"field": f"table {table}", "value": f"{len(content)} rows"} for table, content in pack.tables.items()]
    _print(rows, ("field", "value"), as_json)


def _print(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """A plain table of the columns named, or every field as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    lines = [list(columns), *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
