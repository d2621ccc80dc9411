"""Settings come from the environment; what is given explicitly wins."""

from pathlib import Path

from sartor.settings import Settings


def test_environment_and_given_values():
    settings = Settings.from_environment({"SARTOR_KNOWLEDGE": "/k", "SARTOR_WORKERS": "3"}, workers=5)
    assert settings.knowledge_home == Path("/k")
    assert settings.workers == 5


def test_defaults_need_no_environment():
    assert Settings.from_environment({}) == Settings()
