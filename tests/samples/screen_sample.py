"""A made-up screen: drugs of three mechanisms, each of which answers to one made-up gene."""

from pathlib import Path

import numpy as np

from sartor.learning.drug_response.responses import Responses


def screen(cells=60, drugs=15, genes=12, *, seed=0, per_patient=1, drug_features=True) -> Responses:
    """Responses with a tenth missing; gene k carries the response to drugs of mechanism k (k = drug number mod 3)."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(cells, genes))
    mechanism = np.arange(drugs) % 3
    values = generator.normal(scale=2.0, size=drugs) + generator.normal(scale=0.4, size=cells)[:, None]
    values = values + features[:, mechanism] + generator.normal(scale=0.7, size=(cells, drugs))
    values[generator.random(values.shape) < 0.1] = np.nan
    described = np.eye(3)[mechanism] if drug_features else np.zeros((drugs, 0))
    return Responses(
        tuple(f"C{k:02d}" for k in range(cells)), tuple(f"D{k:02d}" for k in range(drugs)), values, features,
        tuple(f"G{k}" for k in range(genes)), described, tuple(f"M{k}" for k in range(described.shape[1])),
        np.arange(cells) // per_patient,
    )  # fmt: skip


def write_screen(folder: Path, *, seed=0) -> dict:
    """responses.csv (long), genes.csv and mechanisms.csv, and the configuration that goes with them."""
    found = screen(seed=seed)
    lines = ["cell,drug,patient,ln_ic50"]
    lines += [
        f"{found.cells[i]},{found.drugs[j]},P{i // 2},{found.values[i, j]:.4f}" for i, j in np.argwhere(found.known)
    ]
    (folder / "responses.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = ["cell," + ",".join(found.cell_columns)]
    rows += [f"{cell}," + ",".join(f"{v:.4f}" for v in row)
             for cell, row in zip(found.cells, found.cell_features, strict=True)]  # fmt: skip
    (folder / "genes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    kinds = [f"{drug},mechanism {k % 3}" for k, drug in enumerate(found.drugs)]
    (folder / "mechanisms.csv").write_text("\n".join(["drug,mechanism", *kinds]) + "\n", encoding="utf-8")
    return {"data": "responses.csv", "response": "ln_ic50", "cells": [{"data": "genes.csv"}],
            "drugs": [{"data": "mechanisms.csv"}], "folds": 3, "halves": 10,
            "candidates": ["ridge per drug", "two-step kernel"]}  # fmt: skip
