"""The regulatory folder: data lineage, risks, traceability and the plan of updates, all from what was measured."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sartor.domain.document import Document, Section, TableBlock
from sartor.explaining.drift.policy import FILE as POLICY
from sartor.studies.risk_model.publish.telling import PIPELINE, Told, has, lead, say, table, worded
from sartor.studies.risk_model.publish.verdict import CALIBRATION, Verdict

FOLDER = "regulatory"
OPEN, CONTROLLED, IN_PART, NOT_EXAMINED = "open", "controlled", "controlled in part", "not examined"
BY_CONSTRUCTION = "by construction"


def regulatory_files(told: Told, verdict: Verdict, policy: bytes) -> dict[str, bytes]:
    """Path → JSON of lineage, risks, traceability and update plan. policy: the model's update_policy.json."""
    parts = {
        "lineage": lineage(told),
        "risks": risks(told, verdict),
        "traceability": traceability(told, verdict),
        "update_plan": update_plan(policy),
    }
    return {f"{FOLDER}/{name}.json": _json(content) for name, content in parts.items()}


def regulatory_document(told: Told, verdict: Verdict, policy: bytes) -> Document:
    """The same as a page."""
    return Document(
        title=say("regulatory.title"),
        verdict=(worded("regulatory.lead"),),
        sections=(_lineage(told), _risks(told, verdict), _traceability(told, verdict), _plan(policy)),
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


def risks(told: Told, verdict: Verdict) -> list[dict[str, Any]]:
    """Each hazard with its control, the checks and rules of this run that bear on it and whether it is open."""
    found = []
    for risk in _data("risks")["risks"]:
        shown = _shown(told, verdict, risk)
        state = _state(shown) if shown or "tests" not in risk else BY_CONSTRUCTION
        evidence = [f"{each.name}: {each.said}" for each in shown]
        evidence += [say("held_by", tests=list(risk["tests"]))] if "tests" in risk else []
        found.append({**{k: risk[k] for k in ("id", "hazard", "cause", "harm", "control", "remaining")},
                      "state": state, "evidence": evidence})  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """One check or rule of this run, and whether it passed; `noted` where it only says what could not be examined."""

    name: str
    passed: bool
    noted: bool = False

    @property
    def said(self) -> str:
        """The result in a word."""
        return "noted" if self.noted else "passed" if self.passed else "failed"


def _shown(told: Told, verdict: Verdict, wanted: Mapping[str, Any]) -> list[Shown]:
    """What really ran of the checks and rules that a row names."""
    names = {*(wanted.get("checks") or ()), *(wanted.get("may_be") or ())}
    shown = []
    for check in told.validation.checks:
        if check.name in names:
            subject = f" ({told.group_name(check.subject)})" if check.subject else ""
            noted = not check.passed and check.severity == "note"
            shown.append(Shown(f"{check.name}{subject}", check.passed or noted, noted))
    rules = set(wanted.get("rules") or ())
    for rule in verdict.rules:
        if rule.name in rules:
            site = f" ({rule.values['site']})" if rule.values.get("site") else ""
            shown.append(Shown(f"rule {rule.name}{site}", rule.passed))
    return list(dict.fromkeys(shown))


def _state(shown: Sequence[Shown]) -> str:
    if not shown:
        return NOT_EXAMINED
    if not all(each.passed for each in shown):
        return OPEN
    return IN_PART if any(each.noted for each in shown) else CONTROLLED


def _measured(name: str, told: Told) -> bool:
    measures = told.validation.measures
    if name == "*headline*":
        found = told.measure(told.metric)
        return found is not None and found.low is not None
    if name == "*calibration*":
        return any(m.name in CALIBRATION and m.candidate == PIPELINE and m.value is not None for m in measures)
    if name == "*candidates*":
        named = {m.candidate for m in measures} | {check.subject for check in told.validation.checks}
        return all(each.name in named for each in told.fitted.candidates)
    if name == "*groups*":
        return told.groups_judged
    return any(m.where.startswith("external:") and m.value is not None for m in measures)


def traceability(told: Told, verdict: Verdict) -> list[dict[str, Any]]:
    """Requirement → the checks and rules of this run that show it → result, and the tests of the software."""
    rows = []
    for each in _data("requirements")["requirements"]:
        shown = _shown(told, verdict, each)
        ran = {found.name.partition(" (")[0] for found in shown}
        lacking = [name for name in each.get("checks") or () if name not in ran]
        lacking += [name.strip("*") for name in each.get("measures") or () if not _measured(name, told)]
        failed = [found.name for found in shown if not found.passed]
        result = "not met" if failed else "not shown" if lacking else "met"
        if each.get("by_construction"):
            result = BY_CONSTRUCTION
        elif not shown and not each.get("measures"):
            result = "not shown"
        named = [*(found.name for found in shown), *(name.strip("*") for name in each.get("measures") or ())]
        rows.append({"id": each["id"], "requirement": each["text"], "shown_by": named, "tests": list(each["tests"]),
                     "result": result, "failed": failed, "lacking": lacking})  # fmt: skip
    return rows


def update_plan(policy: bytes) -> dict[str, Any]:
    """The model's own policy, word for word, with what each of its actions means; its history stays with the model."""
    return {
        "policy_file": f"model/{POLICY}",
        "policy": json.loads(policy),
        "steps": [say("update.lead"), say("update.watch"), say("update.keep")],
    }


def _lineage(told: Told) -> Section:
    steps = [(name, f"{rows:,}", detail) for name, rows, detail in _steps(told)]
    inputs = [(each.path.rsplit("/", 1)[-1], f"{each.size:,}", each.sha256) for each in told.prepared.inputs]
    out = [(name, str(why)) for name, why in dict(told.config.get("excluded") or {}).items()]
    blocks = [table("flow", ("step", "rows", "detail"), steps), table("inputs", ("file", "bytes", "digest"), inputs)]
    if out:
        blocks.append(table("left_out", ("column", "why"), out))
    return Section(anchor="lineage", heading=worded("heading.lineage"), blocks=tuple(blocks))


def _risks(told: Told, verdict: Verdict) -> Section:
    rows = [
        (each["id"], each["hazard"], each["cause"], each["harm"], each["control"], each["remaining"], each["state"],
         "; ".join(each["evidence"]) or "–")
        for each in risks(told, verdict)
    ]  # fmt: skip
    columns = ("number", "hazard", "cause", "harm", "control", "remaining", "state", "evidence")
    opened = tuple(k for k, row in enumerate(rows) if row[6] == OPEN)
    block = table("risks", columns, rows, emphasis=opened)
    return Section(anchor="risks", heading=worded("heading.risks"), blocks=(lead(worded("regulatory.risks")), block))


def _traceability(told: Told, verdict: Verdict) -> Section:
    rows = [(each["id"], each["requirement"], ", ".join(each["shown_by"]) or "–", ", ".join(each["tests"]),
             _result(each)) for each in traceability(told, verdict)]  # fmt: skip
    failed = tuple(k for k, row in enumerate(rows) if row[4].startswith("not"))
    columns = ("number", "requirement", "shown_by", "tests", "result")
    block: TableBlock = table("traceability", columns, rows, emphasis=failed)
    return Section(anchor="traceability", heading=worded("heading.traceability"), blocks=(block,))


def _result(row: Mapping[str, Any]) -> str:
    named = ", ".join([*row["failed"], *row["lacking"]])
    return f"{row['result']}: {named}" if named else str(row["result"])


def _plan(policy: bytes) -> Section:
    said = (worded("update.lead"), worded("update.watch"), worded("update.keep"))
    triggers = {name: value for name, value in json.loads(policy).items() if name != "history"}
    rows = [(say(f"trigger.{name}") if has(f"trigger.{name}") else name.replace("_", " "), f"{value:g}")
            for name, value in triggers.items() if isinstance(value, int | float)]  # fmt: skip
    blocks = (lead(*said), table("triggers", ("trigger", "limit"), rows))
    return Section(anchor="updates", heading=worded("heading.updates"), blocks=blocks)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n").encode()


@cache
def _data(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8"))
