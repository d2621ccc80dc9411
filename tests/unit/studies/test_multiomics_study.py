"""The study of several views, from files to report: what it refuses, what it says, what it leaves behind."""

import tomllib
from importlib.resources import files

import pytest
from omics_sample import write_study

from sartor.domain.document import Figure, Paragraph, TableBlock
from sartor.domain.source import Knowledge, Pack, Source
from sartor.domain.study import Surroundings
from sartor.errors import ConfigInvalid, LeakFound, TooFewData
from sartor.explaining.wording import WordingTable
from sartor.io.cohort_table import read_cohort
from sartor.studies import multiomics


def _around(folder, knowledge=None):
    return Surroundings(
        read=lambda path, **options: read_cohort(folder / path, **options),
        clock=lambda: 0.0, now="2026-01-01T00:00:00+00:00", progress=lambda _: None,
        knowledge=knowledge or Knowledge(),
    )  # fmt: skip


def _run(config, around):
    prepared = multiomics.prepare(config, around)
    fitted = multiomics.fit(prepared, around)
    validation = multiomics.validate(prepared, fitted, around)
    return prepared, validation, multiomics.publish(prepared, fitted, validation, around)


def _genes():
    sets = [{"id": "S1", "name": "true ones", "genes": "RNA0|RNA1|RNA2|RNA3|RNA9"},
            {"id": "S2", "name": "others", "genes": "|".join(f"RNA{k}" for k in range(10, 15))}]  # fmt: skip
    source = Source(id="gene-sets", title="Made up", version="1", licence="CC0-1.0")
    return Knowledge({"gene-sets": Pack("gene-sets", source, {"sets": sets})})


def _said(document):
    table = WordingTable.load((files("sartor.studies.multiomics") / "wording" / "en.toml").read_text(encoding="utf-8"))
    blocks = [block for section in document.sections for block in section.blocks]
    words = [table.say(each) for each in document.verdict]
    words += [table.say(section.heading) for section in document.sections]
    words += [table.say(each) for block in blocks if isinstance(block, Paragraph) for each in block.said]
    return words, blocks


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("omics")
    config = write_study(folder)
    return folder, config, *_run(config, _around(folder, _genes()))


def test_everything_is_measured_beside_the_best_single_view(done):
    _, _, prepared, validation, _ = done
    names = {each.candidate for each in validation.measures}
    assert names == {"pipeline", "view:rna", "view:protein", "view:methylation", "late mean", "late stack", "early"}
    assert len(prepared.ids) == 120
    for name in names:
        found = validation.find("accuracy", candidate=name)
        assert found.low <= found.value <= found.high
        assert found.n == 120
    gain = validation.find("accuracy_gain")
    assert gain.value > 0
    assert gain.note == f"over {validation.facts['best_single']}"
    assert validation.find("accuracy", group="without=rna").value <= validation.find("accuracy").value + 0.05
    assert validation.find("accuracy", group="views=rna+protein+methylation").n < 120


def test_the_report_can_be_read_out_and_its_figures_say_what_they_show(done):
    *_, publication = done
    words, blocks = _said(publication.document)
    assert any("more than the best single view" in sentence for sentence in words)
    assert any("was taken as classes" in sentence for sentence in words)
    assert all(figure.alt for figure in blocks if isinstance(figure, Figure))
    assert all(len(row) == len(t.headings) for t in blocks if isinstance(t, TableBlock) for row in t.rows)
    assert publication.card is None


def test_tables_and_predictions(done):
    *_, publication = done
    predictions = publication.predictions
    assert len(predictions["id"]) == 120 * 7
    assert {predictions["predicted"][k] for k in range(120)} <= {"A", "B", "C"}
    found = publication.tables["biomarkers"]
    stable = {c for c, view, s in zip(found["column"], found["view"], found["stable"], strict=True)
              if s and view == "rna"}  # fmt: skip
    assert stable >= {"RNA0_0", "RNA1_1", "RNA2_2", "RNA3_3"}
    sets = publication.tables["gene_sets"]
    assert sets["set"][0] == "S1"
    assert sets["hits"][0] >= 4
    assert sets["q_value"][0] < 0.05 < sets["q_value"][1]


def test_the_same_seed_gives_the_same_bytes(done):
    folder, config, _, validation, _ = done
    assert _run(config, _around(folder, _genes()))[1].model_dump_json() == validation.model_dump_json()


def test_every_sentence_is_used_or_due(done):
    """No sentence in the table that nothing says: each key stands in the study's code."""
    code = "".join(
        (files("sartor.studies.multiomics") / name).read_text(encoding="utf-8")
        for name in ("publish/report.py", "prepare.py")
    )
    table = tomllib.loads((files("sartor.studies.multiomics") / "wording" / "en.toml").read_text(encoding="utf-8"))
    for section, sentences in table.items():
        if section not in ("list", "measure", "guess", "patients"):
            for key in sentences:
                assert f'"{section}.{key}"' in code, f"{section}.{key}"


@pytest.mark.parametrize(("change", "message"), [
    ({"data": None}, "`data` is missing"),
    ({"target": None}, "`target` is missing"),
    ({"target": "nothing"}, "no column 'nothing'"),
    ({"views": []}, "no views"),
    ({"views": [{"name": "rna"}]}, "needs `name` and `data`"),
    ({"views": [{"name": "a", "data": "rna.csv"}, {"name": "a", "data": "protein.csv"}]}, "share a name"),
    ({"views": [{"name": "a", "data": "rna.csv", "colour": 1}]}, "unknown keys: colour"),
    ({"colour": 1}, "unknown keys: colour"),
    ({"folds": 1}, "`folds` is 1"),
    ({"repeats": True}, "`repeats` is True"),
    ({"time_budget_s": "long"}, "`time_budget_s` is 'long'"),
    ({"threshold": 0.4}, "`threshold` is 0.4"),
    ({"task": "guesswork"}, "task 'guesswork' is unknown"),
    ({"task": "regression"}, "is text"),
    ({"task": "survival"}, "survival needs"),
    ({"time": "days", "event": "subtype"}, "has a, b, c"),
    ({"candidates": ["magic"]}, "unknown candidates: magic"),
    ({"target": "patient"}, "120 classes"),
])  # fmt: skip
def test_what_cannot_be_followed_is_refused(tmp_path, change, message):
    config = {k: v for k, v in {**write_study(tmp_path), **change}.items() if v is not None}
    with pytest.raises(ConfigInvalid, match=message):
        multiomics.prepare(config, _around(tmp_path))


def test_a_patient_in_two_rows_is_a_leak(tmp_path):
    config = write_study(tmp_path)
    for name in ("patients.csv", "protein.csv"):
        path = tmp_path / name
        whole = path.read_text(encoding="utf-8")
        path.write_text(whole + whole.splitlines()[1] + "\n", encoding="utf-8")
        with pytest.raises(LeakFound, match="1 patients stand in more than one row"):
            multiomics.prepare(config, _around(tmp_path))
        path.write_text(whole, encoding="utf-8")


def test_other_identifiers_in_a_view_are_noticed(tmp_path):
    config = write_study(tmp_path)
    path = tmp_path / "rna.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("\nP", "\nX"), encoding="utf-8")
    with pytest.raises(ConfigInvalid, match="no patient of the view"):
        multiomics.prepare(config, _around(tmp_path))


def test_the_outcome_inside_a_view_is_refused(tmp_path):
    config = write_study(tmp_path)
    path = tmp_path / "protein.csv"
    outcome = {row.split(",")[0]: row.split(",")[1] for row in (tmp_path / "patients.csv").read_text().splitlines()}
    rows = [f"{line},{'ABC'.find(outcome[line.split(',')[0]])}" for line in path.read_text().splitlines()]
    rows[0] = rows[0].rpartition(",")[0] + ",copy"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(LeakFound, match="copy"):
        multiomics.prepare(config, _around(tmp_path))


def test_rows_without_outcome_and_patients_without_views_are_counted_out(tmp_path):
    config = write_study(tmp_path, missing=False)
    text = (tmp_path / "patients.csv").read_text(encoding="utf-8")
    text = text.replace("P000,A,", "P000,,") + "Z1,A,10,1,F\nZ2,B,10,0,F\n"
    (tmp_path / "patients.csv").write_text(text, encoding="utf-8")
    prepared = multiomics.prepare(config, _around(tmp_path))
    assert len(prepared.ids) == 119
    counts = {check.name: check.values.get("count") for check in prepared.checks}
    assert (counts["patients_without_outcome"], counts["patients_without_view"]) == (1, 2)


def test_too_few_patients_or_classes(tmp_path):
    config = write_study(tmp_path, n=12)
    with pytest.raises(TooFewData, match="12 patients"):
        multiomics.prepare(config, _around(tmp_path))
    config = write_study(tmp_path, n=60)
    text = (tmp_path / "patients.csv").read_text(encoding="utf-8").replace(",C,", ",A,").replace("P000,A", "P000,C")
    (tmp_path / "patients.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TooFewData, match="patients of C"):
        multiomics.prepare(config, _around(tmp_path))


def test_survival_with_groups(tmp_path):
    config = write_study(tmp_path, n=60, widths=(10, 8, 8))
    config = {**config, "time": "days", "event": "died", "group": "family", "folds": 3, "candidates": ["late mean"]}
    del config["target"]
    prepared, validation, publication = _run(config, _around(tmp_path))
    assert prepared.groups is not None
    assert validation.find("harrell_c").n_events == 30
    assert "time" in publication.predictions
    words, _ = _said(publication.document)
    assert any("Rows of one group" in sentence for sentence in words)
