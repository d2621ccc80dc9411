"""FHIR data types as plain dictionaries, with codes from data/fhir_codes.toml and text made safe for FHIR."""

from __future__ import annotations

import html
import json
import re
import tomllib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from sartor.domain.code import HGNC, LOINC, SARTOR, UCUM, Coded
from sartor.domain.source import Citation

Resource = dict[str, Any]

GUIDE: Final = "http://hl7.org/fhir/uv/genomics-reporting/"
TBD_CODES: Final = f"{GUIDE}CodeSystem/tbd-codes-cs"
DATA_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
RELATED_ARTIFACT: Final = "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact"
NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, SARTOR)
_NOT_TEXT = re.compile(r"[^\S \n\t]+|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@cache
def codes() -> Mapping[str, Any]:
    """The tables of data/fhir_codes.toml."""
    return tomllib.loads(files("sartor.reporting").joinpath("data", "fhir_codes.toml").read_text("utf-8"))


@cache
def hgnc_numbers() -> Mapping[str, str]:
    """Gene symbol → HGNC id, for the genes that reports name."""
    table: dict[str, str] = json.loads(files("sartor.reporting").joinpath("data", "hgnc.json").read_text("utf-8"))
    return table


@cache
def wording(language: str = "en") -> Mapping[str, Any]:
    """The sentences of this form; English where there is no such table."""
    folder = files("sartor.reporting") / "wording"
    table = folder / f"fhir_{language}.toml"
    return tomllib.loads((table if table.is_file() else folder / "fhir_en.toml").read_text("utf-8"))


def say(key: str, **values: object) -> str:
    """One sentence of the wording table, such as "genotype.not_called"."""
    section, _, name = key.partition(".")
    return str(wording()[section][name]).format(**values)


def text(value: object) -> str:
    """Text as FHIR allows it: no control characters, nothing but content at both ends."""
    return _NOT_TEXT.sub(" ", str(value)).strip()


def token(value: object) -> str:
    """A code as FHIR allows it: single blanks inside, none outside."""
    return " ".join(text(value).split())


def fhir_date(value: str) -> str | None:
    """An ISO date, possibly partial, or None when it is no date."""
    found = _PARTIAL_DATE.match(value.strip())
    if found is None:
        return None
    try:
        date.fromisoformat((found[0] + "-01-01")[:10])
    except ValueError:
        return None
    return found[0] if date.fromisoformat((found[0] + "-01-01")[:10]).year > 0 else None


def fhir_instant(value: str) -> str | None:
    """An ISO time with zone, or None when it is none."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.isoformat(timespec="seconds") if moment.tzinfo else None


def coding(system: str, code: str, display: str = "") -> Resource | None:
    """A Coding; None without a code."""
    if not token(code):
        return None
    return cleaned({"system": uri(system), "code": token(code), "display": text(display)})


def concept(*codings: Resource | None, words: str = "") -> Resource:
    """A CodeableConcept of codings and text."""
    found = [each for each in codings if each]
    return cleaned({"coding": found, "text": text(words)})


def loinc(name: str, table: str = "loinc") -> Resource:
    """A concept of the code table by its name there."""
    code, display = codes()[table][name][:2]
    return concept(coding(LOINC, code, display))


def ours(code: str, display: str = "") -> Resource:
    """A concept of this project's own code system."""
    return concept(coding(SARTOR, code, display))


def of(coded: Coded) -> Resource:
    """A domain concept."""
    return concept(coding(coded.system, coded.code, coded.label), words=coded.label or coded.code)


def gene(symbol: str) -> Resource:
    """A gene by its HGNC id; by name alone when the id is not known."""
    return concept(coding(HGNC, hgnc_numbers().get(symbol, ""), symbol), words=symbol)


def uri(value: str) -> str:
    """A URI without blanks; "" when it is none."""
    return "" if re.search(r"\s", value.strip()) else text(value)


def quantity(value: float, unit: str = "1") -> Resource:
    """A Quantity in a UCUM unit."""
    return cleaned({"value": value, "unit": text(unit), "system": UCUM, "code": token(unit)})


def reference(resource: Resource, display: str = "") -> Resource:
    """A Reference to a resource of the same bundle."""
    return cleaned({"reference": f"urn:uuid:{resource['id']}", "display": text(display)})


def component(code: Resource, **value: Any) -> Resource:
    """A component of an Observation; of its code alone when the value is empty."""
    return cleaned({"code": code, **value})


def narrative(*lines: str) -> Resource | None:
    """Generated narrative of one or more lines; None without content."""
    kept = [html.escape(text(line), quote=False) for line in lines if text(line)]
    if not kept:
        return None
    body = "".join(f"<p>{line}</p>" for line in kept)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}


def notes(lines: Iterable[str]) -> list[Resource]:
    """Annotations, one per line."""
    return [{"text": text(line)} for line in lines if text(line)]


def citation(source: Citation) -> Resource:
    """A citation as the guide wants it: the workflow-relatedArtifact extension."""
    url = source.url or (f"https://doi.org/{source.doi}" if source.doi else "")
    url = url or (f"https://pubmed.ncbi.nlm.nih.gov/{source.pmid}/" if source.pmid else "")
    words = ", ".join(
        text(part)
        for part in (source.title, source.version, source.date, f"PMID {source.pmid}" if source.pmid else "")
        if text(part)
    )
    artifact = {"type": "citation", "display": text(source.title or source.id), "citation": words, "url": uri(url)}
    return {"url": RELATED_ARTIFACT, "valueRelatedArtifact": cleaned(artifact)}


def absent(reason: str) -> Resource:
    """The reason why a value is absent, as a concept."""
    return concept(coding(DATA_ABSENT, reason))


def profile(name: str) -> Resource:
    """`meta` with a profile of the guide."""
    return {"profile": [f"{GUIDE}StructureDefinition/{name}"]}


def extension(name: str, **content: Any) -> Resource:
    """An extension of the guide by its short name."""
    return {"url": f"{GUIDE}StructureDefinition/{name}", **content}


def laboratory_genetics() -> list[Resource]:
    """The two categories that every observation of the guide has."""
    return [
        concept(coding("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")),
        genetics(),
    ]


def genetics() -> Resource:
    """The category of the genetics section."""
    return concept(coding("http://terminology.hl7.org/CodeSystem/v2-0074", "GE"))


def cleaned(value: Mapping[str, Any]) -> Resource:
    """The same without what is empty: None, "", [], {}."""
    return {key: each for key, each in value.items() if each is not None and each not in ("", [], {}, ())}


def identifier(parts: Sequence[str]) -> str:
    """A name-based id: the same parts give the same id, always."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))
