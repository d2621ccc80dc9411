import pytest
import report_sample as sample

from sartor.domain.finding import Certainty, InputQuality
from sartor.domain.provenance import InputFile
from sartor.domain.report import Report
from sartor.errors import ConflictingInputs
from sartor.reporting import html, text
from sartor.reporting.changes import Changes, compare


def reasons(found: Changes, identifier: str) -> set[str]:
    return {reason.cause for each in found.changes if each.finding == identifier for reason in each.reasons}


def test_the_same_report_has_no_changes() -> None:
    assert compare(sample.report(), sample.report()).changes == ()


def test_new_and_gone_findings() -> None:
    fewer = sample.report(found=sample.pairs()[:-1])
    assert [each.aspect for each in compare(fewer, sample.report()).changes] == ["new"]
    assert [each.aspect for each in compare(sample.report(), fewer).changes] == ["gone"]


def test_a_guideline_s_new_version_is_the_reason() -> None:
    pairs = sample.pairs()
    finding, explanation = next(each for each in pairs if each[0].id.endswith("/codeine/cpic"))
    newer = finding.model_copy(
        update={
            "action": sample.drug_pair("codeine", "CYP2D6", "CPIC", sample.HALF)[0].action,
            "citations": tuple(each.model_copy(update={"version": "2027.1"}) for each in finding.citations),
        }
    )
    changed = [(newer, explanation) if each[0].id == finding.id else each for each in pairs]
    found = compare(sample.report(), sample.report(found=changed))
    assert {each.aspect for each in found.changes} == {"action"}
    assert reasons(found, finding.id) == {"guideline"}


def test_a_changed_input_file_is_the_reason() -> None:
    pairs = sample.pairs()
    finding, explanation = next(each for each in pairs if each[0].id.endswith("gene/TPMT"))
    worse = finding.model_copy(update={"certainty": Certainty(input_quality=InputQuality.POOR)})
    changed = [(worse, explanation) if each[0].id == finding.id else each for each in pairs]
    other = InputFile(path=sample.GENOME, kind="vcf", size=1, sha256="9f" * 32)
    made = sample.provenance(inputs=(other, *sample.provenance().inputs[1:]))
    found = compare(sample.report(), sample.report(found=changed, made=made))
    assert [(each.aspect, each.before, each.after) for each in found.changes] == [
        ("certainty", "no recommendation / good", "no recommendation / poor")
    ]
    assert reasons(found, finding.id) == {"input"}


def test_a_new_version_of_the_software_is_the_last_resort() -> None:
    fewer = sample.report(found=sample.pairs()[:-1])
    newer = sample.report(made=sample.provenance(sartor_version="0.2.0"))
    assert reasons(compare(fewer, newer), "pharmacogenomics/dose/warfarin/iwpc") == {"software"}
    assert reasons(compare(fewer, sample.report()), "pharmacogenomics/dose/warfarin/iwpc") == {"unknown"}


def other_person(**told: str) -> Report:
    """The sample report with other demographics, and the sample where it is named."""
    made = sample.report()
    of = made.patient.model_copy(update={"sample": told.pop("sample", made.patient.sample)})
    who = of.demographics.model_copy(update=told)
    return made.model_copy(update={"patient": of.model_copy(update={"demographics": who})})


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({}, {"identifier": "another"}),
        ({"identifier": ""}, {"name": "Eve Other", "birth_date": "1999-01-01"}),
        ({"sample": "S1"}, {"sample": "S2"}),
    ],
)
def test_reports_of_different_people_are_not_compared(was: dict[str, str], now: dict[str, str]) -> None:
    with pytest.raises(ConflictingInputs, match="another person"):
        compare(other_person(**was), other_person(**now))


def test_a_new_family_name_is_the_same_person_and_what_is_missing_is_warned_of() -> None:
    assert compare(sample.report(), other_person(name="Ada Married")).unproved == ()
    found = compare(other_person(identifier=""), sample.report())
    assert found.unproved == ("identifier",)
    for said in (html.render(sample.report(), found), text.render(sample.report(), found)):
        assert "not proved: only one of them states the identifier" in " ".join(said.split())


def test_the_terminal_names_each_change_s_cause() -> None:
    fewer = sample.report(found=sample.pairs()[:-1])
    newer = sample.report(made=sample.provenance(sartor_version="0.2.0"))
    assert "why: Sartor 0.1.0 → 0.2.0" in text.render(newer, compare(fewer, newer))
    assert "why: cause not established" in text.render(sample.report(), compare(fewer, sample.report()))
