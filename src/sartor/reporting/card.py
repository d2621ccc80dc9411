"""What a model's card shows, drawn from the card's facts alone: nothing is said that was not measured or stated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording
from sartor.domain.model import Feature, ModelCard
from sartor.domain.validation import Measure, Validation
from sartor.reporting.html import day
from sartor.reporting.words import Words

SHOWN_GROUPS = 40
ANSWERS = ("yes", "probably yes", "probably no", "no", "not stated")


def identity(card: ModelCard, words: Words) -> list[tuple[str, str]]:
    """Label and value of what tells this model from another."""
    told = (("name", card.name), ("version", card.version), ("learner", card.learner), ("n", f"{card.n:,}"))
    shown = [(words(f"card.{key}"), value) for key, value in told if value]
    return [*shown, (words("card.created"), day(card.created))] if card.created else shown


def document(card: ModelCard, validation: Validation, words: Words) -> Document:
    """The card's page; its sentences are worded already (their key is the text)."""
    sections = (
        _use(card, words),
        _performance(card, words),
        _groups(card, words),
        _inputs(card, words),
        _checks(validation, words),
        *_checklist(card, words),
        *_self_assessment(card, words),
        _making(card, words),
    )
    return Document(
        title=card.title,
        verdict=tuple(_text(each) for each in _listed(card.facts.get("summary")) or [card.outcome]),
        sections=tuple(each for each in sections if each.blocks),
    )


def _text(said: str) -> Wording:
    return Wording(key=said)


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)] if value else []


def _section(anchor: str, words: Words, blocks: Iterable[Paragraph | TableBlock | Figure]) -> Section:
    return Section(anchor=anchor, heading=_text(words(f"card.sections.{anchor}")), blocks=tuple(blocks))


def _use(card: ModelCard, words: Words) -> Section:
    rows = [
        (words("card.intended_use"), card.intended_use or words("card.not_stated")),
        (words("card.outcome"), card.outcome),
        (words("card.task"), card.task.value),
        (words("card.covers"), "; ".join(_condition(each) for each in card.covers) or words("card.no_conditions")),
    ]
    rows += [(words("card.not_for"), each) for each in card.not_for] or [
        (words("card.not_for"), words("card.not_stated"))
    ]
    if card.licence:
        rows.append((words("card.licence"), card.licence))
    table = TableBlock(title=words("card.sections.use"), headings=("", words("card.stated")), rows=tuple(rows))
    reasons = Paragraph(said=tuple(_text(each) for each in _listed(card.facts.get("reasons"))), tone="warning")
    return _section("use", words, (reasons, table) if reasons.said else (table,))


def _condition(condition: Mapping[str, Any]) -> str:
    name = str(condition.get("feature", ""))
    if "in" in condition:
        return f"{name}: {', '.join(map(str, condition['in']))}"
    low, high = condition.get("low"), condition.get("high")
    if low is not None and high is not None:
        return f"{name}: {low:g} – {high:g}"
    return f"{name} ≥ {low:g}" if low is not None else f"{name} ≤ {high:g}" if high is not None else name


def shown(measure: Measure) -> str:
    """Value with its interval, or why there is none."""
    if measure.value is None:
        return measure.note or "–"
    said = f"{measure.value:.3f}"
    if measure.low is not None and measure.high is not None:
        said += f" ({measure.low:.3f} to {measure.high:.3f})"
    return said.replace("-", "−")


def _name(measure: Measure, words: Words) -> str:
    found = words.section("measures")
    named = str(found.get(measure.name, measure.name.replace("_", " ")))
    return named if measure.at is None else f"{named} ({measure.at:g})"


def _performance(card: ModelCard, words: Words) -> Section:
    """One table for each place, what depends on a threshold or horizon folded beneath it."""
    blocks: list[TableBlock] = []
    for where in dict.fromkeys(each.where for each in card.measures if not each.group):
        own = [each for each in card.measures if not each.group and each.where == where]
        for kept in ([each for each in own if each.at is None], [each for each in own if each.at is not None]):
            rows = tuple((_name(each, words), shown(each), f"{each.n:,}") for each in kept)
            headings = tuple(words(f"card.column_{each}") for each in ("measure", "value", "rows"))
            at = kept[0].at is not None if kept else False
            title = words("card.performance_at" if at else "card.performance", where=_where(where, words))
            blocks += [TableBlock(title=title, headings=headings, rows=rows, folded=at)] if rows else []
    return _section("performance", words, blocks)


def _where(where: str, words: Words) -> str:
    name = where.removeprefix("external:")
    return name if name != where else words(f"card.where.{where}") if where in ("internal", "temporal") else where


def _groups(card: ModelCard, words: Words) -> Section:
    grouped = [each for each in card.measures if each.group and not each.group.startswith("outcome=")]
    grouped.sort(key=lambda each: each.name == "coverage")
    names = card.facts.get("group_names")
    called = names if isinstance(names, Mapping) else {}
    if not grouped:
        return _section("groups", words, (Paragraph(said=(_text(words("card.no_groups")),), tone="warning"),))
    rows = tuple(
        (str(called.get(each.group, each.group)), _name(each, words), shown(each), f"{each.n:,}") for each in grouped
    )
    headings = tuple(words(f"card.column_{each}") for each in ("group", "measure", "value", "rows"))
    title = words("card.sections.groups")
    return _section("groups", words, (TableBlock(title=title, headings=headings, rows=rows),))


def _inputs(card: ModelCard, words: Words) -> Section:
    headings = tuple(words(f"card.column_{each}") for each in ("input", "range", "missing", "importance", "drawn"))
    rows = tuple(
        (each.label or each.name, _range(each), f"{each.missing:.0%}", _share(each.importance), _drawn(each, words))
        for each in sorted(card.features, key=lambda each: (-each.importance, each.name))
    )
    blocks: list[Paragraph | TableBlock | Figure] = [
        TableBlock(title=words("card.sections.inputs"), headings=headings, rows=rows)
    ]
    leading = sorted((each for each in card.features if each.importance > 0), key=lambda each: -each.importance)[:15]
    if leading:
        title = words("card.importance")
        series = Series(
            name=title,
            labels=tuple(each.label or each.name for each in leading),
            y=tuple(each.importance for each in leading),
        )
        alt = "; ".join(f"{each.label or each.name} {each.importance:.0%}" for each in leading)
        blocks.insert(0, Figure(kind="bar", title=title, alt=alt, y_label=words("card.share"), series=(series,)))
    return _section("inputs", words, blocks)


def _range(feature: Feature) -> str:
    if feature.kind == "category":
        few = [feature.labels.get(each, each) for each in feature.categories[:6]]
        return ", ".join(few) + (" …" if len(feature.categories) > len(few) else "")
    if feature.low is None or feature.high is None:
        return "–"
    return f"{feature.low:.4g} – {feature.high:.4g} {feature.unit}".strip()


def _share(value: float) -> str:
    return f"{value:.1%}" if value else "–"


def _drawn(feature: Feature, words: Words) -> str:
    code = f"{feature.code.system}|{feature.code.code}" if feature.code else ""
    return code or (words("card.column_only") if feature.drawn_from == "column" else feature.drawn_from)


def _checks(validation: Validation, words: Words) -> Section:
    failed = [each for each in validation.checks if not each.passed]
    rows = tuple(
        (each.name.replace("_", " "), each.subject, words("card.passed" if each.passed else "card.not_passed"),
         each.detail)
        for each in sorted(validation.checks, key=lambda each: each.passed)
    )  # fmt: skip
    headings = tuple(words(f"card.column_{each}") for each in ("check", "subject", "result", "detail"))
    if not rows:
        return _section("checks", words, ())
    emphasis = tuple(range(len(failed)))
    title = words("card.sections.checks")
    return _section("checks", words, (TableBlock(title=title, headings=headings, rows=rows, emphasis=emphasis),))


def _checklist(card: ModelCard, words: Words) -> tuple[Section, ...]:
    """TRIPOD+AI: each sub-item with what is known for it, or what the model's makers have to supply."""
    items: Any = card.facts.get("tripod_ai")
    if not isinstance(items, Mapping):
        return ()
    rows, missing = [], 0
    for number, each in items.items():
        given = str(each.get("answer", ""))
        state = str(each.get("status", ""))
        missing += state == "missing"
        rows.append((number, str(each["item"]), words(f"card.status.{state}"), given or str(each.get("supply", ""))))
    headings = tuple(words(f"card.column_{each}") for each in ("number", "item", "status", "answer"))
    said = Paragraph(
        said=(_text(words("card.tripod", filled=len(rows) - missing, total=len(rows), missing=missing)),),
        tone="warning" if missing else "good",
    )
    table = TableBlock(title=words("card.sections.reporting"), headings=headings, rows=tuple(rows))
    return (_section("reporting", words, (said, table)),)


def _self_assessment(card: ModelCard, words: Words) -> tuple[Section, ...]:
    domains: Any = card.facts.get("probast_ai")
    if not isinstance(domains, Mapping):
        return ()
    rows = tuple(
        (str(domain), str(each["question"]), str(each["answer"]), str(each.get("because", "")))
        for domain, found in domains.items()
        for each in found["questions"]
    )
    rated = tuple((str(domain), str(found["rating"])) for domain, found in domains.items())
    headings = tuple(words(f"card.column_{each}") for each in ("domain", "question", "answer", "because"))
    blocks = (
        Paragraph(said=(_text(words("card.probast")),)),
        TableBlock(title=words("card.rating"), headings=(headings[0], words("card.rating")), rows=rated),
        TableBlock(title=words("card.questions"), headings=headings, rows=rows),
    )
    return (_section("bias", words, blocks),)


def _making(card: ModelCard, words: Words) -> Section:
    rows = [(each.path.rsplit("/", 1)[-1], each.kind, f"sha256 {each.sha256}") for each in card.inputs]
    rows.append(("Sartor", card.sartor_version, words("card.seed", seed=card.seed)))
    headings = tuple(words(f"card.column_{each}") for each in ("what", "kind", "pinned"))
    title = words("card.sections.making")
    return _section("making", words, (TableBlock(title=title, headings=headings, rows=tuple(rows)),))
