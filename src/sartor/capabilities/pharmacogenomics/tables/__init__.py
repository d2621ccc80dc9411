"""The card of pharmacogenomics; its tables, typed and loaded once, are the modules of this package."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.capability import CapabilityCard
from sartor.domain.genome import Region
from sartor.domain.source import Source

PACKAGE: Final = "sartor.capabilities.pharmacogenomics"
READ_AROUND: Final = 100
"""Bases read on each side of a defining position: an indel in a repeat may be written some way off."""


def sources() -> tuple[Source, ...]:
    """Every upstream release that a table of data/ was compiled from."""
    text = files(PACKAGE).joinpath("data/SOURCES.toml").read_text(encoding="utf-8")
    return tuple(Source(**entry) for entry in tomllib.loads(text)["source"])


def regions() -> tuple[Region, ...]:
    """The stretches of GRCh38 around the defining positions; neighbours less than READ_AROUND apart are one stretch."""
    reach: dict[str, list[tuple[int, int]]] = {}
    for definition in definitions().values():
        for site in definition.all_sites:
            end = site.position + len(site.reference) - 1
            reach.setdefault(definition.chromosome, []).append((site.position - READ_AROUND, end + READ_AROUND))
    for each in record_codes()["outside_only"]["position"]:
        reach.setdefault(each["chromosome"], []).append(
            (each["position"] - READ_AROUND, each["position"] + READ_AROUND)
        )
    return tuple(
        Region(chromosome, start, end)
        for chromosome, spans in sorted(reach.items())
        for start, end in _joined(sorted(spans))
    )


def _joined(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, end = spans[0]
    for low, high in spans[1:]:
        if low > end + 1:
            yield start, end
            start, end = low, high
        end = max(end, high)
    yield start, end


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
