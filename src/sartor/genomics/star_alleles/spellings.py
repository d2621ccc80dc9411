"""How laboratories spell alleles, phenotypes and activity scores, and which entry of a gene's table they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from sartor.genomics.star_alleles import phenotype as meaning
from sartor.genomics.star_alleles.phenotype import GenePhenotypes

_COPIES = re.compile(r"(?P<allele>.+?)\s*[x×](?P<count>≥?\d+|n)", re.IGNORECASE)
_STAR = re.compile(r"\*?0*(?P<name>[1-9]\d*[a-z]?)(?:\.\d+)?", re.IGNORECASE)
_PARTS = re.compile(r"(?P<own>.+?)\s*\((?P<other>[^()]+)\)")
_SCORE = re.compile(r"(?P<bound>≥|>=|>)?\s*(?P<number>\d+(?:\.\d+)?)")
_ABBREVIATIONS = {
    "pm": "poor", "im": "intermediate", "nm": "normal", "em": "normal", "rm": "rapid", "um": "ultrarapid",
}  # fmt: skip
_REFERENCE = ("*1", "wildtype", "wild-type", "wt", "ref")
_REFERENCE_NAMES = ("Reference", "B (reference)", "ivacaftor non-responsive CFTR sequence")
_OTHER_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "G6PD": {"B (reference)": ("B (wildtype)", "B")},
    "CFTR": {"ivacaftor non-responsive CFTR sequence": ("Reference", "F508del", "deltaF508", "ΔF508")},
    "DPYD": {"c.1129-5923C>G, c.1236G>A (HapB3)": ("HapB3", "c.1236G>A")},
}


def folded(text: str) -> str:
    """Without blanks and whatever its capitals."""
    return re.sub(r"\s+", "", text).casefold()


@lru_cache(maxsize=256)
def other_names(table: GenePhenotypes) -> dict[str, str]:
    """Folded spelling → the table's allele, where a spelling means one allele only."""
    found: dict[str, set[str]] = {}
    for name in table.functions:
        for spelling in _spellings(table.gene, name):
            found.setdefault(folded(spelling), set()).add(name)
    own = {folded(name): name for name in table.functions}
    return {spelling: next(iter(names)) for spelling, names in found.items() if len(names) == 1} | own


def _spellings(gene: str, name: str) -> list[str]:
    spelled = [*_OTHER_NAMES.get(gene, {}).get(name, ()), *(_REFERENCE if name in _REFERENCE_NAMES else ())]
    if (parts := _PARTS.fullmatch(name)) and parts["other"].startswith("*"):
        spelled += [parts["own"], parts["other"]]
    elif gene == "G6PD":
        spelled += [part.strip() for part in name.split(",")]
    return spelled + [each[2:] for each in (name, *spelled) if each[:2] in ("c.", "m.")]


def allele(table: GenePhenotypes, text: str) -> str | None:
    """The table's spelling of an allele that a laboratory wrote; None for one that the table does not know."""
    name = re.sub(rf"^{re.escape(table.gene)}[\s:_]*", "", text.strip(), flags=re.IGNORECASE)
    if not name:
        return None
    if (own := meaning.canonical(table, name)) in table.functions:
        return own
    if (other := other_names(table).get(folded(name))) is not None:
        return other
    if name.startswith("[") and name.endswith("]"):
        listed = [allele(table, part) for part in meaning.components(name)]
        return None if None in listed else f"[{' + '.join(part for part in listed if part)}]"
    if "+" in name:
        together = [allele(table, part) for part in name.split("+")]
        return None if None in together else meaning.canonical(table, "+".join(part for part in together if part))
    if copies := _COPIES.fullmatch(name):
        single = allele(table, copies["allele"])
        return None if single is None else meaning.canonical(table, f"{single}x{copies['count'].upper()}")
    star = _STAR.fullmatch(name)
    return other_names(table).get(f"*{star['name'].casefold()}") if star else None


def phenotype(table: GenePhenotypes, text: str) -> str | None:
    """The table's phenotype that a laboratory's words mean; None for words that mean none of them."""
    known = {name.casefold(): name for name in (*table.rules.values(), *table.scores.values(),
                                                *table.exceptions.values())}  # fmt: skip
    said = re.sub(r"\s+", " ", text.strip().casefold())
    if said in known:
        return known[said]
    said = re.sub(r"\s*\([^()]*\)$", "", said).replace("metaboliser", "metabolizer").removesuffix(".")
    said = re.sub(r"metabolizers$", "metabolizer", said).replace("metabolizer status", "metabolizer")
    said = re.sub(r"ultra[- ]rapid", "ultrarapid", said).replace("extensive", "normal")
    said = _ABBREVIATIONS.get(said, said)
    for spelled in (said, f"{said} metabolizer", f"{said} function", _genotype(said)):
        if spelled in known:
            return known[spelled]
    longer = [name for key, name in known.items() if len(said) > 8 and key.startswith(f"{said} ")]
    return longer[0] if len(longer) == 1 else None


def _genotype(said: str) -> str:
    """The -1639 genotype of VKORC1 in the order of writing of its table."""
    found = re.fullmatch(r"(?:-1639\s*)?([ag])\s*/?\s*([ag])", said)
    return f"-1639 {''.join(sorted(found.groups()))}" if found else said


def score(table: GenePhenotypes, text: str) -> str | None:
    """An activity score as the table writes it ("≥3.0"); None for what is none, or no score of this gene."""
    found = _SCORE.fullmatch(text.strip())
    if found is None or table.by != "score":
        return None
    number = float(found["number"])
    key = ("≥" if found["bound"] else "") + meaning.number_text(number)
    bounds = [meaning.as_number(each) or 0.0 for each in table.scores if each.startswith("≥")]
    reaches = bool(bounds) and number >= min(bounds)
    return key if key in table.scores or reaches else None
