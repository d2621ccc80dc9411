import report_sample as sample

from sartor.domain.finding import Certainty, InputQuality
from sartor.domain.provenance import InputFile
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
