"""Compile the hand-written lists of drugs, combinations and words into knowledge/data/medicines.json.

Usage: python curation/medicines/compile.py [--products SYNTHEA.tar.xz]

With --products, the RxNorm codes of products in that archive of bundles are matched by their text first,
and the result is written to products.txt, from which medicines.json is then compiled.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "src" / "sartor" / "knowledge" / "data" / "medicines.json"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def rows(name: str) -> list[list[str]]:
    path = HERE / name
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split(";")] for line in lines if line.strip() and not line.startswith("#")]


def listed(cell: str) -> list[str]:
    return [part for part in cell.split("|") if part]


def drugs() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    codes: dict[str, str] = {}
    for name, rxnorm, atc, synonyms, brands in rows("drugs.txt"):
        code, _, source = rxnorm.partition(":")
        if name in found or (code and code in codes):
            sys.exit(f"{name}: named twice, or its code {code} belongs to {codes.get(code)}")
        codes[code] = name
        found[name] = {
            "name": name,
            "rxnorm": code,
            "rxnorm_source": source,
            "atc": listed(atc),
            "synonyms": listed(synonyms),
            "brands": listed(brands),
        }
    return found


def combinations(known: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    """The combinations; a component that is no drug of ours becomes one, by name alone."""
    found = []
    for components, atc, names in rows("combinations.txt"):
        for component in listed(components):
            known.setdefault(
                component,
                {"name": component, "rxnorm": "", "rxnorm_source": "", "atc": [], "synonyms": [], "brands": []},
            )
        found.append({"drugs": listed(components), "atc": listed(atc), "names": listed(names)})
    return found


def compiled() -> dict[str, object]:
    """The whole content of medicines.json."""
    table = drugs()
    combined = combinations(table)
    words = json.loads((HERE / "words.json").read_text(encoding="utf-8"))
    products = {code: listed(names) for code, names, _ in rows("products.txt")}
    return {"schema": 1, **words, "drugs": list(table.values()), "combinations": combined, "products": products}


def compile_table() -> None:
    whole = compiled()
    OUT.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print({name: len(part) for name, part in whole.items() if isinstance(part, (list, dict))})


def write_products(archive: Path) -> None:
    from sartor.knowledge import medicines

    texts: dict[str, str] = {}
    with tarfile.open(archive) as bundles:
        for member in bundles:
            file = bundles.extractfile(member) if member.name.endswith(".json") else None
            for entry in json.load(file).get("entry", []) if file else []:
                concept = entry["resource"].get("medicationCodeableConcept", {})
                for coding in concept.get("coding", []):
                    if coding.get("system") == RXNORM:
                        texts[coding["code"]] = coding.get("display", "")
    lines = ["# RxNorm product code ; drugs (|) ; text under which it was seen"]
    for code, text in sorted(texts.items(), key=lambda item: int(item[0])):
        found = [match.drug.label for match in medicines.match((), text)]
        if found:
            lines.append(f"{code};{'|'.join(found)};{text}")
        else:
            print("no drug named:", code, text)
    (HERE / "products.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=Path)
    given = parser.parse_args()
    compile_table()
    if given.products:
        write_products(given.products)
        compile_table()
