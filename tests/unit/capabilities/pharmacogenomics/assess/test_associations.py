from __future__ import annotations

from importlib.resources import files

from sartor.capabilities.pharmacogenomics.assess.associations import association_findings
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.explain import explain
from sartor.domain.code import RXNORM, Coded
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.finding import ActionKind
from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import DrugMatch, Medication
from sartor.domain.source import Knowledge, Pack, Source
from sartor.explaining.wording import WordingTable

SENTENCES = WordingTable.load(
    files("sartor.capabilities.pharmacogenomics").joinpath("wording/en.toml").read_text(encoding="utf-8")
)
ROWS = [
    ("codeine", "CYP2D6", "ultrarapid metabolizers", "Own words {one}.", "1"),
    ("codeine", "CYP2D6", "intermediate or poor metabolizers", "Own words two.", "2"),
    ("azathioprine", "TPMT and/or NUDT15", "intermediate or poor metabolizers", "Own words three.", "1"),
    ("abacavir", "HLA-B", "*57:01 allele positive", "Own words four.", ""),
]


def knowledge() -> Knowledge:
    keys = ("drug", "gene", "subgroups", "text", "section")
    table = [dict(zip(keys, row, strict=True)) for row in ROWS]
    source = Source(id="fda", title="FDA table", version="2026-01-02", licence="public domain")
    return Knowledge({"fda": Pack("fda", source, {"texts": table})})


def evidence(*calls: GeneCall, medicine: str = "") -> Evidence:
    facts = [
        Fact(name=f"gene.{call.gene}.call", kind="gene_call", value=call.model_dump(mode="json")) for call in calls
    ]
    if medicine:
        drug = Coded(system=RXNORM, code=medicine, label=medicine)
        entry = Medication(text=medicine, current=True, drugs=(DrugMatch(drug=drug, by="name", matched=medicine),))
        facts.append(Fact(name=f"medication.{medicine}", kind="medication", value=entry.model_dump(mode="json")))
    return Evidence(capability="pharmacogenomics", facts=tuple(facts))


def call(gene: str, *phenotypes: str, key: str = "") -> GeneCall:
    diplotypes = tuple(Diplotype(alleles=("a", "b"), phenotype=each, lookup_key=key or each) for each in phenotypes)
    return GeneCall(gene=gene, status="called", diplotypes=diplotypes, phenotypes=phenotypes)


def test_rows_that_concern_the_person_are_told_in_the_tables_own_words() -> None:
    told = evidence(call("CYP2D6", "Poor Metabolizer"), call("NUDT15", "Intermediate Metabolizer"), medicine="codeine")
    found = association_findings(Person.of(told), knowledge())
    assert [each.id for each in found] == [
        "pharmacogenomics/drug/codeine/fda/cyp2d6",
        "pharmacogenomics/drug/azathioprine/fda/nudt15",
    ]
    assert [each.concerns_current for each in found] == [True, False]
    assert all(each.action.kind is ActionKind.NONE for each in found)
    explanation = explain(told, found[0])
    said = [SENTENCES.say(each) for each in (explanation.headline, *explanation.clinician, *explanation.patient)]
    assert any("Own words two." in sentence for sentence in said)


def test_the_phenotype_under_todays_medicines_counts() -> None:
    told = evidence(call("CYP2D6", "Ultrarapid Metabolizer", key="3.0"), medicine="paroxetine")
    (finding,) = association_findings(Person.of(told), knowledge())
    assert finding.details["lookup"] == {"CYP2D6": "Poor Metabolizer"}
    assert "medication.paroxetine" in finding.because


def test_braces_in_foreign_words_are_shown_as_they_are() -> None:
    told = evidence(call("CYP2D6", "Ultrarapid Metabolizer"))
    (finding,) = association_findings(Person.of(told), knowledge())
    assert any("{one}" in SENTENCES.say(each) for each in explain(told, finding).clinician)


def test_an_undecided_phenotype_is_not_matched() -> None:
    told = evidence(call("CYP2D6", "Poor Metabolizer", "Normal Metabolizer"))
    assert association_findings(Person.of(told), knowledge()) == ()


def test_an_allele_by_name() -> None:
    positive = evidence(call("HLA-B", "x", key="*15:02 negative;*57:01 positive"))
    (finding,) = association_findings(Person.of(positive), knowledge())
    assert finding.details["lookup"] == {"HLA-B": "*57:01"}
    negative = evidence(call("HLA-B", "x", key="*57:01 negative"))
    assert association_findings(Person.of(negative), knowledge()) == ()


def test_without_the_pack_there_is_nothing() -> None:
    told = evidence(call("CYP2D6", "Poor Metabolizer"))
    assert association_findings(Person.of(told), Knowledge()) == ()


def test_an_allele_that_only_may_be_there_is_not_said_to_concern_the_person() -> None:
    sure = call("HLA-B", "*57:01 positive")
    perhaps = call("HLA-B", "*57:01 positive", "*57:01 negative")
    found = [association_findings(Person.of(evidence(each)), knowledge()) for each in (sure, perhaps)]
    assert [len(each) for each in found] == [1, 0]
