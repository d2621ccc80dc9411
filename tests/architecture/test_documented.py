"""Everything that a user can meet is documented: error slugs, commands, settings, public names."""

import dataclasses
import re
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main

import sartor
from sartor import errors
from sartor.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def _headings(page: str) -> set[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return {match.strip(" `") for match in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)}


def _error_types(kind: type[errors.SartorError] = errors.SartorError) -> list[type[errors.SartorError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _error_types(child))]


@pytest.mark.parametrize("kind", _error_types(), ids=lambda kind: kind.slug)
def test_each_error_slug_has_a_heading(kind):
    assert kind.slug in _headings("docs/reference/errors.md")


def test_error_slugs_are_unique_and_drawn_in_the_tree():
    slugs = [kind.slug for kind in _error_types()]
    assert len(slugs) == len(set(slugs))
    for kind in _error_types()[1:]:
        assert kind.__name__ in (errors.__doc__ or "")


def _commands() -> list[str]:
    from sartor.cli import app

    group = typer.main.get_command(app)
    return sorted(group.commands)  # type: ignore[attr-defined]


def test_each_command_has_a_heading_and_every_option_is_named():
    from sartor.cli import app

    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert f"sartor {name}" in _headings("docs/reference/commands.md")
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--"):
                    assert option in page, f"{name} {option}"


@pytest.mark.parametrize("field", [each.name for each in dataclasses.fields(Settings)])
def test_each_setting_has_a_heading(field):
    assert field in _headings("docs/reference/settings.md")


def test_the_public_door_is_what_all_says():
    for name in sartor.__all__:
        assert getattr(sartor, name) is not None
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    for name in sartor.__all__:
        assert f"`{name}" in page or f"sartor.{name}" in page, name


def test_generated_pages_are_up_to_date():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import generate
    finally:
        sys.path.pop(0)
    for path, text in generate.pages().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"run `make docs`: {path} is out of date"


@pytest.mark.parametrize("path", sorted(ROOT.glob("src/sartor/**/SOURCES.toml")), ids=lambda path: path.parent.name)
def test_each_source_has_version_licence_and_date(path):
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    assert table["source"]
    for source in table["source"]:
        for field in ("id", "title", "version", "licence", "retrieved"):
            assert source.get(field), f"{path}: {source.get('id')} has no {field}"


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == sartor.__version__
    assert sartor.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
