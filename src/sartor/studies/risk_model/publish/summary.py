"""The first minute: what it predicts, for whom, how well, for whom not, what drives it, whether to use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sartor.domain.document import Paragraph, Section, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import Feature, Task
from sartor.domain.validation import Measure
from sartor.explaining.fairness import TOO_FEW, wilson
from sartor.learning.task import EVENT
from sartor.studies.risk_model.publish.telling import (
    Told,
    candidate_name,
    interval,
    name_of,
    percent,
    say,
    short,
    table,
    worded,
)
from sartor.studies.risk_model.publish.verdict import EXTERNAL_NEXT, Rule, Verdict, helps

DRIVERS = 5
FIFTHS = 5
SHOWN = 6
GOOD = frozenset({EXTERNAL_NEXT, "prospective_next"})


def verdict_lines(told: Told, verdict: Verdict) -> tuple[Wording, ...]:
    """What a hurried reader sees: the verdict, what it predicts, how well in plain words."""
    lines = [worded(f"verdict.{verdict.key}"), predicts(told), *_competing(told), *in_plain_words(told)]
    return tuple(lines)


def _competing(told: Told) -> Iterator[Wording]:
    """How many had another event first, and what the risk then means."""
    target = told.prepared.target
    if target.events is not None and target.has_competing_events:
        count = int((target.events > EVENT).sum())
        yield worded("predicts.competing", n=f"{count:,}", names=list(target.classes[2:]))


def predicts(told: Told) -> Wording:
    """What it predicts, from how many."""
    target = told.prepared.target
    values = {
        "outcome": told.outcome,
        "n": f"{len(target):,}",
        "inputs": len(told.prepared.cohort.columns),
        "events": f"{told.validation.facts.get('n_events') or 0:,}",
        "learner": candidate_name(told.fitted.chosen),
    }
    if told.task is Task.SURVIVAL:
        return worded("predicts.survival", **values)
    if told.task is Task.REGRESSION:
        return worded("predicts.regression", **values)
    if target.is_binary:
        return worded("predicts.binary", **values)
    return worded("predicts.classes", **values, classes=list(target.classes))


def in_plain_words(told: Told) -> Iterator[Wording]:
    """The headline number with its interval and what it means, and predicted against observed."""
    found = told.measure(told.metric)
    if found is None or found.value is None:
        yield worded("plain.none")
        return
    values = {"value": interval(found), "name": name_of(told.metric), "of_100": f"{100 * found.value:.0f}"}
    key = told.metric if told.metric in ("auroc", "harrell_c", "r2") else "other"
    if told.metric == "auroc" and not told.prepared.target.is_binary:
        key = "auroc_classes"
    yield worded(f"plain.{key}", **values)
    yield from _high_and_low(told)
    if told.task is Task.REGRESSION and (error := told.measure("mae")) is not None and error.value is not None:
        yield worded("plain.mae", value=short(error.value), unit=told.prepared.target.unit or say("units"))


def fifths(told: Told) -> list[tuple[float, float, int, int]]:
    """(mean predicted, observed share, events, rows) by fifths of the predicted risk, lowest first; binary only."""
    if not told.prepared.target.is_binary:
        return []
    known = np.flatnonzero(np.isfinite(told.risk))
    ordered = known[np.argsort(told.risk[known], kind="stable")]
    outcome = told.prepared.target.values == 1
    return [
        (float(told.risk[part].mean()), float(outcome[part].mean()), int(outcome[part].sum()), len(part))
        for part in np.array_split(ordered, FIFTHS)
        if len(part)
    ]


def _high_and_low(told: Told) -> Iterator[Wording]:
    parts = fifths(told)
    if len(parts) < FIFTHS:
        return
    (low, low_seen, *_), (high, high_seen, *_) = parts[0], parts[-1]
    yield worded(
        "plain.fifths",
        low=f"{100 * low:.0f}",
        low_seen=f"{100 * low_seen:.0f}",
        high=f"{100 * high:.0f}",
        high_seen=f"{100 * high_seen:.0f}",
    )


def at_a_glance(told: Told, verdict: Verdict, features: Sequence[Feature]) -> Section:
    """For whom, for whom not, what drives it, and the rules behind the verdict."""
    blocks: list[Paragraph | TableBlock] = [
        Paragraph(said=tuple(_reasons(verdict)), tone=_tone(verdict)),
        Paragraph(said=tuple(_whom(told, features))),
    ]
    if parts := fifths(told):
        blocks.append(_told_and_seen(parts))
    blocks.append(_rules(verdict))
    return Section(anchor="glance", heading=worded("heading.glance"), blocks=tuple(blocks))


def _tone(verdict: Verdict) -> str:
    return "good" if verdict.key in GOOD else "stop" if verdict.key == "do_not_use" else "warning"


def _reasons(verdict: Verdict) -> Iterator[Wording]:
    yield worded(f"next.{verdict.key}")
    for rule in verdict.failed:
        yield worded(f"rule_failed.{rule.name}", **rule.values)


def _whom(told: Told, features: Sequence[Feature]) -> Iterator[Wording]:
    if use := str(told.config.get("intended_use") or ""):
        yield worded("whom.intended", use=use.rstrip("."))
    else:
        yield worded("whom.not_stated")
    for each in told.config.get("not_for") or ():
        yield worded("whom.not_for", use=str(each).rstrip("."))
    yield from _groups(told)
    idle = [percent(m.at) for m in _benefits(told) if not helps(told, m)]
    if 0 < len(idle) < len(_benefits(told)):
        yield worded("whom.idle", thresholds=idle)
    yield from _cautions(told)
    leading = [each for each in sorted(features, key=lambda each: -each.importance) if each.importance > 0][:DRIVERS]
    if leading:
        named = [f"{each.label or each.name} ({percent(each.importance)})" for each in leading]
        yield worded("whom.drivers", drivers=named)


def _groups(told: Told) -> Iterator[Wording]:
    """Groups that perhaps fare worse, that are too small to know, or that nobody recorded."""
    if not told.population:
        yield worded("whom.no_groups")
        return
    if perhaps := told.subjects("group_perhaps_behind"):
        yield worded("whom.perhaps", groups=perhaps)
    small = list(dict.fromkeys(m.group for m in told.population if m.note.startswith(TOO_FEW)))
    single = [told.group_name(group) for group in small if " & " not in group]
    if single:
        rest = len(single) - SHOWN
        yield worded("whom.too_few", groups=[*single[:SHOWN], *([say("and_more", n=rest)] if rest > 0 else [])])
    if crossed := len(small) - len(single):
        yield worded("whom.too_few_crossed", n=crossed)


def _benefits(told: Told) -> list[Measure]:
    return [m for m in told.validation.measures
            if (m.name, m.candidate, m.where, m.group) == ("net_benefit", "pipeline", told.where, "")
            and m.value is not None and m.at is not None and m.n and m.n_events]  # fmt: skip


def _cautions(told: Told) -> Iterator[Wording]:
    """What was let pass with a warning, and explanations that do no better than chance."""
    suspects = [each for each in told.prepared.checks if not each.passed and each.severity == "warning"
                and each.subject and "allowed" not in each.values and each.name != "outcome_guessed"]  # fmt: skip
    if suspects:
        yield worded("whom.suspect", columns=list(dict.fromkeys(told.column_name(each.subject) for each in suspects)))
    if any(each.name == "deletion" and not each.passed for each in told.validation.checks):
        yield worded("whom.unproved_explanations")
    if refused := len(told.prepared.cohort.quarantined):
        yield worded("whom.set_aside", n=f"{refused:,}")


def _told_and_seen(parts: list[tuple[float, float, int, int]]) -> TableBlock:
    rows = []
    for k, (expected, seen, events, n) in enumerate(parts):
        low, high = wilson(events, n)
        observed = f"{100 * seen:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        rows.append((say(f"fifth.{k + 1}"), f"{100 * expected:.1f}", observed, f"{n:,}"))
    return table("fifths", ("fifth", "told", "seen", "rows"), rows)


def _rules(verdict: Verdict) -> TableBlock:
    rows = [_rule(rule) for rule in verdict.rules]
    failed = tuple(k for k, rule in enumerate(verdict.rules) if not rule.passed)
    return table("rules", ("question", "met"), rows, emphasis=failed, folded=True)


def _rule(rule: Rule) -> tuple[str, str]:
    return say(f"rule.{rule.name}", **rule.values), say("yes" if rule.passed else "no")
