"""One patient's files, each recognised by its content, read and merged into one Record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sartor.domain.genome import CalledGenome, Region
from sartor.domain.provenance import InputFile, Origin, Quarantined
from sartor.domain.record import Demographics, Record, Unused
from sartor.errors import ConflictingInputs, MalformedInput, UnknownSample, UnrecognisedInput, UsageError
from sartor.io import fhir, genotype_array, notes, outside_calls, table, vcf
from sartor.io.text import head_of

_INDEX_MAGIC: Final = (b"TBI\x01", b"CSI\x01", b"BAI\x01")
_OWN_REPORT: Final = b'"schema_version"'
_OWN_SYSTEM: Final = b"https://sartor.health/"
_LISTS: Final = (
    "conditions", "medications", "allergies", "observations", "procedures", "family", "notes", "immunizations",
    "encounters", "consents", "outside_calls", "quarantined", "inputs", "other",
)  # fmt: skip


def recognise(path: Path) -> str:
    """What a file is, by its content: vcf, array, fhir, outside-calls, table, notes, index, report, or "".

    Never by its name. An index and a report of ours are known so that they can be passed over.
    """
    head = head_of(path)
    if head.startswith(_INDEX_MAGIC):
        return "index"
    if not head.strip():
        return ""
    if head.lstrip()[:1] == b"{" and _OWN_REPORT in head[:64]:
        return "report"
    for kind, recognises in _RECOGNISERS:
        try:
            if recognises(head, path):
                return kind
        except MalformedInput:
            continue
    return ""


_RECOGNISERS: Final[tuple[tuple[str, Callable[[bytes, Path], bool]], ...]] = (
    ("outside-calls", outside_calls.recognises),
    ("vcf", vcf.recognises),
    ("array", genotype_array.recognises),
    ("fhir", fhir.recognises),
    ("table", table.recognises),
    ("notes", notes.recognises),
)


def read_patient(paths: Sequence[Path], *, regions: Iterable[Region], sample: str | None = None) -> Record:
    """Read one person's files and folders into one Record.

    regions: stretches of GRCh38 whose genotypes are needed.
    sample:  name of the person in a file that holds several: of a VCF's samples, or of a bundle's or
             table's patients.
    Raises UnrecognisedInput when no file can be used, ConflictingInputs when two are of different people,
    UnknownSample when a file holds several and none was named; and what the readers of the formats raise.
    """
    files = _files(paths)
    reading = _Reading(tuple(regions), sample)
    for path in files:
        reading.read(path)
    if not reading.used:
        shown = ", ".join(str(path) for path in files[:5]) or ", ".join(str(path) for path in paths)
        raise UnrecognisedInput(
            "no file is of a form that can be read",
            where=shown,
            todo="give a VCF, a FHIR record, notes, outside calls or a table; see docs/howto/inputs.md",
        )
    return reading.record()


def _files(paths: Sequence[Path]) -> list[Path]:
    """Every file, those of folders in the order of their names; hidden ones excepted."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.is_file())
            found += [each for each in inside if not _is_hidden(each.relative_to(path))]
        elif path.exists():
            found.append(path)
        else:
            raise UsageError("there is no such file or folder", where=str(path), todo="check the path")
    return list(dict.fromkeys(found))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@dataclass(slots=True)
class _Reading:
    """What was read so far of one person."""

    regions: tuple[Region, ...]
    sample: str | None
    records: list[Record] = field(default_factory=list)
    genomes: list[tuple[str, CalledGenome]] = field(default_factory=list)
    inputs: dict[str, InputFile] = field(default_factory=dict)
    aside: list[Unused] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    used: int = 0
    matched: bool = False

    def read(self, path: Path) -> None:
        """Recognise one file and read it; what is not read is listed with its reason."""
        kind = recognise(path)
        if kind in ("index", "report"):
            reason = "goes with its file" if kind == "index" else "a report, not an input"
            self.aside.append(Unused(kind=kind, reason=reason, origin=Origin(file=str(path))))
            return
        digest = _digest(path, kind)
        if not kind:
            reason = "the file is empty" if not digest.size else "no reader recognises what the file holds"
            self.quarantined.append(
                Quarantined(origin=Origin(file=str(path)), reason=reason, todo="see docs/howto/inputs.md", kind="file")
            )
            return
        twin = self.inputs.setdefault(digest.sha256, digest)
        if twin is not digest:
            reason = f"the same content as {twin.path}"
            self.aside.append(Unused(kind=kind, reason=reason, origin=Origin(file=str(path))))
            return
        self.used += 1
        _READERS[kind](self, path)

    def record(self) -> Record:
        """Everything, merged. Raises UnknownSample when nothing bears the name that was asked for."""
        if self.sample is not None and not self.matched:
            raise UnknownSample(
                f"no file has a sample or patient {self.sample!r}",
                where=", ".join(each.path for each in self.inputs.values()),
                todo="give a name that the files have, or none when they hold one person",
            )
        whole: dict[str, tuple[object, ...]] = {
            name: tuple(item for record in self.records for item in getattr(record, name)) for name in _LISTS
        }
        whole["quarantined"] += tuple(self.quarantined)
        whole["other"] += tuple(self.aside)
        whole["inputs"] = tuple(self.inputs.values())
        return Record(
            demographics=_same_person([record.demographics for record in self.records]),
            genome=_one_genome(self.genomes),
            **whole,
        )

    def read_vcf(self, path: Path) -> None:
        """A VCF or BCF of this person; of several, the one asked for."""
        names = vcf.sample_names(path)
        if self.sample is None and len(names) > 1:
            shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
            raise UnknownSample(
                f"the file has {len(names)} samples and none was named (there: {shown})",
                where=str(path),
                todo="name one with --sample",
            )
        named = self.sample in names
        self.matched = self.matched or named
        wanted = self.sample if named or len(names) > 1 else None
        self.genomes.append((str(path), vcf.read_genome(path, regions=self.regions, sample=wanted)))

    def read_array(self, path: Path) -> None:
        """A consumer array; it holds one person."""
        self.genomes.append((str(path), genotype_array.read_genome(path, regions=self.regions)))

    def read_fhir(self, path: Path) -> None:
        """A bundle or NDJSON; of several people, the one asked for."""
        data = path.read_bytes()
        if _OWN_SYSTEM in data and b"genomics-reporting" in data:
            self.used -= 1
            self.inputs = {key: each for key, each in self.inputs.items() if each.path != str(path)}
            self.aside.append(Unused(kind="report", reason="a report, not an input", origin=Origin(file=str(path))))
            return
        try:
            found = fhir.read_record(data, file=str(path))
        except ConflictingInputs:
            if not self.sample:
                raise
            found = fhir.read_record(data, file=str(path), patient=self.sample)
            self.matched = True
        self.records.append(found)

    def read_table(self, path: Path) -> None:
        """A table; of several people, the one asked for."""
        found = table.read_table(path)
        several = len(found.people()) > 1
        self.matched = self.matched or self.sample in found.people()
        self.records.append(table.record_of(found, patient=self.sample or "" if several else ""))

    def read_outside_calls(self, path: Path) -> None:
        """A laboratory's calls; the file does not say whose they are."""
        calls, wrong = outside_calls.read(path)
        self.records.append(Record(outside_calls=calls, quarantined=wrong))

    def read_notes(self, path: Path) -> None:
        """A note; the file does not say whose it is."""
        self.records.append(Record(notes=(notes.read(path),)))


_READERS: Final[dict[str, Callable[[_Reading, Path], None]]] = {
    "vcf": _Reading.read_vcf,
    "array": _Reading.read_array,
    "fhir": _Reading.read_fhir,
    "table": _Reading.read_table,
    "outside-calls": _Reading.read_outside_calls,
    "notes": _Reading.read_notes,
}


def _digest(path: Path, kind: str) -> InputFile:
    """The digest of a file, read in pieces."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return InputFile(path=str(path), kind=kind, size=path.stat().st_size, sha256=sha256)


def _same_person(people: Sequence[Demographics]) -> Demographics:
    """One person's demographics from several sources. Raises ConflictingInputs when two contradict each other."""
    merged = Demographics()
    for person in people:
        _contradict(merged, person)
        merged = Demographics(
            identifier=merged.identifier or person.identifier,
            name=merged.name or person.name,
            birth_date=max(merged.birth_date, person.birth_date, key=len),
            death_date=merged.death_date or person.death_date,
            sex=merged.sex or person.sex,
            ancestry=merged.ancestry or person.ancestry,
            origin=merged.origin if merged.origin.file else person.origin,
        )
    return merged


def _contradict(one: Demographics, other: Demographics) -> None:
    """Sex, date of birth, or identifier together with name, differ."""
    differs = ""
    length = min(len(one.birth_date), len(other.birth_date))
    if one.sex and other.sex and one.sex != other.sex:
        differs = "sex"
    elif one.birth_date[:length] != other.birth_date[:length]:
        differs = "date of birth"
    elif one.identifier and other.identifier and one.identifier != other.identifier and not _same_name(one, other):
        differs = "identifier"
    if differs:
        raise ConflictingInputs(
            f"two files are of different people: their {differs} differs",
            where=f"{one.origin.file} and {other.origin.file}",
            todo="give the files of one person",
        )


def _same_name(one: Demographics, other: Demographics) -> bool:
    """The same Patient resource, or equal words in any order; without a name nobody is known to be the same."""
    if one.origin.resource and one.origin.resource == other.origin.resource:
        return True
    words = set(one.name.casefold().split())
    return bool(words) and words == set(other.name.casefold().split())


def _one_genome(genomes: Sequence[tuple[str, CalledGenome]]) -> CalledGenome | None:
    """The files of one person as one genome (such as one file per chromosome)."""
    if len(genomes) < 2:
        return genomes[0][1] if genomes else None
    first_file, first = genomes[0]
    for file, genome in genomes[1:]:
        if genome.sample and first.sample and genome.sample != first.sample:
            raise ConflictingInputs(
                f"two files are of different samples, {first.sample} and {genome.sample}",
                where=f"{first_file} and {file}",
                todo="give the files of one person",
            )
    kinds = {genome.kind for _, genome in genomes}
    return CalledGenome.of(
        (record for _, genome in genomes for records in genome.records.values() for record in records),
        sample=next((genome.sample for _, genome in genomes if genome.sample), ""),
        source_build=first.source_build,
        kind="gvcf" if "gvcf" in kinds else first.kind,
        quarantined=(item for _, genome in genomes for item in genome.quarantined),
        regions=first.regions,
    )
