"""The genotype columns of many samples as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort import CohortGenotypes, CohortRecord
from sartor.domain.provenance import Origin, Quarantined
from sartor.io.repeated_records import cohort_contradictions
from sartor.io.vcf_rows import BadRow, VcfRow, parse_genotype, whole

if TYPE_CHECKING:
    from sartor.io.vcf import VcfRows

_PIPE, _SLASH, _DOT, _ZERO = ord("|"), ord("/"), ord("."), ord("0")


def cohort_of(found: VcfRows, samples: Sequence[str] | None, file: str) -> CohortGenotypes:
    """All rows with the genotypes of these samples (default: all), in the order of the file."""
    names = found.header.samples
    chosen = None if samples is None else np.array([names.index(name) for name in samples], np.int64)
    records: list[CohortRecord] = []
    quarantined = list(found.quarantined)
    for row, translation in found.rows:
        origin = Origin(file=file, line=row.line or None)
        refused: dict[int, str] = {}
        try:
            records.append(_record(row, translation, len(names), chosen, file, refused))
        except BadRow as error:
            quarantined.append(Quarantined(origin=origin, reason=str(error), kind="record"))
        quarantined += [
            Quarantined(origin=origin, reason=f"sample {names[number]}: {reason}", kind="genotype")
            for number, reason in refused.items()
        ]
    people = tuple(samples or names)
    quarantined += cohort_contradictions(records, people)
    return CohortGenotypes(people, found.build, found.kind, tuple(records), tuple(quarantined))


def _record(
    row: VcfRow,
    translation: dict[int, int],
    n: int,
    chosen: npt.NDArray[np.int64] | None,
    file: str,
    refused: dict[int, str],
) -> CohortRecord:
    alleles, phased, phase_set = _genotypes(row, n, refused)
    texts = _columns(row)
    depth, quality, filtered = _qualities(texts)
    if row.unread and depth is None:
        depth = np.zeros(n, np.int32)
    share = _read_shares(texts["AD"], alleles) if "AD" in texts and alleles.shape[1] else None
    if translation:
        table = np.array([translation[index] for index in range(len(translation))] + [-2, -1], np.int8)
        alleles = table[alleles]
    if chosen is not None:
        alleles, phased = alleles[chosen], phased[chosen]
        phase_set = None if phase_set is None else phase_set[chosen]
        depth = None if depth is None else depth[chosen]
        quality = None if quality is None else quality[chosen]
        filtered = None if filtered is None else filtered[chosen]
        share = None if share is None else share[chosen]
    return CohortRecord(
        chromosome=row.chromosome,
        position=row.position,
        reference=row.reference,
        alternates=row.alternates,
        end=row.end,
        alleles=alleles,
        phased=phased,
        phase_set=phase_set,
        depth=depth,
        genotype_quality=quality,
        read_share=None if translation else share,
        filtered=filtered,
        filters=row.filters,
        file=file,
        line=row.line or None,
    )


Numbers = npt.NDArray[np.int32]
_QUALITY_KEYS = ("DP", "MIN_DP", "AD", "GQ", "RGQ", "FT")


def _qualities(texts: dict[str, list[bytes]]) -> tuple[Numbers | None, Numbers | None, npt.NDArray[np.bool_] | None]:
    """Depth, genotype quality (-1 for none) and whether a sample's own filter speaks, where FORMAT has them."""
    depths = [_numbers(texts[key]) for key in ("DP", "MIN_DP") if key in texts]
    depth = depths[0] if depths else _numbers(texts["AD"]) if "AD" in texts else None
    if len(depths) == 2:
        one, other = depths
        depth = np.where((other >= 0) & ((one < 0) | (other < one)), other, one)
    if depths and depth is not None and "AD" in texts and (depth < 0).any():
        depth = np.where(depth < 0, _numbers(texts["AD"]), depth)
    qualities = [_numbers(texts[key]) for key in ("GQ", "RGQ") if key in texts]
    quality = qualities[0] if qualities else None
    if len(qualities) == 2:
        quality = np.where(qualities[0] < 0, qualities[1], qualities[0])
    filtered = np.array([text not in (b"PASS", b".", b"") for text in texts["FT"]]) if "FT" in texts else None
    return depth, quality, filtered


def _columns(row: VcfRow) -> dict[str, list[bytes]]:
    """Each of the quality fields that FORMAT has, as text per sample."""
    places = {key: row.format_keys.index(key) for key in _QUALITY_KEYS if key in row.format_keys}
    if not places:
        return {}
    last = max(places.values()) + 1
    parts = [field.split(b":", last) for field in row.genotypes.rstrip(b"\r").split(b"\t")]
    return {key: [each[at] if at < len(each) else b"" for each in parts] for key, at in places.items()}


def _numbers(texts: list[bytes]) -> Numbers:
    return np.fromiter(map(_number, texts), np.int32, len(texts))


def _read_shares(texts: list[bytes], alleles: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    shares = map(_read_share, texts, alleles[:, 0].tolist(), alleles[:, -1].tolist())
    return np.fromiter(shares, np.float32, len(texts))


@lru_cache(maxsize=262144)
def _read_share(text: bytes, first: int, second: int) -> float:
    """The share of the reads that speaks for the rarer of two called alleles (of the only one); NaN if not known."""
    depths = [whole(part) or 0 for part in text.decode("utf-8", "replace").split(",")]
    named = {first, second} - {-2}
    if not sum(depths) or min(named) < 0 or max(named) >= len(depths):
        return float("nan")
    return min(depths[index] for index in named) / sum(depths)


@lru_cache(maxsize=65536)
def _number(text: bytes) -> int:
    """A whole number, or the sum of several; -1 for none."""
    found = [whole(part) for part in text.decode("utf-8", "replace").split(",")]
    stated = [each for each in found if each is not None]
    return min(sum(stated), 2**31 - 1) if stated else -1


Genotypes = tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_], npt.NDArray[np.int32] | None]


def _genotypes(row: VcfRow, n: int, refused: dict[int, str]) -> Genotypes:
    """The genotypes of all samples; `refused` gets the number of each sample whose text is none, and why."""
    if "GT" not in row.format_keys:
        return np.empty((n, 0), np.int8), np.zeros(n, np.bool_), None
    if row.format_keys[0] == "GT":
        fast = _of_three_letters(row, n)
        if fast is not None and "PS" not in row.format_keys:
            return (*fast, None)
        if fast is not None:
            return (*fast, _phase_sets(row, fast[1]))
    return _one_by_one(row, n, refused)


def _phase_sets(row: VcfRow, phased: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """PS of the phased genotypes, -1 elsewhere."""
    found = np.full(len(phased), -1, np.int32)
    place = row.format_keys.index("PS")
    fields = row.genotypes.split(b"\t") if phased.any() else []
    for number in np.flatnonzero(phased).tolist():
        parts = fields[number].split(b":", place + 1)
        if place < len(parts) and parts[place].strip().isdigit():
            found[number] = int(parts[place])
    return found


def _of_three_letters(row: VcfRow, n: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]] | None:
    """Genotypes that all begin with digit, separator, digit; None when the row is of another shape."""
    text = np.frombuffer(row.genotypes, np.uint8)
    even = len(text) == 4 * n - 1
    starts = np.arange(0, 4 * n, 4) if even else np.concatenate([[0], np.flatnonzero(text == 9) + 1])
    if starts[-1] + 2 >= len(text):
        return None
    first, between, second = text[starts], text[starts + 1], text[starts + 2]
    after = text[np.minimum(starts + 3, len(text) - 1)][:-1]
    last = text[starts[-1] + 3 : starts[-1] + 4]
    if not (np.isin(after, (9, 58)).all() and (not len(last) or last[0] in (58, 13))):
        return None
    if not ((between == _PIPE) | (between == _SLASH)).all():
        return None
    alleles = np.stack([first, second], axis=1).astype(np.int16) - _ZERO
    alleles[alleles == _DOT - _ZERO] = -1
    if alleles.min() < -1 or alleles.max() > len(row.alternates):
        return None
    return alleles.astype(np.int8), between == _PIPE


def _one_by_one(row: VcfRow, n: int, refused: dict[int, str]) -> Genotypes:
    """Any other shape: each distinct text is read once; a sample's bad text leaves the other samples alone."""
    place = row.format_keys.index("GT")
    sets = row.format_keys.index("PS") if "PS" in row.format_keys else None
    fields = row.genotypes.split(b"\t")
    known: dict[bytes, tuple[tuple[int, ...], bool]] = {}
    genotypes, phase_sets = [], np.full(n, -1, np.int32)
    for number, field in enumerate(fields):
        parts = field.split(b":")
        text = parts[place] if place < len(parts) else b"."
        try:
            if text not in known:
                known[text] = _read_genotype(text, len(row.alternates))
        except BadRow as error:
            refused[number] = str(error)
            text = b"."
            known[text] = (-1,), False
        genotypes.append(known[text])
        if sets is not None and sets < len(parts) and parts[sets].strip().isdigit():
            phase_sets[number] = int(parts[sets])
    ploidy = max(2, *(len(found) for found, _ in known.values()))
    alleles = np.array([found + (-2,) * (ploidy - len(found)) for found, _ in genotypes], np.int8)
    return alleles, np.array([phased for _, phased in genotypes], np.bool_), phase_sets if sets is not None else None


def _read_genotype(text: bytes, alternates: int) -> tuple[tuple[int, ...], bool]:
    found, phased = parse_genotype(text.decode("utf-8", "replace").strip(), alternates)
    return tuple(-1 if index is None else index for index in found), phased
