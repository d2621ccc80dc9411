"""Does our compact phenotype table give every row of the published ones, and the phenotypes of recorded cases?"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import Diplotype
from sartor.domain.record import OutsideCall
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.outside import outside_gene_call
from sartor.genomics.star_alleles.phenotype import GenePhenotypes, table_from_json

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE.parents[1] / "../shared/data"))
RESOURCES = DATA / "pgx/reference/pharmcat_resources_v3.1.1.tar.xz"
GUIDELINES = DATA / "pgx/reference/pharmcat_guidelines_v2.12.0.tar.xz"
CONFORMANCE = DATA / "pgx/conformance"
RECLASSIFIED = {"c.1209C>G", "c.7522C>G", "c.14387A>G", "c.14693T>C"}
"""RYR1 variants that the current release calls of uncertain function and the older table associates with disease."""
EXPLAINED = {("PipelineTest-testNoCallOutsideCall-1", "NAT2")}
"""There an outside call that reports nothing overrules the matched one; ours leaves the matched call in force."""
FLOORS = {"tables": 1.0, "CYP2D6": 1.0, "older": 1.0, "dpwg": 1.0, "outside": 0.95, "recorded": 1.0}


@dataclass
class Tally:
    """How many of n rows agreed, and the first few that did not."""

    n: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, agreed: bool, description: str) -> None:
        self.n += 1
        self.right += agreed
        if not agreed and len(self.wrong) < 20:
            self.wrong.append(description)

    def row(self) -> dict[str, Any]:
        low, high = wilson(self.right, self.n)
        return {"n": self.n, "right": self.right, "share": self.right / max(self.n, 1), "low": low, "high": high,
                "wrong": self.wrong}  # fmt: skip


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion."""
    if n == 0:
        return (0.0, 1.0)
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))


def members(archive: Path, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON file of one folder of an archive."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and f"/{folder}/" in f"/{member.name}" and member.name.endswith(".json"):
                handle = tar.extractfile(member)
                assert handle is not None
                yield Path(member.name).name, json.load(handle)


def compare_table(published: dict[str, Any], table: GenePhenotypes, tally: Tally) -> None:
    """Every published row: phenotype, activity score as text, look-up key."""
    for row in published["diplotypes"]:
        if RECLASSIFIED & set(row["diplotypekey"]) and published["gene"] == "RYR1":
            continue
        alleles = [name for name, count in row["diplotypekey"].items() for _ in range(count)]
        ours = meaning.diplotype(table, alleles)
        score = meaning.activity_text(table, alleles)
        theirs = (row.get("phenotype") or row["generesult"], row.get("activityScore") or "", row["lookupkey"])
        mine = (ours.phenotype, score if theirs[1] else "", ours.lookup_key)
        tally.add(mine == theirs, f"{published['gene']} {row['diplotype']}: {mine} instead of {theirs}")


def tables_study() -> dict[str, Tally]:
    """All published tables against ours."""
    tallies = {name: Tally() for name in ("tables", "CYP2D6", "older", "dpwg")}
    ours = phenotype_tables()
    for _, published in members(RESOURCES, "phenotype"):
        compare_table(published, ours[published["gene"]], tallies["tables"])
    for name, published in members(RESOURCES, "phenotype_older"):
        if ".cpic." in name:
            which = "CYP2D6" if published["gene"] == "CYP2D6" else "older"
            compare_table(published, ours[published["gene"]], tallies[which])
    rows_of_pack = json.loads((HERE.parents[1] / "packs/dpwg/phenotypes.json").read_text(encoding="utf-8"))
    pack = {row["gene"]: row for row in rows_of_pack}
    for _, published in members(GUIDELINES, "phenotype/dpwg"):
        gene = published["gene"]
        compare_table(published, table_from_json(gene, pack[gene]), tallies["dpwg"])
    return tallies


def rows() -> list[dict[str, str]]:
    with (CONFORMANCE / "expected.tsv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def outside_lines() -> dict[str, list[OutsideCall]]:
    """Case → its outside calls."""
    found: dict[str, list[OutsideCall]] = {}
    with tarfile.open(CONFORMANCE / "vcf.tar.gz") as tar:
        for member in tar:
            if "outside/" not in member.name or not member.isfile():
                continue
            handle = tar.extractfile(member)
            assert handle is not None
            calls = found.setdefault(Path(member.name).stem, [])
            for line in handle.read().decode().splitlines():
                if line.strip() and not line.startswith("#"):
                    gene, diplotype, phenotype, score = (*line.split("\t"), "", "", "")[:4]
                    calls.append(OutsideCall(gene=gene, diplotype=diplotype, phenotype=phenotype, activity_score=score))
    return found


def outside_study() -> Tally:
    """Recorded outside calls: phenotype, activity score and look-up key of every expected row."""
    tally, lines = Tally(), outside_lines()
    for row in rows():
        if row["kind"] != "outside_call":
            continue
        gene = row["gene"]
        calls = [each for each in lines[row["case_id"]] if each.gene == gene]
        call = outside_gene_call(gene, calls, phenotype_tables().get(gene), rules="pharmcat")
        mine = tuple("|".join(part) for part in zip(*(facts(each) for each in call.diplotypes), strict=True))
        theirs = (row["rec_phenotype"], row["rec_activity_score"], row["lookup_key"].replace("No Result", ""))
        tally.add((mine or ("", "", "")) == theirs, f"{row['case_id']} {gene}: {mine} instead of {theirs}")
    return tally


def facts(each: Diplotype) -> tuple[str, str, str]:
    score = "" if each.activity_score is None else each.lookup_key
    return (each.phenotype, score, each.lookup_key)


def recorded_study() -> Tally:
    """Recorded calls of tiers A and B: from the expected alleles alone, phenotype, score and key."""
    tally = Tally()
    for row in rows():
        table = phenotype_tables().get(row["gene"])
        if row["kind"] not in ("diplotype", "haplotype_list") or table is None or not row["rec_phenotype"]:
            continue
        if (row["case_id"], row["gene"]) in EXPLAINED:
            continue
        ours = [recommended(row, table, text) for text in expected_alleles(row)]
        unique = [worst(ours)] if table.is_variant_list else ours
        mine = tuple("|".join(part) for part in zip(*unique, strict=True))
        theirs = (row["rec_phenotype"], row["lookup_key"])
        tally.add(mine == theirs, f"{row['case_id']} {row['gene']} {row['expected_call']}: {mine} instead of {theirs}")
    return tally


def expected_alleles(row: dict[str, str]) -> list[list[str]]:
    if row["kind"] == "haplotype_list":
        return [row["expected_call"].split("|")]
    if row["gene"] == "SLCO1B1" and "rs" in row["expected_call"]:
        return [row["rec_diplotype"].split("/")]
    return [split(text) for text in row["expected_call"].split("|")]


def split(text: str) -> list[str]:
    """Alleles of a diplotype as recorded; names such as "Taipei, Chinese-3" hold no slash."""
    return text.split("/")


def worst(found: list[tuple[str, str]]) -> tuple[str, str]:
    """Of several arrangements of listed variants, the most consequential (the lowest score) decides."""
    return min(found, key=lambda each: meaning.as_number(each[1]) or 0.0)


def recommended(row: dict[str, str], table: GenePhenotypes, alleles: list[str]) -> tuple[str, str]:
    """Phenotype and look-up key of what decides."""
    if table.is_variant_list:
        strands = [alleles] if row["kind"] == "haplotype_list" else [list(meaning.components(each)) for each in alleles]
        alleles = list(meaning.two_most_consequential(table, strands))
    ours = meaning.diplotype(table, alleles)
    return (ours.phenotype, ours.lookup_key)


def main(quick: bool) -> int:
    """The whole study takes seconds: quick is the same."""
    if not RESOURCES.exists():
        print(f"{RESOURCES} is not there: set DATA to the folder of the public data", file=sys.stderr)
        return 2
    tallies = {**tables_study(), "outside": outside_study(), "recorded": recorded_study()}
    result = {name: tally.row() for name, tally in tallies.items()}
    (HERE / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, row in result.items():
        print(f"{name:10} {row['right']:6}/{row['n']:6}  {row['share']:.4f}  [{row['low']:.4f}, {row['high']:.4f}]")
        for line in row["wrong"]:
            print("          ", line)
    short = [name for name, row in result.items() if row["n"] and row["share"] < FLOORS[name]]
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv))
