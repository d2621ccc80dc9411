"""The rules of the architecture that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src/sartor").rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "helpers", "misc", "common", "core", "base", "manager"}


def test_the_command_line_starts_without_heavy_libraries():
    script = "import sys, sartor.cli; print(*sorted(name for name in sys.modules if '.' not in name))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "numba", "pydantic", "pyarrow", "jinja2", "weasyprint", "fhir", "pysam", "distributed", "torch"}
    heavy |= {"sklearn", "scipy", "pandas", "lightgbm", "xgboost", "optuna", "matplotlib"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_each_module_opens_with_a_sentence(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_no_module_is_a_drawer():
    assert not [path for path in MODULES if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES]


def _functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_stay_short():
    lengths = [
        (node.end_lineno - node.lineno + 1, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
        for path in MODULES
        for node in _functions(path)
    ]
    long = [each for each in lengths if each[0] > 60]
    assert len(long) <= 0.02 * len(lengths), sorted(long, reverse=True)


PURE = ("genomics", "learning", "explaining", "domain")
IMPURE_CALLS = {"open", "print", "input"}
IMPURE_MODULES = {"os", "time", "random", "socket", "urllib", "subprocess", "requests", "httpx"}


@pytest.mark.parametrize("layer", PURE)
def test_the_middle_is_pure(layer):
    for path in (ROOT / "src/sartor" / layer).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & IMPURE_MODULES, path
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in IMPURE_MODULES, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in IMPURE_CALLS, f"{path}:{node.lineno}"


def test_capabilities_have_the_same_parts():
    for folder in sorted((ROOT / "src/sartor/capabilities").iterdir()):
        if not (folder / "__init__.py").is_file():
            continue
        parts = {path.stem if path.suffix == ".py" else path.name for path in folder.iterdir()} - {"__pycache__"}
        allowed = {"__init__", "gather", "assess", "explain", "tables", "model", "train", "data", "cases", "wording"}
        assert parts <= allowed | {"README.md"}, folder
        assert {"__init__", "gather", "assess", "explain", "tables", "README.md", "wording"} <= parts, folder


def test_studies_have_the_same_parts():
    for folder in sorted((ROOT / "src/sartor/studies").iterdir()):
        if not (folder / "__init__.py").is_file():
            continue
        parts = {path.stem if path.suffix == ".py" else path.name for path in folder.iterdir()} - {"__pycache__"}
        verbs = {"__init__", "prepare", "fit", "validate", "publish"}
        assert parts <= verbs | {"card", "tables", "README.md", "wording", "data"}, folder
        assert verbs | {"README.md", "wording"} <= parts, folder
