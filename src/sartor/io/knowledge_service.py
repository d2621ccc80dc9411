"""Fetches knowledge from its publishers and installs it as packs, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sartor.domain.source import Pack, Source
from sartor.errors import OutputError, PackInvalid, PackUnreachable, UsageError
from sartor.io import fda_associations, gene_sets
from sartor.knowledge import packs

Progress = Callable[[str], None]
Row = Mapping[str, Any]

_PAGE_ROWS: Final = 500
_AGENT: Final = "sartor (https://sartor.health)"
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How to talk to a publisher: seconds to wait for an answer, attempts per request, seconds between attempts."""

    timeout_s: float = 60.0
    attempts: int = 3
    pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of one HTTP answer with its headers (names in lower case)."""

    body: bytes
    headers: Mapping[str, str]


def install(
    name: str,
    *,
    home: Path,
    origin: str | None = None,
    retrieved: str,
    progress: Progress = lambda _: None,
    service: Service = Service(),
) -> Pack:
    """Install the pack `name` into `home`, replacing an older one only once the new one is complete and valid.

    origin:    a folder, a file, or an http(s) address; None takes the publisher's address from the catalogue.
    retrieved: ISO date that the pack will carry.
    Raises PackNotFound, PackInvalid, PackUnreachable, UsageError (origin is needed), OutputError (home not writable).
    """
    entry = packs.known(name)
    where = _origin(entry, origin)
    with _staging(home, name) as folder:
        if entry.form == "pack" or _is_pack(where):
            _take_pack(where, folder, progress, service)
        elif entry.form == "cpic-api":
            progress(f"asking {where} for the official recommendation text")
            source, tables = cpic_texts(entry, where, retrieved, progress=progress, service=service)
            packs.save(folder, source, tables)
        elif entry.form == "fda-associations":
            packs.save(folder, *_fda(entry, where, retrieved, service))
        elif entry.form == "gmt":
            packs.save(folder, *_gene_sets(entry, where, retrieved, service))
        pack = packs.load(folder)
        if pack.name != name:
            raise PackInvalid(f"this is pack {pack.name!r}, not {name!r}", where=where, todo="give the right --from")
    return pack


def _origin(entry: packs.KnownPack, origin: str | None) -> str:
    if origin:
        return origin
    if entry.form == "cpic-api":
        return entry.url
    raise UsageError(f"pack {entry.name!r} is not fetched by itself", where="--from", todo=f"run {entry.install}")


def _is_url(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def _is_pack(where: str) -> bool:
    return not _is_url(where) and (Path(where) / packs.MANIFEST).is_file()


@contextmanager
def _staging(home: Path, name: str) -> Iterator[Path]:
    """A folder beside the target that takes the target's place when all went well, and vanishes when not."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        outer = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=home))
    except OSError as problem:
        raise OutputError(
            f"cannot write: {problem.strerror}", where=str(home), todo="set SARTOR_KNOWLEDGE"
        ) from problem
    try:
        fresh = outer / "new"
        fresh.mkdir()
        yield fresh
        target = home / name
        if target.exists():
            target.rename(outer / "old")
        fresh.rename(target)
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _take_pack(where: str, folder: Path, progress: Progress, service: Service) -> None:
    """Copy a ready pack from a folder or an address: the manifest and the tables that it names, nothing else."""
    if not _is_url(where):
        manifest = packs.read_manifest(Path(where))
        for file in (packs.MANIFEST, *(entry.file for entry in manifest.tables)):
            path = Path(where) / file
            if not path.is_file():
                raise PackInvalid(f"the pack lacks {file}", where=where, todo="get the pack again")
            shutil.copyfile(path, folder / file)
        return
    text = fetch(f"{where.rstrip('/')}/{packs.MANIFEST}", service=service).body
    manifest = packs.parse_manifest(text.decode("utf-8", errors="replace"), where)
    (folder / packs.MANIFEST).write_bytes(text)
    for entry in manifest.tables:
        progress(f"table {entry.name}: {entry.rows} rows")
        url = f"{where.rstrip('/')}/{urllib.parse.quote(entry.file)}"
        (folder / entry.file).write_bytes(fetch(url, service=service).body)


def _content(entry: packs.KnownPack, where: str, service: Service) -> bytes:
    """The one file that a pack is made from, from its address or the user's own copy."""
    if _is_url(where):
        return fetch(where, service=service).body
    try:
        return Path(where).read_bytes()
    except OSError as problem:
        raise UsageError(f"cannot read it: {problem.strerror}", where=where, todo=entry.install) from problem


def _fda(
    entry: packs.KnownPack, where: str, retrieved: str, service: Service
) -> tuple[Source, dict[str, Sequence[Row]]]:
    content = _content(entry, where, service)
    rows = fda_associations.parse(content.decode("utf-8-sig", errors="replace"), where)
    return _source(entry, retrieved, note="converted from the page that the user saved"), {"texts": rows}


def _gene_sets(
    entry: packs.KnownPack, where: str, retrieved: str, service: Service
) -> tuple[Source, dict[str, Sequence[Row]]]:
    content = _content(entry, where, service)
    rows = gene_sets.parse(content.decode("utf-8-sig", errors="replace"), where)
    name = where.rsplit("/", 1)[-1]
    source = _source(entry, retrieved, note=f"sets of {name}, sha256 {hashlib.sha256(content).hexdigest()}")
    return source.model_copy(update={"title": name, "licence": "as its publisher states"}), {"sets": rows}


def _source(entry: packs.KnownPack, retrieved: str, *, note: str) -> Source:
    return Source(
        id=entry.name, title=entry.title, version=retrieved, licence=entry.licence, url=entry.url,
        retrieved=retrieved, note=note,
    )  # fmt: skip


def fetch(url: str, *, headers: Mapping[str, str] | None = None, service: Service = Service()) -> Answer:
    """GET one address; raises PackUnreachable when it does not answer, breaks off, or answers with an error."""
    if not _is_url(url):
        raise UsageError("only http and https addresses are fetched", where=url)
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT, **(headers or {})})
    reason = ""
    for attempt in range(service.attempts):
        if attempt:
            time.sleep(service.pause_s)
        try:
            with urllib.request.urlopen(request, timeout=service.timeout_s) as answer:
                return Answer(answer.read(), {key.lower(): value for key, value in answer.headers.items()})
        except urllib.error.HTTPError as problem:
            reason = f"it answered with status {problem.code}"
            if problem.code not in _TRANSIENT:
                break
        except TimeoutError:
            reason = f"no answer within {service.timeout_s:g} s"
        except (urllib.error.URLError, http.client.HTTPException, OSError) as problem:
            reason = str(getattr(problem, "reason", problem)) or type(problem).__name__
    raise PackUnreachable(reason, where=url, todo="check the address and the connection, then try again")


def postgrest_rows(
    base: str, table: str, *, order: str, page_rows: int = _PAGE_ROWS, service: Service
) -> tuple[dict[str, Any], ...]:
    """Every row of one table of a PostgREST service, page by page in a fixed order.

    The number of rows is checked against the total of Content-Range when the service states it; a server that hands
    out smaller pages than asked for is followed. Raises PackUnreachable and PackInvalid.
    """
    rows: list[dict[str, Any]] = []
    while True:
        query = urllib.parse.urlencode({"order": order, "limit": page_rows, "offset": len(rows)})
        url = f"{base.rstrip('/')}/{table}?{query}"
        headers = {"Accept": "application/json", "Prefer": "count=exact", "Range-Unit": "items"}
        answer = fetch(url, headers=headers, service=service)
        page = _page(answer.body, url)
        rows += page
        total = _total(answer.headers.get("content-range", ""))
        done = len(rows) >= total if total is not None else len(page) < page_rows
        if done or not page:
            break
    if total is not None and len(rows) != total:
        what = f"table {table} came with {len(rows)} rows where the service counts {total}"
        raise PackInvalid(what, where=base, todo="try again; the service may be changing")
    return tuple(rows)


def _page(body: bytes, url: str) -> list[dict[str, Any]]:
    try:
        page = json.loads(body)
    except ValueError as problem:
        raise PackInvalid("the answer is not whole JSON", where=url, todo="try again later") from problem
    if not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
        raise PackInvalid("the answer is not a list of rows", where=url, todo="check the address")
    return page


def _total(content_range: str) -> int | None:
    """The total of "0-499/2054"; None when it is not stated ("*" or no header)."""
    total = content_range.rpartition("/")[2]
    return int(total) if total.isdigit() else None


def cpic_texts(
    entry: packs.KnownPack, base: str, retrieved: str, *, progress: Progress = lambda _: None, service: Service
) -> tuple[Source, dict[str, Sequence[Row]]]:
    """CPIC's official recommendation text as one flat table, from the tables of its public service.

    Each row of `texts`: id, drug, rxnorm, lookup (gene → key), population, strength, text, implications (gene → text),
    comments, guideline, guideline_version, guideline_date, url, pmid.
    """
    fetched: dict[str, tuple[dict[str, Any], ...]] = {}
    for table, order in (("drug", "drugid"), ("guideline", "id"), ("publication", "id"), ("recommendation", "id")):
        fetched[table] = postgrest_rows(base, table, order=order, service=service)
        progress(f"{table}: {len(fetched[table])} rows")
    if not fetched["recommendation"]:
        raise PackInvalid("the service has no recommendation", where=base, todo="check the address")
    drugs = {row.get("drugid"): row for row in fetched["drug"]}
    guidelines = {row.get("id"): row for row in fetched["guideline"]}
    newest = _newest_publications(fetched["publication"])
    rows = [_cpic_row(row, drugs, guidelines, newest, base) for row in fetched["recommendation"]]
    return _source(entry, retrieved, note=f"fetched from {base}"), {"texts": rows}


def _newest_publications(publications: Sequence[Row]) -> dict[object, Row]:
    ordered = sorted(publications, key=_publication_date)
    return {row.get("guidelineid"): row for row in ordered if row.get("guidelineid") is not None}


def _publication_date(row: Row) -> str:
    parts = [row.get("year"), row.get("month"), row.get("day")]
    known = parts[: parts.index(None)] if None in parts else parts
    return "-".join(f"{int(part):02d}" for part in known if part is not None)


def _cpic_row(
    row: Row, drugs: Mapping[object, Row], guidelines: Mapping[object, Row], newest: Mapping[object, Row], base: str
) -> dict[str, Any]:
    where = f"{base}/recommendation id {row.get('id')}"
    drug, guideline = drugs.get(row.get("drugid")), guidelines.get(row.get("guidelineid"))
    lookup, text = row.get("lookupkey"), row.get("drugrecommendation")
    if drug is None or not isinstance(drug.get("name"), str):
        raise PackInvalid("a recommendation is for a drug that the service does not list", where=where)
    if guideline is None:
        raise PackInvalid("a recommendation belongs to a guideline that the service does not list", where=where)
    if not isinstance(lookup, dict) or not isinstance(text, str):
        raise PackInvalid("a recommendation lacks its look-up key or its text", where=where)
    publication = newest.get(row.get("guidelineid"), {})
    return {
        "id": str(row.get("id")),
        "drug": drug["name"].lower(),
        "rxnorm": str(drug.get("rxnormid") or ""),
        "lookup": lookup,
        "population": row.get("population") or "",
        "strength": row.get("classification") or "",
        "text": text,
        "implications": row.get("implications") or {},
        "comments": row.get("comments") or "",
        "guideline": guideline.get("name") or "",
        "guideline_version": str(guideline.get("version") or ""),
        "guideline_date": _publication_date(publication),
        "url": guideline.get("url") or "",
        "pmid": str(publication.get("pmid") or ""),
    }
