"""Knowledge packs: folders of fact tables with a manifest, loaded, checked against their hashes, and listed."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from sartor.domain.source import Knowledge, Pack, Source
from sartor.errors import PackInvalid, PackNotFound
from sartor.settings import Settings

MANIFEST: Final = "pack.toml"
_REQUIRED: Final = ("name", "title", "version", "licence")
_OPTIONAL: Final = ("url", "retrieved", "note")


@dataclass(frozen=True, slots=True)
class KnownPack:
    """One entry of the catalogue: what a pack holds, on what terms, and how it is installed.

    form: "pack" (a folder that has a manifest), or the name of an upstream form that is converted on installation.
    url:  where its content comes from; the default of `--from` when `form` is a service.
    """

    name: str
    title: str
    what: str
    licence: str
    url: str
    form: str
    install: str


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table that a manifest promises: its file inside the pack, SHA-256 and number of rows."""

    name: str
    file: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack says of itself."""

    source: Source
    tables: tuple[TableEntry, ...]


def catalogue() -> tuple[KnownPack, ...]:
    """Every pack that this version knows how to install, by name."""
    text = files("sartor.knowledge").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(KnownPack(**entry) for entry in tomllib.loads(text)["pack"])


def known(name: str) -> KnownPack:
    """The catalogue's entry of that name; raises PackNotFound with the names that there are."""
    for entry in catalogue():
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in catalogue())
    raise PackNotFound(f"no knowledge pack is called {name!r}", todo=f"choose one of {names}")


def read_manifest(folder: Path) -> Manifest:
    """Read and check `pack.toml`; raises PackNotFound without one, PackInvalid when it breaks the schema."""
    path = folder / MANIFEST
    if not path.is_file():
        raise PackNotFound("no knowledge pack here", where=str(folder), todo=f"give a folder that holds {MANIFEST}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise PackInvalid(f"the manifest is not TOML: {problem}", where=str(path), todo="install it anew") from problem
    return _manifest(content, path)


def parse_manifest(text: str, where: str) -> Manifest:
    """The same from text, for manifests that were fetched."""
    try:
        return _manifest(tomllib.loads(text), Path(where))
    except tomllib.TOMLDecodeError as problem:
        raise PackInvalid(f"the manifest is not TOML: {problem}", where=where, todo="check the address") from problem


def _manifest(content: Mapping[str, Any], path: Path) -> Manifest:
    head = content.get("pack")
    if not isinstance(head, dict):
        raise _broken("the manifest has no [pack]", path)
    source = _source(head, path)
    entries = content.get("table", [])
    if not isinstance(entries, list) or not entries:
        raise _broken("the manifest has no [[table]]", path)
    tables = tuple(_table_entry(entry, path) for entry in entries)
    if len({table.name for table in tables}) != len(tables):
        raise _broken("two tables share one name", path)
    return Manifest(source, tables)


def _source(head: Mapping[str, Any], path: Path) -> Source:
    missing = set(_REQUIRED) - set(head)
    unknown = set(head) - {*_REQUIRED, *_OPTIONAL}
    if missing or unknown:
        raise _broken(f"[pack] lacks, or does not know: {', '.join(sorted(missing | unknown))}", path)
    if wrong := sorted(key for key, value in head.items() if not isinstance(value, str)):
        raise _broken(f"[pack] must have text in: {', '.join(wrong)}", path)
    name = head["name"]
    if not name.replace("-", "").replace("_", "").isalnum():
        raise _broken(f"a pack cannot be called {name!r}", path)
    return Source(id=name, **{key: value for key, value in head.items() if key != "name"})


def _table_entry(entry: object, path: Path) -> TableEntry:
    kinds = {"name": str, "file": str, "sha256": str, "rows": int}
    if not isinstance(entry, dict) or set(entry) != set(kinds):
        raise _broken(f"each [[table]] has exactly {', '.join(kinds)}", path)
    for key, kind in kinds.items():
        if not isinstance(entry[key], kind):
            raise _broken(f"[[table]] {key} must be of type {kind.__name__}", path)
    if Path(entry["file"]).name != entry["file"] or entry["file"] in {"", ".", "..", MANIFEST}:
        raise _broken(f"table file {entry['file']!r} must lie in the pack's own folder", path)
    return TableEntry(**entry)


def _broken(what: str, path: Path) -> PackInvalid:
    return PackInvalid(what, where=str(path), todo="get the pack from its publisher again")


def decode_table(entry: TableEntry, content: bytes, where: str) -> list[dict[str, Any]]:
    """Check one table's bytes against the manifest and return its rows; raises PackInvalid."""
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        what = f"table {entry.name} does not have the hash that the manifest promises"
        raise PackInvalid(what, where=where, todo="install the pack anew")
    try:
        rows = json.loads(content)
    except ValueError as problem:
        raise PackInvalid(f"table {entry.name} is not JSON: {problem}", where=where) from problem
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PackInvalid(f"table {entry.name} is not a list of rows", where=where)
    if len(rows) != entry.rows:
        what = f"table {entry.name} has {len(rows)} rows, the manifest promises {entry.rows}"
        raise PackInvalid(what, where=where, todo="install the pack anew")
    return rows


def load(folder: Path) -> Pack:
    """Load a pack and check every table against its hash and row count.

    Raises PackNotFound when the folder holds no manifest, PackInvalid when content and manifest disagree.
    The pack's source carries the hash of its manifest, which pins all tables.
    """
    manifest = read_manifest(folder)
    tables = {entry.name: _read_table(folder, entry) for entry in manifest.tables}
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return Pack(manifest.source.id, manifest.source.model_copy(update={"sha256": digest}), tables)


def _read_table(folder: Path, entry: TableEntry) -> list[dict[str, Any]]:
    path = folder / entry.file
    if not path.is_file():
        raise PackInvalid(f"the file of table {entry.name} is missing", where=str(path), todo="install the pack anew")
    return decode_table(entry, path.read_bytes(), str(path))


def problems(folder: Path) -> tuple[PackInvalid, ...]:
    """Everything that is wrong with an installed pack, one entry per table; empty when all is well."""
    try:
        manifest = read_manifest(folder)
    except PackInvalid as problem:
        return (problem,)
    found = []
    for entry in manifest.tables:
        try:
            _read_table(folder, entry)
        except PackInvalid as problem:
            found.append(problem)
    return tuple(found)


def save(folder: Path, source: Source, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Manifest:
    """Write a pack into an existing folder: one JSON file per table, and the manifest with hashes and counts."""
    entries = []
    for name, rows in tables.items():
        lines = ",\n".join(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
        content = f"[\n{lines}\n]\n".encode()
        file = f"{name}.json"
        (folder / file).write_bytes(content)
        entries.append(TableEntry(name, file, hashlib.sha256(content).hexdigest(), len(rows)))
    manifest = Manifest(source, tuple(entries))
    (folder / MANIFEST).write_text(_as_toml(manifest), encoding="utf-8")
    return manifest


def _as_toml(manifest: Manifest) -> str:
    source = manifest.source
    lines = ["[pack]", f"name = {_quoted(source.id)}"]
    keys = ("title", "version", "licence", *_OPTIONAL)
    lines += [f"{key} = {_quoted(getattr(source, key))}" for key in keys]
    for entry in manifest.tables:
        lines += ["", "[[table]]", f"name = {_quoted(entry.name)}", f"file = {_quoted(entry.file)}"]
        lines += [f"sha256 = {_quoted(entry.sha256)}", f"rows = {entry.rows}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def folder_of(settings: Settings, name: str) -> Path | None:
    """Where the pack of that name lies for this run: as given, else as installed; None when it is not there."""
    if (given := settings.knowledge.get(name)) is not None:
        return given
    installed = settings.knowledge_home / name
    return installed if (installed / MANIFEST).is_file() else None


def installed(settings: Settings) -> tuple[Path, ...]:
    """The folders of all installed packs, by name."""
    home = settings.knowledge_home
    if not home.is_dir():
        return ()
    return tuple(sorted(f for f in home.iterdir() if not f.name.startswith(".") and (f / MANIFEST).is_file()))


def at_hand(settings: Settings, names: Iterable[str]) -> Knowledge:
    """Load those of the named packs that are there.

    A pack that was given explicitly must load (PackNotFound, PackInvalid); one that is not installed is left out,
    and an installed one that is damaged raises PackInvalid rather than being ignored.
    """
    packs = {}
    for name in names:
        folder = folder_of(settings, name)
        if folder is None:
            continue
        pack = load(folder)
        if pack.name != name:
            raise PackInvalid(f"this is pack {pack.name!r}, not {name!r}", where=str(folder), todo="check the name")
        packs[name] = pack
    return Knowledge(packs)
