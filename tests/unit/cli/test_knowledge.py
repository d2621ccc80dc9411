from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sartor.cli.knowledge import app
from sartor.domain.source import Source
from sartor.errors import PackInvalid, PackNotFound
from sartor.knowledge import packs


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SARTOR_KNOWLEDGE", str(tmp_path / "home"))
    folder = tmp_path / "upstream"
    folder.mkdir()
    packs.save(folder, Source(id="dpwg", title="T", version="7", licence="CC-BY-SA-4.0"), {"guidelines": [{"a": 1}]})
    return folder


def test_install_list_show_verify(upstream: Path) -> None:
    run = CliRunner()
    before = {row["name"]: row["installed"] for row in json.loads(run.invoke(app, ["list", "--json"]).stdout)}
    assert before["dpwg"] == ""
    done = run.invoke(app, ["install", "dpwg", "--from", str(upstream)])
    assert done.exit_code == 0
    assert "dpwg 7" in done.stderr
    assert done.stdout == ""
    after = {row["name"]: row["installed"] for row in json.loads(run.invoke(app, ["list", "--json"]).stdout)}
    assert after["dpwg"] == "7"
    assert "CC-BY-SA-4.0" in run.invoke(app, ["list"]).stdout
    assert "table guidelines" in run.invoke(app, ["show", "dpwg"]).stdout
    assert json.loads(run.invoke(app, ["verify", "--json"]).stdout)[0]["state"] == "good"


def test_verify_fails_on_damage(upstream: Path, tmp_path: Path) -> None:
    run = CliRunner()
    run.invoke(app, ["install", "dpwg", "--from", str(upstream)])
    (tmp_path / "home" / "dpwg" / "guidelines.json").write_text("[]", encoding="utf-8")
    result = run.invoke(app, ["verify"])
    assert isinstance(result.exception, PackInvalid)
    assert "damaged" in result.stdout


def test_show_says_how_to_install(upstream: Path) -> None:
    result = CliRunner().invoke(app, ["show", "fda"])
    assert isinstance(result.exception, PackNotFound)
    assert "sartor knowledge install fda" in str(result.exception)
