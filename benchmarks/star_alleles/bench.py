"""Star alleles of 3,202 people at 17 genes from one multi-sample VCF, on one core: samples per second.

    python benchmarks/star_alleles/bench.py [--samples 3202] [--runs 3]

Tiles the 1,637 people of ../shared/data/pgx/1kgp (folder: DATA) to 3,202 columns, then reads, normalises and matches
them and looks up their phenotypes, with our own rules and with PharmCAT's. Prints a table and writes result.json
beside this script. Exits 1 when a figure misses its aim, 2 without the data.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import median

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.genomics.normalise import cohort_calls
from sartor.genomics.star_alleles.matching import Rules
from sartor.genomics.star_alleles.possible import call_pattern, gene_calls_cohort
from sartor.io.vcf import read_cohort

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE / "../../../shared/data"))
SOURCE = "pgx/1kgp/1kgp.positions.vcf.gz"
LEAST = 320.0
NOT_MEASURED = ("CYP2D6", "DPYD", "IFNL3")
"""Genes of which the source file holds no positions, or that PharmCAT leaves to other callers."""


def tile(source: Path, made: Path, samples: int) -> None:
    """Write the source with its sample columns repeated until there are `samples` of them."""
    with gzip.open(source, "rt") as handle, gzip.open(made, "wt", compresslevel=1) as out:
        for line in handle:
            if line.startswith("##"):
                out.write(line)
                continue
            fields = line.rstrip("\n").split("\t")
            people = fields[9:]
            tiled = [people[index % len(people)] for index in range(samples)]
            if line.startswith("#"):
                tiled = [f"P{index:05d}" for index in range(samples)]
            out.write("\t".join([*fields[:9], *tiled]) + "\n")


def run(path: Path, rules: Rules) -> tuple[float, float, int]:
    """Wall and CPU seconds from file to phenotypes, and the number of distinct patterns over all genes."""
    call_pattern.cache_clear()
    wall, cpu = time.perf_counter(), time.process_time()
    genes = [each for name, each in definitions().items() if name not in NOT_MEASURED]
    cohort = read_cohort(path, regions=[region for gene in genes for region in gene.regions()])
    calls = cohort_calls(cohort, [site for gene in genes for site in gene.sites])
    tables = phenotype_tables()
    patterns = sum(len(gene_calls_cohort(gene, calls, tables.get(gene.gene), rules=rules).calls) for gene in genes)
    return time.perf_counter() - wall, time.process_time() - cpu, patterns


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=3202)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not (DATA / SOURCE).exists():
        print(f"{DATA / SOURCE} is not there: set DATA to the folder of public data", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    result: dict[str, object] = {"date": date.today().isoformat(), "samples": options.samples, "genes": 17}
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "cohort.vcf.gz"
        tile(DATA / SOURCE, made, options.samples)
        for rules in ("sartor", "pharmcat"):
            timed = [run(made, rules) for _ in range(options.runs)]
            wall, cpu = median(each[0] for each in timed), median(each[1] for each in timed)
            rate = options.samples / wall
            print(
                f"{rules:9} {wall:6.2f} s wall {cpu:6.2f} s CPU {rate:8.0f} samples/s {timed[0][2]} distinct patterns"
            )
            result[rules] = {"wall_s": wall, "cpu_s": cpu, "samples_per_s": rate, "patterns": timed[0][2]}
            missed = missed or rate < LEAST
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
