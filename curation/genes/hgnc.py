"""Compiles HGNC's numbers of the pharmacogenes into a small table: symbol → HGNC id.

python curation/genes/hgnc.py ../shared/data/rare/hgnc_complete_set.txt.gz
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "src" / "sartor" / "reporting" / "data"

# Genes with a prescribing guideline or an entry in a drug label.
NAMED = [
    "ABCB1",
    "ABCG2",
    "ACE",
    "ADRA2C",
    "ADRB1",
    "ADRB2",
    "APOE",
    "ASS1",
    "BCHE",
    "CACNA1S",
    "CFTR",
    "COMT",
    "CPS1",
    "CYB5R1",
    "CYB5R2",
    "CYB5R3",
    "CYB5R4",
    "CYP1A2",
    "CYP2A6",
    "CYP2B6",
    "CYP2C8",
    "CYP2C9",
    "CYP2C19",
    "CYP2D6",
    "CYP2E1",
    "CYP3A4",
    "CYP3A5",
    "CYP3A7",
    "CYP4F2",
    "DPYD",
    "DRD2",
    "ERCC1",
    "F2",
    "F5",
    "G6PD",
    "GBA1",
    "GRIK4",
    "GSTM1",
    "GSTP1",
    "HLA-A",
    "HLA-B",
    "HLA-C",
    "HLA-DPB1",
    "HLA-DQA1",
    "HLA-DRB1",
    "HMGCR",
    "HPRT1",
    "HTR2A",
    "HTR2C",
    "IFNL3",
    "IFNL4",
    "KCNH2",
    "LDLR",
    "MT-RNR1",
    "MTHFR",
    "NAGS",
    "NAT1",
    "NAT2",
    "NUDT15",
    "OPRD1",
    "OPRK1",
    "OPRM1",
    "OTC",
    "POLG",
    "POR",
    "PROC",
    "PROS1",
    "RYR1",
    "SCN1A",
    "SCN5A",
    "SERPINC1",
    "SLC6A4",
    "SLC22A1",
    "SLCO1B1",
    "SULT1A1",
    "TPMT",
    "TYMS",
    "UGT1A1",
    "UGT1A4",
    "UGT2B7",
    "UGT2B15",
    "UGT2B17",
    "VDR",
    "VKORC1",
    "XRCC1",
    "YEATS4",
]


def main() -> None:
    """Write the table and print the hash of the upstream file for SOURCES.toml."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    upstream = parser.parse_args().file
    with gzip.open(upstream, "rt", encoding="utf-8") as lines:
        found = {row["symbol"]: row["hgnc_id"] for row in csv.DictReader(lines, delimiter="\t")}
    if unknown := [symbol for symbol in NAMED if symbol not in found]:
        raise SystemExit(f"not in HGNC: {', '.join(unknown)}")
    table = {symbol: found[symbol] for symbol in sorted(NAMED)}
    (TARGET / "hgnc.json").write_text(json.dumps(table, indent=0) + "\n", "utf-8")
    print(len(table), "genes; sha256", hashlib.sha256(upstream.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
