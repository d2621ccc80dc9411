"""Why the FDA's table of associations concerns this person, with its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sartor.capabilities.pharmacogenomics.explain.sentences import wording
from sartor.domain.explanation import Contribution, Explanation
from sartor.domain.finding import Finding


def explain_association(finding: Finding) -> Explanation:
    """The reasons of one finding that a row of the installed table led to."""
    details: Mapping[str, Any] = finding.details
    (gene, matched) = next(iter(details["lookup"].items()))
    drug = finding.about.label
    when = "current" if finding.concerns_current else "other"
    return Explanation(
        finding=finding.id,
        headline=wording("association.headline", drug=drug[:1].upper() + drug[1:], gene=gene, matched=matched),
        clinician=(
            wording(f"association.{details['association']}", drug=drug, gene=gene, matched=matched),
            wording("association.words", text=details["official_text"]["text"]),
        ),
        patient=(wording(f"association.patient-{when}", drug=drug),),
        contributions=(Contribution(fact=f"gene.{gene}.call"),),
        limits=(wording("association.limit"),),
    )
