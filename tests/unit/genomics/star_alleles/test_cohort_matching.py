"""A cohort's matches equal those of its people one by one, and each distinct pattern is matched once."""

from __future__ import annotations

import numpy as np

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CallState
from sartor.genomics.normalise import CohortSiteCalls, SiteCall
from sartor.genomics.star_alleles.cohort import match_cohort
from sartor.genomics.star_alleles.matching import match


def test_cohort_equals_one_by_one() -> None:
    definition = definitions()["TPMT"]
    generator = np.random.default_rng(5)
    n = 40
    sites = definition.sites
    codes = generator.choice([-1, 0, 0, 0, 0, 0, 0, 0, 0, 1], size=(len(sites), n, 2)).astype(np.int16)
    codes[5:, :, :] = 0
    phased = generator.choice([True, False], size=(len(sites), n))
    alleles = tuple((site.reference, *site.alternates, "N") for site in sites)
    codes[0, 0] = (0, len(alleles[0]) - 1)
    calls = CohortSiteCalls(sites, tuple(f"s{i}" for i in range(n)), codes, alleles, phased)
    for rules in ("sartor", "pharmcat"):
        cohort = match_cohort(definition, calls, rules=rules)
        assert len(cohort.matches) < n
        for index, (sample, found) in enumerate(cohort.by_sample()):
            assert sample == f"s{index}"
            assert found == match(definition, _one(calls, index), rules=rules)


def _one(calls: CohortSiteCalls, sample: int) -> list[SiteCall]:
    found = []
    for row, site in enumerate(calls.sites):
        bases = tuple(None if code < 0 else calls.alleles[row][code] for code in calls.codes[row, sample].tolist())
        found.append(SiteCall(site, bases, CallState.VARIANT, phased=bool(calls.phased[row, sample])))
    return found


def test_one_copy_and_sites_of_other_genes() -> None:
    definition = definitions()["G6PD"]
    sites = (*definitions()["TPMT"].sites, *definition.sites)
    codes = np.zeros((len(sites), 2, 2), np.int16)
    codes[-1, 0, 1] = -2
    alleles = tuple((site.reference, *site.alternates) for site in sites)
    calls = CohortSiteCalls(sites, ("male", "female"), codes, alleles, np.zeros((len(sites), 2), np.bool_))
    found = {sample: each.diplotypes[0].label for sample, each in match_cohort(definition, calls).by_sample()}
    assert found == {"male": "B (reference)", "female": "B (reference)/B (reference)"}
