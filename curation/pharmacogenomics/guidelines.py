"""Compiles prescribing guidelines into flat tables of codes: CPIC into the package, DPWG into its own pack.

    python curation/pharmacogenomics/guidelines.py --from pharmcat_guidelines_v2.12.0.tar.xz

Only facts are kept (which drug, which genotype, what to do, how strongly, on whose word); the guidelines' sentences are
read by guideline_reading.py and implication_reading.py and stay behind. The run stops when a text has no reading.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from guideline_reading import NONE, Reading, digest, plain, read
from implication_reading import codes, parts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CPIC_OUT = ROOT / "src/sartor/capabilities/pharmacogenomics/data/guidelines_cpic.json"
DPWG_OUT = ROOT / "packs/dpwg"
RETRIEVED = "2026-11-21"

POPULATIONS = {
    None: "",
    "general": "",
    "PHT use >3mos": "used-over-3-months",
    "PHT naive": "never-taken",
    "CBZ-no alternatives": "no-alternative",
    "CBZ use >3mos": "used-over-3-months",
    "CBZ naive": "never-taken",
    "OXC naive": "never-taken",
    "OXC use >3 mos": "used-over-3-months",
    "pediatrics": "children",
    "adults": "adults",
    "CVI ACS PCI": "acs-pci",
    "NVI": "neurovascular",
    "CVI non-ACS non-PCI": "cardiovascular-other",
    "child >40kg_adult": "over-40-kg",
}
STRENGTHS = {
    "Strong": "strong",
    "Moderate": "moderate",
    "Optional": "optional",
    "No recommendation": "no recommendation",
    "N/A": "",
    None: "",
}
HEAD = {
    "schema": "sartor/guidelines/1",
    "source": {
        "id": "cpic-guidelines",
        "title": "CPIC prescribing guidelines, as annotated by PharmGKB and released with PharmCAT 2.12.0",
        "version": "2024-03 (PharmCAT 2.12.0)",
        "licence": "CC0-1.0 (facts of CPIC guidelines)",
        "url": "https://cpicpgx.org/guidelines/",
        "retrieved": RETRIEVED,
        "note": "Facts only; the sentences are Sartor's own. Guidance published later is listed in "
        "docs/methods/deviations-guidelines.md",
    },
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--from", dest="archive", type=Path, required=True)
    archive = arguments.parse_args().archive
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    documents, phenotypes = _unpack(archive)
    overrides = tomllib.loads((HERE / "guideline_readings.toml").read_text(encoding="utf-8"))
    curated = json.loads((HERE / "guidelines_later.json").read_text(encoding="utf-8"))
    for source in ("CPIC", "DPWG"):
        chosen = [each for each in documents if each["guideline"]["source"] == source]
        compiler = Compiler(source, overrides)
        tables = compiler.compile(chosen)
        compiler.report()
        if compiler.unread:
            return 1
        if source == "CPIC":
            _add_curated(tables, curated)
            _write_cpic(tables, sha256)
        else:
            tables["genotypes"] = list(_dpwg_genotypes(phenotypes))
            _write_pack(tables, sha256)
    return 0


def _unpack(archive: Path) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    documents, phenotypes = [], {}
    with tarfile.open(archive) as bundle:
        for member in sorted(bundle.getmembers(), key=lambda member: member.name):
            handle = bundle.extractfile(member)
            if handle is None or not member.name.endswith(".json"):
                continue
            content = json.load(handle)
            if "guidelines/" in member.name:
                documents.append(content)
            elif "/dpwg/" in member.name:
                phenotypes[content["gene"]] = content
    return documents, phenotypes


class Compiler:
    """Turns the guidelines of one source into tables and counts how each text was read."""

    def __init__(self, source: str, overrides: Mapping[str, Any]) -> None:
        self.source = source
        self.overrides = overrides
        self.texts: dict[str, Reading] = {}
        self.meanings: dict[str, tuple[str, ...]] = {}
        self.unread: list[str] = []
        self.readings: dict[str, str] = {}
        self.implications: dict[str, str] = {}

    def compile(self, documents: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        guidelines: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for document in documents:
            guideline = _guideline(document)
            guidelines.append(guideline)
            rows.extend(self._row(entry, guideline["id"]) for entry in document["recommendations"])
        rows.sort(key=lambda row: (row["drug"], row["population"], row["genes"], row["keys"]))
        return {
            "guidelines": guidelines,
            "readings": [{"id": name, **json.loads(text)} for text, name in self.readings.items()],
            "implications": [{"id": name, **json.loads(text)} for text, name in self.implications.items()],
            "recommendations": rows,
        }

    def _row(self, entry: Mapping[str, Any], guideline: str) -> dict[str, Any]:
        (chemical,) = entry["relatedChemicals"]
        lookup = entry["lookupKey"] or {}
        genes = tuple(sorted(lookup))
        strength = STRENGTHS[(entry.get("classification") or {}).get("term")]
        keys = tuple(lookup_key(lookup[gene]) for gene in genes)
        reading = self._revised(self._reading(entry, chemical["name"]), chemical["name"], genes, keys)
        flags = {
            "dosing": "dosingInformation",
            "alternative": "alternateDrugAvailable",
            "other": "otherPrescribingGuidance",
        }
        return {
            "id": entry["id"],
            "guideline": guideline,
            "drug": chemical["name"],
            "population": POPULATIONS[entry.get("population")],
            "strength": strength,
            "genes": "|".join(genes),
            "keys": "|".join(keys),
            "reading": self._shared(self.readings, _flat(reading), "r"),
            "implications": "|".join(self._implications(entry["implications"], genes)),
            "flags": "|".join(name for name, upstream in flags.items() if entry.get(upstream)),
        }

    def _reading(self, entry: Mapping[str, Any], drug: str) -> Reading:
        text, _ = plain((entry.get("text") or {}).get("html", ""))
        if text not in self.texts:
            found = read(text, drug)
            if override := self.overrides.get(digest(text)):
                changes = {key: _field(key, value) for key, value in override.items() if key != "about"}
                found = replace(found, **changes, read_by="review")
            if not found.kind:
                self.unread.append(f"{drug}: {digest(text)}")
            self.texts[text] = found
        return self.texts[text]

    def _revised(self, reading: Reading, drug: str, genes: tuple[str, ...], keys: tuple[str, ...]) -> Reading:
        """The reading with the dose factor that the publisher has given such rows since; as it is where none has."""
        for each in self.overrides["revision"]:
            chosen = each["source"] == self.source and drug in each["drugs"] and list(genes) == each["genes"]
            if chosen and set(keys) <= set(each["keys"]):
                return replace(reading, factor=tuple(each["factor"]))
        return reading

    def _implications(self, texts: Iterable[str], genes: tuple[str, ...]) -> Iterator[str]:
        for text in texts:
            for gene, words in parts(text, genes):
                found = self._meaning(words)
                yield self._shared(self.implications, {"gene": gene, "codes": "|".join(found)}, "i")

    def _meaning(self, words: str) -> tuple[str, ...]:
        squeezed = re.sub(r"\s+", " ", words)
        if squeezed not in self.meanings:
            override = self.overrides["implication"].get(digest(squeezed))
            found = tuple(override["codes"]) if override else codes(words)
            if not found:
                self.unread.append(f"implication {digest(squeezed)}")
            self.meanings[squeezed] = found
        return self.meanings[squeezed]

    @staticmethod
    def _shared(store: dict[str, str], row: Mapping[str, Any], prefix: str) -> str:
        return store.setdefault(json.dumps(row, ensure_ascii=False), f"{prefix}{len(store) + 1}")

    def report(self) -> None:
        by = Counter(reading.read_by for reading in self.texts.values())
        kinds = Counter(reading.kind for reading in self.texts.values())
        reasons = Counter(reading.reason for reading in self.texts.values() if reading.kind == NONE)
        print(f"{self.source}: {len(self.texts)} distinct recommendation texts: {dict(by)}; kinds {dict(kinds)}")
        print(f"  without recommendation, by reason: {dict(reasons)}; distinct readings {len(self.readings)}")
        print(f"  {len(self.meanings)} distinct statements on effect; unread: {self.unread or 'none'}")


def _guideline(document: Mapping[str, Any]) -> dict[str, Any]:
    guideline = document["guideline"]
    drugs = [each["name"] for each in guideline["relatedChemicals"]]
    genes = sorted(each["symbol"] for each in guideline["relatedGenes"])
    newest = max(document.get("citations") or [{}], key=lambda each: each.get("year", 0))
    return {
        "id": guideline["id"],
        "drugs": "|".join(drugs),
        "genes": "|".join(genes),
        "version": str(guideline["version"]),
        "date": str(newest.get("year", "")),
        "pmid": str(newest.get("pmid", "")),
        "url": guideline["url"],
    }


def _flat(reading: Reading) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in asdict(reading).items():
        if name == "read_by" or not value:
            continue
        if name == "factor":
            flat["factor_low"], flat["factor_high"] = value
        else:
            flat[name] = "|".join(value) if isinstance(value, (tuple, list)) else value
    return flat


def _field(name: str, value: Any) -> Any:
    if name == "factor":
        return tuple(value) or None
    return tuple(value) if isinstance(value, list) else value


def lookup_key(key: Any) -> str:
    """A key as text: a phenotype, a score, "*1/*28" for a pair of alleles, "a;b" for two statuses that hold at once."""
    if isinstance(key, dict):
        return "/".join(sorted(allele for allele, count in key.items() for _ in range(int(count))))
    text = str(key)
    return "*15:02 positive;*15:11 positive" if text == "1511 and 1502" else text


def _dpwg_genotypes(phenotypes: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Genotype → DPWG's key, for genes whose key is a phenotype that DPWG assigns in its own way."""
    for gene, table in sorted(phenotypes.items()):
        if gene in ("CYP2D6", "VKORC1"):
            continue
        for row in table["diplotypes"]:
            yield {"gene": gene, "genotype": "/".join(sorted(row["diplotype"].split("/"))), "key": row["lookupkey"]}


def _add_curated(tables: dict[str, list[dict[str, Any]]], curated: Mapping[str, Any]) -> None:
    for name in tables:
        tables[name].extend(curated[name])


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]"


def _write_cpic(tables: Mapping[str, list[dict[str, Any]]], sha256: str) -> None:
    head = {**HEAD, "source": {**HEAD["source"], "sha256": sha256}}  # type: ignore[dict-item]
    body = ",\n".join(f"{json.dumps(name)}: {_lines(rows)}" for name, rows in tables.items())
    top = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    CPIC_OUT.write_text(f"{top},\n{body}\n}}\n", encoding="utf-8")
    print(f"wrote {CPIC_OUT.name}: {CPIC_OUT.stat().st_size} bytes, {len(tables['recommendations'])} rows")


def _write_pack(tables: Mapping[str, list[dict[str, Any]]], sha256: str) -> None:
    DPWG_OUT.mkdir(parents=True, exist_ok=True)
    manifest = (HERE / "dpwg_pack_head.toml").read_text(encoding="utf-8").replace("@SHA256@", sha256)
    for name, rows in tables.items():
        content = (_lines(rows) + "\n").encode()
        (DPWG_OUT / f"{name}.json").write_bytes(content)
        found = hashlib.sha256(content).hexdigest()
        manifest += f'\n[[table]]\nname = "{name}"\nfile = "{name}.json"\nsha256 = "{found}"\nrows = {len(rows)}\n'
    (DPWG_OUT / "pack.toml").write_text(manifest, encoding="utf-8")
    print(f"wrote {DPWG_OUT.name}: {len(tables['recommendations'])} rows")


if __name__ == "__main__":
    sys.exit(main())
