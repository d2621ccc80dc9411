"""Count named alleles by ancestry group in the 1000 Genomes panel into our own table (data/frequencies.json).

Run from the repository root: `python curation/pharmacogenomics/frequencies.py`. The folder of the public data is
read from the environment variable DATA (default `../shared/data`). Left out: every sample of the GeT-RM programme
(they are what the calls are validated on) and children whose parent is counted.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
import tarfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "src/sartor/capabilities/pharmacogenomics/data/frequencies.json"
PANEL_LIST = "pygscatalog/pgscatalog.utils/packages/pgscatalog.calc/tests/legacy/data/ref.psam"
GROUPS = ("AFR", "AMR", "EAS", "EUR", "SAS")
SOURCE = "1000 Genomes 30x panel"

CYP2B6_SPLIT = {"*9": {"*6": 110, "*9": 15}, "*1": {"*4": 41, "*1": 368}}
"""rs2279343 is not in the panel, so that *6 counts there as *9 and *4 as *1. Alleles in 193 Han and 91 Uygur Chinese
(PMID 16951995; reported frequencies × chromosomes) divide them; *1 is what is left over of the 568 chromosomes."""

RACE_GROUPS = {
    "2106-3": ["EUR"],
    "2054-5": ["AFR"],
    "2028-9": ["EAS", "SAS"],
    "1002-5": ["AMR"],
    "2135-2": ["AMR"],
    "2029-7": ["SAS"],
    "2033-9": ["EAS"],
    "2034-7": ["EAS"],
    "2039-6": ["EAS"],
    "2040-4": ["EAS"],
    "2047-9": ["EAS"],
    "HANCESTRO:0005": ["EUR"],
    "HANCESTRO:0010": ["AFR"],
    "HANCESTRO:0009": ["EAS"],
    "HANCESTRO:0006": ["SAS"],
    "HANCESTRO:0014": ["AMR"],
}
"""Codes of race and ethnicity (CDC, as used by US Core) and of ancestry (HANCESTRO) → groups of the panel."""


def main() -> int:
    data = Path(os.environ.get("DATA", ROOT / "../shared/data"))
    calls = data / "pgx/1kgp/pharmcat_3.1.1_calls.tsv.gz"
    if not calls.exists():
        print(f"{calls} is not there: set DATA to the folder of the public data", file=sys.stderr)
        return 2
    group_of = unrelated(data, samples_in(calls))
    counts, people = counted(calls, group_of)
    content: dict[str, Any] = {
        "schema": "sartor/frequencies/1",
        "source": SOURCE,
        "people": {group: people[group] for group in GROUPS},
        "ancestry": RACE_GROUPS,
        "genes": {gene: entry(gene, counts[gene]) for gene in sorted(counts)},
    }
    TARGET.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(counts)} genes, {dict(people)} persons, {TARGET.stat().st_size} bytes")
    return 0


def rows(calls: Path) -> list[dict[str, str]]:
    with gzip.open(calls, "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def samples_in(calls: Path) -> set[str]:
    return {row["sample"] for row in rows(calls)}


def unrelated(data: Path, samples: set[str]) -> dict[str, str]:
    """Sample → group, for the samples that are counted."""
    with (data / "pgx/getrm/consensus.tsv").open(encoding="utf-8") as handle:
        reported_on = {line.split("\t")[0] for line in handle}
    with tarfile.open(data / "pgs/pygscatalog.tar.xz") as archive:
        member = archive.extractfile(PANEL_LIST)
        assert member is not None
        people = list(csv.DictReader(io.TextIOWrapper(member), delimiter="\t"))
    kept = samples - reported_on
    return {
        person["#IID"]: person["SuperPop"]
        for person in people
        if person["#IID"] in kept and not {person["PAT"], person["MAT"]} & samples
    }


def counted(calls: Path, group_of: dict[str, str]) -> tuple[dict[str, dict[str, Counter[str]]], Counter[str]]:
    """Gene → group → allele → chromosomes, from samples with exactly one diplotype."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: {group: Counter() for group in GROUPS})
    for row in rows(calls):
        group = group_of.get(row["sample"])
        if group is None or not row["diplotypes"] or "|" in row["diplotypes"]:
            continue
        for allele in row["diplotypes"].split("/"):
            counts[row["gene"]][group].update(parts(allele))
    return counts, Counter(group_of.values())


def parts(allele: str) -> list[str]:
    """A combination in brackets counts for each of its variants."""
    return allele[1:-1].split(" + ") if allele.startswith("[") else [allele]


def entry(gene: str, by_group: dict[str, Counter[str]]) -> dict[str, Any]:
    result: dict[str, Any] = {"named_alleles": named_alleles(gene), "groups": {}}
    if gene == "CYP2B6":
        result["source"] = f"{SOURCE}, *6/*9 and *1/*4 divided after PMID 16951995"
    for group, counts in by_group.items():
        alleles: dict[str, float] = dict(sorted(counts.items()))
        if gene == "CYP2B6":
            alleles = divided(alleles)
        result["groups"][group] = {"chromosomes": sum(counts.values()), "counts": alleles}
    return result


def named_alleles(gene: str) -> int:
    """How many alleles the definition names that sequence can show."""
    return sum(1 for allele in definitions()[gene].alleles if not allele.structural)


def divided(counts: dict[str, float]) -> dict[str, float]:
    result = dict(counts)
    for seen, shares in CYP2B6_SPLIT.items():
        n = result.pop(seen, 0)
        for allele, share in shares.items():
            result[allele] = round(result.get(allele, 0) + n * share / sum(shares.values()), 2)
    return dict(sorted(result.items()))


if __name__ == "__main__":
    sys.exit(main())
