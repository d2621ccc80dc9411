"""Compare our calls on 1,637 genomes of the 1000 Genomes Project with those of PharmCAT 3.1.1, gene by gene.

Run as `python validation/thousand_genomes/study.py [--quick]`; DATA names the folder of public data.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import GeneCall
from sartor.genomics.normalise import cohort_calls
from sartor.genomics.star_alleles.cohort import match_cohort
from sartor.genomics.star_alleles.matching import GeneMatch
from sartor.genomics.star_alleles.possible import gene_calls_cohort
from sartor.io.vcf import read_cohort

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE / "../../../shared/data"))
FLOOR = 0.999
QUICK_SAMPLES = 200


def expected(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") as handle:
        yield from csv.DictReader(handle, delimiter="\t")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion."""
    if not n:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


NOTHING = ("", "n/a", "No Result")
"""How the reference writes that there is no phenotype or no score."""


def meanings(text: str) -> set[str]:
    return {each for each in text.split("|") if each not in NOTHING}


def meaning_differs(row: dict[str, str], call: GeneCall) -> list[str]:
    """Whether phenotypes or activity scores differ; combinations are read as the reference's recommendation does."""
    prefix = "rec_" if "[" in row["diplotypes"] else ""
    phenotypes = {each.phenotype for each in call.diplotypes} - set(NOTHING)
    scores = {f"{each.activity_score:.1f}" for each in call.diplotypes if each.activity_score is not None}
    found = []
    if meanings(row[f"{prefix}phenotypes"]) != phenotypes:
        found.append("phenotypes")
    if {f"{float(each):.1f}" for each in meanings(row[f"{prefix}activity_scores"])} - scores:
        found.append("activity scores")
    return found


def differences(row: dict[str, str], match: GeneMatch) -> list[str]:
    """What differs between PharmCAT's row and our match: diplotypes, scores, phased, effectively, missing."""
    found = []
    labels = [each.label for each in match.diplotypes] or list(match.haplotypes)
    if sorted(filter(None, row["diplotypes"].split("|"))) != sorted(labels):
        found.append("diplotypes")
    elif match.diplotypes and row["scores"].split("|") != [str(each.score) for each in match.diplotypes]:
        found.append("scores")
    if (row["phased"] == "true") != match.phased:
        found.append("phased")
    if (row["eff_phased"] == "true") != match.effectively_phased:
        found.append("effectively phased")
    if row["n_missing"] != str(len(match.missing)):
        found.append("n_missing")
    return found


def compare(quick: bool) -> tuple[Counter[str], Counter[str], Counter[str], list[str]]:
    folder = DATA / "pgx/1kgp"
    genes = definitions()
    rows = list(expected(folder / "pharmcat_3.1.1_calls.tsv.gz"))
    wanted = sorted({row["gene"] for row in rows})
    samples = sorted({row["sample"] for row in rows})[: QUICK_SAMPLES if quick else None]
    regions = tuple(region for gene in wanted for region in genes[gene].regions())
    cohort = read_cohort(folder / "1kgp.positions.vcf.gz", regions=regions, samples=samples if quick else None)
    calls = cohort_calls(cohort, [site for gene in wanted for site in genes[gene].sites])
    tables = phenotype_tables()
    meant = {
        gene: dict(gene_calls_cohort(genes[gene], calls, tables.get(gene), rules="pharmcat").by_sample())
        for gene in wanted
    }
    ours = {gene: dict(match_cohort(genes[gene], calls, rules="pharmcat").by_sample()) for gene in wanted}
    n, equal, other = Counter[str](), Counter[str](), Counter[str]()
    lines = []
    for row in rows:
        match = ours[row["gene"]].get(row["sample"])
        if match is None:
            continue
        n[row["gene"]] += 1
        found = differences(row, match) + meaning_differs(row, meant[row["gene"]][row["sample"]])
        equal[row["gene"]] += "diplotypes" not in found
        for each in found:
            other[each] += 1
        if found:
            labels = "|".join(each.label for each in match.diplotypes)
            lines.append(f"{row['sample']} {row['gene']} {row['diplotypes']} ours {labels} ({', '.join(found)})")
    return n, equal, other, lines


def main(quick: bool) -> int:
    if not (DATA / "pgx/1kgp").is_dir():
        print(f"{DATA / 'pgx/1kgp'} is not there: set DATA to the folder of public data", file=sys.stderr)
        return 2
    n, equal, other, lines = compare(quick)
    total, hits = sum(n.values()), sum(equal.values())
    low, high = wilson(hits, total)
    for gene in sorted(n):
        print(f"{gene:10} {equal[gene]:6} of {n[gene]:6} equal")
    print(f"{'all':10} {hits:6} of {total:6} equal: {hits / total:.5f} ({low:.5f}–{high:.5f})")
    print(f"differences by kind: {dict(other) or 'none'}")
    print("\n".join(lines[:20]))
    result = {
        "reference": "PharmCAT 3.1.1 on 1000 Genomes high-coverage samples",
        "metric": "share of sample–gene pairs with the same set of diplotypes (rules pharmcat)",
        "n": total,
        "equal": hits,
        "share": hits / total,
        "interval_95": [low, high],
        "by_gene": {gene: [equal[gene], n[gene]] for gene in sorted(n)},
        "differences": dict(other),
        "phenotype_differences": other["phenotypes"],
        "floor": FLOOR,
    }
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0 if hits / total >= FLOOR and not other["phenotypes"] else 1


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
