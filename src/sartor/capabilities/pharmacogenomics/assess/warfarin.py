"""A person's facts as inputs of the warfarin equations, with what is unknown, assumed or outside their range."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sartor.capabilities.pharmacogenomics.assess.dose_equations import Inputs
from sartor.capabilities.pharmacogenomics.assess.genes import fact_name
from sartor.capabilities.pharmacogenomics.assess.person import Person
from sartor.capabilities.pharmacogenomics.tables.dosing import WarfarinRules
from sartor.domain.evidence import Evidence, Fact
from sartor.domain.genome import GeneCall
from sartor.domain.record import Condition
from sartor.genomics.star_alleles.outside import OPEN

UNKNOWN = "unknown"
REQUIRED = ("person.age", "person.height", "person.weight")

_UNITS = {"person.age": "a", "person.height": "cm", "person.weight": "kg"}
_FACTS = {"target_inr": "person.target_inr", "smoker": "person.smoking"}


@dataclass(frozen=True)
class WarfarinPerson:
    """What the equations need of one person.

    body:       inputs that do not depend on the genotype.
    genotypes:  one set of genetic inputs per candidate that the data leave possible, best first.
    facts:      input → name of the fact that it was drawn from.
    unknown:    genes without a usable genotype.      uncovered: CYP2C9 alleles that no equation knows.
    assumed:    inputs that the record does not give and that were set to the usual value.
    outside:    inputs beyond the range of the equations.
    """

    body: Inputs
    genotypes: tuple[Inputs, ...]
    facts: Mapping[str, str]
    unknown: tuple[str, ...]
    uncovered: tuple[str, ...]
    assumed: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def counts_known(self) -> bool:
        """Whether both genotypes are known well enough to count alleles (Gage)."""
        return not self.unknown


def missing(evidence: Evidence) -> tuple[str, ...]:
    """The facts without which no equation can be evaluated."""
    return tuple(name for name in REQUIRED if _quantity(evidence, name) is None)


def gathered(evidence: Evidence, person: Person, rules: WarfarinRules) -> WarfarinPerson:
    """The inputs of a person whose age, height and weight are known."""
    years, height, weight = (_quantity(evidence, name) or 0.0 for name in REQUIRED)
    ancestry = _ancestry(evidence.get("person.ancestry"), rules)
    surface = {key: float(value) for key, value in rules.body_surface.items() if key != "source"}
    values: dict[str, float | str] = {
        "age_years": years,
        "age_decades": float(math.floor(years / 10)),
        "height_cm": height,
        "weight_kg": weight,
        "body_surface": surface["factor"] * weight ** surface["weight_power"] * height ** surface["height_power"],
        "ancestry": ancestry,
        "african_american": float(ancestry == "Black"),
    }
    facts = {"age_years": REQUIRED[0], "age_decades": REQUIRED[0], "height_cm": REQUIRED[1], "weight_kg": REQUIRED[2]}
    facts |= {"body_surface": REQUIRED[2], "ancestry": "person.ancestry", "african_american": "person.ancestry"}
    for name, drugs in (("inducer", rules.inducers), ("amiodarone", rules.amiodarone)):
        taken = [fact for fact, drug in person.medicines if drug.label.lower() in drugs]
        values[name] = float(bool(taken))
        facts |= {name: taken[0]} if taken else {}
    assumed = []
    for name, usual in rules.assumed.items():
        stated, fact = _thrombosis(evidence, rules) if name == "thrombosis" else _stated(evidence.get(_FACTS[name]))
        values[name] = usual if stated is None else stated
        facts |= {name: fact} if fact else {}
        assumed += [name] if stated is None else []
    for name, gene in (("vkorc1", "VKORC1"), ("vkorc1_a", "VKORC1"), ("cyp2c9", "CYP2C9"), ("cyp2c9_2", "CYP2C9")):
        facts[name] = fact_name(gene)
    facts["cyp2c9_3"] = facts["cyp2c9"]
    genotypes, unknown, uncovered = _genotypes(person.calls, rules)
    outside = tuple(name for name, (low, high) in rules.limits.items() if not low <= float(values[name]) <= high)
    return WarfarinPerson(values, genotypes, facts, unknown, uncovered, tuple(assumed), outside)


def _quantity(evidence: Evidence, name: str) -> float | None:
    """A positive quantity in years, centimetres or kilograms; None when absent or in another unit."""
    fact = evidence.get(name)
    if fact is None or isinstance(fact.value, bool) or not isinstance(fact.value, (int, float)):
        return None
    return float(fact.value) if fact.value > 0 and fact.unit in ("", _UNITS[name]) else None


def _stated(fact: Fact | None) -> tuple[float | None, str]:
    """A number or flag with the fact's name; None where the record does not say."""
    if fact is None or not isinstance(fact.value, (bool, int, float)):
        return None, ""
    return float(fact.value), fact.name


def _thrombosis(evidence: Evidence, rules: WarfarinRules) -> tuple[float | None, str]:
    """Whether the record's problems include a venous thrombosis; None when it lists no problem at all."""
    conditions = evidence.of_kind("condition")
    for fact in conditions:
        condition = Condition.model_validate(fact.value)
        words = " ".join([condition.text, *(code.label for code in condition.code)]).lower()
        by_code = any(code.code.startswith(rules.thrombosis_codes) for code in condition.code)
        if by_code or any(word in words for word in rules.thrombosis_words):
            return 1.0, fact.name
    return (0.0, "") if conditions else (None, "")


def _ancestry(fact: Fact | None, rules: WarfarinRules) -> str:
    """The equations' ancestry group by the words or codes of the fact; Unknown when none or several fit."""
    if fact is None:
        return "Unknown"
    words = set(_words(fact.value))
    found = [group for group, known in rules.ancestry_words.items() if words & set(known)]
    return found[0] if len(found) == 1 else "Unknown"


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value.lower(), *value.lower().replace("/", " ").replace(",", " ").split()]
    if isinstance(value, Mapping):
        return [word for part in value.values() for word in _words(part)]
    if isinstance(value, Sequence):
        return [word for part in value for word in _words(part)]
    return []


def _genotypes(
    calls: Mapping[str, GeneCall], rules: WarfarinRules
) -> tuple[tuple[Inputs, ...], tuple[str, ...], tuple[str, ...]]:
    """Every pair of VKORC1 and CYP2C9 candidates as inputs, the genes that are unknown, the alleles not covered."""
    vkorc1 = _vkorc1(calls.get("VKORC1"))
    cyp2c9, uncovered = _cyp2c9(calls.get("CYP2C9"), rules)
    unknown = tuple(gene for gene, found in (("VKORC1", vkorc1), ("CYP2C9", cyp2c9)) if found[0] == UNKNOWN)
    pairs = tuple(_counted(bases, stars) for bases, stars in itertools.product(vkorc1, cyp2c9))
    return pairs, unknown, uncovered


def _counted(bases: str, stars: str) -> Inputs:
    """One pair of genotypes as categories (IWPC) and as counts of alleles (Gage)."""
    return {
        "vkorc1": bases,
        "vkorc1_a": float(bases.count("A")),
        "cyp2c9": stars,
        "cyp2c9_2": float(stars.count("*2")),
        "cyp2c9_3": float(stars.count("*3")),
    }


def _vkorc1(call: GeneCall | None) -> list[str]:
    """The -1639 genotypes (rs9923231) on the strand of the gene: A/A, A/G or G/G; unknown when none was called."""
    names = [] if call is None else [each.phenotype for each in call.diplotypes] or list(call.phenotypes)
    found = [f"{base[0]}/{base[1]}" for name in names if (base := _bases(name))]
    return list(dict.fromkeys(found)) or [UNKNOWN]


def _bases(phenotype: str) -> str:
    bases = "".join(sorted(phenotype.removeprefix("-1639 ")))
    return bases if bases in {"AA", "AG", "GG"} else ""


def _cyp2c9(call: GeneCall | None, rules: WarfarinRules) -> tuple[list[str], tuple[str, ...]]:
    """The *1, *2, *3 genotypes that are possible; a candidate with another allele counts as unknown (as in IWPC)."""
    found, uncovered = [], []
    for diplotype in () if call is None else call.diplotypes:
        names = sorted(diplotype.alleles)
        others = [name for name in names if name not in rules.covered_cyp2c9]
        uncovered += [name for name in others if name != OPEN]
        found.append(UNKNOWN if others or len(names) != 2 else "/".join(names))
    return list(dict.fromkeys(found)) or [UNKNOWN], tuple(dict.fromkeys(uncovered))
