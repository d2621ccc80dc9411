"""A whole-genome VCF from end to end: our reader beside bcftools and bgzip, in the same run, by CPU time.

    python benchmarks/whole_genome_vcf/bench.py [--folder .made] [--variants 4500000] [--runs 3]

Makes the file once (always the same bytes of text), then lets every contender read it in turn, several times over.
Prints a table and writes result.json beside this script. Exits 1 when a figure misses its aim, 2 without bcftools.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SEED = 20261121
TAILS = 20_000
MOST_RATIO, MOST_MEMORY, MOST_INDEXED = 0.6, 500.0, 1.0
QUERY = "%CHROM\\t%POS\\t%REF\\t%ALT[\\t%GT]\\n"


def header() -> str:
    """A header such as variant callers write, with GRCh38's contigs."""
    from sartor.knowledge.genome_builds import build_table

    contigs = [f"##contig=<ID={name},length={new}>" for name, (_, new) in build_table().lengths.items()]
    lines = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="All filters passed">']
    lines += [f'##INFO=<ID={key},Number=1,Type=Float,Description="{key}">' for key in INFO_KEYS]
    formats = {"GT": "1,Type=String", "AD": "R,Type=Integer", "DP": "1,Type=Integer", "GQ": "1,Type=Integer"}
    formats["PL"] = "G,Type=Integer"
    lines += [f'##FORMAT=<ID={key},Number={kind},Description="{key}">' for key, kind in formats.items()]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tMADE"
    return "\n".join([*lines, *contigs, columns]) + "\n"


INFO_KEYS = (
    "AC", "AF", "AN", "BaseQRankSum", "DP", "ExcessHet", "FS", "MLEAC", "MLEAF", "MQ", "MQRankSum", "QD",
    "ReadPosRankSum", "SOR",
)  # fmt: skip


def tails(rng: np.random.Generator) -> list[str]:
    """Columns QUAL to the end, as a joint caller writes them for one sample."""
    made = []
    for _ in range(TAILS):
        depth, het = int(rng.poisson(32)) + 2, bool(rng.random() < 0.62)
        other = int(rng.binomial(depth, 0.5)) if het else depth
        n, share = (1, "0.500") if het else (2, "1.00")
        ranks = [f"{value:.3f}" for value in rng.normal(0, 1, 3)]
        quality = float(rng.uniform(30, 1400))
        info = (
            f"AC={n};AF={share};AN=2;BaseQRankSum={ranks[0]};DP={depth};ExcessHet={rng.uniform(0, 4):.4f};"
            f"FS={rng.exponential(2):.3f};MLEAC={n};MLEAF={share};MQ={rng.uniform(40, 60):.2f};MQRankSum={ranks[1]};"
            f"QD={quality / depth:.2f};ReadPosRankSum={ranks[2]};SOR={rng.uniform(0.2, 2):.3f}"
        )
        gt, pl = ("0/1", f"{int(quality)},0,{int(quality * 1.1)}") if het else ("1/1", f"{int(quality)},{depth * 3},0")
        call = f"{gt}:{depth - other},{other}:{depth}:{min(99, depth * 3)}:{pl}"
        made.append(f"\t{quality:.2f}\tPASS\t{info}\tGT:AD:DP:GQ:PL\t{call}\n")
    return made


def chromosome_lines(name: str, length: int, count: int, rng: np.random.Generator, ends: list[str]) -> Iterator[str]:
    """The records of one chromosome in order; every fortieth known site carries a variant, the others are silent."""
    from sartor.knowledge.genome_builds import build_table

    sites = {place: site for (chromosome, place), site in build_table().sites.items() if chromosome == name}
    planted = [place for rank, place in enumerate(sorted(sites)) if rank % 40 == 0]
    drawn = rng.choice(length - 20_000, size=count, replace=False) + 10_000
    drawn = drawn[
        ~np.isin(drawn // 64, [bin_ for place in sites for bin_ in (place // 64 - 1, place // 64, place // 64 + 1)])
    ]
    positions = np.unique(np.concatenate([drawn, np.array(planted, np.int64)])).tolist()
    codes = rng.integers(0, 12, len(positions)).tolist()
    kinds = rng.random(len(positions)).tolist()
    numbers = rng.integers(1, 2_000_000_000, len(positions)).tolist()
    picks = rng.integers(0, len(ends), len(positions)).tolist()
    insert = ["A", "TT", "CA", "GTG", "ACAC", "TTTTT"]
    for place, code, kind, number, pick in zip(positions, codes, kinds, numbers, picks, strict=True):
        reference = sites[place].reference if place in sites else "ACGT"[code % 4]
        alternate = "ACGT".replace(reference[0], "")[code % 3]
        if kind > 0.93 and place not in sites:
            reference += insert[number % 6]
            alternate = reference[0]
        elif kind > 0.86 and place not in sites:
            alternate = reference + insert[number % 6]
        elif len(reference) > 1:
            alternate = reference[0]
        yield f"{name}\t{place}\trs{number}\t{reference}\t{alternate}{ends[pick]}"


def make(folder: Path, variants: int) -> Path:
    """Write the file, compress and index it; what is there already is kept."""
    from sartor.knowledge.genome_builds import build_table

    target = folder / f"genome_{variants}.vcf.gz"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    ends = tails(rng)
    lengths = {name: new for name, (_, new) in build_table().lengths.items()}
    total = sum(lengths.values())
    part = target.with_suffix(".part")
    with part.open("wb") as out, subprocess.Popen(["bgzip", "-c"], stdin=subprocess.PIPE, stdout=out) as bgzip:
        assert bgzip.stdin is not None
        bgzip.stdin.write(header().encode())
        for name, length in lengths.items():
            lines = list(chromosome_lines(name, length, variants * length // total, rng, ends))
            for start in range(0, len(lines), 50_000):
                bgzip.stdin.write("".join(lines[start : start + 50_000]).encode())
    part.rename(target)
    return target


def timed(command: list[str]) -> dict[str, float]:
    """CPU seconds, wall seconds and peak resident memory (MB) of one process and its children."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "memory": usage.ru_maxrss / 1024}


def read_ourselves(path: Path) -> None:
    """What the contender "sartor" does: read the defining regions and call every defining site."""
    from sartor.domain.genome import Region
    from sartor.genomics.normalise import Site, call_sites
    from sartor.io.vcf import read_genome
    from sartor.knowledge.genome_builds import build_table

    table = build_table()
    regions = [Region(locus.chromosome, locus.start, locus.end) for locus in table.loci]
    genome = read_genome(path, regions=regions)
    sites = [
        Site(s.chromosome, s.position, s.reference, ("A" if s.reference != "A" else "C",)) for s in table.sites.values()
    ]
    calls = call_sites(genome, sites)
    print(sum(bool(call.alleles) for call in calls))


def contenders(path: Path, indexed: Path) -> dict[str, list[str]]:
    """Name → command; the last of ours reads the copy that has an index."""
    ours = [sys.executable, str(Path(__file__).resolve()), "--read"]
    pgx = [str(Path(sys.executable).with_name("sartor")), "pgx", "--out", str(path.with_name("calls.tsv"))]
    return {
        "sartor": [*ours, str(path)],
        "sartor pgx": [*pgx, str(path)],
        "bcftools query": ["bcftools", "query", "-f", QUERY, str(path)],
        "bgzip -d": ["bgzip", "-dc", str(path)],
        "sartor, indexed": [*ours, str(indexed)],
        "sartor pgx, indexed": [*pgx, str(indexed)],
    }


def with_index(path: Path) -> Path:
    """The same file under another name, with a tabix index beside it."""
    linked = path.with_name("indexed_" + path.name)
    if not linked.exists():
        linked.hardlink_to(path)
        subprocess.run(["tabix", "-f", "-p", "vcf", str(linked)], check=True)
    return linked


def summary(runs: dict[str, list[dict[str, float]]], path: Path, variants: int) -> dict[str, Any]:
    """Medians per contender and the ratio that counts, computed within each round and then the median."""
    ratios, whole = (
        [ours["cpu"] / theirs["cpu"] for ours, theirs in zip(runs[name], runs["bcftools query"], strict=True)]
        for name in ("sartor", "sartor pgx")
    )
    middle = {
        name: {key: round(median(run[key] for run in found), 3) for key in ("cpu", "wall", "memory")}
        for name, found in runs.items()
    }
    versions = subprocess.run(["bcftools", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "date": date.today().isoformat(),
        "variants": variants,
        "megabytes_compressed": round(path.stat().st_size / 1e6, 1),
        "rounds": len(ratios),
        "bcftools": versions.split("\n")[0],
        "median": middle,
        "ratio": round(median(ratios), 3),
        "ratio_pgx": round(median(whole), 3),
        "ratio_low": round(min(ratios), 3),
        "ratio_high": round(max(ratios), 3),
    }


def met(result: dict[str, Any]) -> bool:
    """Whether the figures reach their aims."""
    ours, indexed = result["median"]["sartor"], result["median"]["sartor, indexed"]
    return bool(result["ratio"] <= MOST_RATIO and ours["memory"] <= MOST_MEMORY and indexed["wall"] <= MOST_INDEXED)


def main() -> int:
    """Parse the command line, make, time, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE / ".made")
    parser.add_argument("--variants", type=int, default=4_500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read_ourselves(given.read)
        return 0
    if not shutil.which("bcftools") or not shutil.which("tabix"):
        print("bcftools and tabix are needed: apt-get install bcftools tabix", file=sys.stderr)
        return 2
    path = make(given.folder, given.variants)
    commands = contenders(path, with_index(path))
    timed(commands["sartor"])
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(given.runs):
        for name, command in commands.items():
            runs[name].append(timed(command))
    result = summary(runs, path, given.variants)
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    for name, figures in result["median"].items():
        print(f"{name:20} CPU {figures['cpu']:7.2f} s   wall {figures['wall']:7.2f} s   {figures['memory']:6.0f} MB")
    print(f"sartor / bcftools query, CPU: {result['ratio']} ({result['ratio_low']}–{result['ratio_high']})")
    print(f"sartor pgx / bcftools query, CPU: {result['ratio_pgx']}")
    return 0 if met(result) else 1


if __name__ == "__main__":
    sys.exit(main())
