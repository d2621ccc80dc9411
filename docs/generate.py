"""Writes the parts of docs/reference that are made from code: commands, settings, the report's schema."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Made by docs/generate.py; `make docs` writes it anew. -->\n"


def pages() -> dict[str, str]:
    """Path from the repository's root → text."""
    return {
        "docs/reference/commands.md": commands(),
        "docs/reference/settings.md": settings(),
        "docs/reference/report.schema.json": schema(),
    }


def commands() -> str:
    """Every command with its arguments and options."""
    import typer.main

    from sartor.cli import app

    group: Any = typer.main.get_command(app)
    parts = [
        NOTE,
        "# Commands\n",
        "Exit status: 0 on success, 2 on wrong usage, 1 on a reported error whose last line on stderr is\n"
        "`error[slug]: what happened, where, what to do` (see [errors](errors.md)).\n",
    ]
    for name, command in sorted(group.commands.items()):
        parts.append(_command(f"sartor {name}", command, level=2))
        for sub, inner in sorted(getattr(command, "commands", {}).items()):
            parts.append(_command(f"sartor {name} {sub}", inner, level=3))
    return "\n".join(parts)


def _command(title: str, command: Any, *, level: int) -> str:
    lines = [f"{'#' * level} {title}\n", f"{inspect.cleandoc(command.help or '')}\n"]
    rows = [_parameter(each) for each in command.params if each.name != "help"]
    if rows:
        lines += ["| argument or option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _parameter(parameter: Any) -> str:
    named = parameter.param_type_name == "option"
    names = ", ".join(f"`{name}`" for name in parameter.opts) if named else f"`{parameter.metavar or parameter.name}`"
    help_text = (getattr(parameter, "help", "") or "").replace("|", "\\|")
    required = " (required)" if parameter.required and named else ""
    return f"| {names} | {help_text}{required} |"


def settings() -> str:
    """Every setting with its default, and what the class says of it."""
    from sartor.settings import Settings

    meanings = dict(
        re.findall(r"^(\w+):\s+(.+?)(?=^\w+:|\Z)", inspect.getdoc(Settings) or "", re.MULTILINE | re.DOTALL)
    )
    lines = [NOTE, "# Settings\n"]
    for field in dataclasses.fields(Settings):
        lines += [f"## {field.name}\n", f"{' '.join(meanings[field.name].split())}\n"]
    return "\n".join(lines)


def schema() -> str:
    """The JSON Schema of report.json."""
    from sartor.reporting.schema import report_schema

    return json.dumps(report_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")
