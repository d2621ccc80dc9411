"""What other capabilities found in this person, as the inputs of a model that learned from a table of findings.

The names are those that a study gave to such a table (`sartor batch`): the subject's label, with the context that a
finding is limited to in parentheses, and " estimate" behind it for its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sartor.domain.evidence import Fact
from sartor.domain.finding import Finding, Status
from sartor.domain.model import Feature

FINDING = "finding:"
ESTIMATE = " estimate"


def from_findings(findings: Sequence[Finding], feature: Feature, name: str) -> Fact | None:
    """The fact of a feature drawn from "finding:<capability>"; None where nothing was assessed, or estimates differ."""
    capability = feature.drawn_from.removeprefix(FINDING)
    assessed = [each for each in findings if each.capability == capability and each.status is Status.ASSESSED]
    if feature.kind == "number":
        values = {each.estimate.value for each in assessed if each.estimate and _is_of(each, feature, ESTIMATE)}
        return (
            Fact(name=name, kind="quantity", value=values.pop(), unit=feature.unit or "1") if len(values) == 1 else None
        )
    told = {text for each in assessed if _is_of(each, feature, "") and (text := _conclusion(each))}
    label = " & ".join(sorted(told))
    return Fact(name=name, kind="code", value=label) if label else None


def _is_of(finding: Finding, feature: Feature, suffix: str) -> bool:
    """Whether the feature was named after this finding, or carries its code."""
    if feature.code is not None and (feature.code.system, feature.code.code) == (
        finding.about.system,
        finding.about.code,
    ):
        return True
    return any(feature.name == named or feature.label == named for named in _names(finding, suffix))


def _names(finding: Finding, suffix: str) -> Iterator[str]:
    label = finding.about.label or finding.about.code
    context = ", ".join(each.label or each.code for each in finding.context)
    yield f"{label} ({context}){suffix}" if context else f"{label}{suffix}"


def _conclusion(finding: Finding) -> str:
    return _joined(each.label or each.code for each in finding.conclusion)


def _joined(parts: Iterable[str]) -> str:
    return "|".join(part for part in parts if part)
