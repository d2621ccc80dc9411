"""The report as one self-contained page: no request leaves it, and it prints to paper as it is."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sartor.domain.finding import ActionKind, SourceStrength
from sartor.domain.genome import CallState, PositionCall
from sartor.domain.provenance import Origin
from sartor.domain.record import Medication
from sartor.domain.report import NotTested, Report
from sartor.reporting.changes import Changes, Reason
from sartor.reporting.view import LEVEL, Drug, Verdict, View, number, view
from sartor.reporting.words import Words, load

if TYPE_CHECKING:
    from jinja2 import Environment

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = {"1": "", "mg/wk": "mg/week", "mg/d": "mg/day", "a": "years"}
_STEP = 1024
_ID_SHOWN = 8
_LISTED = 8
_SHOWN = 4
_STRENGTHS = tuple(SourceStrength)


def render(report: Report, changes: Changes | None = None, *, language: str = "en", paper: bool = False) -> str:
    """The whole page as text, ready to be written to one file; `paper` leaves out what only a screen shows."""
    words = load(language)
    arranged = view(report)
    name = person(report, words)
    css = _style(report, words, name)
    script = static_text("report.js")
    page = environment().get_template("report.html.j2")
    gaps = [readable(each, words) for each in report.not_tested]
    in_part = {gene.name for gene in arranged.gaps}
    return page.render(
        **_tools(words, arranged),
        w=words,
        v=arranged,
        report=report,
        changes=changes,
        paper=paper,
        unproved=unproved(changes, words) if changes is not None else "",
        name=name,
        title=words("page.title_for", name=name),
        identity=identity(report, words),
        no_genes=not any(gene.tested for gene in arranged.genes),
        untested=_untested(arranged, words),
        alerts=alerts(arranged, words),
        lost_names=[file_name(each.origin.file) for each in arranged.lost_files],
        gaps=[each for each in gaps if each.subject not in in_part],
        unread={each.subject for each in gaps},
        contents=_contents(arranged, words, changes),
        glossary=glossary(arranged, words),
        css=css,
        script=script,
        policy=content_policy(css, script),
    )


def person(report: Report, words: Words) -> str:
    """How the page names the person: name, else identifier, else sample."""
    who = report.patient.demographics
    return who.name or who.identifier or report.patient.sample or words("page.unnamed")


def identity(report: Report, words: Words) -> list[tuple[str, str]]:
    """Label and value of what tells this person from another."""
    who, patient = report.patient.demographics, report.patient
    age = f" ({words('identity.age', n=patient.age_years)})" if patient.age_years is not None else ""
    sex = words(f"sex.{who.sex}") if words.has(f"sex.{who.sex}") else who.sex
    told = (
        ("born", f"{day(who.birth_date)}{age}" if who.birth_date else words("identity.unknown")),
        ("died", day(who.death_date)),
        ("sex", sex or words("identity.unknown")),
        ("identifier", who.identifier),
        ("sample", patient.sample),
        ("ancestry", ", ".join(each.label or each.code for each in who.ancestry)),
        ("date", day(report.provenance.created)),
    )
    return [(words(f"identity.{key}"), value) for key, value in told if value]


def day(moment: str) -> str:
    """An ISO date or time as 21 Nov 2026; partial dates keep what they have, anything else stays as it is."""
    found = re.match(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", moment)
    if found is None:
        return moment
    year, month, of_month = found.groups()
    if month is None or not 1 <= int(month) <= len(_MONTHS):
        return year
    named = f"{_MONTHS[int(month) - 1]} {year}"
    return f"{int(of_month)} {named}" if of_month else named


def alerts(arranged: View, words: Words) -> list[str]:
    """What a reader has to know before anything else: what failed, was not used, or rests on poor data."""
    failed = ", ".join(each.capability for each in arranged.report.failed)
    said = [f"{words('summary.failed', n=len(arranged.report.failed))}: {failed}"] if failed else []
    return said + input_alerts(arranged, words)


def input_alerts(arranged: View, words: Words) -> list[str]:
    """What of the input was not used or is poor, and which current medicines could be judged in part only."""
    said: list[str] = []
    lost = arranged.lost_files
    said += [
        words("summary.alert_input", name=file_name(each.origin.file), reason=each.reason) for each in lost[:_SHOWN]
    ]
    said += [words("page.and_more", n=len(lost) - _SHOWN)] if len(lost) > _SHOWN else []
    if arranged.lost_data:
        said.append(words("summary.alert_data", n=len(arranged.lost_data)))
    if poor := arranged.poor_genes:
        said.append(words("summary.alert_poor", n=len(poor), names=_several(poor, words)))
    if found := arranged.in_part:
        said.append(words("summary.alert_in_part", names=_several([each.name for each in found], words)))
    return said


def unproved(changes: Changes, words: Words) -> str:
    """The warning that two reports may be of different people; empty when both state who they are about."""
    names = ", ".join(words(f"changes.identity.{each}") for each in changes.unproved)
    return words("changes.unproved", names=names) if names else ""


def file_name(path: str) -> str:
    """The last part of a path."""
    return path.rsplit("/", 1)[-1]


def readable(gap: NotTested, words: Words) -> NotTested:
    """What was not tested, with a fact's dotted name turned into words."""
    subject = gap.subject
    if re.fullmatch(r"[a-z_]+(\.[\w-]+)+", subject):
        head, name = subject.split(".")[:2]
        if words.has(f"facts.{head}.{name}"):
            subject = words(f"facts.{head}.{name}")
        elif words.has(f"facts.{head}") and head != "person":
            subject = words(f"facts.{head}", name=name)
        else:
            subject = name.replace("_", " ")
    return gap.model_copy(update={"subject": subject[:1].upper() + subject[1:]})


def glossary(arranged: View, words: Words) -> list[dict[str, str]]:
    """The terms that this report uses, by name."""
    said = _everything_said(arranged)
    terms: list[dict[str, Any]] = list(words.section("terms").values())
    used = [each for each in terms if any(mark in said for mark in each["match"])]
    return sorted(({"term": each["term"], "text": each["text"]} for each in used), key=lambda each: each["term"])


def _everything_said(arranged: View) -> str:
    parts = [
        sentence
        for each in arranged.report.findings
        for sentence in (each.text.headline, *each.text.clinician, *each.text.limits)
    ]
    for gene in arranged.genes:
        parts += [
            "diplotype phenotype",
            gene.diplotypes,
            *gene.call.phenotypes,
            "phased" if gene.call.positions else "",
        ]
        parts += ["activity score" if gene.score else "", "today" if gene.changed else ""]
        parts += ["probability" if len(gene.call.diplotypes) > 1 else "", f"{gene.call.source} call"]
        parts += ["not called" if gene.call.n_missing else "", gene.reported.finding.certainty.input_quality.value]
    for drug in arranged.drugs:
        parts += [drug.leading.finding.certainty.source_strength.value, *(each.source for each in drug.advices)]
    return "\n".join(parts)


def _untested(arranged: View, words: Words) -> list[str]:
    genes = [each.name for each in arranged.untested]
    partly = {each.name for each in arranged.genes if each.tested}
    rest = [subject for each in arranged.report.not_tested if (subject := readable(each, words).subject) not in partly]
    return list(dict.fromkeys(genes + [each for each in rest if not _names(each, genes)]))[:12]


def _names(subject: str, genes: list[str]) -> bool:
    return all(part in genes for part in re.split(r",\s*| and ", subject))


def _contents(arranged: View, words: Words, changes: Changes | None) -> list[tuple[str, str]]:
    report = arranged.report
    parts = [
        "summary",
        "changes",
        "current",
        "drugs",
        "genes",
        "further",
        "conflicts",
        "limits",
        "quarantined",
        "patient",
    ]
    left_out = {"changes"} if changes is None else set()
    left_out |= {"further"} if not arranged.further else set()
    left_out |= {"conflicts"} if not report.conflicts else set()
    left_out |= {"quarantined"} if not report.quarantined else set()
    shown = [*(each for each in parts if each not in left_out), "provenance"]
    return [(each, words(f"nav.{each}")) for each in shown]


def _tools(words: Words, arranged: View) -> dict[str, Callable[..., Any]]:
    """What the templates call to put values into words."""
    from markupsafe import Markup

    parts: Any = environment().get_template("position.html.j2").make_module({"w": words, "paper": False})

    def brief(drug: Drug) -> str:
        if len({each.source for each in drug.advices}) == 1:
            return drug.headline
        sides = [f"{each.source}: {words.code('action', each.verdict.kind).lower()}" for each in drug.advices]
        return "; ".join(dict.fromkeys(sides))

    def publisher(finding: str) -> str:
        drug = arranged.drug_of(finding)
        named = [each.source for each in drug.advices if each.finding.id == finding] if drug else []
        return f"{named[0]}," if named else ""

    def matched(medication: Medication, drug: Drug) -> str:
        found = [each for each in medication.drugs if each.drug.label.lower() == drug.name.lower()]
        if not found:
            return ""
        kinds = words.section("drug.matched_word")
        return words("drug.matched", by=kinds.get(found[0].by, found[0].by), matched=found[0].matched)

    def show(each: PositionCall, css: str) -> Markup:
        shape = {CallState.REFERENCE: "r", CallState.VARIANT: "v", CallState.NOT_CALLED: "x"}[each.state]
        return Markup(parts.position(each, shape, css))

    return {
        "number": number,
        "ink": _ink,
        "day": day,
        "unit": lambda unit: _UNITS.get(unit, unit),
        "percent": lambda value: "" if value is None else f"{value * 100:.0f} %" if value >= 0.01 else "< 1 %",
        "size": _size,
        "safe_url": lambda url: url.startswith(("https://", "http://")),
        "sources": lambda drug: ", ".join(dict.fromkeys(each.source for each in drug.advices)),
        "strength_order": lambda drug: _STRENGTHS.index(drug.leading.finding.certainty.source_strength),
        "verdict_of": lambda kind: Verdict(LEVEL[ActionKind(kind)], ActionKind(kind).value),
        "brief": brief,
        "place": _place,
        "several": lambda found: _several(found, words),
        "publisher": publisher,
        "matched": matched,
        "position": show,
        "position_head": lambda: Markup(parts.head()),
        "because": lambda reason: because(reason, words),
    }


def because(reason: Reason, words: Words) -> str:
    """What differs between two runs and bears on a change, in words."""
    name = reason.name
    if reason.cause == "fact":
        name = readable(NotTested(subject=name, reason=""), words).subject
    if reason.cause == "input":
        name = name.rsplit("/", 1)[-1]
    nothing = words("changes.nothing")
    before, after = reason.before or nothing, reason.after or nothing
    return words(f"changes.why_{reason.cause}", name=name, before=before, after=after)


def _place(origin: Origin) -> str:
    """Where a datum stood, short enough for a line: the file's own name, and the start of a long identifier."""
    kind, _, identifier = origin.resource.partition("/")
    short = f"{identifier[:_ID_SHOWN]}…" if len(identifier) > _ID_SHOWN + 4 else identifier
    resource = f"{kind}/{short}" if short else kind
    return str(Origin(file=origin.file.rsplit("/", 1)[-1], line=origin.line, resource=resource))


def _several(found: Sequence[str], words: Words) -> str:
    """A list cut at eight, with how many more there are."""
    rest = len(found) - _LISTED
    return ", ".join(found[:_LISTED]) + (f" {words('page.and_more', n=rest)}" if rest > 0 else "")


def _size(size: int) -> str:
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB"):
        if value < _STEP:
            break
        value, unit = value / _STEP, larger
    return f"{value:.3g} {unit}"


def named(medication: Medication) -> str:
    """A medicine as the record names it."""
    codes = [each.label or each.code for each in medication.code]
    return medication.text or next(iter(codes), "") or ", ".join(each.drug.label for each in medication.drugs)


def _ink(level: str) -> str:
    """The colour of a verdict on paper, from the style sheet: icons in a PDF do not inherit it."""
    found = re.search(rf"--{level}: (#[0-9a-f]+);", static_text("report.css"))
    return found.group(1) if found else "#000"


@cache
def static_text(name: str) -> str:
    """A style sheet or script of the pages."""
    return (files("sartor.reporting") / "static" / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """The templates of the pages, escaping whatever is filled in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("sartor.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["capitalise"] = lambda text: text[:1].upper() + text[1:]
    made.filters["named"] = named
    made.filters["phenotype"] = lambda name: (
        load()("genes.no_phenotype") if name in {"", "n/a"} else name.replace(";", "; ")
    )
    return made


def _style(report: Report, words: Words, name: str) -> str:
    running = words("page.running", name=name, date=day(report.provenance.created))
    css = static_text("report.css").replace("var-running", css_string(running))
    return css.replace("var-footer", css_string(words("page.footer_short")))


def css_string(text: str) -> str:
    """A CSS string in which whatever is no plain letter, digit or space is escaped by its number.

    The space that ends an escape is part of it, so that a space of the text stays one.
    """
    plain = (each if each.isascii() and (each.isalnum() or each == " ") else f"\\{ord(each):x} " for each in text)
    return f'"{"".join(plain)}"'


def content_policy(css: str, script: str) -> str:
    """A content policy that lets this style sheet and this script through and nothing else."""

    def digest(text: str) -> str:
        return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    rules = ("default-src 'none'", f"style-src '{digest(css)}'", f"script-src '{digest(script)}'")
    return "; ".join((*rules, "base-uri 'none'", "form-action 'none'"))
