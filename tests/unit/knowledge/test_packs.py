from __future__ import annotations

from pathlib import Path

import pytest

from sartor.domain.source import Source
from sartor.errors import PackInvalid, PackNotFound
from sartor.knowledge import packs
from sartor.settings import Settings

SOURCE = Source(id="toy", title='A "toy" pack', version="1", licence="CC0-1.0", note="line\nbreak \x7f")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "toy"
    path.mkdir(parents=True)
    packs.save(path, SOURCE, {"drugs": [{"drug": "codeine", "n": 1}, {"drug": "µ-opioid", "n": 2}], "empty": []})
    return path


def test_a_saved_pack_loads_as_it_was(folder: Path) -> None:
    pack = packs.load(folder)
    assert pack.source.model_copy(update={"sha256": ""}) == SOURCE
    assert [row["drug"] for row in pack.tables["drugs"]] == ["codeine", "µ-opioid"]
    assert len(pack.source.sha256) == 64
    assert packs.problems(folder) == ()


def test_a_changed_table_is_refused(folder: Path) -> None:
    table = folder / "drugs.json"
    table.write_text(table.read_text(encoding="utf-8").replace("codeine", "morphine"), encoding="utf-8")
    with pytest.raises(PackInvalid, match="hash"):
        packs.load(folder)
    assert [problem.slug for problem in packs.problems(folder)] == ["pack-invalid"]


def test_a_missing_table_is_refused(folder: Path) -> None:
    (folder / "empty.json").unlink()
    with pytest.raises(PackInvalid, match="missing"):
        packs.load(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows = 2", "rows = 3"),
        ("rows = 2", 'rows = "2"'),
        ('file = "drugs.json"', 'file = "../drugs.json"'),
        ('licence = "CC0-1.0"', ""),
        ('licence = "CC0-1.0"', 'licence = "CC0-1.0"\ncolour = "red"'),
        ('name = "toy"', 'name = "../toy"'),
        ("[pack]", "[pock]"),
        ("[[table]]", "[[table]"),
        ('name = "empty"', 'name = "drugs"'),
    ],
)
def test_a_broken_manifest_is_refused(folder: Path, old: str, new: str) -> None:
    manifest = folder / packs.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PackInvalid):
        packs.load(folder)


def test_a_folder_without_manifest_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(PackNotFound):
        packs.load(tmp_path)


def test_at_hand_takes_what_is_installed_and_what_was_given(folder: Path, tmp_path: Path) -> None:
    settings = Settings(knowledge_home=folder.parent)
    knowledge = packs.at_hand(settings, ["toy", "absent"])
    assert knowledge.has("toy")
    assert not knowledge.has("absent")
    assert len(knowledge.table("toy", "drugs")) == 2
    elsewhere = Settings(knowledge_home=tmp_path / "none", knowledge={"toy": folder})
    assert packs.at_hand(elsewhere, ["toy"]).has("toy")
    assert packs.installed(settings) == (folder,)
    assert packs.installed(elsewhere) == ()


def test_a_pack_given_by_hand_must_be_there_and_be_the_right_one(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PackNotFound):
        packs.at_hand(Settings(knowledge={"toy": tmp_path}), ["toy"])
    with pytest.raises(PackInvalid, match="not 'dpwg'"):
        packs.at_hand(Settings(knowledge={"dpwg": folder}), ["dpwg"])


def test_a_damaged_installed_pack_is_not_ignored(folder: Path) -> None:
    (folder / "drugs.json").write_bytes(b"[]")
    with pytest.raises(PackInvalid):
        packs.at_hand(Settings(knowledge_home=folder.parent), ["toy"])


def test_the_catalogue_names_licence_and_way_of_installing() -> None:
    entries = packs.catalogue()
    assert {"cpic", "dpwg", "fda"} <= {entry.name for entry in entries}
    assert all(entry.licence and entry.install and entry.url for entry in entries)
    with pytest.raises(PackNotFound, match="cpic"):
        packs.known("nothing")
