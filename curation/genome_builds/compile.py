"""Compile how GRCh37 and GRCh38 relate at the loci that Sartor reads, from two upstream tables.

    python curation/genome_builds/compile.py DATA/pgx/reference src/sartor/knowledge/data/genome_builds.json

Takes: the allele definitions (GRCh38 positions, reference bases, HGVS names) and PyPGx's variant table (positions and
reference alleles on both builds). Makes: per locus one constant offset, proved on every variant that has both
positions; the sites at which the reference base itself changed; the reference bases of every defining site, with
those that follow an indel as far as it can be shifted.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tarfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

DEFINITIONS = "pharmcat_resources_v3.1.1.tar.xz"
PYPGX = "pypgx_tables.tar.xz"
MARGIN = 100
Site = dict[str, Any]
LENGTHS = {  # bases of each chromosome on GRCh37 and GRCh38 (Genome Reference Consortium)
    "chr1": (249250621, 248956422), "chr2": (243199373, 242193529), "chr3": (198022430, 198295559),
    "chr4": (191154276, 190214555), "chr5": (180915260, 181538259), "chr6": (171115067, 170805979),
    "chr7": (159138663, 159345973), "chr8": (146364022, 145138636), "chr9": (141213431, 138394717),
    "chr10": (135534747, 133797422), "chr11": (135006516, 135086622), "chr12": (133851895, 133275309),
    "chr13": (115169878, 114364328), "chr14": (107349540, 107043718), "chr15": (102531392, 101991189),
    "chr16": (90354753, 90338345), "chr17": (81195210, 83257441), "chr18": (78077248, 80373285),
    "chr19": (59128983, 58617616), "chr20": (63025520, 64444167), "chr21": (48129895, 46709983),
    "chr22": (51304566, 50818468), "chrX": (155270560, 156040895), "chrY": (59373566, 57227415),
}  # fmt: skip


def members(archive: Path, suffix: str) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        return {m.name: tar.extractfile(m).read().decode() for m in tar if m.name.endswith(suffix)}  # type: ignore[union-attr]


def defining_sites(folder: Path) -> dict[str, list[Site]]:
    found = {}
    for text in members(folder / DEFINITIONS, "_translation.json").values():
        definition = json.loads(text)
        found[definition["gene"]] = definition["variants"]
    return dict(sorted(found.items()))


def paired_rows(folder: Path) -> list[dict[str, Any]]:
    """PyPGx's variants with a position on both builds."""
    text = next(text for name, text in members(folder / PYPGX, "variant-table.csv").items())
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        if row["GRCh37Position"].isdigit() and row["GRCh38Position"].isdigit():
            rows.append(
                {
                    "gene": row["Gene"],
                    "chromosome": "chr" + row["Chromosome"],
                    "grch37": int(row["GRCh37Position"]),
                    "grch38": int(row["GRCh38Position"]),
                    "base37": row["GRCh37Allele"],
                    "base38": row["GRCh38Allele"],
                }
            )
    return rows


def locus(gene: str, sites: list[Site], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The stretch around a gene's sites in which every paired variant shows the same offset."""
    chromosome = sites[0]["chromosome"]
    paired = [row for row in rows if row["chromosome"] == chromosome]
    start = min(site["position"] for site in sites)
    end = max(site["position"] + len(site["ref"]) - 1 for site in sites)
    offsets = Counter(row["grch37"] - row["grch38"] for row in paired if start <= row["grch38"] <= end)
    if len(offsets) != 1:
        raise SystemExit(f"{gene}: offsets differ within the locus: {offsets}")
    offset = next(iter(offsets))
    agreeing = [row["grch38"] for row in paired if row["grch37"] - row["grch38"] == offset]
    proved = [place for place in agreeing if start - 50_000 <= place <= end + 50_000]
    return {
        "gene": gene,
        "chromosome": chromosome,
        "start": start - MARGIN,
        "end": end + MARGIN,
        "grch37_minus_grch38": offset,
        "proved_on": len(proved),
        "proved_from": min(proved),
        "proved_to": max(proved),
    }


def extra_sites(folder: Path) -> dict[str, list[Site]]:
    """Positions that a gene's interpretation needs beside its allele definitions."""
    text = next(iter(members(folder / DEFINITIONS, "exemptions.json").values()))
    found = {gene: each.get("extraPositions") or [] for gene, each in json.loads(text).items()}
    return {gene: each for gene, each in found.items() if each}


def lone_locus(gene: str, site: Site, loci: list[dict[str, Any]]) -> dict[str, Any]:
    """A single position, with the offset of the gene that it is read for.

    rs12777823 lies on GRCh37 at chr10:96405502 (dbSNP), as the offset of CYP2C9 says.
    """
    beside = next(each for each in loci if each["gene"] == gene)
    place = {"gene": f"{gene} beside", "start": site["position"] - MARGIN, "end": site["position"] + MARGIN}
    return {**beside, **place}


def differing_bases(rows: list[dict[str, Any]], loci: list[dict[str, Any]]) -> list[list[Any]]:
    """Positions of single bases, within our loci, at which the two builds have another reference base."""
    found = set()
    for row in rows:
        inside = any(
            each["chromosome"] == row["chromosome"] and each["start"] <= row["grch38"] <= each["end"] for each in loci
        )
        if inside and row["base37"] != row["base38"]:
            found.add((row["chromosome"], row["grch38"], row["base37"], row["base38"]))
    return [list(each) for each in sorted(found)]


def event(site: Site) -> tuple[str, int] | None:
    """The bare inserted or deleted sequence of an indel site, and the last base of its reference allele."""
    alternates = [alt for alt in site["alts"] if len(alt) != len(site["ref"]) and alt[0] == site["ref"][0]]
    if not alternates:
        return None
    alternate = min(alternates, key=lambda alt: abs(len(alt) - len(site["ref"])))
    longer = max(site["ref"], alternate, key=len)
    unit = longer[1 : 1 + abs(len(alternate) - len(site["ref"]))]
    return unit, site["position"] + len(site["ref"]) - 1


def last_equivalent_base(site: Site, unit: str) -> int | None:
    """The last reference base that the rightmost way of writing the event touches, from its HGVS name."""
    ends, repeats = [], []
    for name in site["chromosomeHgvsName"].split(";"):
        text = name.strip().removeprefix("g.")
        if match := re.fullmatch(r"(\d+)(?:_(\d+))?(?:del|dup)[ACGT]*", text):
            ends.append(int(match[2] or match[1]))
        elif match := re.fullmatch(r"(\d+)_(\d+)ins([ACGT]+)", text):
            ends.append(int(match[1]))
        elif match := re.fullmatch(r"(\d+)([ACGT]+)\[(\d+)\]", text):
            copies = reference_copies(site, match[2], int(match[3]))
            repeats.append(int(match[1]) + copies * len(match[2]) - 1)
    return max(ends or repeats, default=None)


def reference_copies(site: Site, unit: str, copies: int) -> int:
    """How many copies of the repeat the reference has, given how many one named allele has."""
    changes = sorted({(len(alt) - len(site["ref"])) // len(unit) for alt in site["alts"]})
    named = sorted(int(n) for n in re.findall(r"\[(\d+)\]", site["chromosomeHgvsName"]))
    with_reference = sorted({0, *changes})
    if len(named) == len(with_reference):
        return named[0] - with_reference[0]
    return named[0] - changes[0]


def following(site: Site) -> str:
    """Reference bases after an indel's REF, as far as the event can be shifted to the right."""
    found = event(site)
    if found is None:
        return ""
    unit, end = found
    last = last_equivalent_base(site, unit)
    if last is None or last <= end:
        return ""
    return "".join(unit[(place - site["position"] - 1) % len(unit)] for place in range(end + 1, last + 1))


def check(sites: dict[str, list[Site]], loci: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Every definition that has both positions must map to its own GRCh37 position."""
    pairs = defaultdict(set)
    for row in rows:
        pairs[row["chromosome"], row["grch38"]].add(row["grch37"])
    for each in loci:
        for site in sites[each["gene"]]:
            known = pairs.get((each["chromosome"], site["position"]), set())
            if any(place - site["position"] != each["grch37_minus_grch38"] for place in known):
                raise SystemExit(f"{each['gene']} {site['position']}: {known} contradicts the offset")


def main(folder: Path, target: Path) -> None:
    sites, rows = defining_sites(folder), paired_rows(folder)
    loci = [locus(gene, variants, rows) for gene, variants in sites.items()]
    check(sites, loci, rows)
    extra = extra_sites(folder)
    loci += [lone_locus(gene, site, loci) for gene, found in extra.items() for site in found]
    sites |= {f"{gene} beside": found for gene, found in extra.items()}
    bases = [
        [site["chromosome"], site["position"], site["ref"], following(site), site.get("rsid") or "", site["alts"]]
        for variants in sites.values()
        for site in variants
    ]
    lengths = [[name, *both] for name, both in LENGTHS.items()]
    table: dict[str, list[Any]] = {"chromosome_lengths": lengths, "loci": loci}
    table |= {"differing_bases": differing_bases(rows, loci), "reference_bases": sorted(bases)}
    lines = [f'"{key}": [\n' + ",\n".join(json.dumps(row) for row in value) + "\n]" for key, value in table.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for each in loci:
        its = sites[each["gene"]]
        outside = sum(not each["proved_from"] <= s["position"] <= each["proved_to"] for s in its)
        print(
            each["gene"], each["grch37_minus_grch38"], each["proved_on"], "sites outside the proved stretch:", outside
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
