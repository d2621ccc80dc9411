"""From a record to the inputs that each model's card names: facts called <model>.<feature>, and what is missing.

A feature is found by its card's code in observations, conditions or medicines, by age or sex, or, where the card says
nothing, by the words that tables of patients use. What a record does not mention is missing, and is "no" only where the
card says that training's records were kept in that way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sartor.capabilities.learned_risk.gather.findings import FINDING, from_findings
from sartor.capabilities.learned_risk.gather.reasons import say
from sartor.capabilities.learned_risk.tables import CAPABILITY
from sartor.domain.code import ATC, ICD_10, LOINC, RXNORM, SNOMED_CT, Coded
from sartor.domain.evidence import Evidence, Fact, Missing
from sartor.domain.finding import Finding
from sartor.domain.model import Feature, ModelCard
from sartor.domain.record import Condition, Medication, Observation, Record
from sartor.domain.source import Knowledge
from sartor.knowledge import measurements, units

AGE, SEX, OBSERVATION, CONDITION, MEDICATION = (
    "demographics.age", "demographics.sex", "observation", "condition", "medication",
)  # fmt: skip
RETRACTED = frozenset({"entered-in-error", "cancelled"})
RULED_OUT = frozenset({"refuted", "entered-in-error"})
OVER = frozenset({"inactive", "remission", "resolved"})
_BY_SYSTEM = {LOINC: OBSERVATION, SNOMED_CT: CONDITION, ICD_10: CONDITION, RXNORM: MEDICATION, ATC: MEDICATION}


def gather(record: Record, knowledge: Knowledge) -> Evidence:
    """What is known of this person that the models need; nothing at all without a model."""
    facts: list[Fact] = []
    missing: list[Missing] = []
    for handed in knowledge.models:
        found = facts_of(record, handed.card, knowledge.findings)
        known = {fact.name for fact in found}
        facts += found
        for feature in handed.card.features:
            if (name := fact_name(handed.card, feature)) not in known:
                missing.append(_missing(name, feature, handed.card))
    return Evidence(capability=CAPABILITY, facts=tuple(facts), missing=tuple(missing))


def facts_of(record: Record, card: ModelCard, findings: Sequence[Finding] = ()) -> list[Fact]:
    """The facts of one model: one for each feature that the record, or what others found in it, answers."""
    facts = (
        from_findings(findings, feature, fact_name(card, feature))
        if source_of(feature).startswith(FINDING)
        else _fact(record, feature, fact_name(card, feature))
        for feature in card.features
    )
    return [each for each in facts if each]


def fact_name(card: ModelCard, feature: Feature) -> str:
    """What a feature's fact is called."""
    return f"{card.name}.{feature.name}"


def source_of(feature: Feature) -> str:
    """Where the patient flow finds a feature; "" when nothing says so."""
    if feature.drawn_from not in ("", "column"):
        return feature.drawn_from
    if feature.code is not None:
        return _BY_SYSTEM.get(feature.code.system, "")
    column = measurements.column(feature.name)
    if column is None:
        return ""
    if column.role == "sex":
        return SEX
    if column.measurement is None:
        return ""
    return AGE if column.measurement.name == "age" else OBSERVATION


def _missing(name: str, feature: Feature, card: ModelCard) -> Missing:
    label = feature.label or feature.name
    source = source_of(feature)
    kind = "not_found" if source.startswith(FINDING) else "not_recorded" if source else "not_mapped"
    values = {"feature": label, "model": card.title, "unit": feature.unit or "1"}
    values["capability"] = source.removeprefix(FINDING) if kind == "not_found" else "-"
    return Missing(name=f"{card.title}: {label}", reason=say(kind, values), remedy=say(f"{kind}_remedy", values))


def _fact(record: Record, feature: Feature, name: str) -> Fact | None:
    source = source_of(feature)
    if source == AGE:
        return _age(record, name)
    if source == SEX:
        return _sex(record, feature, name)
    if source == OBSERVATION:
        return _observation(record, feature, name)
    if source == CONDITION:
        return _condition(record, feature, name)
    if source == MEDICATION:
        return _medication(record, feature, name)
    return None


def _age(record: Record, name: str) -> Fact | None:
    years = record.demographics.age_on(record.as_of or _latest(record))
    if years is None:
        return None
    return Fact(name=name, kind="quantity", value=years, unit="a", drawn_from=(record.demographics.origin,))


def _latest(record: Record) -> str:
    dated = (*(each.time for each in record.observations), *(each.start for each in record.encounters))
    return max((each[:10] for each in dated if each), default="")


def _sex(record: Record, feature: Feature, name: str) -> Fact | None:
    """The sex as the model's training wrote it ("M", "female", 1 for male is not guessed)."""
    stated = record.demographics.sex
    label = next((each for each in feature.categories if stated and measurements.sex(each) == stated), "")
    if not label:
        return None
    return Fact(name=name, kind="code", value=label, drawn_from=(record.demographics.origin,))


def _observation(record: Record, feature: Feature, name: str) -> Fact | None:
    """The latest observation of this code that is final and whose unit leads to the model's."""
    measured = _measurement(feature)
    codes = {feature.code.code} if feature.code else set()
    if measured is not None:
        codes |= {measured.loinc, measured.molar_loinc} - {""}
    found = [
        each
        for each in record.observations
        if each.status not in RETRACTED and any(code.code in codes and code.system in (LOINC, "") for code in each.code)
    ]
    for each in sorted(found, key=lambda one: one.time, reverse=True):
        if (value := _value(each, feature, measured)) is not None:
            return value.model_copy(update={"name": name})
    return None


def _measurement(feature: Feature) -> measurements.Measurement | None:
    if feature.code is not None:
        known = measurements.measurements().by_words.values()
        return next((each for each in known if feature.code.code in (each.loinc, each.molar_loinc)), None)
    column = measurements.column(feature.name)
    return None if column is None else column.measurement


def _value(each: Observation, feature: Feature, measured: measurements.Measurement | None) -> Fact | None:
    if feature.kind != "number":
        said = [each.text_value, *(code.code for code in each.coded_value), *(code.label for code in each.coded_value)]
        label = next((one for one in feature.categories for text in said if text and one.lower() == text.lower()), "")
        return Fact(name="", kind="code", value=label, drawn_from=(each.origin,)) if label else None
    if each.quantity is None or each.quantity.comparator:
        return None
    unit = _unit(feature, measured)
    value: float | None = each.quantity.value
    if unit:
        value = units.convert(
            each.quantity.value, each.quantity.unit, unit, measurement=measured.name if measured else ""
        )
    elif each.quantity.unit:
        unit = measurements.unit(each.quantity.unit)
        value = each.quantity.value if not measured else None
    if value is None:
        return None
    return Fact(name="", kind="quantity", value=value, unit=unit, drawn_from=(each.origin,))


def _unit(feature: Feature, measured: measurements.Measurement | None) -> str:
    """The unit that the model was trained in, as the card, the column's name or the measurement fixes it."""
    if feature.unit:
        return feature.unit
    column = measurements.column(feature.name)
    if column is not None and column.unit:
        return column.unit
    return measured.unit if measured is not None else ""


def _condition(record: Record, feature: Feature, name: str) -> Fact | None:
    for each in record.conditions:
        if _has(each.code, feature.code) and each.verification not in RULED_OUT and each.status not in OVER:
            return _flag(feature, name, present=True, entry=each)
    refuted = [each for each in record.conditions if _has(each.code, feature.code) and each.verification == "refuted"]
    if refuted:
        return _flag(feature, name, present=False, entry=refuted[0])
    return _flag(feature, name, present=False, entry=None) if feature.absent == "no" else None


def _medication(record: Record, feature: Feature, name: str) -> Fact | None:
    for each in record.medications:
        coded = (*each.code, *(match.drug for match in each.drugs))
        if _has(coded, feature.code) and each.current is not False and each.status not in RETRACTED:
            return _flag(feature, name, present=True, entry=each)
    return _flag(feature, name, present=False, entry=None) if feature.absent == "no" else None


def _has(codes: tuple[Coded, ...], wanted: Coded | None) -> bool:
    """Whether one of the codes is the wanted one; an ICD-10 or ATC code stands for all below it."""
    if wanted is None:
        return False
    whole = wanted.system in (ICD_10, ATC)
    return any(
        each.system == wanted.system and (each.code.startswith(wanted.code) if whole else each.code == wanted.code)
        for each in codes
    )


def _flag(feature: Feature, name: str, *, present: bool, entry: Condition | Medication | None) -> Fact | None:
    origin = () if entry is None else (entry.origin,)
    if feature.kind == "number":
        return Fact(name=name, kind="quantity", value=1.0 if present else 0.0, unit="1", drawn_from=origin)
    label = next(_labels(feature, present=present), "")
    return Fact(name=name, kind="code", value=label, drawn_from=origin) if label else None


def _labels(feature: Feature, *, present: bool) -> Iterator[str]:
    spoken = {"yes", "1", "true", "y", "present"} if present else {"no", "0", "false", "n", "absent"}
    return (each for each in feature.categories if each.lower() in spoken)
