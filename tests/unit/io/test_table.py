"""Tables of patients: headings with units, wide and long, CSV, TSV and Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from sartor.errors import ConflictingInputs, MalformedInput
from sartor.io import table
from sartor.knowledge import measurements


def put(folder: Path, text: str, name: str = "t") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("heading", "loinc", "unit"),
    [
        ("Weight (kg)", "29463-7", "kg"),
        ("weight_kg", "29463-7", "kg"),
        ("Body weight [lb]", "29463-7", "[lb_av]"),
        ("creatinine_mg_dl", "2160-0", "mg/dL"),
        ("Creatinine (µmol/L)", "2160-0", "umol/L"),
        ("INR", "6301-6", "{INR}"),
        ("sbp", "8480-6", ""),
        ("HbA1c_%", "4548-4", "%"),
    ],
)
def test_headings(heading: str, loinc: str, unit: str) -> None:
    found = measurements.column(heading)
    assert found is not None
    assert found.measurement is not None
    assert (found.measurement.loinc, found.unit) == (loinc, unit)


def test_unknown_headings_and_units() -> None:
    assert measurements.column("favourite colour") is None
    assert measurements.unit("furlongs") == "furlongs"
    assert measurements.sex("W") == "female"


def test_a_wide_row(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "patient_id;sex;dob;weight_kg;creatinine (µmol/L);INR;medications;smoking;shoe size",
            "7;f;1967-05-14;70,5;80;>2;Plavix 75 mg|warfarin;former;39",
        ]
    )
    record = table.read_record(put(tmp_path, text))
    person = record.demographics
    assert (person.identifier, person.sex, person.birth_date) == ("7", "female", "1967-05-14")
    values = {each.text: each for each in record.observations}
    assert values["body weight"].quantity is not None
    assert (values["body weight"].quantity.value, values["body weight"].quantity.unit) == (70.5, "kg")
    assert values["creatinine"].code[0].code == "14682-9"
    assert values["INR"].quantity is not None
    assert values["INR"].quantity.comparator == ">"
    assert values["tobacco smoking status"].text_value == "former"
    assert [match.drug.label for each in record.medications for match in each.drugs] == ["clopidogrel", "warfarin"]
    assert values["body weight"].origin.line == 2
    assert [each.kind for each in record.other] == ["column shoe size"]


def test_a_long_table(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "# exported",
            "id\ttest\tresult\tunit\tdate",
            "1\tCreatinine\t0.9\tmg/dL\t2025-01-01",
            "1\tCreatinine\tNA\tmg/dL\t2025-02-01",
            "1\tUnheard-of assay\tpositive\t\t2025-01-01",
            "1\t\t5\t\t",
            "1\ttoo\tfew",
        ]
    )
    record = table.read_record(put(tmp_path, text))
    assert [(each.text, each.time, each.text_value) for each in record.observations] == [
        ("creatinine", "2025-01-01", ""),
        ("Unheard-of assay", "2025-01-01", "positive"),
    ]
    assert {(each.origin.line, each.kind) for each in record.quarantined} == {(6, "field"), (7, "line")}


def test_several_people(tmp_path: Path) -> None:
    path = put(tmp_path, "id,sex,weight_kg\n1,F,60\n2,M,80\n")
    with pytest.raises(ConflictingInputs, match="2 people"):
        table.read_record(path)
    record = table.read_record(path, patient="2")
    assert record.demographics.sex == "male"
    assert [(each.kind, each.count) for each in record.other] == [("row", 1)]


def test_rows_that_contradict_each_other(tmp_path: Path) -> None:
    record = table.read_record(put(tmp_path, "id,sex,dob\n1,F,1970-01-01\n1,M,soon\n"))
    assert record.demographics.sex == "female"
    assert [each.origin.field for each in record.quarantined] == ["sex", "dob"]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t"
    content = {"id": ["1"], "sex": ["F"], "weight_kg": [61.5], "medications": [["warfarin", "Zocor"]]}
    parquet.write_table(pyarrow.table(content), path)
    record = table.read_record(path)
    assert record.observations[0].quantity is not None
    assert record.observations[0].quantity.value == 61.5
    assert [each.text for each in record.medications] == ["warfarin", "Zocor"]
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(MalformedInput):
        table.read_record(path)


def test_a_table_without_known_headings_is_an_error(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b\n1,2\n")
    assert not table.recognises(path.read_bytes(), path)
    with pytest.raises(MalformedInput, match="headings"):
        table.read_record(path)
