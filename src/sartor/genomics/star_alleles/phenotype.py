"""What alleles mean: functions, activity scores, phenotypes and guideline look-up keys of one gene, from its table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sartor.domain.genome import Diplotype

UNASSIGNED = "n/a"
"""What a table says of an allele or pair that it does not list, or whose score cannot be added up."""

_AT_LEAST = "≥"
_COPIES = re.compile(r"^(?P<allele>.+?)[x×X](?P<count>≥?\d+|[Nn])$")


@dataclass(frozen=True, eq=False)
class GenePhenotypes:
    """The phenotype table of one gene.

    by:        "function" (pairs of functions decide), "score" (the sum of activity values decides) or
               "presence" (carrying an allele at all decides, as for HLA).
    functions: allele → clinical function.       values: allele → activity value as text ("1.0", "≥3.0", "n/a").
    rules:     functions, sorted → phenotype.    scores: score as text → phenotype.
    exceptions: alleles, sorted → phenotype, where a published row departs from the rules.
    severity:  functions from the most to the least consequential; set for genes whose variants are listed
               one by one, where the two most consequential decide (DPYD, RYR1).
    presence:  the alleles whose presence is looked for.
    """

    gene: str
    by: str
    source: str = ""
    version: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=dict)
    exceptions: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    severity: tuple[str, ...] = ()
    presence: tuple[str, ...] = ()

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """Any order or spacing of a tandem ("*36+*10") → the table's own spelling."""
        return {_unordered(name): name for name in self.functions if "+" in name}

    @cached_property
    def without_blanks(self) -> Mapping[str, str]:
        """Allele without its blanks → the table's spelling."""
        return {name.replace(" ", ""): name for name in self.functions}

    @property
    def is_haploid(self) -> bool:
        """Whether the gene has one copy in everybody (mitochondrial)."""
        return bool(self.rules) and all(len(functions) == 1 for functions in self.rules)

    @cached_property
    def ranks(self) -> Mapping[str, tuple[float, int]]:
        """Allele → how consequential it is, the lowest first: by activity value, else by function."""
        ranks = {}
        for name, function in self.functions.items():
            place = self.severity.index(function) if function in self.severity else len(self.severity)
            number = as_number(self.values.get(name, ""))
            ranks[name] = (number if number is not None else float(place), place)
        return ranks

    @property
    def is_variant_list(self) -> bool:
        """Whether the two most consequential of any number of variants decide."""
        return bool(self.severity)


def table_from_json(gene: str, entry: Mapping[str, Any]) -> GenePhenotypes:
    """One gene of a compiled phenotype table (schema sartor/phenotypes/1)."""
    return GenePhenotypes(
        gene=gene,
        by=entry["by"],
        source=entry.get("source", ""),
        version=entry.get("version", ""),
        functions=_ungrouped(entry.get("functions", {})),
        values=_ungrouped(entry.get("values", {})),
        rules={tuple(key): phenotype for key, phenotype in entry.get("rules", ())},
        scores=entry.get("scores", {}),
        exceptions={tuple(key): phenotype for key, phenotype in entry.get("exceptions", ())},
        severity=tuple(entry.get("severity", ())),
        presence=tuple(entry.get("presence", ())),
    )


def _ungrouped(groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: value for value, names in groups.items() for name in names}


def diplotype(
    table: GenePhenotypes | None,
    alleles: Sequence[str],
    *,
    score: float | None = None,
    probability: float | None = None,
    prior: str = "",
) -> Diplotype:
    """The diplotype of these alleles (two, or one on a haploid chromosome) with all that the table says of it.

    Without a table phenotype and key stay empty; what the table does not list, or assigns no phenotype, is "n/a".
    `score` is the matcher's, `probability` and `prior` those of a candidate weighed by frequency.
    """
    given = {"alleles": tuple(alleles), "score": score, "probability": probability, "prior": prior}
    if table is None:
        return Diplotype(**given)
    if table.by == "presence":
        status = presence_status(table, alleles)
        return Diplotype(**given, phenotype=status, lookup_key=status)
    names = [canonical(table, name) for name in alleles]
    text = activity_text(table, names)
    phenotype = _phenotype(table, names, text)
    return Diplotype(
        **given,
        phenotype=phenotype,
        activity_score=as_number(text),
        functions=tuple(function_of(table, name) for name in names),
        lookup_key=text if table.by == "score" else phenotype,
    )


def phenotype_and_score(table: GenePhenotypes | None, alleles: Sequence[str]) -> tuple[str, float | None]:
    """The phenotype and activity score that `diplotype` gives for what decides of these alleles, without the rest.

    Quick: alleles of the same function and value are looked up once.
    """
    if table is None:
        return "", None
    names = decisive(table, alleles) if any(name.startswith("[") for name in alleles) else alleles
    listed = all(name in table.functions for name in names)
    if table.exceptions or table.by == "presence" or not (listed or table.by == "function"):
        found = diplotype(table, names)
        return found.phenotype, found.activity_score
    functions, values = table.functions, table.values
    return _of_classes(table, tuple(sorted((functions.get(name, ""), values.get(name, "")) for name in names)))


@lru_cache(maxsize=8192)
def _of_classes(table: GenePhenotypes, classes: tuple[tuple[str, str], ...]) -> tuple[str, float | None]:
    if table.by == "score":
        text = added([value or UNASSIGNED for _, value in classes])
        return score_phenotype(table, text), as_number(text)
    return table.rules.get(tuple(function for function, _ in classes), UNASSIGNED), None


def _phenotype(table: GenePhenotypes, names: Sequence[str], text: str) -> str:
    if table.exceptions and (found := table.exceptions.get(tuple(sorted(names)))):
        return found
    if table.by == "score":
        return score_phenotype(table, text)
    functions = tuple(sorted(table.functions.get(name, "") for name in names))
    return table.rules.get(functions, UNASSIGNED)


def score_phenotype(table: GenePhenotypes, text: str) -> str:
    """The phenotype of an activity score as text; "n/a" for a score that the table does not list."""
    return table.scores.get(text, UNASSIGNED)


def activity_text(table: GenePhenotypes, alleles: Sequence[str]) -> str:
    """The activity score as guidelines write it: "1.25", "≥3.0", "n/a" when a value is not known; "" without scores."""
    if table.by != "score":
        return ""
    return added([value_of(table, name) for name in alleles])


def added(values: Sequence[str]) -> str:
    """The sum of activity values as text; "n/a" if any is not a number, "≥" if any is a lower bound."""
    numbers = [as_number(value) for value in values]
    if not numbers or any(number is None for number in numbers):
        return UNASSIGNED
    bound = _AT_LEAST if any(value.startswith(_AT_LEAST) for value in values) else ""
    return bound + number_text(sum(number for number in numbers if number is not None))


def number_text(value: float) -> str:
    """A score as guidelines write it: at least one decimal, no trailing noise."""
    text = f"{value:.2f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def as_number(text: str) -> float | None:
    """The number in an activity value or score; its lower bound for "≥3.0"; None for "n/a" or nothing."""
    try:
        return float(text.strip().lstrip("≥>=").strip())
    except ValueError:
        return None


def function_of(table: GenePhenotypes, allele: str) -> str:
    """The clinical function of an allele; "" when the table does not list it."""
    return table.functions.get(allele, "")


def value_of(table: GenePhenotypes, allele: str) -> str:
    """The activity value of an allele.

    What is not listed is added up from its parts: copies count as often as they are there, and the genes of a
    tandem ("*36+*10") one by one (Caudle et al. 2020, PMID 31647186).
    """
    listed = table.values.get(allele)
    if listed is not None:
        return listed
    if "+" in allele:
        return added([value_of(table, part.strip()) for part in allele.split("+")])
    copies = _COPIES.match(allele)
    single = table.values.get(copies["allele"], UNASSIGNED) if copies else UNASSIGNED
    number = as_number(single)
    if copies is None or number is None or copies["count"] in "Nn":
        return UNASSIGNED
    bound = _AT_LEAST if copies["count"].startswith(_AT_LEAST) and number else ""
    return bound + number_text(number * int(copies["count"].lstrip(_AT_LEAST)))


def canonical(table: GenePhenotypes, allele: str) -> str:
    """The table's spelling of an allele: gene prefix dropped, tandems in its order, high copy numbers as ≥."""
    name = allele.strip().removeprefix(table.gene).strip()
    if name in table.functions:
        return name
    if "+" in name and (found := table.spellings.get(_unordered(name))):
        return found
    copies = _COPIES.match(name)
    if copies is None:
        return _spaced_alike(table, name)
    name = f"{copies['allele']}x{copies['count'].upper()}"
    at_least = f"{copies['allele']}x{_AT_LEAST}3"
    many = copies["count"].isdigit() and int(copies["count"]) > 2
    return at_least if many and name not in table.functions and at_least in table.functions else name


def _spaced_alike(table: GenePhenotypes, name: str) -> str:
    """The table's allele that differs from this one in blanks alone ("A-202A_376G"); else the name as it is."""
    return table.without_blanks.get(name.replace(" ", ""), name)


def expanded(table: GenePhenotypes, allele: str) -> tuple[str, ...]:
    """The alleles that a spelling may stand for: "*1xN" (copies not counted) is "*1x2" or "*1x≥3"."""
    name = canonical(table, allele)
    copies = _COPIES.match(name)
    if copies is None or copies["count"] not in "Nn":
        return (name,)
    return tuple(canonical(table, f"{copies['allele']}x{count}") for count in ("2", "≥3"))


def _unordered(name: str) -> str:
    return "+".join(sorted(part.strip() for part in name.split("+")))


def presence_status(table: GenePhenotypes, alleles: Iterable[str]) -> str:
    """Which of the alleles looked for are there, as "*15:02 negative;*57:01 positive" (HLA)."""
    carried = [_two_fields(table.gene, allele) for allele in alleles]
    return ";".join(f"{name} {'positive' if name in carried else 'negative'}" for name in table.presence)


def _two_fields(gene: str, allele: str) -> str:
    """An HLA allele by its first two fields: HLA-B*57:01:01:01 → *57:01."""
    name = allele.strip().removeprefix(gene).removeprefix(gene.removeprefix("HLA-"))
    return ":".join(name.split(":")[:2])


def two_most_consequential(table: GenePhenotypes, strands: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The variants that decide for a gene whose variants are listed one by one (DPYD, RYR1).

    `strands` holds the variants of each chromosome copy where phase is known: the most consequential of each
    copy decides. With a single list (phase not known) the two most consequential of the list decide. Equal
    ones keep the order given. The result is in the order of the coding sequence.
    """
    ranked = [sorted(strand, key=lambda name: _severity(table, name)) for strand in strands if strand]
    chosen = ranked[0][:2] if len(strands) == 1 else [strand[0] for strand in ranked]
    return tuple(sorted(chosen, key=_coding_position))


def _coding_position(name: str) -> int:
    """The first coding position in a variant's name; the reference comes first."""
    found = re.search(r"\d+", name) if name.startswith("c.") else None
    return int(found[0]) if found else -1


def _severity(table: GenePhenotypes, allele: str) -> tuple[float, int]:
    return table.ranks.get(allele) or (float(len(table.severity)), len(table.severity))


def consequence(table: GenePhenotypes, alleles: Sequence[str]) -> tuple[float, ...]:
    """Sort key that puts the most consequential pair of alleles first."""
    ranks = [_severity(table, name) for name in alleles]
    return (sum(number for number, _ in ranks), *sorted(place for _, place in ranks))


def components(allele: str) -> tuple[str, ...]:
    """The variants of a combination such as "[c.61C>T + c.2846A>T]"; the allele itself if it is none."""
    if allele.startswith("[") and allele.endswith("]"):
        return tuple(part.strip() for part in allele[1:-1].split(" + "))
    return (allele,)


def decisive(table: GenePhenotypes | None, alleles: Sequence[str]) -> tuple[str, ...]:
    """The alleles that phenotype and look-up go by: of each copy's variants the most consequential (DPYD, RYR1)."""
    if table is None or not table.is_variant_list:
        return tuple(alleles)
    return two_most_consequential(table, [components(allele) for allele in alleles])
