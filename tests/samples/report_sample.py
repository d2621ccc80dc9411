"""A made-up patient's findings, as wide as a real report: 30 genes, more than 80 drugs, two guidelines."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from sartor.domain.code import HGNC, RXNORM, SARTOR, Coded
from sartor.domain.evidence import Evidence, Fact, Missing
from sartor.domain.explanation import Contribution, Explanation, Wording
from sartor.domain.finding import (
    Action,
    ActionKind,
    Certainty,
    Estimate,
    Finding,
    InputQuality,
    SourceStrength,
    Status,
    Urgency,
)
from sartor.domain.genome import CallState, Diplotype, GeneCall, PositionCall
from sartor.domain.provenance import InputFile, Origin, Provenance, Quarantined
from sartor.domain.record import Demographics, DrugMatch, Medication, Record
from sartor.domain.report import FailedSection, NotTested, Report
from sartor.domain.source import Citation, Source
from sartor.reporting.compose import compose

TODAY = "2026-11-21"
GENOME = "genome.vcf.gz"

# gene: status, diplotypes, phenotype, activity score, positions, missing, phased
GENES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], float | None, int, int, str]] = {
    "ABCG2": ("called", ("rs2231142 reference (G)/rs2231142 variant (T)",), ("Decreased Function",), None, 1, 0, "no"),
    "CACNA1S": ("called", ("Reference/Reference",), ("Uncertain Susceptibility",), None, 2, 0, "yes"),
    "CFTR": ("called", ("ivacaftor non-responsive/ivacaftor non-responsive",), ("Non-responsive",), None, 39, 0, "yes"),
    "COMT": ("called", ("rs4680 G/rs4680 A",), ("Heterozygous",), None, 1, 0, "no"),
    "CYP1A2": ("called", ("*1A/*1F",), ("No phenotype assigned",), None, 6, 0, "no"),
    "CYP2B6": (
        "ambiguous",
        ("*1/*6", "*1/*9", "*4/*9"),
        ("Intermediate Metabolizer", "Normal Metabolizer"),
        None,
        34,
        2,
        "no",
    ),
    "CYP2C19": ("called", ("*2/*2",), ("Poor Metabolizer",), None, 35, 0, "effectively"),
    "CYP2C9": ("called", ("*1/*3",), ("Intermediate Metabolizer",), 1.0, 85, 0, "effectively"),
    "CYP2C cluster": ("called", ("rs12777823 G/rs12777823 G",), ("No variant",), None, 1, 0, "yes"),
    "CYP2D6": ("called", ("*1/*4",), ("Intermediate Metabolizer",), 1.0, 0, 0, "no"),
    "CYP3A4": ("called", ("*1/*1",), ("Normal Metabolizer",), None, 30, 0, "yes"),
    "CYP3A5": ("called", ("*3/*3",), ("Poor Metabolizer",), None, 5, 0, "yes"),
    "CYP4F2": ("called", ("*1/*4",), ("Reduced Function",), None, 3, 0, "no"),
    "DPYD": ("called", ("Reference/Reference",), ("Normal Metabolizer",), 2.0, 83, 1, "yes"),
    "F5": ("called", ("Reference/Reference",), ("No Leiden variant",), None, 1, 0, "yes"),
    "G6PD": ("called", ("B (reference)/B (reference)",), ("Normal",), None, 180, 0, "yes"),
    "HLA-A": ("not-tested", (), (), None, 0, 0, "no"),
    "HLA-B": ("not-tested", (), (), None, 0, 0, "no"),
    "IFNL3": ("called", ("rs12979860 C/rs12979860 T",), ("Unfavorable Response",), None, 1, 0, "no"),
    "MT-RNR1": ("not-tested", (), (), None, 0, 0, "no"),
    "NAT2": ("called", ("*5/*6",), ("Poor Metabolizer",), None, 10, 0, "effectively"),
    "NUDT15": ("phenotype-certain", ("*1/*1", "*1/*9"), ("Normal Metabolizer",), None, 19, 1, "no"),
    "OPRM1": ("called", ("rs1799971 A/rs1799971 A",), ("Usual Response",), None, 1, 0, "yes"),
    "POR": ("called", ("*1/*28",), ("No phenotype assigned",), None, 3, 0, "no"),
    "RYR1": ("called", ("Reference/Reference",), ("Uncertain Susceptibility",), None, 291, 4, "yes"),
    "SLCO1B1": ("called", ("*1/*5",), ("Decreased Function",), None, 33, 0, "effectively"),
    "TPMT": ("called", ("*1/*3A",), ("Intermediate Metabolizer",), None, 44, 0, "effectively"),
    "UGT1A1": ("called", ("*28/*28",), ("Poor Metabolizer",), None, 5, 0, "yes"),
    "UGT2B15": ("not-called", (), (), None, 3, 0, "no"),
    "VKORC1": (
        "called",
        ("rs9923231 reference (C)/rs9923231 variant (T)",),
        ("-1639 G>A heterozygous",),
        None,
        1,
        0,
        "no",
    ),
}

# drugs by genes and by what each guideline recommends to this patient: kind, factor, strength
_A, _K = ActionKind, SourceStrength
STANDARD = (_A.STANDARD, None, _K.STRONG)
AVOID = (_A.AVOID, None, _K.STRONG)
OTHER = (_A.ALTERNATIVE, None, _K.MODERATE)
HALF = (_A.LOWER_DOSE, (0.5, 0.5), _K.STRONG)
LESS = (_A.LOWER_DOSE, (0.3, 0.8), _K.MODERATE)
MORE = (_A.HIGHER_DOSE, (1.5, 2.0), _K.OPTIONAL)
ADJUST = (_A.ADJUST_DOSE, None, _K.STRONG)
WATCH = (_A.MONITOR, None, _K.MODERATE)
NONE = (_A.NONE, None, _K.NONE)
UNKNOWN = None

Advice = tuple[ActionKind, tuple[float, float] | None, SourceStrength] | None
DRUGS: tuple[tuple[str, str, Advice, Advice], ...] = (
    ("abacavir", "HLA-B", UNKNOWN, UNKNOWN),
    ("acenocoumarol", "VKORC1", NONE, WATCH),
    ("allopurinol", "HLA-B ABCG2", UNKNOWN, MORE),
    ("amikacin", "MT-RNR1", UNKNOWN, NONE),
    ("amitriptyline", "CYP2C19 CYP2D6", AVOID, LESS),
    ("aripiprazole", "CYP2D6", NONE, STANDARD),
    ("atazanavir", "UGT1A1", OTHER, NONE),
    ("atomoxetine", "CYP2D6", STANDARD, WATCH),
    ("atorvastatin", "SLCO1B1", STANDARD, STANDARD),
    ("azathioprine", "TPMT NUDT15", LESS, HALF),
    ("brexpiprazole", "CYP2D6", NONE, STANDARD),
    ("capecitabine", "DPYD", STANDARD, STANDARD),
    ("carbamazepine", "HLA-A HLA-B", UNKNOWN, UNKNOWN),
    ("celecoxib", "CYP2C9", STANDARD, NONE),
    ("citalopram", "CYP2C19", HALF, HALF),
    ("clomipramine", "CYP2C19 CYP2D6", AVOID, HALF),
    ("clopidogrel", "CYP2C19", AVOID, AVOID),
    ("codeine", "CYP2D6", AVOID, STANDARD),
    ("dapsone", "G6PD", STANDARD, NONE),
    ("desflurane", "RYR1 CACNA1S", STANDARD, NONE),
    ("desipramine", "CYP2D6", LESS, NONE),
    ("dexlansoprazole", "CYP2C19", HALF, NONE),
    ("doxepin", "CYP2C19 CYP2D6", AVOID, LESS),
    ("efavirenz", "CYP2B6", ADJUST, ADJUST),
    ("eliglustat", "CYP2D6", NONE, LESS),
    ("enflurane", "RYR1 CACNA1S", STANDARD, NONE),
    ("escitalopram", "CYP2C19", HALF, HALF),
    ("flecainide", "CYP2D6", NONE, LESS),
    ("flucloxacillin", "HLA-B", NONE, UNKNOWN),
    ("fluorouracil", "DPYD", STANDARD, STANDARD),
    ("flurbiprofen", "CYP2C9", STANDARD, NONE),
    ("fluvastatin", "CYP2C9 SLCO1B1", LESS, NONE),
    ("fluvoxamine", "CYP2D6", LESS, NONE),
    ("fosphenytoin", "CYP2C9 HLA-B", UNKNOWN, NONE),
    ("gentamicin", "MT-RNR1", UNKNOWN, NONE),
    ("haloperidol", "CYP2D6", NONE, STANDARD),
    ("halothane", "RYR1 CACNA1S", STANDARD, NONE),
    ("hydrocodone", "CYP2D6", WATCH, NONE),
    ("ibuprofen", "CYP2C9", STANDARD, NONE),
    ("imipramine", "CYP2C19 CYP2D6", AVOID, LESS),
    ("irinotecan", "UGT1A1", NONE, LESS),
    ("isoflurane", "RYR1 CACNA1S", STANDARD, NONE),
    ("ivacaftor", "CFTR", AVOID, NONE),
    ("kanamycin", "MT-RNR1", UNKNOWN, NONE),
    ("lamotrigine", "HLA-B", NONE, UNKNOWN),
    ("lansoprazole", "CYP2C19", HALF, STANDARD),
    ("lornoxicam", "CYP2C9", STANDARD, NONE),
    ("lovastatin", "SLCO1B1", OTHER, NONE),
    ("meloxicam", "CYP2C9", STANDARD, NONE),
    ("mercaptopurine", "TPMT NUDT15", LESS, HALF),
    ("methylene blue", "G6PD", STANDARD, NONE),
    ("metoprolol", "CYP2D6", WATCH, LESS),
    ("nitrofurantoin", "G6PD", STANDARD, NONE),
    ("nortriptyline", "CYP2D6", LESS, LESS),
    ("omeprazole", "CYP2C19", HALF, STANDARD),
    ("ondansetron", "CYP2D6", STANDARD, NONE),
    ("oxcarbazepine", "HLA-B", UNKNOWN, UNKNOWN),
    ("pantoprazole", "CYP2C19", HALF, STANDARD),
    ("paroxetine", "CYP2D6", STANDARD, STANDARD),
    ("peginterferon alfa-2a", "IFNL3", WATCH, NONE),
    ("phenprocoumon", "VKORC1", NONE, STANDARD),
    ("phenytoin", "CYP2C9 HLA-B", UNKNOWN, LESS),
    ("pimozide", "CYP2D6", NONE, LESS),
    ("piroxicam", "CYP2C9", STANDARD, NONE),
    ("pitavastatin", "SLCO1B1", LESS, NONE),
    ("pravastatin", "SLCO1B1", STANDARD, NONE),
    ("primaquine", "G6PD", STANDARD, NONE),
    ("propafenone", "CYP2D6", NONE, ADJUST),
    ("quetiapine", "CYP3A4", NONE, STANDARD),
    ("rasburicase", "G6PD", STANDARD, NONE),
    ("risperidone", "CYP2D6", NONE, STANDARD),
    ("rosuvastatin", "SLCO1B1 ABCG2", LESS, NONE),
    ("sertraline", "CYP2C19 CYP2B6", HALF, HALF),
    ("sevoflurane", "RYR1 CACNA1S", STANDARD, NONE),
    ("simvastatin", "SLCO1B1", OTHER, LESS),
    ("siponimod", "CYP2C9", NONE, STANDARD),
    ("succinylcholine", "RYR1 CACNA1S", STANDARD, NONE),
    ("tacrolimus", "CYP3A5", STANDARD, STANDARD),
    ("tamoxifen", "CYP2D6", OTHER, MORE),
    ("thioguanine", "TPMT NUDT15", HALF, HALF),
    ("tobramycin", "MT-RNR1", UNKNOWN, NONE),
    ("tramadol", "CYP2D6", AVOID, MORE),
    ("trimipramine", "CYP2C19 CYP2D6", AVOID, NONE),
    ("tropisetron", "CYP2D6", STANDARD, NONE),
    ("venlafaxine", "CYP2D6", NONE, OTHER),
    ("voriconazole", "CYP2C19", AVOID, LESS),
    ("vortioxetine", "CYP2D6", LESS, NONE),
    ("warfarin", "CYP2C9 VKORC1 CYP4F2", ADJUST, ADJUST),
    ("zuclopenthixol", "CYP2D6", NONE, LESS),
)

MEDICINES = (
    ("clopidogrel", "Plavix 75 mg oral tablet", "75 mg once daily", "2024-02-11", "brand"),
    ("citalopram", "Citalopram 40 mg oral tablet", "40 mg once daily", "2023-09-01", "rxnorm"),
    ("simvastatin", "Simvastatin 40 mg oral tablet", "40 mg at night", "2021-03-15", "rxnorm"),
    ("codeine", "Codeine phosphate 30 mg oral tablet", "30 mg up to four times daily", "2026-11-02", "salt"),
    ("metoprolol", "Metoprolol succinate 50 mg extended-release tablet", "50 mg once daily", "2020-01-20", "salt"),
    ("omeprazole", "Omeprazole 20 mg capsule", "20 mg once daily", "2024-02-11", "rxnorm"),
    ("paroxetine", "Paroxetine 20 mg oral tablet", "20 mg once daily", "2026-08-30", "rxnorm"),
    ("ramipril", "Ramipril 5 mg oral tablet", "5 mg once daily", "2019-06-01", "atc"),
    ("", "Chamomile evening drops", "", "", ""),
)
_URGENT = {"clopidogrel": Urgency.NOW, "citalopram": Urgency.SOON, "codeine": Urgency.SOON}

_VERB = {
    _A.STANDARD: "usual dose",
    _A.AVOID: "avoid",
    _A.ALTERNATIVE: "prefer another medicine",
    _A.LOWER_DOSE: "lower the dose",
    _A.HIGHER_DOSE: "a higher dose may be needed",
    _A.ADJUST_DOSE: "dose by genotype",
    _A.MONITOR: "watch effect and side effects",
    _A.NONE: "no advice for this genotype",
}
SENTENCES = {
    "gene.headline": "{gene}: {what}.",
    "gene.clinician": "{n} of {total} defining positions were called; {detail}.",
    "gene.patient": "Your {gene} result is: {what}.",
    "gene.limits": "Rare variants outside the {total} positions of {gene} are not seen.",
    "drug.headline": "{drug}: {verb} ({genes}).",
    "drug.why": "{genes} ({phenotype}) changes how much active {drug} reaches its target.",
    "drug.more": "{source} grades this advice {strength}; it applies to adults with usual liver and kidney function.",
    "drug.patient": "Your genes change how {drug} works for you. Advice: {verb}.",
    "drug.change": "Another {genes} genotype, or stopping an interacting medicine, would change this advice.",
    "drug.limits": "Kidney and liver function are not part of this advice.",
    "drug.unknown": "{drug}: cannot be judged, because {genes} was not tested.",
    "dose.headline": "Warfarin: a computed dose of {dose} mg per week.",
    "today": "{medicine} blocks {gene}: the genetic {genetic} works as {today} today.",
}


def say(wording: Wording) -> str:
    """The sentence of a key, its places filled."""
    return SENTENCES[wording.key.removeprefix("sample.")].format(**wording.values)


def slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def gene_call(gene: str) -> GeneCall:
    """The call of one sample gene, with as many positions as its definition would have."""
    status, diplotypes, phenotypes, score, total, n_missing, phased = GENES[gene]
    chance = random.Random(gene)
    variants = 0 if not diplotypes or (len(set(diplotypes[0].split("/"))) == 1 and "*1/" in diplotypes[0]) else 2
    positions = tuple(_position(gene, index, total, n_missing, variants, chance) for index in range(total))
    probabilities = (0.81, 0.15, 0.04)
    return GeneCall(
        gene=gene,
        status=status,
        source="outside" if gene == "CYP2D6" else "matched",
        diplotypes=tuple(
            Diplotype(
                alleles=tuple(each.split("/")),
                phenotype=phenotypes[min(index, len(phenotypes) - 1)],
                activity_score=score,
                probability=probabilities[index] if len(phenotypes) > 1 else None,
                prior="European, gnomAD 4.1" if len(phenotypes) > 1 else "",
            )
            for index, each in enumerate(diplotypes)
        ),
        phenotypes=phenotypes,
        activity_scores=(score,) if score is not None else (),
        phased=phased,
        n_positions=total,
        n_missing=n_missing,
        missing=tuple(f"chr10:{9_000_000 + index} (rs{index}17)" for index in range(n_missing)),
        missing_alleles=("*18", "*26") if n_missing else (),
        positions=positions,
        input_quality="reduced" if n_missing else "good",
        definition_version="2026-03",
    )


def _position(gene: str, index: int, total: int, n_missing: int, variants: int, chance: random.Random) -> PositionCall:
    state = CallState.REFERENCE
    if index < n_missing:
        state = CallState.NOT_CALLED
    elif index < n_missing + variants:
        state = CallState.VARIANT
    genotype = {CallState.NOT_CALLED: "", CallState.VARIANT: "G/A", CallState.REFERENCE: "G/G"}[state]
    low = gene == "CYP2C9" and index == total - 1
    return PositionCall(
        chromosome="chr10",
        position=94_700_000 + 37 * index,
        rsid=f"rs{chance.randrange(10_000, 99_999_999)}",
        reference="G",
        genotype=genotype,
        state=state,
        depth=None if state is CallState.NOT_CALLED else (6 if low else chance.randrange(22, 48)),
        genotype_quality=None if state is CallState.NOT_CALLED else (12 if low else 99),
        concern="low depth" if low else "",
        origin=Origin(file=GENOME, line=2000 + index),
    )


def gene_pair(gene: str) -> tuple[Finding, Explanation]:
    call = gene_call(gene)
    tested = call.status not in {"not-tested", "not-called"}
    details: dict[str, object] = {"gene_call": call.model_dump(mode="json")}
    if gene == "CYP2D6":
        details["phenotype_today"] = TODAY_2D6
    quality = InputQuality.GOOD if call.n_missing == 0 else InputQuality.REDUCED
    what = " or ".join(call.phenotypes) or "no result"
    finding = Finding(
        id=f"pharmacogenomics/gene/{gene}",
        capability="pharmacogenomics",
        kind="gene",
        about=Coded(system=HGNC, code=gene, label=gene),
        status=Status.ASSESSED if tested else Status.NOT_ASSESSABLE,
        conclusion=tuple(Coded(system=SARTOR, code=slug(each), label=each) for each in call.phenotypes),
        certainty=Certainty(input_quality=quality if tested else InputQuality.ABSENT),
        because=(f"gene.{gene}.call",),
        details=details,  # type: ignore[arg-type]
    )
    values = {"gene": gene, "what": what, "total": call.n_positions, "n": call.n_positions - call.n_missing}
    explanation = Explanation(
        finding=finding.id,
        headline=Wording(key="sample.gene.headline", values=values),
        clinician=(Wording(key="sample.gene.clinician", values={**values, "detail": f"phased: {call.phased}"}),),
        patient=(Wording(key="sample.gene.patient", values=values),),
        limits=(Wording(key="sample.gene.limits", values=values),),
    )
    return finding, explanation


TODAY_2D6 = {
    "gene": "CYP2D6",
    "changed": True,
    "genetic_phenotypes": ["Intermediate Metabolizer"],
    "phenotypes": ["Poor Metabolizer"],
    "activity_scores": [0.0],
    "causes": [
        {
            "drug": {"system": RXNORM, "code": "32937", "label": "paroxetine"},
            "role": "inhibitor",
            "strength": "strong",
            "changes": True,
            "confirmed": True,
        }
    ],
    "certainty": "certain",
}


def drug_pair(drug: str, genes: str, source: str, advice: Advice) -> tuple[Finding, Explanation]:
    current = any(drug == name for name, *_ in MEDICINES)
    kind, factor, strength = advice or (_A.NONE, None, _K.NONE)
    assessed = advice is not None
    phenotypes = ", ".join(f"{gene} {' or '.join(GENES[gene][2]) or 'not tested'}" for gene in genes.split())
    urgency = Urgency.NONE
    if kind not in {_A.STANDARD, _A.NONE}:
        urgency = _URGENT.get(drug, Urgency.ROUTINE) if current else Urgency.FOR_THE_FUTURE
    finding = Finding(
        id=f"pharmacogenomics/drug/{slug(drug)}/{source.lower()}",
        capability="pharmacogenomics",
        kind="drug",
        about=Coded(
            system=RXNORM,
            code=str(10_000 + sum(ord(letter) * 31**place for place, letter in enumerate(drug[:6]))),
            label=drug,
        ),
        context=_context(drug, source),
        status=Status.ASSESSED if assessed else Status.NOT_ASSESSABLE,
        conclusion=(Coded(system=SARTOR, code="implication", label=phenotypes),),
        certainty=Certainty(
            source_strength=strength,
            input_quality=InputQuality.REDUCED if "CYP2B6" in genes else InputQuality.GOOD,
        ),
        urgency=urgency,
        action=Action(
            kind=kind,
            dose_factor=factor,
            maximum_dose="20 mg/day" if drug in {"citalopram", "simvastatin"} else "",
            alternatives=_alternatives(drug, kind),
        ),
        concerns_current=current,
        because=tuple(f"gene.{gene}.call" for gene in genes.split()),
        citations=(_citation(drug, genes, source),),
        details={"guideline": source, "lookup": {gene: " or ".join(GENES[gene][2]) for gene in genes.split()}},
    )
    return finding, _drug_explanation(finding, drug, genes, source, phenotypes)


def _drug_explanation(finding: Finding, drug: str, genes: str, source: str, phenotypes: str) -> Explanation:
    values = {
        "drug": drug.capitalize(),
        "genes": " and ".join(genes.split()),
        "verb": _VERB[finding.action.kind],
        "phenotype": phenotypes,
        "source": source,
        "strength": finding.certainty.source_strength.value,
    }
    unknown = finding.status is Status.NOT_ASSESSABLE
    return Explanation(
        finding=finding.id,
        headline=Wording(key="sample.drug.unknown" if unknown else "sample.drug.headline", values=values),
        clinician=() if unknown else _said("why more", values),
        patient=() if unknown else _said("patient", values),
        contributions=tuple(Contribution(fact=name) for name in finding.because),
        would_change=_said("change", values),
        limits=_said("limits", values),
    )


def _said(names: str, values: dict[str, str]) -> tuple[Wording, ...]:
    return tuple(Wording(key=f"sample.drug.{name}", values=values) for name in names.split())


def _context(drug: str, source: str) -> tuple[Coded, ...]:
    if drug == "clopidogrel" and source == "CPIC":
        return (Coded(system=SARTOR, code="acs-pci", label="Acute coronary syndrome or PCI"),)
    return ()


def _alternatives(drug: str, kind: ActionKind) -> tuple[str, ...]:
    named = {"clopidogrel": ("prasugrel", "ticagrelor"), "simvastatin": ("rosuvastatin", "pravastatin")}
    return named.get(drug, ()) if kind in {_A.AVOID, _A.ALTERNATIVE} else ()


def _citation(drug: str, genes: str, source: str) -> Citation:
    return Citation(
        id=f"{source.lower()}-{slug(drug)}",
        title=f"{source} guideline for {' and '.join(genes.split())} and {drug}",
        version="2026.1",
        date="2024-03-25",
        pmid="35034351" if source == "CPIC" else "",
        url=f"https://example.org/{source.lower()}/{slug(drug)}",
    )


def dose_pair() -> tuple[Finding, Explanation]:
    """A dose that an algorithm computed, with an interval."""
    finding = Finding(
        id="pharmacogenomics/dose/warfarin/iwpc",
        capability="pharmacogenomics",
        kind="dose",
        about=drug_pair("warfarin", "CYP2C9", "CPIC", ADJUST)[0].about,
        status=Status.ASSESSED,
        estimate=Estimate(name="weekly dose", value=24.5, unit="mg/wk", low=17.1, high=31.9, level=0.5),
        certainty=Certainty(source_strength=_K.STRONG),
        urgency=Urgency.FOR_THE_FUTURE,
        action=Action(kind=_A.ADJUST_DOSE),
        because=("gene.CYP2C9.call", "gene.VKORC1.call", "person.age"),
        citations=(_citation("warfarin", "CYP2C9 VKORC1", "IWPC"),),
        details={"guideline": "IWPC"},
    )
    values = {"dose": "24.5"}
    return finding, Explanation(finding=finding.id, headline=Wording(key="sample.dose.headline", values=values))


def medications() -> tuple[Medication, ...]:
    return tuple(
        Medication(
            text=text,
            status="active",
            current=True,
            start=start,
            dose=dose,
            drugs=(DrugMatch(drug=_coded(drug), by=by, matched=text),) if drug else (),
            origin=Origin(file="record.json", resource=f"MedicationRequest/{index}"),
        )
        for index, (drug, text, dose, start, by) in enumerate(MEDICINES, start=1)
    )


def _coded(drug: str) -> Coded:
    return Coded(
        system=RXNORM,
        code=str(10_000 + sum(ord(letter) * 31**place for place, letter in enumerate(drug[:6]))),
        label=drug,
    )


def evidence() -> Evidence:
    facts = [
        Fact(
            name=f"gene.{gene}.call",
            kind="gene_call",
            value=gene_call(gene).model_dump(mode="json"),
            drawn_from=(Origin(file="cyp2d6.tsv" if gene == "CYP2D6" else GENOME),),
        )
        for gene in GENES
    ]
    facts.append(Fact(name="person.age", kind="quantity", value=61, unit="a"))
    missing = (Missing(name="person.weight", reason="no body weight in the record"),)
    return Evidence(capability="pharmacogenomics", facts=tuple(facts), missing=missing)


def record(**changed: object) -> Record:
    given: dict[str, object] = {
        "demographics": Demographics(
            identifier="MRN 0042-7715", name="Ada Example", birth_date="1965-04-09", sex="female"
        ),
        "medications": medications(),
        "quarantined": (
            Quarantined(
                origin=Origin(file=GENOME, line=88_213),
                reason="REF is T, the reference genome has C at chr16:31096368",
                todo="check which build the file was called on",
                kind="variant",
            ),
            Quarantined(
                origin=Origin(file="record.json", resource="Observation/77"),
                reason="the unit of body weight is missing",
                todo="add a UCUM unit",
                kind="observation",
            ),
        ),
    }
    return Record.model_validate(given | changed)


def provenance(**changed: object) -> Provenance:
    sources = (
        Source(id="cpic", title="CPIC guidelines", version="2026.1", licence="CC0-1.0", sha256="ab" * 32),
        Source(id="dpwg", title="DPWG guidelines", version="2026.1", licence="CC-BY-SA-4.0", note="separate pack"),
    )
    given: dict[str, object] = {
        "sartor_version": "0.1.0",
        "created": f"{TODAY}T09:30:00+00:00",
        "inputs": (
            InputFile(path=GENOME, kind="vcf", size=812_345_678, sha256="1f" * 32),
            InputFile(path="record.json", kind="fhir", size=5_120_000, sha256="2e" * 32),
            InputFile(path="cyp2d6.tsv", kind="outside calls", size=64, sha256="3d" * 32),
        ),
        "sources": sources,
    }
    return Provenance.model_validate(given | changed)


NOT_TESTED = (
    NotTested(
        subject="CYP2D6 copy number and hybrids",
        reason="a VCF of small variants does not show them",
        remedy="hand in a laboratory's CYP2D6 call as an outside call",
        capability="pharmacogenomics",
    ),
    NotTested(
        subject="HLA-A, HLA-B",
        reason="typing needs reads, not a VCF",
        remedy="hand in the HLA types as outside calls",
        capability="pharmacogenomics",
    ),
    NotTested(
        subject="person.weight",
        reason="no body weight in the record",
        remedy="add body weight; the warfarin dose could then be computed",
        capability="pharmacogenomics",
    ),
)


def pairs(drugs: Iterable[tuple[str, str, Advice, Advice]] = DRUGS) -> list[tuple[Finding, Explanation]]:
    """Every finding of the sample with its explanation."""
    made = [gene_pair(gene) for gene in GENES]
    for drug, genes, cpic, dpwg in drugs:
        made += [
            drug_pair(drug, genes, source, advice)
            for source, advice in (("CPIC", cpic), ("DPWG", dpwg))
            if advice != NONE
        ]
    return [*made, dose_pair()]


def report(
    *,
    found: Sequence[tuple[Finding, Explanation]] | None = None,
    failed: Sequence[FailedSection] = (),
    not_tested: Sequence[NotTested] = NOT_TESTED,
    made: Provenance | None = None,
    of: Record | None = None,
) -> Report:
    """The sample report; each part can be given instead."""
    return compose(
        record=of or record(),
        evidence=(evidence(),),
        reported=pairs() if found is None else found,
        wording=say,
        not_tested=not_tested,
        failed=failed,
        provenance=made or provenance(),
        today=TODAY,
    )
