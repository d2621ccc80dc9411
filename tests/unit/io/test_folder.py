"""One patient's files: recognised by content, merged, and refused when they are of two people."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from sartor.domain.genome import Region
from sartor.errors import ConflictingInputs, MalformedInput, UnknownSample, UnrecognisedInput, UsageError
from sartor.io.folder import read_patient, recognise

EXAMPLE = Path(__file__).parents[3] / "examples" / "patient"
REGIONS = (Region("chr10", 94_761_900, 94_852_914),)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1967-05-14"}
TABLE = "id,sex,weight_kg,medications\np1,F,70,clopidogrel 75 mg\n"
NOTE = "Seen on 2024-02-01. She takes clopidogrel every day and reports no bleeding.\n"
CALLS = "# from the laboratory\nCYP2D6\t*1/*4\n"


def vcf(sample: str, *rows: str, build: str = "GRCh38") -> str:
    header = f"##fileformat=VCFv4.2\n##reference={build}\n##contig=<ID=chr10,length=133797422,assembly={build}>\n"
    header += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *sample.split()])
    return header + columns + "\n" + "".join(row + "\n" for row in rows)


def row(position: int, reference: str, alternate: str, *genotypes: str) -> str:
    return "\t".join(["chr10", str(position), ".", reference, alternate, ".", "PASS", ".", "GT", *genotypes])


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (vcf("s", row(94_781_859, "G", "A", "0/1")), "vcf"),
        (json.dumps(PATIENT), "fhir"),
        (TABLE, "table"),
        (NOTE, "notes"),
        (CALLS, "outside-calls"),
        ("##fileformat=VCFv4.2\n##source=laboratory\nCYP2D6\t*1/*2\n", "outside-calls"),
        ('{"schema_version": "1", "patient": {}}', "report"),
        ("", ""),
        ('{"phenotypicFeatures": []}', ""),
        ("a\tb\n1\t2\n", ""),
        (b"\x00\x01\x02" * 50, ""),
        (gzip.compress(b"TBI\x01" + b"\x00" * 40), "index"),
    ],
)
def test_files_are_recognised_by_content(tmp_path: Path, content: str | bytes, kind: str) -> None:
    path = write(tmp_path, **{"misleading.docx": content}) / "misleading.docx"
    assert recognise(path) == kind


def test_the_example_patient_is_read_whole() -> None:
    record = read_patient([EXAMPLE], regions=REGIONS)
    assert record.demographics.name == "Ada Beispiel"
    assert record.genome is not None
    assert record.genome.sample == "example-patient"
    assert {call.gene for call in record.outside_calls} == {"CYP2D6", "HLA-B"}
    assert {file.kind for file in record.inputs} == {"vcf", "fhir", "outside-calls"}
    assert not record.quarantined
    taken = {match.drug.label for each in record.medications if each.current for match in each.drugs}
    assert {"clopidogrel", "simvastatin", "paroxetine", "amitriptyline", "codeine", "acetaminophen"} <= taken
    assert not {"warfarin", "citalopram", "escitalopram", "allopurinol", "timolol"} & taken


def test_everything_is_merged_with_digests(tmp_path: Path) -> None:
    write(tmp_path, a=json.dumps(PATIENT), b=TABLE, c=NOTE, d=CALLS, e=b"\x00junk", f=json.dumps(PATIENT))
    write(tmp_path, **{".hidden": "x"})
    record = read_patient([tmp_path], regions=REGIONS)
    assert [each.text for each in record.medications] == ["clopidogrel 75 mg"]
    assert record.notes[0].time == "2024-02-01"
    assert [(each.origin.file, each.kind) for each in record.quarantined] == [(str(tmp_path / "e"), "file")]
    assert [each.kind for each in record.inputs] == ["fhir", "table", "notes", "outside-calls"]
    assert record.inputs[1].sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
    assert ("fhir", f"the same content as {tmp_path / 'a'}") in {(each.kind, each.reason) for each in record.other}


def test_one_file_per_chromosome_is_one_genome(tmp_path: Path) -> None:
    write(tmp_path, one=vcf("s", row(94_781_859, "G", "A", "0/1")), two=vcf("s", row(94_761_900, "C", "T", "0/0")))
    genome = read_patient([tmp_path], regions=REGIONS).genome
    assert genome is not None
    assert [record.position for record in genome.records["chr10"]] == [94_761_900, 94_781_859]


def test_genomes_of_two_samples_conflict(tmp_path: Path) -> None:
    write(tmp_path, one=vcf("s", row(94_781_859, "G", "A", "0/1")), two=vcf("t", row(94_761_900, "C", "T", "0/0")))
    with pytest.raises(ConflictingInputs, match="s and t"):
        read_patient([tmp_path], regions=REGIONS)


def test_of_several_samples_one_must_be_named(tmp_path: Path) -> None:
    write(tmp_path, one=vcf("s t", row(94_781_859, "G", "A", "0/1", "0/0")))
    with pytest.raises(UnknownSample, match="s, t"):
        read_patient([tmp_path], regions=REGIONS)
    genome = read_patient([tmp_path], regions=REGIONS, sample="t").genome
    assert genome is not None
    assert genome.records["chr10"][0].alleles == (0, 0)
    with pytest.raises(UnknownSample):
        read_patient([tmp_path], regions=REGIONS, sample="u")


def test_a_name_that_nothing_bears_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, one=vcf("s", row(94_781_859, "G", "A", "0/1")))
    with pytest.raises(UnknownSample, match="'t'"):
        read_patient([tmp_path], regions=REGIONS, sample="t")


def test_the_name_may_be_that_of_a_patient(tmp_path: Path) -> None:
    people = [PATIENT, {**PATIENT, "id": "p2"}]
    write(tmp_path, people="\n".join(json.dumps(each) for each in people))
    with pytest.raises(ConflictingInputs):
        read_patient([tmp_path], regions=REGIONS)
    assert read_patient([tmp_path], regions=REGIONS, sample="p2").demographics.identifier == "p2"


@pytest.mark.parametrize(
    ("other", "what"),
    [({"gender": "male"}, "sex"), ({"birthDate": "1970"}, "date of birth"), ({"id": "p2"}, "identifier")],
)
def test_records_of_two_people_conflict(tmp_path: Path, other: dict[str, str], what: str) -> None:
    write(tmp_path, a=json.dumps(PATIENT), b=json.dumps({**PATIENT, **other}))
    with pytest.raises(ConflictingInputs, match=what):
        read_patient([tmp_path], regions=REGIONS)


def test_less_precise_dates_and_same_names_do_not_conflict(tmp_path: Path) -> None:
    named = {**PATIENT, "name": [{"text": "Ada Beispiel"}]}
    other = {**named, "id": "p9", "birthDate": "1967", "name": [{"family": "BEISPIEL", "given": ["Ada"]}]}
    write(tmp_path, a=json.dumps(named), b=json.dumps(other))
    assert read_patient([tmp_path], regions=REGIONS).demographics.birth_date == "1967-05-14"


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(UnrecognisedInput):
        read_patient([tmp_path], regions=REGIONS)
    write(tmp_path, junk=b"\x00\x01")
    with pytest.raises(UnrecognisedInput, match="junk"):
        read_patient([tmp_path / "junk"], regions=REGIONS)
    with pytest.raises(UsageError):
        read_patient([tmp_path / "absent"], regions=REGIONS)


def test_a_broken_file_is_an_error_and_not_skipped(tmp_path: Path) -> None:
    write(tmp_path, a=json.dumps(PATIENT), b='{"resourceType": "Patient", "id": p}')
    with pytest.raises(MalformedInput, match="byte"):
        read_patient([tmp_path], regions=REGIONS)


def test_a_bundle_of_our_own_is_no_input(tmp_path: Path) -> None:
    profile = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/genotype"
    coding = {"system": "https://sartor.health/code", "code": "x"}
    ours = {"resourceType": "Observation", "meta": {"profile": [profile]}, "code": {"coding": [coding]}}
    write(tmp_path, a=json.dumps(PATIENT), b=json.dumps({"resourceType": "Bundle", "entry": [{"resource": ours}]}))
    record = read_patient([tmp_path], regions=REGIONS)
    assert [each.kind for each in record.other] == ["report"]
    assert [each.path for each in record.inputs] == [str(tmp_path / "a")]
