"""Patients per CPU-second of the FHIR fast lane, beside its peers, on the same bundles in the same run.

Usage: DATA=../shared/data python benchmarks/fhir_reading/bench.py [--quick]
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sartor.io import fhir

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ARCHIVE = "fhir/synthea_r4_250.tar.xz"
FLOOR = 300.0
STRICT_BUNDLES = 4
ROUNDS = 3


def bundles(data: Path, quick: bool) -> list[bytes]:
    found = []
    with tarfile.open(data / ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is not None:
                found.append(file.read())
            if quick and len(found) == 40:
                break
    return found


def speeds(readers: dict[str, Callable[[bytes], object]], documents: list[bytes]) -> dict[str, float]:
    """Documents per CPU-second of each reader: the best of rounds in which the readers take turns."""
    best = dict.fromkeys(readers, 0.0)
    for _ in range(ROUNDS):
        for name, read in readers.items():
            start = time.process_time()
            for document in documents:
                read(document)
            best[name] = max(best[name], len(documents) / (time.process_time() - start))
    return best


def counted(document: bytes) -> Counter[str]:
    """The truth: resource types counted by the standard library."""
    return Counter(entry["resource"]["resourceType"] for entry in json.loads(document)["entry"])


def strict(document: bytes) -> object:
    from fhir.resources.R4B.bundle import Bundle

    return Bundle.model_validate_json(document)


def lanes(documents: list[bytes]) -> dict[str, float]:
    readers: dict[str, Callable[[bytes], object]] = {
        "sartor: typed structs (parse_bundle)": fhir.parse_bundle,
        "sartor: counts only (count_resources)": fhir.count_resources,
        "sartor: whole Record (read_record)": fhir.read_record,
        "msgspec without types": msgspec.json.decode,
        "json (standard library), without types": json.loads,
    }
    try:
        import orjson

        readers["orjson, without types"] = orjson.loads
    except ImportError:
        print("orjson is not installed: pip install orjson to compare with it", file=sys.stderr)
    found = speeds(readers, documents)
    middle = sorted(documents, key=len)[len(documents) // 2 :][:STRICT_BUNDLES]
    return found | speeds({"fhir.resources R4B, validated (bundles of median size)": strict}, middle)


def main(quick: bool) -> int:
    data = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
    if not (data / ARCHIVE).exists():
        print(f"{data / ARCHIVE} is not there; name the folder with DATA=…", file=sys.stderr)
        return 2
    documents = bundles(data, quick)
    truth: Counter[str] = sum((counted(document) for document in documents), Counter())
    ours: Counter[str] = sum((fhir.count_resources(document) for document in documents), Counter())
    typed: Counter[str] = sum((fhir.parse_bundle(document).counts() for document in documents), Counter())
    found = lanes(documents)
    typed_speed = found["sartor: typed structs (parse_bundle)"]
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "bundles": len(documents),
        "megabytes": round(sum(map(len, documents)) / 1e6, 1),
        "patients_per_cpu_second": {name: round(value, 1) for name, value in found.items()},
        "ratio_of_typed_lane_to": {
            name: round(typed_speed / value, 2) for name, value in found.items() if not name.startswith("sartor")
        },
        "resources": sum(truth.values()),
        "counts_exact": truth == ours == typed,
        "counts": dict(sorted(truth.items())),
    }
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, value in found.items():
        print(f"{value:10.1f} patients per CPU-second  {name}")
    print(f"{result['resources']} resources, counts exact: {result['counts_exact']}")
    return 0 if result["counts_exact"] and typed_speed >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
