"""Whether every guideline row is reached by the person it is meant for, and by the right medicine.

python validation/recommendations/study.py [--quick]
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

from sartor.capabilities.pharmacogenomics.assess.drugs import Question, answer, drug_findings
from sartor.capabilities.pharmacogenomics.assess.lookup import State, find, states
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.gather import gather
from sartor.capabilities.pharmacogenomics.tables import regions
from sartor.capabilities.pharmacogenomics.tables.guidelines import (
    NO_RESULT,
    GuidelineSet,
    Recommendation,
    cpic,
    guideline_set,
)
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.finding import Finding, Status
from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import OutsideCall, Record
from sartor.domain.source import Knowledge
from sartor.genomics.star_alleles.phenotype import diplotype
from sartor.io import vcf
from sartor.knowledge import packs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLOOR = 1.0
SYNTHETIC = {"xN combinations": ("*1xN", "*1")}


def main(quick: bool = False) -> int:
    dpwg = guideline_set("dpwg", packs.load(ROOT / "packs" / "dpwg").tables)
    figures: dict[str, Any] = {"date": date.today().isoformat()}
    for guidelines in (cpic(), dpwg):
        figures[f"rows_{guidelines.name}"] = rows_figure(guidelines, quick=quick)
    figures["drugs_of_conformance_cases"] = conformance_figure(dpwg)
    if not quick:
        (HERE / "result.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return report(figures)


def rows_figure(guidelines: GuidelineSet, *, quick: bool) -> dict[str, Any]:
    """Build a person for each row's keys, ask, and see whether that row answers."""
    diplotypes = {
        gene: tuple(every_diplotype(gene)) for gene in {g for r in guidelines.recommendations for g in r.keys}
    }
    rows = guidelines.recommendations[:: 7 if quick else 1]
    reached = wrong_drug = named = 0
    missed = []
    for row in rows:
        calls, real = people(row, guidelines, diplotypes)
        finding = ask(row, guidelines, calls)
        named += real
        wrong_drug += finding is not None and finding.about.label.lower() != row.drug.lower()
        if finding is not None and finding.details["text_id"] in same_keys(row, guidelines):
            reached += 1
        else:
            missed.append(f"{row.drug} {dict(row.keys)} {row.population}: {finding and finding.details.get('lookup')}")
    low, high = wilson(reached, len(rows))
    return {
        "n": len(rows), "reached": reached, "share": reached / len(rows), "low": low, "high": high,
        "wrong_drug": wrong_drug, "with_named_alleles": named, "missed": missed[:20],
    }  # fmt: skip


def same_keys(row: Recommendation, guidelines: GuidelineSet) -> set[str]:
    """The ids of rows with the very same keys: a release may repeat a row."""
    siblings = guidelines.of(row.drug, row.guideline)
    return {each.id for each in siblings if each.keys == row.keys and each.population == row.population}


def every_diplotype(gene: str) -> Iterator[Diplotype]:
    """Every pair of alleles of the gene's phenotype table (single alleles too, for haploid genes)."""
    table = phenotype_tables().get(gene)
    if table is None:
        return
    names = list(table.functions) or list(table.presence)
    if gene in ("HLA-A", "HLA-B"):
        names = ["*01:01", *table.presence, "*15:11"]
    for pair in combinations_with_replacement(names, 2):
        yield diplotype(table, pair)
    for name in names:
        yield diplotype(table, (name,))


def people(
    row: Recommendation, guidelines: GuidelineSet, diplotypes: Mapping[str, tuple[Diplotype, ...]]
) -> tuple[list[GeneCall], bool]:
    """One call per gene whose look-up leads to the row; False when an allele's name had to be left open."""
    chosen, real = [], True
    for gene, key in row.keys.items():
        if key == NO_RESULT:
            continue
        if key in SYNTHETIC:
            chosen.append(called(gene, Diplotype(alleles=SYNTHETIC[key], phenotype="n/a", lookup_key="n/a")))
            continue
        fitting = (each for each in diplotypes[gene] if leads_to(row, gene, each, guidelines))
        if (found := next(fitting, None)) is None:
            real = False
            found = Diplotype(alleles=(), phenotype=key, lookup_key=key)
        chosen.append(called(gene, found))
    return chosen, real


def leads_to(row: Recommendation, gene: str, candidate: Diplotype, guidelines: GuidelineSet) -> bool:
    (state,) = states(gene, called(gene, candidate), guidelines, [row])
    if not state.fit(row.keys[gene]):
        return False
    siblings = [each for each in guidelines.of(row.drug, row.guideline) if each.population == row.population]
    others = [State(other, {key: 9}) for other, key in row.keys.items() if other != gene]
    return (hit := find(siblings, [state, *others])) is not None and hit.keys == row.keys


def called(gene: str, found: Diplotype) -> GeneCall:
    return GeneCall(
        gene=gene, status="called", diplotypes=(found,), phenotypes=(found.phenotype,),
        activity_scores=(found.activity_score,),
    )  # fmt: skip


def ask(row: Recommendation, guidelines: GuidelineSet, calls: list[GeneCall]) -> Finding | None:
    facts = [
        Fact(name=f"gene.{each.gene}.call", kind="gene_call", value=each.model_dump(mode="json")) for each in calls
    ]
    person = Person.of(Evidence(capability="pharmacogenomics", facts=tuple(facts)))
    siblings = [each for each in guidelines.of(row.drug, row.guideline) if each.population == row.population]
    question = Question(row.drug, guidelines, row.guideline, row.population, siblings, ())
    return next(answer(question, person, Knowledge()), None)


# the medicines that PharmCAT's own tests assert


def conformance_figure(dpwg: GuidelineSet) -> dict[str, Any]:
    folder = data_folder() / "pgx" / "conformance"
    knowledge = Knowledge(packs={"dpwg": packs.load(ROOT / "packs" / "dpwg")})
    with (folder / "expected_drugs.tsv").open(encoding="utf-8") as handle:
        expected = [each for each in csv.DictReader(handle, delimiter="\t") if each["junit"] == "PASS"]
    found: dict[str, tuple[Finding, ...]] = {}
    met, unmet = 0, []
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(folder / "vcf.tar.gz") as bundle:
        bundle.extractall(scratch, filter="data")
        for each in expected:
            case = each["case_id"]
            if case not in found:
                found[case] = findings(Path(scratch), case, knowledge)
            got = matched(found[case], each["drug"], each["source"])
            if holds(each["assertion"], each["expected"], got):
                met += 1
            else:
                unmet.append(f"{case} {each['drug']} {each['source']} {each['assertion']} {each['expected']}: {got}")
    return {"n": len(expected), "met": met, "unmet": unmet}


def findings(scratch: Path, case: str, knowledge: Knowledge) -> tuple[Finding, ...]:
    path = scratch / "vcf" / f"{case}.vcf"
    genome = vcf.read_genome(path, regions=regions()) if path.exists() else None
    calls = tuple(outside(scratch / "outside" / f"{case}.tsv"))
    evidence = gather(Record(genome=genome, outside_calls=calls), knowledge)
    return drug_findings(Person.of(evidence), knowledge)


def outside(path: Path) -> Iterator[OutsideCall]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [*line.split("\t"), "", "", ""]
        if line.strip() and not line.startswith("#"):
            yield OutsideCall(gene=cells[0], diplotype=cells[1], phenotype=cells[2], activity_score=cells[3])


def matched(all_findings: tuple[Finding, ...], drug: str, source: str) -> int:
    """How many publishers have a row for this person and medicine (populations of one publisher count once)."""
    publishers = {
        each.details["guideline"]
        for each in all_findings
        if each.about.label.lower() == drug.lower() and each.status is Status.ASSESSED
    }
    wanted = {"cpic-guideline": {"CPIC"}, "dpwg-guideline": {"DPWG"}}.get(source, publishers)
    return len(publishers & wanted)


def holds(assertion: str, expected: str, got: int) -> bool:
    if assertion == "testMatchedAnnotations":
        return got == int(expected)
    return got > 0 if assertion == "testAnyMatchFromSource" else got == 0


def data_folder() -> Path:
    path = (ROOT / os.environ.get("DATA", "../shared/data")).resolve()
    if not path.is_dir():
        print("the folder of public data is not there; give it as DATA=…", file=sys.stderr)
        raise SystemExit(2)
    return path


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share."""
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return round(middle - half, 4), round(min(1.0, middle + half), 4)


def report(figures: Mapping[str, Any]) -> int:
    short = False
    for name in ("rows_cpic", "rows_dpwg"):
        each = figures[name]
        print(f"{name}: {each['reached']}/{each['n']} reached (95 % {each['low']}-{each['high']}), wrong drug "
              f"{each['wrong_drug']}, {each['with_named_alleles']} built from named alleles")  # fmt: skip
        for line in each["missed"]:
            print("   missed:", line)
        short |= each["share"] < FLOOR or each["wrong_drug"] > 0
    drugs = figures["drugs_of_conformance_cases"]
    print(f"assertions of PharmCAT's tests on medicines: {drugs['met']}/{drugs['n']} hold")
    for line in drugs["unmet"]:
        print("   unmet:", line)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv))
