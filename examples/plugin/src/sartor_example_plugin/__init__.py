"""Does this person take a medicine that the record lists among their allergies?"""

from collections.abc import Sequence

from sartor.domain.capability import CapabilityCard
from sartor.domain.code import SARTOR, Coded
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import Action, ActionKind, Finding, Status, Urgency
from sartor.domain.record import Record
from sartor.domain.source import Citation, Knowledge

__all__ = ["assess", "card", "explain", "gather"]

GUIDELINE = Citation(
    id="nice-cg183",
    title="Drug allergy: diagnosis and management (NICE clinical guideline CG183)",
    date="2014-09-03",
    url="https://www.nice.org.uk/guidance/cg183",
)

card = CapabilityCard(
    name="allergy_check",
    title="Allergy check",
    question="Does this person take a medicine that they are recorded as allergic to?",
    intended_use="An example for authors of plug-ins.",
    not_for="Clinical use: cross-reactivity and ingredients of brands are left out.",
    version="0.1.0",
    package="sartor_example_plugin",
)


def gather(record: Record, knowledge: Knowledge) -> Evidence:
    """Current medicines by drug, and allergies by name."""
    taken = {match.drug.label: each for each in record.medications if each.current for match in each.drugs}
    allergies = {code.label.lower(): each for each in record.allergies for code in each.code}
    facts = [
        Fact(name=f"medication.{drug}", kind="text", value=drug, drawn_from=(taken[drug].origin,)) for drug in taken
    ]
    facts += [Fact(name=f"allergy.{a}", kind="text", value=a, drawn_from=(allergies[a].origin,)) for a in allergies]
    return Evidence(capability=card.name, facts=tuple(facts))


def assess(evidence: Evidence, knowledge: Knowledge) -> Sequence[Finding]:
    """One finding per medicine that is also an allergy."""
    drugs = [str(fact.value) for fact in evidence.facts if fact.name.startswith("medication.")]
    return [_finding(drug) for drug in drugs if evidence.get(f"allergy.{drug.lower()}")]


def _finding(drug: str) -> Finding:
    return Finding(
        id=f"{card.name}/drug/{drug}",
        capability=card.name,
        kind="drug",
        about=Coded(system=SARTOR, code=drug, label=drug),
        status=Status.ASSESSED,
        conclusion=(Coded(system=SARTOR, code="recorded-allergy", label="Recorded allergy"),),
        urgency=Urgency.NOW,
        action=Action(kind=ActionKind.AVOID),
        concerns_current=True,
        because=(f"medication.{drug}", f"allergy.{drug.lower()}"),
        citations=(GUIDELINE,),
    )


def explain(evidence: Evidence, finding: Finding) -> Explanation:
    """The sentences, by key; they are in wording/en.toml."""
    values = {"drug": finding.about.label}
    said = {
        name: (Wording(key=f"{card.name}.finding.{name}", values=values),)
        for name in ("clinician", "patient", "would_change", "limits")
    }
    return Explanation(finding=finding.id, headline=Wording(key=f"{card.name}.finding.headline", values=values), **said)
