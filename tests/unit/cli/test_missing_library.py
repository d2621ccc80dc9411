"""Without the extra that brings a library, a command names the extra instead of calling itself broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).resolve().parents[2] / "archives" / "model_format_1"
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "safetensors":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from sartor.cli import main
sys.argv[0] = "sartor"
main()
"""


def test_a_missing_library_names_its_extra(tmp_path):
    (tmp_path / "rows.csv").write_text("age\n50\n60\n", encoding="utf-8")
    command = [sys.executable, "-c", WITHOUT, "predict", str(MODEL), "rows.csv", "--out", "found.tsv"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "error[missing-extra]: safetensors is not installed" in ended.stderr
    assert 'pip install "sartor[learn]"' in ended.stderr
