from __future__ import annotations

import math
from collections.abc import Iterable
from importlib.resources import files

import pytest

from sartor.capabilities.pharmacogenomics.assess.dose_equations import predict
from sartor.capabilities.pharmacogenomics.assess.dosing import dose_findings
from sartor.capabilities.pharmacogenomics.explain.doses import explain_dose
from sartor.capabilities.pharmacogenomics.tables.dosing import dosing_table
from sartor.domain.code import RXNORM, Coded
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import ActionKind, Finding, InputQuality, SourceStrength, Status, Urgency
from sartor.domain.genome import Diplotype, GeneCall
from sartor.domain.record import Condition, DrugMatch, Medication
from sartor.explaining.wording import WordingTable

SENTENCES = WordingTable.load(
    files("sartor.capabilities.pharmacogenomics").joinpath("wording/en.toml").read_text(encoding="utf-8")
)
BODY = (("person.age", 65, "a"), ("person.height", 170, "cm"), ("person.weight", 75, "kg"))
CODES = {"warfarin": "11289", "tacrolimus": "42316", "azathioprine": "1256", "fluorouracil": "4492"}


def gene(name: str, *candidates: tuple[tuple[str, ...], str, str]) -> Fact:
    diplotypes = tuple(Diplotype(alleles=a, phenotype=p, lookup_key=k or p) for a, p, k in candidates)
    call = GeneCall(gene=name, status="called" if len(diplotypes) == 1 else "ambiguous", diplotypes=diplotypes)
    return Fact(name=f"gene.{name}.call", kind="gene_call", value=call.model_dump(mode="json"))


def vkorc1(*bases: str) -> Fact:
    return gene("VKORC1", *((("C", "T"), f"-1639 {each}", "") for each in bases))


def cyp2c9(*stars: tuple[str, str]) -> Fact:
    return gene("CYP2C9", *((each, "", "") for each in stars))


def medicine(name: str, *, current: bool | None = True) -> Fact:
    drug = Coded(system=RXNORM, code=CODES.get(name, name), label=name)
    entry = Medication(text=name, current=current, drugs=(DrugMatch(drug=drug, by="name", matched=name),))
    return Fact(name=f"medication.{name}", kind="medication", value=entry.model_dump(mode="json"))


def body() -> list[Fact]:
    return [Fact(name=name, kind="quantity", value=value, unit=unit) for name, value, unit in BODY]


def ancestry(label: str) -> Fact:
    return Fact(name="person.ancestry", kind="code", value=[Coded(system="x", code="y", label=label).model_dump()])


def findings(facts: Iterable[Fact]) -> dict[str, Finding]:
    found = dose_findings(Evidence(capability="pharmacogenomics", facts=tuple(facts)))
    return {each.id.removeprefix("pharmacogenomics/dose/"): each for each in found}


def said(facts: Iterable[Fact], finding: Finding) -> list[str]:
    """Every sentence of the explanation; a sentence that cannot be filled raises."""
    evidence = Evidence(capability="pharmacogenomics", facts=tuple(facts))
    explanation: Explanation = explain_dose(evidence, finding)
    parts = (explanation.clinician, explanation.patient, explanation.would_change, explanation.limits)
    wordings = [explanation.headline, *(each for part in parts for each in part)]
    wordings += [each.wording for each in explanation.contributions if each.wording]
    wordings += [Wording(key=reason) for reason in finding.certainty.reasons if ".dosing." in reason]
    return [SENTENCES.say(each) for each in wordings]


def test_iwpc_and_gage_for_current_warfarin() -> None:
    facts = [*body(), vkorc1("AG"), cyp2c9(("*1", "*3")), medicine("warfarin"), ancestry("White")]
    found = findings(facts)
    assert set(found) == {"warfarin/iwpc-pharmacogenetic", "warfarin/gage-pharmacogenetic"}
    iwpc = found["warfarin/iwpc-pharmacogenetic"]
    predictor = 5.6044 - 0.2614 * 6 + 0.0087 * 170 + 0.0128 * 75 - 0.8677 - 0.9357
    assert iwpc.estimate is not None
    assert iwpc.estimate.value == pytest.approx(predictor**2, rel=1e-12)
    assert iwpc.estimate.low == pytest.approx((predictor - 1.959964 * 1.0066) ** 2, rel=1e-5)
    assert (iwpc.concerns_current, iwpc.urgency, iwpc.action.kind) == (True, Urgency.SOON, ActionKind.ADJUST_DOSE)
    assert "medication.warfarin" in iwpc.because
    assert "gene.VKORC1.call" in iwpc.because
    gage = found["warfarin/gage-pharmacogenetic"]
    surface = 0.007184 * 75**0.425 * 170**0.725
    log = 0.9751 - 0.3238 + 0.4317 * surface - 0.4008 - 0.00745 * 65 + 0.2029 * 2.5
    assert gage.estimate is not None
    assert gage.estimate.value == pytest.approx(7 * math.exp(log), rel=1e-12)
    assert gage.certainty.input_quality is InputQuality.REDUCED
    assert gage.details["assumed"] == {"target_inr": 2.5, "smoker": 0.0, "thrombosis": 0.0}
    for finding in found.values():
        assert all(said(facts, finding))


def test_contributions_add_up_exactly() -> None:
    facts = [*body(), vkorc1("AA"), cyp2c9(("*2", "*3")), medicine("warfarin"), medicine("amiodarone"),
             ancestry("Asian")]  # fmt: skip
    for finding in findings(facts).values():
        explanation = explain_dose(Evidence(capability="pharmacogenomics", facts=tuple(facts)), finding)
        total = sum(each.weight or 0.0 for each in explanation.contributions)
        baseline, predictor = finding.details["baseline"], finding.details["predictor"]
        assert isinstance(baseline, float)
        assert predictor == pytest.approx(baseline + total, abs=1e-12)
        assert any("amiodarone" in each.fact for each in explanation.contributions)
        assert finding.details["alternatives"]


def test_effects_are_told_in_per_cent_of_the_dose() -> None:
    facts = [*body(), vkorc1("GG"), cyp2c9(("*1", "*3")), medicine("warfarin")]
    sentence = next(
        each for each in said(facts, findings(facts)["warfarin/gage-pharmacogenetic"]) if "CYP2C9*3" in each
    )
    assert "CYP2C9*3 alleles: 1 lowers the dose by 33 %" in sentence  # 1 - exp(-0.4008)


def test_an_unknown_genotype_uses_the_equations_own_term() -> None:
    facts = [*body(), vkorc1("GG"), medicine("warfarin")]
    found = findings(facts)
    assert set(found) == {"warfarin/iwpc-pharmacogenetic", "warfarin/gage-clinical"}
    iwpc = found["warfarin/iwpc-pharmacogenetic"]
    assert iwpc.estimate is not None
    assert iwpc.estimate.value == pytest.approx(
        (5.6044 - 0.2614 * 6 + 0.0087 * 170 + 0.0128 * 75 - 0.2188 - 0.1032) ** 2, rel=1e-12
    )
    assert iwpc.details["unknown"] == ["CYP2C9"]
    assert any("CYP2C9" in sentence for sentence in said(facts, iwpc))


def test_without_genes_the_clinical_equations_speak() -> None:
    facts = [*body(), medicine("warfarin")]
    assert set(findings(facts)) == {"warfarin/iwpc-clinical", "warfarin/gage-clinical"}
    assert findings(body()) == {}


def test_an_allele_that_no_equation_knows_counts_as_unknown() -> None:
    facts = [*body(), vkorc1("GG"), cyp2c9(("*1", "*8")), medicine("warfarin")]
    found = findings(facts)
    finding = found["warfarin/iwpc-pharmacogenetic"]
    assert finding.details["uncovered"] == ["*8"]
    assert "warfarin/gage-clinical" in found
    assert any("*8" in sentence for sentence in said(facts, finding))


def test_the_range_covers_every_candidate() -> None:
    one = findings([*body(), vkorc1("GG"), cyp2c9(("*1", "*1")), medicine("warfarin")])
    several = findings([*body(), vkorc1("GG", "AA"), cyp2c9(("*1", "*1"), ("*3", "*3")), medicine("warfarin")])
    single, wide = one["warfarin/iwpc-pharmacogenetic"].estimate, several["warfarin/iwpc-pharmacogenetic"].estimate
    assert single is not None
    assert wide is not None
    assert (wide.value, wide.high) == (single.value, single.high)
    assert (wide.low or 0) < (single.low or 0)
    assert several["warfarin/iwpc-pharmacogenetic"].details["candidates"] == 4


def test_what_is_missing_is_named() -> None:
    facts = [vkorc1("GG"), medicine("warfarin"), body()[0]]
    (finding,) = findings(facts).values()
    assert finding.status is Status.NOT_ASSESSABLE
    assert finding.details["missing"] == ["person.height", "person.weight"]
    assert "height" in said(facts, finding)[0]
    assert findings([vkorc1("GG")]) == {}


def test_children_are_not_dosed_by_adult_equations() -> None:
    facts = [Fact(name="person.age", kind="quantity", value=9, unit="a"), *body()[1:], medicine("warfarin")]
    (finding,) = findings(facts).values()
    assert finding.status is Status.NOT_ASSESSABLE
    assert all(said(facts, finding))


def test_warfarin_that_is_not_taken_is_for_the_future() -> None:
    facts = [*body(), vkorc1("AG"), medicine("warfarin", current=False)]
    (finding,) = findings(facts).values()
    assert (finding.urgency, finding.concerns_current) == (Urgency.FOR_THE_FUTURE, False)
    assert all(said(facts, finding))


def test_african_ancestry_lowers_the_strength() -> None:
    facts = [*body(), vkorc1("GG"), cyp2c9(("*1", "*1")), medicine("warfarin"), ancestry("Black or African American")]
    finding = findings(facts)["warfarin/iwpc-pharmacogenetic"]
    assert finding.certainty.source_strength is SourceStrength.WEAK
    assert any("African ancestry" in sentence for sentence in said(facts, finding))


def test_problems_of_the_record_tell_of_thrombosis() -> None:
    clot = Condition(code=(Coded(system="icd", code="I82.4", label=""),))
    other = Condition(code=(Coded(system="icd", code="I10", label=""),), text="hypertension")
    for condition, expected in ((clot, 1.0), (other, 0.0)):
        fact = Fact(name="condition.x", kind="condition", value=condition.model_dump(mode="json"))
        found = findings([*body(), vkorc1("GG"), cyp2c9(("*1", "*1")), medicine("warfarin"), fact])
        details = found["warfarin/gage-pharmacogenetic"].details
        effects = {each["input"]: each["value"] for each in details["effects"]}  # type: ignore[index,call-overload,union-attr]
        assert effects["thrombosis"] == expected
        assert "thrombosis" not in details["assumed"]  # type: ignore[operator]


NORMAL, INTERMEDIATE, POOR = "Normal Metabolizer", "Intermediate Metabolizer", "Poor Metabolizer"


def named(name: str, *phenotypes: str) -> Fact:
    return gene(name, *((("a", "b"), each, "") for each in phenotypes))


def test_tacrolimus_by_cyp3a5_with_weight() -> None:
    facts = [named("CYP3A5", NORMAL), medicine("tacrolimus"), *body()]
    finding = findings(facts)["tacrolimus/cpic-cyp3a5"]
    assert finding.action.dose_factor == (1.5, 2.0)
    assert finding.action.maximum_dose == "0.3 mg/kg/d"
    assert finding.action.parameters["maximum_dose_per_day_mg"] == 22.5
    assert (finding.action.kind, finding.urgency) == (ActionKind.HIGHER_DOSE, Urgency.SOON)
    assert any("22.5 mg" in sentence for sentence in said(facts, finding))


@pytest.mark.parametrize(
    ("tpmt", "nudt15", "factor", "kind"),
    [
        (NORMAL, NORMAL, (1.0, 1.0), ActionKind.STANDARD),
        (INTERMEDIATE, NORMAL, (0.3, 0.8), ActionKind.LOWER_DOSE),
        (NORMAL, INTERMEDIATE, (0.3, 0.8), ActionKind.LOWER_DOSE),
        (INTERMEDIATE, INTERMEDIATE, (0.2, 0.5), ActionKind.LOWER_DOSE),
        (POOR, INTERMEDIATE, (0.1, 0.1), ActionKind.ALTERNATIVE),
        (NORMAL, POOR, (0.1, 0.1), ActionKind.ALTERNATIVE),
    ],
)
def test_azathioprine(tpmt: str, nudt15: str, factor: tuple[float, float], kind: ActionKind) -> None:
    facts = [named("TPMT", tpmt), named("NUDT15", nudt15), medicine("azathioprine"), *body()]
    finding = findings(facts)["azathioprine/cpic-tpmt-nudt15"]
    assert (finding.action.dose_factor, finding.action.kind) == (factor, kind)
    assert finding.action.parameters["dose_per_day_mg"] == [round(factor[0] * 150, 1), round(factor[1] * 225, 1)]
    assert all(said(facts, finding))


def test_one_thiopurine_gene_alone_is_said_to_be_alone() -> None:
    facts = [named("TPMT", INTERMEDIATE), medicine("azathioprine")]
    finding = findings(facts)["azathioprine/cpic-tpmt-nudt15"]
    assert finding.details["unknown"] == ["NUDT15"]
    assert finding.certainty.input_quality is InputQuality.REDUCED
    assert any("NUDT15" in sentence for sentence in said(facts, finding))


@pytest.mark.parametrize(
    ("score", "factor", "kind", "urgency"),
    [
        ("0.0", (0.0, 0.0), ActionKind.AVOID, Urgency.NOW),
        ("0.5", (0.0, 0.25), ActionKind.AVOID, Urgency.NOW),
        ("1.0", (0.5, 0.5), ActionKind.LOWER_DOSE, Urgency.NOW),
        ("1.5", (0.5, 0.5), ActionKind.LOWER_DOSE, Urgency.NOW),
        ("2.0", (1.0, 1.0), ActionKind.STANDARD, Urgency.ROUTINE),
    ],
)
def test_fluorouracil(score: str, factor: tuple[float, float], kind: ActionKind, urgency: Urgency) -> None:
    facts = [gene("DPYD", (("x", "y"), "", score)), medicine("fluorouracil")]
    finding = findings(facts)["fluorouracil/cpic-dpyd"]
    assert (finding.action.dose_factor, finding.action.kind, finding.urgency) == (factor, kind, urgency)
    assert not any("0 % of" in sentence.replace("50 % of", "") for sentence in said(facts, finding))


def test_candidates_widen_the_factor_and_the_careful_action_counts() -> None:
    facts = [named("CYP3A5", POOR, INTERMEDIATE), medicine("tacrolimus")]
    finding = findings(facts)["tacrolimus/cpic-cyp3a5"]
    assert finding.action.dose_factor == (1.0, 2.0)
    assert finding.action.kind is ActionKind.HIGHER_DOSE
    assert findings([named("CYP3A5", POOR, "Indeterminate"), medicine("tacrolimus")]) == {}


def test_medicines_not_taken_appear_only_when_their_dose_differs() -> None:
    assert findings([named("CYP3A5", POOR)]) == {}
    finding = findings([named("CYP3A5", NORMAL)])["tacrolimus/cpic-cyp3a5"]
    assert finding.urgency is Urgency.FOR_THE_FUTURE


def test_predict_names_a_missing_input() -> None:
    with pytest.raises(KeyError, match="age_decades"):
        predict(dosing_table().equations["iwpc-clinical"], {})


def test_the_table_is_whole() -> None:
    table = dosing_table()
    for equation in table.equations.values():
        assert {equation.source, equation.residual_source} <= set(table.sources)
    for factors in table.factors:
        assert factors.source in table.sources
        for rule in factors.rules:
            assert set(rule.genes) <= set(factors.genes)
            assert rule.factor[0] <= rule.factor[1]
            if rule.note:
                assert SENTENCES.has(f"pharmacogenomics.dosing.note-{rule.note}")
