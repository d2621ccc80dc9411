"""What differs from one publisher of guidelines to another, and the guideline's own words beside ours."""

from importlib.resources import files

from sartor.capabilities.pharmacogenomics.assess import assess
from sartor.capabilities.pharmacogenomics.explain import explain
from sartor.domain.evidence import Evidence
from sartor.domain.finding import ActionKind, Finding, SourceStrength, Status
from sartor.domain.source import Knowledge, Pack, Source
from sartor.explaining.wording import WordingTable

from .people import call, evidence
from .test_explain import knowledge

WORDS = WordingTable.load(
    (files("sartor.capabilities.pharmacogenomics") / "wording/en.toml").read_text(encoding="utf-8")
)
SOURCE = Source(id="cpic", title="CPIC texts", version="1", licence="CC0-1.0")


def dpwg(facts: Evidence, name: str) -> Finding | None:
    return next((each for each in assess(facts, knowledge()) if each.id == f"pharmacogenomics/drug/{name}"), None)


def test_without_the_pack_there_is_no_dpwg() -> None:
    facts = evidence(call("CYP2C19", "*2/*2"))
    assert all(each.details.get("guideline") != "DPWG" for each in assess(facts, Knowledge()))


def test_dpwg_names_a_rapid_metabolizer_normal() -> None:
    found = dpwg(evidence(call("CYP2C19", "*1/*17")), "clopidogrel/dpwg")
    assert found is not None
    assert found.details["lookup"] == {"CYP2C19": "Normal Metabolizer"}


def test_dpwg_states_no_strength() -> None:
    found = dpwg(evidence(call("CYP2C19", "*2/*2")), "clopidogrel/dpwg")
    assert found is not None
    assert found.action.kind is ActionKind.AVOID
    assert found.certainty.source_strength is SourceStrength.UNSTATED


def test_dpwg_prefers_the_pair_of_alleles_to_the_phenotype() -> None:
    found = dpwg(evidence(call("CYP2C9", "*1/*3")), "siponimod/dpwg")
    assert found is not None
    assert found.details["lookup"] == {"CYP2C9": "*1/*3"}


def test_dpwg_tells_one_affected_dpyd_allele_from_two() -> None:
    one = dpwg(evidence(call("DPYD", "Reference/c.1905+1G>A (*2A)")), "capecitabine/dpwg")
    two = dpwg(evidence(call("DPYD", "c.2846A>T/c.2846A>T")), "capecitabine/dpwg")
    assert one is not None
    assert two is not None
    assert (one.action.kind, two.action.kind) == (ActionKind.LOWER_DOSE, ActionKind.TEST_FIRST)


def test_a_genotype_that_dpwg_does_not_list_is_said_to_be_borrowed() -> None:
    found = dpwg(evidence(call("CYP2C19", "*1/*35")), "clopidogrel/dpwg")
    assert found is not None
    assert "pharmacogenomics.certainty.phenotype-borrowed" in found.certainty.reasons


def test_undocumented_variation_silences_dpwg_but_not_cpic() -> None:
    facts = evidence(call("DPYD", "Reference/Reference", unknown_variants=("rs1:G",)), medicines=("capecitabine",))
    silent = dpwg(facts, "capecitabine/dpwg")
    assert silent is not None
    assert silent.status is Status.NOT_ASSESSABLE
    assert silent.details["reason"] == "guideline-silent"
    spoken = dpwg(facts, "capecitabine/cpic")
    assert spoken is not None
    assert spoken.action.kind is ActionKind.STANDARD


def test_two_dpwg_guidelines_on_one_medicine_are_two_findings() -> None:
    facts = evidence(call("TPMT", "*1/*1"), call("NUDT15", "*3/*3"))
    kinds = {name: dpwg(facts, f"azathioprine/dpwg/{name}") for name in ("tpmt", "nudt15")}
    assert kinds["nudt15"] is not None
    assert kinds["nudt15"].action.kind is ActionKind.AVOID
    assert kinds["tpmt"] is not None
    assert kinds["tpmt"].action.kind is ActionKind.NONE


def test_the_official_text_stands_beside_ours_when_installed() -> None:
    row = {
        "id": "1", "drug": "clopidogrel", "lookup": {"CYP2C19": "Poor Metabolizer"}, "population": "CVI ACS PCI",
        "text": "Words of the guideline.", "comments": "", "url": "https://example.org",
    }  # fmt: skip
    installed = Knowledge(packs={"cpic": Pack("cpic", SOURCE, {"texts": [row]})})
    found = {each.id: each for each in assess(evidence(call("CYP2C19", "*2/*2")), installed)}
    acs = found["pharmacogenomics/drug/clopidogrel/cpic/acs-pci"].details["official_text"]
    assert isinstance(acs, dict)
    assert acs["text"] == "Words of the guideline."
    assert "official_text" not in found["pharmacogenomics/drug/clopidogrel/cpic/neurovascular"].details


def test_a_later_guideline_points_to_its_source() -> None:
    facts = evidence(call("CYP2D6", "*4/*4"), medicines=("metoprolol",))
    found = dpwg(facts, "metoprolol/cpic")
    assert found is not None
    assert found.citations[0].pmid == "38951961"
    said = [WORDS.say(each) for each in explain(facts, found).clinician]
    assert any("not in these tables" in each for each in said)
    assert "CYP2D6: a slow heart rate under metoprolol is more likely." in said
