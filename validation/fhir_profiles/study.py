"""How well the profile checker tells valid Genomics Reporting resources from invalid ones.

python validation/fhir_profiles/study.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sartor import registry
from sartor.domain.record import Record
from sartor.domain.source import Knowledge
from sartor.io.vcf import read_genome, sample_names
from sartor.pipeline import assess_record
from sartor.reporting.fhir import bundle
from sartor.settings import Settings
from sartor.testing.fhir_profiles import check, index

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mutants import KINDS, Mutant, definition, in_bundle, mutants

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLOOR_ACCEPTED = 1.0
FLOOR_REJECTED = 0.95
SEED = 20250101
NOW = "2026-11-21T10:00:00+00:00"


def data() -> Path:
    return (ROOT / os.environ.get("DATA", "../shared/data")).resolve()


def archive() -> Path:
    path = data() / "fhir" / "genomics_reporting_stu3.tar.gz"
    if not path.exists():
        print(f"{path.name} is not in the data folder; set DATA to the folder of public data", file=sys.stderr)
        raise SystemExit(2)
    return path


def resources(path: Path) -> dict[str, dict[str, Any]]:
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".json") and (handle := tar.extractfile(member)):
                found[Path(member.name).stem] = json.load(handle)
    return dict(sorted(found.items()))


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share."""
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return middle - half, min(1.0, middle + half)


def figure(hits: int, n: int) -> dict[str, float]:
    low, high = wilson(hits, n)
    return {"n": n, "hits": hits, "share": hits / n if n else 0.0, "low": round(low, 4), "high": round(high, 4)}


def accepted(all_of: dict[str, dict[str, Any]], *, quick: bool) -> tuple[dict[str, float], list[str]]:
    """The share of the guide's own files without a problem; quick leaves out the large conformance resources."""
    around = index(list(all_of.values()))
    large = ("StructureDefinition", "ImplementationGuide", "OperationDefinition") if quick else ()
    judged = {name: each for name, each in all_of.items() if each["resourceType"] not in large}
    wrong = [name for name, each in judged.items() if check(each, others=around)]
    return figure(len(judged) - len(wrong), len(judged)), wrong


def rejected(all_of: dict[str, dict[str, Any]], *, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """The share of mutants with a problem, over all and by kind."""
    around = index(list(all_of.values()))
    structures = {each["url"]: definition(each) for each in all_of.values() if "snapshot" in each}
    made, caught, missed = Counter[str](), Counter[str](), []
    for number, (name, each) in enumerate(all_of.items()):
        for mutant in broken(each, structures, SEED + number, quick=quick):
            made[mutant.kind] += 1
            if check(mutant.resource, others=around):
                caught[mutant.kind] += 1
            else:
                missed.append(f"{name}: {mutant.kind}: {mutant.what}")
    by_kind = {kind: figure(caught[kind], made[kind]) for kind in (*KINDS, "inside a bundle")}
    return {**figure(caught.total(), made.total()), "by_kind": by_kind}, missed


def broken(resource: dict[str, Any], structures: Any, seed: int, *, quick: bool) -> Iterator[Mutant]:
    """The mutants of one instance: of a bundle, of its entries; of any other, by the first profile that it declares."""
    if resource["resourceType"] == "Bundle":
        yield from in_bundle(resource, structures, seed, most=5 if quick else 40)
        return
    for url in [url for url in resource.get("meta", {}).get("profile", []) if url in structures][:1]:
        yield from mutants(resource, structures[url], seed, per_kind=1 if quick else 3)


def own(*, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """The share of this project's own bundles without a problem: reports on samples of the 1000 Genomes set."""
    source = data() / "pgx" / "1kgp" / "1kgp.positions.vcf.gz"
    names = sample_names(source)
    chosen = random.Random(SEED).sample(names, 2 if quick else 40)
    found = registry.load()
    resources_in, wrong = 0, []
    for name in chosen:
        record = Record(genome=read_genome(source, regions=found.regions(), sample=name))
        made = bundle(assess_record(record, found, Knowledge(), now=NOW, settings=Settings()))
        resources_in += len(made["entry"])
        wrong += [f"{name}: {problem}" for problem in check(made)[:1]]
    return {**figure(len(chosen) - len(wrong), len(chosen)), "resources": resources_in}, wrong


def main(quick: bool = False) -> int:
    all_of = resources(archive())
    good, wrong = accepted(all_of, quick=quick)
    bad, missed = rejected(all_of, quick=quick)
    ours, invalid = own(quick=quick)
    print(f"{'':40}{'n':>7}{'share':>9}   95 % interval")
    whole = [("accepted", good), ("own bundles", ours), ("rejected", bad)]
    for label, row in [*whole, *((f"  {kind}", row) for kind, row in bad["by_kind"].items())]:
        print(f"{label:40}{row['n']:7.0f}{row['share']:9.4f}   {row['low']:.4f}-{row['high']:.4f}")
    complaints = [f"refused though valid: {name}" for name in wrong]
    complaints += [f"let through: {each}" for each in missed] + [f"own bundle: {each}" for each in invalid]
    print("\n".join(complaints[:40]))
    result = {"accepted": good, "refused": wrong, "own_bundles": ours, "rejected": bad}
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return int(good["share"] < FLOOR_ACCEPTED or ours["share"] < FLOOR_ACCEPTED or bad["share"] < FLOOR_REJECTED)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    raise SystemExit(main(parser.parse_args().quick))
