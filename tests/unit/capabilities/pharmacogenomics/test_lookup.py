import pytest

from sartor.capabilities.pharmacogenomics.assess import assess
from sartor.capabilities.pharmacogenomics.assess.lookup import State, find, states
from sartor.capabilities.pharmacogenomics.tables.guidelines import NO_RESULT, cpic
from sartor.domain.evidence import Evidence
from sartor.domain.finding import ActionKind, Finding, InputQuality, SourceStrength, Status, Urgency
from sartor.domain.genome import GeneCall
from sartor.domain.source import Knowledge

from .people import call, evidence

PREFIX = "pharmacogenomics/drug"


def finding(facts: Evidence, name: str) -> Finding:
    return next(each for each in assess(facts, Knowledge()) if each.id == f"{PREFIX}/{name}")


def rows(drug: str):  # type: ignore[no-untyped-def]
    return [row for row in cpic().recommendations if row.drug == drug and not row.population]


def test_a_state_fits_phenotype_score_and_several_statuses() -> None:
    state = State("HLA-B", {"*15:02 positive": 1, "*15:11 positive": 1})
    assert state.fit("*15:02 positive;*15:11 positive") > state.fit("*15:02 positive") > 0
    assert not state.fit("*57:01 positive")
    dpyd = State("DPYD", {"1.0": 1}, score=1.0, normal_allele=True)
    assert dpyd.fit("1.0 (Intermediate Metabolizer)")
    assert not dpyd.fit("1.0 (Phenotyping)")


def test_an_untested_gene_fits_only_its_own_key() -> None:
    (state,) = states("CYP2D6", None, cpic(), rows("codeine"))
    assert state.fit(NO_RESULT)
    assert not state.fit("n/a")


def test_a_score_above_every_listed_one_takes_the_highest_lower_bound() -> None:
    found = find(rows("codeine"), [State("CYP2D6", {"7.0": 1}, score=7.0)])
    assert found is not None
    assert found.keys == {"CYP2D6": "≥6.0"}
    assert found.reading["kind"] == ActionKind.AVOID


@pytest.mark.parametrize(
    ("genotype", "kind", "strength"),
    [
        ("*1/*1", ActionKind.STANDARD, SourceStrength.STRONG),
        ("*1/*2", ActionKind.AVOID, SourceStrength.STRONG),
        ("*2/*2", ActionKind.AVOID, SourceStrength.STRONG),
        ("*17/*17", ActionKind.STANDARD, SourceStrength.STRONG),
    ],
)
def test_clopidogrel_after_a_stent(genotype: str, kind: ActionKind, strength: SourceStrength) -> None:
    found = finding(evidence(call("CYP2C19", genotype), medicines=("clopidogrel",)), "clopidogrel/cpic/acs-pci")
    assert found.action.kind is kind
    assert found.certainty.source_strength is strength
    assert found.concerns_current
    assert set(found.because) == {"gene.CYP2C19.call", "medication.clopidogrel"}
    assert found.urgency is (Urgency.NOW if kind is ActionKind.AVOID else Urgency.NONE)


def test_two_genes_are_looked_up_together() -> None:
    found = finding(evidence(call("CYP2D6", "*4/*4"), call("CYP2C19", "*1/*1")), "amitriptyline/cpic")
    assert found.details["lookup"] == {"CYP2C19": "Normal Metabolizer", "CYP2D6": "0.0"}
    assert found.action.kind is ActionKind.AVOID
    assert found.action.dose_factor == (0.5, 0.5)
    assert found.urgency is Urgency.FOR_THE_FUTURE


def test_one_of_two_genes_missing_is_said_and_lowers_the_input() -> None:
    found = finding(evidence(call("CYP2D6", "*4/*4")), "amitriptyline/cpic")
    assert found.details["lookup"] == {"CYP2C19": NO_RESULT, "CYP2D6": "0.0"}
    assert found.certainty.input_quality is InputQuality.REDUCED
    assert "pharmacogenomics.certainty.gene-missing" in found.certainty.reasons


def test_a_missing_gene_does_not_hide_that_the_other_was_read_poorly() -> None:
    found = finding(evidence(call("CYP2D6", "*4/*4", input_quality="poor")), "amitriptyline/cpic")
    assert found.certainty.input_quality is InputQuality.POOR


def test_candidates_with_one_advice_are_assessed() -> None:
    found = finding(evidence(call("CYP2C19", "*2/*2", "*2/*3")), "clopidogrel/cpic/acs-pci")
    assert found.status is Status.ASSESSED
    assert found.action.kind is ActionKind.AVOID


def test_candidates_with_different_advice_choose_none() -> None:
    unclear = call("CYP2C19", "*1/*1", "*2/*2", probabilities=(0.9, 0.1))
    found = finding(evidence(unclear, medicines=("clopidogrel",)), "clopidogrel/cpic/acs-pci")
    assert found.action.kind is ActionKind.TEST_FIRST
    candidates = found.details["candidates"]
    assert isinstance(candidates, list)
    assert [each["probability"] for each in candidates] == pytest.approx([0.9, 0.1])  # type: ignore[index,call-overload]
    assert {each["action"] for each in candidates} == {"standard", "avoid"}  # type: ignore[index,call-overload]
    assert found.certainty.input_quality is InputQuality.INFERRED


def test_an_untested_gene_leaves_a_current_medicine_not_assessable() -> None:
    found = finding(evidence(call("CYP2C19", "*1/*1"), medicines=("codeine",)), "codeine/cpic")
    assert found.status is Status.NOT_ASSESSABLE
    assert found.details["reason"] == "genes-not-tested"
    assert found.action.kind is ActionKind.TEST_FIRST


def test_a_medicine_changes_the_phenotype_of_another() -> None:
    facts = evidence(call("CYP2D6", "*1/*1"), medicines=("codeine", "paroxetine"))
    found = finding(facts, "codeine/cpic")
    assert found.details["lookup"] == {"CYP2D6": "0.0"}
    assert "medication.paroxetine" in found.because
    assert finding(facts, "paroxetine/cpic").details["lookup"] == {"CYP2D6": "2.0"}


def test_a_strong_inhibitor_decides_without_a_genotype() -> None:
    untested = GeneCall(gene="CYP2D6", status="not-tested", input_quality="absent")
    found = finding(evidence(untested, medicines=("codeine", "paroxetine")), "codeine/cpic")
    assert found.status is Status.ASSESSED
    assert found.action.kind is ActionKind.AVOID
    assert found.certainty.input_quality is InputQuality.INFERRED
    assert "pharmacogenomics.certainty.medicine-alone" in found.certainty.reasons


def test_age_leaves_out_populations_that_it_excludes() -> None:
    facts = evidence(call("CYP2C19", "*1/*1"), age=60.0)
    ids = {each.id for each in assess(facts, Knowledge())}
    assert f"{PREFIX}/voriconazole/cpic/adults" in ids
    assert f"{PREFIX}/voriconazole/cpic/children" not in ids


def test_one_finding_per_medicine_that_nobody_takes_and_nothing_is_known_of() -> None:
    silent = [each for each in assess(evidence(), Knowledge()) if each.status is Status.NOT_ASSESSABLE]
    labels = [each.about.label for each in silent]
    assert len(labels) == len(set(labels))


def test_a_guideline_without_rows_is_named() -> None:
    facts = evidence(call("IFNL3", "rs12979860 reference (C)/rs12979860 reference (C)"))
    found = finding(facts, "ribavirin/cpic")
    assert found.details["reason"] == "no-computable-rows"


def test_ids_are_unique() -> None:
    ids = [each.id for each in assess(evidence(call("CYP2C19", "*1/*1"), call("CYP2D6", "*1/*4")), Knowledge())]
    assert len(ids) == len(set(ids))
