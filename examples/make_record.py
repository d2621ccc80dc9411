"""The example patient's story as a FHIR R4 bundle: some ten years of an invented woman's care."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

Resource = dict[str, Any]
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
TERMS = "http://terminology.hl7.org/CodeSystem/"
TODAY = date(2025, 10, 20)
STENT = date(2025, 9, 29)

OUTSIDE_CALLS = """# CYP2D6 and HLA-B of the example patient, as a laboratory reports them
# gene	diplotype	phenotype	activity score
CYP2D6	*1/*4
HLA-B	*07:02/*58:01
"""

CONDITIONS = [
    ("Essential hypertension", "59621000", "I10", "2014-03-11", ""),
    ("Hyperlipidaemia", "55822004", "E78.5", "2015-06-02", ""),
    ("Deep vein thrombosis of the lower leg", "404223003", "I82.4", "2018-11-05", "2019-06-12"),
    ("Recurrent depressive disorder", "191616006", "F33.9", "2016-02-18", ""),
    ("Chronic tension-type headache", "398987004", "G44.2", "2017-09-01", ""),
    ("Prediabetes", "714628002", "R73.0", "2021-04-20", ""),
    ("Osteoarthritis of the knee", "239873007", "M17.9", "2020-01-14", ""),
    ("Acute bronchitis", "10509002", "J20.9", "2019-12-02", "2019-12-16"),
    ("Cystitis", "38822007", "N30.0", "2022-07-08", "2022-07-15"),
    ("Non-ST segment elevation myocardial infarction", "401314000", "I21.4", "2025-09-28", ""),
    ("Coronary arteriosclerosis", "53741008", "I25.1", "2025-09-29", ""),
]

# text, codings, status, authored, bounds end, dose, frequency per day, reason (SNOMED of a condition)
MEDICATIONS = [
    (
        "Clopidogrel 75 MG Oral Tablet",
        [(RXNORM, "309362")],
        "active",
        "2025-09-29",
        "",
        "75 mg once daily",
        "401314000",
    ),
    ("Aspirin 81 MG Oral Tablet", [(RXNORM, "243670")], "active", "2025-09-29", "", "81 mg once daily", "401314000"),
    (
        "Simvastatin 40 mg tablets",
        [(RXNORM, "36567"), (ATC, "C10AA01")],
        "active",
        "2015-06-02",
        "",
        "40 mg at night",
        "55822004",
    ),
    (
        "Paroxetine hydrochloride 20 mg tablets",
        [(RXNORM, "32937")],
        "active",
        "2024-01-15",
        "",
        "20 mg in the morning",
        "191616006",
    ),
    (
        "Amitriptyline hydrochloride 25 mg tablets",
        [(RXNORM, "704"), (ATC, "N06AA09")],
        "active",
        "2025-02-03",
        "",
        "25 mg at night",
        "398987004",
    ),
    (
        "Metoprolol succinate 47.5 mg prolonged-release tablets",
        [(RXNORM, "6918")],
        "active",
        "2025-09-30",
        "",
        "47.5 mg once daily",
        "401314000",
    ),
    ("Ramipril 5 mg tablets", [(ATC, "C09AA05")], "active", "2014-03-11", "", "5 mg once daily", "59621000"),
    (
        "Pantoprazole 40 mg gastro-resistant tablets",
        [(RXNORM, "40790")],
        "active",
        "2025-09-29",
        "",
        "40 mg once daily",
        "",
    ),
    (
        "Co-codamol 30 mg/500 mg tablets",
        [],
        "active",
        "2025-08-11",
        "",
        "1 to 2 tablets up to four times daily, as needed",
        "239873007",
    ),
    (
        "Warfarin Sodium 5 MG Oral Tablet",
        [(RXNORM, "855332")],
        "completed",
        "2018-11-06",
        "2019-06-12",
        "by INR",
        "404223003",
    ),
    (
        "Citalopram 20 mg tablets",
        [(RXNORM, "2556")],
        "stopped",
        "2016-02-18",
        "2024-01-14",
        "20 mg once daily",
        "191616006",
    ),
    (
        "Sertraline 50 mg tablets",
        [(RXNORM, "36437")],
        "stopped",
        "2024-01-02",
        "2024-01-14",
        "50 mg once daily",
        "191616006",
    ),
    (
        "Clarithromycin 500 mg tablets",
        [(ATC, "J01FA09")],
        "completed",
        "2019-12-02",
        "2019-12-09",
        "500 mg twice daily",
        "10509002",
    ),
    (
        "Nitrofurantoin 100 mg capsules",
        [(RXNORM, "7454")],
        "completed",
        "2022-07-08",
        "2022-07-13",
        "100 mg twice daily",
        "38822007",
    ),
    (
        "Ibuprofen 400 mg tablets",
        [(RXNORM, "5640")],
        "stopped",
        "2020-01-14",
        "2025-09-28",
        "400 mg as needed",
        "239873007",
    ),
    ("Timolol 0.5 % eye drops", [(ATC, "S01ED01")], "stopped", "2021-05-03", "2021-11-30", "1 drop twice daily", ""),
    ("Escitalopram 10 mg tablets", [(RXNORM, "321988")], "entered-in-error", "2023-12-20", "", "10 mg once daily", ""),
]

# name, LOINC, UCUM unit, mean, spread, decimals, times a year
LABS = [
    ("Creatinine [Mass/volume] in Serum or Plasma", "2160-0", "mg/dL", 0.86, 0.06, 2, 2),
    ("Cholesterol [Mass/volume] in Serum or Plasma", "2093-3", "mg/dL", 211, 14, 0, 2),
    ("Cholesterol in HDL [Mass/volume] in Serum or Plasma", "2085-9", "mg/dL", 52, 4, 0, 2),
    ("Cholesterol in LDL [Mass/volume] in Serum or Plasma", "2089-1", "mg/dL", 131, 12, 0, 2),
    ("Triglyceride [Mass/volume] in Serum or Plasma", "2571-8", "mg/dL", 148, 22, 0, 2),
    ("Hemoglobin A1c/Hemoglobin.total in Blood", "4548-4", "%", 5.9, 0.15, 1, 1),
    ("Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "1742-6", "U/L", 27, 6, 0, 2),
    ("Creatine kinase [Enzymatic activity/volume] in Serum or Plasma", "2157-6", "U/L", 118, 25, 0, 1),
    ("Hemoglobin [Mass/volume] in Blood", "718-7", "g/dL", 13.4, 0.4, 1, 2),
    ("Platelets [#/volume] in Blood by Automated count", "777-3", "10*3/uL", 248, 20, 0, 2),
    ("Potassium [Moles/volume] in Serum or Plasma", "2823-3", "mmol/L", 4.3, 0.2, 1, 2),
    ("Sodium [Moles/volume] in Serum or Plasma", "2951-2", "mmol/L", 140, 1.5, 0, 1),
]

FAMILY = [
    ("FTH", "father", "male", "M", True, [("Myocardial infarction", "22298006", 54)]),
    ("MTH", "mother", "female", "F", False, [("Gout", "90560007", 66), ("Osteoporosis", "64859006", 70)]),
    ("BRO", "brother", "male", "M", False, [("Malignant hyperthermia due to anaesthesia", "405501007", 31)]),
]

NOTES = [
    ("2025-09-30", "Cardiology discharge letter", """Admitted with non-ST elevation myocardial infarction.
Coronary angiography on 29 September 2025: one drug-eluting stent in the left anterior descending artery.
Dual antiplatelet therapy with aspirin and clopidogrel planned for twelve months.
No history of bleeding. Father had a myocardial infarction at 54."""),
    ("2025-02-03", "Family practice note", """Headache on most days for several months; paroxetine is well tolerated.
Started amitriptyline 25 mg at night. Says that codeine never helped her knee much, no dizziness.
Complains of muscle aches in both thighs since the winter; creatine kinase to be repeated."""),
    ("2019-06-12", "Anticoagulation clinic letter", """Warfarin stopped after seven months.
A stable INR was reached with 22.5 mg per week only; two minor nose bleeds in the first weeks."""),
    ("2024-01-15", "Family practice note", """Citalopram stopped after eight years because of QTc 478 ms.
Sertraline was not tolerated (nausea). Changed to paroxetine 20 mg."""),
]  # fmt: skip


class _Maker:
    """Gives out ids in order, so that the bundle is always the same."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def new(self, kind: str, **fields: Any) -> Resource:
        return {"resourceType": kind, "id": str(UUID(int=self.random.getrandbits(128), version=4)), **fields}


def bundle(random: Random) -> Resource:
    """The bundle; every resource has a fullUrl, references go by it."""
    make = _Maker(random)
    patient = _patient(make)
    subject = {"reference": f"urn:uuid:{patient['id']}"}
    conditions = [_condition(make, subject, *row) for row in CONDITIONS]
    resources = [
        patient,
        make.new("Organization", name="Muster Family Practice"),
        *conditions,
        *_medications(make, subject, conditions),
        *_allergies(make, subject),
        *_visits(make, subject),
        *_laboratory(make, subject),
        *_inr(make, subject),
        *_social(make, subject),
        *_rest(make, subject),
    ]
    entries = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": f"{TODAY}T09:00:00+02:00", "entry": entries}


def _concept(text: str, *codings: tuple[str, str], display: bool = True) -> Resource:
    listed = [{"system": system, "code": code, **({"display": text} if display else {})} for system, code in codings]
    return {**({"coding": listed} if listed else {}), "text": text}


def _status(system: str, code: str) -> Resource:
    return {"coding": [{"system": TERMS + system, "code": code}]}


def _patient(make: _Maker) -> Resource:
    race = {"url": "ombCategory", "valueCoding": {
        "system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}}  # fmt: skip
    return make.new(
        "Patient",
        extension=[
            {"url": CORE + "race", "extension": [race, {"url": "text", "valueString": "White"}]},
            {"url": CORE + "birthsex", "valueCode": "F"},
        ],
        identifier=[
            {
                "type": {"coding": [{"system": TERMS + "v2-0203", "code": "MR"}]},
                "system": "https://example.org/records",
                "value": "EX-000042",
            }
        ],
        name=[{"use": "official", "family": "Beispiel", "given": ["Ada"]}],
        gender="female",
        birthDate="1967-05-14",
    )


def _condition(make: _Maker, subject: Resource, text: str, snomed: str, icd: str, onset: str, end: str) -> Resource:
    ended = {"abatementDateTime": end} if end else {}
    return make.new(
        "Condition",
        clinicalStatus=_status("condition-clinical", "resolved" if end else "active"),
        verificationStatus=_status("condition-ver-status", "confirmed"),
        code=_concept(text, (SNOMED, snomed), (ICD_10, icd)),
        subject=subject,
        onsetDateTime=onset,
        **ended,
    )


def _medications(make: _Maker, subject: Resource, conditions: list[Resource]) -> Iterator[Resource]:
    by_code = {each["code"]["coding"][0]["code"]: each["id"] for each in conditions}
    for text, codings, status, authored, end, dose, reason in MEDICATIONS:
        dosage: Resource = {"text": dose}
        if end:
            dosage["timing"] = {"repeat": {"boundsPeriod": {"start": authored, "end": end}}}
        because = {"reasonReference": [{"reference": f"urn:uuid:{by_code[reason]}"}]} if reason else {}
        yield make.new(
            "MedicationRequest",
            status=status,
            intent="order",
            medicationCodeableConcept=_concept(text, *codings),
            subject=subject,
            authoredOn=authored,
            dosageInstruction=[dosage],
            **because,
        )
    yield from _other_medicines(make, subject)


def _other_medicines(make: _Maker, subject: Resource) -> Iterator[Resource]:
    """What is not an order: a statement with a contained Medication, a given dose, a proposal."""
    oil = {"resourceType": "Medication", "id": "fish", "code": {"text": "Omega-3 fatty acids 1 g capsules"}}
    yield make.new(
        "MedicationStatement",
        contained=[oil],
        status="active",
        medicationReference={"reference": "#fish"},
        subject=subject,
        effectivePeriod={"start": "2023-01-01"},
        dosage=[{"text": "1 capsule daily"}],
    )
    yield make.new(
        "MedicationStatement",
        status="completed",
        medicationCodeableConcept=_concept("St. John's wort 300 mg tablets"),
        subject=subject,
        effectivePeriod={"start": "2015-10-01", "end": "2016-02-17"},
    )
    yield make.new(
        "MedicationAdministration",
        status="completed",
        medicationCodeableConcept=_concept("Ondansetron 4 mg injection", (RXNORM, "26225")),
        subject=subject,
        effectiveDateTime=f"{STENT}T14:20:00+02:00",
        dosage={"dose": {"value": 4, "unit": "mg", "system": UCUM, "code": "mg"}},
    )
    yield make.new(
        "MedicationRequest",
        status="active",
        intent="proposal",
        medicationCodeableConcept=_concept("Allopurinol 100 MG Oral Tablet", (RXNORM, "197319")),
        subject=subject,
        authoredOn="2025-10-13",
        dosageInstruction=[{"text": "100 mg once daily"}],
    )


def _allergies(make: _Maker, subject: Resource) -> Iterator[Resource]:
    listed = [("Penicillin V", (SNOMED, "372725003"), "high", "Urticaria", "126485001", "1989-08-02"),
              ("Tramadol", (RXNORM, "10689"), "low", "Nausea and vomiting", "16932000", "2020-03-10")]  # fmt: skip
    for text, code, criticality, reaction, snomed, recorded in listed:
        yield make.new(
            "AllergyIntolerance",
            clinicalStatus=_status("allergyintolerance-clinical", "active"),
            verificationStatus=_status("allergyintolerance-verification", "confirmed"),
            category=["medication"],
            criticality=criticality,
            code=_concept(text, code),
            patient=subject,
            recordedDate=recorded,
            reaction=[{"manifestation": [_concept(reaction, (SNOMED, snomed))]}],
        )


def _observation(make: _Maker, subject: Resource, category: str, code: Resource, when: str, **value: Any) -> Resource:
    return make.new(
        "Observation",
        status="final",
        category=[_status("observation-category", category)],
        code=code,
        subject=subject,
        effectiveDateTime=when,
        **value,
    )


def _quantity(value: float, unit: str) -> Resource:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


def _visits(make: _Maker, subject: Resource) -> Iterator[Resource]:
    """Visits every half year with weight, height and blood pressure."""
    day, weight = date(2015, 6, 2), 66.0
    while day < TODAY:
        weight += make.random.uniform(-0.4, 0.7)
        yield make.new(
            "Encounter",
            status="finished",
            **{"class": {"system": TERMS + "v3-ActCode", "code": "AMB"}},
            type=[_concept("Encounter for check up", (SNOMED, "185349003"))],
            subject=subject,
            period={"start": f"{day}T09:00:00+02:00", "end": f"{day}T09:20:00+02:00"},
        )
        for text, code, value, unit in (("Body weight", "29463-7", round(weight, 1), "kg"),
                                        ("Body height", "8302-2", 165, "cm")):  # fmt: skip
            concept = _concept(text, (LOINC, code))
            yield _observation(make, subject, "vital-signs", concept, str(day), **_quantity(value, unit))
        yield _pressure(make, subject, day)
        day += timedelta(days=182)


def _pressure(make: _Maker, subject: Resource, day: date) -> Resource:
    parts = [("Systolic blood pressure", "8480-6", make.random.randint(126, 146)),
             ("Diastolic blood pressure", "8462-4", make.random.randint(76, 90))]  # fmt: skip
    component = [{"code": _concept(text, (LOINC, code)), **_quantity(value, "mm[Hg]")} for text, code, value in parts]
    panel = _concept("Blood pressure panel", (LOINC, "85354-9"))
    return _observation(make, subject, "vital-signs", panel, str(day), component=component)


def _laboratory(make: _Maker, subject: Resource) -> Iterator[Resource]:
    for text, code, unit, mean, spread, decimals, per_year in LABS:
        day = date(2016, 3, 1)
        while day < TODAY:
            value = round(make.random.gauss(mean, spread), decimals)
            measured = _quantity(int(value) if decimals == 0 else value, unit)
            yield _observation(make, subject, "laboratory", _concept(text, (LOINC, code)), str(day), **measured)
            day += timedelta(days=365 // per_year)


def _inr(make: _Maker, subject: Resource) -> Iterator[Resource]:
    """INR while she took warfarin."""
    concept = _concept("INR in Platelet poor plasma by Coagulation assay", (LOINC, "6301-6"))
    for index, value in enumerate((1.1, 2.9, 4.1, 3.4, 2.8, 2.5, 2.4, 2.6, 2.3, 2.5)):
        day = date(2018, 11, 6) + timedelta(days=6 + index * 21)
        yield _observation(make, subject, "laboratory", concept, str(day), **_quantity(value, "{INR}"))


def _social(make: _Maker, subject: Resource) -> Iterator[Resource]:
    smoking = _concept("Tobacco smoking status", (LOINC, "72166-2"))
    value = {"valueCodeableConcept": _concept("Ex-smoker", (SNOMED, "8517006"))}
    yield _observation(make, subject, "social-history", smoking, "2025-09-28", **value)
    drinking = _concept("Alcoholic drinks per week", (LOINC, "74013-4"))
    yield _observation(make, subject, "social-history", drinking, "2025-09-28", **_quantity(2, "{drinks}/wk"))


def _rest(make: _Maker, subject: Resource) -> Iterator[Resource]:
    """Procedures, relatives, notes, vaccinations, consent, and a report that is counted only."""
    stent = _concept("Percutaneous coronary intervention with drug-eluting stent", (SNOMED, "415070008"))
    yield make.new("Procedure", status="completed", code=stent, subject=subject,
                   performedDateTime=f"{STENT}T13:10:00+02:00")  # fmt: skip
    yield from _relatives(make, subject)
    for day, title, text in NOTES:
        data = base64.b64encode(text.encode()).decode()
        attachment = {"contentType": "text/plain; charset=utf-8", "data": data, "title": title}
        kind = _concept("Progress note", (LOINC, "11506-3"))
        yield make.new("DocumentReference", status="current", type=kind, subject=subject, date=f"{day}T12:00:00Z",
                       description=title, content=[{"attachment": attachment}])  # fmt: skip
    for year in range(2016, 2026):
        vaccine = _concept("Influenza, injectable", ("http://hl7.org/fhir/sid/cvx", "158"))
        yield make.new("Immunization", status="completed", vaccineCode=vaccine, patient=subject,
                       occurrenceDateTime=f"{year}-10-04")  # fmt: skip
    yield make.new(
        "Consent",
        status="active",
        scope={"coding": [{"system": TERMS + "consentscope", "code": "treatment"}]},
        category=[_concept("Genetic testing consent", (LOINC, "59284-0"))],
        patient=subject,
        dateTime="2025-10-06",
        policyRule={"text": "Use of genetic data for her own treatment"},
        provision={"type": "permit"},
    )
    panel = _concept("Lipid panel", (LOINC, "57698-3"))
    yield make.new("DiagnosticReport", status="final", code=panel, subject=subject, effectiveDateTime="2025-09-28")


def _relatives(make: _Maker, subject: Resource) -> Iterator[Resource]:
    for code, text, sex, _, dead, conditions in FAMILY:
        gender = {"coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": sex}]}
        yield make.new(
            "FamilyMemberHistory",
            status="completed",
            patient=subject,
            relationship=_concept(text, (TERMS + "v3-RoleCode", code)),
            sex=gender,
            deceasedBoolean=dead,
            condition=[
                {
                    "code": _concept(name, (SNOMED, snomed)),
                    "onsetAge": {"value": age, "unit": "a", "system": UCUM, "code": "a"},
                }
                for name, snomed, age in conditions
            ],
        )
