"""Coded concepts: a code, the system that it belongs to, and its label."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC: Final = "http://www.whocc.no/atc"
HGNC: Final = "http://www.genenames.org"
SNOMED_CT: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
ICD_10: Final = "http://hl7.org/fhir/sid/icd-10"
UCUM: Final = "http://unitsofmeasure.org"
PHARMGKB: Final = "https://www.pharmgkb.org"
SARTOR: Final = "https://sartor.health/code"


class Frozen(BaseModel):
    """The base of every domain type: immutable, and no field that the schema does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Coded(Frozen):
    """One concept: `system` is a URI, `code` its code there, `label` a short human name."""

    system: str
    code: str
    label: str = ""
