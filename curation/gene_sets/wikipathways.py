"""Compiles WikiPathways' human gene sets (GMT, Entrez ids) and HGNC's symbols into the pack packs/wikipathways.

python curation/gene_sets/wikipathways.py wikipathways-20220610-gmt-Homo_sapiens.gmt hgnc_complete_set.txt.gz

WikiPathways' content is CC0 since 2017-05-01 (wikipathways.org, CC0 announcement); HGNC's data are CC0.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

from sartor.domain.source import Source
from sartor.io.gene_sets import parse
from sartor.knowledge import packs

TARGET = Path(__file__).resolve().parents[2] / "packs" / "wikipathways"
LARGEST, SMALLEST = 500, 5


def symbols(path: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Entrez id → approved symbol; symbol → other identifiers (Entrez, Ensembl, previous symbols of one gene only)."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["status"] == "Approved"]
    current = {row["symbol"] for row in rows}
    previous = Counter(old for row in rows for old in row["prev_symbol"].split("|") if old)
    of_entrez, others = {}, {}
    for row in rows:
        old = [each for each in row["prev_symbol"].split("|") if each and previous[each] == 1 and each not in current]
        others[row["symbol"]] = [each for each in (row["entrez_id"], row["ensembl_gene_id"], *old) if each]
        if row["entrez_id"]:
            of_entrez[row["entrez_id"]] = row["symbol"]
    return of_entrez, others


def main() -> None:
    """Write the pack anew."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("gmt", type=Path)
    arguments.add_argument("hgnc", type=Path)
    given = arguments.parse_args()
    of_entrez, others = symbols(given.hgnc)
    content = given.gmt.read_bytes()
    sets: list[dict[str, Any]] = []
    lost = 0
    for row in parse(content.decode("utf-8"), given.gmt.name):
        ids = row["genes"].split("|")
        genes = sorted({of_entrez[each] for each in ids if each in of_entrez})
        lost += len(ids) - sum(each in of_entrez for each in ids)
        if SMALLEST <= len(genes) <= LARGEST:
            sets.append({**row, "genes": "|".join(genes)})
    sets.sort(key=lambda row: str(row["id"]))
    used = sorted({gene for row in sets for gene in row["genes"].split("|")})
    genes = [{"symbol": gene, "others": "|".join(others[gene])} for gene in used]
    release = re.search(r"(\d{4})(\d{2})(\d{2})", given.gmt.name)
    assert release, "the file's name must carry its date"
    source = Source(
        id="gene-sets", title="WikiPathways, human", version="-".join(release.groups()), licence="CC0-1.0",
        url="https://data.wikipathways.org", retrieved="2026-11-21",
        note=f"sets of {SMALLEST} to {LARGEST} genes; Entrez ids turned into HGNC's symbols, {lost} had none;"
        f" upstream file {given.gmt.name}, sha256 {hashlib.sha256(content).hexdigest()}",
    )  # fmt: skip
    TARGET.mkdir(parents=True, exist_ok=True)
    packs.save(TARGET, source, {"sets": sets, "genes": genes})
    print(f"{len(sets)} sets, {len(genes)} genes, {lost} ids without a symbol")


if __name__ == "__main__":
    main()
