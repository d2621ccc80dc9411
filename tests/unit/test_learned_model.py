"""A model's folder, its predictions, `sartor predict`, and the same model in the patient flow."""

import csv
import json
import math
import shutil
from pathlib import Path

import model_sample
import numpy as np
import pytest
from typer.testing import CliRunner

from sartor.cli import app
from sartor.domain.cohort_table import Cohort, Column, ColumnKind
from sartor.domain.model import PredictionStatus
from sartor.errors import ModelRefused, OutputError
from sartor.io.model_folder import read_model
from sartor.io.study_folder import MANIFEST, sealed, tsv
from sartor.learning.model import not_covered


@pytest.fixture(scope="module")
def model():
    return model_sample.model()


@pytest.fixture
def study(tmp_path, model):
    return model_sample.folder(tmp_path / "study", model)


def ids(n):
    return tuple(str(row) for row in range(n))


def test_contributions_add_up_to_the_margin_and_the_link_gives_the_value(model):
    found = model.predict(model_sample.cohort(50, seed=3), ids(50))
    assert np.allclose(found.base + found.contributions.sum(axis=1), found.margin, atol=1e-9)
    spoken = np.isfinite(found.value)
    assert np.allclose(found.value[spoken], 1 / (1 + np.exp(-found.margin[spoken])), atol=1e-12)
    assert np.all(found.low[spoken] <= found.value[spoken])
    assert np.all(found.value[spoken] <= found.high[spoken])
    assert found.features == ("age", "sex", "sbp", "cholesterol", "diabetes")


def test_columns_are_taken_by_name_in_any_order_and_kind(model):
    people = model_sample.cohort(8, seed=4)
    plain = model.predict(people, ids(8))
    text = people.column("age").labels()
    labels = tuple(sorted(set(text)))
    codes = np.array([labels.index(each) for each in text], dtype=np.int32)
    shuffled = Cohort((Column("age", ColumnKind.CATEGORY, codes, labels), *people.columns[:0:-1]))
    assert np.array_equal(model.predict(shuffled, ids(8)).margin, plain.margin)


def test_a_label_that_training_never_saw_is_reported_and_replaced_by_the_typical_one(model):
    people = model_sample.cohort(2, seed=4)
    strange = Column("sex", ColumnKind.CATEGORY, np.array([0, 1], np.int32), ("female", "unknown"))
    columns = tuple(strange if column.name == "sex" else column for column in people.columns)
    found = model.predict(Cohort(columns), ids(2))
    assert found.status[1] is PredictionStatus.UNUSUAL
    assert "'unknown' was not seen" in found.reasons[1]
    assert "typical value used for sex" in found.reasons[1]


def test_a_value_that_may_be_missing_needs_no_stand_in_and_one_that_may_not_is_named(model):
    people = model_sample.cohort(2, seed=4)
    without = model.predict(people.without(["cholesterol"]), ids(2))
    assert all("cholesterol" not in reason for reason in without.reasons)
    lacking = model.predict(people.without(["sbp"]), ids(2))
    assert all("typical value used for sbp" in reason for reason in lacking.reasons)


def test_a_row_of_which_little_is_known_or_unlike_training_is_refused(model):
    people = model_sample.cohort(2, seed=4)
    little = model.predict(people.select(["age"]), ids(2))
    assert set(little.status) == {PredictionStatus.ABSTAINED}
    assert "too little is known: missing sex, sbp" in little.reasons[0]
    assert np.isnan(little.value).all()
    wild = Column("sbp", ColumnKind.NUMBER, np.array([900.0, 130.0], np.float32))
    columns = tuple(wild if column.name == "sbp" else column for column in people.columns)
    assert model.predict(Cohort(columns), ids(2)).status[0] is PredictionStatus.ABSTAINED


@pytest.mark.parametrize("value", [135 / 7.5, -140.0, 1400.0, 1e39])  # kilopascals, a sign, a slip of the finger
def test_a_number_that_cannot_be_that_measurement_is_refused_by_name(model, value):
    people = model_sample.cohort(2, seed=4)
    wild = Column("sbp", ColumnKind.NUMBER, np.array([value, 130.0]))
    columns = tuple(wild if column.name == "sbp" else column for column in people.columns)
    found = model.predict(Cohort(columns), ids(2))
    assert found.status[0] is PredictionStatus.ABSTAINED
    assert "sbp" in found.reasons[0]
    assert found.status[1] is not PredictionStatus.ABSTAINED


def test_a_number_beside_the_training_range_is_told_with_the_range(model):
    people = model_sample.cohort(2, seed=4)
    high = Column("sbp", ColumnKind.NUMBER, np.array([215.0, 130.0]))
    columns = tuple(high if column.name == "sbp" else column for column in people.columns)
    found = model.predict(Cohort(columns), ids(2))
    assert "sbp 215 is outside what training saw" in found.reasons[0]


def test_what_is_far_stranger_than_few_training_rows_is_refused():
    from dataclasses import replace

    few = model_sample.model(n=60)
    people = model_sample.cohort(1, seed=4)
    columns = {"sbp": 225.0, "age": 20.0, "cholesterol": 420.0}
    odd = tuple(
        replace(each, values=np.array([columns[each.name]], np.float32)) if each.name in columns else each
        for each in people.columns
    )
    matrix = few.matrix(Cohort(odd))
    assert few.novelty.p_value(matrix)[0] > few.abstain_below  # so few rows allow no smaller p-value
    assert few.predict(Cohort(odd), ("a",)).status[0] is PredictionStatus.ABSTAINED
    usual = few.predict(model_sample.cohort(300, seed=5), ids(300))
    assert np.mean([each is PredictionStatus.ABSTAINED for each in usual.status]) < 0.05


def test_who_is_in_no_known_group_is_told_that_uncertainty_holds_on_average(model):
    from dataclasses import replace

    from sartor.learning.conformal import Conformal
    from sartor.learning.population_groups import population_groups

    people = model_sample.cohort(400)
    outcome = model_sample.target(people)
    groups = population_groups(people, ["sex"])
    grouped = replace(model, conformal=Conformal.fit(model.values(people), outcome, groups=groups, people=people))
    some = model_sample.cohort(3, seed=9)
    assert "sex" not in " ".join(grouped.predict(some, ids(3)).reasons)
    assert "not for this person's group by sex" in grouped.predict(some.without(["sex"]), ids(3)).reasons[0]


def test_conditions_of_the_card_refuse_with_the_value():
    people = model_sample.cohort(3)
    age = float(people.column("age").values[0])
    found = not_covered(({"feature": "age", "low": age + 1}, {"feature": "sex", "in": ["male", "female"]}), people, 3)
    assert found[0] == [f"not covered: age {age:g} is below {age + 1:g}"]
    assert not_covered(({"feature": "stage", "in": ["I"]},), people, 1)[0] == ["not covered: stage is not known"]


def test_the_folder_gives_the_same_model_and_the_same_bytes(tmp_path, study, model):
    card, again = read_model(study)
    people = model_sample.cohort(20, seed=6)
    one, other = model.predict(people, ids(20)), again.predict(people, ids(20))
    assert card.title == "Made-up risk model"
    assert np.array_equal(one.margin, other.margin)
    assert again.covers == card.covers
    second = model_sample.folder(tmp_path / "again", model)
    names = sorted(path.relative_to(study) for path in study.rglob("*") if path.is_file())
    assert all((study / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_tables_leave_missing_cells_empty_and_join_lists(study):
    assert (study / "tables" / "scores.tsv").read_text() == "candidate\tscore\tterms\nlinear\t0.76\ta|b\nnone\t\t\n"
    assert tsv({"note": ["two\nlines"]}) == b"note\ntwo lines\n"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.json", b"{}", "altered"),
        ("stranger.json", b"{}", "not in the manifest"),
        ("encoder.json", None, "missing"),
    ],
)
def test_an_altered_foreign_or_missing_file_is_refused(study, name, content, reason):
    path = study / "model" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ModelRefused, match=reason):
        read_model(study)


def test_links_pickles_and_paths_out_of_the_folder_are_refused(tmp_path, study):
    model = study / "model"
    (model / "link.json").symlink_to(tmp_path)
    with pytest.raises(ModelRefused, match="is a link"):
        read_model(study)
    (model / "link.json").unlink()
    kept = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file() and path.name != MANIFEST}
    for bad, reason in (({"x.pkl": b"{}"}, "not read"), ({"w.json": b"\x80\x04K."}, "pickle")):
        _seal(tmp_path / reason, kept | bad)
        with pytest.raises(ModelRefused, match=reason):
            read_model(tmp_path / reason)
    manifest = json.loads((model / MANIFEST).read_text())
    manifest["files"]["../card.json"] = manifest["files"]["card.json"]
    (model / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelRefused, match="outside the folder"):
        read_model(study)


@pytest.mark.parametrize("name", [MANIFEST, "card.json", "model.json"])
def test_a_newer_format_is_refused_with_what_to_do(tmp_path, study, name):
    model = study / "model"
    kept = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    newer = json.dumps(json.loads(kept[name]) | {"format": 99}).encode()
    del kept[MANIFEST]
    _seal(tmp_path / "newer", kept if name == MANIFEST else kept | {name: newer})
    if name == MANIFEST:
        (tmp_path / "newer" / MANIFEST).write_bytes(newer)
    with pytest.raises(ModelRefused, match="update Sartor"):
        read_model(tmp_path / "newer")


def _seal(folder, files):
    for name, content in sealed(files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path, study, model):
    (study / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        model_sample.folder(study, model)
    assert (study / "thesis.txt").read_text() == "years of work"
    assert [each.name for each in tmp_path.iterdir()] == ["study"]


def test_predict_writes_every_column_of_the_contract(tmp_path, study):
    people = model_sample.cohort(5, seed=8)
    table = tmp_path / "people.csv"
    with table.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["patient", *people.names])
        writer.writerows(zip("abcde", *(column.labels() for column in people.columns), strict=True))
    result = CliRunner().invoke(app, ["predict", str(study), str(table), "--out", str(tmp_path / "p.tsv")])
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((tmp_path / "p.tsv").open(), delimiter="\t"))
    assert [row["id"] for row in rows] == list("abcde")
    for row in rows:
        parts = [float(value) for name, value in row.items() if name.startswith("contribution:")]
        assert len(parts) == 5
        odds = float(row["base"]) + sum(parts)
        assert float(row["prediction"]) == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-9)
        assert float(row["low"]) <= float(row["prediction"]) <= float(row["high"])


def bundle(**observations):
    entries = [{"resource": {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1958-03-02"}}]
    codes = {"sbp": "8480-6", "cholesterol": "2093-3"}
    for name, (value, unit) in observations.items():
        quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
        code = {"coding": [{"system": "http://loinc.org", "code": codes[name]}]}
        resource = {"resourceType": "Observation", "id": name, "status": "final", "code": code}
        entries.append({"resource": resource | {"valueQuantity": quantity, "effectiveDateTime": "2026-05-01"}})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def test_a_model_of_the_first_format_stays_readable_and_says_the_same():
    archive = Path(__file__).parents[1] / "archives" / "model_format_1"
    _, model = read_model(archive)
    found = model.predict(model_sample.cohort(3, seed=11), ids(3))
    assert found.value == pytest.approx([0.105064275, 0.237348297, 0.379383147], abs=1e-8)


def test_batch_shows_the_model_too(tmp_path, study):
    (tmp_path / "people" / "one").mkdir(parents=True)
    (tmp_path / "people" / "one" / "bundle.json").write_text(json.dumps(bundle(sbp=(150, "mm[Hg]"))))
    out = tmp_path / "rows.tsv"
    arguments = ["batch", str(tmp_path / "people"), "--out", str(out), "--only", "learned_risk", "--workers", "1"]
    result = CliRunner().invoke(app, [*arguments, "--model", str(study)])
    assert result.exit_code == 0, result.output
    (row,) = csv.DictReader(out.open(), delimiter="\t")
    assert row["about_label"].startswith("Made-up risk model")
    assert 0 < float(row["estimate"]) < 1


def report(tmp_path, patient, *options):
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(patient))
    arguments = ["report", str(file), "--out", str(tmp_path / "out"), "--only", "learned_risk", *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads((tmp_path / "out" / "report.json").read_text())


def test_without_a_model_the_report_does_not_change(tmp_path):
    made = report(tmp_path, bundle(sbp=(150, "mm[Hg]")))
    assert made["findings"] == []
    assert made["evidence"] == []
    assert made["not_tested"] == []


def test_the_report_predicts_what_predict_predicts(tmp_path, study):
    made = report(tmp_path, bundle(sbp=(162, "mm[Hg]"), cholesterol=(6.2, "mmol/L")), "--model", str(study))
    arguments = ["predict", str(study), str(tmp_path / "bundle.json"), "--out", str(tmp_path / "p.tsv")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    (row,) = csv.DictReader((tmp_path / "p.tsv").open(), delimiter="\t")
    (found,) = made["findings"]
    assert found["finding"]["details"]["prediction"] == pytest.approx(float(row["prediction"]), abs=1e-9)
    weights = {each["fact"]: each["weight"] for each in found["explanation"]["contributions"]}
    assert weights["made_up.sbp"] == pytest.approx(float(row["contribution:sbp"]), abs=1e-9)
    facts = {fact["name"]: fact["value"] for fact in made["evidence"][0]["facts"]}
    assert facts["made_up.cholesterol"] == pytest.approx(6.2 * 38.665, rel=1e-9)
    assert facts["made_up.diabetes"] == "no"  # the card says that its records list every diagnosis
    page = (tmp_path / "out" / "report.html").read_text()
    assert "With systolic blood pressure" in page
    assert "0.76" in page
    assert made["provenance"]["sources"][0]["id"] == "model:made_up"
    assert len(made["provenance"]["sources"][0]["sha256"]) == 64


def test_one_who_is_not_covered_gets_no_prediction_and_the_reason(tmp_path, study):
    young = bundle(sbp=(120, "mm[Hg]"))
    young["entry"][0]["resource"]["birthDate"] = "2015-01-01"
    (found,) = report(tmp_path, young, "--model", str(study))["findings"]
    assert found["finding"]["status"] == "not assessable"
    assert found["finding"]["estimate"] is None
    assert "not covered: age" in " ".join(found["text"]["clinician"])


def test_a_unit_that_leads_nowhere_is_missing_and_lowers_the_quality(tmp_path, study):
    made = report(tmp_path, bundle(sbp=(120, "mg/dL")), "--model", str(study))
    (found,) = made["findings"]
    assert "Made-up risk model: systolic blood pressure" in [each["subject"] for each in made["not_tested"]]
    assert found["finding"]["certainty"]["input_quality"] == "poor"
    assert "typical value used for sbp" in " ".join(found["text"]["clinician"])


def test_the_capability_keeps_the_rules_with_a_model(study):
    from sartor import registry
    from sartor.domain.record import Demographics, Record
    from sartor.domain.source import Knowledge, LearnedModel
    from sartor.testing.conformance import check

    (capability,) = registry.load(["learned_risk"]).capabilities
    knowledge = Knowledge(models=(LearnedModel(*read_model(study), "0" * 64),))
    record = Record(demographics=Demographics(birth_date="1958-03-02", sex="female"), as_of="2026-11-21")
    assert check(capability, record, knowledge) == []
    assert check(capability, Record(), knowledge) == []


def said_of(card, model, values):
    """What the capability says of a person with these values of a model's inputs: finding and its sentences."""
    from importlib.resources import files

    from sartor.capabilities import learned_risk
    from sartor.domain.evidence import Evidence, Fact
    from sartor.domain.source import Knowledge, LearnedModel
    from sartor.explaining.wording import WordingTable

    facts = tuple(
        Fact(name=f"{card.name}.{name}", kind="code" if isinstance(value, str) else "quantity", value=value)
        for name, value in values.items()
    )
    evidence = Evidence(capability="learned_risk", facts=facts)
    (finding,) = learned_risk.assess(evidence, Knowledge(models=(LearnedModel(card, model, "0" * 64),)))
    explanation = learned_risk.explain(evidence, finding)
    say = WordingTable.load((files(learned_risk) / "wording" / "en.toml").read_text(encoding="utf-8")).say
    parts = (explanation.clinician, explanation.patient, explanation.would_change, explanation.limits)
    return finding, " ".join(say(each) for part in parts for each in part)


PERSON = {"age": 60.0, "sex": "female", "sbp": 170.0, "cholesterol": 230.0, "diabetes": "no"}


def test_one_in_a_group_of_which_the_card_warns_is_told_so(model):
    card = model_sample.card(model).model_copy(update={"not_for": ("sex female: works clearly worse there",)})
    assert "of which the model's card warns: sex female" in said_of(card, model, PERSON)[1]
    assert "of which the model's card warns" not in said_of(card, model, PERSON | {"sex": "male"})[1]


def with_verdict(model, verdict, where="external:elsewhere"):
    card = model_sample.card(model, verdict)
    return card.model_copy(update={"measures": tuple(m.model_copy(update={"where": where}) for m in card.measures)})


def test_every_verdict_that_a_study_gives_is_known_where_the_model_is_used():
    from sartor.capabilities.learned_risk.assess.verdict import KNOWN, in_words
    from sartor.studies.risk_model.publish.verdict import LEVELS

    assert set(KNOWN) == set(LEVELS)
    assert len({in_words(each) for each in KNOWN}) == len(KNOWN)


def test_a_model_that_must_not_be_used_shows_no_prediction_and_says_why(model):
    finding, text = said_of(with_verdict(model, "do_not_use"), model, PERSON)
    assert finding.status.value == "not assessable"
    assert finding.estimate is None
    assert "prediction" not in finding.details
    assert finding.certainty.source_strength.value == "weak"
    assert "the study that made this model says: do not use it" in text
    assert "must not be used" in text
    assert "Of 100 people" not in text


@pytest.mark.parametrize(
    ("verdict", "strength", "headline", "limit"),
    [
        ("not_ready", "weak", True, "says of it: not ready, not for use in care"),
        ("too_small", "weak", True, "says of it: preliminary"),
        ("not_transportable", "weak", True, "does not work at every place"),
        ("external_next", "weak", False, "to be examined elsewhere first"),
        ("", "weak", False, "states no verdict"),
        ("of_tomorrow", "weak", True, "a verdict that this release does not know"),
        ("prospective_next", "moderate", False, ""),
    ],
)
def test_the_verdict_of_the_study_reaches_the_patients_report(model, verdict, strength, headline, limit):
    from sartor.capabilities import learned_risk
    from sartor.domain.evidence import Evidence

    finding, text = said_of(with_verdict(model, verdict), model, PERSON)
    assert finding.estimate is not None
    assert finding.certainty.source_strength.value == strength
    assert limit in text
    said = learned_risk.explain(Evidence(capability="learned_risk"), finding).headline
    assert ("verdict" in said.values) is headline
    assert ("Do not rely on this number" in text) is headline
    assert any(
        each.startswith(f"learned_risk.certainty.{verdict or 'unstated'}") for each in finding.certainty.reasons
    ) is (verdict not in ("prospective_next", "of_tomorrow"))


@pytest.mark.parametrize(
    ("verdict", "note", "in_rows"),
    [
        ("do_not_use", "do not use it", True),
        ("not_ready", "not ready, not for use in care", True),
        ("too_small", "preliminary", False),
        ("", "nothing on whether it is ready", False),
        ("prospective_next", "", False),
    ],
)
def test_predict_tells_the_verdict_of_the_study(tmp_path, model, verdict, note, in_rows):
    study = model_sample.folder(tmp_path / "study", model, verdict)
    _, result, rows = predicted(tmp_path, study, model_sample.cohort(3, seed=8))
    assert (
        f"note: the study that made this model says: {note}" in result.stderr if note else "note:" not in result.stderr
    )
    assert all(("the study that made this model says" in row["reason"]) is in_rows for row in rows)
    assert all(float(row["prediction"]) > 0 for row in rows)


def predicted(tmp_path, study, people):
    """`sartor predict` of these people written as a table: the table, what was said, and the rows."""
    table = tmp_path / "people.csv"
    with table.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(people.names)
        writer.writerows(zip(*(column.labels() for column in people.columns), strict=True))
    result = CliRunner().invoke(app, ["predict", str(study), str(table), "--out", str(tmp_path / "p.tsv")])
    assert result.exit_code == 0, result.output
    return table, result, list(csv.DictReader((tmp_path / "p.tsv").open(), delimiter="\t"))


def test_predict_names_what_the_table_lacks_and_what_was_missing_in_each_row(tmp_path, study):
    people = model_sample.cohort(30, seed=8)
    _, result, rows = predicted(tmp_path, study, people)
    assert "is not in" not in result.stderr
    gaps = people.column("cholesterol").missing
    assert 0 < gaps.sum() < len(people)
    for row, gap in zip(rows, gaps, strict=True):
        assert ("missing, treated as in training: cholesterol" in row["reason"]) is bool(gap)
    table, result, rows = predicted(tmp_path, study, people.without(["cholesterol", "sbp"]))
    for name in ("cholesterol", "sbp"):
        assert f"note: column {name} is not in {table}: taken as missing for every row" in result.stderr
    spoken = [row for row in rows if row["status"] != "abstained"]
    assert spoken
    assert all("treated as in training: cholesterol" in row["reason"] for row in spoken)
    assert all(row["reason"].count("sbp") == 1 for row in spoken)  # its stand-in is told already


def test_a_row_that_is_refused_keeps_its_own_reason(tmp_path, study):
    _, result, rows = predicted(tmp_path, study, model_sample.cohort(3, seed=8).select(["age"]))
    assert result.stderr.count("taken as missing for every row") == 4
    assert all(row["status"] == "abstained" for row in rows)
    assert all("too little is known: missing sex, sbp" in row["reason"] for row in rows)
    assert all("treated as in training" not in row["reason"] for row in rows)


def test_bounds_of_a_probability_are_not_called_an_interval(model):
    _, text = said_of(model_sample.card(model), model, PERSON)
    assert "bounds from earlier predictions" in text
    assert "they are no interval for this person" in text


def test_of_several_outcomes_the_one_that_is_told_is_named(model):
    from dataclasses import replace

    from sartor.learning.learners.linear import Linear
    from sartor.learning.task import Target

    people = model_sample.cohort(400)
    stage = np.digitize(model_sample.margin_of(people), [-1.5, 0.0]).astype(float)
    outcome = Target(model.task, stage, classes=("none", "mild", "severe"))
    fitted = Linear().fit(model.matrix(people), outcome, Linear().defaults(outcome), seed=0)
    three = replace(model, fitted=fitted, recalibration=None, conformal=None, classes=outcome.classes)
    card = model_sample.card(three).model_copy(update={"outcome": "stage"})
    finding, text = said_of(card, three, PERSON | {"sbp": 175.0, "age": 75.0})
    assert finding.estimate.name == "stage = severe"
    assert "Probability of each outcome: severe" in text
    assert "to have this: stage = severe" in text


def test_a_hazard_without_a_horizon_is_no_percentage(model):
    from dataclasses import replace

    from sartor.domain.model import Task

    relative = replace(model, task=Task.SURVIVAL, conformal=None, classes=("censored", "died"))
    finding, text = said_of(model_sample.card(relative), relative, PERSON)
    assert "hazard against the model's reference" in finding.estimate.name
    assert "Of 100 people" not in text
    assert "×" in text


def test_a_value_that_had_better_rise_is_raised_and_one_of_unknown_direction_is_left(model):
    from dataclasses import replace

    from sartor.domain.model import Task

    free = tuple(feature.model_copy(update={"direction": ""}) for feature in model.features)
    value = replace(model, task=Task.REGRESSION, conformal=None, classes=(), features=free)
    card = model_sample.card(value)
    low = PERSON | {"sbp": 110.0}
    _, text = said_of(card, value, low)
    assert "does not say whether a lower or a higher value is better" in text
    finding, _ = said_of(card.model_copy(update={"facts": {"better": "higher"}}), value, low)
    changes = finding.details["counterfactuals"]
    assert changes
    assert all(each["value"] > finding.details["prediction"] for each in changes)
    assert all(change["feature"] != "age" for each in changes for change in each["changes"])


def test_a_batch_does_not_go_on_with_a_model_that_was_replaced_in_its_place(tmp_path, model):
    from dataclasses import replace

    from sartor.batch.run import _shown
    from sartor.settings import Settings

    folder = tmp_path / "study"
    settings = Settings(models=(model_sample.folder(folder, model) / "model",))
    before = _shown(settings)
    shutil.rmtree(folder)
    model_sample.folder(folder, replace(model, recalibration=None))
    assert _shown(settings) != before


def with_genotype():
    """A model that learned from age and from what pharmacogenomics found of CYP2C19, as a table of findings has it."""
    from dataclasses import replace

    from sartor.learning.alignment import describe_features
    from sartor.learning.encoding import fit_encoder
    from sartor.learning.learner import Encoding
    from sartor.learning.learners.linear import Linear

    plain = model_sample.model(recalibrated=False)
    labels = ("CYP2C19 Intermediate Metabolizer", "CYP2C19 Normal Metabolizer", "CYP2C19 Poor Metabolizer")
    codes = np.random.default_rng(0).integers(0, 3, 400).astype(np.int32)
    labels = tuple(each.removeprefix("CYP2C19 ") for each in labels)
    people = Cohort((model_sample.cohort(400).column("age"), Column("CYP2C19", ColumnKind.CATEGORY, codes, labels)))
    outcome = model_sample.target(model_sample.cohort(400))
    encoder = fit_encoder(people, Encoding.DENSE)
    fitted = Linear().fit(encoder.apply(people), outcome, Linear().defaults(outcome), seed=0)
    stated = {"age": model_sample.STATED["age"], "CYP2C19": {"drawn_from": "finding:pharmacogenomics"}}
    features = describe_features(people, stated=stated)
    return replace(plain, encoder=encoder, fitted=fitted, features=features, conformal=None, novelty=None)


def test_a_finding_of_another_capability_is_an_input_in_every_path(tmp_path):
    study = model_sample.folder(tmp_path / "study", with_genotype())
    patient = Path(__file__).parents[2] / "examples" / "patient"
    arguments = ["report", str(patient), "--out", str(tmp_path / "out"), "--model", str(study)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    made = json.loads((tmp_path / "out" / "report.json").read_text())
    facts = {fact["name"]: fact["value"] for each in made["evidence"] for fact in each["facts"]}
    assert facts["made_up.CYP2C19"].endswith("Metabolizer")
    shutil.copytree(patient, tmp_path / "people" / "one")
    arguments = ["predict", str(study), str(tmp_path / "people"), "--out", str(tmp_path / "p.tsv")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    (row,) = csv.DictReader((tmp_path / "p.tsv").open(), delimiter="\t")
    (found,) = (each for each in made["findings"] if each["finding"]["capability"] == "learned_risk")
    assert found["finding"]["details"]["prediction"] == pytest.approx(float(row["prediction"]), abs=1e-12)
    alone = report(tmp_path, bundle(sbp=(150, "mm[Hg]")), "--model", str(study))
    assert "what pharmacogenomics finds" in alone["not_tested"][0]["reason"]
