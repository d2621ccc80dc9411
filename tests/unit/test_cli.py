"""The command line as scripts rely on it: files, columns, exit codes, and the last line of an error."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENT = ROOT / "examples" / "patient"
DPWG = f"dpwg={ROOT / 'packs' / 'dpwg'}"
VCF = next(PATIENT.glob("*.vcf.gz"))


def sartor(*arguments):
    command = [sys.executable, "-m", "sartor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    done = sartor("report", PATIENT, "--out", out, "--knowledge", DPWG)
    assert done.returncode == 0, done.stderr
    return out, done


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


class TestReport:
    def test_writes_the_three_forms_and_says_where(self, report):
        out, done = report
        assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "bundle.fhir.json"}
        assert str(out / "report.html") in done.stdout

    def test_every_input_is_accounted_for(self, report):
        made = json.loads((report[0] / "report.json").read_text())
        named = {Path(each["path"]).name for each in made["provenance"]["inputs"]}
        assert {path.name for path in PATIENT.iterdir() if not path.name.endswith(".tbi")} <= named
        assert all(len(each["sha256"]) == 64 for each in made["provenance"]["inputs"])

    def test_since_the_same_inputs_nothing_changed(self, report, tmp_path):
        done = sartor(
            "report", PATIENT, "--out", tmp_path, "--knowledge", DPWG, "--since", report[0] / "report.json"
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def test_without_the_laboratory_the_change_is_listed(self, report, tmp_path):
        inputs = [path for path in PATIENT.iterdir() if path.suffix not in (".tsv", ".tbi")]
        done = sartor("report", *inputs, "--out", tmp_path, "--since", report[0] / "report.json")
        assert done.returncode == 0, done.stderr
        assert "CYP2D6" in (tmp_path / "report.html").read_text()
        assert "hange" in done.stdout


class TestPgx:
    def test_one_row_per_gene_with_the_promised_columns(self, tmp_path):
        out = tmp_path / "calls.tsv"
        done = sartor("pgx", VCF, "--out", out)
        assert done.returncode == 0, done.stderr
        found = rows(out)
        assert list(found[0]) == [
            "sample", "gene", "diplotypes", "phenotypes", "activity_scores", "phased", "n_missing", "missing",
            "unknown_variants", "source", "notes",
        ]  # fmt: skip
        assert len({row["gene"] for row in found}) == len(found) >= 19
        assert {row["source"] for row in found} == {"matched"}
        unread = {row["gene"]: row for row in found if "not-read-from-sequence" in row["notes"]}
        assert set(unread) == {"CYP2D6", "HLA-A", "HLA-B", "MT-RNR1"}
        assert {(row["diplotypes"], row["phased"]) for row in unread.values()} == {("", "no")}
        assert {row["phased"] for row in found} <= {"yes", "no", "effectively"}

    def test_a_laboratorys_calls_are_taken_and_marked(self, tmp_path):
        out, outside = tmp_path / "calls.tsv", tmp_path / "outside.tsv"
        outside.write_text("CYP2D6\t*4/*4\n")
        done = sartor("pgx", VCF, "--out", out, "--outside-calls", outside)
        assert done.returncode == 0, done.stderr
        (row,) = [row for row in rows(out) if row["gene"] == "CYP2D6"]
        assert (row["diplotypes"], row["phenotypes"], row["source"]) == ("*4/*4", "Poor Metabolizer", "outside")

    def test_rules_of_pharmcat_list_no_more_than_ours(self, tmp_path):
        ours, theirs = tmp_path / "ours.tsv", tmp_path / "theirs.tsv"
        assert sartor("pgx", VCF, "--out", ours).returncode == 0
        assert sartor("pgx", VCF, "--out", theirs, "--rules", "pharmcat").returncode == 0
        count = {path: sum(len(row["diplotypes"].split("|")) for row in rows(path)) for path in (ours, theirs)}
        assert count[theirs] <= count[ours]


@pytest.mark.parametrize(
    ("arguments", "code", "slug"),
    [
        (("report", "no-such-folder", "--out", "x"), 2, "wrong-usage"),
        (("report", PATIENT, "--out", "x", "--only", "astrology"), 1, "capability-not-found"),
        (("report", PATIENT, "--out", "x", "--only", ""), 2, "wrong-usage"),
        (("report", PATIENT, "--out", "x", "--knowledge", "dpwg"), 2, "wrong-usage"),
        (("report", PATIENT, "--out", "x", "--sample", "nobody"), 1, "unknown-sample"),
        (("report", ROOT / "LICENSE", "--out", "x", "--since", ROOT / "LICENSE"), 1, "malformed-input"),
    ],
)
def test_an_error_ends_with_its_slug(arguments, code, slug, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = sartor(*arguments)
    assert done.returncode == code
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"error[{slug}]: ")
    assert not (tmp_path / "x").exists()


def test_wrong_options_exit_with_two():
    assert sartor("report").returncode == 2
    assert sartor("pgx", VCF, "--out", "x", "--rules", "none").returncode == 2


def test_the_self_test_holds_here():
    done = sartor("selftest", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) >= 12


def test_a_case_that_differs_is_told():
    from sartor import registry
    from sartor.selftest import cases, run_case

    (capability,) = registry.load(["pharmacogenomics"]).capabilities
    case = {**cases(capability)["codeine-ultrarapid"]}
    case["expect"] = [{**each, "action": "standard", "absent": False} for each in case["expect"]]
    assert any("expected 'standard'" in each for each in run_case(capability, case).differences)
