"""One patient's report, start-up included, and the time to first help: whole processes, several runs after a warm-up.

    python benchmarks/patient_report/bench.py [--runs 5]

Reads the example patient's VCF beside a FHIR bundle of about 5 MB (one of the Synthea bundles under DATA). No peer
reads a VCF and a FHIR record into one report, so the times stand alone. Writes result.json; exits 1 when a median
misses its aim, 2 without the data.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SARTOR = Path(sys.executable).with_name("sartor")
AIMS = {"report": 3.0, "report --pdf": None, "help": 0.3}
BUNDLE_BYTES = 5_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    data = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
    archive = data / "fhir" / "synthea_r4_250.tar.xz"
    if not archive.is_file():
        print(f"no {archive}: give the folder of the public data as DATA=…", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        inputs = patient(archive, Path(folder) / "patient")
        out = str(Path(folder) / "out")
        report = [str(SARTOR), "report", *map(str, inputs), "--out", out, "--knowledge", f"dpwg={ROOT / 'packs/dpwg'}"]
        commands = {"report": report, "report --pdf": [*report, "--pdf"], "help": [str(SARTOR), "--help"]}
        figures = {name: timed(command, runs) for name, command in commands.items()}
        sizes = {path.name: path.stat().st_size for path in inputs}
    return summed_up(figures, sizes, runs)


def patient(archive: Path, folder: Path) -> list[Path]:
    """The example's VCF and the bundle whose size is nearest to five megabytes, in a folder of their own."""
    folder.mkdir()
    vcf = next((ROOT / "examples/patient").glob("*.vcf.gz"))
    inputs = [Path(shutil.copy(vcf, folder))]
    if (index := vcf.with_name(vcf.name + ".tbi")).exists():
        shutil.copy(index, folder)
    with tarfile.open(archive) as held:
        files = [member for member in held.getmembers() if member.name.endswith(".json")]
        chosen = min(files, key=lambda member: abs(member.size - BUNDLE_BYTES))
        source = held.extractfile(chosen)
        assert source is not None
        inputs.append(folder / "bundle.json")
        inputs[-1].write_bytes(source.read())
    return inputs


def timed(command: list[str], runs: int) -> dict[str, float]:
    """Median, fastest and slowest wall seconds, and median CPU seconds, after one run that does not count."""
    walls, cpus = [], []
    for _ in range(runs + 1):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        walls.append(time.perf_counter() - begun)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        "wall": round(median(walls[1:]), 3),
        "fastest": round(min(walls[1:]), 3),
        "slowest": round(max(walls[1:]), 3),
        "cpu": round(median(cpus[1:]), 3),
    }


def summed_up(figures: dict[str, dict[str, float]], sizes: dict[str, int], runs: int) -> int:
    print(f"inputs: {sizes}; {runs} runs after one warm-up, seconds")
    missed = 0
    for name, each in figures.items():
        aim = AIMS[name]
        missed += aim is not None and each["wall"] > aim
        print(f"{name:14} wall {each['wall']:.2f} ({each['fastest']:.2f}-{each['slowest']:.2f})  cpu {each['cpu']:.2f}"
              + (f"  aim {aim}" if aim else ""))  # fmt: skip
    result = {"date": date.today().isoformat(), "runs": runs, "inputs": sizes, "seconds": figures}
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
