"""Compile published allele functions and phenotype tables into our own rules (data/phenotypes.json).

Run from the repository root: `python curation/pharmacogenomics/phenotypes.py`. The folder of the upstream
archives is read from the environment variable DATA (default `../shared/data`). A published table lists one row
per pair of alleles; we keep each allele's function and activity value, the phenotype of each pair of functions
(or of each score), and, where a row departs from those, the row itself as an exception.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "src/sartor/capabilities/pharmacogenomics/data/phenotypes.json"
PACK = ROOT / "packs/dpwg"
CURRENT = "cpic-phenotypes"
THROUGH_CLINPGX = {"CYP3A4": "clinpgx-phenotypes", "VKORC1": "clinpgx-phenotypes"}
OLDER = {
    "CYP2D6": ("phenotype_older/CYP2D6.cpic.v2.15.0.json", "cpic-phenotypes-cyp2d6"),
    "G6PD": ("phenotype_older/G6PD.cpic.v2.6.0.json", "cpic-phenotypes-g6pd"),
    "RYR1": ("phenotype_older/RYR1.cpic.v2.8.0.json", "cpic-phenotypes-ryr1"),
}
PRESENCE = {"HLA-A": ["*31:01"], "HLA-B": ["*15:02", "*57:01", "*58:01"]}
VARIANT_LISTS = {
    "DPYD": ["No function", "Decreased function", "Normal function"],
    "RYR1": ["Malignant Hyperthermia associated", "Uncertain function", "Normal function"],
}

Json = dict[str, Any]


def main() -> int:
    folder = Path(os.environ.get("DATA", ROOT / "../shared/data")) / "pgx/reference"
    archives = [folder / "pharmcat_resources_v3.1.1.tar.xz", folder / "pharmcat_guidelines_v2.12.0.tar.xz"]
    if absent := [path for path in archives if not path.exists()]:
        print(f"{absent[0]} is not there: set DATA to the folder of the public data", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as unpacked:
        for path in archives:
            with tarfile.open(path) as archive:
                archive.extractall(Path(unpacked) / path.name.split("_")[1], filter="data")
        compile_all(Path(unpacked) / "resources", Path(unpacked) / "guidelines")
    return 0


def compile_all(resources: Path, guidelines: Path) -> None:
    genes = {}
    for path in sorted((resources / "phenotype").glob("*.json")):
        table = json.loads(path.read_text())
        genes[table["gene"]] = compiled(table, THROUGH_CLINPGX.get(table["gene"], CURRENT))
    for gene, (name, source) in OLDER.items():
        table = json.loads((resources / name).read_text())
        genes[gene] = compiled(table, source)
    newer = json.loads((resources / "phenotype_older/RYR1.functions.reconstructed.json").read_text())
    genes["RYR1"]["functions"] = grouped({each["name"]: each["functionValue"] for each in newer["namedAlleles"]})
    for gene, alleles in PRESENCE.items():
        genes[gene] = {"by": "presence", "source": CURRENT, "version": "", "presence": alleles}
    write(TARGET, genes)
    found = (json.loads(path.read_text()) for path in sorted((guidelines / "phenotype/dpwg").glob("*.json")))
    write_pack([{"gene": table["gene"], **compiled(table, "dpwg-phenotypes")} for table in found])


def compiled(table: Json, source: str) -> Json:
    """One gene in our schema."""
    named = {allele["name"]: allele for allele in table.get("namedAlleles", ())}
    functions = {name: named.get(name, {}).get("functionValue", text) for name, text in table["haplotypes"].items()}
    values = {name: allele["activityValue"] for name, allele in named.items() if allele["activityValue"]}
    by_score = any(row.get("activityScore") for row in table["diplotypes"])
    result: Json = {"by": "score" if by_score else "function", "source": source, "version": table["version"]}
    result["functions"] = grouped(functions)
    if by_score:
        result["values"] = grouped(values)
        result["scores"], result["exceptions"] = score_rules(table["diplotypes"])
    else:
        result["rules"], result["exceptions"] = function_rules(table["diplotypes"], functions)
    if not result["exceptions"]:
        del result["exceptions"]
    if table["gene"] in VARIANT_LISTS:
        result["severity"] = VARIANT_LISTS[table["gene"]]
    return result


def grouped(by_name: dict[str, str]) -> dict[str, list[str]]:
    """Turn name → value into value → names."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, value in by_name.items():
        groups[value].append(name)
    return dict(groups)


def alleles_of(row: Json) -> list[str]:
    return [name for name, count in row["diplotypekey"].items() for _ in range(count)]


def phenotype_of(row: Json) -> str:
    return str(row.get("phenotype") or row["generesult"])


def score_rules(rows: Iterable[Json]) -> tuple[dict[str, str], list[list[Any]]]:
    """Score → phenotype; a row that says otherwise is an exception."""
    rules = majority((row["activityScore"], phenotype_of(row)) for row in rows)
    odd = [row for row in rows if rules[row["activityScore"]] != phenotype_of(row)]
    return rules, [[sorted(alleles_of(row)), phenotype_of(row)] for row in odd]


def function_rules(rows: Iterable[Json], functions: dict[str, str]) -> tuple[list[list[Any]], list[list[Any]]]:
    """Functions (sorted) → phenotype; a row that says otherwise is an exception."""
    keyed = [(tuple(sorted(functions[name] for name in alleles_of(row))), phenotype_of(row), row) for row in rows]
    rules = majority((key, phenotype) for key, phenotype, _ in keyed)
    odd = [[sorted(alleles_of(row)), phenotype] for key, phenotype, row in keyed if rules[key] != phenotype]
    return [[list(key), phenotype] for key, phenotype in rules.items()], odd


def majority(pairs: Iterable[tuple[Any, str]]) -> dict[Any, str]:
    counts: dict[Any, Counter[str]] = defaultdict(Counter)
    for key, phenotype in pairs:
        counts[key][phenotype] += 1
    return {key: found.most_common(1)[0][0] for key, found in counts.items()}


def write_pack(rows: list[Json]) -> None:
    """The DPWG's own tables, as one table of its pack: the file, and its entry in the manifest."""
    content = ("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n").encode()
    (PACK / "phenotypes.json").write_bytes(content)
    manifest = PACK / "pack.toml"
    blocks = [each.strip() for each in manifest.read_text(encoding="utf-8").split("[[table]]")]
    kept = [each for each in blocks[1:] if 'name = "phenotypes"' not in each]
    digest = hashlib.sha256(content).hexdigest()
    kept.append(f'name = "phenotypes"\nfile = "phenotypes.json"\nsha256 = "{digest}"\nrows = {len(rows)}')
    text = blocks[0] + "\n" + "".join(f"\n[[table]]\n{each}\n" for each in kept)
    manifest.write_text(text, encoding="utf-8")
    print(f"{PACK / 'phenotypes.json'}: {len(rows)} genes, {len(content)} bytes")


def write(target: Path, genes: Json) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"  {json.dumps(gene)}: {json.dumps(genes[gene], ensure_ascii=False)}" for gene in sorted(genes)]
    text = '{"schema": "sartor/phenotypes/1", "genes": {\n' + ",\n".join(lines) + "\n}}\n"
    target.write_text(text, encoding="utf-8")
    print(f"{target}: {len(genes)} genes, {len(text.encode())} bytes")


if __name__ == "__main__":
    sys.exit(main())
