from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from sartor.domain.source import Source
from sartor.errors import PackInvalid, PackNotFound, PackUnreachable, UsageError
from sartor.io import knowledge_service
from sartor.io.knowledge_service import Service
from sartor.knowledge import packs

QUICK = Service(timeout_s=0.5, attempts=2, pause_s=0.0)


def _tables() -> dict[str, list[dict[str, Any]]]:
    """A small service in the form of CPIC's, in words of our own."""
    return {
        "drug": [
            {"drugid": "RxNorm:1", "name": "Codeine", "rxnormid": "2670", "guidelineid": 10},
            {"drugid": "RxNorm:2", "name": "warfarin", "rxnormid": None, "guidelineid": 11},
        ],
        "guideline": [
            {"id": 10, "name": "Opioids", "url": "https://example.org/opioids", "version": 4},
            {"id": 11, "name": "Warfarin", "url": None, "version": None},
        ],
        "publication": [
            {"id": 1, "guidelineid": 10, "pmid": "111", "year": 2014, "month": 4},
            {"id": 2, "guidelineid": 10, "pmid": "222", "year": 2020, "month": None},
            {"id": 3, "guidelineid": None, "pmid": "333", "year": None, "month": None},
        ],
        "recommendation": [
            {
                "id": i, "drugid": f"RxNorm:{1 + i % 2}", "guidelineid": 10 + i % 2, "population": "general",
                "lookupkey": {"CYP2D6": str(i)}, "drugrecommendation": f"text {i}", "classification": "Strong",
                "implications": {"CYP2D6": "none"}, "comments": None,
            }
            for i in range(1203)
        ],
    }  # fmt: skip


class PostgrestTwin:
    """A local server that pages as PostgREST does, and can be told to misbehave."""

    def __init__(self) -> None:
        self.tables = _tables()
        self.fault = ""
        self.faults_left = 10**6
        self.largest_page = 1000
        self.requests: list[str] = []
        twin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                twin.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.release = threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlparse(handler.path)
        self.requests.append(handler.path)
        table, query = url.path.rsplit("/", 1)[1], parse_qs(url.query)
        if table not in self.tables:
            handler.send_error(404)
            return
        rows = sorted(self.tables[table], key=lambda row: row[query["order"][0]])
        start = int(query["offset"][0])
        page = rows[start : start + min(int(query["limit"][0]), self.largest_page)]
        body = json.dumps(page).encode()
        faulty = self.fault and table == "recommendation" and start > 0 and self.faults_left > 0
        if faulty:
            self.faults_left -= 1
            if self.fault == "500":
                handler.send_error(500)
                return
            if self.fault == "hang":
                self.release.wait(5)
                return
            if self.fault == "truncated":
                body = body[: len(body) // 2]
        handler.send_response(206)
        handler.send_header("Content-Type", "application/json; charset=utf-8")
        total = len(rows) + 7 if self.fault == "count" else len(rows)
        handler.send_header("Content-Range", f"{start}-{start + len(page) - 1}/{total}" if page else f"*/{total}")
        promised = len(body) + 100 if faulty and self.fault == "cut" else len(body)
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def twin() -> Iterator[PostgrestTwin]:
    server = PostgrestTwin()
    yield server
    server.release.set()
    server.server.shutdown()
    server.server.server_close()


def _install(twin: PostgrestTwin, home: Path) -> Any:
    return knowledge_service.install("cpic", home=home, origin=twin.base, retrieved="2026-01-02", service=QUICK)


def test_cpic_is_fetched_page_by_page(twin: PostgrestTwin, tmp_path: Path) -> None:
    twin.largest_page = 300
    pack = _install(twin, tmp_path)
    texts = pack.tables["texts"]
    assert len(texts) == 1203
    assert texts[0] == {
        "id": "0", "drug": "codeine", "rxnorm": "2670", "lookup": {"CYP2D6": "0"}, "population": "general",
        "strength": "Strong", "text": "text 0", "implications": {"CYP2D6": "none"}, "comments": "",
        "guideline": "Opioids", "guideline_version": "4", "guideline_date": "2020", "url": "https://example.org/opioids",
        "pmid": "222",
    }  # fmt: skip
    assert texts[1]["pmid"] == ""
    assert len({row["id"] for row in texts}) == 1203
    assert sum("/recommendation" in path for path in twin.requests) == 5
    assert (pack.source.version, pack.source.licence) == ("2026-01-02", "CC0-1.0")
    assert packs.problems(tmp_path / "cpic") == ()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", PackUnreachable),
        ("hang", PackUnreachable),
        ("cut", PackUnreachable),
        ("truncated", PackInvalid),
        ("count", PackInvalid),
    ],
)
def test_nothing_is_half_installed(twin: PostgrestTwin, tmp_path: Path, fault: str, error: type[Exception]) -> None:
    twin.fault = fault
    with pytest.raises(error):
        _install(twin, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_update_leaves_the_old_pack(twin: PostgrestTwin, tmp_path: Path) -> None:
    old = _install(twin, tmp_path)
    twin.fault = "truncated"
    with pytest.raises(PackInvalid):
        _install(twin, tmp_path)
    assert packs.load(tmp_path / "cpic") == old
    assert [path.name for path in tmp_path.iterdir()] == ["cpic"]


def test_one_failure_is_tried_again(twin: PostgrestTwin, tmp_path: Path) -> None:
    twin.fault, twin.faults_left = "500", 1
    assert len(_install(twin, tmp_path).tables["texts"]) == 1203


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("recommendation", {"lookupkey": None}),
        ("recommendation", {"drugid": "RxNorm:99"}),
        ("recommendation", {"guideline_id": 1, "guidelineid": 99}),
        ("drug", {"name": None}),
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    twin: PostgrestTwin, tmp_path: Path, table: str, change: dict[str, Any]
) -> None:
    twin.tables[table][0].update(change)
    with pytest.raises(PackInvalid):
        _install(twin, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_address_is_reported(twin: PostgrestTwin, tmp_path: Path) -> None:
    del twin.tables["drug"]
    with pytest.raises(PackUnreachable, match="404"):
        _install(twin, tmp_path)
    with pytest.raises(PackUnreachable):
        knowledge_service.install(
            "cpic", home=tmp_path, origin="http://127.0.0.1:9/v1", retrieved="2026-01-02", service=QUICK
        )


def _folder_pack(folder: Path, name: str) -> Path:
    folder.mkdir()
    source = Source(id=name, title="T", version="2", licence="CC-BY-SA-4.0")
    packs.save(folder, source, {"guidelines": [{"drug": "codeine"}]})
    (folder / "stray.txt").write_text("not part of the pack", encoding="utf-8")
    return folder


def test_a_folder_is_copied_without_what_the_manifest_does_not_name(tmp_path: Path) -> None:
    origin = _folder_pack(tmp_path / "upstream", "dpwg")
    pack = knowledge_service.install("dpwg", home=tmp_path / "home", origin=str(origin), retrieved="2026-01-02")
    assert pack.tables["guidelines"] == [{"drug": "codeine"}]
    assert sorted(path.name for path in (tmp_path / "home" / "dpwg").iterdir()) == ["guidelines.json", "pack.toml"]


def test_a_damaged_or_foreign_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(PackInvalid, match="not 'dpwg'"):
        knowledge_service.install(
            "dpwg", home=home, origin=str(_folder_pack(tmp_path / "a", "other")), retrieved="2026-01-02"
        )
    damaged = _folder_pack(tmp_path / "b", "dpwg")
    (damaged / "guidelines.json").write_text("[]", encoding="utf-8")
    with pytest.raises(PackInvalid):
        knowledge_service.install("dpwg", home=home, origin=str(damaged), retrieved="2026-01-02")
    assert list(home.iterdir()) == []


def test_what_cannot_be_fetched_asks_for_from(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--from"):
        knowledge_service.install("dpwg", home=tmp_path, retrieved="2026-01-02")
    with pytest.raises(PackNotFound):
        knowledge_service.install("nothing", home=tmp_path, retrieved="2026-01-02")


PAGE = """<html><body><h3>Section 1: management</h3><table><caption></caption>
<tr><th>Drug</th><th>Gene</th><th>Affected Subgroups<sup>+</sup></th><th>Description of the Interaction</th></tr>
<tr><td rowspan="2">Codeine*</td><td><em>CYP2D6</em></td><td>poor&nbsp;metabolizers</td><td>Works <b>less</b>.</td></tr>
<tr><td>OPRM1</td><td>some</td><td>Unclear &amp; rare.<br>See the label.</td></tr>
</table><table><tr><td>unrelated</td></tr></table>
<h3>Section 3: kinetics only</h3><table><thead>
<tr><th>Drug</th><th>Gene</th><th>Affected Subgroups</th><th>Description</th></tr></thead>
<tbody><tr><td>Omeprazole</td><td>CYP2C19</td><td>poor metabolizers</td><td>Higher levels.</td></tr></tbody>
</table></body></html>"""


def test_fda_is_built_from_the_saved_page(tmp_path: Path) -> None:
    page = tmp_path / "table.html"
    page.write_text(PAGE, encoding="utf-8")
    pack = knowledge_service.install("fda", home=tmp_path / "home", origin=str(page), retrieved="2026-01-02")
    rows = pack.tables["texts"]
    assert [(row["drug"], row["gene"], row["section"]) for row in rows] == [
        ("codeine", "CYP2D6", "1"), ("codeine", "OPRM1", "1"), ("omeprazole", "CYP2C19", "3"),
    ]  # fmt: skip
    assert rows[0]["subgroups"] == "poor metabolizers"
    assert rows[0]["text"] == "Works less."
    assert rows[1]["text"] == "Unclear & rare. See the label."


def test_fda_is_built_from_csv(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "Section,Drug,Gene,Affected Subgroups+,Description of Gene-Drug Interaction\n"
        '2,Codeine,CYP2D6,"ultrarapid, poor",Own words.\n',
        encoding="utf-8",
    )
    pack = knowledge_service.install("fda", home=tmp_path / "home", origin=str(table), retrieved="2026-01-02")
    assert pack.tables["texts"] == [
        {"drug": "codeine", "gene": "CYP2D6", "subgroups": "ultrarapid, poor", "text": "Own words.", "section": "2"}
    ]


def test_a_page_of_another_form_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "table.html"
    page.write_text("<table><tr><th>Drug</th><th>Price</th></tr></table>", encoding="utf-8")
    with pytest.raises(PackInvalid, match="columns"):
        knowledge_service.install("fda", home=tmp_path / "home", origin=str(page), retrieved="2026-01-02")
