"""One line of a VCF as a typed row, and the genotype of one sample in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sartor.domain.genome import GenotypeRecord
from sartor.io.vcf_header import chromosome_name

_REFERENCE_LETTERS: Final = frozenset("ACGTNMRWSYKVHDB")


class BadRow(ValueError):
    """A line that cannot be used; its text says why."""


@dataclass(frozen=True, slots=True)
class VcfRow:
    """The fixed columns of one line, on the coordinates of the file.

    chromosome: the project's name; end: last base covered (END of a block); identifiers: the ID column.
    unread: whether INFO states a depth of 0 over all samples.
    format_keys: the FORMAT column; genotypes: everything after it, still as bytes.
    """

    chromosome: str
    position: int
    identifiers: tuple[str, ...]
    reference: str
    alternates: tuple[str, ...]
    filters: tuple[str, ...]
    end: int
    format_keys: tuple[str, ...]
    genotypes: bytes
    line: int
    unread: bool = False


def parse_row(line: bytes, number: int, columns: int) -> VcfRow:
    """Read one line; `columns` is how many the header has. Raises BadRow."""
    line = line.rstrip(b"\r")
    found = line.count(b"\t") + 1
    if found != columns:
        raise BadRow(f"{found} columns where the header has {columns}")
    fields = line.split(b"\t", 9)
    try:
        chromosome, position, identifier, reference, alternate, _, filters, info = (
            field.decode("utf-8") for field in fields[:8]
        )
        place = int(position)
    except UnicodeDecodeError as error:
        raise BadRow("text that is not UTF-8") from error
    except ValueError as error:
        raise BadRow("POS is not a number") from error
    reference = reference.upper()
    if not reference or not _REFERENCE_LETTERS.issuperset(reference):
        raise BadRow(f"REF {reference[:20]!r} is not a sequence of bases")
    alternates = _alternates(alternate)
    return VcfRow(
        chromosome=chromosome_name(chromosome) or chromosome,
        position=place,
        identifiers=() if identifier == "." else tuple(identifier.split(";")),
        reference=reference,
        alternates=alternates,
        filters=() if filters in (".", "PASS", "") else tuple(filters.split(";")),
        end=_end(place, reference, alternates, info),
        format_keys=tuple(fields[8].decode("utf-8", "replace").split(":")) if len(fields) > 8 else (),
        genotypes=fields[9] if len(fields) > 9 else b"",
        line=number,
        unread="DP=0" in info and "DP=0" in info.split(";"),
    )


def _alternates(text: str) -> tuple[str, ...]:
    if text in (".", ""):
        return ()
    found = tuple(each if each.startswith("<") else each.upper() for each in text.split(","))
    if any(not each for each in found):
        raise BadRow("ALT has an empty allele")
    if len(found) == 1:
        return found
    return tuple("." if each == "." else each for each in found)


def _end(position: int, reference: str, alternates: tuple[str, ...], info: str) -> int:
    last = position + len(reference) - 1
    if alternates and not any(each.startswith("<") for each in alternates):
        return last
    for entry in info.split(";"):
        if entry.startswith("END="):
            try:
                return max(last, int(entry[4:]))
            except ValueError as error:
                raise BadRow("END is not a number") from error
        if entry.startswith("SVLEN=-") and alternates == ("<DEL>",) and entry[7:].isdigit():
            last = max(last, position + int(entry[7:]))
    return last


def genotype_record(row: VcfRow, column: int, file: str) -> GenotypeRecord:
    """The record of the sample in this column (0 = first). Raises BadRow when its genotype is malformed."""
    values = _sample_values(row, column)
    alleles, phased = parse_genotype(values.get("GT", ""), len(row.alternates))
    filters = row.filters
    if values.get("FT", "PASS") not in ("PASS", ".", ""):
        filters += tuple(values["FT"].split(";"))
    depths = _depths(values.get("AD", ""))
    return GenotypeRecord(
        chromosome=row.chromosome,
        position=row.position,
        reference=row.reference,
        alternates=row.alternates,
        alleles=alleles,
        end=row.end,
        phased=phased,
        phase_set=whole(values.get("PS", "")),
        depth=_least_depth(values, depths, row.unread),
        genotype_quality=_first(whole(values.get("GQ", "")), whole(values.get("RGQ", ""))),
        allele_depths=depths,
        filters=filters,
        file=file,
        line=row.line,
    )


def _least_depth(values: dict[str, str], depths: tuple[int, ...], unread: bool) -> int | None:
    """DP or the least depth of a block, whichever is less; else the reads of all alleles; else INFO's depth of 0."""
    stated = [each for key in ("DP", "MIN_DP") if (each := whole(values.get(key, ""))) is not None]
    return min(stated, default=sum(depths) if depths else 0 if unread else None)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _sample_values(row: VcfRow, column: int) -> dict[str, str]:
    if not row.format_keys:
        return {}
    field = row.genotypes.split(b"\t", column + 1)[column].decode("utf-8", "replace")
    return dict(zip(row.format_keys, field.split(":"), strict=False))


def parse_genotype(text: str, alternates: int) -> tuple[tuple[int | None, ...], bool]:
    """Allele index per copy (None: not called) and whether their order is phased. Raises BadRow."""
    if not text:
        return (), False
    bare = text.lstrip("/|")
    parts = bare.replace("|", "/").split("/")
    alleles: list[int | None] = []
    for part in parts:
        if part == ".":
            alleles.append(None)
        elif part.isdecimal() and int(part) <= alternates:
            alleles.append(int(part))
        else:
            raise BadRow(f"genotype {text[:20]!r} names an allele that the record does not have")
    return tuple(alleles), "|" in bare and "/" not in bare


def whole(text: str) -> int | None:
    """The whole number that a field states, decimals cut off; None for anything else."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def _depths(text: str) -> tuple[int, ...]:
    if not text or text == ".":
        return ()
    found = tuple(whole(part) for part in text.split(","))
    if all(each is None for each in found):
        return ()
    return tuple(0 if each is None else each for each in found)


def moved(row: VcfRow, shift: int) -> VcfRow:
    """The row with its positions moved by `shift` bases."""
    return replace(row, position=row.position + shift, end=row.end + shift) if shift else row
