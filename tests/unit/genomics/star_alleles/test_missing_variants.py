from __future__ import annotations

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.possible import gene_call

DPYD = definitions()["DPYD"]
TABLE = phenotype_tables()["DPYD"]
BY_RSID = {site.rsid: site for site in DPYD.sites}
DECREASED, NONE_LEFT = "rs67376798", "rs3918290"


def call(changes, missing=(), rules="sartor"):
    calls = []
    for site in DPYD.sites:
        if site.rsid in missing:
            continue
        alleles = changes.get(site.rsid, (site.reference, site.reference))
        state = CallState.REFERENCE if set(alleles) == {site.reference} else CallState.VARIANT
        calls.append(SiteCall(site, alleles, state))
    return gene_call(DPYD, calls, TABLE, rules=rules)


def het(rsid):
    site = BY_RSID[rsid]
    return {rsid: (site.reference, site.alternates[0])}


def labels(found):
    return {each.label for each in found.diplotypes}


def test_nothing_missing_is_called():
    found = call({})
    assert (found.status, labels(found), found.activity_scores) == ("called", {"Reference/Reference"}, (2.0,))


def test_missing_site_of_a_normal_variant_leaves_the_phenotype_certain():
    found = call({}, missing=("rs1801265",))
    assert found.status == "phenotype-certain"
    assert "Reference/c.85T>C (*9A)" in labels(found)


def test_missing_site_of_a_variant_without_function_does_not():
    found = call({}, missing=(NONE_LEFT,))
    assert found.status == "ambiguous"
    assert labels(found) == {
        "Reference/Reference",
        "Reference/c.1905+1G>A (*2A)",
        "c.1905+1G>A (*2A)/c.1905+1G>A (*2A)",
    }
    assert found.missing_alleles == ("c.1905+1G>A (*2A)",)


def test_missing_variant_may_lie_on_either_copy():
    found = call(het(DECREASED), missing=(NONE_LEFT,))
    assert {"c.1905+1G>A (*2A)/c.2846A>T", "Reference/[c.1905+1G>A (*2A) + c.2846A>T]"} <= labels(found)


def test_unphased_variants_count_as_on_both_copies_first():
    found = call(het(DECREASED) | het(NONE_LEFT))
    assert found.diplotypes[0].activity_score == 0.5
    assert found.phenotypes[0] == "Poor Metabolizer"
    assert found.status == "ambiguous"
    assert "assumed-in-trans" in found.notes
    assert set(found.haplotypes) == {"c.2846A>T", "c.1905+1G>A (*2A)"}


def test_pharmcat_rules_give_the_list_and_the_phenotype():
    found = call(het(DECREASED) | het(NONE_LEFT), rules="pharmcat")
    assert found.diplotypes == ()
    assert found.haplotypes == ("c.1905+1G>A (*2A)", "c.2846A>T")
    assert found.phenotypes == ("Poor Metabolizer",)
