"""Made-up patients for batches, and an assessor that fails, dies or stops as the patient's name says."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from sartor.batch.work import Plan
from sartor.domain.code import RXNORM, SARTOR, Coded
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import Action, ActionKind, Estimate, Finding, Status
from sartor.domain.genome import Region
from sartor.domain.provenance import Provenance
from sartor.domain.record import Record
from sartor.domain.report import Patient, Report, ReportedFinding, Text
from sartor.domain.source import Citation
from sartor.errors import MalformedInput

MARKS = "SARTOR_TEST_MARKS"


class Sample:
    """Finds one thing in everybody, except in those whose identifier asks for trouble."""

    regions: Sequence[Region] = ()

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, record: Record) -> Report:
        name = record.demographics.identifier
        if marks := os.environ.get(MARKS):
            Path(marks, f"{name}.{os.getpid()}").touch()
        if name.startswith("dies"):
            os._exit(9)
        if name.startswith("fails"):
            raise MalformedInput("the record is a muddle", where=name, todo="tidy it")
        if name.startswith("crashes"):
            raise ZeroDivisionError("by chance")
        if name.startswith("stops") and os.environ.get("SARTOR_TEST_STOP"):
            Path(os.environ["SARTOR_TEST_STOP"]).touch()
            raise MalformedInput("stopped", where=name)
        return report(record, self.plan.now)


def report(record: Record, now: str) -> Report:
    finding = Finding(
        id="sample/drug/codeine",
        capability="sample",
        kind="drug",
        about=Coded(system=RXNORM, code="2670", label="codeine"),
        status=Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code="low", label="Less effect"), Coded(system=SARTOR, code="b")),
        estimate=Estimate(name="dose", value=1.5, low=1.0),
        action=Action(kind=ActionKind.AVOID, also=(ActionKind.MONITOR,)),
        because=("gene.CYP2D6.call", "medication.codeine"),
        citations=(Citation(id="cpic", title="A guideline"),),
    )
    explanation = Explanation(finding=finding.id, headline=Wording(key="a.b.c"))
    return Report(
        patient=Patient(demographics=record.demographics),
        findings=(ReportedFinding(finding=finding, explanation=explanation, text=Text(headline="x"), rank=1),),
        provenance=Provenance(sartor_version="0", created=now),
    )


def bundle(name: str) -> str:
    patient = {"resourceType": "Patient", "id": name, "birthDate": "1970-01-01"}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]})


def lines(path: Path, names: Sequence[str]) -> Path:
    path.write_text("".join(bundle(name) + "\n" for name in names), "utf-8")
    return path


class Genomes:
    """Says of each genome how many records it has and what they are, as the finding's label."""

    regions: Sequence[Region] = (Region("chr10", 94761000, 94762000), Region("chrX", 154530000, 154540000))

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, record: Record) -> Report:
        assert record.genome is not None
        found = [each for records in record.genome.records.values() for each in records]
        said = ";".join(
            f"{each.chromosome}:{each.position}:{each.reference}:{','.join(each.alternates)}:{each.alleles}:"
            f"{each.phased}:{each.phase_set}:{each.depth}:{each.genotype_quality}:{each.filters}:{each.state}"
            for each in found
        )
        made = report(record, self.plan.now)
        about = Coded(system=SARTOR, code=record.genome.sample, label=said)
        [reported] = made.findings
        finding = reported.finding.model_copy(update={"about": about})
        return made.model_copy(update={"findings": (reported.model_copy(update={"finding": finding}),)})


def vcf(path: Path, samples: Sequence[str]) -> Path:
    genotypes = ["0/1:12:.", "1|0:30:7", "./.:.:.", "0/0:9:.", "1/1:40:.", "./1:3:.", "0:8:."]
    sites = [("chr10", 94761900, "C", "T"), ("chr10", 94761950, "CA", "C,CAA"), ("chrX", 154535277, "G", "A")]
    header = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr10,length=133797422>",
        "##contig=<ID=chrX,length=156040895>",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]),
    ]
    for number, (chromosome, position, reference, alternates) in enumerate(sites):
        row = [genotypes[(number + column) % len(genotypes)] for column in range(len(samples))]
        fixed = [chromosome, str(position), ".", reference, alternates, ".", "PASS", ".", "GT:DP:PS"]
        header.append("\t".join([*fixed, *row]))
    path.write_text("\n".join(header) + "\n", "utf-8")
    return path
