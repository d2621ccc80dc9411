"""Named-allele matching on the shipped definitions: phase, missing sites, scores, haploid genes, undocumented bases."""

from __future__ import annotations

import pytest

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.definition import GeneDefinition
from sartor.genomics.star_alleles.matching import GeneMatch, fitting_alleles, match
from sartor.genomics.star_alleles.pattern import encode

RS = dict[str, tuple[str | None, ...]]


def calls(
    gene: str, variants: RS, *, phased: bool = False, missing: tuple[str, ...] = (), sets: dict[str, int] | None = None
) -> list[SiteCall]:
    """Every site of the gene called reference, but for the variants (by rsid) and the missing ones."""
    found = []
    for site in definitions()[gene].sites:
        if site.rsid in missing:
            continue
        alleles = variants.get(site.rsid, (site.reference, site.reference))
        state = CallState.REFERENCE if set(alleles) == {site.reference} else CallState.VARIANT
        found.append(SiteCall(site, alleles, state, phased=phased, phase_set=(sets or {}).get(site.rsid)))
    return found


def labels(found: GeneMatch) -> list[str]:
    return [each.label for each in found.diplotypes]


def gene(name: str) -> GeneDefinition:
    return definitions()[name]


def test_all_reference_is_the_reference_diplotype() -> None:
    found = match(gene("CYP2B6"), calls("CYP2B6", {}))
    assert labels(found) == ["*1/*1"]
    assert found.diplotypes[0].score == 2 * len(gene("CYP2B6").sites)
    assert (found.phased, found.effectively_phased, found.missing) == (False, True, ())


def test_cyp2c19_star_1_differs_from_the_reference_genome() -> None:
    assert labels(match(gene("CYP2C19"), calls("CYP2C19", {}))) == ["*38/*38"]
    assert labels(match(gene("CYP2C19"), calls("CYP2C19", {"rs3758581": ("G", "G")}))) == ["*1/*1"]


TPMT_3A: RS = {"rs1142345": ("T", "C"), "rs1800460": ("C", "T")}


def test_unphased_data_leave_both_arrangements_possible() -> None:
    ours = match(gene("TPMT"), calls("TPMT", TPMT_3A))
    assert labels(ours) == ["*1/*3A", "*3B/*3C"]
    best = match(gene("TPMT"), calls("TPMT", TPMT_3A), rules="pharmcat")
    assert labels(best) == ["*1/*3A"]
    every = match(gene("TPMT"), calls("TPMT", TPMT_3A), rules="pharmcat", all_matches=True)
    assert labels(every) == ["*1/*3A", "*3B/*3C"]


def test_phase_decides() -> None:
    assert labels(match(gene("TPMT"), calls("TPMT", TPMT_3A, phased=True))) == ["*1/*3A"]
    trans: RS = {"rs1142345": ("T", "C"), "rs1800460": ("T", "C")}
    assert labels(match(gene("TPMT"), calls("TPMT", trans, phased=True))) == ["*3B/*3C"]


def test_phase_holds_only_within_a_phase_set() -> None:
    apart = match(gene("TPMT"), calls("TPMT", TPMT_3A, phased=True, sets={"rs1142345": 7, "rs1800460": 9}))
    assert labels(apart) == ["*1/*3A", "*3B/*3C"]
    assert (apart.phased, apart.effectively_phased) == (True, False)


def test_a_missing_site_excludes_nothing() -> None:
    found = match(gene("CYP2C19"), calls("CYP2C19", {"rs3758581": ("G", "G")}, missing=("rs4244285",)))
    assert "*1/*2" not in labels(found)  # another site of *2 was called reference
    assert labels(found)[0] == "*1/*1"
    found = match(gene("CYP3A5"), calls("CYP3A5", {}, missing=("rs776746",)))
    assert labels(found) == ["*1/*1", "*1/*3", "*3/*3"]
    assert [each.assumed for each in found.diplotypes] == [0, 1, 2]


def test_pharmcat_drops_alleles_whose_sites_are_all_missing() -> None:
    found = match(gene("CYP3A5"), calls("CYP3A5", {}, missing=("rs776746",)), rules="pharmcat", all_matches=True)
    assert labels(found) == ["*1/*1"]


def test_nothing_called_is_no_diplotype() -> None:
    found = match(gene("CYP3A5"), [])
    assert (found.diplotypes, found.n_called, len(found.missing)) == ((), 0, 5)


def test_undocumented_bases_are_not_called() -> None:
    found = match(gene("CYP2C19"), calls("CYP2C19", {"rs3758581": ("G", "T")}))
    assert found.diplotypes == ()
    assert [(each.copy, each.base) for each in found.unknown] == [(1, "T")]


def test_pharmcat_reads_undocumented_bases_of_tpmt_as_reference() -> None:
    odd: RS = {"rs1800462": ("C", "A")}
    assert match(gene("TPMT"), calls("TPMT", odd)).diplotypes == ()
    assert labels(match(gene("TPMT"), calls("TPMT", odd), rules="pharmcat")) == ["*1/*1"]


def test_a_half_call_leaves_the_other_copy_open() -> None:
    found = match(gene("CYP3A5"), calls("CYP3A5", {"rs776746": ("C", None)}))
    assert labels(found) == ["*1/*3", "*3/*3"]
    assert found.half_called


def test_one_x_chromosome() -> None:
    single = [SiteCall(each.site, each.alleles[:1], each.state) for each in calls("G6PD", {})]
    assert labels(match(gene("G6PD"), single)) == ["B (reference)"]
    assert labels(match(gene("G6PD"), calls("G6PD", {}))) == ["B (reference)/B (reference)"]
    assert labels(match(gene("G6PD"), calls("G6PD", {}), sex="male")) == ["B (reference)"]
    het = match(gene("G6PD"), calls("G6PD", {"rs1050829": ("T", "C")}), sex="male")
    assert "heterozygous-on-one-x" in het.notes


def test_slco1b1_suballeles_are_reported_as_their_core_allele() -> None:
    found = match(gene("SLCO1B1"), calls("SLCO1B1", {"rs71581941": ("C", "T")}, phased=True))
    assert labels(found) == ["*1/*45"]


def test_nat2_required_sites_and_unphased_priority() -> None:
    unphased: RS = {"rs1801279": ("G", "A"), "rs1799930": ("G", "A"), "rs1208": ("G", "A")}
    found = match(gene("NAT2"), calls("NAT2", unphased), rules="pharmcat")
    assert "unphased-priority" in found.notes
    assert len(found.diplotypes) == 1
    blank = match(gene("NAT2"), calls("NAT2", {}, missing=("rs1801279",)), rules="pharmcat")
    assert (blank.diplotypes, blank.notes) == ((), ("missing-required-position",))
    assert match(gene("NAT2"), calls("NAT2", {}, missing=("rs1801279",))).diplotypes


def test_ugt1a1_repeat_is_matched_as_alleles() -> None:
    found = match(gene("UGT1A1"), calls("UGT1A1", {"rs3064744": ("CAT", "CATAT"), "rs887829": ("C", "T")}, phased=True))
    assert labels(found) == ["*1/*80+*28"]


def test_alleles_per_copy_are_given_for_every_arrangement() -> None:
    pattern = encode(gene("TPMT"), calls("TPMT", TPMT_3A))
    found = {(min(one), min(other)) for one, other in fitting_alleles(gene("TPMT"), pattern)}
    assert found == {("*1", "*3A"), ("*3C", "*3B")} or found == {("*1", "*3A"), ("*3B", "*3C")}


@pytest.mark.parametrize("name", sorted(definitions()))
def test_every_allele_is_found_when_homozygous(name: str) -> None:
    definition = gene(name)
    for allele in definition.alleles:
        if allele.structural:
            continue
        bases = [base or definition.reference_bases[index] for index, base in enumerate(allele.bases)]
        spelled = [
            base if base in (site.reference, *site.alternates) else site.reference
            for base, site in zip(bases, definition.sites, strict=True)
        ]
        homozygous = [
            SiteCall(site, (base, base), CallState.VARIANT)
            for site, base in zip(definition.sites, spelled, strict=True)
        ]
        reported = definition.suballeles.get(allele.name, allele.name)
        found = match(definition, homozygous)
        assert f"{reported}/{reported}" in labels(found), allele.name
