"""What several commands share: reading settings from options, and progress on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sartor.errors import UsageError
from sartor.settings import Settings


class Step(Protocol):
    """Called with a short text when a new step begins."""

    def __call__(self, text: str, /) -> None: ...  # noqa: D102


def settings_from(knowledge: Sequence[str], models: Sequence[Path] = ()) -> Settings:
    """Settings from the environment, the `--knowledge NAME=DIR` and the `--model DIR` options."""
    packs: dict[str, Path] = {}
    for each in knowledge:
        name, equals, folder = each.partition("=")
        if not equals or not name or not folder:
            raise UsageError(
                f"--knowledge {each} is not NAME=DIR", todo="write for example --knowledge dpwg=packs/dpwg"
            )
        packs[name] = Path(folder)
    try:
        return Settings.from_environment(knowledge=packs, models=tuple(existing(models)) or None)
    except ValueError as error:
        raise UsageError(f"SARTOR_WORKERS is not a number ({error})", todo="set it to a whole number") from error


def names_from(only: str | None) -> list[str] | None:
    """The capabilities of `--only A,B`, or None for all."""
    if only is None:
        return None
    found = [name.strip() for name in only.split(",") if name.strip()]
    if not found:
        raise UsageError("--only names no capability", todo="write for example --only pharmacogenomics")
    return found


def existing(paths: Sequence[Path]) -> list[Path]:
    """The paths, all of which exist."""
    for path in paths:
        if not path.exists():
            raise UsageError("no such file or folder", where=str(path), todo="check the path")
    return list(paths)


def now() -> str:
    """The present time, in ISO form with zone; the only clock that a report sees."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def progress(title: str) -> Iterator[Step]:
    """Show the present step on stderr, on a terminal, once the work has run for a second."""
    if not sys.stderr.isatty():
        yield lambda text, /: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("[bold]{task.description}"), TimeElapsedColumn())
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, visible=False)

        def step(text: str, /) -> None:
            bar.update(task, description=f"{title}: {text}", visible=time.monotonic() - begun > 1)

        yield step
