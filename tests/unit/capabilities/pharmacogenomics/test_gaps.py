"""Tests of untested genes that could change the advice."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.assess import gaps, lookup
from sartor.capabilities.pharmacogenomics.tables.guidelines import cpic
from sartor.domain.finding import Action, ActionKind
from sartor.domain.genome import Diplotype, GeneCall


def _call(gene: str, phenotype: str) -> GeneCall:
    found = Diplotype(alleles=("*1", "*1"), phenotype=phenotype, lookup_key=phenotype)
    return GeneCall(gene=gene, status="called", source="outside", diplotypes=(found,), phenotypes=(phenotype,))


def test_one_gene_without_a_result_is_a_gap_none_at_all_is_not() -> None:
    calls = {"TPMT": _call("TPMT", "Normal Metabolizer")}
    assert gaps.untested(("NUDT15", "TPMT"), calls) == ("NUDT15",)
    assert gaps.untested(("NUDT15", "TPMT"), {}) == ()


def test_an_untested_gene_that_could_call_for_a_lower_dose_changes_the_advice() -> None:
    guideline = next(each for each in cpic().guidelines if "azathioprine" in each.drugs)
    rows = cpic().of("azathioprine", guideline)
    calls = {"TPMT": _call("TPMT", "Normal Metabolizer")}
    states = [lookup.states(gene, calls.get(gene), cpic(), rows) for gene in ("NUDT15", "TPMT")]
    found = lookup.outcomes(rows, states)
    assert found[0].row is not None
    assert gaps.could_change(rows, found, found[0].row, ("NUDT15",))


def test_usual_dose_waits_for_the_test_a_lower_dose_does_not() -> None:
    standard = gaps.behind_test(Action(kind=ActionKind.STANDARD))
    assert (standard.kind, standard.also) == (ActionKind.TEST_FIRST, (ActionKind.STANDARD,))
    lower = Action(kind=ActionKind.LOWER_DOSE)
    assert gaps.behind_test(lower) == lower
