"""Compile an upstream release of named-allele definitions into the fact table that Sartor ships.

Run from the repository root: `python curation/pharmacogenomics/definitions.py`. The folder of the upstream
archive is read from the environment variable DATA (default `../shared/data`).
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

from sartor.genomics.star_alleles.definition import natural_key

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "src/sartor/capabilities/pharmacogenomics/data/definitions.json"
ARCHIVE = "pgx/reference/pharmcat_resources_v3.1.1.tar.xz"
FOLDER = "definition/alleles/"

VARIANT_LISTS = ("DPYD", "RYR1")
"""Genes read as a list of variants: each is judged on its own (CPIC's rule for the two lowest functions)."""

UNDOCUMENTED_AS_REFERENCE = ("CACNA1S", "DPYD", "G6PD", "NUDT15", "RYR1", "TPMT")
"""Genes in which PharmCAT reads an undocumented base as reference (its documentation, Named Allele Matcher 101)."""

SUBSTITUTES = {"SLCO1B1": "rs4149056"}
"""Gene → the one position that stands for the gene when no diplotype fits."""

TAG_PAIRS = {
    "DPYD": {
        "intronic": "rs75017182",
        "exonic": "rs56038477",
        "haplotype": "c.1129-5923C>G, c.1236G>A (HapB3)",
        "intronic_allele": "c.1129-5923C>G",
    }
}
"""DPYD HapB3: the causal intronic position decides, the exonic tag only where the intronic one is missing."""


def site(variant: dict[str, Any]) -> list[Any]:
    return [variant["position"], variant["rsid"] or "", variant["ref"], list(variant["alts"])]


def allele(named: dict[str, Any], positions: list[int], reference: list[str]) -> dict[str, Any]:
    bases = {str(index): base for index, base in enumerate(named["alleles"]) if base is not None}
    row: dict[str, Any] = {"name": named["name"], "id": named["id"]}
    if named["reference"]:
        row["reference"] = True
    elif len(bases) == len(reference) > 1:
        row["complete"] = True
        bases = {index: base for index, base in bases.items() if reference[int(index)] != base}
    if not named["reference"]:
        row["bases"] = bases
    core = [positions.index(position) for position in named["corePositions"] or () if position in positions]
    if not named["reference"] and not row.get("complete") and core != [int(index) for index in bases]:
        row["core"] = core
    if named["structuralVariant"]:
        row["structural"] = True
    return row


def gene(definition: dict[str, Any], exemption: dict[str, Any]) -> dict[str, Any]:
    variants = definition["variants"]
    positions = [variant["position"] for variant in variants]
    reference = [variant["ref"] for variant in variants]
    named = next(each for each in definition["namedAlleles"] if each["reference"])
    row: dict[str, Any] = {
        "gene": definition["gene"],
        "chromosome": definition["chromosome"],
        "version": definition["version"],
        "modified": definition["modificationDate"][:10],
        "sites": [site(variant) for variant in variants],
        "alleles": sorted(
            (allele(each, positions, reference) for each in definition["namedAlleles"]),
            key=lambda row: natural_key(row["name"]),
        ),
    }
    if list(named["alleles"]) != reference:
        row["reference_bases"] = named["alleles"]
    optional = {
        "extra_sites": [site(variant) for variant in exemption.get("extraPositions", ())],
        "required": [positions.index(position) for position in exemption.get("requiredPositions", ())],
        "unphased_priorities": [
            {"among": rule["list"], "pick": rule["pick"]} for rule in exemption.get("unphasedDiplotypePriorities", ())
        ],
        "hidden": [allele(each, positions, reference) for each in definition["hiddenCoreAlleles"]],
        "suballeles": definition["suballelesMap"],
        "recommended_panel": exemption.get("amp1Alleles", []),
        "variant_list": definition["gene"] in VARIANT_LISTS,
        "undocumented_as_reference": definition["gene"] in UNDOCUMENTED_AS_REFERENCE,
        "substitute_site": SUBSTITUTES.get(definition["gene"], ""),
        "tag_pair": TAG_PAIRS.get(definition["gene"]),
    }
    row.update({key: value for key, value in optional.items() if value})
    return row


def read(archive: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    exemptions: dict[str, Any] = {}
    definitions = []
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if not name.startswith(FOLDER) or not member.isfile():
                continue
            handle = tar.extractfile(member)
            assert handle is not None
            content = json.load(handle)
            if name.endswith("exemptions.json"):
                exemptions = content
            else:
                definitions.append(content)
    return exemptions, sorted(definitions, key=lambda each: str(each["gene"]))


def main() -> int:
    archive = Path(os.environ.get("DATA", ROOT / "../shared/data")) / ARCHIVE
    if not archive.exists():
        print(f"{archive} is not there: set DATA to the folder that holds {ARCHIVE}", file=sys.stderr)
        return 2
    exemptions, definitions = read(archive)
    genes = [gene(each, exemptions.get(each["gene"], {})) for each in definitions]
    content = {"schema": 1, "source": "pharmcat-definitions", "version": "3.1.1", "genes": genes}
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    sites = sum(len(each["sites"]) for each in genes)
    print(f"{len(genes)} genes, {sites} sites, {sum(len(each['alleles']) for each in genes)} alleles → {OUT.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
