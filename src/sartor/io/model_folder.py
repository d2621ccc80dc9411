"""Reads a model folder that may come from anywhere: every file pinned by its hash, nothing that could run code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from sartor.domain.model import ModelCard
from sartor.errors import ModelRefused
from sartor.io.study_folder import MANIFEST, MANIFEST_FORMAT, MODEL
from sartor.learning.model import Model, model_from_files

CARD = "card.json"
CARD_FORMAT = 1
SUFFIXES = frozenset({".json", ".txt", ".ubj", ".safetensors", ".skops", ".html", ".md", ".tsv", ".csv", ".svg"})
PICKLE_OPCODE = 0x80
NEWEST_PICKLE_PROTOCOL = 5


def read_model(folder: Path) -> tuple[ModelCard, Model]:
    """The card and the model of a model folder (or of the study's folder around it).

    Raises ModelRefused when a file is altered, missing, not in the manifest, a link, a pickle, outside the folder, or
    of a format that is newer than this release.
    """
    files = read_files(folder)
    card = _card(files, folder)
    model = model_from_files({name: content for name, content in files.items() if name != CARD}, card)
    return card, model


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file of a model folder by its path there, checked against the manifest; ModelRefused otherwise."""
    root = model_root(folder)
    entries = _manifest(root)
    _nothing_else(root, set(entries))
    return {name: _checked(root, name, entry) for name, entry in entries.items()}


def model_root(folder: Path) -> Path:
    """The folder that holds the manifest: this one, or `model/` in a study's folder. Raises ModelRefused."""
    for root in (folder, folder / MODEL):
        if (root / MANIFEST).is_file() and not root.is_symlink():
            return root
    raise ModelRefused(f"no {MANIFEST} here", where=str(folder), todo="give the folder model/ that a study wrote")


def model_digest(folder: Path) -> str:
    """SHA-256 of the manifest, which pins every file of the model."""
    return hashlib.sha256((model_root(folder) / MANIFEST).read_bytes()).hexdigest()


def _manifest(root: Path) -> dict[str, dict[str, Any]]:
    path = root / MANIFEST
    if path.is_symlink():
        raise _refused("the manifest is a link", root)
    try:
        manifest = json.loads(path.read_bytes())
        found = int(manifest["format"])
        entries = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(f"the manifest cannot be read ({type(error).__name__})", root) from error
    if found > MANIFEST_FORMAT:
        what = f"format {found} is newer than this release reads ({MANIFEST_FORMAT})"
        raise ModelRefused(what, where=str(root), todo="update Sartor")
    for name, entry in entries.items():
        _check_name(name, root)
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
            raise _refused(f"the manifest has no hash for {name}", root)
    return entries


def _check_name(name: str, root: Path) -> None:
    path = PurePosixPath(name)
    plain = name == str(path) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
    if not plain or ":" in name or "\0" in name or name in {"", ".", MANIFEST}:
        raise _refused(f"the manifest names a path outside the folder ({name!r})", root)
    if path.suffix not in SUFFIXES:
        raise _refused(f"files of this kind are not read ({name!r})", root)


def _nothing_else(root: Path, named: set[str]) -> None:
    """No link anywhere, and no file that the manifest does not pin."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            raise _refused(f"{name} is a link", root)
        if not path.is_dir() and name not in named and name != MANIFEST:
            raise _refused(f"{name} is not in the manifest", root)


def _checked(root: Path, name: str, entry: dict[str, Any]) -> bytes:
    path = root / name
    if not path.is_file():
        raise _refused(f"{name} is missing", root)
    if isinstance(entry.get("size"), int) and path.stat().st_size != entry["size"]:
        raise _refused(f"{name} was altered (its size is not the manifest's)", root)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise _refused(f"{name} was altered (its hash is not the manifest's)", root)
    if _is_pickle(name, content):
        raise _refused(f"{name} is a pickle, which could run code", root)
    return content


def _is_pickle(name: str, content: bytes) -> bool:
    """Whether a file begins as a pickle does; safetensors begin with their header's length, which may look the same."""
    if name.endswith(".safetensors"):
        length = int.from_bytes(content[:8], "little")
        if content[8:9] == b"{" and 8 + length <= len(content):
            return False
    return len(content) > 1 and content[0] == PICKLE_OPCODE and content[1] <= NEWEST_PICKLE_PROTOCOL


def _card(files: dict[str, bytes], folder: Path) -> ModelCard:
    if CARD not in files:
        raise _refused(f"{CARD} is missing", folder)
    try:
        stated = json.loads(files[CARD])
        if int(stated.get("format", 1)) > CARD_FORMAT:
            what = f"the card's format {stated['format']} is newer than this release reads ({CARD_FORMAT})"
            raise ModelRefused(what, where=str(folder), todo="update Sartor")
        return ModelCard.model_validate(stated)
    except (ValidationError, ValueError, AttributeError) as error:
        raise _refused(f"its card cannot be read ({type(error).__name__})", folder) from error


def _refused(what: str, root: Path) -> ModelRefused:
    return ModelRefused(what, where=str(root), todo="get the model folder again from those who made it")
