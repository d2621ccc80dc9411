"""Synthetic people with missing positions: is their true diplotype left open, and is what is certain right?"""

from __future__ import annotations

import json
import math
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartor.capabilities.pharmacogenomics.tables.calling import called_by_position
from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.frequencies import frequency_tables
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.genome import CallState, GeneCall
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.definition import GeneDefinition, NamedAllele, natural_order
from sartor.genomics.star_alleles.possible import gene_call, likely

HERE = Path(__file__).resolve().parent
SEED = 20261121
AMBIGUITY = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT",
             "V": "ACG", "N": "ACGT"}  # fmt: skip
FLOORS = {"truth_among_candidates": 0.999, "certain_phenotype_right": 0.999}

LIKELY_FLOOR = 0.99
"""Where one phenotype reaches the kept share in people drawn by frequency: what its 95 % interval must reach."""


@dataclass(frozen=True)
class Person:
    """One synthetic genotype of one gene: the alleles drawn, and what a file would say of them."""

    gene: str
    truth: tuple[str, ...]
    calls: tuple[SiteCall, ...]
    drawn: str
    phasing: str


@dataclass(frozen=True)
class Outcome:
    """How one person's call compares with the truth; `likely` tells of the call without its unlikeliest candidates."""

    tested: bool
    listed: bool = False
    covered: bool = False
    called: bool = False
    certain: bool = False
    certain_right: bool = False
    likely: bool = False
    likely_right: bool = False
    best: bool = False
    candidates: int = 0
    stated: tuple[float, bool] | None = None
    peer_listed: bool = False
    peer_stated: bool = False
    peer_wrong: bool = False
    wrong: str = ""


def base_of(definition: GeneDefinition, allele: NamedAllele, index: int, rng: random.Random) -> str:
    """The base that a chromosome with this allele has at this site."""
    site = definition.sites[index]
    wanted = allele.bases[index] or definition.reference_bases[index]
    known = (site.reference, *site.alternates)
    if wanted in known:
        return wanted
    return rng.choice([each for each in AMBIGUITY[wanted] if each in known])


def drawn(definition: GeneDefinition, rng: random.Random, how: str) -> NamedAllele:
    """One allele, by the panel's frequency or all alike; without a panel always all alike."""
    alleles = [each for each in definition.alleles if not each.structural]
    table = frequency_tables().get(definition.gene)
    if how == "uniform" or table is None:
        return rng.choice(alleles)
    return rng.choices(alleles, [table.frequency(each.name) for each in alleles])[0]


def person(definition: GeneDefinition, rng: random.Random) -> Person:
    """Two alleles, half of them by frequency; half phased; 0–25 % of the positions missing."""
    how = rng.choice(("frequency", "uniform"))
    pair = [drawn(definition, rng, how) for _ in range(2)]
    phasing = rng.choices(("phased", "unphased", "blocks"), (5, 4, 1))[0]
    missing = rng.uniform(0, 0.25)
    calls = []
    border = rng.randrange(len(definition.sites) + 1)
    swapped = rng.random() < 0.5
    for index, site in enumerate(definition.sites):
        bases = [base_of(definition, each, index, rng) for each in pair]
        if rng.random() < missing:
            continue
        calls.append(site_call(site, bases, phasing, 1 if index < border else 2, swapped))
    names = natural_order(definition.suballeles.get(each.name, each.name) for each in pair)
    return Person(definition.gene, names, tuple(calls), how, phasing)


def site_call(site: Any, bases: list[str], phasing: str, block: int, swapped: bool) -> SiteCall:
    state = CallState.REFERENCE if set(bases) == {site.reference} else CallState.VARIANT
    if phasing == "unphased":
        return SiteCall(site, tuple(sorted(bases, key=(site.reference, *site.alternates).index)), state)
    if phasing == "blocks":
        order = bases[::-1] if swapped and block == 2 else bases
        return SiteCall(site, tuple(order), state, phased=True, phase_set=block)
    return SiteCall(site, tuple(bases), state, phased=True)


def measure(one: Person) -> Outcome:
    """Compare one person's call with the truth."""
    definition, table = definitions()[one.gene], phenotype_tables().get(one.gene)
    truth = canonical(one.truth)
    wanted = meaning.diplotype(table, meaning.decisive(table, one.truth)).phenotype
    call = gene_call(definition, one.calls, table, frequency_tables().get(one.gene), positions=False)
    if call.status == "not-tested":
        return Outcome(tested=False)
    labels = [canonical(each.alleles) for each in call.diplotypes]
    covered = truth in labels or left_out_but_named(call, truth)
    certain = call.status in ("called", "phenotype-certain") and wanted not in ("", meaning.UNASSIGNED)
    kept = likely(call, record_codes()["candidates"]["kept_share"])
    settled = kept is not call and len(kept.phenotypes) == 1
    right = call.phenotypes == (wanted,)
    wrong = f"{one.gene} {truth} {one.phasing}: {call.status} {call.phenotypes[:3]} {labels[:3]}"
    peer_listed, peer_stated, peer_wrong = peer(one, truth, wanted)
    return Outcome(
        tested=True,
        listed=truth in labels,
        covered=covered,
        called=call.status == "called",
        certain=certain,
        certain_right=certain and right,
        likely=settled,
        likely_right=settled and kept.phenotypes == (wanted,),
        best=bool(labels) and labels[0] == truth,
        candidates=len(labels),
        stated=(call.phenotype_probabilities[0], call.phenotypes[0] == wanted)
        if call.phenotype_probabilities
        else None,
        peer_listed=peer_listed,
        peer_stated=peer_stated,
        peer_wrong=peer_wrong,
        wrong=wrong if not covered or (certain and not right) else "",
    )


def canonical(alleles: Sequence[str]) -> tuple[str, ...]:
    """Alleles in one order; copies of a variant list as sorted variants."""
    return tuple(sorted("+".join(sorted(meaning.components(each))) for each in alleles))


def left_out_but_named(call: GeneCall, truth: tuple[str, ...]) -> bool:
    """Whether candidates were cut off by number and the truth's alleles stand among those left possible."""
    if not any(note.startswith(("candidates-left-out", "missing-not-enumerated")) for note in call.notes):
        return False
    named = {part for each in call.diplotypes for name in each.alleles for part in meaning.components(name)}
    return {part for each in truth for part in each.split("+")} <= named | set(call.missing_alleles)


def peer(one: Person, truth: tuple[str, ...], wanted: str) -> tuple[bool, bool, bool]:
    """The same person when only the best-scoring diplotypes are listed: truth listed, phenotype stated, wrong."""
    definition, table = definitions()[one.gene], phenotype_tables().get(one.gene)
    call = gene_call(definition, one.calls, table, rules="pharmcat", positions=False)
    named = sorted(part for each in call.haplotypes for part in meaning.components(each))
    variants = sorted(part for each in truth for part in each.split("+") if part != definition.reference_allele)
    listed = truth in [canonical(each.alleles) for each in call.diplotypes] or (bool(named) and named == variants)
    stated = bool(call.phenotypes) and wanted not in ("", meaning.UNASSIGNED)
    return listed, stated, stated and wanted not in call.phenotypes


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    if n == 0:
        return (0.0, 1.0)
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))


def share(right: int, n: int) -> dict[str, Any]:
    low, high = wilson(right, n)
    return {"n": n, "right": right, "share": right / max(n, 1), "low": low, "high": high}


def summary(people: Sequence[Outcome]) -> dict[str, Any]:
    """All figures; people without any called position are told apart: nothing is stated of them."""
    tested = [each for each in people if each.tested]
    n = len(tested)
    candidates = sorted(each.candidates for each in tested) or [0]

    def of(name: str, among: str = "") -> dict[str, Any]:
        chosen = [each for each in tested if not among or getattr(each, among)]
        return share(sum(getattr(each, name) for each in chosen), len(chosen))

    return {
        "truth_among_candidates": of("covered"),
        "truth_listed_outright": of("listed"),
        "certain_phenotype_right": of("certain_right", "certain"),
        "phenotype_certain": of("certain"),
        "likely_phenotype_right": of("likely_right", "likely"),
        "likely_phenotype": of("likely"),
        "one_candidate": of("called"),
        "best_candidate_is_truth": of("best"),
        "median_candidates": statistics.median(candidates),
        "ninetieth_percentile_candidates": candidates[int(0.9 * (len(candidates) - 1))],
        "best_only_rules_truth_left_out": share(n - of("peer_listed")["right"], n),
        "best_only_rules_wrong_phenotype": of("peer_wrong", "peer_stated"),
        "not_tested": len(people) - n,
        "calibration": calibration([each.stated for each in tested if each.stated]),
        "wrong": [each.wrong for each in tested if each.wrong][:20],
    }


def calibration(weighed: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """Probability of the best phenotype against how often it was right, in bands (people drawn by frequency)."""
    bands = ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01))
    rows = []
    for low, high in bands:
        here = [(p, right) for p, right in weighed if low <= p < high]
        if here:
            mean = sum(p for p, _ in here) / len(here)
            rows.append({"stated": round(mean, 4), **share(sum(right for _, right in here), len(here))})
    return rows


def main(quick: bool) -> int:
    """30 people per gene when quick (nothing is written then), else 400."""
    rng = random.Random(SEED)
    people = [
        person(tables.definition, rng) for tables in called_by_position() for _ in range(30 if quick else 400)
    ]  # fmt: skip
    outcomes = [(one, measure(one)) for one in people]
    result: dict[str, Any] = {"all": summary([each for _, each in outcomes])}
    for name, key in (("by_draw", "drawn"), ("by_gene", "gene")):
        values = dict.fromkeys(getattr(one, key) for one in people)
        result[name] = {
            value: summary([each for one, each in outcomes if getattr(one, key) == value]) for value in values
        }
    if not quick:
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (HERE / "result.json").write_text(text + "\n", encoding="utf-8")
    report(result)
    failed = [name for name, floor in FLOORS.items() if result["all"][name]["share"] < floor]
    likely_right = result["by_draw"]["frequency"]["likely_phenotype_right"]
    if likely_right["high"] < LIKELY_FLOOR:
        failed.append("likely_phenotype_right")
    return 1 if failed else 0


def report(result: dict[str, Any]) -> None:
    rows = {"all": result["all"], **result["by_draw"], **result["by_gene"]}
    print(
        f"{'':10} {'n':>5} {'truth in':>9} {'listed':>7} {'certain':>8} {'right':>7} {'likely':>7} {'right':>7}"
        f" {'best':>6} {'median':>6} {'p90':>5}"
    )
    for name, row in rows.items():
        print(
            f"{name:10} {row['truth_among_candidates']['n']:5} {row['truth_among_candidates']['share']:9.4f} "
            f"{row['truth_listed_outright']['share']:7.4f} {row['phenotype_certain']['share']:8.3f} "
            f"{row['certain_phenotype_right']['share']:7.4f} {row['likely_phenotype']['share']:7.3f} "
            f"{row['likely_phenotype_right']['share']:7.4f} {row['best_candidate_is_truth']['share']:6.3f} "
            f"{row['median_candidates']:6.0f} {row['ninetieth_percentile_candidates']:5}"
        )
    everyone = result["all"]
    print("listing only the best score: truth left out", f"{everyone['best_only_rules_truth_left_out']['share']:.3f}",
          "wrong phenotype", f"{everyone['best_only_rules_wrong_phenotype']['share']:.3f}")  # fmt: skip
    for row in result["by_draw"]["frequency"]["calibration"]:
        print(
            f"  stated {row['stated']:.3f}  right {row['share']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n={row['n']}"
        )
    for line in everyone["wrong"]:
        print("   ", line)


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv))
