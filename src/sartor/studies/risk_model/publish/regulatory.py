"""The regulatory folder: data lineage, risks, traceability and the plan of updates, all from what was measured."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.document import Document, Section, TableBlock
from sartor.domain.validation import Check
from sartor.studies.risk_model.publish.telling import PIPELINE, Told, lead, say, table, worded

FOLDER = "regulatory"
OPEN, CONTROLLED, NOT_EXAMINED = "open", "controlled", "not examined"


def regulatory_files(told: Told) -> dict[str, bytes]:
    """Path → JSON of lineage, risks, traceability and update plan."""
    parts = {
        "lineage": lineage(told),
        "risks": risks(told),
        "traceability": traceability(told),
        "update_plan": update_plan(told),
    }
    return {f"{FOLDER}/{name}.json": _json(content) for name, content in parts.items()}


def regulatory_document(told: Told) -> Document:
    """The same as a page."""
    return Document(
        title=say("regulatory.title"),
        verdict=(worded("regulatory.lead"),),
        sections=(_lineage(told), _risks(told), _traceability(told), _plan(told)),
    )


def lineage(told: Told) -> dict[str, Any]:
    """Inputs with digests, every step with the rows that it left, and what columns were left out and why."""
    prepared = told.prepared
    return {
        "inputs": [each.model_dump() for each in prepared.inputs],
        "steps": [{"step": name, "rows": rows, "detail": detail} for name, rows, detail in _steps(told)],
        "columns_left_out": dict(told.config.get("excluded") or {}),
        "features": list(prepared.cohort.names),
        "groups": list(prepared.people.names),
        "folds": int(told.fitted.folds.max()) + 1,
        "repeats": len(told.fitted.folds),
        "seed": prepared.seed,
    }


def _steps(told: Told) -> list[tuple[str, int, str]]:
    prepared = told.prepared
    lost = {check.name: check for check in prepared.checks}
    n = len(prepared.target)
    without = lost.get("rows_without_outcome")
    dropped = int(str(without.values.get("n") or without.values.get("count") or 0)) if without else 0
    refused = len(prepared.cohort.quarantined)
    steps = [(say("step.read"), n + dropped, say("step.read_detail", refused=refused))]
    if "rows_selected" in lost:
        steps.append((say("step.selected"), n, lost["rows_selected"].detail))
    if without:
        steps.append((say("step.outcome"), n, without.detail))
    steps.append((say("step.learned"), n, say("step.learned_detail", features=len(prepared.cohort.columns))))
    steps += [(say("step.site", site=site.name), len(site.target), say("step.site_detail")) for site in prepared.sites]
    return steps


def risks(told: Told) -> list[dict[str, Any]]:
    """Each hazard with its control, the checks that bear on it and whether it is open."""
    found = []
    for risk in _data("risks")["risks"]:
        checks = [each for each in told.validation.checks if _bears(each, risk)]
        state = _state(checks, risk, told)
        evidence = [_evidence(each) for each in checks]
        found.append({**{k: risk[k] for k in ("id", "hazard", "cause", "harm", "control", "remaining")},
                      "state": state, "evidence": evidence})  # fmt: skip
    return found


def _bears(check: Check, risk: Mapping[str, Any]) -> bool:
    wanted = risk.get("checks") or ()
    return any(check.name.startswith(each) for each in wanted)


def _evidence(check: Check) -> str:
    subject = f" ({check.subject})" if check.subject else ""
    return f"{check.name}{subject}: {'passed' if check.passed else 'failed'}"


def _state(checks: list[Check], risk: Mapping[str, Any], told: Told) -> str:
    if any(not each.passed for each in checks):
        return OPEN
    measured = any(_measured(name, told) for name in risk.get("measures") or ())
    asked_nothing = risk["id"] == "R1" and bool(told.prepared.checks)
    return CONTROLLED if checks or measured or asked_nothing or risk.get("always") else NOT_EXAMINED


def _measured(name: str, told: Told) -> bool:
    measures = told.validation.measures
    if name == "*headline*":
        return told.measure(told.metric) is not None
    if name == "*candidates*":
        return any(m.candidate != PIPELINE for m in measures)
    if name == "*groups*":
        return any(m.group and m.candidate == PIPELINE and m.name == told.metric for m in measures)
    if name in ("*external*", "external"):
        return any(m.where.startswith("external:") for m in measures)
    curves = any(each.name.startswith(name) for each in told.validation.curves)
    return curves or any(m.name == name for m in measures)


def traceability(told: Told) -> list[dict[str, Any]]:
    """Requirement → what shows it → result."""
    rows = []
    for each in _data("requirements")["requirements"]:
        names = each.get("checks") or ()
        pool = told.prepared.checks if "*prepare*" in names else told.validation.checks
        checks = [check for check in pool if "*prepare*" in names or check.name in names]
        failed = [check.name for check in checks if not check.passed and check.severity != "note"]
        measured = any(_measured(name, told) for name in each.get("measures") or ())
        result = "not met" if failed else "met" if checks or measured else "not shown"
        shown = sorted({check.name for check in checks}) or [
            str(name).strip("*") for name in each.get("measures") or ()
        ]
        rows.append({"id": each["id"], "requirement": each["text"], "shown_by": shown, "tests": each["tests"],
                     "result": result, "failed": sorted(set(failed))})  # fmt: skip
    return rows


def update_plan(told: Told) -> dict[str, Any]:
    """What is watched, what leads to which update, and that the old model is kept."""
    try:
        from sartor.explaining.drift import policy  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        return {"version": 1, "steps": [say("update.watch"), say("update.keep")]}
    plan = getattr(policy, "PLAN", None)
    written = plan() if callable(plan) else plan
    steps = [say("update.watch"), say("update.keep")]
    return {"version": 1, "steps": steps, **({"policy": written} if isinstance(written, dict) else {})}


def _lineage(told: Told) -> Section:
    steps = [(name, f"{rows:,}", detail) for name, rows, detail in _steps(told)]
    inputs = [(each.path.rsplit("/", 1)[-1], f"{each.size:,}", each.sha256) for each in told.prepared.inputs]
    out = [(name, str(why)) for name, why in dict(told.config.get("excluded") or {}).items()]
    blocks = [table("flow", ("step", "rows", "detail"), steps), table("inputs", ("file", "bytes", "digest"), inputs)]
    if out:
        blocks.append(table("left_out", ("column", "why"), out))
    return Section(anchor="lineage", heading=worded("heading.lineage"), blocks=tuple(blocks))


def _risks(told: Told) -> Section:
    rows = [
        (each["id"], each["hazard"], each["cause"], each["harm"], each["control"], each["remaining"], each["state"],
         "; ".join(each["evidence"]) or "–")
        for each in risks(told)
    ]  # fmt: skip
    columns = ("number", "hazard", "cause", "harm", "control", "remaining", "state", "evidence")
    opened = tuple(k for k, row in enumerate(rows) if row[6] == OPEN)
    block = table("risks", columns, rows, emphasis=opened)
    return Section(anchor="risks", heading=worded("heading.risks"), blocks=(lead(worded("regulatory.risks")), block))


def _traceability(told: Told) -> Section:
    rows = [(each["id"], each["requirement"], ", ".join(each["shown_by"]) or "–", each["tests"], each["result"])
            for each in traceability(told)]  # fmt: skip
    block: TableBlock = table("traceability", ("number", "requirement", "shown_by", "tests", "result"), rows)
    return Section(anchor="traceability", heading=worded("heading.traceability"), blocks=(block,))


def _plan(told: Told) -> Section:
    said = (worded("update.lead"), worded("update.watch"), worded("update.keep"))
    return Section(anchor="updates", heading=worded("heading.updates"), blocks=(lead(*said),))


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n").encode()


@cache
def _data(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8"))
