"""Our calls against the GeT-RM consensus: with absent sites taken for reference, and with them left missing."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import math
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sartor.capabilities.pharmacogenomics.tables.calling import called_by_position
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.genome import GeneCall
from sartor.genomics.normalise import CohortSiteCalls, cohort_calls
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.definition import natural_order
from sartor.genomics.star_alleles.possible import GeneTables, gene_calls_cohort, likely
from sartor.io.vcf import read_cohort

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE.parents[1] / "../shared/data"))
PANEL = DATA / "pgx/1kgp/1kgp.positions.vcf.gz"
GETRM = DATA / "pgx/getrm"
FLOORS = {
    "CYP2C19": 1.0, "CYP3A5": 1.0, "NUDT15": 1.0, "UGT1A1": 1.0, "CYP2C9": 0.99, "TPMT": 0.95, "CYP3A4": 0.95,
}  # fmt: skip
"""Share of consensus diplotypes (harmonised) that the best candidate must equal, absent sites taken for reference."""
CYP2B6_MISSING_FLOOR = 0.87


def main(quick: bool) -> int:
    """The study takes seconds: quick is the same."""
    if not PANEL.exists():
        print(f"{PANEL} is not there: set DATA to the folder of the public data", file=sys.stderr)
        return 2
    consensus, today = read_consensus(), read_harmonised()
    genes = [tables for tables in called_by_position() if any(gene == tables.definition.gene for _, gene in consensus)]
    reference, missing = both_readings(genes)
    peers = {"PharmCAT 3.1.1": read_peer("pharmcat_3.1.1_calls.tsv"), "PyPGx 0.27": read_peer("pypgx_0.27_calls.tsv")}
    result: dict[str, Any] = {"genes": {}, "differences": []}
    for tables in genes:
        gene = tables.definition.gene
        row = compared(gene, consensus, today, reference[gene], missing[gene], peers, result["differences"])
        if row:
            result["genes"][gene] = row
    (HERE / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    report(result)
    return 1 if under_floor(result["genes"]) else 0


def read_consensus() -> dict[tuple[str, str], str]:
    """(sample, gene) → consensus diplotype, as the programme published it."""
    with (GETRM / "consensus.tsv").open(encoding="utf-8", newline="") as handle:
        return {(row["sample"], row["gene"]): row["diplotype"] for row in csv.DictReader(handle, delimiter="\t")}


def read_harmonised() -> dict[tuple[str, str], set[str]]:
    """(gene, allele of the consensus) → what it may be called today."""
    with (HERE / "harmonised.tsv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    return {(row["gene"], row["consensus"]): set(row["today"].split("|")) for row in rows}


def read_peer(name: str) -> dict[tuple[str, str], list[str]]:
    with (GETRM / name).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {(row["sample"], row["gene"]): [each for each in row["diplotypes"].split("|") if each] for row in rows}


def absent_sites() -> set[tuple[str, int]]:
    """Positions that the panel does not have and that were set to reference."""
    with gzip.open(PANEL, "rt", encoding="utf-8") as handle:
        fields = (line.split("\t", 8) for line in handle if not line.startswith("#"))
        return {(row[0], int(row[1])) for row in fields if "ABSENT" in row[7].split(";")}


def both_readings(genes: Sequence[GeneTables]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Gene → sample → call, with absent sites as reference and as missing."""
    regions = [region for tables in genes for region in tables.definition.regions()]
    sites = [site for tables in genes for site in tables.definition.sites]
    calls = cohort_calls(read_cohort(PANEL, regions=regions), sites)
    return called(genes, calls), called(genes, without(calls, absent_sites()))


def without(calls: CohortSiteCalls, places: set[tuple[str, int]]) -> CohortSiteCalls:
    codes = calls.codes.copy()
    for index, site in enumerate(calls.sites):
        if (site.chromosome, site.position) in places:
            codes[index] = -1
    return replace(calls, codes=codes)


def called(genes: Sequence[GeneTables], calls: CohortSiteCalls) -> dict[str, dict[str, GeneCall]]:
    return {
        tables.definition.gene: dict(
            gene_calls_cohort(tables.definition, calls, tables.phenotypes, tables.frequencies).by_sample()
        )
        for tables in genes
    }


def compared(
    gene: str,
    consensus: Mapping[tuple[str, str], str],
    today: Mapping[tuple[str, str], set[str]],
    reference: Mapping[str, GeneCall],
    missing: Mapping[str, GeneCall],
    peers: Mapping[str, Mapping[tuple[str, str], list[str]]],
    differences: list[dict[str, str]],
) -> dict[str, Any]:
    """One gene's figures over the samples at hand."""
    counts: Counter[str] = Counter()
    sizes = []
    samples = [sample for sample, name in consensus if name == gene and sample in reference]
    for sample in samples:
        stated = consensus[sample, gene]
        possible = spellings(gene, stated, today)
        note = score(counts, "assumed reference", reference[sample], possible, gene)
        score(counts, "left missing", missing[sample], possible, gene)
        literal = {as_pair(stated)}
        counts["left missing: as written"] += bool(literal & {first(missing[sample])})
        counts["assumed reference: as written"] += bool(literal & {first(reference[sample])})
        sizes.append(len(missing[sample].diplotypes))
        for peer, calls in peers.items():
            counts[peer] += len(calls.get((sample, gene), ())) == 1 and as_pair(calls[sample, gene][0]) in possible
        if note:
            differences.append({"sample": sample, "gene": gene, "consensus": stated, "ours": note})
    if not samples:
        return {}
    row: dict[str, Any] = {name: share(counts[name], len(samples)) for name in NAMES if "certain" not in name}
    for how in ("assumed reference", "left missing"):
        certain = counts[f"{how}: certain"]
        row[f"{how}: phenotype certain"] = share(certain, len(samples))
        row[f"{how}: certain phenotype right"] = share(counts[f"{how}: certain right"], certain)
        settled = counts[f"{how}: likely"]
        row[f"{how}: phenotype likely"] = share(settled, len(samples))
        row[f"{how}: likely phenotype right"] = share(counts[f"{how}: likely right"], settled)
    row["left missing: median candidates"] = sorted(sizes)[len(sizes) // 2]
    return row


NAMES = (
    "assumed reference: best", "assumed reference: as written", "assumed reference: phenotype",
    "assumed reference: among", "left missing: best", "left missing: as written", "left missing: phenotype",
    "left missing: among", "PharmCAT 3.1.1", "PyPGx 0.27",
)  # fmt: skip


def score(counts: Counter[str], how: str, call: GeneCall, possible: set[tuple[str, ...]], gene: str) -> str:
    """Count one call; returns what we called when it is not the consensus."""
    pairs = [natural_order(each.alleles) for each in call.diplotypes]
    table = phenotype_tables().get(gene)
    wanted = {meaning.diplotype(table, pair).phenotype.replace(meaning.UNASSIGNED, "") for pair in possible}
    counts[f"{how}: best"] += bool(pairs) and pairs[0] in possible
    counts[f"{how}: among"] += bool(possible & set(pairs))
    counts[f"{how}: phenotype"] += stated(call) in wanted
    if call.status in ("called", "phenotype-certain"):
        counts[f"{how}: certain"] += 1
        counts[f"{how}: certain right"] += bool(set(call.phenotypes) & wanted) or wanted == {""}
    kept = likely(call, record_codes()["candidates"]["kept_share"])
    if kept is not call and len(kept.phenotypes) == 1:
        counts[f"{how}: likely"] += 1
        counts[f"{how}: likely right"] += stated(kept) in wanted
    return "" if pairs and pairs[0] in possible else "/".join(pairs[0]) if pairs else call.status


def stated(call: GeneCall) -> str:
    """The first phenotype; "" where none is assigned."""
    return call.phenotypes[0].replace(meaning.UNASSIGNED, "") if call.phenotypes else ""


def first(call: GeneCall) -> tuple[str, ...]:
    return natural_order(call.diplotypes[0].alleles) if call.diplotypes else ()


def as_pair(text: str) -> tuple[str, ...]:
    return natural_order(text.split("/"))


def spellings(gene: str, diplotype: str, today: Mapping[tuple[str, str], set[str]]) -> set[tuple[str, ...]]:
    """Every pair of today's alleles that the consensus may mean."""
    choices = [today.get((gene, allele), {allele}) for allele in diplotype.split("/")]
    return {natural_order(pair) for pair in itertools.product(*choices)}


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    if n == 0:
        return (0.0, 1.0)
    part = right / n
    centre = (part + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(part * (1 - part) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))


def share(right: int, n: int) -> dict[str, Any]:
    low, high = wilson(right, n)
    return {"n": n, "right": right, "share": right / max(n, 1), "low": round(low, 4), "high": round(high, 4)}


def under_floor(genes: Mapping[str, Any]) -> list[str]:
    short = [gene for gene, floor in FLOORS.items() if genes[gene]["assumed reference: best"]["share"] < floor]
    if genes["CYP2B6"]["left missing: best"]["share"] < CYP2B6_MISSING_FLOOR:
        short.append("CYP2B6")
    return short


def report(result: Mapping[str, Any]) -> None:
    print(
        f"{'gene':9}{'n':>4}  assumed: best  phen | missing: best  phen  among  certain right  median | PharmCAT PyPGx"
    )
    for gene, row in result["genes"].items():
        best = row["assumed reference: best"]
        print(
            f"{gene:9}{best['n']:4}  {best['share']:13.3f} {row['assumed reference: phenotype']['share']:5.3f} |"
            f" {row['left missing: best']['share']:13.3f} {row['left missing: phenotype']['share']:5.3f}"
            f" {row['left missing: among']['share']:6.3f} {row['left missing: phenotype certain']['share']:8.3f}"
            f" {row['left missing: certain phenotype right']['share']:5.3f}"
            f" {row['left missing: median candidates']:7} | {row['PharmCAT 3.1.1']['share']:8.3f}"
            f" {row['PyPGx 0.27']['share']:5.3f}"
        )
    settled, right = (
        sum(row[f"left missing: {name}"]["right"] for row in result["genes"].values())
        for name in ("phenotype likely", "likely phenotype right")
    )
    low, high = wilson(right, settled)
    print(f"left missing, one phenotype reaches the kept share: right {right}/{settled} [{low:.3f}, {high:.3f}]")
    groups = defaultdict(list)
    for each in result["differences"]:
        groups[each["gene"]].append(f"{each['sample']} {each['consensus']}→{each['ours']}")
    for gene, listed in groups.items():
        print(f"  {gene}: {'; '.join(listed)}")


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv))
