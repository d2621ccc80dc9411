import pytest
import report_sample as sample

from sartor.domain.code import RXNORM, Coded
from sartor.domain.finding import Action, ActionKind, Finding, Status, Urgency
from sartor.domain.record import Demographics
from sartor.domain.report import NotTested
from sartor.reporting.compose import MOST_ACTIONS, actions, compose, conflicts


def drug(name: str, source: str, kind: ActionKind, **changed: object) -> Finding:
    given: dict[str, object] = {
        "id": f"x/drug/{name}/{source.lower()}",
        "capability": "x",
        "kind": "drug",
        "about": Coded(system=RXNORM, code=name, label=name),
        "status": Status.ASSESSED,
        "action": Action(kind=kind),
        "details": {"guideline": source},
    }
    return Finding.model_validate(given | changed)


def test_current_medicines_come_first_then_urgency() -> None:
    report = sample.report()
    current = [each.finding.concerns_current for each in report.findings]
    assert current == sorted(current, reverse=True)
    urgencies = [each.finding.urgency for each in report.findings if each.finding.concerns_current]
    assert urgencies == sorted(urgencies, reverse=True)
    assert [each.rank for each in report.findings] == list(range(1, len(report.findings) + 1))


def test_at_most_five_actions_each_of_another_medicine() -> None:
    report = sample.report()
    found = [report.finding(identifier) for identifier in report.actions]
    labels = [each.finding.about.label for each in found if each is not None]
    assert len(labels) == MOST_ACTIONS == len(set(labels))
    assert labels[0] == "clopidogrel"


def test_nothing_for_the_future_is_an_action() -> None:
    later = drug("a", "CPIC", ActionKind.AVOID, urgency=Urgency.FOR_THE_FUTURE)
    now = drug("b", "CPIC", ActionKind.AVOID, urgency=Urgency.NOW)
    assert actions([later, now]) == (now.id,)


def test_usual_use_is_never_an_action() -> None:
    assert actions([drug("a", "CPIC", ActionKind.STANDARD, urgency=Urgency.NOW)]) == ()


@pytest.mark.parametrize(
    ("one", "other", "note"),
    [
        (ActionKind.AVOID, ActionKind.ALTERNATIVE, None),
        (ActionKind.STANDARD, ActionKind.AVOID, "change-or-not"),
        (ActionKind.LOWER_DOSE, ActionKind.HIGHER_DOSE, "opposite"),
        (ActionKind.AVOID, ActionKind.LOWER_DOSE, "medicine-or-dose"),
        (ActionKind.LOWER_DOSE, ActionKind.ADJUST_DOSE, None),
        (ActionKind.STANDARD, ActionKind.MONITOR, None),
        (ActionKind.STANDARD, ActionKind.NONE, None),
        (ActionKind.MONITOR, ActionKind.AVOID, "change-or-not"),
    ],
)
def test_sources_that_recommend_different_things_conflict(one: ActionKind, other: ActionKind, note: str | None) -> None:
    for left, right in ((one, other), (other, one)):
        found = conflicts([drug("a", "CPIC", left), drug("a", "DPWG", right)])
        assert [each.note for each in found] == ([note] if note else [])


def test_doses_that_do_not_overlap_conflict() -> None:
    half = Action(kind=ActionKind.LOWER_DOSE, dose_factor=(0.5, 0.5))
    most = Action(kind=ActionKind.LOWER_DOSE, dose_factor=(0.8, 0.9))
    made = [drug("a", source, ActionKind.NONE, action=each) for source, each in (("CPIC", half), ("DPWG", most))]
    assert conflicts(made)[0].note == "dose"


def test_one_source_alone_and_another_medicine_do_not_conflict() -> None:
    assert conflicts([drug("a", "CPIC", ActionKind.AVOID), drug("a", "CPIC", ActionKind.STANDARD)]) == ()
    assert conflicts([drug("a", "CPIC", ActionKind.AVOID), drug("b", "DPWG", ActionKind.STANDARD)]) == ()


def test_a_source_agrees_when_one_of_its_populations_does() -> None:
    several = [
        drug("a", "CPIC", ActionKind.AVOID, id="x/drug/a/cpic/one"),
        drug("a", "CPIC", ActionKind.STANDARD, id="x/drug/a/cpic/two"),
        drug("a", "DPWG", ActionKind.STANDARD),
    ]
    assert conflicts(several) == ()


@pytest.mark.parametrize(
    ("born", "died", "years"),
    [
        ("1965-04-09", "", 61),
        ("1965-11-22", "", 60),
        ("1965-11", "", None),
        ("1965-10", "", 61),
        ("1965", "", None),
        ("1965-04-09", "2000-04-08", 34),
        ("", "", None),
        ("in spring", "", None),
        ("2030-01-01", "", None),
    ],
)
def test_age_is_stated_only_when_certain(born: str, died: str, years: int | None) -> None:
    assert Demographics(birth_date=born, death_date=died).age_on(sample.TODAY) == years


def test_order_of_the_input_does_not_matter() -> None:
    pairs = sample.pairs()
    assert sample.report(found=pairs) == sample.report(found=pairs[::-1])


def test_what_was_not_tested_and_not_used_is_kept_once() -> None:
    gap = NotTested(subject="a", reason="b")
    report = sample.report(not_tested=(gap, gap))
    assert report.not_tested == (gap,)
    assert len(report.quarantined) == 2


def test_compose_says_sentences_through_the_wording() -> None:
    report = compose(
        record=sample.record(),
        evidence=(),
        reported=[sample.gene_pair("TPMT")],
        wording=lambda wording: f"<{wording.key}>",
        provenance=sample.provenance(),
        today=sample.TODAY,
    )
    assert report.findings[0].text.headline == "<sample.gene.headline>"
