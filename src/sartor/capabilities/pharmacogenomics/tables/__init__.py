"""The card of pharmacogenomics; its tables, typed and loaded once, are the modules of this package."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Final

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.capability import CapabilityCard
from sartor.domain.genome import Region
from sartor.domain.source import Source

PACKAGE: Final = "sartor.capabilities.pharmacogenomics"


def sources() -> tuple[Source, ...]:
    """Every upstream release that a table of data/ was compiled from."""
    text = files(PACKAGE).joinpath("data/SOURCES.toml").read_text(encoding="utf-8")
    return tuple(Source(**entry) for entry in tomllib.loads(text)["source"])


def regions() -> tuple[Region, ...]:
    """The stretches of GRCh38 that hold a defining position, one per gene."""
    found = []
    for definition in definitions().values():
        reach = [(site.position, site.position + len(site.reference) - 1) for site in definition.sites]
        if reach:
            found.append(Region(definition.chromosome, min(reach)[0] - 1, max(end for _, end in reach) + 1))
    return tuple(sorted(found))


CARD: Final = CapabilityCard(
    name="pharmacogenomics",
    title="Pharmacogenomics",
    question="Which medicines need another choice or dose because of this person's genes?",
    intended_use="Research and decision support: to help a clinician or pharmacist choose and dose medicines",
    not_for="Diagnosis, treatment without a clinician, or replacing a medical device; see the method card",
    version="1",
    sources=sources(),
    regions=regions(),
    packs=("cpic", "dpwg", "fda"),
    package=PACKAGE,
    not_tested=tuple(
        f"pharmacogenomics.not_tested.{name}" for name in ("copy_number", "hla", "rare_variants", "other_drugs")
    ),
)
