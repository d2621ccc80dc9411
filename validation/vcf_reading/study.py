"""Do rewritten files give the same genotypes, and do odd files end in a clear error at worst?

    python validation/vcf_reading/study.py [--quick]

Reads DATA/pgx (conformance VCFs, three real genomes) and DATA/genomes (odd VCFs); DATA defaults to ../shared/data.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import date
from math import sqrt
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import rewriting  # noqa: E402

from sartor.domain.genome import Region  # noqa: E402
from sartor.errors import SartorError  # noqa: E402
from sartor.genomics.normalise import Site, SiteCall, call_sites  # noqa: E402
from sartor.io import vcf  # noqa: E402
from sartor.knowledge.genome_builds import build_table  # noqa: E402

DATA = Path(os.environ.get("DATA", HERE.parents[1] / ".." / "shared" / "data"))
TABLE = build_table()
SITES = [Site(s.chromosome, s.position, s.reference, s.alternates, s.rsid) for s in TABLE.sites.values()]
REGIONS = [Region(each.chromosome, each.start, each.end) for each in TABLE.loci]
EVERYWHERE = [Region(f"chr{name}", 1, 300_000_000) for name in [*range(1, 23), "X", "Y", "M"]]
FORMS = {
    "split rows": rewriting.split,
    "reference without alternate": rewriting.bare,
    "reference, first base alone": rewriting.first_base,
    "reference as blocks": rewriting.block,
    "wider rows": rewriting.padded,
    "GRCh37": rewriting.on_grch37,
}


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return round(max(0.0, middle - half), 5), round(min(1.0, middle + half), 5)


def row(name: str, hits: int, n: int) -> dict[str, Any]:
    low, high = interval(hits, n)
    return {"what": name, "n": n, "equal": hits, "share": round(hits / n, 6), "low": low, "high": high}


def told(call: SiteCall) -> tuple[tuple[str, ...], bool]:
    return tuple(sorted(str(allele) for allele in call.alleles)) if not call.phased else tuple(
        map(str, call.alleles)
    ), call.phased


def calls_of(path: Path) -> list[SiteCall]:
    found: list[SiteCall] = []
    for sample in vcf.sample_names(path):
        found += call_sites(vcf.read_genome(path, regions=REGIONS, sample=sample), SITES)
    return found


def unpacked(archive: str, into: Path) -> Path:
    with tarfile.open(DATA / archive) as tar:
        tar.extractall(into, filter="data")
    return into


def compare(paths: list[Path], scratch: Path) -> list[dict[str, Any]]:
    """Site calls that stay the same in each form; only sites that the first form called count."""
    counts = {name: [0, 0] for name in FORMS}
    target = scratch / "rewritten.vcf"
    for path in paths:
        before = calls_of(path)
        for name, change in FORMS.items():
            rewriting.rewrite(path, target, change, old_build=name == "GRCh37")
            for one, other in zip(before, calls_of(target), strict=True):
                if one.alleles:
                    counts[name][0] += _same(one, other)
                    counts[name][1] += 1
    return [row(name, hits, n) for name, (hits, n) in counts.items()]


def _same(one: SiteCall, other: SiteCall) -> bool:
    blocks = set(one.alleles) == {one.site.reference}
    return told(one)[0] == told(other)[0] and (blocks or one.phased == other.phased)


def against_bcftools(paths: list[Path], scratch: Path) -> list[dict[str, Any]]:
    """The real genomes raw against `bcftools norm -m -any`; nothing where bcftools is absent."""
    if not shutil.which("bcftools"):
        return []
    hits = n = 0
    target = scratch / "split.vcf"
    for path in paths:
        subprocess.run(
            ["bcftools", "norm", "-m", "-any", "-o", str(target), str(path)], check=True, capture_output=True
        )
        for one, other in zip(calls_of(path), calls_of(target), strict=True):
            n += bool(one.alleles)
            hits += bool(one.alleles) and told(one) == told(other)
    return [row("three genomes, raw against bcftools norm", hits, n)]


def odd_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (".vcf" in path.name or ".bcf" in path.name) and path.suffix not in (".tbi", ".csi"):
            yield path


def survives(path: Path) -> bool:
    """Whether the file is read or refused with a slug; anything else is a crash."""
    try:
        for sample in vcf.sample_names(path)[:1]:
            vcf.read_genome(path, regions=EVERYWHERE, sample=sample)
        vcf.read_cohort(path, regions=EVERYWHERE)
    except SartorError:
        return True
    except Exception as error:
        print(f"{path.name}: {type(error).__name__}: {error}")
        return False
    return True


def main(quick: bool) -> int:
    """Run, print, write result.json; 1 when anything differs or crashes, 2 without the data."""
    if not (DATA / "pgx" / "conformance" / "vcf.tar.gz").is_file():
        print(f"no data at {DATA}: set DATA to the folder of public data", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        cases = sorted(unpacked("pgx/conformance/vcf.tar.gz", scratch / "cases").rglob("*.vcf"))
        genomes = sorted((DATA / "pgx" / "wgs_30x").glob("*.vcf.bgz"))
        odd = [p for a in ("polars_bio", "bio2zarr") for p in odd_files(unpacked(f"genomes/{a}.tar.xz", scratch / a))]
        rows = compare(cases[:: 20 if quick else 3] + genomes[:: 5 if quick else 1], scratch)
        rows += against_bcftools(genomes[:: 5 if quick else 1], scratch)
        rows.append(row("odd files read or refused with a slug", sum(map(survives, odd)), len(odd)))
    for each in rows:
        print(
            f"{each['what']:42} {each['equal']:6} of {each['n']:6}  {each['share']:.5f} ({each['low']}–{each['high']})"
        )
    if not quick:
        result = {"date": date.today().isoformat(), "rows": rows}
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(each["equal"] == each["n"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv))
