"""The same seed gives the same bytes, whatever the order in which a process hashes strings."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

RUN = """
import sys
from pathlib import Path
from sartor.cohort_flow import run_study
from sartor.settings import Settings
config = {"data": "cohort.csv", "target": "outcome", "subgroups": ["sex"], "folds": 2, "repeats": 1,
          "categorical": ["site"], "learners": ["lightgbm", "network"]}
run_study("risk_model", config, folder=Path.cwd(), out=Path(sys.argv[1]), settings=Settings(workers=2),
          clock=lambda: 0.0, now="2026-11-21T00:00:00Z")
"""


def cohort(path: Path, n: int = 120) -> None:
    generator = np.random.default_rng(3)
    a, b = generator.normal(size=n), generator.normal(size=n)
    rows = ["a,b,site,sex,outcome"]
    for k in range(n):
        gap = "" if k % 11 == 0 else f"{b[k]:.4f}"
        happened = "yes" if a[k] + 0.5 * b[k] + generator.logistic() * 0.7 > 0.2 else "no"
        rows.append(f"{a[k]:.4f},{gap},{'nsw'[k % 3]},{'fm'[k % 2]},{happened}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    """Everything that is promised to be the same: the model folder, the predictions, the validation."""
    files = [*sorted((folder / "model").rglob("*")), folder / "predictions.parquet", folder / "validation.json"]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()
    }


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    cohort(tmp_path / "cohort.csv")
    running = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", RUN, seed]
        running.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE))
    for each in running:
        said = each.communicate()[1].decode()
        assert each.returncode == 0, said[-2000:]
    first, second = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert len(first) > 10
    assert first == second
