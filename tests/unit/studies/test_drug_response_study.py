"""The study of drug response, from files to report: what it refuses, what it says, what it leaves behind."""

from importlib.resources import files

import pytest
from screen_sample import write_screen

from sartor.domain.document import Figure, Paragraph, TableBlock
from sartor.domain.study import Surroundings
from sartor.errors import ConfigInvalid, LeakFound, TooFewData
from sartor.explaining.wording import WordingTable
from sartor.io.cohort_table import read_cohort
from sartor.studies import drug_response


def _around(folder):
    return Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=lambda: 0.0, now="2026-01-01T00:00:00+00:00", progress=lambda _: None,
    )  # fmt: skip


def _run(config, around):
    prepared = drug_response.prepare(config, around)
    fitted = drug_response.fit(prepared, around)
    validation = drug_response.validate(prepared, fitted, around)
    return validation, drug_response.publish(prepared, fitted, validation, around)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    config = write_screen(folder)
    return folder, config, *_run(config, _around(folder))


def test_naive_means_stand_beside_every_model_in_every_split(done):
    _, _, validation, _ = done
    for split in ("new cell", "new drug", "new cell and drug", "random"):
        group = f"split={split}"
        names = {each.candidate for each in validation.measures if each.group == group}
        assert names >= {"pipeline", "drug mean", "cell mean", "drug and cell mean", "two-step kernel"}
        for name in names:
            assert validation.find("per_drug_pearson", candidate=name, group=group) is not None
            assert validation.find("global_pearson", candidate=name, group=group).note
    new_cell = validation.find("per_drug_pearson", group="split=new cell")
    assert new_cell.low > 0.3
    assert validation.find("per_drug_pearson", candidate="ridge per drug", group="split=new drug") is None


def test_the_report_can_be_read_out(done):
    *_, publication = done
    table = WordingTable.load((files("sartor.studies.drug_response") / "wording" / "en.toml").read_text("utf-8"))
    blocks = [block for section in publication.document.sections for block in section.blocks]
    words = [table.say(each) for each in publication.document.verdict]
    words += [table.say(section.heading) for section in publication.document.sections]
    words += [table.say(each) for block in blocks if isinstance(block, Paragraph) for each in block.said]
    assert any("cannot speak of a new drug" in sentence for sentence in words)
    assert any("which know nothing of biology" in sentence for sentence in words)
    assert all(figure.alt for figure in blocks if isinstance(figure, Figure))
    assert all(len(row) == len(t.headings) for t in blocks if isinstance(t, TableBlock) for row in t.rows)


def test_tables(done):
    *_, publication = done
    lengths = {len(column) for column in publication.predictions.values()}
    assert len(lengths) == 1
    found = publication.tables["biomarkers"]
    stable = [f"{drug} {feature}" for drug, feature, held in
              zip(found["drug"], found["feature"], found["stable"], strict=True) if held]  # fmt: skip
    assert {"D00 G0", "D01 G1", "D02 G2"} <= set(stable)
    assert set(publication.tables["per_drug"]["candidate"]) >= {"pipeline", "drug mean"}


def test_the_same_seed_gives_the_same_bytes(done):
    folder, config, validation, _ = done
    assert _run(config, _around(folder))[0].model_dump_json() == validation.model_dump_json()


@pytest.mark.parametrize(("change", "message"), [
    ({"data": None}, "`data` is missing"),
    ({"response": "nothing"}, "no column 'nothing'"),
    ({"response": "drug"}, "is text"),
    ({"colour": 1}, "unknown keys: colour"),
    ({"folds": 1}, "`folds` is 1"),
    ({"splits": ["easy"]}, "`splits` is"),
    ({"candidates": ["magic"]}, "`candidates` is"),
    ({"cells": "genes.csv"}, "`cells` is"),
    ({"cells": [{"id": "cell"}]}, "needs `data`"),
    ({"cells": [{"data": "mechanisms.csv", "id": "drug"}]}, "no identifier of the features"),
])  # fmt: skip
def test_what_cannot_be_followed_is_refused(tmp_path, change, message):
    config = {k: v for k, v in {**write_screen(tmp_path), **change}.items() if v is not None}
    with pytest.raises(ConfigInvalid, match=message):
        drug_response.prepare(config, _around(tmp_path))


def test_a_cell_in_two_rows_of_its_features_is_refused(tmp_path):
    config = write_screen(tmp_path)
    path = tmp_path / "genes.csv"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + whole.splitlines()[1] + "\n", encoding="utf-8")
    with pytest.raises(LeakFound, match="more than one row"):
        drug_response.prepare(config, _around(tmp_path))


def test_repeats_are_averaged_and_patients_keep_their_cells_together(tmp_path):
    config = {**write_screen(tmp_path), "group": "patient"}
    path = tmp_path / "responses.csv"
    first = path.read_text(encoding="utf-8").splitlines()[1]
    cell, drug, patient, value = first.split(",")
    path.write_text(path.read_text(encoding="utf-8") + f"{cell},{drug},{patient},{float(value) + 2}\n{cell},,P0,1\n")
    prepared = drug_response.prepare(config, _around(tmp_path))
    responses = prepared.responses
    place = responses.cells.index(cell), responses.drugs.index(drug)
    assert responses.values[place] == pytest.approx(float(value) + 1, abs=1e-4)
    assert len(set(responses.groups)) == 30
    counts = {check.name: check.values["count"] for check in prepared.checks}
    assert (counts["repeated_pairs"], counts["rows_without_response"]) == (1, 1)


def test_without_features_only_means_are_left(tmp_path):
    config = {**write_screen(tmp_path), "cells": [], "drugs": [], "splits": ["random"]}
    validation, publication = _run(config, _around(tmp_path))
    assert {each.candidate for each in validation.measures} == {
        "pipeline",
        "drug mean",
        "cell mean",
        "drug and cell mean",
    }
    assert "biomarkers" not in publication.tables


def test_too_few_cells(tmp_path):
    config = write_screen(tmp_path)
    path = tmp_path / "responses.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:40]) + "\n", encoding="utf-8")
    with pytest.raises(TooFewData):
        drug_response.prepare(config, _around(tmp_path))


def test_a_time_budget_ends_the_comparison_and_the_report_says_so(done):
    folder, config, *_ = done
    now = iter(range(0, 100_000, 10))
    around = Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=lambda: float(next(now)), now="2026-01-01T00:00:00+00:00", progress=lambda _: None,
    )  # fmt: skip
    small = {**config, "candidates": ["ridge per drug"], "splits": ["new cell", "random"], "folds": 3, "halves": 10}
    validation, publication = _run({**small, "time_budget_s": 40}, around)
    budget = next(check for check in validation.checks if check.name == "time_budget")
    assert not budget.passed
    assert budget.values["made"] == 2
    assert {each.group for each in validation.measures} == {"split=new cell"}
    said = [each for section in publication.document.sections for block in section.blocks
            if isinstance(block, Paragraph) for each in block.said]  # fmt: skip
    assert any(each.key.endswith("how.budget") for each in said)


@pytest.mark.parametrize("wrong", [{"time_budget_s": "long"}, {"time_budget_s": 0}, {"response": 3}])
def test_settings_of_the_wrong_kind_are_named(wrong, done):
    folder, config, *_ = done
    with pytest.raises(ConfigInvalid, match=next(iter(wrong))):
        drug_response.prepare({**config, **wrong}, _around(folder))
