"""Medicines are matched by code and by whole words, and never by part of a word."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from sartor.domain.code import ATC, RXNORM, SARTOR, Coded
from sartor.knowledge import medicines
from sartor.knowledge.medicines import drug, known, match

CPIC_AND_DPWG = """
abacavir | acenocoumarol | allopurinol | amikacin | amitriptyline | aripiprazole | atazanavir | atomoxetine |
atorvastatin | azathioprine | brexpiprazole | capecitabine | carbamazepine | celecoxib | citalopram |
clomipramine | clopidogrel | codeine | dapsone | desflurane | desipramine | dexlansoprazole | doxepin |
efavirenz | eliglustat | enflurane | escitalopram | flecainide | flucloxacillin | flucytosine | fluorouracil |
flurbiprofen | fluvastatin | fluvoxamine | fosphenytoin | gentamicin | haloperidol | halothane | hydrocodone |
ibuprofen | imipramine | irinotecan | isoflurane | ivacaftor | kanamycin | lamotrigine | lansoprazole |
lornoxicam | lovastatin | meloxicam | mercaptopurine | methoxyflurane | methylene blue | metoprolol |
nitrofurantoin | nortriptyline | omeprazole | ondansetron | oxcarbazepine | pantoprazole | paromomycin |
paroxetine | peginterferon alfa-2a | peginterferon alfa-2b | pegloticase | phenprocoumon | phenytoin | pimozide
| piroxicam | pitavastatin | plazomicin | pravastatin | primaquine | propafenone | quetiapine | rasburicase |
ribavirin | risperidone | rosuvastatin | sertraline | sevoflurane | simvastatin | siponimod | streptomycin |
succinylcholine | tacrolimus | tafenoquine | tamoxifen | tegafur | tenoxicam | thioguanine | tobramycin |
toluidine blue | tramadol | trimipramine | tropisetron | venlafaxine | voriconazole | vortioxetine | warfarin |
zuclopenthixol
"""


def names(text: str) -> list[str]:
    return [each.drug.label for each in match((), text)]


def shown(text: str) -> list[tuple[str, str, str]]:
    return [(each.drug.label, each.by, each.matched) for each in match((), text)]


@pytest.mark.parametrize("name", [" ".join(name.split()) for name in CPIC_AND_DPWG.split("|")])
def test_every_drug_with_guidance_is_known_by_its_own_name(name: str) -> None:
    found = known(name)
    assert found is not None
    assert found.name == name
    assert names(name.upper() + " 10 MG Oral Tablet") == [name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plavix", [("clopidogrel", "brand", "Plavix")]),
        ("Toprol-XL 50 mg", [("metoprolol", "brand", "Toprol-XL")]),
        ("24 HR metoprolol succinate 100 MG [Toprol]", [("metoprolol", "salt", "metoprolol succinate")]),
        ("Clopidogrel hydrogensulfate 75 mg", [("clopidogrel", "salt", "Clopidogrel hydrogensulfate")]),
        ("paracetamol", [("acetaminophen", "name", "paracetamol")]),
        ("Rifampicine 300", [("rifampin", "name", "Rifampicine")]),
        ("Suxamethonium chloride 50 mg/ml", [("succinylcholine", "name", "Suxamethonium chloride")]),
        ("Tioguanine 40 mg", [("thioguanine", "name", "Tioguanine")]),
        ("5-FU infusion", [("fluorouracil", "name", "5-FU")]),
        ("St. John's Wort 300 mg", [("st. john's wort", "name", "St. John's Wort")]),
        ("Carbamazepine[Tegretol]", [("carbamazepine", "name", "Carbamazepine")]),
        ("Timolol 0.5 % Ophthalmic Solution", [("timolol", "name", "Timolol (eye)")]),
        ("tacrolimus 0.1% topical ointment", [("tacrolimus", "name", "tacrolimus (skin)")]),
        ("Protopic 0.1 %", [("tacrolimus", "brand", "Protopic (skin)")]),
        ("Elidel", [("pimecrolimus", "brand", "Elidel (skin)")]),
        ("Prograf 1 mg", [("tacrolimus", "brand", "Prograf")]),
        ("Azathioprin 50 mg", [("azathioprine", "name", "Azathioprin")]),
        ("Codein", [("codeine", "name", "Codein")]),
        ("codéine", [("codeine", "name", "codéine")]),
        ("simvastatine 40", [("simvastatin", "name", "simvastatine")]),
        ("Omeprazol HEXAL", [("omeprazole", "name", "Omeprazol")]),
        ("Zoë's Amitriptylin-CT", [("amitriptyline", "name", "Amitriptylin")]),
    ],
)
def test_the_words_that_matched_are_shown(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Acetaminophen 300 MG / Codeine Phosphate 15 MG Oral Tablet", ["acetaminophen", "codeine"]),
        ("amitriptyline + chlordiazepoxide", ["amitriptyline", "chlordiazepoxide"]),
        ("Limbitrol", ["amitriptyline", "chlordiazepoxide"]),
        ("co-codamol 30/500", ["acetaminophen", "codeine"]),
        ("Tramacet 37.5 mg/325 mg", ["acetaminophen", "tramadol"]),
        ("Hycodan syrup", ["hydrocodone", "homatropine"]),
        ("co-fluampicil 250/250", ["flucloxacillin", "ampicillin"]),
        ("Acetaminophen/Hydrocodone", ["acetaminophen", "hydrocodone"]),
        ("Vytorin 10/40", ["simvastatin", "ezetimibe"]),
        ("Bactrim DS", ["sulfamethoxazole", "trimethoprim"]),
        ("Paxlovid", ["nirmatrelvir", "ritonavir"]),
    ],
)
def test_combinations_name_every_ingredient(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "not_in_it"),
    [
        ("esomeprazole 20 mg", "omeprazole"),
        ("Escitalopram 10 mg", "citalopram"),
        ("dexlansoprazole", "lansoprazole"),
        ("dihydrocodeine 30 mg", "codeine"),
        ("levomepromazine", "promazine"),
        ("chlorprothixene 15 mg", "chlorpromazine"),
        ("fosphenytoin 100 mg", "phenytoin"),
        ("oxcarbazepine 300", "carbamazepine"),
        ("eslicarbazepine", "carbamazepine"),
        ("norfluoxetine", "fluoxetine"),
        ("desvenlafaxine 50 mg", "venlafaxine"),
        ("levoketoconazole", "ketoconazole"),
        ("flucloxacillin", "cloxacillin"),
        ("cerivastatin", "rosuvastatin"),
        ("codeine-free cough syrup", "codeine"),
        ("paracetamol without codeine", "codeine"),
        ("do not take codeine", "codeine"),
        ("no longer on codeine", "codeine"),
        ("aspirin allergy", "aspirin"),
    ],
)
def test_part_of_a_word_or_a_denied_drug_is_no_match(text: str, not_in_it: str) -> None:
    assert not_in_it not in names(text)


def test_codes_come_first_and_are_shown() -> None:
    plavix = Coded(system=RXNORM, code="32968")
    assert [(each.drug.label, each.by, each.matched) for each in match((plavix,), "")] == [
        ("clopidogrel", "rxnorm", "32968")
    ]
    both = (Coded(system=ATC, code="b01ac04"), Coded(system=RXNORM, code="32968"))
    assert [(each.by, each.matched) for each in match(both, "Plavix")] == [("rxnorm", "32968")]


def test_atc_is_matched_whole_and_says_where_a_product_goes() -> None:
    assert match((Coded(system=ATC, code="B01AC"),), "") == ()
    assert [each.drug.label for each in match((Coded(system=ATC, code="N02AJ06"),), "")] == ["acetaminophen", "codeine"]
    eye = match((Coded(system=ATC, code="S01ED01"),), "")[0]
    assert (eye.drug.label, eye.local, eye.matched) == ("timolol", "eye", "S01ED01 (eye)")
    assert match((Coded(system=ATC, code="D01BA02"),), "")[0].local == ""


def test_a_product_code_is_known_and_a_strange_system_is_not_asked() -> None:
    assert [each.drug.label for each in match((Coded(system=RXNORM, code="309362"),), "")] == ["clopidogrel"]
    assert match((Coded(system="urn:other", code="32968"),), "") == ()
    labelled = Coded(system="urn:other", code="1", label="Zocor 20 mg")
    assert [each.by for each in match((labelled,), "")] == ["brand"]


def test_code_and_text_that_disagree_are_both_shown() -> None:
    found = match((Coded(system=RXNORM, code="11289"),), "Plavix 75 mg")
    assert [(each.drug.label, each.by) for each in found] == [("warfarin", "rxnorm"), ("clopidogrel", "brand")]


def test_a_drug_is_coded_by_the_best_code_there_is() -> None:
    assert drug("Plavix") == Coded(system=RXNORM, code="32968", label="clopidogrel")
    assert drug("siponimod").system == ATC
    assert drug("toluidine blue") == Coded(system=SARTOR, code="toluidine-blue", label="toluidine blue")
    assert drug("Unobtainium 5") == Coded(system=SARTOR, code="unobtainium-5", label="unobtainium 5")
    assert known("Vytorin") is None


def test_the_table_is_sound() -> None:
    table = medicines.medicines()
    codes = [each.rxnorm for each in table.drugs.values() if each.rxnorm]
    assert len(codes) == len(set(codes)) > 250
    assert all(code.isdigit() for code in codes)
    assert all(len(code) == 7 for each in table.drugs.values() for code in each.atc)
    assert all(source.licence and source.version for source in table.sources)
    assert all(name in table.drugs for entry in table.by_words.values() for name in entry.drugs)
    assert all(name in table.drugs for entry in table.by_rxnorm.values() for name in entry.drugs)


def test_the_table_is_what_its_lists_compile_to() -> None:
    root = Path(__file__).parents[3]
    script = runpy.run_path(str(root / "curation" / "medicines" / "compile.py"))
    kept = root / "src" / "sartor" / "knowledge" / "data" / "medicines.json"
    assert script["compiled"]() == json.loads(kept.read_text(encoding="utf-8"))


def test_every_medicine_of_the_interaction_table_is_known() -> None:
    table = Path("src/sartor/capabilities/pharmacogenomics/data/interactions.json")
    rows = json.loads((Path(__file__).resolve().parents[3] / table).read_text(encoding="utf-8"))["rows"]
    assert [row["drug"] for row in rows if row["drug"] not in names(row["drug"])] == []
