"""Compare our calls on the VCF files of PharmCAT's own tests with the calls that those tests recorded.

Run as `python validation/pharmcat_conformance/study.py [--quick]`; DATA names the folder of public data.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from pathlib import Path

from sartor.io.vcf import read_genome

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.genomics.normalise import call_sites
from sartor.genomics.star_alleles.definition import GeneDefinition, NamedAllele
from sartor.genomics.star_alleles.matching import GeneMatch, match

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE / "../../../shared/data"))
FLOORS = {"A": 1.0, "B": 0.95}
QUICK_EVERY = 4

REBUILT = {
    "NamedAlleleMatcherTest-unphasedPrioritySameScore-1": "without exemptions",
    "NamedAlleleMatcherTest-requiredPosition-1": "without exemptions",
    "NamedAlleleMatcherTest-testCombinationUnphased-1": "without alleles of two names",
    "NamedAlleleMatcherTest-testCombinationPhased-1": "without alleles of two names",
    "NamedAlleleMatcherTest-testPartialReferenceUnphased-1": "sites of the file only",
    "NamedAlleleMatcherTest-testShellWithPartial-1": "sites of the file only",
    "NamedAlleleMatcherTest-testPartialReferencePhased-1": "sites of the file only",
}
"""Cases that ran with a definition file of the test's own, which is not public: how it differs from the shipped one."""


def read_table(name: str) -> list[dict[str, str]]:
    with (DATA / "pgx/conformance" / name).open() as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def rebuilt(definition: GeneDefinition, how: str, called: set[int]) -> GeneDefinition:
    """The definition that a test used, as far as its name and expected call tell."""
    if how == "without exemptions":
        return replace(definition, required=(), unphased_priorities=())
    if how == "without alleles of two names":
        return replace(definition, alleles=tuple(each for each in definition.alleles if "+" not in each.name))
    kept = [index for index, site in enumerate(definition.sites) if site.position in called]
    alleles = tuple(
        only(allele, kept) for allele in definition.alleles if allele.reference or set(allele.defined) <= set(kept)
    )
    return replace(
        definition,
        sites=tuple(definition.sites[index] for index in kept),
        reference_bases=tuple(definition.reference_bases[index] for index in kept),
        alleles=alleles,
    )


def only(allele: NamedAllele, kept: list[int]) -> NamedAllele:
    return replace(allele, bases=tuple(allele.bases[index] for index in kept))


def call(definition: GeneDefinition, row: Mapping[str, str], path: Path, sample: str, how: str) -> GeneMatch:
    genome = read_genome(path, regions=definition.regions(), sample=sample or None)
    calls = call_sites(genome, definition.sites)
    if how:
        definition = rebuilt(definition, how, {each.site.position for each in calls if any(each.alleles)})
        calls = call_sites(genome, definition.sites)
    flags = row["flags"].split(",")
    return match(
        definition,
        calls,
        rules="pharmcat",
        all_matches="allMatches" in flags,
        combinations="findCombinations" in flags,
    )


def differences(row: Mapping[str, str], found: GeneMatch) -> list[str]:
    """What differs: call (as a set), scores, phased, effectively phased, n_missing."""
    if row["kind"] == "haplotype_list":
        labels = () if found.diplotypes else found.haplotypes
    else:
        labels = tuple(each.label for each in found.diplotypes)
    expected = [each for each in row["expected_call"].split("|") if each]
    wrong = []
    if sorted(expected) != sorted(labels):
        wrong.append("call")
    elif row["scores"] and dict(zip(expected, row["scores"].split("|"), strict=True)) != {
        each.label: str(each.score) for each in found.diplotypes
    }:
        wrong.append("scores")
    if (row["phased"] == "yes") != found.phased:
        wrong.append("phased")
    if (row["effectively_phased"] == "yes") != found.effectively_phased:
        wrong.append("effectively phased")
    if row["n_missing"] != str(len(found.missing)):
        wrong.append("n_missing")
    return wrong


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion."""
    if not n:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def compare(folder: Path, quick: bool) -> tuple[dict[str, Counter[str]], list[str]]:
    genes = definitions()
    samples = {row["case_id"]: row["sample"] for row in read_table("cases.tsv")}
    tallies: dict[str, Counter[str]] = {"A": Counter(), "B": Counter(), "B as shipped": Counter()}
    lines = []
    rows = [row for row in read_table("expected.tsv") if row["tier"] in FLOORS]
    for row in rows[:: QUICK_EVERY if quick else 1]:
        case = row["case_id"]
        for tier, how in {
            row["tier"]: REBUILT.get(case, ""),
            "B as shipped" if row["tier"] == "B" else "A": "",
        }.items():
            found = call(genes[row["gene"]], row, folder / f"{case}.vcf", samples[case], how)
            wrong = differences(row, found)
            tallies[tier]["n"] += 1
            tallies[tier]["equal"] += "call" not in wrong
            tallies[tier].update(wrong)
            if wrong:
                ours = "|".join(each.label for each in found.diplotypes) or "|".join(found.haplotypes)
                lines.append(f"{tier}: {case} {row['gene']}: {row['expected_call']} ours {ours} ({', '.join(wrong)})")
    return tallies, lines


def main(quick: bool) -> int:
    archive = DATA / "pgx/conformance/vcf.tar.gz"
    if not archive.exists():
        print(f"{archive} is not there: set DATA to the folder of public data", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        tallies, lines = compare(next(Path(folder).rglob("*.vcf")).parent, quick)
    print("\n".join(lines))
    result: dict[str, object] = {"quick": quick, "reference": "calls recorded while PharmCAT 3.1.1's tests ran"}
    failed = False
    for tier, tally in tallies.items():
        share = tally["equal"] / tally["n"] if tally["n"] else 1.0
        low, high = wilson(tally["equal"], tally["n"])
        print(f"tier {tier:13} {tally['equal']:4} of {tally['n']:4} equal: {share:.4f} ({low:.4f}–{high:.4f})")
        result[tier] = dict(tally) | {"share": share, "interval_95": [low, high]}
        failed = failed or share < FLOORS.get(tier, 0.0)
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
