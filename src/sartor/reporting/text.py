"""The report as a few lines of plain text for a terminal."""

from __future__ import annotations

import textwrap

from sartor.domain.report import Report
from sartor.reporting.changes import Changes
from sartor.reporting.html import because, day, identity, input_alerts, named, person, readable, unproved
from sartor.reporting.view import Drug, GeneToday, View, view
from sartor.reporting.words import Words, load

WIDTH = 100


def render(report: Report, changes: Changes | None = None, *, language: str = "en") -> str:
    """The first page's content: who, what to do, current medicines, what was not tested. Ends without a line break."""
    words = load(language)
    arranged = view(report)
    blocks = [
        _who(report, words),
        _failed(report, words),
        _alerts(arranged, words),
        _unjudged(arranged, words),
        _actions(arranged, words),
        _medicines(arranged, words),
        _later(arranged, words),
        _changed(changes, words),
        _gaps(arranged, words),
        [words("page.footer_short")],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _who(report: Report, words: Words) -> list[str]:
    told = ", ".join(f"{label.lower()} {value}" for label, value in identity(report, words))
    return [f"{words('page.title')}: {person(report, words)}", told]


def _failed(report: Report, words: Words) -> list[str]:
    if not report.failed:
        return []
    first = f"! {words('summary.failed', n=len(report.failed))}"
    return [first, *(f"  {each.capability}: error[{each.slug}]: {each.reason}" for each in report.failed)]


def _alerts(arranged: View, words: Words) -> list[str]:
    said = input_alerts(arranged, words)
    if not said:
        return []
    told = (line for each in said for line in _wrapped(each, indent="  "))
    return [f"! {words('summary.alert')}", *told]


def _unjudged(arranged: View, words: Words) -> list[str]:
    n = len(arranged.unjudged)
    return [f"! {words('summary.verdict_part', n=n, total=arranged.n_current)}"] if n else []


def _actions(arranged: View, words: Words) -> list[str]:
    if not arranged.report.findings:
        return [words("summary.nothing")]
    if not arranged.actions:
        if arranged.all_clear:
            return [words("summary.no_actions")]
        return [words("summary.no_actions_part" if arranged.current else "summary.verdict_unjudged")]
    lines = [words("summary.actions")]
    for place, drug in enumerate(arranged.actions, start=1):
        urgency = words(f"urgency.{drug.urgency.value}")
        verdict = words.code("action", drug.verdict.kind)
        lines.append(f"{place}. [{urgency}] {drug.name}: {verdict} ({_sources(drug)})")
        lines += _wrapped(drug.headline)
        if drug.conflict is not None:
            lines += _wrapped(f"{words('summary.conflict')}: {words.code('conflicts', drug.conflict.note)}")
    return lines


def _medicines(arranged: View, words: Words) -> list[str]:
    if not arranged.n_current:
        return [words("summary.no_list")]
    lines = [words("summary.medicines")]
    for drug in arranged.current:
        genes = ", ".join(f"{each.name} {_phenotypes(each, words)}".strip() for each in drug.genes)
        poor = f" [{words('quality.short')}: {words('quality.poor')}]" if drug.poor else ""
        verdict = f"{words.code('action', drug.verdict.kind)}{poor}"
        lines.append(f"  {drug.name:<16} {verdict:<16} {genes}")
    silent = "summary.failed_row" if arranged.report.failed else "summary.none_row"
    quiet = ((arranged.silent, silent), (arranged.unmatched, "summary.unmatched_row"))
    lines += [f"  {named(each):<16} {words(key)}" for found, key in quiet for each in found]
    return lines


def _later(arranged: View, words: Words) -> list[str]:
    lines = [
        line
        for level in ("change", "dose", "watch")
        if (found := arranged.levels[level])
        for line in _wrapped(f"{words('level.' + level)}: {', '.join(each.name for each in found)}", indent="  ")
    ]
    return [words("summary.later"), *lines] if lines else []


def _changed(changes: Changes | None, words: Words) -> list[str]:
    if changes is None:
        return []
    warned = unproved(changes, words)
    warning = _wrapped(f"! {warned}", indent="") if warned else []
    if not changes.changes:
        return [words("summary.unchanged", date=day(changes.before)), *warning]
    lines = [words("summary.changed", n=len(changes.changes), date=day(changes.before)), *warning]
    for each in changes.changes[:10]:
        what = words(f"changes.kind_{each.aspect}")
        nothing = words("changes.nothing")
        lines.append(f"  {each.label}: {what}: {each.before or nothing} → {each.after or nothing}")
        reasons = "; ".join(because(reason, words) for reason in each.reasons)
        lines += _wrapped(words("changes.cause", reasons=reasons), indent="    ")
    rest = len(changes.changes) - 10
    return [*lines, f"  {words('page.and_more', n=rest)}"] if rest > 0 else lines


def _gaps(arranged: View, words: Words) -> list[str]:
    names = [each.name for each in arranged.untested]
    tested = {each.name for each in arranged.genes if each.tested}
    subjects = (readable(each, words).subject for each in arranged.report.not_tested)
    names += [each for each in subjects if each not in tested]
    partly = ", ".join(each.name for each in arranged.partly)
    lines = _wrapped(f"{words('summary.partly')}: {partly}", indent="") if partly else []
    gaps = "; ".join(dict.fromkeys(names))
    return [*lines, *(_wrapped(f"{words('summary.not_tested')}: {gaps}", indent="") if gaps else [])]


def _phenotypes(gene: GeneToday, words: Words) -> str:
    return words("genes.open", n=len(gene.phenotypes)) if len(gene.phenotypes) > 2 else " or ".join(gene.phenotypes)


def _sources(drug: Drug) -> str:
    return ", ".join(dict.fromkeys(each.source for each in drug.advices))


def _wrapped(text: str, indent: str = "   ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
