"""The JSON Schema of report.json, made from the domain types; published in docs/reference/report.schema.json."""

from __future__ import annotations

import json
from typing import Any

from sartor.domain.report import SCHEMA_VERSION, Report

_ID = f"https://sartor.health/schema/report/{SCHEMA_VERSION}"


def report_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) that every report.json of this version fulfils."""
    made = Report.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        **made,
        "title": f"Sartor report, version {SCHEMA_VERSION}",
    }


def text() -> str:
    """The schema as the published file has it."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(text(), end="")
