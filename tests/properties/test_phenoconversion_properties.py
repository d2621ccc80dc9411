"""Whatever the medicines: inhibitors never raise activity, inducers never lower it, order does not matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sartor.capabilities.pharmacogenomics.assess.phenoconversion import phenotypes_today
from sartor.capabilities.pharmacogenomics.tables.interactions import interaction_table
from sartor.domain.code import RXNORM, Coded
from sartor.domain.genome import Diplotype, GeneCall
from sartor.genomics.star_alleles.phenotype import as_number

TABLE = interaction_table()
GENES = sorted(TABLE.ladders)
INHIBITORS = sorted({row.drug for row in TABLE.interactions if row.role == "inhibitor"})
MEDICINES = sorted({row.drug for row in TABLE.interactions})


def coded(name: str) -> Coded:
    return Coded(system=RXNORM, code=name, label=name)


@st.composite
def calls(draw: st.DrawFn) -> GeneCall:
    gene = draw(st.sampled_from(GENES))
    listed = TABLE.listed_scores.get(gene)
    if listed:
        key = draw(st.sampled_from(sorted(key for key in listed if as_number(key) is not None)))
        phenotype, score = listed[key], as_number(key)
    else:
        phenotype, score = draw(st.sampled_from([name for rung in TABLE.ladders[gene] for name in rung])), None
        key = phenotype
    diplotype = Diplotype(alleles=("a", "b"), phenotype=phenotype, activity_score=score, lookup_key=key)
    return GeneCall(gene=gene, status="called", diplotypes=(diplotype,), phenotypes=(phenotype,))


def activity(call: GeneCall, names: list[str]) -> tuple[int, float]:
    found = phenotypes_today([call], [coded(name) for name in names], TABLE)
    now = found[0].candidates[0] if found else None
    phenotype = now.phenotype if now else call.diplotypes[0].phenotype
    score = now.score if now else call.diplotypes[0].activity_score
    rung = next(place for place, rung in enumerate(TABLE.ladders[call.gene]) if phenotype in rung)
    return rung, -1.0 if score is None else score


@given(call=calls(), names=st.lists(st.sampled_from(MEDICINES), max_size=4), further=st.sampled_from(INHIBITORS))
def test_a_further_inhibitor_never_raises_activity(call: GeneCall, names: list[str], further: str) -> None:
    induces = any(row.drug == further and row.gene == call.gene and row.role == "inducer" for row in TABLE.interactions)
    before, after = activity(call, names), activity(call, [*names, further])
    assert induces or (after[0] <= before[0] and after[1] <= before[1])


@given(call=calls(), names=st.lists(st.sampled_from(MEDICINES), max_size=4).flatmap(
    lambda names: st.tuples(st.just(names), st.permutations(names))))  # fmt: skip
def test_order_and_repetition_do_not_matter(call: GeneCall, names: tuple[list[str], list[str]]) -> None:
    assert activity(call, names[0]) == activity(call, names[1]) == activity(call, names[0] * 2)


@given(call=calls(), names=st.lists(st.sampled_from(MEDICINES), max_size=4))
def test_scores_phenotypes_and_keys_agree(call: GeneCall, names: list[str]) -> None:
    for found in phenotypes_today([call], [coded(name) for name in names], TABLE):
        listed = TABLE.listed_scores.get(found.gene)
        for each in found.candidates:
            assert (listed[each.lookup_key] if listed else each.lookup_key) == each.phenotype
