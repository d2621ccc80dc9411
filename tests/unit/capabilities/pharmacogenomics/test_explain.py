import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from sartor.capabilities.pharmacogenomics.assess import assess
from sartor.capabilities.pharmacogenomics.explain import explain
from sartor.capabilities.pharmacogenomics.explain.genes import phenotype_group
from sartor.capabilities.pharmacogenomics.explain.sentences import factor_wording, key_wordings
from sartor.capabilities.pharmacogenomics.tables.phenotypes import phenotype_tables
from sartor.domain.evidence import Evidence
from sartor.domain.explanation import Wording
from sartor.domain.finding import Finding
from sartor.domain.source import Knowledge, Pack, Source
from sartor.explaining.wording import WordingTable

from .people import call, evidence
from .test_guideline_tables import DPWG

PACKAGE = files("sartor.capabilities.pharmacogenomics")
WORDS = WordingTable.load(PACKAGE.joinpath("wording/en.toml").read_text(encoding="utf-8"))


def knowledge() -> Knowledge:
    source = Source(id="dpwg", title="DPWG", version="1", licence="CC-BY-SA-4.0")
    return Knowledge(
        packs={"dpwg": Pack("dpwg", source, {name: rows for name, rows in DPWG.items() if isinstance(rows, list)})}
    )


def said(facts: Evidence, finding: Finding) -> dict[str, list[str]]:
    explanation = explain(facts, finding)
    parts = {"headline": (explanation.headline,), "clinician": explanation.clinician, "patient": explanation.patient}
    parts |= {"would_change": explanation.would_change, "limits": explanation.limits}
    return {name: [WORDS.say(each) for each in wordings] for name, wordings in parts.items()}


def about(facts: Evidence, name: str) -> dict[str, list[str]]:
    found = assess(facts, knowledge())
    return said(facts, next(each for each in found if each.id == f"pharmacogenomics/{name}"))


def everyone() -> Iterator[Evidence]:
    """People who between them have every phenotype that the tables know, certain or not, with medicines or without."""
    tables = {gene: table for gene, table in phenotype_tables().items() if table.functions or table.presence}
    for place in range(5):
        calls = []
        for gene, table in tables.items():
            names = list(table.functions) or list(table.presence)
            first, second = names[(place * 7) % len(names)], names[(place * 3) % len(names)]
            others = (f"{names[0]}/{names[-1]}",) if place % 3 == 0 else ()
            calls.append(
                call(gene, f"{first}/{second}", *others, missing=("chr1:1 (rs1)",) * (place % 2), n_missing=place % 2)
            )
        medicines = ("clopidogrel", "codeine", "paroxetine", "warfarin", "metoprolol") if place % 2 else ()
        yield evidence(*calls, medicines=medicines)
    yield evidence(medicines=("clopidogrel", "simvastatin", "fluorouracil", "ribavirin"))


def test_every_finding_of_everyone_can_be_said() -> None:
    packs = knowledge()
    for facts in everyone():
        for finding in assess(facts, packs):
            sentences = said(facts, finding)
            assert sentences["clinician"], finding.id
            assert sentences["patient"], finding.id
            assert all("{" not in each for part in sentences.values() for each in part), finding.id


def test_clopidogrel_for_a_poor_metabolizer() -> None:
    facts = evidence(call("CYP2C19", "*2/*2"), medicines=("clopidogrel",))
    found = about(facts, "drug/clopidogrel/cpic/acs-pci")
    assert found == {
        "headline": [
            "Clopidogrel (acute coronary syndrome or coronary stent): avoid; choose prasugrel or ticagrelor instead"
        ],
        "clinician": [
            "CYP2C19 *2/*2: Poor Metabolizer.",
            "CYP2C19: less of clopidogrel is turned into its active form.",
            "CYP2C19: clotting events under clopidogrel are more likely.",
            "CPIC on clopidogrel: avoid; choose prasugrel or ticagrelor instead.",
            "CPIC gives this as a strong recommendation.",
        ],
        "patient": [
            "Your genes suggest that clopidogrel may not be right for you. "
            "Talk to your doctor soon about another medicine.",
            "Do not stop or change clopidogrel on your own.",
        ],
        "would_change": [
            "Were CYP2C19 Normal Metabolizer, Rapid Metabolizer or Ultrarapid Metabolizer, CPIC would say: usual dose."
        ],
        "limits": [
            "This rests on CYP2C19 alone; age, organ function, other medicines and the indication of clopidogrel count "
            "as well.",
            "This applies to: acute coronary syndrome or coronary stent.",
        ],
    }


def test_codeine_under_paroxetine_names_the_medicine() -> None:
    found = about(evidence(call("CYP2D6", "*1/*1"), medicines=("codeine", "paroxetine")), "drug/codeine/cpic")
    assert found["headline"] == ["Codeine: avoid; choose an opioid that does not depend on CYP2D6 instead"]
    assert found["clinician"][0] == (
        "CYP2D6: Normal Metabolizer by the genes, Poor Metabolizer today because of paroxetine."
    )
    assert "Without paroxetine, CYP2D6 would act as the genes say: Normal Metabolizer." in found["would_change"]
    assert "Without paroxetine, CPIC would say: usual dose." in found["would_change"]
    assert "Not a suitable substitute: tramadol." in found["clinician"]


def test_a_medicine_is_not_blamed_for_its_own_metabolism() -> None:
    found = about(evidence(call("CYP2D6", "*1/*1"), medicines=("codeine", "paroxetine")), "drug/paroxetine/cpic")
    assert not any("paroxetine changes" in each or "because of" in each for part in found.values() for each in part)
    assert not any(each.startswith("Without") for each in found["would_change"])


def test_simvastatin_states_the_limit() -> None:
    found = about(evidence(call("SLCO1B1", "*1/*5")), "drug/simvastatin/cpic")
    assert found["headline"] == ["Simvastatin: choose another statin instead"]
    assert "Upper limit for simvastatin: < 20 mg/day." in found["clinician"]


def test_fluorouracil_states_the_factor() -> None:
    found = about(evidence(call("DPYD", "Reference/c.1905+1G>A (*2A)")), "drug/fluorouracil/cpic")
    assert found["headline"] == ["Fluorouracil: use 50 % of the usual starting dose"]


def test_different_candidates_are_listed_with_their_probability() -> None:
    facts = evidence(call("CYP2C19", "*1/*1", "*2/*2", probabilities=(0.93, 0.07)))
    found = about(facts, "drug/clopidogrel/cpic/acs-pci")
    assert "If CYP2C19 Normal Metabolizer (probability 93 %): usual dose." in found["clinician"]
    assert "If CYP2C19 Poor Metabolizer (probability 7 %): avoid." in found["clinician"]


def test_an_uncertain_gene_says_what_is_missing() -> None:
    unclear = call("CYP2C19", "*1/*1", "*1/*2", missing=("chr10:94781859 (rs4244285)",), n_missing=1)
    found = about(evidence(unclear), "gene/CYP2C19")
    assert any("rs4244285" in each for each in found["would_change"])


@pytest.mark.parametrize(
    ("factor", "text"),
    [((0.5, 0.5), "50 % of"), ((0.3, 0.8), "30 % to 80 % of"), ((1.5, 2.0), "1.5 to 2 times"), ((4, 4), "4 times")],
)
def test_dose_factors_in_words(factor: tuple[float, float], text: str) -> None:
    assert WORDS.say(factor_wording(factor)) == text


def test_scores_become_one_range() -> None:
    said_keys = [each if isinstance(each, str) else WORDS.say(each) for each in key_wordings(["0.5", "0.0", "1.0"])]
    assert said_keys == ["an activity score from 0.0 to 1.0"]


def test_phenotypes_have_a_plain_group() -> None:
    assert phenotype_group("Poor Metabolizer") == "poor"
    assert phenotype_group("Likely Intermediate Metabolizer") == "intermediate"
    assert phenotype_group("Ultrarapid Metabolizer") == "fast"
    assert phenotype_group("something new") == "other"


def grade(sentence: str) -> float:
    """Flesch-Kincaid grade with syllables counted as groups of vowels."""
    words = re.findall(r"[A-Za-z']+", sentence)
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word.lower())))) for word in words)
    sentences = max(1, len(re.findall(r"[.!?]", sentence)))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def test_patients_read_plain_sentences() -> None:
    sections = ("patient.", "patient_gene.")
    texts = [
        text.format(drug="it", gene="X", cause="it", genes="X", known="X")
        for key, text in WORDS.sentences.items()
        if key.startswith(sections)
    ]
    grades = [grade(text) for text in texts]
    assert sum(grades) / len(grades) < 7
    assert max(grades) < 10


def test_a_key_of_another_capability_is_not_said() -> None:
    with pytest.raises(LookupError):
        WORDS.say(Wording(key="other.none"))
