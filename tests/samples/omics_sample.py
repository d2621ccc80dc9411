"""Made-up omics of made-up patients: a few columns of each view carry the class, the rest is noise."""

from pathlib import Path

import numpy as np


def blocks(n=120, widths=(40, 25, 30), classes=3, seed=0, strength=1.2):
    """(outcome (n,), one (n, p) matrix per view); the first four columns of a view tell one class from the others."""
    generator = np.random.default_rng(seed)
    outcome = np.arange(n) % classes
    found = []
    for number, width in enumerate(widths):
        values = generator.normal(size=(n, width))
        values[:, :4] += strength * (outcome == number % classes)[:, None]
        found.append(values)
    return outcome, found


def write_study(folder: Path, *, n=120, missing=True, seed=0, widths=(40, 25, 30)) -> dict:
    """patients.csv and one table per view; with `missing`, a fifth of the patients lack each view but the first."""
    outcome, found = blocks(n, widths, seed=seed)
    generator = np.random.default_rng(seed + 1)
    ids = [f"P{row:03d}" for row in range(n)]
    lines = ["patient,subtype,days,died,family"]
    lines += [
        f"{each},{'ABC'[k]},{50 + 10 * row % 700},{row % 2},F{row // 2}"
        for row, (each, k) in enumerate(zip(ids, outcome, strict=True))
    ]
    (folder / "patients.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    views = []
    for name, values in zip(("rna", "protein", "methylation"), found, strict=False):
        lacking = set() if name == "rna" or not missing else set(generator.permutation(n)[: n // 5].tolist())
        order = generator.permutation(n)
        rows = ["patient," + ",".join(f"{name.upper()}{k}_{k}" for k in range(values.shape[1]))]
        rows += [f"{ids[r]}," + ",".join(f"{v:.4f}" for v in values[r]) for r in order if r not in lacking]
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        views.append({"name": name, "data": f"{name}.csv"})
    return {"data": "patients.csv", "id": "patient", "target": "subtype", "views": views, "repeats": 1,
            "candidates": ["late mean", "late stack", "early"], "halves": 20}  # fmt: skip
