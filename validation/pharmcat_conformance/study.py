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

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import GeneCall
from sartor.domain.record import OutsideCall
from sartor.genomics.normalise import call_sites
from sartor.genomics.star_alleles.definition import GeneDefinition, NamedAllele
from sartor.genomics.star_alleles.matching import GeneMatch, match
from sartor.genomics.star_alleles.outside import outside_gene_call
from sartor.genomics.star_alleles.possible import gene_call
from sartor.io.vcf import read_genome

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DATA", HERE / "../../../shared/data"))
FLOORS = {"A": 1.0, "B": 0.95, "O": 0.95}
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


def call(
    definition: GeneDefinition, row: Mapping[str, str], path: Path, sample: str, how: str
) -> tuple[GeneMatch, GeneCall]:
    """The match and the gene call (with phenotypes) of one gene in one file."""
    genome = read_genome(path, regions=definition.regions(), sample=sample or None)
    calls = call_sites(genome, definition.sites)
    if how:
        definition = rebuilt(definition, how, {each.site.position for each in calls if any(each.alleles)})
        calls = call_sites(genome, definition.sites)
    every, combined = "allMatches" in row["flags"], "findCombinations" in row["flags"]
    table = phenotype_tables().get(row["gene"])
    return (
        match(definition, calls, rules="pharmcat", all_matches=every, combinations=combined),
        gene_call(definition, calls, table, rules="pharmcat", all_matches=every, combinations=combined),
    )


NOTHING = ("", "n/a", "No Result")
"""How the reference writes that there is no phenotype or no score."""


def meanings(text: str) -> set[str]:
    return {each for each in text.split("|") if each not in NOTHING}


def meaning_differs(row: Mapping[str, str], found: GeneCall) -> list[str]:
    """Whether phenotype or activity score differ from those of the reference's recommendation, where it has any."""
    wrong = []
    phenotypes, scores = meanings(row["rec_phenotype"]), {float(each) for each in meanings(row["rec_activity_score"])}
    if phenotypes and phenotypes != set(found.phenotypes) - set(NOTHING):
        wrong.append("phenotype")
    if scores and scores != {each for each in found.activity_scores if each is not None}:
        wrong.append("activity score")
    return wrong


def outside_differences(row: Mapping[str, str], path: Path) -> list[str]:
    """What differs in a gene that was called outside: alleles, phenotype, activity score."""
    table = phenotype_tables().get(row["gene"])
    rows = [(line.split("\t") + [""] * 4)[:4] for line in path.read_text().splitlines()]
    calls = [
        OutsideCall(gene=gene, diplotype=diplotype, phenotype=phenotype, activity_score=score)
        for gene, diplotype, phenotype, score in rows
        if gene == row["gene"]
    ]
    found = outside_gene_call(row["gene"], calls, table, rules="pharmcat")
    ours = {each.label for each in found.diplotypes if each.alleles}
    told = any(diplotype not in ("", ".") for gene, diplotype, *_ in rows if gene == row["gene"])
    wrong = meaning_differs(row, found)
    if told and ours != {SAME_ALLELES.get(each, each) for each in row["expected_call"].split("|")}:
        wrong.append("call")
    return wrong


SAME_ALLELES = {"Reference/Reference": "/".join(["ivacaftor non-responsive CFTR sequence"] * 2)}
"""How the reference's report writes two reference alleles of CFTR → their names."""


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
    tallies: dict[str, Counter[str]] = {"A": Counter(), "B": Counter(), "B as shipped": Counter(), "O": Counter()}
    lines = []

    def count(tier: str, row: Mapping[str, str], wrong: list[str], ours: str) -> None:
        tallies[tier].update(["n", *wrong])
        tallies[tier]["equal"] += "call" not in wrong
        if wrong:
            lines.append(
                f"{tier}: {row['case_id']} {row['gene']}: {row['expected_call']} ours {ours} ({', '.join(wrong)})"
            )

    rows = [row for row in read_table("expected.tsv") if row["tier"] in FLOORS]
    for row in rows[:: QUICK_EVERY if quick else 1]:
        case, tier = row["case_id"], row["tier"]
        if tier == "O":
            wrong = outside_differences(row, folder / "outside" / f"{case}.tsv")
            count(tier, row, wrong, "")
            continue
        ways = {tier: REBUILT.get(case, "")} | ({"B as shipped": ""} if tier == "B" else {})
        for way, how in ways.items():
            found, meant = call(genes[row["gene"]], row, folder / "vcf" / f"{case}.vcf", samples[case], how)
            labels = [each.label for each in found.diplotypes] or list(found.haplotypes)
            count(way, row, differences(row, found) + meaning_differs(row, meant), "|".join(labels))
    return tallies, lines


def main(quick: bool) -> int:
    archive = DATA / "pgx/conformance/vcf.tar.gz"
    if not archive.exists():
        print(f"{archive} is not there: set DATA to the folder of public data", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        tallies, lines = compare(Path(folder), quick)
    print("\n".join(lines))
    result: dict[str, object] = {"reference": "calls recorded while PharmCAT 3.1.1's tests ran"}
    failed = False
    for tier, tally in tallies.items():
        share = tally["equal"] / tally["n"] if tally["n"] else 1.0
        low, high = wilson(tally["equal"], tally["n"])
        print(f"tier {tier:13} {tally['equal']:4} of {tally['n']:4} equal: {share:.4f} ({low:.4f}–{high:.4f})")
        print(f"     phenotypes {tally['n'] - tally['phenotype']:4} of {tally['n']:4} not contradicted")
        result[tier] = dict(tally) | {"share": share, "interval_95": [low, high]}
        failed = failed or share < FLOORS.get(tier, 0.0)
    if not quick:
        (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
