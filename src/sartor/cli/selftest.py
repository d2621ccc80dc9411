"""`sartor selftest`: the shipped clinical cases, run on this machine."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from sartor.cli.options import names_from, progress
from sartor.errors import SelfTestFailed


def selftest(
    only: Annotated[str | None, typer.Option(metavar="CAP,…", help="Only these capabilities.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run the clinical cases that ship with each capability, and say whether this machine finds what it must."""
    from sartor import registry
    from sartor.selftest import cases, run_case

    results = []
    with progress("sartor selftest") as step:
        for capability in registry.load(names_from(only)).capabilities:
            for name, case in cases(capability).items():
                step(name)
                results.append(run_case(capability, case))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(each) for each in results], indent=1))
    else:
        for each in results:
            typer.echo(f"{'differs' if each.differences else 'holds  '}  {each.capability}/{each.id}: {each.title}")
            for difference in each.differences:
                typer.echo(f"         {difference}")
    failed = [each.id for each in results if each.differences]
    if failed or not results:
        raise SelfTestFailed(
            f"{len(failed)} of {len(results)} cases differ",
            where=", ".join(failed),
            todo="do not use this installation for patients; send the output of `sartor selftest --json`",
        )
    if not as_json:
        typer.echo(f"{len(results)} of {len(results)} cases hold")
