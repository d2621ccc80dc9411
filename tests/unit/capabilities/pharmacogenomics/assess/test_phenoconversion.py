from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from sartor.capabilities.pharmacogenomics.assess.phenoconversion import (
    PhenotypeToday,
    gene_call_today,
    phenotypes_today,
)
from sartor.capabilities.pharmacogenomics.tables.interactions import interaction_table
from sartor.domain.code import RXNORM, Coded
from sartor.domain.genome import Diplotype, GeneCall
from sartor.explaining.wording import WordingTable

TABLE = interaction_table()
POOR, INTERMEDIATE, NORMAL = "Poor Metabolizer", "Intermediate Metabolizer", "Normal Metabolizer"


def drug(name: str) -> Coded:
    return Coded(system=RXNORM, code=f"code of {name}", label=name)


def call(gene: str, *diplotypes: Diplotype) -> GeneCall:
    return GeneCall(
        gene=gene,
        status="called" if len(diplotypes) == 1 else "ambiguous",
        diplotypes=diplotypes,
        phenotypes=tuple(dict.fromkeys(each.phenotype for each in diplotypes)),
        activity_scores=tuple(dict.fromkeys(each.activity_score for each in diplotypes)),
    )


def scored(score: float, phenotype: str, *alleles: str) -> Diplotype:
    return Diplotype(alleles=alleles or ("*1", "*1"), phenotype=phenotype, activity_score=score, lookup_key=str(score))


def named(phenotype: str, *alleles: str) -> Diplotype:
    return Diplotype(alleles=alleles or ("*1", "*1"), phenotype=phenotype, lookup_key=phenotype)


def today(gene_call: GeneCall, *names: str) -> PhenotypeToday:
    (result,) = phenotypes_today([gene_call], [drug(name) for name in names], TABLE)
    return result


def test_a_strong_inhibitor_takes_cyp2d6_to_nothing() -> None:
    result = today(call("CYP2D6", scored(2.0, NORMAL)), "paroxetine")
    assert (result.genetic_phenotypes, result.phenotypes) == ((NORMAL,), (POOR,))
    assert (result.activity_scores, result.lookup_keys) == ((0.0,), ("0.0",))
    assert result.certainty == "certain"
    assert [cause.drug.label for cause in result.causes if cause.changes] == ["paroxetine"]


@pytest.mark.parametrize(
    ("score", "genetic", "half", "phenotype", "key"),
    [
        (2.0, NORMAL, 1.0, INTERMEDIATE, "1.0"),
        (1.25, NORMAL, 0.625, INTERMEDIATE, "0.5"),
        (2.25, NORMAL, 1.125, INTERMEDIATE, "1.0"),
        (0.25, INTERMEDIATE, 0.125, INTERMEDIATE, "0.25"),
        (3.0, "Ultrarapid Metabolizer", 1.5, NORMAL, "1.5"),
        (0.0, POOR, 0.0, POOR, "0.0"),
    ],
)
def test_a_moderate_inhibitor_halves_the_score(
    score: float, genetic: str, half: float, phenotype: str, key: str
) -> None:
    result = today(call("CYP2D6", scored(score, genetic)), "duloxetine")
    assert (result.phenotypes, result.activity_scores, result.lookup_keys) == ((phenotype,), (half,), (key,))
    if score:
        assert result.certainty == "uncertain"
        assert "pharmacogenomics.phenoconversion.moderate-inhibitor-uncertain" in result.reasons
        assert "pharmacogenomics.phenoconversion.class-not-confirmed" in result.reasons


def test_a_confirmed_moderate_inhibitor_is_still_uncertain() -> None:
    result = today(call("CYP2D6", scored(2.0, NORMAL)), "cinacalcet")
    assert result.certainty == "uncertain"
    assert "pharmacogenomics.phenoconversion.class-not-confirmed" not in result.reasons


def test_a_weak_inhibitor_is_noted_and_changes_nothing() -> None:
    result = today(call("CYP2D6", scored(2.0, NORMAL)), "sertraline")
    assert not result.changed
    assert result.phenotypes == (NORMAL,)
    assert result.reasons == ("pharmacogenomics.phenoconversion.weak-noted",)


def test_inhibitors_do_not_multiply() -> None:
    result = today(call("CYP2D6", scored(2.0, NORMAL)), "duloxetine", "cinacalcet")
    assert result.activity_scores == (1.0,)


@pytest.mark.parametrize(
    ("gene", "before", "names", "after"),
    [
        ("CYP2C19", NORMAL, ["fluoxetine"], POOR),
        ("CYP2C19", "Ultrarapid Metabolizer", ["felbamate"], "Rapid Metabolizer"),
        ("CYP2C19", "Likely Intermediate Metabolizer", ["felbamate"], POOR),
        ("CYP2C19", NORMAL, ["rifampin"], "Rapid Metabolizer"),
        ("CYP2C19", NORMAL, ["rifampicin"], "Rapid Metabolizer"),
        ("CYP2C19", POOR, ["rifampin"], POOR),
        ("CYP2C19", NORMAL, ["rifampin", "felbamate"], NORMAL),
        ("CYP2C19", NORMAL, ["rifampin", "fluvoxamine"], POOR),
        ("CYP2C19", "Indeterminate", ["fluvoxamine"], POOR),
        ("CYP2C19", "Indeterminate", ["rifampin"], "Indeterminate"),
        ("CYP3A4", NORMAL, ["clarithromycin"], POOR),
        ("CYP3A4", NORMAL, ["verapamil"], INTERMEDIATE),
        ("CYP2B6", NORMAL, ["carbamazepine"], "Rapid Metabolizer"),
    ],
)
def test_steps(gene: str, before: str, names: list[str], after: str) -> None:
    assert today(call(gene, named(before)), *names).phenotypes == (after,)


def test_cyp2c9_moves_score_and_key_together() -> None:
    result = today(call("CYP2C9", scored(2.0, NORMAL)), "amiodarone")
    assert (result.phenotypes, result.activity_scores, result.lookup_keys) == ((INTERMEDIATE,), (1.0,), ("1.0",))
    result = today(call("CYP2C9", scored(1.5, INTERMEDIATE)), "fluconazole")
    assert (result.phenotypes, result.activity_scores, result.lookup_keys) == ((POOR,), (0.5,), ("0.5",))
    assert result.certainty == "uncertain"


def test_every_candidate_is_converted() -> None:
    gene_call = call("CYP2D6", scored(2.0, NORMAL, "*1", "*2"), scored(1.0, INTERMEDIATE, "*1", "*4"))
    result = today(gene_call, "mirabegron")
    assert [(each.alleles, each.score) for each in result.candidates] == [(("*1", "*2"), 1.0), (("*1", "*4"), 0.5)]
    assert result.phenotypes == (INTERMEDIATE,)
    converted = gene_call_today(gene_call, result)
    assert converted.phenotypes == (INTERMEDIATE,)
    assert [each.lookup_key for each in converted.diplotypes] == ["1.0", "0.5"]
    assert gene_call_today(gene_call, None) is gene_call


def test_a_strong_inhibitor_decides_though_nothing_was_called() -> None:
    gene_call = GeneCall(gene="CYP2D6", status="not-tested")
    result = today(gene_call, "quinidine")
    assert not result.genotype_known
    assert result.phenotypes == (POOR,)
    assert "pharmacogenomics.phenoconversion.genotype-unknown" in result.reasons
    assert gene_call_today(gene_call, result).diplotypes[0].lookup_key == "0.0"
    moderate = today(gene_call, "duloxetine")
    assert not moderate.changed
    assert gene_call_today(gene_call, moderate) is gene_call


def test_an_uncertain_conversion_lowers_the_quality_and_says_why() -> None:
    gene_call = call("CYP2D6", scored(2.0, NORMAL))
    uncertain = gene_call_today(gene_call, today(gene_call, "duloxetine"))
    assert uncertain.input_quality == "reduced"
    assert "pharmacogenomics.phenoconversion.moderate-inhibitor-uncertain" in uncertain.notes
    assert gene_call_today(gene_call, today(gene_call, "paroxetine")).input_quality == "good"


def test_a_phenotype_without_diplotype_is_converted() -> None:
    gene_call = GeneCall(gene="CYP2D6", status="called", source="outside", phenotypes=(NORMAL,), activity_scores=(2.0,))
    assert today(gene_call, "cinacalcet").phenotypes == (INTERMEDIATE,)


def test_a_medicine_does_not_convert_its_own_recommendation() -> None:
    gene_call = call("CYP2D6", scored(2.0, NORMAL))
    medicines = [drug("paroxetine")]
    assert phenotypes_today([gene_call], medicines, TABLE, besides=drug("paroxetine")) == ()
    assert phenotypes_today([gene_call], medicines, TABLE, besides=drug("codeine"))[0].phenotypes == (POOR,)


def test_a_medicine_that_may_be_a_cream_is_uncertain() -> None:
    result = today(call("CYP2D6", scored(2.0, NORMAL)), "terbinafine")
    assert result.phenotypes == (POOR,)
    assert result.certainty == "uncertain"
    assert "pharmacogenomics.phenoconversion.route-not-read" in result.reasons


@pytest.mark.parametrize(
    ("name", "gene", "role", "strength"),
    [
        ("voriconazole", "CYP2C19", "inhibitor", "moderate"),
        ("apalutamide", "CYP2C19", "inducer", "moderate"),
        ("ciprofloxacin", "CYP1A2", "inhibitor", "moderate"),
        ("cyclosporine", "CYP3A4", "inhibitor", "weak"),
        ("fluvoxamine", "CYP3A4", "inhibitor", "weak"),
        ("abiraterone", "CYP2D6", "inhibitor", "moderate"),
    ],
)
def test_classes_are_those_of_the_present_edition(name: str, gene: str, role: str, strength: str) -> None:
    (row,) = [each for each in TABLE.of(drug(name)) if each.gene == gene]
    assert (row.role, row.strength, row.checked, row.source) == (role, strength, True, "fda-ddi-table")


def test_a_class_that_was_not_checked_is_uncertain() -> None:
    result = today(call("CYP2C9", scored(2.0, NORMAL)), "felbamate")
    assert result.phenotypes == (INTERMEDIATE,)
    assert result.certainty == "uncertain"
    assert "pharmacogenomics.phenoconversion.class-unchecked" in result.reasons
    checked = today(call("CYP2C9", scored(2.0, NORMAL)), "fluconazole")
    assert "pharmacogenomics.phenoconversion.class-unchecked" not in checked.reasons


def test_doubt_about_the_class_alone_makes_a_conversion_uncertain() -> None:
    rows = tuple(
        each.model_copy(update={"checked": False}) if each.drug == "paroxetine" else each for each in TABLE.interactions
    )
    table = replace(TABLE, interactions=rows)
    (result,) = phenotypes_today([call("CYP2D6", scored(2.0, NORMAL))], [drug("paroxetine")], table)
    assert (result.phenotypes, result.certainty) == ((POOR,), "uncertain")
    assert result.reasons == ("pharmacogenomics.phenoconversion.class-unchecked",)


def test_the_review_is_not_claimed_for_classes_that_it_did_not_look_at() -> None:
    looked_at = {each.drug: each.confirmed for each in TABLE.interactions if each.gene == "CYP2D6"}
    assert looked_at["paroxetine"] is looked_at["abiraterone"] is None
    assert (looked_at["cinacalcet"], looked_at["duloxetine"]) == (True, False)


def test_every_reason_has_a_sentence() -> None:
    text = files("sartor.capabilities.pharmacogenomics").joinpath("wording/en.toml").read_text(encoding="utf-8")
    sentences = WordingTable.load(text)
    source = files("sartor.capabilities.pharmacogenomics").joinpath("assess/phenoconversion.py").read_text("utf-8")
    names = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source)) - {"cicali-2020"}
    assert len(names) >= 10
    assert all(sentences.has(f"pharmacogenomics.phenoconversion.{name}") for name in names)


def test_other_medicines_and_genes_are_left_alone() -> None:
    assert phenotypes_today([call("CYP2D6", scored(2.0, NORMAL))], [drug("metformin")], TABLE) == ()
    assert phenotypes_today([call("TPMT", named(NORMAL))], [drug("paroxetine")], TABLE) == ()


def test_the_table_is_whole() -> None:
    sources = {source.id for source in TABLE.sources}
    for row in TABLE.interactions:
        assert row.role in {"inhibitor", "inducer"}
        assert row.strength in {"strong", "moderate", "weak"}
        assert row.source in sources
        assert row.checked == (row.source == "fda-ddi-table")
        assert row.drug == row.drug.lower()
    keys = [(row.gene, row.drug, row.role) for row in TABLE.interactions]
    assert len(keys) == len(set(keys))
    assert {rule.source for rule in TABLE.rules} <= sources
