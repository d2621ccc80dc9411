"""What dosing needs to know of the person: age, sex, ancestry, body size, smoking, target INR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sartor.capabilities.pharmacogenomics.gather.entries import label
from sartor.capabilities.pharmacogenomics.tables.record_codes import record_codes
from sartor.domain.evidence import Fact
from sartor.domain.record import Observation, Record

EXPECTED = ("person.age", "person.sex", "person.ancestry", "person.weight", "person.height", "person.smoking")
"""What is listed as missing when it is not there; a target INR is known of few."""


def person_facts(record: Record) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """The facts that are known of the person, and the names of those that are missing."""
    facts = [each for each in (_age(record), _sex(record), _ancestry(record), _smoking(record)) if each]
    for rule in record_codes()["quantity"]:
        found = _quantity(record, rule)
        if found is not None:
            facts.append(found)
    known = {each.name for each in facts}
    return tuple(facts), tuple(name for name in EXPECTED if name not in known)


def _age(record: Record) -> Fact | None:
    years = record.demographics.age_on(record.as_of or latest_date(record))
    if years is None:
        return None
    return Fact(name="person.age", kind="quantity", value=years, unit="a", drawn_from=(record.demographics.origin,))


def latest_date(record: Record) -> str:
    """The date of the latest entry of the record; "" when nothing is dated."""
    dated = [
        *(each.time for each in record.observations),
        *(each.start for each in record.medications),
        *(each.start for each in record.encounters),
        *(each.time for each in record.procedures),
    ]
    return max((each[:10] for each in dated if each), default="")


def _sex(record: Record) -> Fact | None:
    if not record.demographics.sex:
        return None
    origin = (record.demographics.origin,)
    return Fact(name="person.sex", kind="code", value=record.demographics.sex, drawn_from=origin)


def _ancestry(record: Record) -> Fact | None:
    if not record.demographics.ancestry:
        return None
    value = [each.model_dump(mode="json") for each in record.demographics.ancestry]
    return Fact(name="person.ancestry", kind="code", value=value, drawn_from=(record.demographics.origin,))


def _quantity(record: Record, rule: Mapping[str, Any]) -> Fact | None:
    """The latest observation of this kind whose unit is known and whose value can be true."""
    for each in _latest_first(record, rule["codes"], rule["words"]):
        if each.quantity is None or each.quantity.comparator or each.quantity.unit not in rule["factors"]:
            continue
        value = round(each.quantity.value * rule["factors"][each.quantity.unit], 4)
        if rule["low"] <= value <= rule["high"]:
            return Fact(name=rule["name"], kind="quantity", value=value, unit=rule["unit"], drawn_from=(each.origin,))
    return None


def _latest_first(record: Record, codes: Iterable[str], words: Iterable[str]) -> list[Observation]:
    errors = record_codes()["absent"]["statuses"]
    known, spoken = set(codes), set(words)
    found = [
        each
        for each in record.observations
        if each.status not in errors
        and (any(code.code in known for code in each.code) or label(each.text, each.code).lower() in spoken)
    ]
    return sorted(found, key=lambda each: each.time, reverse=True)


def _smoking(record: Record) -> Fact | None:
    rule = record_codes()["smoking"]
    for each in _latest_first(record, rule["codes"], rule["words"]):
        codes = {code.code for code in each.coded_value}
        said = (each.text_value or label("", each.coded_value)).lower()
        smokes = bool(codes & set(rule["smokes"])) or said in rule["smokes_words"]
        if smokes or codes & set(rule["not"]) or said in rule["not_words"]:
            return Fact(name="person.smoking", kind="flag", value=smokes, drawn_from=(each.origin,))
    return None
