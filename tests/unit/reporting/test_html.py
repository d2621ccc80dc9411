import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
import report_sample as sample

from sartor.domain.code import Coded
from sartor.domain.explanation import Explanation, Wording
from sartor.domain.finding import (
    Action,
    ActionKind,
    Finding,
    InputQuality,
    SourceStrength,
    Status,
    Urgency,
)
from sartor.domain.genome import CallState
from sartor.domain.provenance import Origin, Provenance, Quarantined
from sartor.domain.record import Demographics, DrugMatch, Medication, Record, Unused
from sartor.domain.report import Conflict, FailedSection, Patient, Report
from sartor.reporting import html, text
from sartor.reporting.changes import compare
from sartor.reporting.view import view
from sartor.reporting.words import load


class Outline(HTMLParser):
    """Collects tags, ids, attributes and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "br", "link", "path", "circle"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"path", "circle"}:
            return
        if self.open:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"}:
            self.text.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    return parser


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", " ".join(outline(page).text))


PAGE = html.render(sample.report())


def test_every_element_is_closed_and_ids_are_unique() -> None:
    read = outline(PAGE)
    assert read.open == []
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_link_inside_the_page_has_its_target() -> None:
    read = outline(PAGE)
    ids = {attributes.get("id") for _, attributes in read.tags}
    targets = {href[1:] for _, attributes in read.tags if (href := attributes.get("href") or "").startswith("#")}
    assert targets <= ids


def test_headings_never_skip_a_level() -> None:
    levels = [int(tag[1]) for tag, _ in outline(PAGE).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_is_self_contained() -> None:
    for tag, attributes in outline(PAGE).tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert "src" not in attributes
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in PAGE
    assert "default-src &#39;none&#39;" in PAGE


def test_a_verdict_is_colour_and_word_and_icon() -> None:
    badge = re.search(r'<span class="badge change"><svg [^>]*aria-hidden="true".*?</svg>Avoid</span>', PAGE)
    assert badge is not None


def test_the_first_page_has_what_a_hurried_reader_needs() -> None:
    summary = words_of(PAGE[PAGE.index('id="summary"') : PAGE.index('id="current"')])
    for expected in ("Ada Example", "6 current medicines need a decision", "Clopidogrel", "Avoid", "Poor Metabolizer"):
        assert expected in summary
    assert "CYP2D6 copy number and hybrids" in summary


def test_phenoconversion_shows_both_phenotypes_and_the_medicine() -> None:
    page = words_of(PAGE)
    assert "genetic: Intermediate Metabolizer" in page
    assert "today: Poor Metabolizer" in page
    assert "because of paroxetine (strong inhibitor)" in page


NASTY = '<script>alert(\'x\')</script>" onload="y" </style><img src=x>'


def test_nothing_that_was_read_can_become_markup() -> None:
    who = Demographics(name=NASTY, identifier=NASTY, sex=NASTY, birth_date=NASTY)
    nasty = Medication(text=NASTY, dose=NASTY, start=NASTY, current=True)
    report = sample.report(of=sample.record(demographics=who, medications=(nasty,)))
    page = html.render(report)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("<script") == 1
    assert page.count("</style>") == 1
    assert outline(page).open == []


def test_a_link_that_is_no_web_address_is_only_text() -> None:
    pairs = sample.pairs()
    finding, explanation = next(each for each in pairs if each[0].citations)
    citation = finding.citations[0].model_copy(update={"url": "javascript:alert(1)"})
    page = html.render(sample.report(found=[(finding.model_copy(update={"citations": (citation,)}), explanation)]))
    assert "javascript:" not in page


def test_very_long_names_are_kept_whole() -> None:
    name = "Maximiliane-Theodora " * 20
    report = sample.report(of=sample.record(demographics=Demographics(name=name.strip())))
    assert name.strip() in html.render(report)


def test_without_a_genome_the_page_says_so() -> None:
    page = words_of(html.render(sample.report(found=[sample.gene_pair("HLA-A")])))
    assert "No genome was read" in page


def test_without_a_finding_the_page_says_so() -> None:
    page = words_of(html.render(sample.report(found=[])))
    assert "No conclusion could be drawn" in page


def test_an_empty_report_renders() -> None:
    report = Report(patient=Patient(demographics=Demographics()), provenance=Provenance(sartor_version="0", created=""))
    page = html.render(report)
    assert "unnamed person" in page
    assert text.render(report)


def test_failed_parts_are_shown_in_their_place() -> None:
    failed = (FailedSection(capability="pharmacogenomics", slug="capability-crashed", reason="it stopped"),)
    page = words_of(html.render(sample.report(found=[], failed=failed)))
    assert "One part of this report failed" in page
    assert "error[capability-crashed]" in page


def test_a_record_without_medicines_leads_to_what_matters_later() -> None:
    none_taken = sample.record(medications=())
    later = [(each.model_copy(update={"concerns_current": False}), why) for each, why in sample.pairs()]
    page = words_of(html.render(sample.report(found=later, of=none_taken)))
    assert "No current medicine is known" in page
    assert "If prescribed later" in page


def test_findings_of_any_kind_are_shown() -> None:
    about = Coded(system="http://snomed.info/sct", code="1", label="long QT syndrome")
    finding = Finding(
        id="x/disease/1",
        capability="x",
        kind="disease",
        about=about,
        status=Status.ASSESSED,
        action=Action(kind=ActionKind.MONITOR),
        urgency=Urgency.SOON,
    )
    explanation = Explanation(finding=finding.id, headline=Wording(key="sample.drug.headline", values=HEADLINE))
    report = sample.report(found=[(finding, explanation)])
    assert report.actions == (finding.id,)
    page = words_of(html.render(report))
    assert "Further findings" in page
    assert "Long QT syndrome" in page


HEADLINE = {"drug": "Long QT syndrome", "verb": "watch", "genes": "KCNQ1"}


def test_changes_are_shown_with_their_reasons() -> None:
    fewer = sample.report(found=sample.pairs()[:-1])
    newer = sample.report(made=sample.provenance(sartor_version="0.2.0"))
    page = words_of(html.render(newer, compare(fewer, newer)))
    assert "1 thing changed since the report of 21 Nov 2026" in page
    assert "Sartor 0.1.0 → 0.2.0" in page


def test_paper_leaves_out_only_what_a_screen_needs() -> None:
    page = html.render(sample.report(), paper=True)
    assert "<script" not in page
    assert "<input" not in page
    assert "6 current medicines need a decision" in words_of(page)


@pytest.mark.parametrize(
    ("kind", "section"),
    [
        (ActionKind, "action"),
        (ActionKind, "patient.action_"),
        (SourceStrength, "strength"),
        (InputQuality, "quality"),
        (CallState, "call"),
    ],
)
def test_every_code_has_its_word(kind: type, section: str) -> None:
    words = load()
    for each in kind:
        key = f"{section}{each.value}" if section.endswith("_") else f"{section}.{each.value}"
        assert words.has(key), key
    assert all(words.has(f"urgency.{each.value}") for each in Urgency)


def test_every_kind_of_conflict_has_its_sentence() -> None:
    for note in ("opposite", "change-or-not", "medicine-or-dose", "dose"):
        assert load().has(f"conflicts.{note}")
    assert Conflict(about=Coded(system="", code=""), findings=()).note == ""


def test_the_same_report_gives_the_same_page() -> None:
    assert html.render(sample.report()) == PAGE


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-21T09:30:00+00:00", "21 Nov 2026"),
        ("1965-04", "Apr 1965"),
        ("1965", "1965"),
        ("", ""),
        ("2020-99-99", "2020"),
        ("spring", "spring"),
    ],
)
def test_dates_keep_what_they_have(moment: str, shown: str) -> None:
    assert html.day(moment) == shown


def test_text_says_the_same_as_the_page() -> None:
    lines = text.render(sample.report())
    assert "1. [Now] clopidogrel: Avoid (CPIC, DPWG)" in lines
    assert "Not tested: HLA-A" in lines
    assert max(map(len, lines.splitlines())) <= 110
    assert isinstance(sample.record(), Record)


def test_a_code_that_this_version_has_no_word_for_is_shown_as_it_is() -> None:
    report = sample.report()
    strange = report.conflicts[0].model_copy(update={"note": "something-new", "findings": ("nowhere",)})
    page = words_of(html.render(report.model_copy(update={"conflicts": (strange,)})))
    assert "something-new" in page


def test_two_subjects_of_one_name_have_two_anchors() -> None:
    finding, explanation = sample.drug_pair("codeine", "CYP2D6", "CPIC", sample.AVOID)
    other = finding.model_copy(
        update={"id": "other", "about": finding.about.model_copy(update={"code": "0", "label": "Codeine"})}
    )
    page = html.render(sample.report(found=[(finding, explanation), (other, explanation)]))
    assert page.count('id="drug-codeine"') == 1
    assert page.count('id="drug-codeine-2"') == 1


def test_the_population_of_a_headline_moves_to_its_own_place() -> None:
    finding, explanation = sample.drug_pair("codeine", "CYP2D6", "CPIC", sample.AVOID)
    report = sample.report(found=[(finding, explanation)])
    text_of = report.findings[0].text.model_copy(update={"headline": "Codeine (children): avoid"})
    changed = report.model_copy(update={"findings": (report.findings[0].model_copy(update={"text": text_of}),)})
    advice = view(changed).drugs[0].leading
    assert (advice.population, advice.line) == ("children", "Avoid")
    assert view(changed).drugs[0].headline == "Children: avoid"


def test_what_failed_or_could_not_be_judged_never_reads_as_all_clear() -> None:
    failed = (FailedSection(capability="pharmacogenomics", slug="capability-crashed", reason="it stopped"),)
    for report in (sample.report(found=[], failed=failed), sample.report(found=[])):
        page = words_of(html.render(report))
        assert re.search(r"(\d+) of \1 current medicines could not be judged", page)
        assert "No current medicine needs a change" not in page
        assert "Nothing asks for a decision now" not in page + text.render(report)
    page = words_of(html.render(sample.report(found=[], failed=failed)))
    assert "No gene-based guidance" not in page
    assert "No other medicine is known to need a change because" not in page


def test_an_unrecognised_medicine_is_counted_in_the_verdict() -> None:
    pairs = [sample.drug_pair("paroxetine", "CYP2D6", "CPIC", sample.STANDARD)]
    assert "1 of 9 current medicines could not be judged" in words_of(html.render(sample.report(found=pairs)))


def _one_medicine(quality: InputQuality = InputQuality.GOOD, **more: Any) -> Report:
    """A person on one medicine whose only advice is the usual dose."""
    finding, explanation = sample.drug_pair("atorvastatin", "SLCO1B1", "CPIC", sample.STANDARD)
    finding = finding.model_copy(
        update={"concerns_current": True, "certainty": finding.certainty.model_copy(update={"input_quality": quality})}
    )
    made = sample.report(found=[(finding, explanation)])
    taken = Medication(
        text="Atorvastatin", current=True, drugs=(DrugMatch(drug=finding.about, by="name", matched="x"),)
    )
    patient = made.patient.model_copy(update={"medications": (taken,)})
    return made.model_copy(update={"patient": patient, "quarantined": (), **more})


ALL_CLEAR = ("Nothing asks for a decision now", "No current medicine needs a change")


def _says_all_clear(report: Report) -> bool:
    said = words_of(html.render(report)) + text.render(report)
    return any(each in said for each in ALL_CLEAR)


def test_an_all_clear_is_given_on_whole_and_sound_input() -> None:
    assert _says_all_clear(_one_medicine())
    assert 'role="alert"' not in html.render(_one_medicine())


def test_no_all_clear_on_poor_data_and_the_verdict_says_so() -> None:
    report = _one_medicine(InputQuality.POOR)
    assert not _says_all_clear(report)
    row = words_of(html.render(report)).partition("What it means")[2][:200]
    assert "Data: poor" in row
    assert "[Data: poor]" in text.render(report)


def test_an_input_that_was_not_used_is_told_first_and_takes_the_all_clear_away() -> None:
    lost = Quarantined(
        origin=Origin(file="/x/scan.bin"), reason="no reader recognises what the file holds", kind="file"
    )
    report = _one_medicine(quarantined=(lost, Quarantined(origin=Origin(file="a.tsv", line=3), reason="bad")))
    assert not _says_all_clear(report)
    page = html.render(report)
    assert page.index('role="alert"') < page.index('id="medicines-title"')
    for said in (words_of(page), " ".join(text.render(report).split())):
        assert "Input not used: scan.bin (no reader recognises what the file holds)" in said
        assert "1 datum could not be used" in said
    patient = words_of(page.partition('id="patient"')[2])
    assert "could not be read: scan.bin" in patient


def test_an_unmatched_current_medicine_is_counted_in_the_headline() -> None:
    report = _one_medicine()
    taken = (*report.patient.medications, Medication(text="Wundermittel", current=None))
    report = report.model_copy(update={"patient": report.patient.model_copy(update={"medications": taken})})
    assert not _says_all_clear(report)
    assert "1 of 2 current medicines could not be judged" in words_of(html.render(report))
    assert "1 of 2 current medicines could not be judged" in text.render(report)


def test_what_the_inputs_hold_beside_is_listed_with_its_number() -> None:
    report = _one_medicine(unused=(Unused(kind="Claim", count=17, reason="this type of resource is not read"),))
    assert "Claim 17 this type of resource is not read" in words_of(html.render(report))
    assert _says_all_clear(report)


def test_usual_use_that_rests_on_a_part_of_the_genes_is_no_all_clear() -> None:
    finding, explanation = sample.drug_pair("carbamazepine", "HLA-A HLA-B", "CPIC", sample.STANDARD)
    taken = finding.model_copy(
        update={"concerns_current": True, "details": {**finding.details, "lookup": {"HLA-B": ""}}}
    )
    medicine = Medication(text="Carbamazepine", drugs=(DrugMatch(drug=finding.about, by="name", matched="x"),))
    made = sample.report(found=[(taken, explanation)])
    patient = made.patient.model_copy(update={"medications": (medicine,)})
    report = made.model_copy(update={"patient": patient, "quarantined": ()})
    assert not _says_all_clear(report)
    assert "Judged in part only, since a gene or a source is open: carbamazepine" in words_of(html.render(report))
    assert "We could check only in part: carbamazepine" in words_of(html.render(report))
