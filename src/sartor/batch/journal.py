"""What a batch has finished, kept beside its output as OUT.partial/: one shard per task, and a manifest.

A shard is written whole or not at all (renamed into place). A manifest of other inputs, settings or versions
means another batch: its shards are thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartor.batch.rows import Row
from sartor.errors import OutputError


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one output file."""

    folder: Path

    @staticmethod
    def beside(out: Path) -> Journal:
        """The journal that belongs to this output."""
        return Journal(out.with_name(out.name + ".partial"))

    def begin(self, manifest: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        """Open the journal for a batch of this manifest; returns what an earlier run kept, or `kept`.

        kept: facts of the first run that a later one takes over (the time that ages are counted for).
        """
        file = self.folder / "manifest.json"
        try:
            earlier = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            earlier = {}
        if earlier.get("manifest") == dict(manifest):
            found: dict[str, Any] = earlier["kept"]
            return found
        if self.folder.exists() and not file.is_file():
            raise OutputError(
                "a folder of this name is in the way and is no journal of a batch",
                where=str(self.folder),
                todo="move it or choose another --out",
            )
        self.discard()
        self.folder.mkdir(parents=True)
        _write_whole(file, json.dumps({"manifest": dict(manifest), "kept": dict(kept)}, indent=1))
        return dict(kept)

    def finished(self) -> set[int]:
        """The numbers of the finished tasks."""
        return {int(path.stem) for path in self.folder.glob("*.ndjson") if path.stem.isdigit()}

    def keep(self, number: int, rows: Sequence[Row]) -> None:
        """Write one finished task."""
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        _write_whole(self._shard(number), content)

    def shard(self, number: int) -> Iterator[Row]:
        """The rows of one finished task."""
        with self._shard(number).open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)

    def discard(self) -> None:
        """Remove the journal."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _shard(self, number: int) -> Path:
        return self.folder / f"{number:09d}.ndjson"


def _write_whole(path: Path, content: str) -> None:
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8", newline="\n") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
