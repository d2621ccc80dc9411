"""What holds of recommendations whatever the genotypes: order does not count, and doubt never makes advice firmer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.capabilities.pharmacogenomics.assess.drugs import drug_findings
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.finding import ActionKind, Finding
from sartor.domain.genome import GeneCall
from sartor.domain.source import Knowledge
from sartor.genomics.star_alleles.phenotype import diplotype

GENES = ("CYP2C19", "CYP2D6")
ALLELES = {gene: sorted(phenotype_tables()[gene].functions)[:60] for gene in GENES}


@st.composite
def labels(draw: st.DrawFn, gene: str, most: int = 4) -> list[tuple[str, str]]:
    """Distinct pairs of alleles of one gene."""
    pair = st.tuples(st.sampled_from(ALLELES[gene]), st.sampled_from(ALLELES[gene]))
    return draw(st.lists(pair, min_size=1, max_size=most, unique=True))


def findings(*pairs: list[tuple[str, str]]) -> dict[str, Finding]:
    facts = []
    for gene, chosen in zip(GENES, pairs, strict=True):
        found = tuple(diplotype(phenotype_tables()[gene], each) for each in chosen)
        phenotypes = tuple(dict.fromkeys(each.phenotype for each in found))
        call = GeneCall(gene=gene, status="ambiguous", diplotypes=found, phenotypes=phenotypes)
        facts.append(Fact(name=f"gene.{gene}.call", kind="gene_call", value=call.model_dump(mode="json")))
    person = Person.of(Evidence(capability="pharmacogenomics", facts=tuple(facts)))
    return {each.id: each for each in drug_findings(person, Knowledge())}


@given(labels("CYP2C19"), labels("CYP2D6"))
@settings(max_examples=15, deadline=None)
def test_the_order_of_candidates_does_not_change_the_action(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    one, other = findings(first, second), findings(first[::-1], second[::-1])
    assert {name: each.action for name, each in one.items()} == {name: each.action for name, each in other.items()}


@given(labels("CYP2C19"), labels("CYP2D6", 1), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_fewer_candidates_never_contradict_a_firm_advice(
    first: list[tuple[str, str]], second: list[tuple[str, str]], kept: int
) -> None:
    many, few = findings(first, second), findings(first[:kept], second)
    for name, each in many.items():
        if each.details["lookup"] and name in few:
            assert few[name].action == each.action
            assert few[name].action.kind is not ActionKind.TEST_FIRST or each.action.kind is ActionKind.TEST_FIRST
