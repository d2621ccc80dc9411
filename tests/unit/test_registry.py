"""Capabilities are found through entry points; a broken one is never dropped in silence."""

import sys
import types
from importlib.metadata import EntryPoint

import pytest

from sartor import registry
from sartor.domain.capability import CapabilityCard
from sartor.domain.genome import Region
from sartor.errors import CapabilityBroken, CapabilityNotFound


def card(name, **more):
    return CapabilityCard(
        name=name,
        title=name,
        question="?",
        intended_use="tests",
        not_for="people",
        version="1",
        package=__name__,
        **more,
    )


def module(monkeypatch, name, **content):
    made = types.ModuleType(name)
    for key, value in content.items():
        setattr(made, key, value)
    monkeypatch.setitem(sys.modules, name, made)
    return EntryPoint(name=name, value=name, group=registry.GROUP)


@pytest.fixture
def installed(monkeypatch):
    verbs = dict.fromkeys(registry.VERBS, lambda *_: ())
    points = [
        module(monkeypatch, "sound", card=card("sound", regions=(Region("chr2", 5, 9),), packs=("b", "a")), **verbs),
        module(monkeypatch, "mute", card=card("mute")),
        module(monkeypatch, "misnamed", card=card("other"), **verbs),
        EntryPoint(name="absent", value="no_such_module_at_all", group=registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)


@pytest.mark.usefixtures("installed")
class TestLoad:
    def test_a_sound_capability_brings_its_regions_and_packs(self):
        found = registry.load(["sound"])
        assert found.regions() == (Region("chr2", 5, 9),)
        assert found.packs() == ("a", "b")

    @pytest.mark.parametrize(
        ("name", "reason"), [("mute", "no gather"), ("misnamed", "card says other"), ("absent", "no_such_module")]
    )
    def test_a_broken_one_stops_the_command_line_with_its_reason(self, name, reason):
        with pytest.raises(CapabilityBroken, match=reason):
            registry.load([name])

    def test_a_broken_one_is_a_failed_section_elsewhere(self):
        found = registry.load(strict=False)
        assert {each.capability for each in found.failed} == {"mute", "misnamed", "absent"}
        assert {each.slug for each in found.failed} == {"capability-broken"}
        assert len(found.capabilities) == 1

    def test_an_unknown_name_is_told_what_there_is(self):
        with pytest.raises(CapabilityNotFound, match="sound"):
            registry.load(["astrology"])


def test_the_built_in_capability_is_found_as_a_strangers_would_be():
    assert "pharmacogenomics" in registry.names()
