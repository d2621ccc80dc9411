import json
from pathlib import Path

import jsonschema
import pytest
import report_sample as sample

from sartor.reporting import schema

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "report.schema.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    """If this fails: python -m sartor.reporting.schema > docs/reference/report.schema.json, and tell readers why."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json.loads(schema.text())


def test_a_report_validates() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.report_schema())
    jsonschema.validate(json.loads(sample.report().model_dump_json()), schema.report_schema())


def test_an_unknown_field_does_not_validate() -> None:
    report = json.loads(sample.report().model_dump_json())
    report["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, schema.report_schema())


def test_a_report_survives_its_json_form() -> None:
    report = sample.report()
    assert type(report).model_validate_json(report.model_dump_json()) == report
