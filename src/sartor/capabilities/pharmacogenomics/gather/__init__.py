"""From a record to named facts: the call of every gene, medicines, allergies, conditions, and what dosing needs.

Facts: gene.<GENE>.call · medication.<drug> · allergy.<name> · condition.<name> · person.age (a), .weight (kg),
.height (cm), .target_inr ({INR}), .sex (code), .ancestry (list of codes), .smoking (flag). What is not there is
listed as missing under the same name, with why and how it could be had.
"""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.gather.entries import entry_facts
from sartor.capabilities.pharmacogenomics.gather.genes import gene_calls, gene_fact, missing_of
from sartor.capabilities.pharmacogenomics.gather.person import person_facts
from sartor.capabilities.pharmacogenomics.gather.reasons import say
from sartor.domain.evidence import Evidence, Missing
from sartor.domain.record import Record
from sartor.domain.source import Knowledge

CAPABILITY = "pharmacogenomics"


def gather(record: Record, knowledge: Knowledge) -> Evidence:
    """What is known of this person that bears on medicines, and what is missing."""
    calls = tuple(gene_calls(record))
    about_person, absent = person_facts(record)
    missing = [each for call in calls for each in missing_of(call, record)]
    missing += [Missing(name=name, reason=say(name.partition(".")[2]), remedy=say("person_remedy")) for name in absent]
    if not record.medications:
        missing.append(Missing(name="medication", reason=say("medications"), remedy=say("person_remedy")))
    facts = (*(gene_fact(call, record) for call in calls), *entry_facts(record), *about_person)
    return Evidence(capability=CAPABILITY, facts=facts, missing=tuple(missing))


__all__ = ["gather", "gene_calls"]
