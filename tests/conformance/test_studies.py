"""One body of checks over every installed study: card, exports, wording, refusals, lightness, a page of its own."""

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from sartor import registry
from sartor.errors import StudyNotFound
from sartor.testing.conformance import check_study

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sklearn", "lightgbm", "xgboost", "torch", "optuna", "sksurv", "shap", "pandas", "matplotlib")


@pytest.mark.parametrize("name", registry.study_names())
def test_study_keeps_the_rules(name):
    assert check_study(registry.study(name)) == []


@pytest.mark.parametrize("name", registry.study_names())
def test_every_sentence_that_a_study_says_is_in_its_table(name):
    study = registry.study(name)
    folder = Path(str(files(sys.modules[study.card.package])))
    table = (folder / "wording/en.toml").read_text(encoding="utf-8")
    from sartor.explaining.wording import WordingTable

    known = WordingTable.load(table)
    said = {
        key
        for path in folder.rglob("*.py")
        for key in re.findall(rf'"({name}\.[a-z_]+(?:\.[a-z_0-9]+)+)"', path.read_text(encoding="utf-8"))
    }
    assert [key for key in sorted(said) if not known.has(key)] == []


@pytest.mark.parametrize("name", registry.study_names())
def test_study_has_a_method_card(name):
    page = (ROOT / "src/sartor/studies" / name / "README.md").read_text(encoding="utf-8").lower()
    assert [part for part in ("question", "intended use", "not for") if part not in page] == []


def test_loading_every_study_loads_no_learning_library():
    code = (
        "import sys; from sartor import registry; [registry.study(name) for name in registry.study_names()];"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_an_unknown_study_is_an_error_that_names_the_known_ones():
    with pytest.raises(StudyNotFound, match="risk_model"):
        registry.study("astrology")


def test_a_study_that_breaks_rules_is_told_which():
    class Careless:
        card = registry.study("risk_model").card.model_copy(update={"not_for": ""})
        prepare = fit = validate = publish = staticmethod(lambda *_: None)

    rules = {problem.rule for problem in check_study(Careless())}
    assert {"the card states its not for", "an unknown key is refused as config-invalid"} <= rules
