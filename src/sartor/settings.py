"""The one settings object, built only at the edges (command line, web) and passed inward."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a user may set, with its default.

    knowledge_home: folder of the installed knowledge packs (environment: SARTOR_KNOWLEDGE).
    knowledge:      packs given on the command line, name → folder; they win over installed ones.
    models:         folders of learned models, from the command line (environment: SARTOR_MODELS, separated as in PATH).
    workers:        processes for a batch; 0 means one per core (environment: SARTOR_WORKERS).
    language:       language of the wording.
    """

    knowledge_home: Path = field(default_factory=lambda: Path.home() / ".local" / "share" / "sartor" / "knowledge")
    knowledge: Mapping[str, Path] = field(default_factory=dict)
    models: tuple[Path, ...] = ()
    workers: int = 0
    language: str = "en"

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
        """Read the environment; what is given explicitly wins."""
        env = os.environ if environment is None else environment
        values: dict[str, object] = {}
        if home := env.get("SARTOR_KNOWLEDGE"):
            values["knowledge_home"] = Path(home)
        if models := env.get("SARTOR_MODELS"):
            values["models"] = tuple(Path(each) for each in models.split(os.pathsep) if each)
        if workers := env.get("SARTOR_WORKERS"):
            values["workers"] = int(workers)
        values.update({key: value for key, value in given.items() if value is not None})
        return Settings(**values)  # type: ignore[arg-type]
